//! Crashes of real prices, if they are at hand: every layer of the waterfall is reached.

use std::collections::BTreeSet;

use simulator::{Crash, Layer, Leverage, Options, Report, simulate};

use crate::real::data;
use crate::scale;

/// The worst hour from a quarter of an hour before, or with `--long` all of the five hours; with people who
/// owe much, and so much capital in US dollars for each of them.
fn crash(crash: Crash, [fund, vault, liquidators]: [i64; 3]) -> Option<Report> {
    let data = data()?;
    let (prices, chains) = (data.join("prices"), Some(data.join("chains")));
    let mut options = crash.options(Leverage::High, prices, chains);
    options.liquidation.fund = fund;
    options.liquidation.vault = vault;
    options.liquidation.liquidators = liquidators;
    if scale() == 1 {
        let start = crash.worst_hour().milliseconds() - 900_000;
        if let Some(real) = &mut options.real {
            real.from = instruments::Timestamp::from_milliseconds(start);
        }
        let fine = options.fine.map(|fine| simulator::FineSteps { step_ms: 5_000, ..fine });
        options = Options { hours: 1, accounts: 40, commands: Some(12_000), fine, ..options };
    }
    // Every invariant is checked on the way: nobody healthy is liquidated, nobody is missed, all cases end
    // in time, and no deficit is left where nobody sees it.
    let report = simulate(&options, &mut |_| {}, None).unwrap();
    println!("{}: {:?}", crash.name(), report.waterfall);
    for invariant in ["nobody is missed", "cases end in time", "no unaccounted deficit"] {
        assert!(report.checks.contains_key(invariant), "{invariant}: {:?}", report.checks);
    }
    Some(report)
}

#[test]
fn crashes_reach_every_layer() {
    let poor = [2, 20, 20];
    let rich = [5_000, 50, 5_000];
    let runs = [
        (Crash::March2020, poor),
        (Crash::May2021, poor),
        (Crash::October2025, rich),
        (Crash::February2026, rich),
    ];
    let mut reached: BTreeSet<Layer> = BTreeSet::new();
    for (which, capital) in runs {
        let Some(report) = crash(which, capital) else { return };
        assert!(report.waterfall.cases() > 3, "{}", which.name());
        reached.extend(report.waterfall.reached.keys());
    }
    for layer in [
        Layer::Book,
        Layer::Auction,
        Layer::Vault,
        Layer::TakenOver,
        Layer::Fund,
        Layer::Deleveraging,
        Layer::Cut,
    ] {
        assert!(reached.contains(&layer), "{}: {reached:?}", layer.name());
    }
}
