//! `plimsoll replay`, `verify` and `export`: a node's journal from outside.

use std::fs;
use std::path::Path;

use engine::Action;
use instruments::Timestamp;
use journal::Disk;
use node::{JournalLog, JournalOptions, ManualClock, Node, Options};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::{Run, run_in};

/// Two clients, an offer, a trade, and something that is refused.
const COMMANDS: [&str; 18] = [
    r#"{"add_asset":{"asset":"USD"}}"#,
    r#"{"add_asset":{"asset":"BTC"}}"#,
    r#"{"set_sources":{"asset":"BTC","rules":{"sources_min":1},"sources":[{"source":1,"weight":1}]}}"#,
    r#"{"report_price":{"asset":"BTC","source":1,"price":"70000","observed":"2026-02-05T16:00:00Z"}}"#,
    r#"{"list_instrument":{"instrument":"BTC-PERPETUAL","terms":{"tick":"0.5"}}}"#,
    "standard",
    r#"{"open_epoch":{}}"#,
    r#"{"open_account":{"margin_model":"cross"}}"#,
    r#"{"open_account":{"margin_model":"cross"}}"#,
    r#"{"announce_deposit":{"id":1,"account":0,"asset":"USD","amount":"10000.5"}}"#,
    r#"{"credit_deposit":{"id":1,"account":0}}"#,
    r#"{"announce_deposit":{"id":2,"account":1,"asset":"USD","amount":"10000"}}"#,
    r#"{"credit_deposit":{"id":2,"account":1}}"#,
    r#"{"place_order":{"account":0,"order":{"instrument":0,"side":"sell","lots":10,"type":{"limit":{"price":"70000"}},"label":"a, \"b\""}}}"#,
    r#"{"place_order":{"account":1,"order":{"instrument":0,"side":"buy","lots":4,"type":{"limit":{"price":"70000"}}}}}"#,
    r#"{"place_order":{"account":1,"order":{"instrument":0,"side":"buy","lots":100000000,"type":{"limit":{"price":"70000"}}}}}"#,
    r#"{"cancel_order":{"account":0,"order":1}}"#,
    r#"{"tick":{}}"#,
];

