//! Every command on the built-in sample and on its files.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use super::{command, run, run_in};

const ACCOUNTS: [&str; 12] = [
    "covered-call",
    "collar",
    "calendar",
    "butterfly",
    "basis-trade",
    "pair",
    "usdc-cross",
    "long-options",
    "short-strangle",
    "below-initial",
    "single-position",
    "market-maker",
];

#[test]
fn margin_needs_no_arguments() {
    let run = run("margin");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    for account in ACCOUNTS {
        assert!(run.out.contains(account), "{account}");
    }
    assert!(!run.out.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn margin_in_json_and_csv_is_exact_and_the_same() {
    let json = run("margin --output json").json();
    let accounts = json["accounts"].as_array().unwrap();
    let names: Vec<_> =
        accounts.iter().map(|account| account["account"].as_str().unwrap()).collect();
    assert_eq!(names, ACCOUNTS);
    let csv = run("margin -o csv").text();
    let mut lines = csv.lines();
    let header = lines.next().unwrap();
    assert_eq!(
        header,
        "account,equity,initial_margin,maintenance_margin,excess,status,binding_term,binding_scenario"
    );
    for (line, account) in lines.zip(accounts) {
        let initial = account["initial_margin"].as_str().unwrap();
        assert_eq!(line.split(',').nth(2).unwrap(), initial);
        let number = |key: &str| account[key].as_str().unwrap().parse::<f64>().unwrap();
        assert!((number("equity") - number("initial_margin") - number("excess")).abs() < 1e-6);
        assert!(number("initial_margin") >= number("maintenance_margin"));
    }
    let status = |name: &str| {
        accounts.iter().find(|account| account["account"] == name).unwrap()["status"].clone()
    };
    assert_eq!(status("below-initial"), "below initial");
    assert_eq!(status("covered-call"), "ok");
}

#[test]
fn the_check_fails_with_code_one_after_the_answer() {
    let run = run("margin --check");
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains("below-initial") && run.err.contains("below-initial"));
    assert_eq!(super::run("margin --model cross").code, Some(0));
}

#[test]
fn every_model_works_and_misfits_are_refused() {
    for model in ["isolated", "cross", "portfolio"] {
        let json = run(&format!("margin --model {model} -o json")).json();
        assert_eq!(json["run"]["model"], model);
    }
    assert_eq!(run("margin --methodology standard -o json").json()["run"]["model"], "cross");
    let run = run("margin --methodology core --model cross");
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
}

#[test]
fn accounts_that_a_methodology_cannot_margin_are_listed_beside_the_others() {
    let json = run("margin --methodology derive-pmrm2 -o json").json();
    let reasons = json["not_margined"].as_array().unwrap();
    let count = json["accounts"].as_array().unwrap().len();
    assert!(count > 0 && !reasons.is_empty());
    assert_eq!(count + reasons.len(), ACCOUNTS.len());
    let reason = reasons[0]["why_it_is_not_margined"].as_str().unwrap();
    for words in ["derive-pmrm2", "add", "`plimsoll methodology show derive-pmrm2`"] {
        assert!(reason.contains(words), "{reason}");
    }
    let table = run("margin --methodology derive-pmrm2").text();
    assert!(table.contains("Not margined"));
    let csv = run("margin --methodology derive-pmrm2 -o csv");
    assert_eq!(csv.err.matches("warning: account `").count(), reasons.len(), "{}", csv.err);
    let check = run("margin --methodology derive-pmrm2 --check");
    assert_eq!(check.code, Some(1));
    assert!(check.err.contains("not margined: "), "{}", check.err);
}

#[test]
fn a_portfolio_of_which_no_account_can_be_margined_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("p.csv"), text).unwrap();
    let header = "account,instrument,quantity,entry_price\n";
    write(&format!("{header}a,BNB,1,\nb,BNB,2,\n"));
    let run = run_in(folder.path(), "margin --portfolio p.csv --methodology derive-pmrm2");
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    assert!(run.err.starts_with("error: account `a`: "), "{}", run.err);
    // A methodology without one of an account's underlyings still margins the other accounts.
    write(&format!("{header}a,XRP_USDC-PERPETUAL,10,\nb,BTC_USDC-PERPETUAL,1,\nb,USDC,90000,\n"));
    let text = super::run("methodology show core").text();
    let asset = text.find("[[asset]]\nname = \"XRP\"").unwrap();
    let end = text[asset + 2..].find("[[asset]]").map_or(text.len(), |at| asset + 2 + at);
    let text = format!("{}{}", &text[..asset], &text[end..]);
    let text = text.replacen("\"XRP\", ", "", 1).replacen("name = \"core\"", "name = \"less\"", 1);
    std::fs::write(folder.path().join("less.toml"), text).unwrap();
    let json =
        run_in(folder.path(), "margin --portfolio p.csv --methodology less.toml -o json").json();
    assert_eq!(json["accounts"][0]["account"], "b");
    let reason = json["not_margined"][0]["why_it_is_not_margined"].as_str().unwrap();
    assert!(reason.contains("XRP") && !reason.contains("methodology show"), "{reason}");
}

