//! `plimsoll run`: scripts of commands, what they say, and what is no command.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::{Run, command, finish, run_in};

const VENUE: &str = r#"
# A venue with one market and two accounts.
{"time":"2026-02-05T16:00:00Z","add_asset":{"asset":"USD"}}
{"add_asset":{"asset":"BTC"}}
{"set_sources":{"asset":"BTC","rules":{"sources_min":1},"sources":[{"source":1,"weight":1}]}}
  // An indented comment.
{"report_price":{"asset":"BTC","source":1,"price":"70000"}}
{"list_instrument":{"instrument":"BTC-PERPETUAL","terms":{"tick":"0.5"}}}
{"set_methodology":{"built_in":"standard"}}
{"open_epoch":{}}
{"open_account":{"margin_model":"cross"}}
{"open_account":{"margin_model":"cross"}}
"#;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Runs a script that follows the venue's.
fn run_after(more: &str, options: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("case.jsonl"), format!("{VENUE}{more}\n")).unwrap();
    run_in(folder.path(), &format!("run case.jsonl {options}"))
}

/// Lines of the venue's script; the first line of what follows has the next number.
fn venue_lines() -> usize {
    VENUE.lines().count()
}

#[track_caller]
fn refused_at(more: &str, column: usize, words: &[&str]) {
    let run = run_after(more, "");
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
    let place = format!("error: case.jsonl:{}:{column}: ", venue_lines() + 1);
    assert!(run.err.starts_with(&place), "{}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{}", run.err);
    }
}

#[test]
fn a_script_is_told_in_words_with_a_summary() {
    let text = run_after(
        r#"{"announce_deposit":{"id":1,"account":0,"asset":"USD","amount":"1000"}}
{"credit_deposit":{"id":1,"account":0}}
{"time":"2026-02-05T16:00:01Z","place_order":{"account":0,"order":{"instrument":"BTC-PERPETUAL","side":"buy","size":"100","type":{"limit":{"price":"69000"}}}}}"#,
        "",
    )
    .text();
    for words in [
        "   3  2026-02-05T16:00:00Z  add USD\n        asset_added       USD\n",
        "account 0: +1,000 USD, deposit credited, to 1,000 USD\n",
        "2026-02-05T16:00:01Z  account 0: buy 100 USD of BTC-PERPETUAL, limit 69,000\n",
        "rested            order 1: buy 100 USD of BTC-PERPETUAL at 69,000\n",
        "\n  commands    12\n",
        "\n  orders      1\n",
        "\n  rejections  0\n",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "there are no colours in a pipe");
}

#[test]
fn refusals_are_events_and_the_run_goes_on() {
    let text = run_after(
        r#"{"time":1770307201000,"report_price":{"asset":"BTC","source":1,"price":"70100"}}
{"credit_deposit":{"id":9,"account":0}}
{"cancel_order":{"account":0,"order":77}}
{"cancel_order":{"account":5,"order":1}}
{"sequence":3,"tick":{}}
{"time":"2026-02-05T15:00:00Z","tick":{}}
{"tick":{}}"#,
        "",
    )
    .text();
    assert!(text.contains("rejected          account 0: order 77 is not open"), "{text}");
    assert!(text.contains("index             BTC 70,100, fresh"), "{text}");
    assert!(text.contains("\n  commands    16\n"), "{text}");
    assert!(text.contains("\n  rejections  5\n"), "{text}");
    assert!(text.contains(" unknown account "), "{text}");
}

