//! Set `derive-srm`: cases of Derive's standard margin, with the parameters of the methodology of
//! that name.
//!
//! A case has a `Scenario` and a `Result`, in units of 10⁻¹⁸. Every figure of `Result` is compared
//! within 1e-9 of its own size. One that is small against the notional that it is summed from is
//! held to 1e-14 of that notional, the last bits of the file's own arithmetic.

mod result;
mod scenario;

use risk::Methodology;

use crate::json::{Node, parse};
use crate::{Case, VectorError, VectorFile};

/// Allowed difference as a share of a figure's size.
const TOLERANCE: f64 = 1e-9;
/// A figure counts as at least this share of the notional.
const SCALE_FLOOR: f64 = 1e-5;
/// Figures are written in this many units.
const FIXED_POINT: f64 = 1e18;

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let methodology = Methodology::built_in("derive-srm").expect("it ships");
    let rules = methodology.position_rules().expect("it is of that kind");
    let mut cases = Vec::new();
    for file in files {
        let value = parse(file)?;
        for (name, node) in Node::top(file, &value).fields()? {
            let scenario = scenario::read(&node.field("Scenario")?)?;
            let mut case = Case::named(&file.name, name);
            compare(&mut case, &node.field("Result")?, &scenario.result(rules), scenario.gross())?;
            cases.push(case);
        }
    }
    Ok(cases)
}

/// Compares every figure that the file prints.
fn compare(
    case: &mut Case,
    expected: &Node<'_>,
    computed: &[(String, f64)],
    gross: f64,
) -> Result<(), VectorError> {
    for (name, figure) in expected.fields()? {
        let Some((_, got)) = computed.iter().find(|(computed, _)| computed == name) else {
            return Err(figure.error("this is no figure of Derive's standard margin"));
        };
        let figure = figure.number()? / FIXED_POINT;
        case.compare(name, figure, *got, figure.abs().max(SCALE_FLOOR * gross), TOLERANCE);
    }
    Ok(())
}
