//! Profits of a book in every scenario of every block.

use super::book::{Book, Expiry, Leg};
use super::value::{Step, Valuer};
use crate::methodology::{
    Expiries, GridBlock, GridRules, GridScenario, OrderEntry, Shape, StaticDiscount,
    UnderlyingRules,
};

/// Values of every leg of a book in every scenario, per unit: they hold for any size of the legs.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// Per leg what its profit is measured from, per unit.
    base: Vec<f64>,
    /// Per block, its scenarios.
    blocks: Vec<Vec<Row>>,
}

/// One scenario of a book.
#[derive(Clone, Debug)]
struct Row {
    relative_move: f64,
    weight: f64,
    /// Per leg the value of one unit.
    values: Vec<f64>,
    /// Per leg what one unit gains on entry, if it is an order.
    entries: Vec<f64>,
}

impl Rows {
    /// Values every leg of a book.
    pub fn of(rules: &GridRules, underlying: &UnderlyingRules, book: &Book) -> Self {
        let valuer = Valuer { rules, book };
        let row = |block: &GridBlock, scenario: &GridScenario| {
            let relative_move = scenario.relative_move * underlying.range;
            let name = scenario.volatility.as_ref();
            let shape = name.map_or(Shape::None, |name| rules.volatility.moves[name]);
            // Where expiries count absolutely, the smile moves and options stay where they are.
            let still = block.expiries == Expiries::Absolute;
            let step = |leg: &Leg| {
                let relative_move = if still && leg.is_option() { 0.0 } else { relative_move };
                Step { relative_move, shape, years: 0.0 }
            };
            let legs = || book.legs.iter();
            let entry = |leg: &Leg| leg.limit.map_or(0.0, |at| valuer.entry(leg, at, step(leg)));
            Row {
                relative_move,
                weight: scenario.weight,
                values: legs().map(|leg| valuer.value(leg, step(leg))).collect(),
                entries: legs().map(entry).collect(),
            }
        };
        let rows = |block: &GridBlock| block.scenarios.iter().map(|one| row(block, one)).collect();
        Self {
            base: book.legs.iter().map(|leg| valuer.base(leg)).collect(),
            blocks: rules.blocks.iter().map(rows).collect(),
        }
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

/// What the value of an expiry's options is multiplied with in a scenario, and whether its profit
/// counts as a loss.
#[derive(Clone, Copy)]
struct Counted {
    discount: f64,
    sign: f64,
}

impl Scan<'_> {
    /// Profit in every scenario of a block.
    pub fn profits(&self, block: usize) -> Vec<f64> {
        (0..self.rows.blocks[block].len()).map(|s| self.parts(block, s).iter().sum()).collect()
    }

    /// What each leg, then each coin, gains in a scenario; the discount of an expiry's value and
    /// the sign of an absolute profit are those of the whole expiry.
    pub fn parts(&self, block: usize, scenario: usize) -> Vec<f64> {
        let row = &self.rows.blocks[block][scenario];
        let absolute = self.rules.blocks[block].expiries == Expiries::Absolute;
        let expiries = self.expiries(row, absolute);
        let leg = |(i, leg): (usize, &Leg)| {
            if !self.counts(leg) {
                return 0.0;
            }
            let gain = match (leg.is_order(), leg.expiry().filter(|_| leg.is_option())) {
                (true, _) => self.order(i, leg, row, absolute),
                (false, Some(expiry)) => {
                    let Counted { discount, sign } = expiries[expiry];
                    leg.size * sign * (discount * row.values[i] - self.rows.base[i])
                }
                (false, None) => leg.size * row.values[i],
            };
            leg.open * gain * row.weight
        };
        let legs = self.book.legs.iter().enumerate().map(leg);
        let coins = self.book.coins.iter().map(|coin| {
            if coin.in_scenarios { coin.value * row.relative_move * row.weight } else { 0.0 }
        });
        legs.chain(coins).collect()
    }

    /// What fills of open orders lose at once, fees included, where that counts beside.
    pub fn order_losses(&self) -> f64 {
        if self.rules.valuation.order_entry == OrderEntry::InScenarios || !self.orders {
            return 0.0;
        }
        let valuer = Valuer { rules: self.rules, book: self.book };
        let loss = |leg: &Leg| {
            let entry = |at| leg.size * valuer.entry(leg, at, Step::of(0.0)) - leg.fee;
            leg.limit.map_or(0.0, |at| (-entry(at)).max(0.0))
        };
        self.book.legs.iter().map(loss).sum()
    }

    /// Whether a leg counts.
    pub fn counts(&self, leg: &Leg) -> bool {
        leg.size != 0.0 && (self.orders || !leg.is_order())
    }

    /// The least that an order adds to the profit, whatever part of it fills. What it adds to the
    /// value of its expiry counts by one discount or the other, and where profits count
    /// absolutely, by no more than its own size.
    fn order(&self, place: usize, leg: &Leg, row: &Row, absolute: bool) -> f64 {
        let entry = match self.rules.valuation.order_entry {
            OrderEntry::InScenarios => leg.size * row.entries[place] - leg.fee,
            OrderEntry::Beside => 0.0,
        };
        let value = leg.size * row.values[place];
        let Some(expiry) = leg.expiry().filter(|_| leg.is_option()) else {
            return (value + entry).min(0.0);
        };
        let expiry = &self.book.expiries[expiry];
        let base = leg.size * self.rows.base[place];
        let discounts = self
            .rules
            .discount
            .map_or([1.0; 2], |rule| [rule.of_gain(expiry), rule.of_debt(expiry)]);
        let [one, other] = discounts.map(|discount| discount * value - base);
        match absolute {
            true => entry.min(0.0) - one.abs().max(other.abs()),
            false => (one.min(other) + entry).min(0.0),
        }
    }

    /// How each expiry's options count in a scenario.
    fn expiries(&self, row: &Row, absolute: bool) -> Vec<Counted> {
        let mut sums = vec![(0.0, 0.0); self.book.expiries.len()];
        if absolute || self.rules.discount.is_some() {
            for (i, leg) in self.book.legs.iter().enumerate() {
                if let Some(expiry) = leg.expiry().filter(|_| leg.is_option() && !leg.is_order()) {
                    sums[expiry].0 += leg.size * row.values[i];
                    sums[expiry].1 += leg.size * self.rows.base[i];
                }
            }
        }
        let counted = |((value, base), terms): ((f64, f64), &Expiry)| {
            let discount = self.rules.discount.map_or(1.0, |rule| rule.factor(terms, value));
            let gains = discount * value - base > 0.0;
            Counted { discount, sign: if absolute && gains { -1.0 } else { 1.0 } }
        };
        sums.into_iter().zip(&self.book.expiries).map(counted).collect()
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
