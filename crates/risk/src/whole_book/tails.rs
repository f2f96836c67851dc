//! Tails of every account over one panel.

use numerics::fused::{TailRanks, Tails};

use super::pass::{Gathered, Room};
use super::threads::{Chunk, Places, in_chunks};
use super::{Panel, RunSettings, SparseLots, Tally, WholeBookError};

/// The tail of one account's profits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookTail {
    /// The least profit.
    pub least: i128,
    /// The profit of the rank asked for.
    pub value: i128,
    /// The sum of the k least profits.
    pub sum: i128,
}

/// The tail of every account: the least profit, a value at risk, and the sum that an expected
/// shortfall is the mean of. Exact, whatever the size of a position.
///
/// `thresholds` has a number for each account: ∞ where nothing is known, or what an earlier run over
/// about the same book and scenarios left there. They decide how long it takes and nothing else;
/// new ones are left in their place.
///
/// # Errors
/// [`WholeBookError`] if a column has no row, the panel fewer scenarios than the ranks ask for, or
/// the thresholds another length.
pub fn tails(
    panel: &Panel,
    book: &SparseLots,
    ranks: TailRanks,
    settings: &RunSettings<'_>,
    thresholds: &mut [f64],
) -> Result<(Vec<BookTail>, Tally), WholeBookError> {
    if let Some((account, column)) = book.column_beyond(panel.magnitudes().len()) {
        return Err(WholeBookError::Column { account, column, rows: panel.magnitudes().len() });
    }
    if !(1..=ranks.sum).contains(&ranks.value) || ranks.sum > panel.scenarios() {
        return Err(WholeBookError::Ranks { ranks, scenarios: panel.scenarios() });
    }
    if thresholds.len() != book.accounts() {
        let (found, wanted) = (thresholds.len(), book.accounts());
        return Err(WholeBookError::Thresholds { found, wanted });
    }
    let mut found = vec![BookTail::default(); book.accounts()];
    let scratch = || (Gathered::default(), Tails::new(ranks));
    let tally = in_chunks(
        book,
        Places { results: &mut found, thresholds },
        settings,
        scratch,
        |(gathered, tails), chunk| {
            chunk_tails(panel, book, ranks, settings, (gathered, tails), chunk)
        },
    )?;
    Ok((found, tally))
}

fn chunk_tails(
    panel: &Panel,
    book: &SparseLots,
    ranks: TailRanks,
    settings: &RunSettings<'_>,
    (gathered, tails): (&mut Gathered, &mut Tails),
    chunk: Chunk<'_, BookTail>,
) -> Result<Tally, WholeBookError> {
    let mut tally = Tally::of(&chunk.accounts, book);
    let mut wide = Vec::new();
    gathered.clear();
    for account in chunk.accounts.clone() {
        let (columns, lots) = book.account(account);
        let mut room = Room::default();
        for (column, lots) in columns.iter().zip(lots) {
            room.lots(*lots, panel.magnitudes()[*column as usize]);
            gathered.lots(*column, *lots);
        }
        if room.fits() {
            gathered.end();
        } else {
            wide.push(account);
            gathered.end_empty();
        }
    }
    let found = gathered.tails(panel, settings.level, tails, chunk.thresholds, &mut tally)?;
    for (result, figures) in chunk.results.iter_mut().zip(found) {
        let (least, value) = (figures.least as i128, figures.value as i128);
        *result = BookTail { least, value, sum: figures.sum };
    }
    for account in wide {
        let place = account - chunk.accounts.start;
        chunk.results[place] =
            wide_tail(panel, book, account, ranks).ok_or(WholeBookError::TooLarge { account })?;
        tally.wide += 1;
    }
    Ok(tally)
}

/// The tail of an account whose sums are beyond doubles; `None` if they are beyond 127 bits too.
fn wide_tail(
    panel: &Panel,
    book: &SparseLots,
    account: usize,
    ranks: TailRanks,
) -> Option<BookTail> {
    let (columns, lots) = book.account(account);
    let mut profits = Vec::with_capacity(panel.scenarios());
    for block in panel.blocks() {
        for (place, start) in block.start.0.iter().enumerate() {
            if start.is_infinite() {
                continue;
            }
            let mut profit = 0_i128;
            for (column, lots) in columns.iter().zip(lots) {
                let ticks = block.rows[*column as usize].0[place] as i128;
                profit = profit.checked_add(i128::from(*lots).checked_mul(ticks)?)?;
            }
            profits.push(profit);
        }
    }
    profits.sort_unstable();
    let tail = &profits[..ranks.sum];
    let sum = tail.iter().try_fold(0_i128, |sum, profit| sum.checked_add(*profit))?;
    Some(BookTail { least: tail[0], value: tail[ranks.value - 1], sum })
}
