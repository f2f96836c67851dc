//! What one position needs, in plain numbers: the formulas of each rule.

use instruments::OptionKind;

use crate::methodology::{
    FeeRules, FutureRate, FutureRules, OptionRates, OptionRules, OracleRules, PegRules,
};

/// Initial and maintenance margin in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Need {
    /// Initial margin.
    pub initial: f64,
    /// Maintenance margin.
    pub maintenance: f64,
}

impl Need {
    /// Both, times a size.
    #[must_use]
    pub fn times(self, size: f64) -> Self {
        Self { initial: self.initial * size, maintenance: self.maintenance * size }
    }

    /// Both, added up.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            initial: self.initial + other.initial,
            maintenance: self.maintenance + other.maintenance,
        }
    }

    /// The smaller of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            initial: self.initial.min(other.initial),
            maintenance: self.maintenance.min(other.maintenance),
        }
    }
}

impl OptionRules {
    /// What a short option needs per unit of the underlying; strike, index and mark in US dollars.
    ///
    /// Initial: `max(short_rate − OTM/S, short_floor)·S`, of a put between `put_mark_floor·mark` and
    /// `put_cap·S`, the mark on top if it is inside, and of a put at least `put_over_maintenance`
    /// times maintenance; maintenance the same at its own rates. (Deribit, standard margin, 2025;
    /// Derive, standard manager, 2023; Paradex, cross margin, 2026.)
    #[must_use]
    pub fn short(&self, kind: OptionKind, strike: f64, index: f64, mark: f64) -> Need {
        let need = |rates: &OptionRates| {
            let need = rates.short(kind, strike, index, mark);
            if self.mark_inside { need + mark } else { need }
        };
        let (initial, maintenance) = (need(&self.initial), need(&self.maintenance));
        match kind {
            OptionKind::Call => Need { initial, maintenance },
            OptionKind::Put => {
                Need { initial: initial.max(self.put_over_maintenance * maintenance), maintenance }
            }
        }
    }

    /// What a long option needs per unit of the underlying: `min(long_mark·mark, long_rate·S)`, for
    /// each margin at its own rates. (Paradex, cross margin, 2026; nothing where both are zero.)
    #[must_use]
    pub fn long(&self, index: f64, mark: f64) -> Need {
        let need = |rates: &OptionRates| (rates.long_mark * mark).min(rates.long_rate * index);
        Need { initial: need(&self.initial), maintenance: need(&self.maintenance) }
    }
}

impl OptionRates {
    fn short(&self, kind: OptionKind, strike: f64, index: f64, mark: f64) -> f64 {
        let out = match kind {
            OptionKind::Call => (strike - index).max(0.0),
            OptionKind::Put => (index - strike).max(0.0),
        };
        let need = (self.short_rate - out / index).max(self.short_floor) * index;
        match kind {
            OptionKind::Call => need,
            OptionKind::Put => {
                let need = need.max(self.put_mark_floor * mark);
                self.put_cap.map_or(need, |cap| need.min(cap * index))
            }
        }
    }
}

impl FutureRules {
    /// What a future or perpetual needs: `(rate + slope·size)·size·price`; size in units of the
    /// underlying, without sign, price in US dollars.
    #[must_use]
    pub fn need(&self, size: f64, price: f64) -> Need {
        let need = |at: &FutureRate| (at.rate + at.slope * size) * size * price;
        Need { initial: need(&self.initial), maintenance: need(&self.maintenance) }
    }
}

impl OracleRules {
    /// Share of a notional that little trust in its price costs: `(1 − confidence)·rate` below the
    /// threshold.
    #[must_use]
    pub fn share(&self, confidence: f64) -> f64 {
        if confidence < self.threshold { (1.0 - confidence) * self.rate } else { 0.0 }
    }
}

