//! `plimsoll simulate`: what it reports, and that it is always the same.

use crate::run;

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
    refused("simulate --from 2026-02-03", "--prices");
    refused("simulate --faults --journal there", "cannot be used with");
    let real = "simulate --prices nowhere --chains nowhere --from 2026-02-03";
    refused(real, "nowhere/BTC_hourly.csv: cannot be opened");
}
