//! A fall of the fund from its recent peak, which calls for early auto-deleveraging.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Rounding, mul_div};

use crate::waterfall::{Share, WaterfallError};

/// How long a peak counts: 8 hours.
pub const WINDOW_MS: u64 = 8 * 60 * 60 * 1000;
/// Balances within the same minute are remembered as one, by the highest. So there are few of them,
/// and a peak counts for up to a minute longer.
const BUCKET_MS: u64 = 60_000;

/// At which fall from the peak early deleveraging starts and stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EarlyDeleveraging {
    /// It starts when the balance is this share below the peak: 30 % by default.
    pub start: Share,
    /// It stops when the balance is less than this share below the peak; smaller than `start`.
    pub stop: Share,
}

impl Default for EarlyDeleveraging {
    /// Starts at 30 %, stops at 20 %.
    fn default() -> Self {
        Self { start: Share::from_ppb(300_000_000), stop: Share::from_ppb(200_000_000) }
    }
}

/// The fund's peak of the last 8 hours, and whether its fall from there calls for deleveraging early.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PeakWatch {
    rule: EarlyDeleveraging,
    /// Minute and highest balance in it: minutes rise, balances fall, so that the first is the peak.
    highs: VecDeque<(u64, u128)>,
    early: bool,
}

impl PeakWatch {
    /// A watch that has seen nothing.
    ///
    /// # Errors
    /// [`WaterfallError::Parameter`] unless 0 < stop < start ≤ 1.
    pub fn new(rule: EarlyDeleveraging) -> Result<Self, WaterfallError> {
        if rule.stop == Share::ZERO || rule.stop >= rule.start || rule.start > Share::ONE {
            let wanted = "a stop above nothing and below the start, which is at most one";
            return Err(WaterfallError::Parameter { what: "early deleveraging", wanted });
        }
        Ok(Self { rule, highs: VecDeque::new(), early: false })
    }

    /// Takes in the fund's balance at a time, and says whether deleveraging starts early now. A time
    /// before the last one counts as the last.
    ///
    /// # Errors
    /// [`WaterfallError::TooLarge`] for a balance beyond 2¹²⁷; nothing is changed then.
    pub fn observe(&mut self, time_ms: u64, balance: u128) -> Result<bool, WaterfallError> {
        if i128::try_from(balance).is_err() {
            return Err(WaterfallError::TooLarge("the insurance fund"));
        }
        let last = self.highs.back().map_or(0, |(minute, _)| *minute);
        let minute = (time_ms / BUCKET_MS).max(last);
        while self
            .highs
            .front()
            .is_some_and(|(at, _)| minute.saturating_sub(*at) > WINDOW_MS / BUCKET_MS)
        {
            self.highs.pop_front();
        }
        // A higher balance makes lower ones before it forgotten: it outlasts them.
        while self.highs.back().is_some_and(|(_, high)| *high <= balance) {
            self.highs.pop_back();
        }
        if self.highs.back().is_none_or(|(at, _)| *at < minute) {
            self.highs.push_back((minute, balance));
        }
        let fall = self.peak().saturating_sub(balance);
        self.early = match self.early {
            false => fall > 0 && fall >= self.part_of_peak(self.rule.start)?,
            true => fall > 0 && fall >= self.part_of_peak(self.rule.stop)?,
        };
        Ok(self.early)
    }

    /// The highest balance of the last 8 hours; zero before the first.
    #[must_use]
    pub fn peak(&self) -> u128 {
        self.highs.front().map_or(0, |(_, high)| *high)
    }

    /// Whether deleveraging starts early now.
    #[must_use]
    pub const fn is_early(&self) -> bool {
        self.early
    }

    fn part_of_peak(&self, share: Share) -> Result<u128, WaterfallError> {
        let peak = i128::try_from(self.peak()).ok();
        let one = i128::from(Share::ONE.units());
        let part =
            peak.and_then(|peak| mul_div(peak, i128::from(share.units()), one, Rounding::Ceil));
        part.map(i128::unsigned_abs).ok_or(WaterfallError::TooLarge("the insurance fund"))
    }
}
