//! What the options of one expiry can lose by it.

use instruments::OptionKind;

use super::Need;
use crate::methodology::ExpiryCap;

/// An option position in plain numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionLeg {
    /// Call or put.
    pub kind: OptionKind,
    /// The strike, in US dollars.
    pub strike: f64,
    /// Units of the underlying; a short position is negative.
    pub size: f64,
}

impl OptionLeg {
    /// What the position pays at a settlement price, in US dollars.
    #[must_use]
    pub fn payoff(&self, price: f64) -> f64 {
        let per_unit = match self.kind {
            OptionKind::Call => (price - self.strike).max(0.0),
            OptionKind::Put => (self.strike - price).max(0.0),
        };
        self.size * per_unit
    }
}

impl ExpiryCap {
    /// The most that positions of one expiry can need together: what they can lose by it, at
    /// settlement prices up to the highest strike, and beyond it a multiple of the forward for each
    /// unit of calls sold in excess of those held.
    ///
    /// `max(0, −min over strikes and 0 of Σ payoff) + unpaired·F·max(0, −Σ calls)`, in US dollars.
    /// (Derive, standard manager, 2023.)
    #[must_use]
    pub fn need(&self, forward: f64, legs: &[OptionLeg]) -> Need {
        let bounded = loss_max(legs);
        let unpaired = unpaired_calls(legs) * forward;
        Need {
            initial: bounded + self.unpaired_initial * unpaired,
            maintenance: bounded + self.unpaired_maintenance * unpaired,
        }
    }
}

/// Between strikes a payoff is a straight line, so its least stands at one of them or at zero.
fn loss_max(legs: &[OptionLeg]) -> f64 {
    let mut prices: Vec<f64> = legs.iter().map(|leg| leg.strike).chain([0.0]).collect();
    prices.sort_unstable_by(f64::total_cmp);
    prices.dedup();
    let payoff = |price: f64| legs.iter().map(|leg| leg.payoff(price)).sum::<f64>();
    prices.into_iter().map(payoff).fold(0.0, |loss: f64, payoff| loss.max(-payoff))
}

fn unpaired_calls(legs: &[OptionLeg]) -> f64 {
    let calls = legs.iter().filter(|leg| leg.kind == OptionKind::Call);
    (-calls.map(|leg| leg.size).sum::<f64>()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: ExpiryCap = ExpiryCap { unpaired_initial: 1.2, unpaired_maintenance: 1.1 };

    fn check(legs: &[(OptionKind, f64, f64)], initial: f64, maintenance: f64) {
        let leg = |&(kind, strike, size)| OptionLeg { kind, strike, size };
        let legs: Vec<OptionLeg> = legs.iter().map(leg).collect();
        let found = CAP.need(100.0, &legs);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let holds = near(found.initial, initial) && near(found.maintenance, maintenance);
        assert!(holds, "{legs:?}: {found:?}");
    }

    #[test]
    fn by_hand() {
        use OptionKind::{Call, Put};
        check(&[], 0.0, 0.0);
        check(&[(Call, 90.0, 1.0), (Put, 90.0, 2.0)], 0.0, 0.0);
        // A spread loses its width, a short put its strike, a short call has no end.
        check(&[(Call, 90.0, -1.0), (Call, 120.0, 1.0)], 30.0, 30.0);
        check(&[(Call, 90.0, 1.0), (Call, 120.0, -1.0)], 0.0, 0.0);
        check(&[(Put, 80.0, -2.0)], 160.0, 160.0);
        check(&[(Call, 90.0, -1.0)], 120.0, 110.0);
        // The long put doesn't pair with the short call; at 120 half a call spread is lost.
        check(&[(Call, 90.0, -1.0), (Call, 120.0, 0.5), (Put, 90.0, 1.0)], 90.0, 85.0);
        // A strike of zero is the coin itself.
        check(&[(Call, 0.0, 1.0), (Call, 90.0, -1.0)], 0.0, 0.0);
    }
}
