//! Liquidity and concentration of an underlying's gross delta.

use super::UnderlyingTerms;
use super::rate::{Rate, product};

/// Bits of the root of a share of volume.
const ROOT_BITS: u32 = 28;

impl UnderlyingTerms {
    /// Liquidity and concentration of a gross delta: `Δ·(½spread + Y·σ_d·√(Δ/ADV))` and
    /// `R·Δ·max(0, √(Δ/(participation·ADV·days)) − 1)`.
    pub(super) fn charge(&self, delta: u128) -> Option<u128> {
        let share = self.per_volume.of(delta)?;
        self.charge_at(delta, root_up(share))
    }

    /// At least what more delta raises that charge by, from what there is already: the charge is convex,
    /// and so rises nowhere faster than it does after that. Of `Δ·√Δ` that is half as much again as
    /// it is on average.
    pub(super) fn charge_of_more(&self, from: u128, more: u128) -> Option<u128> {
        let root = root_up(self.per_volume.of(from.checked_add(more)?)?);
        self.charge_at(more, root + root / 2 + 1)
    }

    /// The most delta at which more of it raises that charge by no more than there is of it.
    pub(super) fn delta_max(&self) -> u64 {
        const MORE: u128 = 1 << 40;
        let is_mild = |delta: u64| {
            let charge = self.charge_of_more(delta.into(), MORE);
            charge.is_some_and(|charge| charge <= MORE)
        };
        // Bit by bit from the highest: the charge is convex.
        (0..u64::BITS)
            .rev()
            .map(|bit| 1 << bit)
            .fold(0, |delta, bit| if is_mild(delta | bit) { delta | bit } else { delta })
    }

    /// The charge on a delta where the root of its share of daily volume is so much.
    fn charge_at(&self, delta: u128, root: u128) -> Option<u128> {
        let part = |rate: Rate, root: u128| {
            let whole = rate.of(delta)?;
            let product = match u64::try_from(root) {
                Ok(root) => product(whole, root)?,
                Err(_) => whole.checked_mul(root)?,
            };
            Some((product >> ROOT_BITS) + 1)
        };
        let beyond = self.concentration.of(root)?.saturating_sub(1 << ROOT_BITS);
        let concentration = if beyond == 0 { 0 } else { part(self.range, beyond)? };
        Some(self.half_spread.of(delta)? + part(self.impact, root)? + concentration)
    }
}

/// A root, rounded up.
fn root_up(share: u128) -> u128 {
    let root = match u64::try_from(share) {
        Ok(share) => u128::from(share.isqrt()),
        Err(_) => share.isqrt(),
    };
    root + 1
}