#[test]
fn names_sizes_and_files_are_written_out() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    place("closes.csv", "date,BTC\n2026-02-03,71000.5\n2026-02-04,\n");
    let show = run_in(folder.path(), "methodology show standard").text();
    place("mine.toml", &show);
    place(
        "case.jsonl",
        &format!(
            "{VENUE}{}\n",
            r#"{"set_history":{"file":"closes.csv"}}
{"set_methodology":{"notice_ends":"2026-02-06","file":"mine.toml"}}
{"mass_quote":{"quotes":[{"bid":{"size":"50","price":"69000"},"instrument":"BTC-PERPETUAL"}],"account":1}}
{"set_market_state":{"scope":{"instrument":"BTC-PERPETUAL"},"state":"halted"}}"#
        ),
    );
    // Files are beside the script, wherever the run is started.
    let script = folder.path().join("case.jsonl");
    let text = finish(command().arg("run").arg(&script).arg("--json")).text();
    let found = |kind: &str| {
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find_map(|line| line.get(kind).cloned()).unwrap_or_else(|| panic!("{kind}: {text}"))
    };
    assert_eq!(found("history_set")["days"], 2);
    assert_eq!(found("market_state_set")["instrument"], 0);
    assert_eq!(found("methodology_set")["name"], "standard");
}

#[test]
fn what_is_no_command_is_refused_with_its_place() {
    refused_at("{\"tick\":{}", 10, &["EOF"]);
    refused_at("tick", 2, &["expected"]);
    refused_at("{}", 2, &["says what is asked"]);
    refused_at("{\"tock\":{}}", 7, &["unknown variant `tock`", "`tick`", "`place_order`"]);
    refused_at("{\"tick\":{},\"tick\":{}}", 17, &["one line is one command"]);
    refused_at("{\"credit_deposit\":{\"id\":1,\"acount\":0}}", 34, &["`acount`", "`account`"]);
    refused_at("{\"credit_deposit\":{\"id\":\"x\",\"account\":0}}", 27, &["invalid type"]);
    refused_at(
        "{\"uncross\":{\"instrument\":\"ETH-PERPETUAL\"}}",
        26,
        &["not listed", "list_instrument"],
    );
    refused_at("{\"uncross\":{\"instrument\":\"BTC\"}}", 26, &["BTC", "parts"]);
    let order = |size: &str| {
        format!(
            "{{\"place_order\":{{\"account\":0,\"order\":{{\"instrument\":\"BTC-PERPETUAL\",\"size\":\"{size}\",\
             \"side\":\"buy\",\"type\":{{\"market\":{{}}}}}}}}}}"
        )
    };
    refused_at(&order("5"), 74, &["whole number of lots of 10 USD"]);
    refused_at("{\"set_methodology\":{\"built_in\":\"x\"}}", 32, &["no methodology `x`", "core"]);
    refused_at("{\"set_history\":{\"file\":\"none.csv\"}}", 24, &["none.csv"]);
    // A place after something that was written out is still the place in the line as typed.
    let spoiled = order("50").replace("\"side\"", "\"sde\"");
    refused_at(&spoiled, 83, &["unknown field `sde`"]);
}

#[test]
fn what_is_almost_a_command_is_told_how_to_write_it() {
    refused_at(r#"{"tick":{}} {"tick":{}}"#, 13, &["put each on a line of its own"]);
    let order = r#"{"place_order":{"account":0,"order":{"instrument":0,"side":"buy","size":100}}}"#;
    refused_at(order, 73, &["written as words"]);
    refused_at("# a comment\r{\"tick\":{}}", 12, &["end lines with line feeds"]);
    let long = format!(r#"{{"add_asset":{{"asset":"{}"}}}}"#, "A".repeat(1 << 20));
    let run = run_after(&long, "");
    assert_eq!(run.code, Some(2));
    assert!(run.err.len() < 5_000, "{}", run.err.len());

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("case.jsonl"), format!("\u{feff}{}", VENUE.trim())).unwrap();
    run_in(folder.path(), "run case.jsonl").text();
}

#[test]
fn a_script_must_be_readable_and_begin_with_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &[u8], words: &str| {
        fs::write(folder.path().join("bad.jsonl"), text).unwrap();
        let run = run_in(folder.path(), "run bad.jsonl --events events.jsonl");
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
        assert!(run.err.contains(words), "{}", run.err);
        assert!(!folder.path().join("events.jsonl").exists());
    };
    refused(b"{\"tick\":{}}", "bad.jsonl:1:11: missing field `time`");
    refused(b"# \xff\n", "bad.jsonl:1:3: the line is not UTF-8");
    refused(&vec![b' '; (1 << 24) + 1], "longer than 16 MiB");
    refused(&[b'['; 1_000_000], "bad.jsonl:1:1: ");
    let run = run_in(folder.path(), "run none.jsonl");
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("none.jsonl: cannot be opened"), "{}", run.err);
    let run = run_in(folder.path(), "run bad.jsonl --output csv");
    assert!(run.code == Some(2) && run.err.contains("--events"), "{}", run.err);
    let run = run_in(folder.path(), "run bad.jsonl --events bad.jsonl");
    assert!(run.code == Some(2) && run.err.contains("would replace it"), "{}", run.err);
}