fn action(text: &str) -> Action {
    if text == "standard" {
        let text = risk::Methodology::built_in_text("standard").unwrap();
        let set = serde_json::json!({"text": text, "notice_ends": "2026-02-05T16:00:00.001Z"});
        return serde_json::from_value(serde_json::json!({ "set_methodology": set })).unwrap();
    }
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A node on the journal in a folder.
fn node(folder: &Path) -> Node {
    let disk = Disk::create(folder.join("journal")).unwrap();
    let options = JournalOptions { segment_bytes: 1 << 15, epoch: 1 };
    let (log, _) = JournalLog::open(disk, options).unwrap();
    let clock = ManualClock::at("2026-02-05T16:00:00Z".parse::<Timestamp>().unwrap());
    Node::open(log, clock, Options::default(), |_| {}).unwrap().0
}

/// A folder with a journal of all commands, with a snapshot within; gives the state's hash too.
fn venue() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path());
    for (place, text) in COMMANDS.iter().enumerate() {
        if place == 9 {
            assert_eq!(node.snapshot(), Ok(9));
        }
        node.submit(action(text)).unwrap().wait().unwrap();
    }
    let hash = node.record_hash().unwrap();
    (folder, hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The only segment of the journal.
const SEGMENT: &str = "journal/00000000000000000001.journal";

fn change(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[track_caller]
fn refused(run: Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{}", run.err);
    assert!(run.err.starts_with("error: "), "{}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{word}: {}", run.err);
    }
}

#[test]
fn replay_gives_the_hash_of_the_node() {
    let (folder, hash) = venue();
    for options in ["", "--snapshot"] {
        let told = run_in(folder.path(), &format!("replay journal --json {options}")).json();
        assert_eq!(told["replay"]["state_hash"], hash);
        assert_eq!(told["replay"]["sequence"], 18);
        assert_eq!(told["replay"]["time"], "2026-02-05T16:00:00Z");
        let from = if options.is_empty() { (None, 18) } else { (Some(9), 9) };
        let applied = &told["replay"]["commands_applied"];
        assert_eq!(
            (told["replay"]["from_snapshot"].as_u64(), applied.as_u64()),
            (from.0, Some(from.1))
        );
    }
    let part = run_in(folder.path(), "replay journal --to 13 --json").json();
    assert_eq!(part["replay"]["sequence"], 13);
    assert_ne!(part["replay"]["state_hash"], hash);
    let text = run_in(folder.path(), "replay journal").text();
    assert!(text.contains(&hash) && text.contains("commands applied"), "{text}");
    refused(
        run_in(folder.path(), "replay journal --to 19"),
        2,
        &["--to 19", "ends with command 18"],
    );
    refused(run_in(folder.path(), "replay journal --to 0"), 2, &["--to"]);
}

#[test]
fn verify_says_what_is_sound() {
    let (folder, hash) = venue();
    let told = run_in(folder.path(), "verify journal --json").json();
    assert_eq!(told["verification"]["state_hash"], hash);
    assert_eq!(told["verification"]["sound"], true);
    assert_eq!(told["verification"]["snapshots_agreed"], 1);
    assert_eq!(told["journal"]["last_command"], 18);
    assert_eq!(told["snapshots"][0]["sequence"], 9);
    // Also beside a node, which holds the journal open.
    let node = node(folder.path());
    node.submit(action(r#"{"tick":{}}"#)).unwrap().wait().unwrap();
    let beside = run_in(folder.path(), "verify journal --json").json();
    assert_eq!(beside["verification"]["commands_applied"], 19);
    assert_eq!(beside["verification"]["checkpoints_agreed"], 1);
}

#[test]
fn damage_has_a_file_and_a_byte() {
    let (folder, _) = venue();
    change(&folder.path().join(SEGMENT), 1_030);
    let place = ["00000000000000000001.journal, byte 1024:", "restore the file from a copy"];
    let run = run_in(folder.path(), "verify journal");
    assert!(run.out.contains("Problems"), "{}", run.out);
    refused(run, 1, &place);
    refused(run_in(folder.path(), "replay journal"), 2, &place);
    refused(run_in(folder.path(), "export journal --format csv --out tables"), 2, &place);
    assert!(!folder.path().join("tables").exists());
}

#[test]
fn a_damaged_snapshot_is_no_reason_not_to_replay() {
    let (folder, hash) = venue();
    let name = "00000000000000000009.snapshot";
    change(&folder.path().join("journal").join(name), 200);
    let run = run_in(folder.path(), "verify journal --json");
    refused(run, 1, &[name, "byte 96"]);
    let run = run_in(folder.path(), "replay journal --snapshot --json");
    assert!(run.err.starts_with("warning: ") && run.err.contains(name), "{}", run.err);
    assert_eq!(run.json()["replay"]["state_hash"], hash);
}

#[test]
fn a_journal_of_another_version_says_which_program_to_use() {
    let (folder, _) = venue();
    let path = folder.path().join(SEGMENT);
    let mut bytes = fs::read(&path).unwrap();
    // The format of the segment's header, with a checksum that fits.
    bytes[8] = 9;
    let checksum = crc32c::crc32c(&bytes[..506]);
    bytes[506..510].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    for (command, code) in [("verify journal", 1), ("replay journal", 2)] {
        refused(
            run_in(folder.path(), command),
            code,
            &["format 9", "use the program that wrote it"],
        );
    }
}

#[test]
fn what_is_no_journal_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for command in ["replay DIR", "verify DIR", "export DIR --format csv --out tables"] {
        let on = |name: &str| run_in(folder.path(), &command.replace("DIR", name));
        refused(on("missing"), 2, &["missing: cannot be opened", "check the path"]);
        refused(on("empty"), 2, &["empty: no journal is here", "name the folder"]);
        assert!(!folder.path().join("tables").exists());
    }
}

#[test]
fn a_journal_without_commands_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    // A segment that was made, and nothing was written to it: as after a crash.
    let (from, _) = venue();
    let mut bytes = fs::read(from.path().join(SEGMENT)).unwrap();
    bytes.truncate(512);
    fs::create_dir(folder.path().join("journal")).unwrap();
    fs::write(folder.path().join(SEGMENT), bytes).unwrap();
    let told = run_in(folder.path(), "replay journal --json").json();
    assert_eq!(told["replay"]["sequence"], 0);
    assert!(told["replay"]["state_hash"].is_null());
    assert_eq!(
        run_in(folder.path(), "verify journal --json").json()["verification"]["sound"],
        true
    );
    run_in(folder.path(), "export journal --format csv --out tables").text();
    let fills = fs::read_to_string(folder.path().join("tables/fills.csv")).unwrap();
    assert_eq!(fills.lines().count(), 1);
}

/// Rows of a table in CSV, by the names of their columns.
fn csv_rows(path: &Path) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        names.iter().cloned().zip(row.iter().map(str::to_owned)).collect()
    });
    rows.collect()
}

/// Rows of a table in Parquet, as CSV writes them.
fn parquet_rows(path: &Path) -> Vec<Vec<(String, String)>> {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let value = |field: &Field| match field {
            Field::Null => String::new(),
            Field::Str(text) => text.clone(),
            Field::TimestampMillis(time) => {
                Timestamp::from_milliseconds(*time).to_string().replace("00Z", "00.000Z")
            }
            Field::Decimal(decimal) => {
                let bytes = decimal.data().try_into().unwrap();
                instruments::format_fixed(i128::from_be_bytes(bytes), 8)
            }
            other => other.to_string(),
        };
        row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
    });
    rows.collect()
}

