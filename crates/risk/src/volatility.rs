//! What scenarios make of volatilities: the operators that every kind of methodology shares.

use crate::methodology::{Shape, SkewShape};

/// Tenors are never taken as shorter than a second, which keeps every power finite.
const DAYS_MIN: f64 = 1.0 / 86_400.0;

/// How strongly volatility moves by tenor: in full at the reference, by a power on either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TenorPower {
    pub reference_days: f64,
    pub short: f64,
    pub long: f64,
    pub days_min: f64,
}

impl TenorPower {
    /// `(reference/max(days, days_min))^power`; which power is decided by the days as they are.
    pub fn factor(&self, years: f64) -> f64 {
        let days = years * 365.0;
        let power = if days <= self.reference_days { self.short } else { self.long };
        let counted = days.max(self.days_min).max(DAYS_MIN);
        numerics::powf(self.reference_days / counted, power)
    }
}

/// What a shape multiplies a volatility with, at x = ln(K/F); it may be negative.
pub(crate) fn multiplier(
    shape: Shape,
    tenor_factor: f64,
    years: f64,
    moneyness: impl Fn() -> f64,
) -> f64 {
    match shape {
        Shape::None => 1.0,
        Shape::Multiply { amount, .. } => 1.0 + amount * tenor_factor,
        Shape::LinearSkew(skew) => skew_multiplier(&skew, years, moneyness()),
        Shape::AbsoluteSkew(skew) => skew_multiplier(&skew, years, moneyness().abs()),
    }
}

/// A volatility as a shape leaves it: not negative, and not below the shape's own floor.
pub(crate) fn shocked(
    shape: Shape,
    volatility: f64,
    tenor_factor: f64,
    years: f64,
    moneyness: impl Fn() -> f64,
) -> f64 {
    let floor = match shape {
        Shape::None => return volatility,
        Shape::Multiply { floor, .. } => floor,
        Shape::LinearSkew(_) | Shape::AbsoluteSkew(_) => 0.0,
    };
    (volatility * multiplier(shape, tenor_factor, years, moneyness).max(0.0)).max(floor)
}

/// `1 + x·cap/k*`, at most `1 + cap` where x is positive and at least `1 − cap` where it is
/// negative; `cap = base·√τ + cap0`, `k* = max(k_min, √τ·width·(k0 + k1·√τ))`.
fn skew_multiplier(skew: &SkewShape, years: f64, x: f64) -> f64 {
    let root = years.sqrt();
    let cap = skew.base * root + skew.cap0;
    let reach = (root * skew.width * (skew.k0 + skew.k1 * root)).max(skew.k_min);
    let tilt = x * cap / reach;
    1.0 + skew.direction * if x >= 0.0 { tilt.min(cap) } else { tilt.max(-cap) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW: SkewShape = SkewShape {
        base: 0.1,
        cap0: 0.2,
        k_min: 0.05,
        width: 0.8,
        k0: 0.5,
        k1: 0.1,
        direction: 1.0,
    };

    #[test]
    fn skews_turn_around_the_forward_and_stop_at_their_cap() {
        let cap = 0.1 * 0.5 + 0.2;
        let reach = 0.5 * 0.8 * (0.5 + 0.1 * 0.5);
        let linear = |x: f64| multiplier(Shape::LinearSkew(SKEW), 1.0, 0.25, || x);
        let absolute = |x: f64| multiplier(Shape::AbsoluteSkew(SKEW), 1.0, 0.25, || x);
        assert_eq!(linear(0.0), 1.0);
        assert_eq!(linear(0.1), 1.0 + 0.1 * cap / reach);
        assert_eq!(linear(-5.0), 1.0 - cap);
        assert_eq!(absolute(-5.0), 1.0 + cap);
    }

    #[test]
    fn a_cap_below_zero_bounds_from_above_only() {
        let skew = SkewShape { base: 0.0, cap0: -0.1, ..SKEW };
        let absolute = |x: f64| multiplier(Shape::AbsoluteSkew(skew), 1.0, 0.25, || x);
        assert_eq!(absolute(0.05), 0.9);
        assert!(absolute(5.0) < 0.0);
    }

    #[test]
    fn the_power_is_chosen_by_the_days_and_applied_to_the_floored_ones() {
        let power = TenorPower { reference_days: 30.0, short: 0.5, long: 2.0, days_min: 60.0 };
        assert_eq!(power.factor(10.0 / 365.0), numerics::powf(0.5, 0.5));
        assert_eq!(power.factor(30.0 / 365.0), numerics::powf(0.5, 0.5));
        assert_eq!(power.factor(120.0 / 365.0), numerics::powf(0.25, 2.0));
        assert!(TenorPower { days_min: 0.0, ..power }.factor(0.0).is_finite());
    }

    #[test]
    fn a_volatility_is_never_negative_and_keeps_its_floor() {
        let fall = Shape::Multiply { amount: -0.5, floor: 0.0 };
        let rise = Shape::Multiply { amount: 0.4, floor: 0.8 };
        assert_eq!(shocked(fall, 0.6, 3.0, 0.1, || 0.0), 0.0);
        assert_eq!(shocked(rise, 0.5, 1.0, 0.1, || 0.0), 0.8);
        assert_eq!(shocked(Shape::None, 0.5, 9.0, 0.1, || 0.0), 0.5);
    }
}
