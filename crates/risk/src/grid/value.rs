//! What one unit of a leg is worth, or has gained, when the market moves: unrounded, in dollars.

use instruments::OptionKind;

use super::book::{Book, Contract, Expiry, Leg};
use crate::methodology::{Baseline, CoinProfit, FuturesMove, GridRules, Shape};
use crate::volatility::shocked;

/// A move of the market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// Relative move of the underlying.
    pub relative_move: f64,
    /// What volatilities do.
    pub shape: Shape,
    /// Years that pass.
    pub years: f64,
}

impl Step {
    /// Prices move, volatility and time stand still.
    pub const fn of(relative_move: f64) -> Self {
        Self { relative_move, shape: Shape::None, years: 0.0 }
    }
}

/// Values legs of a book by the rules of a grid.
#[derive(Clone, Copy)]
pub(crate) struct Valuer<'a> {
    pub rules: &'a GridRules,
    pub book: &'a Book,
}

impl Valuer<'_> {
    /// What one unit's profit is measured from: an option's value today, nothing for others.
    pub fn base(&self, leg: &Leg) -> f64 {
        match (leg.contract, self.rules.valuation.baseline) {
            (Contract::Option { .. }, Baseline::Model) => self.value(leg, Step::of(0.0)),
            (Contract::Option { .. }, Baseline::Mark) => leg.mark * self.mark_worth(leg),
            (Contract::Perpetual | Contract::Future(_), _) => 0.0,
        }
    }

    /// The value of one unit of an option after a move, or the profit of one unit of another leg.
    pub fn value(&self, leg: &Leg, step: Step) -> f64 {
        match leg.contract {
            Contract::Option { expiry, strike, kind, volatility } => {
                let terms = OptionTerms { strike, kind, volatility };
                self.option(leg, &self.book.expiries[expiry], &terms, step)
            }
            Contract::Perpetual => self.future(leg, 1.0, step),
            Contract::Future(expiry) => {
                let expiry = &self.book.expiries[expiry];
                self.future(leg, expiry.variable / expiry.forward(), step)
            }
        }
    }

    /// What one unit gains at once, against its mark, if an order fills at its limit; a coin of it
    /// counts at the price after a move.
    pub fn entry(&self, leg: &Leg, limit: f64, step: Step) -> f64 {
        match leg.contract {
            Contract::Option { .. } if leg.inverse => (leg.mark - limit) * self.coin(step),
            Contract::Option { .. } => (leg.mark - limit) * leg.worth,
            _ if leg.inverse => (1.0 / limit - 1.0 / leg.mark) * self.coin(step),
            _ => (leg.mark - limit) * leg.worth,
        }
    }

    /// US dollars per unit of the asset that a leg's mark is quoted in.
    pub fn mark_worth(&self, leg: &Leg) -> f64 {
        if leg.inverse && leg.is_option() { self.book.spot } else { leg.worth }
    }

    /// Price at which a coin of profit counts.
    fn coin(&self, step: Step) -> f64 {
        match self.rules.valuation.coin_profit {
            CoinProfit::AtIndex => self.book.spot,
            CoinProfit::AtScenario => self.book.spot * (1.0 + step.relative_move),
        }
    }

    /// Profit of a future from its mark, of which the share `moving` follows the market.
    fn future(&self, leg: &Leg, moving: f64, step: Step) -> f64 {
        let moved = match self.rules.valuation.futures {
            FuturesMove::Mark => leg.mark * step.relative_move * moving,
            FuturesMove::Index => self.book.spot * step.relative_move * moving / leg.worth,
        };
        if leg.inverse {
            // 1/mark − 1/price, without the cancellation.
            moved / (leg.mark + moved) / leg.mark * self.coin(step)
        } else {
            moved * leg.worth
        }
    }

    fn option(&self, leg: &Leg, expiry: &Expiry, terms: &OptionTerms, step: Step) -> f64 {
        let years = (expiry.years - step.years).max(0.0);
        let today = expiry.forward();
        let forward = expiry.fixed + expiry.variable * (1.0 + step.relative_move);
        let tenor = self.rules.volatility.tenor_power().factor(expiry.years);
        // The smile keeps its place by strike: moneyness is that of the forward as it stands.
        let moneyness = || numerics::ln(terms.strike / today);
        let volatility = shocked(step.shape, terms.volatility, tenor, expiry.years, moneyness);
        let undiscounted = terms.price(forward, volatility * years.sqrt());
        if leg.inverse {
            undiscounted / forward * self.coin(step)
        } else {
            undiscounted * numerics::exp(-expiry.rate * years) * leg.worth
        }
    }
}

struct OptionTerms {
    strike: f64,
    kind: OptionKind,
    volatility: f64,
}

impl OptionTerms {
    /// Black's formula without discounting, for σ√τ; its limits where it is not defined.
    fn price(&self, forward: f64, deviation: f64) -> f64 {
        let kind = crate::market::kind_of(self.kind);
        let intrinsic = (kind.sign() * (forward - self.strike)).max(0.0);
        pricing::black76::undiscounted_price(kind, forward, self.strike, deviation, 1.0)
            .unwrap_or(intrinsic)
    }
}
