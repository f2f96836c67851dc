//! Division of amounts that loses nothing: every unit goes to somebody by a stated rule.

use ethnum::U256;
use instruments::{Amount, Rounding, mul_div};

use crate::account::BALANCE_MAX;

/// What one party pays, another receives, and the rounding account keeps:
/// `paid = received + residue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What the payer pays; negative if it is the payer who receives.
    pub paid: Amount,
    /// What the receiver gets; negative if it is the receiver who pays.
    pub received: Amount,
    /// What is left over: nothing, or one unit.
    pub residue: Amount,
}

/// One party's share of an amount that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How much, in 10⁻⁸.
    pub amount: Amount,
    remainder: u128,
    place: u32,
}

/// Why an amount could not be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// There is no party, or none has a weight.
    #[error("there is no weight to split by (give at least one party a weight above zero)")]
    NoWeight,
    /// The amount, the sum of the weights or the number of parties is beyond its bound.
    #[error(
        "the split is too large: amounts go to 2^100 units, weights together below 2^127, \
         parties to 2^32"
    )]
    TooLarge,
}

/// The exact payment `a·b/c`, in 10⁻⁸, rounded against whoever gains: the payer pays it rounded
/// up, the receiver gets it rounded down. With a negative quotient the two change roles.
///
/// `None` if `c` is zero or a result does not fit.
///
/// ```
/// # use plimsoll_ledger::exchange;
/// let payment = exchange(10, 1, 3).expect("small numbers fit");
/// assert_eq!((payment.paid.units(), payment.received.units()), (4, 3));
/// let other_way = exchange(-10, 1, 3).expect("small numbers fit");
/// assert_eq!((other_way.paid.units(), other_way.received.units()), (-3, -4));
/// ```
#[must_use]
pub fn exchange(a: i128, b: i128, c: i128) -> Option<Exchange> {
    let paid = Amount::from_units(mul_div(a, b, c, Rounding::Ceil)?);
    let received = Amount::from_units(mul_div(a, b, c, Rounding::Floor)?);
    Some(Exchange { paid, received, residue: paid.checked_sub(received)? })
}

/// Splits `amount` in proportion to `weights` so that the shares sum to it exactly: each gets its
/// quotient rounded towards zero, and the units left go one each to the largest remainders, the
/// earlier party first among equals (Hamilton's method). `shares` is overwritten, in the order of
/// the weights.
///
/// For what is shared out of one pot, as a fee: nothing is left over.
///
/// # Errors
/// [`SplitError`]; `shares` is then empty.
pub fn split_exactly(
    amount: Amount,
    weights: &[u128],
    shares: &mut Vec<Share>,
) -> Result<(), SplitError> {
    let left = split_towards_zero(amount, weights, shares)?;
    // The largest remainders come first, then each share returns to its place.
    shares.sort_unstable_by_key(|share| (std::cmp::Reverse(share.remainder), share.place));
    for share in &mut shares[..left] {
        share.add(amount.units().signum());
    }
    shares.sort_unstable_by_key(|share| share.place);
    Ok(())
}

/// Splits `amount` in proportion to `weights`, each share rounded down: who receives gets less, who
/// pays, where `amount` is negative, pays more. Returns what is left over, less than a unit per
/// party and never negative, for the rounding account. `shares` is overwritten, in the order of the
/// weights.
///
/// For what each party is due by itself, as profit at settlement: equal weights get equal shares.
///
/// # Errors
/// [`SplitError`]; `shares` is then empty.
pub fn split_rounding_down(
    amount: Amount,
    weights: &[u128],
    shares: &mut Vec<Share>,
) -> Result<Amount, SplitError> {
    let left = split_towards_zero(amount, weights, shares)?;
    if amount >= Amount::ZERO {
        return Ok(units(left));
    }
    let uneven = shares.iter_mut().filter(|share| share.remainder > 0);
    let rounded = uneven.map(|share| share.add(-1)).count();
    Ok(units(rounded - left))
}

