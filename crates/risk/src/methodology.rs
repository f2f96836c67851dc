//! Methodologies as data: TOML files, versioned and hashed, over one engine.
//!
//! A file of kind `scenario` describes portfolio margin: ranges, blocks of scenarios, how they
//! aggregate, add-ons and haircuts. A file of kind `position` describes rules per position, for
//! `cross` and `isolated` accounts. Unknown keys and impossible values are refused with the line
//! they stand on.

mod check;
mod grid;
mod locate;
mod position;
mod scenario;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use locate::{line_at, locate};

pub(crate) use grid::TermPart;
pub use grid::{
    Across, Baseline, Charge, ChargeKind, ChargePrice, CoinProfit, CollateralRules, Expiries,
    FuturesMove, GridBlock, GridRules, GridScenario, GridTerm, GridVolatility, MarginFactors,
    OrderEntry, StaticDiscount, UnderlyingRules, ValuationRules,
};
pub use position::{
    ExpiryCap, FeeRules, FutureRate, FutureRules, NotionalAt, OptionRates, OptionRules,
    OracleRules, PegRules, PositionRules,
};
pub use scenario::{
    AddOns, Aggregator, AssetKind, AssetParameters, Block, Expiry, HaircutRules, Horizon, Moves,
    RangeRules, ScenarioRules, Shape, SkewShape, StressList, Tail, TenorTwist, Term,
    VolatilityMove, VolatilityRules,
};

/// The methodologies that ship with Plimsoll.
const BUILT_IN: &[(&str, &str)] = &[
    ("core", include_str!("../../../methodologies/core.toml")),
    ("standard", include_str!("../../../methodologies/standard.toml")),
    ("deribit-pm", include_str!("../../../methodologies/deribit-pm.toml")),
    ("okx-mr", include_str!("../../../methodologies/okx-mr.toml")),
    ("derive-pmrm2", include_str!("../../../methodologies/derive-pmrm2.toml")),
    ("paradex-pm", include_str!("../../../methodologies/paradex-pm.toml")),
    ("derive-srm", include_str!("../../../methodologies/derive-srm.toml")),
    ("paradex-xm", include_str!("../../../methodologies/paradex-xm.toml")),
];

/// A methodology: who it is, and its rules.
#[derive(Clone, Debug)]
pub struct Methodology {
    name: String,
    version: u32,
    summary: String,
    hash: blake3::Hash,
    rules: Rules,
    text: Arc<str>,
}

/// The rules of a methodology, by kind.
#[derive(Clone, Debug)]
pub enum Rules {
    /// Portfolio margin by scenarios.
    Scenario(Box<ScenarioRules>),
    /// Portfolio margin by stated scenarios, as venues publish it.
    Grid(Box<GridRules>),
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
    /// Name of a methodology that ships and shows a valid file of the same kind.
    pub example: &'static str,
}

impl MethodologyError {
    fn of(line: Option<usize>, message: String) -> Self {
        Self { line, message, example: Methodology::example("scenario") }
    }

    /// With an example of a kind.
    fn like(self, kind: &str) -> Self {
        Self { example: Methodology::example(kind), ..self }
    }
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