#[test]
fn events_go_to_a_file_too_and_the_hash_is_stable() {
    let folder = tempfile::tempdir().unwrap();
    let script = docs().join("run/first-trade.jsonl");
    let run = |options: &[&str]| {
        finish(command().current_dir(folder.path()).arg("run").arg(&script).args(options)).text()
    };
    let json = run(&["--json"]);
    let words = run(&["--events", "events.jsonl", "--state-hash"]);
    assert_eq!(fs::read_to_string(folder.path().join("events.jsonl")).unwrap(), json);
    let sequences = json.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event.as_object().unwrap().len(), 2, "{line}");
        event["sequence"].as_u64().unwrap()
    });
    assert!(sequences.is_sorted());
    let again = run(&["--output", "json", "--state-hash"]);
    let hash: Value = serde_json::from_str(again.strip_prefix(&json).unwrap()).unwrap();
    let hash = hash["state_hash"].as_str().unwrap();
    assert_eq!(hash.len(), 64);
    assert!(words.ends_with(&format!("\n  state hash  {hash}\n")), "{words}");
}

#[test]
fn a_script_may_come_from_standard_input() {
    let mut child = command()
        .args(["run", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(VENUE.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), run_after("", "--json").text());
    let nothing = tempfile::tempdir().unwrap();
    fs::write(nothing.path().join("empty.jsonl"), "# nothing\n").unwrap();
    assert!(run_in(nothing.path(), "run empty.jsonl").text().starts_with("Run\n  commands    0\n"));
}

/// Blocks of a page that are marked as a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    let parts = page.split(fence.as_str()).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap()).collect()
}

/// The page shows what the scripts print: each of its blocks is a part of it, in order.
#[test]
fn the_page_shows_what_the_scripts_print() {
    let page = fs::read_to_string(docs().join("run.md")).unwrap();
    for name in ["first-trade", "margin-call", "expiry", "liquidation"] {
        let linked = format!("({}/{name}.jsonl)", "run");
        let start = page.find(&linked).unwrap();
        let section = page[start..].split("\n## ").next().unwrap();
        let script = docs().join(format!("run/{name}.jsonl"));
        let printed = finish(command().arg("run").arg(&script)).text();
        let mut rest = printed.as_str();
        let shown = blocks(section, "text");
        assert!(shown.len() >= 3, "{name}: {} blocks", shown.len());
        for block in shown {
            let place = rest.find(block).unwrap_or_else(|| {
                panic!("docs/run.md shows what {name}.jsonl does not print, or not there:\n{block}\nin\n{printed}")
            });
            rest = &rest[place + block.len()..];
        }
    }
}

/// Every command has an example on its page, and the examples run as one script.
#[test]
fn every_command_has_an_example_that_runs() {
    let page = fs::read_to_string(docs().join("commands.md")).unwrap();
    let script = blocks(&page, "json").join("\n");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.jsonl"), &script).unwrap();
    let events = run_in(folder.path(), "run page.jsonl --json").text();
    assert!(!events.contains("\"rejected\""), "{events}");
    fs::write(folder.path().join("none.jsonl"), "{\"no_command\":{}}").unwrap();
    let listed = run_in(folder.path(), "run none.jsonl").err;
    let (_, listed) = listed.split_once("expected one of ").expect("the commands are listed");
    let names: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(script.contains(&format!("\"{name}\":")), "docs/commands.md has no `{name}`");
        assert!(page.contains(&format!("`{name}`")), "docs/commands.md says nothing of `{name}`");
    }
}