/// Shares rounded towards zero, and how many units of the amount's sign are left.
fn split_towards_zero(
    amount: Amount,
    weights: &[u128],
    shares: &mut Vec<Share>,
) -> Result<usize, SplitError> {
    shares.clear();
    let total = weights.iter().try_fold(0_u128, |total, &weight| total.checked_add(weight));
    let total = total.filter(|&total| total < 1 << 127).ok_or(SplitError::TooLarge)?;
    let magnitude = amount.units().unsigned_abs();
    if magnitude > BALANCE_MAX.units().unsigned_abs() || u32::try_from(weights.len()).is_err() {
        return Err(SplitError::TooLarge);
    }
    if total == 0 {
        return Err(SplitError::NoWeight);
    }
    let mut left = magnitude;
    for (place, &weight) in (0..).zip(weights) {
        let (quotient, remainder) = divide(magnitude, weight, total);
        left -= quotient;
        let signed = quotient.cast_signed() * amount.units().signum();
        shares.push(Share { amount: Amount::from_units(signed), remainder, place });
    }
    Ok(usize::try_from(left).expect("less than a unit is left over per party"))
}

/// `magnitude · weight / total` and its remainder, for a weight no larger than the total.
fn divide(magnitude: u128, weight: u128, total: u128) -> (u128, u128) {
    let product = U256::from(magnitude) * U256::from(weight);
    let total = U256::from(total);
    ((product / total).as_u128(), (product % total).as_u128())
}

fn units(count: usize) -> Amount {
    Amount::from_units(i128::try_from(count).expect("a count of parties fits"))
}

impl Share {
    fn add(&mut self, units: i128) {
        self.amount = Amount::from_units(self.amount.units() + units);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(shares: &[Share]) -> Vec<i128> {
        shares.iter().map(|share| share.amount.units()).collect()
    }

    #[test]
    fn exact_splits_by_hand() {
        let check = |amount: i128, weights: &[u128], expected: &[i128]| {
            let mut shares = Vec::new();
            split_exactly(Amount::from_units(amount), weights, &mut shares).unwrap();
            assert_eq!(amounts(&shares), expected, "{amount} by {weights:?}");
        };
        check(10, &[1, 1, 1], &[4, 3, 3]);
        check(11, &[1, 1, 1], &[4, 4, 3]);
        check(-10, &[1, 1, 1], &[-4, -3, -3]);
        check(100, &[7, 2, 1], &[70, 20, 10]);
        // Quotients 0.6, 0.6 and 0.8: the last has the largest remainder, then the first.
        check(2, &[3, 3, 4], &[1, 0, 1]);
        check(0, &[5, 0], &[0, 0]);
        check(7, &[0, 9, 0], &[0, 7, 0]);
    }

    #[test]
    fn splits_rounded_down_by_hand() {
        let check = |amount: i128, weights: &[u128], expected: &[i128], residue: i128| {
            let mut shares = Vec::new();
            let left = split_rounding_down(Amount::from_units(amount), weights, &mut shares);
            assert_eq!(left.unwrap().units(), residue);
            assert_eq!(amounts(&shares), expected, "{amount} by {weights:?}");
        };
        check(10, &[1, 1, 1], &[3, 3, 3], 1);
        check(-10, &[1, 1, 1], &[-4, -4, -4], 2);
        check(-9, &[1, 1, 1], &[-3, -3, -3], 0);
        check(5, &[1, 0, 1], &[2, 0, 2], 1);
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let mut shares = Vec::new();
        let one = Amount::from_units(1);
        let mut check = |amount, weights: &[u128], expected| {
            assert_eq!(split_exactly(amount, weights, &mut shares), Err(expected));
            assert!(shares.is_empty());
        };
        check(one, &[], SplitError::NoWeight);
        check(one, &[0, 0], SplitError::NoWeight);
        check(one, &[u128::MAX, 1], SplitError::TooLarge);
        check(one, &[1 << 127], SplitError::TooLarge);
        check(Amount::from_units(i128::MIN), &[1], SplitError::TooLarge);
    }

    #[test]
    fn an_exchange_that_does_not_fit_is_none() {
        assert_eq!(exchange(1, 1, 0), None);
        assert_eq!(exchange(i128::MAX, 2, 1), None);
    }
}