    /// Name of a methodology that ships and shows what a file of a kind looks like.
    #[must_use]
    pub fn example(kind: &str) -> &'static str {
        match kind {
            "grid" => "derive-pmrm2",
            "position" => "standard",
            _ => "core",
        }
    }

    /// Reads a methodology file.
    ///
    /// # Errors
    /// [`MethodologyError`] with the line: unknown key, missing key, wrong type, impossible value.
    pub fn parse(text: &str) -> Result<Self, MethodologyError> {
        let Probe { kind } = read(text)?;
        let methodology = Self::of_kind(text, &kind);
        methodology
            .map(|methodology| Self { text: text.into(), ..methodology })
            .map_err(|error| locate::misfit(text, &kind).unwrap_or_else(|| error.like(&kind)))
    }

    fn of_kind(text: &str, kind: &str) -> Result<Self, MethodologyError> {
        let located = |problem| locate(text, problem);
        match kind {
            "scenario" => {
                let rules: ScenarioRules = read(text)?;
                check::scenario(&rules).map_err(located)?;
                let head = (rules.name.clone(), rules.version, rules.summary.clone());
                Ok(Self::new(head, hash_of(&rules)?, Rules::Scenario(Box::new(rules))))
            }
            "position" => {
                let rules: PositionRules = read(text)?;
                check::position(&rules).map_err(located)?;
                let head = (rules.name.clone(), rules.version, rules.summary.clone());
                Ok(Self::new(head, hash_of(&rules)?, Rules::Position(Box::new(rules))))
            }
            "grid" => {
                let rules: GridRules = read(text)?;
                check::grid(&rules).map_err(located)?;
                let head = (rules.name.clone(), rules.version, rules.summary.clone());
                Ok(Self::new(head, hash_of(&rules)?, Rules::Grid(Box::new(rules))))
            }
            other => {
                let message = format!("`{other}` is no kind: scenario, grid or position");
                Err(locate(text, check::Problem::new("kind", message)))
            }
        }
    }

    fn new(head: (String, u32, String), hash: blake3::Hash, rules: Rules) -> Self {
        let (name, version, summary) = head;
        Self { name, version, summary, hash, rules, text: Arc::default() }
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

    /// The text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
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
            Rules::Grid(_) => "grid",
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
            Rules::Grid(_) | Rules::Position(_) => Err(self.wrong_kind("scenario")),
        }
    }

    /// The position rules.
    ///
    /// # Errors
    /// [`crate::RiskError::WrongKind`] for a methodology of another kind.
    pub fn position_rules(&self) -> Result<&PositionRules, crate::RiskError> {
        match &self.rules {
            Rules::Position(rules) => Ok(rules),
            Rules::Scenario(_) | Rules::Grid(_) => Err(self.wrong_kind("position")),
        }
    }

    /// The grid rules.
    ///
    /// # Errors
    /// [`crate::RiskError::WrongKind`] for a methodology of another kind.
    pub fn grid_rules(&self) -> Result<&GridRules, crate::RiskError> {
        match &self.rules {
            Rules::Grid(rules) => Ok(rules),
            Rules::Scenario(_) | Rules::Position(_) => Err(self.wrong_kind("grid")),
        }
    }

    /// Whether it is for `portfolio` accounts, and not for `cross` and `isolated` ones.
    #[must_use]
    pub const fn is_portfolio(&self) -> bool {
        !matches!(self.rules, Rules::Position(_))
    }

    pub(crate) fn wrong_kind(&self, wanted: &'static str) -> crate::RiskError {
        crate::RiskError::WrongKind { name: self.name.clone(), found: self.kind(), wanted }
    }
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, MethodologyError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_at(text, span.start));
        MethodologyError::of(line, error.message().to_string())
    })
}

fn hash_of<T: serde::Serialize>(rules: &T) -> Result<blake3::Hash, MethodologyError> {
    let canonical =
        toml::to_string(rules).map_err(|error| MethodologyError::of(None, error.to_string()))?;
    Ok(blake3::hash(canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_found_on_their_line() {
        let core = Methodology::built_in_text("core").unwrap();
        let check = |old: &str, new: &str, entry: &str, words: &str| {
            let start = core.find(entry).unwrap();
            let at = start + core[start..].find(old).unwrap();
            let text = format!("{}{new}{}", &core[..at], &core[at + old.len()..]);
            let line = core[..at].matches('\n').count() + 1;
            let error = Methodology::parse(&text).unwrap_err();
            assert_eq!(error.line, Some(line), "{error}");
            assert!(error.message.contains(words), "{error}");
        };
        check("points = 9", "points = 8", "name = \"systematic\"", "odd number");
        check("points = 9", "points = 8", "name = \"idiosyncratic\"", "`idiosyncratic`: points");
        check("990_000", "1", "name = \"stressed\"", "`stressed`: aggregator");
        check("volume_usd = ", "volume_usd = -", "name = \"BNB\"", "`BNB`: volume_usd");
        check("buffer = 0.25", "buffer = 0.26", "[ranges]", "buffer: 0.26 is impossible");
        check("decay = 0.97", "decoy = 0.97", "[ranges]", "unknown field");
        check("multiple = 5.0", "multiple = nan", "[ranges]", "multiple: NaN");
        check("version = 1", "version = \"1\"", "name = \"core\"", "invalid type");
        check("kind = \"scenario\"", "kind = \"magic\"", "name", "scenario, grid or position");
    }

    #[test]
    fn the_hash_follows_values_and_nothing_else() {
        let core = Methodology::built_in_text("core").unwrap();
        let hash = |text: &str| Methodology::parse(text).unwrap().hash();
        assert_eq!(hash(core), hash(&format!("# a comment\n{core}\n\n")));
        assert_ne!(hash(core), hash(&core.replace("decay = 0.97", "decay = 0.96")));
        assert!(
            Methodology::built_in_names()
                .into_iter()
                .all(|name| Methodology::built_in(name).is_some())
        );
    }
}
