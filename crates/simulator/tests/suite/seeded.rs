//! Seeded prices.

use simulator::{Options, simulate};

use crate::scale;

fn options(seed: u64) -> Options {
    Options {
        seed,
        hours: 2 * scale().min(12),
        accounts: 120,
        commands: Some(12_000),
        ..Options::default()
    }
}

#[test]
fn a_seed_is_one_course_of_events() {
    let report = simulate(&options(7), &mut |_| {}, None).unwrap();
    println!("{report:#?}");
    assert!(report.commands > 10_000 && report.fills > 500 && report.volume > 1e6);
    assert!(report.orders > 1_000 && report.epochs > 20 && report.listed > 40);
    assert!(report.margin_calls > 0, "thin accounts are called");
    for reason in ["margin", "unknown order", "nothing to reduce", "lots"] {
        assert!(report.rejections.contains_key(reason), "{reason}: {:?}", report.rejections);
    }
    for invariant in [
        "admission",
        "audit",
        "books are not crossed",
        "conservation",
        "fast bound",
        "figures add up",
        "holds",
        "no-hidden-debt",
        "parameters don't liquidate",
        "positions sum to zero",
        "record hash",
        "refusals change nothing",
        "replay",
    ] {
        assert!(report.checks.contains_key(invariant), "{invariant}: {:?}", report.checks);
    }
    let again = simulate(&options(7), &mut |_| {}, None).unwrap();
    assert_eq!(again, report);
    let other = simulate(&options(8), &mut |_| {}, None).unwrap();
    assert_ne!(other.state_hash, report.state_hash);
}

#[test]
fn a_journal_changes_nothing_and_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let short = Options { hours: 1, commands: Some(4_000), ..options(3) };
    let journaled = Options { journal: Some(folder.path().to_owned()), ..short.clone() };
    let report = simulate(&journaled, &mut |_| {}, None).unwrap();
    let (commands, _) = report.replayed.unwrap();
    assert_eq!(commands, report.commands);
    assert_eq!(report.state_hash, simulate(&short, &mut |_| {}, None).unwrap().state_hash);
    // A second one does not go on with the first one's.
    let error = simulate(&journaled, &mut |_| {}, None).unwrap_err();
    assert!(error.to_string().contains("holds a journal already"), "{error}");
}

#[test]
fn what_makes_no_simulation_is_refused() {
    let refused = |options: Options| simulate(&options, &mut |_| {}, None).unwrap_err().to_string();
    assert!(refused(Options { accounts: 3, ..options(1) }).contains("8 to 1,000,000 accounts"));
    assert!(refused(Options { hours: 0, ..options(1) }).contains("1 hour"));
    assert!(refused(Options { commands: Some(1 << 40), ..options(1) }).contains("ask for fewer"));
    let journal = Some("nowhere".into());
    assert!(refused(Options { faults: true, journal, ..options(1) }).contains("leave out"));
}