impl PegRules {
    /// Share of a notional that a lost peg costs: `max(0, threshold − price)·rate`.
    #[must_use]
    pub fn share(&self, price: f64) -> f64 {
        (self.threshold - price).max(0.0) * self.rate
    }
}

impl FeeRules {
    /// Provision per unit of the underlying for closing an option: `min(rate·S, cap·mark)`.
    #[must_use]
    pub fn of_option(&self, index: f64, mark: f64) -> f64 {
        (self.option * index).min(self.option_cap * mark)
    }

    /// Provision per unit of the underlying for closing a future or perpetual.
    #[must_use]
    pub fn of_future(&self, price: f64) -> f64 {
        self.future * price
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methodology::Methodology;

    fn options(methodology: &str) -> OptionRules {
        Methodology::built_in(methodology).unwrap().position_rules().unwrap().options
    }

    fn check(found: Need, initial: f64, maintenance: f64) {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let holds = near(found.initial, initial) && near(found.maintenance, maintenance);
        assert!(holds, "{found:?}, expected {initial} and {maintenance}");
    }

    #[test]
    fn standard_by_hand() {
        let rules = options("standard");
        let short = |kind, strike, mark| rules.short(kind, strike, 100.0, mark);
        check(short(OptionKind::Call, 100.0, 5.0), 20.0, 12.5);
        check(short(OptionKind::Call, 103.0, 4.0), 16.0, 11.5);
        check(short(OptionKind::Call, 150.0, 0.1), 10.1, 7.6);
        check(short(OptionKind::Put, 97.0, 4.0), 16.0, 11.5);
        // Far in the money the put's mark carries its own maintenance.
        check(short(OptionKind::Put, 300.0, 200.0), 215.0, 215.0);
        check(rules.long(100.0, 7.0), 0.0, 0.0);
    }

    #[test]
    fn derive_by_hand() {
        let rules = options("derive-srm");
        let short = |kind, strike, mark| rules.short(kind, strike, 100.0, mark);
        check(short(OptionKind::Call, 103.0, 4.0), 16.0, 11.5);
        // 5 % over a maintenance margin of 215 and of 12.5.
        check(short(OptionKind::Put, 300.0, 200.0), 225.75, 215.0);
        check(short(OptionKind::Put, 50.0, 5.0), 15.0, 12.5);
    }

    #[test]
    fn paradex_by_hand() {
        let rules = options("paradex-xm");
        let short = |kind, strike, mark| rules.short(kind, strike, 100.0, mark);
        check(short(OptionKind::Call, 100.0, 5.0), 15.0, 7.5);
        check(short(OptionKind::Call, 103.0, 4.0), 12.0, 5.0);
        check(short(OptionKind::Put, 300.0, 200.0), 15.0, 7.5);
        check(rules.long(100.0, 7.0), 7.0, 3.5);
        check(rules.long(100.0, 70.0), 20.0, 10.0);
        let capped =
            OptionRules { initial: OptionRates { put_cap: Some(0.12), ..rules.initial }, ..rules };
        check(capped.short(OptionKind::Put, 100.0, 100.0, 5.0), 12.0, 7.5);
        check(capped.short(OptionKind::Call, 100.0, 100.0, 5.0), 15.0, 7.5);
    }

    #[test]
    fn charges_by_hand() {
        let equal = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, expected {b}");
        let oracle = OracleRules { threshold: 0.4, rate: 0.4 };
        equal(oracle.share(0.4), 0.0);
        equal(oracle.share(0.25), 0.3);
        let peg = PegRules { asset: "USDC".into(), threshold: 0.98, rate: 1.2 };
        equal(peg.share(0.98), 0.0);
        equal(peg.share(0.48), 0.6);
        let fees = FeeRules { future: 0.0005, option: 0.0003, option_cap: 0.125 };
        equal(fees.of_option(1_000.0, 10.0), 0.3);
        equal(fees.of_option(1_000.0, 1.0), 0.125);
        equal(fees.of_future(1_000.0), 0.5);
    }
}
