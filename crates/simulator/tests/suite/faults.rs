//! Storage that fails, messages that come twice, clocks that jump, sources that lie.

use simulator::{FaultCounts, Options, Report, simulate};

use crate::scale;

#[test]
fn a_node_that_crashes_again_and_again_is_where_its_twin_is() {
    let mut all: Vec<FaultCounts> = Vec::new();
    for seed in 0..u64::from(2 * scale()) {
        let options = Options {
            seed,
            hours: 1,
            accounts: 60,
            commands: Some(10_000),
            faults: true,
            ..Options::default()
        };
        let report = simulate(&options, &mut |_| {}, None).unwrap();
        assert!(report.repeated > 0, "what came twice is answered once");
        assert!(
            report.checks.contains_key("recovery") && report.checks.contains_key("answered once")
        );
        if seed == 0 {
            let again = simulate(&options, &mut |_| {}, None).unwrap();
            assert_eq!(again, report, "threads decide nothing");
        }
        all.push(report.faults);
    }
    println!("{all:#?}");
    let count = |of: fn(&FaultCounts) -> u64| all.iter().map(of).sum::<u64>();
    assert!(count(|all| all.crashes) > 8 && count(|all| all.failing_syncs) > 4);
    assert!(count(|all| all.full_disks) > 0 && count(|all| all.power_cuts) > 4);
    assert!(count(|all| all.in_recovery) > 0 && count(|all| all.snapshots) > 4);
    assert!(count(|all| all.lost) > 100 && count(|all| all.unanswered) > 20);
    assert!(count(|all| all.doubled) > 20 && count(|all| all.reordered) > 20);
    assert!(count(|all| all.clock_jumps) > 2 && count(|all| all.bad_sources) > 2);
}

#[test]
fn sources_that_freeze_or_lie_together_are_seen_in_the_report() {
    let reports: Vec<Report> = (0..4)
        .map(|seed| {
            let (accounts, commands) = (12, Some(1_500));
            let short = Options { seed, hours: 1, accounts, commands, ..Options::default() };
            simulate(&Options { faults: true, ..short }, &mut |_| {}, None).unwrap()
        })
        .collect();
    let count = |of: fn(&Report) -> u64| reports.iter().map(of).collect::<Vec<_>>();
    let (stale, breakers) = (count(|report| report.stale), count(|report| report.breakers));
    let halted = count(|report| report.halted);
    println!("stale {stale:?}, breakers {breakers:?}, halted {halted:?}");
    assert!(stale.iter().any(|count| *count > 0), "a frozen index");
    assert!(breakers.iter().any(|count| *count > 0), "a breaker that a lie trips");
    for (breakers, halted) in breakers.iter().zip(&halted) {
        // Each halts the perpetual, futures and options of its coin.
        assert!(*halted >= 3 * breakers && (*breakers > 0 || *halted == 0));
    }
}
