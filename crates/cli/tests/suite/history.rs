//! A venue's history: after kills, in SQL, and as files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{Run, command, finish};

const KILLS: usize = 4;

/// A demo that is killed when it is dropped.
struct Demo(Child);

impl Demo {
    /// Starts it, and waits until it says where it is.
    fn start(data: &Path) -> Self {
        let mut child = command()
            .args(["serve", "--demo", "--accounts", "20", "--instruments", "60"])
            .args(["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening"), "{line}");
        Self(child)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // `kill -9`, wherever it is.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn run(arguments: &[&str]) -> Run {
    finish(command().args(arguments))
}

#[test]
fn after_kills_the_history_is_what_the_journal_says() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for round in 0..KILLS {
        let demo = Demo::start(folder.path());
        sleep(Duration::from_millis(1_200 + 700 * round as u64));
        if round == 1 {
            let running = run(&["history", "rebuild", data]);
            assert_eq!(running.code, Some(2));
            assert!(running.err.contains("a venue is running on it"), "{}", running.err);
            assert_eq!(run(&["history", "check", data]).code, Some(0), "beside the venue");
        }
        drop(demo);
        let checked = run(&["history", "check", data, "--output", "json"]).json();
        let rows = |name: &str| {
            let tables = checked["tables"].as_array().unwrap().clone();
            let table = tables.into_iter().find(|table| table["table"] == name).unwrap();
            table["rows"].as_u64().unwrap()
        };
        assert!(rows("orders") > 0 && rows("log") > 0, "{checked}");
        assert!(rows("fills") == 2 * rows("trades") && rows("trades") > 0, "{checked}");
    }
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
