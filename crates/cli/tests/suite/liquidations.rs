//! `plimsoll cases` and `plimsoll waterfall`, on the journal of a node that was sent the script
//! `docs/run/liquidation.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use engine::Action;
use instruments::{Amount, Timestamp};
use journal::Disk;
use node::{JournalLog, JournalOptions, ManualClock, Node, Options};
use serde_json::{Value, json};

use super::{Run, run_in};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The command on a line of the script, which names what a node is given in full.
fn action(line: &Value, now: Timestamp) -> Action {
    let members = line.as_object().unwrap().iter();
    let (name, asked) = members.into_iter().find(|(name, _)| *name != "time").unwrap();
    let mut asked = asked.clone();
    match name.as_str() {
        "set_methodology" => {
            let text = risk::Methodology::built_in_text(asked["built_in"].as_str().unwrap());
            asked = json!({"text": text.unwrap(), "notice_ends": now.milliseconds() + 1});
        }
        "set_history" => asked = closes(),
        "report_price" => asked["observed"] = now.milliseconds().into(),
        "place_order" => {
            let order = asked["order"].as_object_mut().unwrap();
            let size: Amount = order.remove("size").unwrap().as_str().unwrap().parse().unwrap();
            // There is one instrument, and its lots are thousandths.
            order.insert("instrument".to_owned(), 0.into());
            let lots = i64::try_from(size.units() / 100_000).unwrap();
            order.insert("lots".to_owned(), lots.into());
        }
        _ => {}
    }
    serde_json::from_value(json!({ name: asked })).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn closes() -> Value {
    let history = marketdata::sample::history();
    let days = history.days.iter().map(|day| {
        let closes = day.closes.iter().map(|close| close.map(|close| format!("{close:.8}")));
        json!({"date": day.date, "closes": closes.collect::<Vec<_>>()})
    });
    json!({"assets": history.assets, "days": days.collect::<Vec<_>>()})
}

/// A folder with the script's journal, made once.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| journal_of(&script())).path()
}

