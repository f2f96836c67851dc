use crate::RiskError;

const PPM: u128 = 1_000_000;

/// Profits of equally likely days, for value at risk and expected shortfall as reported and
/// back-tested.
///
/// A number q is a p-quantile of N profits if at least N·p of them are at most q and at least
/// N·(1 − p) at least q (Hyndman and Fan 1996). Unless N·p is a whole number, one profit alone is
/// both among the profits and a p-quantile; where it is one, two neighbours are, and conventions
/// differ in which they take. [`value_at_risk`](Self::value_at_risk) takes the lower, as the
/// margin's tails do: the loss of rank k = ⌈N·(1 − α)⌉.
///
/// Probabilities are in parts per million, from 0 to 1,000,000; more counts as 1,000,000.
///
/// ```
/// use plimsoll_risk::HistoricalProfits;
///
/// let profits = HistoricalProfits::new(vec![5.0, -30.0, 20.0, -10.0, 15.0])?;
/// // k = ⌈5·0.25⌉ = 2: the second worst, and the mean of the two worst.
/// assert_eq!(profits.value_at_risk(750_000), 10.0);
/// assert_eq!(profits.expected_shortfall(750_000), 20.0);
/// # Ok::<(), plimsoll_risk::RiskError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HistoricalProfits {
    sorted: Vec<f64>,
}

impl HistoricalProfits {
    /// Profits in one currency, in any order.
    ///
    /// # Errors
    /// [`RiskError::MarketValue`] for a profit that is not finite, [`RiskError::NoProfits`] for none.
    pub fn new(mut profits: Vec<f64>) -> Result<Self, RiskError> {
        if profits.is_empty() {
            return Err(RiskError::NoProfits);
        }
        if let Some(&value) = profits.iter().find(|profit| !profit.is_finite()) {
            let what = "a profit".to_owned();
            return Err(RiskError::MarketValue { what, value, wanted: "a finite number" });
        }
        profits.sort_by(f64::total_cmp);
        Ok(Self { sorted: profits })
    }

    /// The loss at confidence α that only the k − 1 worst days exceed; negative if it is a gain.
    #[must_use]
    pub fn value_at_risk(&self, alpha_ppm: u32) -> f64 {
        -self.quantiles(rest(alpha_ppm))[0]
    }

    /// The mean loss of the k worst days; negative if it is a gain.
    #[must_use]
    pub fn expected_shortfall(&self, alpha_ppm: u32) -> f64 {
        let [last, _] = self.ranks(rest(alpha_ppm));
        -mean(&self.sorted[..=last])
    }

    /// The least and the greatest profit that is a p-quantile; the same one unless N·p is whole.
    #[must_use]
    pub fn quantiles(&self, probability_ppm: u32) -> [f64; 2] {
        self.ranks(probability_ppm).map(|rank| self.sorted[rank])
    }

    /// The mean of all profits that are at most `bound`, ties included; NaN if none is.
    #[must_use]
    pub fn mean_up_to(&self, bound: f64) -> f64 {
        mean(&self.sorted[..self.sorted.partition_point(|&profit| profit <= bound)])
    }

    /// The largest profit or loss, without its sign.
    #[must_use]
    pub fn magnitude(&self) -> f64 {
        let [least, greatest] = [0, self.sorted.len() - 1].map(|rank| self.sorted[rank].abs());
        least.max(greatest)
    }

    /// Ranks, from nought, of the least and the greatest p-quantile: ⌈N·p⌉ − 1 and ⌊N·p⌋.
    fn ranks(&self, probability_ppm: u32) -> [usize; 2] {
        let last = self.sorted.len() - 1;
        let scaled = self.sorted.len() as u128 * u128::from(probability_ppm).min(PPM);
        let rank = |rank: u128| usize::try_from(rank).map_or(last, |rank| rank.min(last));
        [rank(scaled.div_ceil(PPM).saturating_sub(1)), rank(scaled / PPM)]
    }
}

fn rest(alpha_ppm: u32) -> u32 {
    1_000_000_u32.saturating_sub(alpha_ppm)
}

fn mean(profits: &[f64]) -> f64 {
    // Smaller by a power of two, which changes no digit, no sum is beyond a double.
    const SMALLER: f64 = 1.0 / 18_446_744_073_709_551_616.0;
    let count = profits.len() as f64;
    let sum: f64 = profits.iter().sum();
    if sum.is_finite() {
        return sum / count;
    }
    profits.iter().map(|profit| profit * SMALLER).sum::<f64>() / count / SMALLER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profits(numbers: impl IntoIterator<Item = i32>) -> HistoricalProfits {
        HistoricalProfits::new(numbers.into_iter().map(f64::from).collect()).unwrap()
    }

    #[test]
    fn tails_are_counted_in_integers() {
        let ten = profits((1..=10).rev());
        // 10·0.1 is whole: the first and the second are quantiles, the margin's tail is the first.
        assert_eq!(ten.quantiles(100_000), [1.0, 2.0]);
        assert_eq!(ten.value_at_risk(900_000), -1.0);
        assert_eq!(ten.quantiles(100_001), [2.0, 2.0]);
        assert_eq!(ten.quantiles(99_999), [1.0, 1.0]);
        assert_eq!(ten.quantiles(0), [1.0, 1.0]);
        assert_eq!(ten.quantiles(1_000_000), [10.0, 10.0]);
        assert_eq!(ten.quantiles(u32::MAX), [10.0, 10.0]);
        assert_eq!(ten.expected_shortfall(700_000), -2.0);
        assert_eq!(ten.expected_shortfall(u32::MAX), -1.0);
        assert_eq!(profits([7]).quantiles(500_000), [7.0, 7.0]);
    }

    #[test]
    fn ties_belong_to_the_mean_up_to_them() {
        let tied = profits([-4, -1, -1, 6]);
        assert_eq!(tied.mean_up_to(-1.0), -2.0);
        assert_eq!(tied.mean_up_to(100.0), 0.0);
        assert!(tied.mean_up_to(-5.0).is_nan());
        assert_eq!(tied.expected_shortfall(500_000), 2.5);
    }

    #[test]
    fn large_profits_have_a_mean() {
        let large = HistoricalProfits::new(vec![f64::MAX; 3]).unwrap();
        assert!(large.mean_up_to(f64::MAX).is_finite());
        assert_eq!(large.magnitude(), f64::MAX);
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        assert_eq!(HistoricalProfits::new(vec![]), Err(RiskError::NoProfits));
        assert!(HistoricalProfits::new(vec![1.0, f64::NAN]).is_err());
        assert!(HistoricalProfits::new(vec![f64::INFINITY]).is_err());
    }
}
