//! What a share is after so much time: reserve discounts and premiums.

use ethnum::I256;

use crate::waterfall::wide::floor;
use crate::waterfall::{Share, WaterfallError};

/// A share that rises along straight lines between points in time, and stays after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Milliseconds after the start, rising, and the share there, never falling.
    points: Vec<(u64, Share)>,
}

/// The shortest and the longest an auction's discount may take to grow.
const DURATION_MS: (u64, u64) = (60_000, 120_000);

impl Schedule {
    /// A schedule through points: milliseconds after the start, and the share there. Before the first
    /// point it has that point's share.
    ///
    /// # Errors
    /// [`WaterfallError::Parameter`] without points, for times that don't rise, for shares that fall
    /// and for one above [`Share::ONE`].
    pub fn new(points: Vec<(u64, Share)>) -> Result<Self, WaterfallError> {
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let wanted = "points of rising time and of shares that don't fall, at most one";
        match points.last() {
            Some((_, last)) if rising && *last <= Share::ONE => Ok(Self { points }),
            _ => Err(WaterfallError::Parameter { what: "a schedule", wanted }),
        }
    }

    /// From `start` to `end` in a straight line of `duration_ms`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn rising(start: Share, end: Share, duration_ms: u64) -> Result<Self, WaterfallError> {
        Self::new(vec![(0, start), (duration_ms, end)])
    }

    /// The share after `elapsed_ms`, rounded down: it is what a bidder gains.
    #[must_use]
    pub fn at(&self, elapsed_ms: u64) -> Share {
        let next = self.points.partition_point(|(time, _)| *time <= elapsed_ms);
        match (next.checked_sub(1).map(|last| self.points[last]), self.points.get(next)) {
            (None, Some((_, first))) => *first,
            (Some((_, share)), None) => share,
            (Some((from, low)), Some((to, high))) => {
                let rise = u128::from(high.units() - low.units()) * u128::from(elapsed_ms - from);
                let rise = u64::try_from(rise / u128::from(to - from));
                let rise = rise.expect("less than the rise of the whole line");
                Share::from_units(low.units() + rise)
            }
            (None, None) => Share::ZERO,
        }
    }
}

/// How long the reserve discount takes to grow: 120 s at or below a volatility of `calm`, 60 s at or
/// above `wild`, in a straight line between, rounded down. The wilder the market, the less time there
/// is to wait for bids. All three in parts per billion per √year.
///
/// # Errors
/// [`WaterfallError::Parameter`] unless `calm` is below `wild`.
pub fn reserve_duration_ms(
    volatility_ppb: u64,
    calm_ppb: u64,
    wild_ppb: u64,
) -> Result<u64, WaterfallError> {
    if calm_ppb >= wild_ppb {
        let wanted = "below the volatility of a wild one";
        return Err(WaterfallError::Parameter { what: "the volatility of a calm market", wanted });
    }
    let beyond = volatility_ppb.clamp(calm_ppb, wild_ppb) - calm_ppb;
    let (shortest, longest) = DURATION_MS;
    let left = I256::from(wild_ppb - calm_ppb - beyond) * I256::from(longest - shortest);
    let extra = floor(left, I256::from(wild_ppb - calm_ppb)).and_then(|ms| u64::try_from(ms).ok());
    Ok(shortest + extra.expect("a part of a minute"))
}