fn script() -> Vec<Value> {
    let text = fs::read_to_string(docs().join("run/liquidation.jsonl")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder with the journal of a node that was sent these lines.
fn journal_of(script: &[Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path().join("journal")).unwrap();
    let options = JournalOptions { segment_bytes: 1 << 20, epoch: 1 };
    let (log, _) = JournalLog::open(disk, options).unwrap();
    let mut now: Timestamp = "2026-02-05T16:00:00Z".parse().unwrap();
    let clock = ManualClock::at(now);
    let node = Node::open(log, clock.clone(), Options::default(), |_| {}).unwrap().0;
    for line in script {
        if let Some(time) = line.get("time") {
            now = time.as_str().unwrap().parse().unwrap();
            clock.set(now);
        }
        node.submit(action(line, now)).unwrap().wait().unwrap();
    }
    folder
}

#[track_caller]
fn refused(run: &Run, words: &[&str]) {
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{word}: {}", run.err);
    }
}

fn units(value: &Value) -> i128 {
    value.as_str().unwrap().parse::<Amount>().unwrap().units()
}

/// What a column says in all rows together.
fn sum(rows: &Value, column: &str) -> i128 {
    rows.as_array().unwrap().iter().map(|row| units(&row[column])).sum()
}

#[test]
fn cases_are_listed() {
    let told = run_in(folder(), "cases journal --json").json();
    let cases = told["cases"].as_array().unwrap();
    let outcomes: Vec<&str> = cases.iter().map(|case| case["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["restored", "resolved"]);
    assert_eq!((cases[0]["account"].as_str(), cases[0]["case"].as_u64()), (Some("1"), Some(1)));
    assert_eq!(cases[0]["stage"], "auction");
    assert!(units(&cases[0]["discount"]) > 0 && units(&cases[0]["fund_paid"]) == 0);
    assert!(units(&cases[0]["kept"]) > 0);
    assert_eq!(cases[1]["stage"], "insolvent");
    assert!(units(&cases[1]["fund_paid"]) > 0);
    assert_eq!(cases[1]["kept"], "0");
    let of_two = run_in(folder(), "cases journal --json --account 2").json();
    assert_eq!(of_two["cases"].as_array().unwrap()[..], cases[1..]);
    let none = run_in(folder(), "cases journal --output csv --account 77").text();
    assert!(none.starts_with("case,account,opened,closed,outcome,") && none.lines().count() == 1);
}

#[test]
fn a_case_is_told_step_by_step() {
    let told = run_in(folder(), "cases journal --case 1 --json").json();
    let steps = told["steps"].as_array().unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step["what"].as_str().unwrap()).collect();
    for kind in ["opened", "order", "trade", "stage", "bid", "sold", "leg", "fee", "closed"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    let sold = steps.iter().find(|step| step["what"] == "sold").unwrap();
    assert_eq!((&sold["counterparty"], &sold["discount"]), (&json!("3"), &json!("0.02")));
    let legs = steps.iter().filter(|step| step["what"] == "leg");
    let notional = legs.map(|leg| units(&leg["size"]) * units(&leg["mark"]) / 100_000_000);
    assert_eq!(notional.sum::<i128>(), units(&told["who_paid"]["auctioned"]));
    assert_eq!(told["holdings_when_it_opened"][0]["holding"], "BTC_USDC-PERPETUAL");
    assert_eq!(told["holdings_when_it_opened"][0]["mark_then"], "70000");
    let stages = told["stages"].as_array().unwrap();
    let took: u64 = stages.iter().map(|stage| stage["took_ms"].as_u64().unwrap()).sum();
    assert_eq!(Some(took), told["case"]["took_ms"].as_u64());
    let table = run_in(folder(), "cases journal --case 2 --output csv").text();
    assert!(table.starts_with("sequence,time,after_ms,what,"), "{table}");
    let text = run_in(folder(), "cases journal --case 2").text();
    for words in ["Holdings when it opened", "account 3 takes over", "ends, resolved", "Who paid"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_case_that_goes_on_is_open() {
    let bid = script().iter().position(|line| line.get("place_bid").is_some()).unwrap();
    let folder = journal_of(&script()[..=bid]);
    let listed = run_in(folder.path(), "cases journal --json").json();
    let case = &listed["cases"][0];
    assert_eq!((&case["outcome"], &case["closed"]), (&json!("open"), &Value::Null));
    assert_eq!(case["kept"], Value::Null);
    let told = run_in(folder.path(), "cases journal --case 1 --json").json();
    assert_eq!(told["stages"][1]["took_ms"], Value::Null);
    assert_eq!(told["steps"].as_array().unwrap().last().unwrap()["what"], "bid");
    let days = run_in(folder.path(), "waterfall journal --json").json();
    assert_eq!((&days["in_all"]["opened"], &days["in_all"]["closed"]), (&json!(1), &json!(0)));
}

#[test]
fn days_are_the_sum_of_cases_and_what_the_ledger_says() {
    let told = run_in(folder(), "waterfall journal --json").json();
    let day = &told["waterfall"][0];
    assert_eq!((&day["day"], day["opened"].as_u64()), (&json!("2026-02-05"), Some(2)));
    assert_eq!(day["closed"].as_u64(), Some(2));
    let cases = run_in(folder(), "cases journal --json").json();
    for (column, of_cases) in [
        ("fund_paid", "fund_paid"),
        ("cut", "cut"),
        ("outstanding", "outstanding"),
        ("adl_cost", "deleveraged"),
    ] {
        assert_eq!(sum(&told["waterfall"], column), sum(&cases["cases"], of_cases), "{column}");
        assert_eq!(sum(&told["waterfall"], column), units(&told["in_all"][column]), "{column}");
    }
    let sold = ["book", "auctioned", "vault", "taken_over", "deleveraged"];
    let sold: i128 = sold.iter().map(|layer| units(&day[layer])).sum();
    assert_eq!(sold, sum(&cases["cases"], "sold"));
    // A dollar of cash is a dollar here, so that the fund's own postings are the same.
    run_in(folder(), "export journal --format csv --tables balances,cases --out tables").text();
    let mut reader = csv::Reader::from_path(folder().join("tables/balances.csv")).unwrap();
    let (mut paid, mut received) = (0, 0);
    for row in reader.records().map(Result::unwrap) {
        if (&row[4], &row[6]) == ("insurance", "insurance") {
            let change = row[7].parse::<Amount>().unwrap().units();
            *(if change < 0 { &mut paid } else { &mut received }) += change.abs();
        }
    }
    assert!(paid > 0 && received > 0);
    assert_eq!((paid, received), (units(&day["fund_paid"]), units(&day["fund_received"])));
    let mut reader = csv::Reader::from_path(folder().join("tables/cases.csv")).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let amounts = |what: &str| -> i128 {
        let meant = rows.iter().filter(|row| &row[6] == what);
        meant.map(|row| row[16].parse::<Amount>().unwrap().units()).sum()
    };
    assert_eq!((amounts("fund_paid"), amounts("fee")), (paid, received));
}

#[test]
fn what_can_not_be_told_says_why() {
    let empty = tempfile::tempdir().unwrap();
    for command in ["cases", "waterfall"] {
        refused(
            &run_in(empty.path(), &format!("{command} missing")),
            &["missing: cannot be opened"],
        );
        refused(&run_in(empty.path(), &format!("{command} .")), &["no journal is here"]);
        let help = run_in(empty.path(), &format!("{command} --help")).text();
        assert!(help.contains("Examples:") && help.contains(&format!("plimsoll {command} ")));
    }
    refused(
        &run_in(folder(), "cases journal --case 7"),
        &["--case 7", "no such case", "numbered from 1 to 2"],
    );
    let until_rules = script().iter().position(|line| line.get("set_liquidation").is_some());
    let quiet = journal_of(&script()[..until_rules.unwrap()]);
    let listed = run_in(quiet.path(), "cases journal --json");
    assert!(listed.err.starts_with("warning: ") && listed.err.contains("`set_liquidation`"));
    assert_eq!(listed.json(), json!({"cases": []}));
    refused(&run_in(quiet.path(), "cases journal --case 1"), &["no case has been opened in it"]);
    let sums = run_in(quiet.path(), "waterfall journal --json").json();
    assert_eq!((&sums["waterfall"], &sums["in_all"]["opened"]), (&json!([]), &json!(0)));
}

/// The same venue with a vault, without a fund and without bids.
fn without_bidders() -> Vec<Value> {
    let mut lines = script();
    lines.truncate(lines.iter().position(|line| line["time"] == "2026-02-05T16:00:30Z").unwrap());
    lines.retain(|line| line.get("move_capital").is_none());
    let rules = lines.iter_mut().find(|line| line.get("set_liquidation").is_some()).unwrap();
    rules["set_liquidation"]["vault"] = json!(3);
    let mut pass = |from: u32, to: u32, price: &str| {
        for second in (from..to).step_by(10) {
            let time = format!("2026-02-05T16:{:02}:{:02}Z", second / 60, second % 60);
            let report = json!({"asset": "BTC", "source": 1, "price": price});
            lines.push(json!({"time": time, "report_price": report}));
        }
    };
    pass(30, 120, "66500");
    pass(120, 240, "54000");
    lines
}

#[test]
fn vault_and_deleveraging_are_told() {
    let folder = journal_of(&without_bidders());
    let listed = run_in(folder.path(), "cases journal --json").json();
    let cases = listed["cases"].as_array().unwrap();
    let told = |case: &Value| {
        let id = case["case"].as_u64().unwrap();
        run_in(folder.path(), &format!("cases journal --case {id} --json")).json()
    };
    let by_vault = told(&cases[0]);
    assert_eq!(cases[0]["taken_by"], "3 (vault)");
    assert!(units(&by_vault["who_paid"]["discount_to_the_vault"]) > 0);
    assert_eq!(by_vault["others"][0]["at_mark"], by_vault["who_paid"]["taken_by_the_vault"]);
    let insolvent = cases.iter().find(|case| units(&case["deleveraged"]) > 0).unwrap();
    assert_eq!(
        (&insolvent["stage"], &insolvent["outcome"]),
        (&json!("deleveraging"), &json!("resolved"))
    );
    let bill = &told(insolvent)["who_paid"];
    // What the account lacked was paid by the fund, which had next to nothing, and by who had gained.
    let lacked = units(&told(insolvent)["case"]["value_at_mark"]);
    let paid = ["fund_paid", "cost_of_deleveraging", "cut", "outstanding"]
        .map(|layer| units(&bill[layer]));
    let paid = paid.iter().sum::<i128>() - units(&bill["fund_received"]);
    assert!((paid + lacked).abs() < 100_000_000, "{paid} for {lacked}: {bill}");
    let text = run_in(folder.path(), &format!("cases journal --case {}", insolvent["case"])).text();
    assert!(text.contains("account 0 gives up") && text.contains("Others"), "{text}");
}

/// The page shows what the commands print of this journal.
#[test]
fn the_page_shows_what_they_print() {
    let page = fs::read_to_string(docs().join("journals.md")).unwrap();
    for (section, command) in [
        ("## Cases", "cases journal"),
        ("### A case as a story", "cases journal --case 1"),
        ("## Waterfall", "waterfall journal"),
    ] {
        let (_, rest) = page.split_once(&format!("\n{section}\n")).unwrap();
        let rest = rest.split("\n#").next().unwrap();
        let printed = run_in(folder(), command).text();
        let mut blocks = rest.split("\n```text\n").skip(1).peekable();
        assert!(blocks.peek().is_some(), "{section} shows nothing");
        for block in blocks {
            let block = block.split("\n```").next().unwrap();
            assert!(printed.contains(block), "{section} shows\n{block}\nnot in\n{printed}");
        }
    }
}