#[test]
fn names_from_files_cannot_command_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let text = run("methodology show core").text();
    let named = text.replacen("name = \"core\"", "name = \"a\\u001b[31mb\"", 1);
    std::fs::write(folder.path().join("mine.toml"), &named).unwrap();
    for output in ["table", "csv"] {
        let shown =
            run_in(folder.path(), &format!("methodology check mine.toml -o {output}")).text();
        assert!(shown.contains("a\\u{1b}[31mb") && !shown.contains('\u{1b}'), "{shown}");
    }
    let json = run_in(folder.path(), "methodology check mine.toml -o json").json();
    assert_eq!(json["methodologies"][0]["name"], "a\u{1b}[31mb");
    let block = named.replacen("name = \"systematic\"", "name = \"s\\u001b[2Jt\"", 1);
    let wrong = block.replacen("points = 9", "points = 8", 1);
    std::fs::write(folder.path().join("wrong.toml"), wrong).unwrap();
    let error = run_in(folder.path(), "methodology check wrong.toml").err;
    assert!(error.contains("s\\u{1b}[2Jt") && !error.contains('\u{1b}'), "{error}");
}

#[test]
fn a_refused_methodology_names_a_shipped_one_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    for (name, example) in [("okx-mr", "derive-pmrm2"), ("derive-srm", "standard")] {
        let text = run(&format!("methodology show {name}")).text();
        std::fs::write(folder.path().join("bad.toml"), format!("unknown = 1\n{text}")).unwrap();
        let error = run_in(folder.path(), "methodology check bad.toml").err;
        assert!(error.contains(&format!("methodology show {example}`")), "{error}");
    }
}

#[test]
fn the_sample_reads_back_to_the_same_margins() {
    let folder = tempfile::tempdir().unwrap();
    let files = run_in(folder.path(), "sample demo").text();
    assert!(files.contains("market.csv"));
    let again = run_in(folder.path(), "sample demo");
    assert_eq!((again.code, again.out.as_str()), (Some(2), ""));
    assert!(again.err.contains("--force"));
    run_in(folder.path(), "sample demo --force").text();
    let arguments = "margin -o json --market demo/market.csv --portfolio demo/portfolio.csv";
    let read = run_in(folder.path(), &format!("{arguments} --history demo/history.csv")).json();
    assert_eq!(read, run("margin -o json").json());
    let without = run_in(folder.path(), arguments);
    assert!(without.err.contains("warning: no --history"), "{}", without.err);
    assert_eq!(without.json()["run"]["history_rows"], 0);
}

#[test]
fn explain_says_everything() {
    for account in ACCOUNTS {
        let json = run(&format!("explain --account {account} --vector -o json")).json();
        for key in
            ["equity", "terms", "requirement", "parts", "greeks", "health_curve", "scenarios"]
        {
            assert!(!json[key].as_array().unwrap().is_empty(), "{account}: {key}");
        }
        assert_eq!(json["account"]["market_hash"].as_str().unwrap().len(), 64);
        let requirement = json["requirement"][0]["initial"].as_str().unwrap();
        let shares = json["parts"].as_array().unwrap().iter();
        let sum: f64 = shares
            .map(|part| part["share_of_requirement"].as_str().unwrap().parse::<f64>().unwrap())
            .sum();
        assert!((sum - requirement.parse::<f64>().unwrap()).abs() < 1e-4, "{account}");
        let matrix = json["profit_by_moves_of_the_market"].as_array().unwrap();
        assert_eq!(matrix.iter().filter(|row| row["worst"] == true).count(), 1);
    }
    let table = run("explain --account collar").text();
    assert!(table.contains("► -"));
    assert!(!table.contains("Scenarios"));
    let cross = run("explain --account pair --model cross -o json").json();
    assert_eq!(cross["positions"].as_array().unwrap().len(), 2);
    let csv = run("explain --account pair -o csv").text();
    assert!(csv.starts_with("section,row,field,value\naccount,1,account,pair\n"));
}

