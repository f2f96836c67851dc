//! The requirement of every account of a book.

use instruments::{Amount, Quantity, SCALE, Underlying};
use numerics::fused::{TailFigures, Tails};

use super::pass::{Gathered, Room};
use super::plan::{Column, Plan};
use super::threads::{Chunk, Places, in_chunks};
use super::{Book, RunSettings, Tally, WholeBookError};
use crate::epoch::Epoch;
use crate::market::Market;
use crate::methodology::Aggregator;
use crate::portfolio::PortfolioVector;
use crate::requirement::{Fraction, Requirement, ceil_root_of_squares};

/// Figures of one account, in ticks; losses are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookLine {
    /// The loss in the worst scenario of [`BookMargin::worst_block`], and the worst losses of
    /// underlyings that stand alone.
    pub worst_loss: i128,
    /// The loss at the quantile of [`BookMargin::tail_block`]; negative if it is a gain.
    pub value_at_risk: i128,
    /// The mean of that block's tail, rounded up.
    pub expected_shortfall: i128,
    /// The requirement R.
    pub requirement: i128,
}

/// Figures of every account of a book.
#[derive(Clone, Debug, PartialEq)]
pub struct BookMargin {
    /// A line for each account.
    pub lines: Vec<BookLine>,
    /// The block that worst losses are of: the methodology's first of a worst loss. Without one only
    /// what stands alone is counted.
    pub worst_block: Option<String>,
    /// The block that values at risk and shortfalls are of: the first of an expected shortfall.
    /// Without one they are zero.
    pub tail_block: Option<String>,
    /// What the run did.
    pub tally: Tally,
    /// Ticks per US dollar.
    pub ticks_per_unit: i64,
}

impl BookMargin {
    /// Ticks in US dollars, exactly.
    #[must_use]
    pub fn usd(&self, ticks: i128) -> Amount {
        Amount::from_units(ticks * i128::from(SCALE / self.ticks_per_unit))
    }
}

/// How many thresholds each account of a book has in an epoch: one for each block of an expected
/// shortfall.
#[must_use]
pub fn thresholds_per_account(epoch: &Epoch) -> usize {
    let is_tail = |aggregator| matches!(aggregator, Aggregator::ExpectedShortfall { .. });
    epoch.scenarios().blocks.iter().filter(|block| is_tail(block.aggregator)).count()
}

/// The requirement of every account of a book, with its worst loss, value at risk and expected
/// shortfall.
///
/// `market` is what coins are counted at, as in [`margin`](crate::margin()). `thresholds` has
/// [`thresholds_per_account`] numbers for each account, account after account: ∞ where nothing is
/// known, or what an earlier run left there. They decide how long it takes and nothing else.
///
/// Most accounts are carried by one pass per block of scenarios. One by one go those whose sums pass
/// 2^52 ticks (2^51 with coins), and all of them where a block caps the offset of gains between
/// underlyings.
///
/// # Errors
/// [`WholeBookError`]: whatever the epoch lacks for the book, or thresholds of another length.
pub fn book_margin(
    epoch: &Epoch,
    market: &Market,
    book: &Book,
    settings: &RunSettings<'_>,
    thresholds: &mut [f64],
) -> Result<BookMargin, WholeBookError> {
    let wanted = book.accounts() * thresholds_per_account(epoch);
    if thresholds.len() != wanted {
        return Err(WholeBookError::Thresholds { found: thresholds.len(), wanted });
    }
    let plan = Plan::of(epoch, market, book)?;
    let mut lines = vec![BookLine::default(); book.accounts()];
    let tally = in_chunks(
        book.positions(),
        Places { results: &mut lines, thresholds },
        settings,
        || Scratch::of(&plan),
        |scratch, chunk| scratch.margin(&plan, book, settings, chunk),
    )?;
    let first = |is_wanted: fn(Aggregator) -> bool| {
        let block = epoch.scenarios().blocks.iter().find(|block| is_wanted(block.aggregator));
        block.map(|block| block.name.clone())
    };
    Ok(BookMargin {
        lines,
        worst_block: first(|aggregator| matches!(aggregator, Aggregator::Worst)),
        tail_block: first(|aggregator| matches!(aggregator, Aggregator::ExpectedShortfall { .. })),
        tally,
        ticks_per_unit: epoch.rules().ticks_per_unit,
    })
}