#[test]
fn tables_say_what_happened() {
    let (folder, _) = venue();
    run_in(folder.path(), "export journal --format csv --out csv").text();
    let told =
        run_in(folder.path(), "export journal --format parquet --out deep/er -o json").json();
    let tables = told["export"].as_array().unwrap();
    assert_eq!(tables.len(), 11);
    for table in tables {
        let name = table["table"].as_str().unwrap();
        let comma = csv_rows(&folder.path().join(format!("csv/{name}.csv")));
        let columns = parquet_rows(&folder.path().join(format!("deep/er/{name}.parquet")));
        assert_eq!(comma, columns, "{name}");
        assert_eq!(table["rows"].as_u64(), Some(comma.len() as u64), "{name}");
    }
    let fills = fs::read_to_string(folder.path().join("csv/fills.csv")).unwrap();
    assert_eq!(
        fills.lines().nth(2).unwrap(),
        "15,2026-02-05T16:00:00.000Z,2,BTC-PERPETUAL,1,taker,1,2,buy,70000,4,40,0.00000029,BTC,0"
    );
    let balances = csv_rows(&folder.path().join("csv/balances.csv"));
    let first = &balances[0];
    assert_eq!(first[5], ("asset".to_owned(), "USD".to_owned()));
    // Per asset, what was posted sums to zero.
    for asset in ["USD", "BTC"] {
        let changes = balances.iter().filter(|row| row[5].1 == asset);
        let units = changes.map(|row| row[7].1.parse::<instruments::Amount>().unwrap().units());
        assert_eq!(units.sum::<i128>(), 0);
    }
    let rejections = csv_rows(&folder.path().join("csv/rejections.csv"));
    assert_eq!(rejections.len(), 1, "{rejections:?}");
    let orders = fs::read_to_string(folder.path().join("csv/orders.csv")).unwrap();
    assert!(orders.contains(r#""a, ""b""""#), "{orders}");
}

#[test]
fn a_range_of_some_tables_is_the_same_rows() {
    let (folder, _) = venue();
    run_in(folder.path(), "export journal --format csv --out all").text();
    run_in(
        folder.path(),
        "export journal --format csv --tables fills,commands --from 12 --to 15 --out part",
    )
    .text();
    let files: Vec<_> = fs::read_dir(folder.path().join("part")).unwrap().collect();
    assert_eq!(files.len(), 2);
    for table in ["fills", "commands"] {
        let rows =
            |folder_name: &str| csv_rows(&folder.path().join(format!("{folder_name}/{table}.csv")));
        let mut all = rows("all");
        all.retain(|row| (12..=15).contains(&row[0].1.parse::<u64>().unwrap()));
        assert!(!all.is_empty());
        assert_eq!(rows("part"), all);
    }
    let bad = |options: &str, words: &[&str]| {
        let command = format!("export journal --format csv --out bad {options}");
        refused(run_in(folder.path(), &command), 2, words);
        assert!(!folder.path().join("bad").exists());
    };
    bad("--from 19", &["--from 19", "ends with command 18"]);
    bad("--from 5 --to 4", &["--from 5 is after --to 4"]);
    bad("--to 99", &["ends with command 18"]);
    bad("--tables fees", &["invalid value 'fees'"]);
}

#[test]
fn help_has_examples() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["replay", "verify", "export"] {
        let help = run_in(folder.path(), &format!("{command} --help")).text();
        assert!(help.contains("Examples:") && help.contains(&format!("plimsoll {command} ")));
    }
}

#[test]
fn replay_says_that_the_end_is_unfinished() {
    let (folder, _) = venue();
    let segment = folder.path().join(SEGMENT);
    let mut bytes = fs::read(&segment).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    // Within the methodology, which is most of all.
    bytes.truncate(used / 2 / 512 * 512);
    fs::write(&segment, bytes).unwrap();
    let words = "bytes of a batch that was never acknowledged: 00000000000000000001.journal";
    let run = run_in(folder.path(), "replay journal");
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.err.contains(words), "{}", run.err);
    assert!(!run_in(folder.path(), "replay journal --to 5").err.contains(words));
}

#[test]
fn a_segment_with_another_name_is_named() {
    let words = ["it says that it begins with 1: a copy, or renamed"];
    let (folder, _) = venue();
    let renamed = folder.path().join("journal/00000000000000000007.journal");
    fs::copy(folder.path().join(SEGMENT), &renamed).unwrap();
    refused(run_in(folder.path(), "verify journal"), 1, &words);
    fs::remove_file(folder.path().join(SEGMENT)).unwrap();
    let run = run_in(folder.path(), "verify journal");
    assert!(run.err.contains("00000000000000000007.journal"), "{}", run.err);
    refused(run, 1, &words);
}
