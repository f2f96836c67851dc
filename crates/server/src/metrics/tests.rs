//! Every figure that is told is in the docs, every one that the dashboard and the alarms ask for is told,
//! and every alarm is provoked.

#![allow(clippy::unwrap_used)]

mod alarms;
mod clients;
mod rules;
pub(crate) mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rules::{Rule, rules};
use world::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Names of ours in a text.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_part(letter));
    let of_ours = ["plimsoll_", "process_"];
    let named = words.filter(|word| of_ours.iter().any(|start| word.starts_with(start)));
    named.map(str::to_owned).collect()
}

#[test]
fn dashboard_and_alarms_ask_for_what_is_told() {
    let world = World::start();
    world.trade();
    let page = world.until("how accounts stand", |page| {
        page.any("plimsoll_accounts_exposed", |count| count > 0.0)
    });
    let families = page.families();
    let told: BTreeSet<String> = families.iter().flat_map(rules::Family::samples).collect();
    for path in ["ops/prometheus/alarms.yml", "ops/grafana/plimsoll.json"] {
        let asked = names_in(&text(path));
        assert!(asked.len() > 15, "{path} asks for little: {asked:?}");
        let missing: Vec<_> = asked.difference(&told).collect();
        assert!(missing.is_empty(), "{path} asks for {missing:?}");
    }
    // The page of docs has a row for each, by the name that is asked for.
    let docs = text("docs/metrics.md");
    let rows = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: BTreeSet<&str> =
        rows.map(|row| row.split('{').next().unwrap()).filter(|row| told_by_us(row)).collect();
    let families: BTreeSet<String> = families.iter().map(rules::Family::documented).collect();
    let families: BTreeSet<&str> = families.iter().map(String::as_str).collect();
    assert_eq!(documented, families);
    // Of everything that a family of several has there is one at least, so that names are not all.
    for name in ["plimsoll_index_fresh", "plimsoll_insurance_fund_group", "plimsoll_cases"] {
        assert!(page.any(name, |_| true), "{name} has no figure");
    }
}

fn told_by_us(row: &str) -> bool {
    row.starts_with("plimsoll_") || row.starts_with("process_")
}

#[test]
fn every_alarm_is_in_the_docs_and_is_provoked() {
    let rules = rules();
    let docs = text("docs/metrics.md");
    let headings: Vec<&str> = docs.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(headings, names, "the page has a section for each alarm, in their order");
    for Rule { name, expression, runbook, .. } in &rules {
        assert!(docs.contains(&format!("`{expression}`")), "{name}: the page has its rule");
        assert_eq!(*runbook, format!("docs/metrics.md#{}", name.to_lowercase()));
    }
    let provoked: BTreeSet<&str> = alarms::PROVOKED
        .iter()
        .chain(clients::PROVOKED)
        .flat_map(|all| all.iter().copied())
        .collect();
    assert_eq!(provoked, names.into_iter().collect(), "each is provoked by a test");
}
