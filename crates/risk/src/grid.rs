//! Portfolio margin as venues publish it: a list of scenarios per underlying, charges beside them,
//! and the larger of several candidates.
//!
//! Venues count in plain numbers and let an expiry's value or each expiry's gain enter in a way
//! that is not linear in positions; so this engine holds the values of the legs of one account,
//! unrounded, and rounds once at the end. It shares scenario operators, pricing, markets and
//! accounts with the rest. [`assess`] computes from plain books, as replicas are proven;
//! [`Grid::margin`] from a market and an account.

mod account;
mod book;
mod charges;
mod explain;
mod outcome;
mod scan;
mod value;

use instruments::Underlying;

use crate::RiskError;
use crate::methodology::{GridRules, UnderlyingRules};

pub use account::{Grid, GridDetail};
pub use book::{Book, Coin, Contract, Expiry, Leg};
pub use charges::Pair;
use outcome::Prepared;
pub use outcome::{Group, Outcome};
use scan::Rows;

/// Margins plain books, one per underlying, unrounded.
///
/// `stable_price` is the price of the settlement stablecoin in US dollars, 1 where there is none.
///
/// # Errors
/// [`RiskError::UnknownUnderlying`] for a book with legs whose underlying the rules don't list.
pub fn assess(rules: &GridRules, books: &[Book], stable_price: f64) -> Result<Outcome, RiskError> {
    let underlyings = underlyings(rules, books)?;
    let rows = rows(rules, &underlyings, books);
    Ok(Prepared { rules, underlyings: &underlyings, books, rows: &rows }.outcome(stable_price))
}

/// Value of a book's options expiry by expiry, in US dollars, as the rules count it today.
#[must_use]
pub fn option_values(rules: &GridRules, book: &Book) -> Vec<f64> {
    let valuer = value::Valuer { rules, book };
    let held = |leg: &&Leg| leg.is_option() && !leg.is_order();
    let of = |expiry: usize| {
        let legs = book.legs.iter().filter(held).filter(|leg| leg.expiry() == Some(expiry));
        legs.map(|leg| leg.size * valuer.base(leg)).sum()
    };
    (0..book.expiries.len()).map(of).collect()
}

/// Of an asset that is collateral alone and no underlying.
static NO_UNDERLYING: UnderlyingRules = UnderlyingRules {
    name: String::new(),
    range: 1.0,
    gain_share: 1.0,
    roll_rate: 0.0,
    roll_min: 0.0,
    minimum_rate: 0.0,
};

/// The rules of each book's underlying.
fn underlyings<'a>(
    rules: &'a GridRules,
    books: &[Book],
) -> Result<Vec<&'a UnderlyingRules>, RiskError> {
    let of = |book: &Book| {
        let known = rules.underlyings.iter().find(|known| known.name == book.underlying);
        let known = known.or_else(|| book.legs.is_empty().then_some(&NO_UNDERLYING));
        known.ok_or_else(|| unknown(rules, &book.underlying))
    };
    books.iter().map(of).collect()
}

fn rows(rules: &GridRules, underlyings: &[&UnderlyingRules], books: &[Book]) -> Vec<Rows> {
    books.iter().zip(underlyings).map(|(book, of)| Rows::of(rules, of, book)).collect()
}

fn unknown(rules: &GridRules, underlying: &str) -> RiskError {
    let methodology = rules.name.clone();
    match underlying.parse() {
        Ok(asset) => {
            RiskError::UnknownUnderlying { methodology, underlying: Underlying::of(asset) }
        }
        Err(_) => RiskError::MarketValue {
            what: format!("the underlying `{underlying}`"),
            value: f64::NAN,
            wanted: "the name of an asset",
        },
    }
}
