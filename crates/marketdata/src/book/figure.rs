//! A number as a file states it.

use instruments::SCALE;

/// A quantity or price before it is known what it is a number of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure<'a> {
    /// The field is empty or null.
    Missing,
    /// As people write it.
    Text(&'a str),
    /// Exactly so many 10⁻⁸.
    Units(i64),
}

/// Up to this many 10⁻⁸ every decimal has a double of its own, and no other decimal as short.
const EXACT_UNITS_MAX: f64 = 1e15;

impl<'a> Figure<'a> {
    /// A double as the number of 10⁻⁸ that it stands for: the one whose decimal it is the double of,
    /// or within rounding of a sum of such doubles. `buffer` holds any other as its shortest decimal.
    pub fn of_double(number: f64, buffer: &'a mut String) -> Self {
        let units = (number * SCALE as f64).round();
        let difference = (units / SCALE as f64 - number).abs();
        if units.abs() < EXACT_UNITS_MAX && difference <= f64::EPSILON * number.abs() {
            return Self::Units(units as i64);
        }
        write(buffer, &number)
    }

    /// Any other number by the text of it.
    pub fn of(number: &impl std::fmt::Display, buffer: &'a mut String) -> Self {
        write(buffer, number)
    }

    /// The text of a field.
    pub const fn of_text(text: &'a str) -> Self {
        if text.is_empty() { Self::Missing } else { Self::Text(text) }
    }

    /// What errors show.
    pub fn shown(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(text) => crate::error::shown(text),
            Self::Units(units) => {
                instruments::format_fixed(i128::from(*units), instruments::SCALE_DECIMALS)
            }
        }
    }
}

fn write<'a>(buffer: &'a mut String, number: &impl std::fmt::Display) -> Figure<'a> {
    use std::fmt::Write;
    buffer.clear();
    write!(buffer, "{number}").expect("writing to a string never fails");
    Figure::Text(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_their_shortest_decimals() {
        let check = |number: f64, expected: Figure<'_>| {
            assert_eq!(Figure::of_double(number, &mut String::new()), expected);
        };
        check(0.1, Figure::Units(10_000_000));
        check(-2.5, Figure::Units(-250_000_000));
        check(82_350.123_456_78, Figure::Units(8_235_012_345_678));
        check(-0.0, Figure::Units(0));
        check(1e-8, Figure::Units(1));
        check(1e-9, Figure::Text("0.000000001"));
        check(-1.000_000_001, Figure::Text("-1.000000001"));
        check(1e-300, Figure::Text(&format!("{}", 1e-300)));
        check(1e9, Figure::Text("1000000000"));
        check(f64::NAN, Figure::Text("NaN"));
        check(f64::NEG_INFINITY, Figure::Text("-inf"));
    }

    #[test]
    fn sums_of_decimals_are_decimals() {
        let check = |sum: f64, decimal: f64| {
            let units = Figure::of_double(decimal, &mut String::new()).shown();
            assert_ne!(sum, decimal);
            assert_eq!(Figure::of_double(sum, &mut String::new()).shown(), units);
        };
        check(0.1 + 0.2, 0.3);
        check(-0.1 - 0.7, -0.8);
        check(1.1 + 2.2, 3.3);
        check(1e-8 + 2e-8, 3e-8);
        check(9_999_999.1_f64.next_up(), 9_999_999.1);
        // Further away it is another number.
        let off = 0.3_f64.next_up().next_up().next_up();
        let text = off.to_string();
        assert_eq!(Figure::of_double(off, &mut String::new()), Figure::Text(&text));
    }
}