/// One thread's buffers.
struct Scratch {
    /// A portfolio for each account, over the whole universe.
    joint: Gathered,
    /// A portfolio for each underlying of the universe that an account has something in.
    own: Parts,
    /// The same of underlyings that stand alone.
    alone: Parts,
    tails: Vec<Tails>,
    thresholds: Vec<f64>,
}

/// Portfolios of underlyings, account after account.
#[derive(Default)]
struct Parts {
    gathered: Gathered,
    /// Where each account's begin, and where the last one's end.
    offsets: Vec<usize>,
}

/// What the pass found for the accounts of a chunk.
struct Found {
    worst: Vec<Vec<f64>>,
    tails: Vec<Vec<TailFigures>>,
    roots: Vec<Vec<f64>>,
    alone: Vec<f64>,
}

impl Parts {
    fn clear(&mut self) {
        self.gathered.clear();
        self.offsets.clear();
        self.offsets.push(0);
    }

    fn end_account(&mut self) {
        self.offsets.push(self.gathered.len());
    }

    /// Worst losses of one account's underlyings.
    fn losses<'l>(
        &self,
        account: usize,
        least: &'l [f64],
    ) -> impl Iterator<Item = i128> + Clone + use<'l> {
        least[self.offsets[account]..self.offsets[account + 1]].iter().map(|least| loss(*least))
    }
}

impl Scratch {
    fn of(plan: &Plan<'_>) -> Self {
        Self {
            joint: Gathered::default(),
            own: Parts::default(),
            alone: Parts::default(),
            tails: plan.tails.iter().map(|section| Tails::new(section.ranks)).collect(),
            thresholds: vec![],
        }
    }

    fn margin(
        &mut self,
        plan: &Plan<'_>,
        book: &Book,
        settings: &RunSettings<'_>,
        chunk: Chunk<'_, BookLine>,
    ) -> Result<Tally, WholeBookError> {
        let mut tally = Tally::of(&chunk.accounts, book.positions());
        let one_by_one = self.gather(plan, book, &chunk);
        let found = self.pass(plan, settings, chunk.thresholds, &mut tally)?;
        for (place, line) in chunk.results.iter_mut().enumerate() {
            *line = self.line(plan, &found, place);
        }
        for account in one_by_one {
            let line = full_line(plan, book, account)?;
            chunk.results[account - chunk.accounts.start] = line;
            tally.wide += 1;
        }
        Ok(tally)
    }

    /// Lays out the chunk's accounts for the kernels; returns those that they can't carry.
    fn gather(&mut self, plan: &Plan<'_>, book: &Book, chunk: &Chunk<'_, BookLine>) -> Vec<usize> {
        self.joint.clear();
        self.own.clear();
        self.alone.clear();
        let mut one_by_one = Vec::new();
        for account in chunk.accounts.clone() {
            if !plan.needs_vectors && room(plan, book, account).fits() {
                self.gather_account(plan, book, account);
            } else {
                self.joint.end_empty();
                one_by_one.push(account);
            }
            self.own.end_account();
            self.alone.end_account();
        }
        one_by_one
    }

    /// Positions and coins are both in the order of underlyings: they are taken side by side.
    fn gather_account(&mut self, plan: &Plan<'_>, book: &Book, account: usize) {
        let (columns, lots) = book.positions().account(account);
        let column = |column: &u32| -> Column { plan.columns[*column as usize] };
        let mut positions = columns.iter().map(column).zip(lots.iter().copied()).peekable();
        let mut coins = plan.coins(book, account).peekable();
        loop {
            let next = [
                positions.peek().map(|(column, _)| (column.underlying, column.is_joint)),
                coins.peek().map(|amount| (amount.coin.underlying, amount.coin.is_joint)),
            ];
            let Some((underlying, is_joint)) = next.into_iter().flatten().min() else { break };
            let part = if is_joint { &mut self.own.gathered } else { &mut self.alone.gathered };
            while let Some((column, lots)) =
                positions.next_if(|(column, _)| column.underlying == underlying)
            {
                part.lots(column.row, lots);
                if is_joint {
                    self.joint.lots(column.row, lots);
                }
            }
            while let Some(amount) = coins.next_if(|amount| amount.coin.underlying == underlying) {
                part.amount(amount.coin.row, amount.units);
                if is_joint {
                    self.joint.amount(amount.coin.row, amount.units);
                }
            }
            part.end();
        }
        self.joint.end();
    }

