//! Storage that fails, messages that come twice, clocks that jump, sources that lie.

use simulator::{Options, simulate};

use crate::scale;

#[test]
fn a_node_that_crashes_again_and_again_is_where_its_twin_is() {
    let (mut crashes, mut syncs, mut full) = (0, 0, 0);
    for seed in 0..u64::from(2 * scale()) {
        let options = Options {
            seed,
            hours: 2,
            accounts: 60,
            commands: Some(20_000),
            faults: true,
            ..Options::default()
        };
        let report = simulate(&options, &mut |_| {}, None).unwrap();
        println!("{:#?}", report.faults);
        let faults = report.faults;
        (crashes, syncs) = (crashes + faults.crashes, syncs + faults.failing_syncs);
        full += faults.full_disks;
        assert!(faults.power_cuts > 0 && faults.lost > 0 && faults.unanswered > 0);
        assert!(faults.doubled > 0 && faults.reordered > 0 && faults.clock_jumps > 0);
        assert!(faults.bad_sources > 0 && faults.snapshots > 0);
        assert!(report.repeated > 0, "what came twice is answered once");
        assert!(
            report.checks.contains_key("recovery") && report.checks.contains_key("answered once")
        );
        if seed == 0 {
            let again = simulate(&options, &mut |_| {}, None).unwrap();
            assert_eq!(again, report, "threads decide nothing");
        }
    }
    assert!(crashes > 10 && syncs > 5 && full > 0, "{crashes}, {syncs}, {full}");
}
