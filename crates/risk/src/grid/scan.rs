//! Profits of a book in every scenario of every block.

use super::book::{Book, Expiry, Leg};
use super::value::{Step, Valuer};
use crate::methodology::{Expiries, GridRules, Shape, StaticDiscount, UnderlyingRules};

/// Values of every leg of a book in every scenario, per unit: they hold for any size of the legs.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// Per leg what its profit is measured from, per unit.
    base: Vec<f64>,
    /// Per block, scenario and leg, the value of one unit, or what one unit of an order gains.
    values: Vec<Vec<Vec<f64>>>,
    /// Per block and scenario, the relative move and the weight.
    steps: Vec<Vec<(f64, f64)>>,
}

impl Rows {
    /// Values every leg of a book.
    pub fn of(rules: &GridRules, underlying: &UnderlyingRules, book: &Book) -> Self {
        let valuer = Valuer { rules, book };
        let (mut values, mut steps) = (vec![], vec![]);
        for block in &rules.blocks {
            let (mut block_values, mut block_steps) = (vec![], vec![]);
            for scenario in &block.scenarios {
                let relative_move = scenario.relative_move * underlying.range;
                let name = scenario.volatility.as_ref();
                let shape = name.map_or(Shape::None, |name| rules.volatility.moves[name]);
                // Where expiries count absolutely, the smile moves and options stay where they are.
                let still = block.expiries == Expiries::Absolute;
                let value = |leg: &Leg| {
                    let relative_move = if still && leg.is_option() { 0.0 } else { relative_move };
                    let step = Step { relative_move, shape, years: 0.0 };
                    leg.limit.map_or_else(
                        || valuer.value(leg, step),
                        |limit| valuer.value_from(leg, limit, step),
                    )
                };
                block_values.push(book.legs.iter().map(value).collect());
                block_steps.push((relative_move, scenario.weight));
            }
            values.push(block_values);
            steps.push(block_steps);
        }
        Self { base: book.legs.iter().map(|leg| valuer.base(leg)).collect(), values, steps }
    }
}

/// A book with its rows, counted with or without its orders.
#[derive(Clone, Copy)]
pub(crate) struct Scan<'a> {
    pub rules: &'a GridRules,
    pub book: &'a Book,
    pub rows: &'a Rows,
    pub orders: bool,
}

impl Scan<'_> {
    /// Profit in every scenario of a block.
    pub fn profits(&self, block: usize) -> Vec<f64> {
        (0..self.rows.steps[block].len()).map(|s| self.parts(block, s).iter().sum()).collect()
    }

    /// What each leg, then each coin, gains in a scenario; the discount of an expiry's value and
    /// the sign of an absolute profit are those of the whole expiry.
    pub fn parts(&self, block: usize, scenario: usize) -> Vec<f64> {
        let (relative_move, weight) = self.rows.steps[block][scenario];
        let values = &self.rows.values[block][scenario];
        let expiries: Vec<(f64, f64)> = (0..self.book.expiries.len())
            .map(|expiry| self.expiry_factors(block, values, expiry))
            .collect();
        let leg = |(i, leg): (usize, &Leg)| {
            if !self.counts(leg) {
                return 0.0;
            }
            let profit = match leg.expiry().filter(|_| leg.is_option() && !leg.is_order()) {
                Some(expiry) => {
                    let (discount, sign) = expiries[expiry];
                    sign * (discount * values[i] - self.rows.base[i])
                }
                None => values[i],
            };
            let gain = leg.open * leg.size * profit * weight;
            if leg.is_order() { gain.min(0.0) } else { gain }
        };
        let legs = self.book.legs.iter().enumerate().map(leg);
        let coins =
            self.book.coins.iter().map(|coin| {
                if coin.in_scenarios { coin.value * relative_move * weight } else { 0.0 }
            });
        legs.chain(coins).collect()
    }

    /// Whether a leg counts.
    pub fn counts(&self, leg: &Leg) -> bool {
        leg.size != 0.0 && (self.orders || !leg.is_order())
    }

    /// The discount of an expiry's options in a scenario, and the sign of their profit.
    fn expiry_factors(&self, block: usize, values: &[f64], expiry: usize) -> (f64, f64) {
        let (mut value, mut base) = (0.0, 0.0);
        for (i, leg) in self.book.legs.iter().enumerate() {
            let held = leg.is_option() && !leg.is_order() && leg.expiry() == Some(expiry);
            if held {
                value += leg.size * values[i];
                base += leg.size * self.rows.base[i];
            }
        }
        let terms = &self.book.expiries[expiry];
        let discount = self.rules.discount.map_or(1.0, |rule| rule.factor(terms, value));
        let absolute = self.rules.blocks[block].expiries == Expiries::Absolute;
        let gains = discount * value - base > 0.0;
        (discount, if absolute && gains { -1.0 } else { 1.0 })
    }
}

impl StaticDiscount {
    /// What the value of an expiry's options is multiplied with.
    pub(crate) fn factor(&self, expiry: &Expiry, value: f64) -> f64 {
        if value >= 0.0 { self.of_gain(expiry) } else { self.of_debt(expiry) }
    }

    /// The factor of a positive value.
    #[must_use]
    pub fn of_gain(&self, expiry: &Expiry) -> f64 {
        let rate = expiry.rate * self.long_rate_multiple + self.long_rate_add;
        self.long_base * numerics::exp(-expiry.years * rate)
    }

    /// The factor of a negative value.
    #[must_use]
    pub fn of_debt(&self, expiry: &Expiry) -> f64 {
        let rate = expiry.rate * self.short_rate_multiple + self.short_rate_add;
        let grown = self.short_base * numerics::exp(expiry.years * rate);
        grown.min(numerics::exp(expiry.rate * expiry.years))
    }
}
