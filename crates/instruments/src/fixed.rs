//! Decimal text to scaled integers and back, and division that says how it rounds.

use ethnum::I256;

use crate::NumberError;

/// Characters of most numbers.
const TEXT_LENGTH: usize = 24;

/// Which way a division goes when it does not come out even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards minus infinity: against whoever receives a positive amount.
    Floor,
    /// Towards plus infinity: against whoever owes a positive amount.
    Ceil,
    /// To the nearest, ties to even: for figures that nobody gains from, as marks.
    HalfEven,
}

/// `a · b / c`, exact in between, rounded once.
///
/// `None` if `c` is zero or the quotient does not fit.
///
/// ```
/// use plimsoll_instruments::{Rounding, mul_div};
/// assert_eq!(mul_div(-7, 1, 2, Rounding::Floor), Some(-4));
/// assert_eq!(mul_div(-7, 1, 2, Rounding::Ceil), Some(-3));
/// assert_eq!(mul_div(5, 1, 2, Rounding::HalfEven), Some(2));
/// ```
#[must_use]
#[inline]
pub fn mul_div(a: i128, b: i128, c: i128, rounding: Rounding) -> Option<i128> {
    if let Some(quotient) = a.checked_mul(b).and_then(|product| divide_narrow(product, c, rounding))
    {
        return Some(quotient);
    }
    mul_div_wide(a, b, c, rounding)
}

/// The same where the product may not fit 128 bits.
#[cold]
fn mul_div_wide(a: i128, b: i128, c: i128, rounding: Rounding) -> Option<i128> {
    divide(I256::from(a) * I256::from(b), I256::from(c), rounding)
}

/// Division of wide integers with stated rounding.
pub(crate) fn divide(numerator: I256, denominator: I256, rounding: Rounding) -> Option<i128> {
    if denominator == I256::ZERO {
        return None;
    }
    // Almost always both fit 128 bits, which divide several times as fast.
    if let (Ok(narrow), Ok(by)) = (i128::try_from(numerator), i128::try_from(denominator))
        && let Some(quotient) = divide_narrow(narrow, by, rounding)
    {
        return Some(quotient);
    }
    divide_wide(numerator, denominator, rounding)
}

/// The same for a positive denominator and all but the most negative numerator; `None` of others.
#[inline(always)]
pub(crate) fn divide_narrow(
    numerator: i128,
    denominator: i128,
    rounding: Rounding,
) -> Option<i128> {
    if denominator <= 0 || numerator == i128::MIN {
        return None;
    }
    let (quotient, remainder) =
        divide_unsigned(numerator.unsigned_abs(), denominator.unsigned_abs());
    // Neither is 2^127 or more: the numerator is not the most negative one.
    let (quotient, remainder) = (quotient.cast_signed(), remainder.cast_signed());
    let (floor, remainder) = match numerator < 0 {
        true if remainder != 0 => (-quotient - 1, denominator - remainder),
        true => (-quotient, 0),
        false => (quotient, remainder),
    };
    let up = match rounding {
        Rounding::Floor => false,
        Rounding::Ceil => remainder != 0,
        Rounding::HalfEven => {
            let rest = denominator - remainder;
            remainder > rest || (remainder == rest && floor % 2 != 0)
        }
    };
    Some(floor + i128::from(up))
}

/// Quotient and remainder. Numbers of 64 bits divide several times as fast as those of 128, and a
/// short divisor takes two such steps.
#[inline(always)]
fn divide_unsigned(numerator: u128, denominator: u128) -> (u128, u128) {
    const STEP: u32 = u32::BITS;
    let Ok(by) = u64::try_from(denominator) else { return divide_slowly(numerator, denominator) };
    if let Ok(numerator) = u64::try_from(numerator) {
        return (u128::from(numerator / by), u128::from(numerator % by));
    }
    match u64::try_from(numerator >> STEP) {
        Ok(high) if by >> STEP == 0 => {
            let rest = ((high % by) << STEP) | u64::from(numerator as u32);
            let quotient = (u128::from(high / by) << STEP) + u128::from(rest / by);
            (quotient, u128::from(rest % by))
        }
        _ => divide_slowly(numerator, denominator),
    }
}

#[inline(never)]
fn divide_slowly(numerator: u128, denominator: u128) -> (u128, u128) {
    let quotient = numerator / denominator;
    (quotient, numerator - quotient * denominator)
}

fn divide_wide(numerator: I256, denominator: I256, rounding: Rounding) -> Option<i128> {
    let floor = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    // Euclidean division rounds down for a positive divisor and up for a negative one.
    let (floor, remainder) = if denominator < I256::ZERO && remainder != I256::ZERO {
        (floor - I256::ONE, denominator.abs() - remainder)
    } else {
        (floor, remainder)
    };
    let up = match rounding {
        Rounding::Floor => false,
        Rounding::Ceil => remainder != I256::ZERO,
        Rounding::HalfEven => {
            let rest = denominator.abs() - remainder;
            remainder > rest || (remainder == rest && floor.rem_euclid(I256::from(2)) == I256::ONE)
        }
    };
    i128::try_from(if up { floor + I256::ONE } else { floor }).ok()
}

