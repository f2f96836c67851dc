//! `plimsoll conformance` on vectors made here: what it lists, how it closes, its exit codes.

use std::fs;
use std::path::Path;

use super::run_in;

const CASES: &str = r#"[
    {"mu": 0.5, "sigma": 0, "tau_years": 2, "lambda": 0.05,
     "rf_long": -1.7182818284590453, "rf_short": 1.7182818284590453, "tol": 1e-12},
    {"mu": 0.1, "sigma": 0.8, "tau_years": 0.25, "lambda": 0.01,
     "rf_long": 0.6716968413119504, "rf_short": 1.7714755458471008, "tol": 1e-12}
]"#;

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn cases_that_agree_end_with_their_count() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "cases.json", CASES);
    let run = run_in(folder.path(), "conformance lognormal-es cases.json");
    assert_eq!(
        (run.code, run.out.as_str(), run.err.as_str()),
        (Some(0), "4 quantities compared\n2 passed, 0 failed\n", "")
    );
    let json = run_in(folder.path(), "conformance lognormal-es . --output json").json();
    assert_eq!(json["failing_cases"].as_array().unwrap().len(), 0);
    let run = &json["run"];
    assert_eq!((&run["passed"], &run["failed"]), (&2.into(), &0.into()));
    assert_eq!(run["compared"], 4);
    assert_eq!((&run["files"], &run["set"]), (&1.into(), &"lognormal-es".into()));
}

#[test]
fn a_case_that_differs_is_listed_with_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "cases.json", &CASES.replace("1.7714755458471008", "1.75"));
    let run = run_in(folder.path(), "conformance lognormal-es cases.json");
    assert_eq!(run.code, Some(1));
    assert_eq!(run.out.lines().last(), Some("1 passed, 1 failed"));
    assert!(run.err.starts_with("error: ") && run.err.ends_with("1 passed, 1 failed\n"));
    let row = run.out.lines().find(|line| line.contains("cases.json")).unwrap();
    for words in ["case 2", "rf_short", "1.75", "1.7714755458", "1e-12"] {
        assert!(row.contains(words), "{row}");
    }
    let run = run_in(folder.path(), "conformance lognormal-es cases.json --output csv");
    assert_eq!(run.code, Some(1));
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[0], "file,case,quantity,expected,got,error,tolerance");
    assert!(lines[1].starts_with("cases.json,case 2,rf_short,1.75,1.7714755458"), "{}", lines[1]);
    let run = run_in(folder.path(), "conformance lognormal-es cases.json --output json");
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(json["failing_cases"][0]["expected"], 1.75);
    assert_eq!((run.code, &json["run"]["failed"]), (Some(1), &1.into()));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "cases.json", CASES);
    write(at, "empty.json", "");
    write(at, "none.json", "[]");
    fs::create_dir(at.join("folder")).unwrap();
    for (arguments, words) in [
        ("lognormal-es nowhere.json", "nowhere.json: cannot be read"),
        ("lognormal-es folder", "no file in this folder ends in .json"),
        ("lognormal-es empty.json", "empty.json: line 1 column 0: this is not JSON"),
        ("okx cases.json", "this is of set `lognormal-es`, not `okx`"),
        ("ore cases.json", "set `ore`"),
        ("lognormal-es", "PATH"),
        (
            "everything cases.json",
            "derive-pmrm2, derive-srm, derive-auction, paradex, deribit, okx, ore",
        ),
    ] {
        let run = run_in(at, &format!("conformance {arguments}"));
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}: {}", run.err);
        assert!(run.err.contains(words), "{arguments}: {}", run.err);
    }
    // Beside files that can be used, what those come to is said first.
    let run = run_in(at, "conformance lognormal-es empty.json cases.json none.json");
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(2), "4 quantities compared\n2 passed, 0 failed\n")
    );
    assert!(run.err.contains("warning: empty.json"), "{}", run.err);
    assert!(run.err.contains("error: none.json: top: the array is empty"), "{}", run.err);
}

#[test]
fn half_of_a_pair_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "historical-pnl.csv", "#Portfolio,RiskClass,RiskType,PLAmount\na,b,c,-1\na,b,c,2\n");
    write(at, "var-es.csv", "#Portfolio,RiskClass,RiskType,Quantile_0.3\na,b,c,-1\n");
    for paths in ["var-es.csv", "historical-pnl.csv", ".", "var-es.csv historical-pnl.csv"] {
        let run = run_in(at, &format!("conformance ore {paths}"));
        assert_eq!(run.text(), "1 quantities compared\n1 passed, 0 failed\n");
    }
}