#[test]
fn what_if_shows_before_and_after() {
    let change = "--account pair --add BTC-27MAR26-100000-C:-5 --add USDC:1000";
    let json = run(&format!("what-if {change} -o json")).json();
    let figure = |name: &str, key: &str| -> f64 {
        let rows = json["margin"].as_array().unwrap();
        let row = rows.iter().find(|row| row["figure"] == name).unwrap();
        row[key].as_str().unwrap().parse().unwrap()
    };
    let rise = figure("initial margin", "after") - figure("initial margin", "before");
    assert!(rise > 0.0);
    assert!((rise - figure("initial margin", "difference")).abs() < 1e-6);
    assert!(figure("equity", "difference") > 900.0);
    let removed = run("what-if --account pair --remove ETH_USDC-PERPETUAL --remove USDC").text();
    assert!(removed.contains("initial margin"));
    let priced = run("what-if --account pair --add BTC-27MAR26-100000-C:-5@0.031").text();
    assert!(priced.contains("equity"));
}

#[test]
fn compare_puts_models_side_by_side() {
    let json = run("compare -o json").json();
    let rows = json["accounts"].as_array().unwrap();
    let by_own = |row: &&Value| row["methodology"] == "core" || row["methodology"] == "standard";
    let own: Vec<&Value> = rows.iter().filter(by_own).collect();
    assert_eq!(own.len(), 3 * ACCOUNTS.len());
    let models: Vec<_> = own[..3].iter().map(|row| row["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["isolated", "cross", "portfolio"]);
    let of = |model: &str| {
        own.iter().find(|row| row["account"] == "butterfly" && row["model"] == model).unwrap()
    };
    assert!(of("isolated")["saved"].is_null());
    assert!(of("portfolio")["saved"].as_str().unwrap().parse::<f64>().unwrap() > 0.0);
    // What a replica has no parameters for is said, and the others are shown.
    let reasons = json["not_margined"].as_array().unwrap();
    let solana = |row: &Value| row["why_it_does_not_margin_this"].as_str().unwrap().contains("SOL");
    assert!(reasons.iter().any(solana));
    let replicas = run("compare --account pair -o csv").text();
    for name in ["derive-pmrm2", "derive-srm", "paradex-pm", "paradex-xm", "deribit-pm", "okx-mr"] {
        assert!(replicas.contains(name), "{name} is missing:\n{replicas}");
    }
}

#[test]
fn surface_fits_the_sample() {
    let json = run("surface -o json").json();
    let rows = json["surface"].as_array().unwrap();
    assert_eq!(rows.len(), 12);
    for row in rows {
        assert_eq!(row["butterfly"], "free");
        assert!(row["max_error"].as_f64().unwrap() < 0.002);
    }
    assert_eq!(run("surface --underlying ETH -o csv").text().lines().count(), 7);
    let none = run("surface --underlying SOL");
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
}

#[test]
fn methodologies_are_shown_and_checked() {
    let list = run("methodology list -o json").json();
    let core = &list["methodologies"][0];
    assert_eq!(core["name"], "core");
    let hash = run("methodology hash core").text();
    assert_eq!(hash.trim(), core["hash"].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let text = run("methodology show core").text();
    std::fs::write(folder.path().join("mine.toml"), format!("# mine\n{text}")).unwrap();
    run_in(folder.path(), "methodology check mine.toml").text();
    assert_eq!(run_in(folder.path(), "methodology hash mine.toml").text(), hash);
    run_in(folder.path(), "margin --methodology mine.toml").text();
    let wrong = text.replacen("ticks_per_unit", "tick_per_unit", 1);
    std::fs::write(folder.path().join("wrong.toml"), wrong).unwrap();
    let check = run_in(folder.path(), "methodology check wrong.toml");
    assert_eq!((check.code, check.out.as_str()), (Some(1), ""));
    assert!(check.err.contains("wrong.toml:"), "{}", check.err);
    let used = run_in(folder.path(), "margin --methodology wrong.toml");
    assert_eq!((used.code, used.out.as_str()), (Some(2), ""));
}

#[test]
fn help_has_examples_and_exit_codes() {
    assert!(run("--help").text().contains("Exit codes"));
    for command in [
        "margin",
        "explain",
        "what-if",
        "compare",
        "surface",
        "methodology",
        "sample",
        "conformance",
        "completions",
    ] {
        let help = run(&format!("{command} --help")).text();
        assert!(help.contains("Examples:") && help.contains("plimsoll "), "{command}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(run(&format!("completions {shell}")).text().contains("what-if"), "{shell}");
    }
    assert_eq!(run("").code, Some(2));
}

/// `plimsoll … | head -1` ends quietly.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command()
        .args(["explain", "--account", "market-maker", "--vector", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}
