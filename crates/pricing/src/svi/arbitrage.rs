//! Static arbitrage: butterflies within an expiry, calendars between two.

use std::ops::RangeInclusive;

use super::Svi;

/// What a search for arbitrage found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the searched quantity is nowhere below 0.
    pub holds: bool,
    /// The log-moneyness ln(K/F) where the quantity is least.
    pub worst_k: f64,
    /// The quantity there.
    pub worst_value: f64,
}

/// What rounding may take from a quantity that is zero.
const TOLERANCE: f64 = 1e-10;
/// Points on either side of the turn; they crowd at the turn and reach 200 s out.
const POINTS_TURN: i32 = 400;
/// Points on either side of the forward, evenly spaced.
const POINTS_FORWARD: i32 = 200;
/// Log-moneyness to which the even points reach.
const REACH: f64 = 4.0;
/// Narrowings of the bracket around the worst point.
const NARROWINGS: usize = 60;

/// Every log-moneyness, quoted or not.
const EVERYWHERE: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;

impl Svi {
    /// Looks for butterfly arbitrage: Durrleman's
    /// `g(k) = (1 − k·w′/2w)² − w′²/4·(1/w + 1/4) + w″/2`,
    /// whose sign is that of the risk-neutral density (Gatheral and Jacquier 2014),
    /// must be nowhere negative.
    pub fn butterfly(&self) -> Verdict {
        self.butterfly_within(EVERYWHERE)
    }

    /// [`Svi::butterfly`] over a range of log-moneyness, as that of the quotes.
    pub fn butterfly_within(&self, range: RangeInclusive<f64>) -> Verdict {
        search(&grid(&[*self], &range), |k| durrleman(self, k))
    }

    /// Looks for calendar arbitrage between this expiry and a later one, each with
    /// k measured from its own forward: `later.w(k) − self.w(k)` must be nowhere
    /// negative.
    pub fn calendar(&self, later: &Svi) -> Verdict {
        self.calendar_within(later, EVERYWHERE)
    }

    /// [`Svi::calendar`] over a range of log-moneyness, as that of the quotes.
    pub fn calendar_within(&self, later: &Svi, range: RangeInclusive<f64>) -> Verdict {
        let difference = |k| later.total_variance(k) - self.total_variance(k);
        search(&grid(&[*self, *later], &range), difference)
    }
}

fn durrleman(svi: &Svi, k: f64) -> f64 {
    let x = k - svi.m;
    let root = x.mul_add(x, svi.s * svi.s).sqrt();
    let w = svi.total_variance(k);
    if w <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let slope = svi.b * (svi.rho + x / root);
    let curvature = svi.b * svi.s * svi.s / (root * root * root);
    let carried = 1.0 - k * slope / (2.0 * w);
    carried * carried - slope * slope * 0.25 * (1.0 / w + 0.25) + 0.5 * curvature
}

/// Log-moneynesses in rising order: even ones around the forward, and for each
/// curve some that crowd at its turn; of those the ones in the range, with its ends.
fn grid(curves: &[Svi], range: &RangeInclusive<f64>) -> Vec<f64> {
    let even = (-POINTS_FORWARD..=POINTS_FORWARD)
        .map(|point| REACH * f64::from(point) / f64::from(POINTS_FORWARD));
    let mut ks: Vec<f64> = even.collect();
    for svi in curves {
        ks.extend((-POINTS_TURN..=POINTS_TURN).map(|point| {
            let u = f64::from(point) / f64::from(POINTS_TURN + 1);
            svi.m + svi.s * u / (1.0 - u * u)
        }));
    }
    ks.extend([*range.start(), *range.end()]);
    ks.retain(|k| k.is_finite() && range.contains(k));
    ks.sort_by(f64::total_cmp);
    ks
}

/// The least value on the grid, refined between its neighbours.
fn search(ks: &[f64], value: impl Fn(f64) -> f64) -> Verdict {
    let mut worst = 0;
    let mut worst_value = f64::INFINITY;
    for (index, &k) in ks.iter().enumerate() {
        let here = value(k);
        if here < worst_value {
            (worst, worst_value) = (index, here);
        }
    }
    let mut worst_k = ks[worst];
    let (mut low, mut high) = (ks[worst.saturating_sub(1)], ks[(worst + 1).min(ks.len() - 1)]);
    for _ in 0..NARROWINGS {
        let third = (high - low) / 3.0;
        let (left, right) = (low + third, high - third);
        let (at_left, at_right) = (value(left), value(right));
        for (k, here) in [(left, at_left), (right, at_right)] {
            if here < worst_value {
                (worst_k, worst_value) = (k, here);
            }
        }
        if at_left < at_right {
            high = right;
        } else {
            low = left;
        }
    }
    Verdict { holds: worst_value >= -TOLERANCE, worst_k, worst_value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Gatheral and Jacquier (2014, section 2.3), after Axel Vogt.
    #[test]
    fn a_known_butterfly_is_found() {
        let svi = Svi { a: -0.0410, b: 0.1331, rho: 0.3060, m: 0.3586, s: 0.4153 };
        let verdict = svi.butterfly();
        assert!(!verdict.holds);
        assert!((0.6..1.1).contains(&verdict.worst_k), "{verdict:?}");
    }

    #[test]
    fn a_gentle_curve_has_no_butterfly() {
        let svi = Svi { a: 0.02, b: 0.05, rho: -0.2, m: 0.01, s: 0.2 };
        assert!(svi.butterfly().holds, "{:?}", svi.butterfly());
    }

    /// A zero of total variance is a butterfly by itself.
    #[test]
    fn no_variance_is_a_butterfly() {
        let svi = Svi { a: 0.0, b: 0.0, rho: 0.0, m: 0.0, s: 0.1 };
        assert_eq!(svi.butterfly().worst_value, f64::NEG_INFINITY);
    }

    #[test]
    fn crossing_expiries_are_found_where_they_cross_most() {
        let near = Svi { a: 0.02, b: 0.10, rho: 0.0, m: 0.0, s: 0.2 };
        let far = Svi { a: 0.04, ..near };
        assert!(near.calendar(&far).holds);
        assert!(near.calendar(&near).holds);
        let back = far.calendar(&near);
        assert!(!back.holds && (back.worst_value + 0.02).abs() < 1e-12);
        let bent = Svi { a: 0.03, m: 0.3, ..near };
        let verdict = near.calendar(&bent);
        assert!(!verdict.holds && verdict.worst_k > 0.3, "{verdict:?}");
        assert!(near.calendar_within(&bent, -1.0..=0.0).holds);
        let edge = near.calendar_within(&bent, -1.0..=0.4);
        assert!(!edge.holds && edge.worst_k == 0.4, "{edge:?}");
    }
}
