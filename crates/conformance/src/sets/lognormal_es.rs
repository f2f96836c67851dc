//! Expected shortfall of a log-normal forward, held and sold.
//!
//! A file is one object or an array of them, with `mu` (growth per year), `sigma` (per √year),
//! `tau_years`, `lambda` (the tail's share), the expected `rf_long` and `rf_short`, and the tolerance
//! `tol`. The error is absolute. Of large expected values a share of 1e-10 is allowed where that is more
//! than `tol`, and the share is `tol` where that is less.

use risk::LogNormalForward;

use crate::json::{Node, parse};
use crate::{Case, VectorError, VectorFile};

/// The tolerance of a file that states none.
const TOLERANCE: f64 = 1e-8;
/// What a large expected value may be off by, as a share of it.
const SHARE: f64 = 1e-10;

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = Vec::new();
    for file in files {
        let value = parse(file)?;
        let top = Node::top(file, &value);
        let objects = if value.is_array() { top.items()? } else { vec![top.clone()] };
        if objects.is_empty() {
            return Err(top.error("the array is empty"));
        }
        for (index, object) in objects.iter().enumerate() {
            cases.push(check_object(file, index, object)?);
        }
    }
    Ok(cases)
}

fn check_object(file: &VectorFile, index: usize, object: &Node<'_>) -> Result<Case, VectorError> {
    let forward = LogNormalForward {
        growth: object.number_at("mu")?,
        volatility: object.number_at("sigma")?,
        years: object.number_at("tau_years")?,
    };
    let factors = forward
        .expected_shortfall(object.number_at("lambda")?)
        .map_err(|error| object.error(error.to_string()))?;
    let tolerance = match object.optional("tol")? {
        Some(node) => tolerance(&node)?,
        None => TOLERANCE,
    };
    let mut case = Case::named(&file.name, format!("case {}", index + 1));
    for (name, found) in [("rf_long", factors.long), ("rf_short", factors.short)] {
        let expected = object.number_at(name)?;
        let scale = (expected.abs() * (SHARE / tolerance).min(1.0)).max(1.0);
        case.compare(name, expected, found, scale, tolerance);
    }
    Ok(case)
}

fn tolerance(node: &Node<'_>) -> Result<f64, VectorError> {
    let tolerance = node.number()?;
    if tolerance > 0.0 && tolerance < 1.0 {
        return Ok(tolerance);
    }
    Err(node.error(format!("a tolerance is between 0 and 1, not {tolerance}")))
}
