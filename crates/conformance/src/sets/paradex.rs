//! Set `paradex`: accounts with their cross margin (`xm`) and portfolio margin (`pm`) by the
//! package `paradex_py`, each account with its own market data and rates.
//!
//! Every figure that a case prints is compared, as a share of the account's gross notional (of its
//! gross delta for deltas): within 1e-9; those of portfolio margin that rest on option prices
//! within 2e-7, because the package takes Φ from an approximation that is off by up to 7.5e-8.

mod account;
mod cross;
mod portfolio;

use account::Account;
use instruments::Timestamp;

use crate::json::{Node, parse};
use crate::{Case, VectorError, VectorFile};

/// Allowed difference as a share of gross notional.
const TOLERANCE: f64 = 1e-9;
/// The same where the package's approximation of Φ enters.
const TOLERANCE_PRICED: f64 = 2e-7;

/// A figure of the package: its name there, and how it is compared.
struct Figure {
    name: &'static str,
    value: f64,
    measure: Measure,
}

/// What a difference is measured against.
#[derive(Clone, Copy)]
enum Measure {
    /// Gross notional.
    Notional,
    /// Gross notional, with room for the package's approximation of Φ.
    Priced,
    /// Gross delta.
    Delta,
    /// Nothing: it must be the same.
    Same,
}

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = Vec::new();
    for file in files {
        let value = parse(file)?;
        let top = Node::top(file, &value);
        let now = top.field("now")?;
        let now: Timestamp = now.text()?.parse().map_err(|_| now.error("this is no time"))?;
        let config = portfolio::Config::read(&top.field("pm_config")?)?;
        for node in top.field("cases")?.items()? {
            cases.push(check_case(file, &node, now, &config)?);
        }
    }
    Ok(cases)
}

fn check_case(
    file: &VectorFile,
    node: &Node<'_>,
    now: Timestamp,
    config: &portfolio::Config,
) -> Result<Case, VectorError> {
    let account = Account::read(node)?;
    let mut case = Case::named(&file.name, format!("{}", node.field("id")?.number()?));
    let (cross, portfolio) = (node.optional("xm")?, node.optional("pm")?);
    if cross.is_none() && portfolio.is_none() {
        return Err(node.error("neither `xm` nor `pm` says what is expected"));
    }
    if let Some(expected) = cross {
        compare(&mut case, "xm", &expected, &cross::figures(&account, node)?, &account)?;
    }
    if let Some(expected) = portfolio {
        let printed = expected.optional("worst_idx")?.map(|node| node.number()).transpose()?;
        let figures = config.figures(&account, node, now, printed)?;
        compare(&mut case, "pm", &expected, &figures, &account)?;
    }
    Ok(case)
}

/// Compares every number that the file prints; its lists are details of the same sums.
fn compare(
    case: &mut Case,
    kind: &str,
    expected: &Node<'_>,
    figures: &[Figure],
    account: &Account,
) -> Result<(), VectorError> {
    for (name, node) in expected.fields()? {
        if node.is_list() {
            continue;
        }
        let Some(figure) = figures.iter().find(|figure| figure.name == name) else {
            return Err(node.error(format!("`{name}` is no figure of {kind}")));
        };
        let (scale, tolerance) = match figure.measure {
            Measure::Notional => (account.gross_notional(), TOLERANCE),
            Measure::Priced => (account.gross_notional(), TOLERANCE_PRICED),
            Measure::Delta => (account.gross_delta(), TOLERANCE),
            Measure::Same => (1.0, 0.0),
        };
        case.compare(format!("{kind}.{name}"), node.number()?, figure.value, scale, tolerance);
    }
    Ok(())
}
