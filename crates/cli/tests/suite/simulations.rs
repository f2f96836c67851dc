//! `plimsoll simulate`: what it reports, and that it is always the same.

use std::fs;

use crate::{run, run_in};

/// A short one of a seed, with more arguments.
fn short(seed_and_more: &str) -> crate::Run {
    let short = "simulate --hours 1 --accounts 40 --commands 3000 --seed";
    run(&format!("{short} {seed_and_more}"))
}

#[test]
fn a_seed_has_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let journal = journal.to_str().unwrap();
    let report = short(&format!("5 --journal {journal} --json")).json();
    let simulation = &report["simulation"];
    assert_eq!(simulation["accounts"], 40);
    assert_eq!(simulation["commands"], simulation["commands_replayed"]);
    assert!(simulation["checks_made"].as_u64() > simulation["commands"].as_u64());
    assert!(report["trading"]["fills"].as_u64() > Some(0));
    assert!(report["rejections"].as_array().is_some_and(|reasons| !reasons.is_empty()));
    let hash = simulation["state_hash"].as_str().unwrap();

    // Without a journal the same; and the journal says so too.
    let again = short("5 --output json").json();
    assert_eq!(again["simulation"]["state_hash"], hash);
    let replayed = run(&format!("replay {journal} --json")).json();
    assert_eq!(replayed["replay"]["state_hash"], hash);
    let text = short("5").text();
    for words in [hash, "Trading", "Margin", "margin calls", "Rejections", "no-hidden-debt"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let error = short(&format!("5 --journal {journal}"));
    assert!(error.code == Some(2) && error.err.contains("holds a journal already"));
}

#[test]
fn faults_are_counted() {
    let report = short("2 --faults --json").json();
    let faults = &report["faults"];
    assert!(faults["messages_sent_twice"].as_u64() > Some(0), "{faults}");
    assert!(faults["crashes"].as_u64() > Some(0), "{faults}");
}

#[test]
fn what_makes_no_simulation_is_said() {
    let refused = |arguments: &str, words: &str| {
        let run = run(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}");
        assert!(run.err.contains(words), "{arguments}: {}", run.err);
    };
    refused("simulate --accounts 1", "8 to 1,000,000 accounts");
    refused("simulate --hours 0", "1 hour to 8,784 hours");
    refused("simulate --hours 4294967295", "1 hour to 8,784 hours");
    refused("simulate --prices nowhere", "--chains and --from");
    refused("simulate --from 2026-02-03", "--prices");
    refused("simulate --faults --journal there", "cannot be used with");
    let real = "simulate --prices nowhere --chains nowhere --from 2026-02-03";
    refused(real, "nowhere/BTC_hourly.csv: cannot be opened");
}

#[test]
fn a_journal_that_is_there_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = "simulate --hours 1 --accounts 8 --commands 500 --journal journal";
    run_in(folder.path(), simulate).text();
    let segment = folder.path().join("journal/00000000000000000001.journal");
    // Its last batch was not written to the end.
    let mut bytes = fs::read(&segment).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes.truncate(used / 512 * 512);
    fs::write(&segment, &bytes).unwrap();
    let again = run_in(folder.path(), simulate);
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("holds a journal already"), "{}", again.err);
    assert!(fs::read(&segment).unwrap() == bytes);
}

#[test]
fn bars_that_can_not_be_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = "simulate --prices . --chains . --from 2026-02-03 --coins 1";
    let refused = |rows: &str, words: &str| {
        let text = format!("time,open,high,low,close\n2026-02-03T00:00:00Z,10,12,9,11\n{rows}\n");
        fs::write(folder.path().join("BTC_hourly.csv"), text).unwrap();
        let run = run_in(folder.path(), simulate);
        assert_eq!(run.code, Some(2), "{rows}");
        assert!(run.err.contains("BTC_hourly.csv:3: "), "{rows}: {}", run.err);
        assert!(run.err.contains(words), "{rows}: {}", run.err);
    };
    refused("2026-02-03T00:00:00Z,10,12,9,11", "give each once");
    refused("2026-02-02T23:00:00Z,10,12,9,11", "sort the hours");
    refused("2026-02-03T01:30:00Z,10,12,9,11", "the start of the hour");
    refused("2026-02-03T01:00:00Z,10,9,12,11", "correct the bar");
    refused("2026-02-03T01:00:00Z,10,12,9,13", "correct the bar");
}
