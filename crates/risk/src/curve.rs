//! The health curve: equity and margins over moves of one underlying, with the nearest crossings.
//! One liquidation price would mislead: a portfolio may cross the line on both sides, or neither.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Price, SCALE, Underlying};

use crate::account::{Account, MarginModel};
use crate::history::History;
use crate::market::{Market, price_f64};
use crate::methodology::Methodology;
use crate::valuation::Valuation;
use crate::{EpochInputs, Margin, RiskError};

/// Halvings that pin a crossing down to a millionth of the interval it was found in.
const HALVINGS: u32 = 20;

/// What an account is valued with, so that it can be valued again in a moved market.
#[derive(Clone, Copy, Debug)]
pub struct CurveInputs<'a> {
    /// The methodology.
    pub methodology: &'a Methodology,
    /// The margin model.
    pub model: MarginModel,
    /// The market that moves.
    pub market: &'a Market,
    /// Daily closes.
    pub history: Option<&'a History>,
    /// What the venue holds, for haircuts.
    pub venue_balances: &'a BTreeMap<Asset, Amount>,
}

/// One point of a health curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthPoint {
    /// Relative move of the underlying.
    pub relative_move: f64,
    /// Its index price there.
    pub price: Price,
    /// Equity.
    pub equity: Amount,
    /// Initial margin.
    pub initial: Amount,
    /// Maintenance margin.
    pub maintenance: Amount,
}

/// Which line is crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Equity meets initial margin: new risk stops here.
    Initial,
    /// Equity meets maintenance margin: a case opens here.
    Maintenance,
}

/// Where equity crosses a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// The line.
    pub line: Line,
    /// Relative move of the underlying.
    pub relative_move: f64,
    /// Its index price there.
    pub price: Price,
}

/// Equity and margins of one account over moves of one underlying.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCurve {
    /// The underlying that moves; all else stands still.
    pub underlying: Underlying,
    /// The points, by rising move.
    pub points: Vec<HealthPoint>,
    /// The nearest crossing of each line on each side of no move.
    pub crossings: Vec<Crossing>,
}

/// The health curve of an account over given moves, ascending, each above −1. Options are valued
/// again at the volatility of their strike, keeping their mark's distance from the model.
///
/// # Errors
/// As [`crate::margin`].
pub fn health_curve(
    inputs: &CurveInputs<'_>,
    account: &Account,
    underlying: Underlying,
    moves: &[f64],
) -> Result<HealthCurve, RiskError> {
    let point = |relative_move: f64| point(inputs, account, underlying, relative_move);
    let points: Vec<_> = moves.iter().map(|m| point(*m)).collect::<Result<_, _>>()?;
    let mut crossings = Vec::new();
    for line in [Line::Initial, Line::Maintenance] {
        let pairs: Vec<_> = points.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let down = pairs.iter().rev().filter(|(a, _)| a.relative_move < 0.0);
        let up = pairs.iter().filter(|(_, b)| b.relative_move > 0.0);
        let crosses = |(a, b): &&(HealthPoint, HealthPoint)| (a.above(line)) != (b.above(line));
        for side in [down.clone().find(crosses), up.clone().find(crosses)].into_iter().flatten() {
            let found = locate(&point, line, side)?;
            if !crossings.contains(&found) {
                crossings.push(found);
            }
        }
    }
    crossings.sort_by(|a, b| a.relative_move.total_cmp(&b.relative_move));
    Ok(HealthCurve { underlying, points, crossings })
}

fn locate(
    point: &impl Fn(f64) -> Result<HealthPoint, RiskError>,
    line: Line,
    (low, high): &(HealthPoint, HealthPoint),
) -> Result<Crossing, RiskError> {
    let (mut low, mut high) = (*low, *high);
    for _ in 0..HALVINGS {
        let middle = point(0.5 * (low.relative_move + high.relative_move))?;
        if middle.above(line) == low.above(line) { low = middle } else { high = middle }
    }
    // The side on which the line is still met.
    let kept = if low.above(line) { low } else { high };
    Ok(Crossing { line, relative_move: kept.relative_move, price: kept.price })
}

impl HealthPoint {
    fn above(&self, line: Line) -> bool {
        match line {
            Line::Initial => self.equity >= self.initial,
            Line::Maintenance => self.equity >= self.maintenance,
        }
    }
}

fn point(
    inputs: &CurveInputs<'_>,
    account: &Account,
    underlying: Underlying,
    relative_move: f64,
) -> Result<HealthPoint, RiskError> {
    let market = moved(inputs.market, account, underlying, relative_move)?;
    let margin = margin_at(inputs, &market, account)?;
    Ok(HealthPoint {
        relative_move,
        price: market.price(underlying.asset())?,
        equity: margin.equity.total,
        initial: margin.initial,
        maintenance: margin.maintenance,
    })
}

fn margin_at(
    inputs: &CurveInputs<'_>,
    market: &Market,
    account: &Account,
) -> Result<Margin, RiskError> {
    let epoch =
        EpochInputs { market, history: inputs.history, venue_balances: inputs.venue_balances };
    Valuation::open(inputs.methodology, epoch, &account.instruments())?.margin(
        market,
        account,
        inputs.model,
    )
}

/// The market after one underlying moved: index, forwards and marks of its contracts.
fn moved(
    market: &Market,
    account: &Account,
    underlying: Underlying,
    relative_move: f64,
) -> Result<Market, RiskError> {
    let scaled = |price: Price| {
        let units = (price_f64(price) * (1.0 + relative_move) * SCALE as f64).round() as i64;
        Price::from_units(units.max(1))
    };
    let mut after = market.clone();
    if let Some(quote) = after.assets.get_mut(&underlying.asset()) {
        quote.price = scaled(quote.price);
    }
    if let Some(of) = after.underlyings.get_mut(&underlying) {
        of.expiries.values_mut().for_each(|at| at.forward = scaled(at.forward));
    }
    after.quotes.retain(|instrument, _| instrument.underlying() != underlying);
    for instrument in account.instruments().iter().filter(|i| i.underlying() == underlying) {
        let Some(quote) = market.quotes.get(instrument) else { continue };
        let mut moved = *quote;
        moved.mark = if instrument.is_option() {
            let (now, then) = (market.model_mark(instrument)?, after.model_mark(instrument)?);
            Price::from_units((quote.mark.units() + then.units() - now.units()).max(0))
        } else {
            scaled(quote.mark)
        };
        after.quotes.insert(*instrument, moved);
    }
    Ok(after)
}
