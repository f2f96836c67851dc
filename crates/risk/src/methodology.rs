//! Methodologies as data: TOML files, versioned and hashed, over one engine.
//!
//! A file of kind `scenario` describes portfolio margin: ranges, blocks of scenarios, how they
//! aggregate, add-ons and haircuts. A file of kind `position` describes rules per position, for
//! `cross` and `isolated` accounts. Unknown keys and impossible values are refused with the line
//! they stand on.

mod check;
mod position;
mod scenario;

use std::fmt;

use serde::Deserialize;

pub use position::{FutureRules, OptionRules, PositionRules};
pub use scenario::{
    AddOns, Aggregator, AssetKind, AssetParameters, Block, Expiry, HaircutRules, Horizon, Moves,
    RangeRules, ScenarioRules, Shape, SkewShape, StressList, Tail, TenorTwist, Term,
    VolatilityMove, VolatilityRules,
};

/// The methodologies that ship with Plimsoll.
const BUILT_IN: [(&str, &str); 2] = [
    ("core", include_str!("../../../methodologies/core.toml")),
    ("standard", include_str!("../../../methodologies/standard.toml")),
];

/// A methodology: who it is, and its rules.
#[derive(Clone, Debug)]
pub struct Methodology {
    name: String,
    version: u32,
    summary: String,
    hash: blake3::Hash,
    rules: Rules,
}

/// The rules of a methodology, by kind.
#[derive(Clone, Debug)]
pub enum Rules {
    /// Portfolio margin by scenarios.
    Scenario(Box<ScenarioRules>),
    /// Requirements per position.
    Position(Box<PositionRules>),
}

/// Why a methodology file was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodologyError {
    /// Line in the file, counted from one; `None` if no single line is to blame.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for MethodologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for MethodologyError {}

/// Only what every methodology has, to learn its kind before the rest is read strictly.
#[derive(Deserialize)]
struct Probe {
    kind: String,
}

impl Methodology {
    /// Names of the methodologies that ship with Plimsoll.
    #[must_use]
    pub fn built_in_names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// The text of a methodology that ships with Plimsoll.
    #[must_use]
    pub fn built_in_text(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// A methodology that ships with Plimsoll.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let text = Self::built_in_text(name)?;
        Some(Self::parse(text).expect("a test reads every methodology that ships"))
    }

    /// Reads a methodology file.
    ///
    /// # Errors
    /// [`MethodologyError`] with the line: unknown key, missing key, wrong type, impossible value.
    pub fn parse(text: &str) -> Result<Self, MethodologyError> {
        let probe: Probe = read(text)?;
        match probe.kind.as_str() {
            "scenario" => {
                let rules: ScenarioRules = read(text)?;
                check::scenario(&rules).map_err(|problem| locate(text, problem))?;
                Ok(Self {
                    name: rules.name.clone(),
                    version: rules.version,
                    summary: rules.summary.clone(),
                    hash: hash_of(&rules)?,
                    rules: Rules::Scenario(Box::new(rules)),
                })
            }
            "position" => {
                let rules: PositionRules = read(text)?;
                check::position(&rules).map_err(|problem| locate(text, problem))?;
                Ok(Self {
                    name: rules.name.clone(),
                    version: rules.version,
                    summary: rules.summary.clone(),
                    hash: hash_of(&rules)?,
                    rules: Rules::Position(Box::new(rules)),
                })
            }
            other => Err(locate(
                text,
                check::Problem::new("kind", format!("`{other}` is no kind: scenario or position")),
            )),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version; a higher one replaces a lower one after notice.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// One line on what it is.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Hash of every parameter in canonical form (blake3 of the re-serialised rules): comments,
    /// spacing and the order of keys don't change it, any value does.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash.to_hex().to_string()
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The kind's word in files.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.rules {
            Rules::Scenario(_) => "scenario",
            Rules::Position(_) => "position",
        }
    }

    /// The scenario rules.
    ///
    /// # Errors
    /// [`crate::RiskError::WrongKind`] for a methodology of another kind.
    pub fn scenario_rules(&self) -> Result<&ScenarioRules, crate::RiskError> {
        match &self.rules {
            Rules::Scenario(rules) => Ok(rules),
            Rules::Position(_) => Err(self.wrong_kind("scenario")),
        }
    }

    /// The position rules.
    ///
    /// # Errors
    /// [`crate::RiskError::WrongKind`] for a methodology of another kind.
    pub fn position_rules(&self) -> Result<&PositionRules, crate::RiskError> {
        match &self.rules {
            Rules::Position(rules) => Ok(rules),
            Rules::Scenario(_) => Err(self.wrong_kind("position")),
        }
    }

    pub(crate) fn wrong_kind(&self, wanted: &'static str) -> crate::RiskError {
        crate::RiskError::WrongKind { name: self.name.clone(), found: self.kind(), wanted }
    }
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, MethodologyError> {
    toml::from_str(text).map_err(|error| MethodologyError {
        line: error.span().map(|span| line_at(text, span.start)),
        message: error.message().to_string(),
    })
}

fn hash_of<T: serde::Serialize>(rules: &T) -> Result<blake3::Hash, MethodologyError> {
    let canonical = toml::to_string(rules)
        .map_err(|error| MethodologyError { line: None, message: error.to_string() })?;
    Ok(blake3::hash(canonical.as_bytes()))
}

/// Gives a problem the line on which its key stands.
fn locate(text: &str, problem: check::Problem) -> MethodologyError {
    let line = text.lines().position(|line| {
        line.trim_start()
            .strip_prefix(problem.key)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    });
    let message = format!("{}: {}", problem.key, problem.message);
    MethodologyError { line: line.map(|index| index + 1), message }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1
}