    fn pass(
        &mut self,
        plan: &Plan<'_>,
        settings: &RunSettings<'_>,
        thresholds: &mut [f64],
        tally: &mut Tally,
    ) -> Result<Found, WholeBookError> {
        let level = settings.level;
        let mut found = Found {
            worst: vec![],
            tails: vec![],
            roots: vec![],
            alone: self.alone.gathered.least(&plan.alone, level)?,
        };
        for (_, panel) in &plan.worst {
            found.worst.push(self.joint.least(panel, level)?);
        }
        for (_, panel) in &plan.roots {
            found.roots.push(self.own.gathered.least(panel, level)?);
        }
        let sections = thresholds.len().checked_div(self.joint.len()).unwrap_or(0);
        for (index, (section, tails)) in plan.tails.iter().zip(&mut self.tails).enumerate() {
            let mine = || (index..).step_by(sections.max(1));
            self.thresholds.clear();
            self.thresholds.extend(mine().map_while(|place| thresholds.get(place)));
            let figures =
                self.joint.tails(&section.panel, level, tails, &mut self.thresholds, tally)?;
            found.tails.push(figures);
            for (place, threshold) in mine().zip(&self.thresholds) {
                thresholds[place] = *threshold;
            }
        }
        Ok(found)
    }

    /// Aggregates what the pass found for one account.
    fn line(&self, plan: &Plan<'_>, found: &Found, account: usize) -> BookLine {
        let set = plan.epoch.scenarios();
        let mut losses = vec![Fraction { numerator: 0, denominator: 1 }; set.blocks.len()];
        for ((block, _), least) in plan.worst.iter().zip(&found.worst) {
            losses[*block].numerator = loss(least[account]);
        }
        for ((block, _), least) in plan.roots.iter().zip(&found.roots) {
            losses[*block].numerator = ceil_root_of_squares(self.own.losses(account, least));
        }
        for (section, figures) in plan.tails.iter().zip(&found.tails) {
            let denominator = section.ranks.sum as i128;
            losses[section.block] = Fraction { numerator: -figures[account].sum, denominator };
        }
        let alone: i128 = self.alone.losses(account, &found.alone).sum();
        let terms = set.terms.iter().map(|term| term.ticks(&losses));
        let tail = plan.tails.first().zip(found.tails.first());
        BookLine {
            worst_loss: plan.worst.first().map_or(0, |(block, _)| losses[*block].numerator) + alone,
            value_at_risk: tail.map_or(0, |(_, figures)| -(figures[account].value as i128)),
            expected_shortfall: tail.map_or(0, |(section, _)| ceil(losses[section.block])),
            requirement: terms.max().unwrap_or(0).max(0) + alone,
        }
    }
}

/// How large an account's sums may get.
fn room(plan: &Plan<'_>, book: &Book, account: usize) -> Room {
    let mut room = Room::default();
    let (columns, lots) = book.positions().account(account);
    for (column, lots) in columns.iter().zip(lots) {
        room.lots(*lots, plan.columns[*column as usize].magnitude);
    }
    for amount in plan.coins(book, account) {
        room.amount(amount.units, amount.coin.magnitude);
    }
    room
}

/// The full computation for one account.
fn full_line(plan: &Plan<'_>, book: &Book, account: usize) -> Result<BookLine, WholeBookError> {
    let mut vector = PortfolioVector::empty(plan.epoch);
    let (columns, lots) = book.positions().account(account);
    for (column, lots) in columns.iter().zip(lots) {
        let instrument = &book.instruments()[*column as usize];
        vector.add(plan.epoch, instrument, Quantity::from_lots(*lots))?;
    }
    let coins = plan.counted(book, account).collect();
    let profits = vector.profits(plan.epoch, &coins);
    let requirement = Requirement::of(plan.epoch.scenarios(), &profits);
    let alone = |(_, loss, _): &(Underlying, i128, usize)| *loss;
    let block = |index: usize| &requirement.blocks[index];
    let worst = plan.worst.first().map_or(0, |(index, _)| block(*index).loss.numerator);
    let tail = plan.tails.first().map(|section| block(section.block));
    Ok(BookLine {
        worst_loss: worst + requirement.alone.iter().map(alone).sum::<i128>(),
        value_at_risk: tail.and_then(|tail| tail.value_at_risk).unwrap_or(0),
        expected_shortfall: tail.map_or(0, |tail| ceil(tail.loss)),
        requirement: requirement.ticks,
    })
}

/// A loss of whole ticks, none if the least profit is no loss.
fn loss(least: f64) -> i128 {
    (-(least as i128)).max(0)
}

fn ceil(loss: Fraction) -> i128 {
    -(-loss.numerator).div_euclid(loss.denominator)
}
