//! Which part of a list is asked for.

use rusqlite::{Error, OptionalExtension, ToSql};

/// Entries of a list by number and time, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this number on, up to this one.
    pub numbers: (u64, u64),
    /// From this time on, up to this one, in milliseconds.
    pub times: (i64, i64),
    /// How many.
    pub count: usize,
    /// The oldest first; else the newest.
    pub ascending: bool,
}

impl Span {
    /// The newest.
    #[must_use]
    pub const fn newest(count: usize) -> Self {
        let (numbers, times) = ((1, u64::MAX), (i64::MIN, i64::MAX));
        Self { numbers, times, count, ascending: false }
    }

    /// Whether an entry is among them, but for how many there are.
    #[must_use]
    pub fn has(&self, number: u64, time_ms: i64) -> bool {
        (self.numbers.0..=self.numbers.1).contains(&number)
            && (self.times.0..=self.times.1).contains(&time_ms)
    }

    /// What of it is older than an entry; none if nothing can be.
    #[must_use]
    pub fn below(&self, number: u64) -> Option<Self> {
        let last = self.numbers.1.min(number.saturating_sub(1));
        let first = self.numbers.0.max(1);
        (first <= last).then_some(Self { numbers: (first, last), ..*self })
    }

    /// The words that put rows in its order.
    #[must_use]
    pub const fn order(&self) -> &'static str {
        if self.ascending { "asc" } else { "desc" }
    }

    /// The same by numbers alone, for a list that has every number, in the order of time. `time` reads
    /// the time of an entry.
    ///
    /// # Errors
    /// As `time`.
    pub fn by_number(
        &self,
        mut time: impl FnMut(u64) -> Result<Option<i64>, Error>,
    ) -> Result<Option<Self>, Error> {
        let (mut first, mut last) = self.numbers;
        if self.times.0 > i64::MIN {
            first = first_that(first, last, |number| {
                Ok(time(number)?.is_none_or(|time| time >= self.times.0))
            })?;
        }
        if self.times.1 < i64::MAX {
            last = first_that(first, last, |number| {
                Ok(time(number)?.is_none_or(|time| time > self.times.1))
            })? - 1;
        }
        Ok((first <= last).then_some(Self { numbers: (first, last), ..*self }))
    }
}

/// The first number of a range of which something is so, if it is so of all that follow; one more than
/// the last if of none.
fn first_that(
    first: u64,
    last: u64,
    mut is_so: impl FnMut(u64) -> Result<bool, Error>,
) -> Result<u64, Error> {
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match is_so(middle)? {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Ok(low)
}

/// Reads the time of a row, if it is there.
///
/// # Errors
/// What SQLite says.
pub fn time_of(
    connection: &rusqlite::Connection,
    read: &str,
    key: &[&dyn ToSql],
) -> Result<Option<i64>, Error> {
    connection.prepare_cached(read)?.query_row(key, |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_among_numbers() {
        let times = [5, 5, 7, 9, 9, 12];
        let found = |from, to| {
            let span = Span { times: (from, to), ..Span::newest(10) };
            let span = span.below(7).unwrap();
            let time = |number: u64| Ok(Some(times[usize::try_from(number).unwrap() - 1]));
            span.by_number(time).unwrap().map(|span| span.numbers)
        };
        assert_eq!(found(5, 9), Some((1, 5)));
        assert_eq!(found(6, 8), Some((3, 3)));
        assert_eq!(found(i64::MIN, 4), None);
        assert_eq!(found(10, i64::MAX), Some((6, 6)));
        assert_eq!(found(10, 11), None);
        assert_eq!(Span::newest(1).below(1), None);
    }
}
