//! Real prices and chains, if they are at hand: in `$PLIMSOLL_DATA`, or beside the repository.

use std::path::{Path, PathBuf};

use simulator::{Options, RealData, SimulationError, simulate};

use crate::scale;

/// The folder, if it is there. Its absence is loud, and an error in CI.
pub fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    if data.join("chains").is_dir() && data.join("prices").is_dir() {
        return Some(data);
    }
    let missing = format!("{} has no prices and chains: set PLIMSOLL_DATA", data.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("SKIPPED: {missing}");
    None
}

fn options(data: &Path, from: &str, hours: u32) -> Options {
    let (prices, chains) = (data.join("prices"), Some(data.join("chains")));
    let real = Some(RealData { prices, chains, from: from.parse().unwrap() });
    Options { hours, real, accounts: 200, ..Options::default() }
}

/// The worst hours of the crash of 5 February 2026; with `--long` all of the four days.
#[test]
fn the_crash_of_february_2026() {
    let Some(data) = data() else { return };
    let options = match scale() {
        1 => {
            let short = options(&data, "2026-02-05T15:00:00Z", 2);
            Options { commands: Some(25_000), ..short }
        }
        _ => Options { accounts: 1_000, ..options(&data, "2026-02-03", 96) },
    };
    let report = simulate(&options, &mut |_| {}, None).unwrap();
    println!("{report:#?}");
    assert!(report.fills > 500 && report.margin_calls > 0 && report.epochs > 20);
    if options.hours == 96 {
        assert!(report.commands >= 2_000_000);
        let (low, high) = report.ranges[&"BTC".parse().unwrap()];
        assert!(low < 62_000.0 && high > 78_000.0, "{low} to {high}");
    }
}

#[test]
fn times_without_data_are_refused() {
    let Some(data) = data() else { return };
    let refused =
        |from, hours| simulate(&options(&data, from, hours), &mut |_| {}, None).unwrap_err();
    assert!(matches!(refused("2010-01-01", 1), SimulationError::OutsidePrices { .. }));
    assert!(matches!(refused("2024-01-01", 1), SimulationError::NoChain { .. }));
}
