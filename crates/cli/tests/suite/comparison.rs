//! The table of docs/methodology/comparison.md, recomputed.

use std::collections::BTreeMap;
use std::path::Path;

use super::chains::data;
use super::run;

/// The chain that the page names.
const CHAIN: &str = "chains/deribit_20260203T155826Z.csv";
/// What each portfolio starts with in US dollars, premiums paid from it.
const CASH: f64 = 1_000_000.0;
/// Columns of the page, in its order: model and methodology.
const COLUMNS: [(&str, &str); 8] = [
    ("cross", "standard"),
    ("cross", "derive-srm"),
    ("cross", "paradex-xm"),
    ("portfolio", "core"),
    ("portfolio", "derive-pmrm2"),
    ("portfolio", "paradex-pm"),
    ("portfolio", "deribit-pm"),
    ("portfolio", "okx-mr"),
];

#[test]
fn the_comparison_page_says_what_compare_says() {
    let Some(data) = data() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methodology");
    let [chain, book, history] =
        [data.join(CHAIN), page.join("comparison.csv"), data.join("prices/daily_closes.csv")]
            .map(|path| path.display().to_string());
    let json =
        run(&format!("compare -o json --market {chain} --portfolio {book} --history {history}"))
            .json();
    let mut needed: BTreeMap<(String, String, String), f64> = BTreeMap::new();
    let mut names: Vec<String> = vec![];
    for row in json["accounts"].as_array().unwrap() {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let account = text("account");
        let excess: f64 = text("excess").parse().unwrap();
        // The covered call is backed by ten coins beside the cash.
        let coins = if account == "covered-call" { 10.0 * index(&chain) } else { 0.0 };
        needed.insert((account.clone(), text("model"), text("methodology")), CASH + coins - excess);
        if names.last() != Some(&account) {
            names.push(account);
        }
    }
    let line = |name: &String| {
        let cell = |(model, methodology): &(&str, &str)| {
            let key = (name.clone(), (*model).to_owned(), (*methodology).to_owned());
            needed.get(&key).map_or("-".to_owned(), |usd| format!("{:.1}", usd / 1_000.0))
        };
        let cells: Vec<String> = COLUMNS.iter().map(cell).collect();
        format!("| {} | {} |", name.replace('-', " "), cells.join(" | "))
    };
    let table: Vec<String> = names.iter().map(line).collect();
    let text = std::fs::read_to_string(page.join("comparison.md")).unwrap();
    for line in &table {
        assert!(text.contains(line), "the page lacks a line; the table is\n{}", table.join("\n"));
    }
}

fn index(chain: &str) -> f64 {
    let snapshot =
        marketdata::read_market("chain", std::fs::File::open(chain).unwrap(), None).unwrap();
    snapshot.market.price("BTC".parse().unwrap()).unwrap().to_string().parse().unwrap()
}
