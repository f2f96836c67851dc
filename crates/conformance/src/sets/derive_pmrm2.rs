//! Derive's portfolio margin, PMRM 2: one case per file, with its own parameters.
//!
//! The rules are those of the methodology `derive-pmrm2` with every number replaced by the file's.

mod expected;
mod inputs;

use risk::Methodology;
use risk::grid::{assess, option_values};
use risk::methodology::GridRules;

use crate::json::{self, Node};
use crate::{Case, VectorError, VectorFile};

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = vec![];
    for file in files {
        let value = json::parse(file)?;
        cases.push(case(file, &Node::top(file, &value))?);
    }
    Ok(cases)
}

fn case(file: &VectorFile, top: &Node<'_>) -> Result<Case, VectorError> {
    let stem = std::path::Path::new(&file.name).file_stem();
    let name = stem.map_or_else(|| file.name.clone(), |stem| stem.to_string_lossy().into_owned());
    let (scenario, parameters) = (top.field("Scenario")?, top.field("Parameters")?);
    let plan = inputs::rules(&skeleton(), &parameters)?;
    let account = inputs::account(&scenario)?;
    let outcome = assess(&plan.rules, std::slice::from_ref(&account.book), account.stable_price)
        .expect("the book's underlying is the rules' only one");
    let values = option_values(&plan.rules, &account.book);
    let mut case = Case::named(&file.name, name);
    let computed = expected::Computed { plan: &plan, account: &account, outcome: &outcome, values };
    computed.compare(&top.field("Result")?, &mut case)?;
    Ok(case)
}

/// The shape of the rules: which blocks, charges and terms there are.
fn skeleton() -> GridRules {
    let methodology = Methodology::built_in("derive-pmrm2").expect("it ships");
    methodology.grid_rules().expect("it is a grid").clone()
}
