//! What a run found.

use crate::VectorError;

/// A quantity that differs from what its file expects by more than the set allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The quantity's name in the file.
    pub quantity: String,
    /// What the file expects.
    pub expected: f64,
    /// What was computed.
    pub got: f64,
    /// The difference in the measure that the set's tolerance is stated in.
    pub error: f64,
    /// The most that is allowed.
    pub tolerance: f64,
}

/// One case of a file: what was compared, and what differed.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The file it stands in.
    pub file: String,
    /// Its name there.
    pub name: String,
    /// How many quantities were compared.
    pub compared: usize,
    /// Those that differ; none in a case that passes.
    pub mismatches: Vec<Mismatch>,
}

impl Case {
    /// A case of which nothing is compared yet.
    #[must_use]
    pub fn named(file: &str, name: impl Into<String>) -> Self {
        Self { file: file.to_owned(), name: name.into(), compared: 0, mismatches: vec![] }
    }

    /// Compares one quantity. The error is `|got − expected| / scale`; a number that is not finite
    /// differs from everything.
    pub fn compare(
        &mut self,
        quantity: impl Into<String>,
        expected: f64,
        got: f64,
        scale: f64,
        tolerance: f64,
    ) {
        self.compared += 1;
        let error = if got == expected { 0.0 } else { (got - expected).abs() / scale };
        if error.is_nan() || error > tolerance {
            let quantity = quantity.into();
            self.mismatches.push(Mismatch { quantity, expected, got, error, tolerance });
        }
    }

    /// Whether every quantity agrees, and there was one.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.compared > 0
    }
}

/// All cases of a run, in the order of their files.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The cases.
    pub cases: Vec<Case>,
    /// Files that could not be used, beside others that could.
    pub unusable: Vec<VectorError>,
}

impl Report {
    /// How many cases agree in every quantity.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.cases.iter().filter(|case| case.passed()).count()
    }

    /// How many do not.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases.len() - self.passed()
    }

    /// How many quantities were compared, over all cases.
    #[must_use]
    pub fn compared(&self) -> usize {
        self.cases.iter().map(|case| case.compared).sum()
    }
}
