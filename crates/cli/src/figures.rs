//! Figures as people read them.

use instruments::{Amount, Rounding, format_fixed, mul_div};

const UNITS_PER_CENT: i128 = 1_000_000;

/// US dollars in whole cents, thousands set apart.
pub fn dollars(amount: Amount) -> String {
    let cents = mul_div(amount.units(), 1, UNITS_PER_CENT, Rounding::HalfEven);
    let cents = cents.expect("a quotient is no larger than what was divided");
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, cents) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    format!("{sign}{}.{cents:02}", thousands(&whole.to_string()))
}

/// A share in 10⁻¹⁸, in percent with four decimals at most.
pub fn share(units: u64) -> String {
    const UNITS: i128 = 1_000_000_000_000;
    let percent = mul_div(units.into(), 1, UNITS, Rounding::HalfEven);
    let percent = percent.expect("a quotient is no larger than what was divided");
    format!("{} %", format_fixed(percent, 4))
}

/// A plain decimal with its thousands set apart.
pub fn grouped(plain: &str) -> String {
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain),
    };
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", thousands(whole)),
        None => format!("{sign}{}", thousands(digits)),
    }
}

/// An exact amount, thousands set apart.
pub fn exact(units: i128) -> String {
    grouped(&format_fixed(units, instruments::SCALE_DECIMALS))
}

/// A number of any size with all its digits: plain where that is short, else with an exponent.
pub fn real(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-4..1e15).contains(&magnitude) || !number.is_finite() {
        return number.to_string();
    }
    format!("{number:e}")
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn thousands(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        let starts_group = (digits.len() - index).is_multiple_of(3);
        if index > 0 && starts_group && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_rounded_to_cents() {
        let check = |text: &str, expected: &str| {
            assert_eq!(dollars(text.parse().unwrap()), expected);
        };
        check("0", "0.00");
        check("-0.001", "0.00");
        check("999.995", "1,000.00");
        check("-1234567.891", "-1,234,567.89");
        check("100000000000", "100,000,000,000.00");
    }

    #[test]
    fn shares_are_in_percent() {
        for (units, expected) in
            [(0, "0 %"), (20_500_000_000_000_000, "2.05 %"), (333_333_333_333_333_333, "33.3333 %")]
        {
            assert_eq!(share(units), expected);
        }
    }

    #[test]
    fn numbers_of_any_size_are_short() {
        for (number, expected) in [
            (0.0, "0"),
            (-874_503.346_996, "-874503.346996"),
            (0.1, "0.1"),
            (1e-9, "1e-9"),
            (-1.5e300, "-1.5e300"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(real(number), expected);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (plain, expected) in [("1", "1"), ("-1000", "-1,000"), ("123456.789", "123,456.789")] {
            assert_eq!(grouped(plain), expected);
        }
        assert_eq!(exact(-150_000_000_000), "-1,500");
    }
}
