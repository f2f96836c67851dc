//! Bad inputs: exit code 2, a message with file, line and remedy, and nothing on standard output.

use std::fs;
use std::path::Path;

use super::{run, run_in};

#[track_caller]
fn refused(folder: &Path, arguments: &str, words: &[&str]) {
    let run = run_in(folder, arguments);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}: {}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{arguments}: {}", run.err);
    }
    assert_eq!(run.err.matches("error: ").count(), 1, "{}", run.err);
}

#[test]
fn files_gone_wrong_are_named_with_line_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run_in(at, "sample .").text();
    let [market, portfolio, history] = ["market", "portfolio", "history"]
        .map(|name| fs::read_to_string(at.join(format!("{name}.csv"))).unwrap());
    let spoil = |text: &str, line: usize, change: &dyn Fn(&str) -> String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[line - 1] = change(&lines[line - 1]);
        fs::write(at.join("bad.csv"), lines.join("\n")).unwrap();
    };
    let market_arguments = "margin --market bad.csv --portfolio portfolio.csv";
    let portfolio_arguments = "margin --portfolio bad.csv";
    let history_arguments = "margin --history bad.csv";

    spoil(&market, 1, &|line| line.replace("mark_price", "mark"));
    refused(at, market_arguments, &["bad.csv:1: mark_price:", "; "]);
    spoil(&market, 6, &|line| line.replace(",call,", ",put,"));
    refused(at, market_arguments, &["bad.csv:6: option_type:", "contradicts", "; "]);
    spoil(&market, 9, &|line| format!("{line},1"));
    refused(at, market_arguments, &["bad.csv:9:", "fields"]);
    for (bad, words) in
        [("NaN", "finite"), ("inf", "finite"), ("-0.5", "greater"), ("0", "greater")]
    {
        spoil(&market, 12, &|line| {
            let mut fields: Vec<&str> = line.split(',').collect();
            fields[9] = bad;
            fields.join(",")
        });
        refused(at, market_arguments, &["bad.csv:12: implied_volatility:", words, "; "]);
    }
    fs::write(at.join("bad.csv"), "").unwrap();
    refused(at, market_arguments, &["bad.csv:1:", "empty"]);
    fs::write(at.join("bad.csv"), [0x1f, 0x8b, 8]).unwrap();
    refused(at, market_arguments, &["bad.csv:1:", "gzip data ends"]);
    fs::write(at.join("bad.csv"), [market.as_bytes(), &[0xff]].concat()).unwrap();
    refused(at, market_arguments, &["bad.csv:", "UTF-8"]);
    fs::write(at.join("bad.csv"), [market.as_bytes(), &vec![b'1'; 200_000]].concat()).unwrap();
    refused(at, market_arguments, &["bad.csv:", "longer than"]);

    spoil(&portfolio, 3, &|_| "a,BTC-27MAR26-123456-C,1,".to_owned());
    refused(at, portfolio_arguments, &["bad.csv:3: instrument:", "does not list", "; "]);
    spoil(&portfolio, 3, &|_| "a,BTC-27MAR25-100000-C,1,".to_owned());
    refused(at, portfolio_arguments, &["bad.csv:3: instrument:", "expired"]);
    spoil(&portfolio, 3, &|_| portfolio.lines().nth(1).unwrap().to_owned());
    refused(at, portfolio_arguments, &["bad.csv:3:", "line 2"]);
    spoil(&portfolio, 2, &|line| line.replacen(',', ",\"", 1));
    refused(at, portfolio_arguments, &["bad.csv:2:", "quote"]);

    spoil(&history, 5, &|_| history.lines().nth(1).unwrap().to_owned());
    refused(at, history_arguments, &["bad.csv:5: date:", "later day on line 4"]);
    fs::write(at.join("bad.csv"), "date,BTC,ETH\n2026-01-01,1,1\n").unwrap();
    refused(at, history_arguments, &["bad.csv:1", "history"]);
    fs::write(
        at.join("bad.csv"),
        "account,instrument,quantity,limit_price\npair,BTC-PERPETUAL,5,1\n",
    )
    .unwrap();
    refused(at, "margin --orders bad.csv", &["bad.csv:2: quantity:", "lots", "; "]);
}

#[test]
fn arguments_gone_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    refused(
        at,
        "margin --market nowhere.csv --portfolio p.csv",
        &["nowhere.csv", "check the path"],
    );
    refused(at, "margin --portfolio .", &[".:1:", "check that it is a file"]);
    refused(at, "margin --market m.csv", &["needs --portfolio"]);
    refused(at, "margin --methodology nothing", &["built in are core, standard"]);
    refused(at, "margin --at 2020-01-01", &["later than"]);
    refused(at, "margin --at noon", &["not a time"]);
    refused(at, "margin --model sideways", &["portfolio"]);
    refused(at, "explain", &["--account", "covered-call"]);
    refused(at, "explain --account nobody", &["no account `nobody`"]);
    refused(at, "what-if --account pair", &["--add"]);
    for (add, words) in [
        ("BTC-27MAR26-100000-C", "no `:`"),
        ("BTC-27MAR26-100000-C:0", "zero"),
        ("BTC-27MAR26-100000-C:0.05", "lots"),
        ("BTC-27MAR26-100000-C:1@-1", "greater than zero"),
        ("BTC-27MAR26-100000-C:1@NaN", "decimal number"),
        ("USDC:1@1", "no price"),
        ("USDC:x", "decimal number"),
        ("DOGE:1", "no price of DOGE"),
        ("BTC-27MAR26-100500-C:1", "does not list"),
        ("BTC-27MAR25-100000-C:1", "expired"),
        ("BTC_USDC-PERPETUAL:9999999999999", "worth more than the limit"),
        ("USDC:-170141183460469231731687303715", "worth more than the limit"),
    ] {
        refused(at, &format!("what-if --account pair --add {add}"), &[words]);
    }
    refused(at, "what-if --account pair --remove BTC-PERPETUAL", &["does not hold"]);
    refused(at, "what-if --account pair --remove BTC", &["does not hold"]);
    refused(at, "surface --underlying btc", &["asset name"]);
    assert_eq!(run("nonsense").code, Some(2));
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    refused(folder.path(), "sample file/demo", &["cannot be written", "check the path"]);
}
