//! Why a grid's margin is what it is.

use instruments::{Amount, SCALE, Underlying};

use super::account::{Grid, round_up};
use super::book::Book;
use super::charges::charge;
use super::outcome::{Outcome, Prepared};
use super::scan::Scan;
use crate::RiskError;
use crate::account::Account;
use crate::euler::Component;
use crate::explain::{Explanation, Part, ScenarioLine, greeks_lines, sized};
use crate::margin::{Margin, MarginDetail};
use crate::market::Market;
use crate::methodology::{GridRules, TermPart};

/// Step of the slope of a charge by the size of a leg: a power of two, so that it is exact where
/// the charge is linear.
const SLOPE_STEP: f64 = 1.0 / 1_048_576.0;

impl Grid {
    /// Explains the margin of an account.
    ///
    /// # Errors
    /// As [`Grid::margin`].
    pub fn explain(&self, market: &Market, account: &Account) -> Result<Explanation, RiskError> {
        let computation = self.computation(market, account)?;
        let margin = computation.margin(self, market, account)?;
        let MarginDetail::Grid(detail) = &margin.detail else {
            return Err(self.methodology().wrong_kind("grid"));
        };
        let (prepared, books) = (computation.prepared(), &computation.books);
        let shares = shares(&prepared, &detail.outcome);
        let shares = exact(&shares.concat(), detail.requirement)?;
        let mut parts = vec![];
        let components = books.components.iter().enumerate();
        let places = components.flat_map(|(book, all)| (0..all.len()).map(move |leg| (book, leg)));
        for ((book, leg), share) in places.zip(shares) {
            let changed = resized(&books.books, book, leg, 0.0);
            let without = Prepared { books: &changed, ..prepared }.outcome(books.stable_price);
            let component = books.components[book][leg];
            let without = round_up(without.initial)?;
            parts.push(part(prepared.rules, market, account, component, share, &margin, without)?);
        }
        Ok(Explanation {
            scenarios: scenario_lines(&prepared, &detail.outcome),
            requirement: detail.requirement,
            matrices: vec![],
            greeks: greeks_lines(&parts),
            value_at_risk: vec![],
            methodology_hash: self.methodology().hash(),
            market_hash: crate::hash::market(market),
            portfolio_hash: crate::hash::portfolio(account),
            parts,
            margin,
        })
    }
}

/// What each leg and coin of each book loses in the scenarios, and adds to the charges, of the
/// binding term of its group.
fn shares(prepared: &Prepared<'_>, outcome: &Outcome) -> Vec<Vec<f64>> {
    let empty = |book: &Book| vec![0.0; book.legs.len() + book.coins.len()];
    let mut shares: Vec<Vec<f64>> = prepared.books.iter().map(empty).collect();
    for (places, group) in prepared.places().iter().zip(&outcome.groups) {
        let Some(binding) = group.binding else { continue };
        for part in prepared.rules.parts(&prepared.rules.terms[binding]) {
            for &place in places {
                match part {
                    TermPart::Block(block) if group.losses[block].0 > 0.0 => {
                        let parts = prepared.scan(place, true).parts(block, group.losses[block].1);
                        let counted = prepared.counted_share(place, parts.iter().sum());
                        add(&mut shares[place], parts.iter().map(|part| -counted * part));
                    }
                    TermPart::Block(_) => {}
                    TermPart::Charge(charge) => {
                        add(&mut shares[place], slopes(prepared, place, charge).into_iter());
                    }
                }
            }
        }
    }
    shares
}

fn add(sums: &mut [f64], parts: impl Iterator<Item = f64>) {
    sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
}

/// How much each leg and coin of a book adds to a charge, by the charge's slope: charges are
/// homogeneous, so that the slopes sum to it.
fn slopes(prepared: &Prepared<'_>, place: usize, charged: usize) -> Vec<f64> {
    let scan = prepared.scan(place, true);
    let kind = &prepared.rules.charges[charged].of;
    let amount = |scan: &Scan<'_>| charge(kind, scan, prepared.underlyings[place]).initial;
    let scaled = |leg: usize, factor: f64| {
        let changed = resized(prepared.books, place, leg, factor);
        amount(&Scan { book: &changed[place], ..scan })
    };
    // Between both sides, so that the legs of an exact hedge share its charge evenly.
    let slope = |leg: usize| {
        (scaled(leg, 1.0 + SLOPE_STEP) - scaled(leg, 1.0 - SLOPE_STEP)) / (2.0 * SLOPE_STEP)
    };
    (0..scan.book.legs.len() + scan.book.coins.len()).map(slope).collect()
}

/// The books with one leg or, beyond the legs, one coin scaled.
fn resized(books: &[Book], place: usize, leg: usize, factor: f64) -> Vec<Book> {
    let mut books = books.to_vec();
    let book = &mut books[place];
    match leg.checked_sub(book.legs.len()) {
        None => book.legs[leg].size *= factor,
        Some(coin) => book.coins[coin].value *= factor,
    }
    books
}

/// Amounts that sum to a total exactly: what rounding and kinks leave goes to the largest.
fn exact(shares: &[f64], total: Amount) -> Result<Vec<Amount>, RiskError> {
    let mut amounts = shares.iter().map(|share| round_up(*share)).collect::<Result<Vec<_>, _>>()?;
    let sum: i128 = amounts.iter().map(|amount| amount.units()).sum();
    if let Some(largest) = amounts.iter_mut().max_by_key(|amount| amount.units().abs()) {
        *largest = Amount::from_units(largest.units() + total.units() - sum);
    }
    Ok(amounts)
}

fn part(
    rules: &GridRules,
    market: &Market,
    account: &Account,
    component: Component,
    share: Amount,
    margin: &Margin,
    without: Amount,
) -> Result<Part, RiskError> {
    let (units, moves) = match component {
        Component::Coin(asset) => {
            let balance = account.balances.get(&asset).map_or(0, |balance| balance.units());
            let profits = crate::equity::profits(market, account)?;
            let moves = rules.underlyings.iter().any(|of| of.name == asset.name());
            (balance + profits.get(&asset).copied().unwrap_or(0), moves)
        }
        Component::Position(_) | Component::Order(..) => (0, false),
    };
    let (size, mark, greeks) = sized(market, account, component, units, moves)?;
    let marginal = Amount::from_units(margin.initial.units() - without.units());
    Ok(Part { component, size, mark, share, marginal, greeks })
}

fn scenario_lines(prepared: &Prepared<'_>, outcome: &Outcome) -> Vec<ScenarioLine> {
    let mut lines = vec![];
    for group in &outcome.groups {
        let underlying = match &group.underlyings[..] {
            [one] => one.parse().ok().map(Underlying::of),
            _ => None,
        };
        for (block, profits) in group.profits.iter().enumerate() {
            for (scenario, profit) in profits.iter().enumerate() {
                lines.push(ScenarioLine {
                    block: prepared.rules.blocks[block].name.clone(),
                    underlying,
                    label: prepared.rules.label(group, block, scenario),
                    profit: Amount::from_units((profit * SCALE as f64).floor() as i128),
                });
            }
        }
    }
    lines
}