/// Reads a plain decimal number as an integer count of 10^−`decimals`.
///
/// # Errors
/// [`NumberError`] if the text is no plain decimal number, has more decimals than `decimals`
/// (zeros at the end excepted) or does not fit.
pub fn parse_fixed(text: &str, decimals: u32) -> Result<i128, NumberError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return Err(NumberError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing =
        (decimals as usize).checked_sub(fraction.len()).ok_or(NumberError::TooPrecise(decimals))?;
    let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0');
    let value = digits
        .chain(std::iter::repeat_n(0, missing))
        // Towards its sign at every step, because the most negative integer has no opposite.
        .map(|digit| if negative { -i128::from(digit) } else { i128::from(digit) })
        .try_fold(0_i128, |sum, digit| sum.checked_mul(10)?.checked_add(digit));
    value.ok_or(NumberError::TooLarge)
}

/// Writes a count of 10^−`decimals` as the shortest plain decimal number.
#[must_use]
pub fn format_fixed(value: i128, decimals: u32) -> String {
    let mut rest = value.unsigned_abs();
    // From the last digit to the first.
    let mut text = Vec::with_capacity(TEXT_LENGTH);
    for place in 0.. {
        if place > decimals && rest == 0 {
            break;
        }
        if place == decimals && !text.is_empty() {
            text.push(b'.');
        }
        let digit = next_digit(&mut rest);
        // Zeros at the end of the fraction say nothing.
        if place >= decimals || digit != 0 || !text.is_empty() {
            text.push(b'0' + digit);
        }
    }
    if value < 0 {
        text.push(b'-');
    }
    text.reverse();
    String::from_utf8(text).expect("digits are text")
}

/// Takes away the last digit. Most numbers fit 64 bits, which are divided at once.
fn next_digit(rest: &mut u128) -> u8 {
    let digit = match u64::try_from(*rest) {
        Ok(small) => {
            *rest = u128::from(small / 10);
            small % 10
        }
        Err(_) => {
            let digit = *rest % 10;
            *rest /= 10;
            digit as u64
        }
    };
    digit as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_writes() {
        let check = |text: &str, expected: Result<i128, NumberError>| {
            assert_eq!(parse_fixed(text, 8), expected, "{text}");
        };
        check("12.5", Ok(1_250_000_000));
        check("-0.00000001", Ok(-1));
        check("+3", Ok(300_000_000));
        check("1.500000000000", Ok(150_000_000));
        check(".5", Ok(50_000_000));
        check("5.", Ok(500_000_000));
        check("0.000000001", Err(NumberError::TooPrecise(8)));
        check(&"9".repeat(40), Err(NumberError::TooLarge));
        for bad in ["", ".", "-", "1e5", "NaN", "inf", "1,000", " 1", "--1", "1.2.3", "٣"] {
            check(bad, Err(NumberError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(wide: i128, down in 0_u32..128, decimals in 0_u32..12) {
            let value = wide >> down.min(127);
            prop_assert_eq!(parse_fixed(&format_fixed(value, decimals), decimals), Ok(value));
        }

        #[test]
        fn narrow_and_wide_division_agree(
            wide: i128, down in 0_u32..127, b in prop_oneof![1_i128..1_000, 1_i128..1 << 33, 1_i128..1 << 65, 1..=i128::MAX],
            near in -2_i128..=2, half: bool,
        ) {
            let a = wide >> down;
            // Whole multiples, halves and their neighbours, where rounding turns.
            let close = (a / b).checked_mul(b).and_then(|n| n.checked_add(if half { b / 2 } else { 0 } + near));
            for numerator in [a, close.unwrap_or(a)] {
                for rounding in [Rounding::Floor, Rounding::Ceil, Rounding::HalfEven] {
                    let wide = divide_wide(I256::from(numerator), I256::from(b), rounding);
                    prop_assert_eq!(divide(I256::from(numerator), I256::from(b), rounding), wide);
                }
            }
        }

        #[test]
        fn division_brackets_the_quotient(a: i64, b: i64, c: i64) {
            prop_assume!(c != 0);
            let [a, b, c] = [a, b, c].map(i128::from);
            let floor = mul_div(a, b, c, Rounding::Floor).unwrap();
            let ceil = mul_div(a, b, c, Rounding::Ceil).unwrap();
            let nearest = mul_div(a, b, c, Rounding::HalfEven).unwrap();
            let exact = (a * b) % c == 0;
            prop_assert_eq!(ceil - floor, i128::from(!exact));
            prop_assert!(nearest == floor || nearest == ceil);
            prop_assert!((floor * c - a * b).abs() < c.abs());
            prop_assert!(2 * (nearest * c - a * b).abs() <= c.abs());
        }
    }
}
