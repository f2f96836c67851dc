//! A venue's history: beside the venue, in SQL, and as files.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::clients::{Venue, turn};
use super::{Run, command, finish};

/// How often to look whether something has traded.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_MAX: usize = 1_000;

fn run(arguments: &[&str]) -> Run {
    finish(command().args(arguments))
}

#[test]
fn a_history_is_checked_made_anew_asked_and_exported() {
    let _turn = turn();
    let venue = Venue::start_with(&[]);
    let data = venue.folder.path().join("data");
    let data = data.to_str().unwrap();
    let trades = "select count(*) as trades from trades";
    let count = || run(&["history", "sql", data, trades, "--format", "json"]).json();
    let has_traded = (0..LOOKS_MAX).any(|_| {
        sleep(LOOK);
        count()[0]["trades"].as_u64() >= Some(10)
    });
    assert!(has_traded, "nothing trades");
    let running = run(&["history", "rebuild", data]);
    assert_eq!(running.code, Some(2));
    assert!(running.err.contains("a venue is running on it"), "{}", running.err);
    assert_eq!(run(&["history", "check", data]).code, Some(0), "beside the venue");
    let folder = venue.killed();
    let rebuilt = run(&["history", "rebuild", data, "--output", "json"]).json();
    assert!(rebuilt["history"]["rebuilt_through"].as_u64().unwrap() > 0);
    assert_eq!(run(&["history", "check", data]).code, Some(0));
    questions(data);
    files(data, folder.path());
}

fn questions(data: &str) {
    let sql =
        |question: &str, format: &str| run(&["history", "sql", data, "--format", format, question]);
    let newest = "select id, instrument, price, size, time from v_trades order by id desc limit 3";
    let rows = sql(newest, "json").json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let (price, time) = (row["price"].as_str().unwrap(), row["time"].as_str().unwrap());
        assert!(price.contains('.') && time.ends_with('Z') && row["id"].is_u64(), "{row}");
        assert!(row["instrument"].as_str().unwrap().contains('-'), "{row}");
    }
    let comma = sql("select id, label from orders limit 0", "csv");
    assert_eq!(comma.code, Some(2));
    assert!(comma.err.contains("no such column: id"), "{}", comma.err);
    let comma = sql("select 1 as one, -2.5 as two, null as three", "csv").text();
    assert_eq!(comma, "one,two,three\n1,-2.5,\n");
    assert!(sql("select count(*) as trades from trades", "table").text().contains("trades"));
    for change in ["delete from trades", "update meta set value = 1", "drop view v_log"] {
        let refused = sql(change, "table");
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{}", refused.err);
    }
    let nowhere = run(&["history", "sql", "/nowhere", "select 1"]);
    assert!(
        nowhere.code == Some(2) && nowhere.err.contains("there is no history"),
        "{}",
        nowhere.err
    );
}

fn files(data: &str, folder: &Path) {
    let out = folder.join("tables");
    let exported = run(&[
        "export",
        data,
        "--history",
        "--format",
        "csv",
        "--out",
        out.to_str().unwrap(),
        "--output",
        "json",
    ]);
    let exported = exported.json();
    let trades = fs::read_to_string(out.join("trades.csv")).unwrap();
    let count = trades.lines().count() as u64 - 1;
    assert!(
        trades.starts_with("id,instrument,number,currency,sequence,time,price,lots"),
        "{trades}"
    );
    let told = exported["export"].as_array().unwrap();
    let told = told.iter().find(|table| table["table"] == "trades").unwrap();
    assert_eq!(told["rows"].as_u64(), Some(count));
    let parquet =
        run(&["export", data, "--history", "--format", "parquet", "--out", out.to_str().unwrap()]);
    assert_eq!(parquet.code, Some(0), "{}", parquet.err);
    assert!(fs::metadata(out.join("funding.parquet")).unwrap().len() > 0);
}
