//! The last half hour: a settlement price that is an average is partly known before expiry.

use crate::{Error, Price, Rounding, Timestamp, mul_div};

/// Length of the averaging window before expiry: the settlement price is the time-weighted mean
/// index over it.
pub const SETTLEMENT_WINDOW_MILLISECONDS: i64 = 30 * 60 * 1_000;

/// The forward for an expiry as the sum of what is already fixed by the running average and what
/// still moves with the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardSplit {
    /// Share of the window gone by, times the average so far: no shock touches it.
    pub fixed: Price,
    /// Share of the window to come, times the live forward.
    pub variable: Price,
}

impl ForwardSplit {
    /// Splits `forward` at time `now`, given the mean index since the window opened. Outside the
    /// window all of it is variable; at expiry all of it is fixed. The parts' rounding residue
    /// stays with the variable part's side of zero: both are rounded to the nearest unit.
    ///
    /// # Errors
    /// [`Error::Overflow`] only for prices beyond the type's range.
    pub fn at(
        now: Timestamp,
        expiry: Timestamp,
        forward: Price,
        average: Price,
    ) -> Result<Self, Error> {
        let window = SETTLEMENT_WINDOW_MILLISECONDS;
        let left = expiry.since(now).clamp(0, window);
        let part = |price: Price, share: i64| {
            let units = i128::from(price.units());
            mul_div(units, i128::from(share), i128::from(window), Rounding::HalfEven)
                .and_then(|units| i64::try_from(units).ok())
                .map(Price::from_units)
                .ok_or(Error::Overflow)
        };
        Ok(Self { fixed: part(average, window - left)?, variable: part(forward, left)? })
    }

    /// Fixed and variable part together.
    #[must_use]
    pub fn total(self) -> Price {
        Price::from_units(self.fixed.units().saturating_add(self.variable.units()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_fixes_the_forward_step_by_step() {
        let expiry: Timestamp = "2026-03-27T08:00:00Z".parse().unwrap();
        let check = |now: &str, fixed: &str, variable: &str| {
            let now = now.parse().unwrap();
            let [forward, average] = ["60000", "50000"].map(|text| text.parse().unwrap());
            let split = ForwardSplit::at(now, expiry, forward, average).unwrap();
            assert_eq!(
                (split.fixed.to_string(), split.variable.to_string()),
                (fixed.into(), variable.into())
            );
        };
        check("2026-03-27T07:00:00Z", "0", "60000");
        check("2026-03-27T07:30:00Z", "0", "60000");
        check("2026-03-27T07:45:00Z", "25000", "30000");
        check("2026-03-27T07:57:00Z", "45000", "6000");
        check("2026-03-27T08:00:00Z", "50000", "0");
        check("2026-03-27T09:00:00Z", "50000", "0");
    }
}
