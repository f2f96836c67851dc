//! Counting tests from the lines that `cargo test` prints.

use std::fmt;

/// How many tests passed and how many failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

impl Count {
    /// Adds what a line says, if it is a test program's closing line, such as
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    pub fn add(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        let Some((_, numbers)) = result.split_once(". ") else { return };
        for part in numbers.split(';') {
            let mut words = part.split_whitespace();
            let (Some(number), Some(kind)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match kind {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }

    /// A test program that did not compile, or died before its closing line,
    /// counts as one failure, so that a failed run never reads "0 failed".
    pub fn note_failure(&mut self) {
        self.failed = self.failed.max(1);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], passed: u64, failed: u64) {
        let mut count = Count::default();
        lines.iter().for_each(|line| count.add(line));
        assert_eq!(count, Count { passed, failed });
    }

    #[test]
    fn totals_all_programs() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let bad = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        check(&[], 0, 0);
        check(&[ok], 12, 0);
        check(&["running 12 tests", ok, "", bad], 15, 2);
    }

    #[test]
    fn other_lines_do_not_count() {
        check(
            &["test a::b ... ok", "9 passed; 9 failed", "test result:", "test result: odd"],
            0,
            0,
        );
    }

    #[test]
    fn a_failed_run_never_reads_zero_failed() {
        let mut count = Count { passed: 7, failed: 0 };
        count.note_failure();
        assert_eq!(count.to_string(), "7 passed, 1 failed");
        let mut count = Count { passed: 7, failed: 3 };
        count.note_failure();
        assert_eq!(count.failed, 3);
    }
}
