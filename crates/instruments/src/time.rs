//! Points in time, as integers.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::Error;

/// A point in time: milliseconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Milliseconds in a day.
    pub const DAY: i64 = 86_400_000;
    /// Milliseconds in an hour.
    pub const HOUR: i64 = 3_600_000;
    /// Milliseconds in a year of the day count act/365.
    pub const YEAR: i64 = 365 * Self::DAY;

    /// The point `milliseconds` after 1970-01-01 UTC.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to here; negative if it lies later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The day's 08:00 UTC, when contracts expire.
    #[must_use]
    pub(crate) fn expiry_on(date: Date) -> Option<Self> {
        Self::from_civil(date.at(8, 0, 0, 0))
    }

    /// The calendar day in UTC.
    #[must_use]
    pub(crate) fn date(self) -> Date {
        self.civil().map_or(Date::MIN, DateTime::date)
    }

    /// Whether a calendar holds it: the years −9999 to 9999.
    pub(crate) fn is_in_calendar(self) -> bool {
        self.civil().is_some()
    }

    fn from_civil(civil: DateTime) -> Option<Self> {
        let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_millisecond()))
    }

    fn civil(self) -> Option<DateTime> {
        let instant = jiff::Timestamp::from_millisecond(self.0).ok()?;
        Some(TimeZone::UTC.to_datetime(instant))
    }
}

impl FromStr for Timestamp {
    type Err = Error;
    /// Reads RFC 3339 with an offset, or a bare date (its midnight UTC).
    fn from_str(text: &str) -> Result<Self, Error> {
        let instant = text.parse::<jiff::Timestamp>().map(|at| Self(at.as_millisecond()));
        let bare = || text.parse::<Date>().ok().filter(|_| text.len() == 10);
        let midnight = || Self::from_civil(bare()?.at(0, 0, 0, 0));
        instant.ok().or_else(midnight).ok_or_else(|| Error::Time(text.into()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => f.pad(&instant.to_string()),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_files_use() {
        let check = |text: &str, milliseconds: i64| {
            assert_eq!(text.parse::<Timestamp>().unwrap().milliseconds(), milliseconds, "{text}");
        };
        check("1970-01-02", 86_400_000);
        check("2026-02-05T15:51:32.535650+00:00", 1_770_306_692_535);
        check("2026-02-05T15:51:32.535Z", 1_770_306_692_535);
        check("2026-02-13T08:00:00+00:00", 1_770_969_600_000);
        for bad in ["", "2026-02-30", "yesterday", "2026-02-05T15:51"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }
}
