//! The auto-deleveraging of 10 October 2025 under other policies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use plimsoll_lab::deleveraging::population::SEED;
use plimsoll_lab::deleveraging::{DeleveragingError, Outcome, Wave, compare, report, waves};

const GAPS: &str =
    "wave,coin,gap_usd_x_qty,qty_contracts\n1,AVAX,50.5,1000\n1,SOL,0,0.01\n2,BTC,7,2";
const METRICS: &str = "wave,budget_prod,max_pct_prod,total_cap\n1,80.25,0.9,5000\n3,1,1,1\n";

/// The published event, if it is at hand: in `$PLIMSOLL_DATA`, or beside the repository. Its absence is
/// loud, and an error where nothing may be skipped.
fn published() -> Option<Vec<Wave>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from).join("adl");
    if !data.is_dir() {
        let missing = format!("{} is missing: set PLIMSOLL_DATA", data.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        eprintln!("SKIPPED: {missing}");
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
    let gaps = read("MIT_hl_oct10_wave_coin_gap.csv");
    Some(waves(&gaps, &read("MIT_hl_oct10_policy_per_wave_metrics.csv")).unwrap())
}

fn dollars(units: u128) -> f64 {
    units as f64 / 1e8
}

#[test]
fn files_are_read_as_they_are_published() {
    let read = waves(GAPS, METRICS).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].number, read[0].needed()), (1, 5_050_000_000));
    assert_eq!((read[0].legs[0].need.lots, read[0].legs[1].need.lots), (10_000_000_000, 100_000));
    assert_eq!((read[0].venue_taken, read[0].gains), (8_025_000_000, 500_000_000_000));
}

#[test]
fn what_is_no_event_is_refused() {
    let refused = |gaps: &str, metrics: &str| waves(gaps, metrics).unwrap_err().to_string();
    let changed = |from: &str, to: &str| refused(&GAPS.replace(from, to), METRICS);
    assert_eq!(waves("", METRICS), Err(DeleveragingError::Column("wave")));
    assert!(changed("coin", "name").contains("no column `coin`"));
    assert!(changed(",1000", ",-1").contains("line 2, `qty_contracts`: `-1`"));
    assert!(changed(",1000", ",0").contains("above zero"));
    assert!(changed(",1000", "").contains("a finite number"));
    assert!(changed("50.5", "1e300").contains("an amount of zero or more"));
    assert!(changed("2,BTC", "x,BTC").contains("line 4, `wave`: `x` is not the number"));
    assert!(refused(GAPS, &METRICS.replace("0.9", "NaN")).contains("a finite number"));
}

#[test]
fn the_same_seed_tells_the_same() {
    let waves = waves(GAPS, METRICS).unwrap();
    let [once, again, other] = [1, 1, 2].map(|seed| compare(&waves, seed).unwrap());
    assert_eq!(once, again);
    assert_ne!(once, other);
    let text = report(&waves, &once);
    assert!(text.starts_with("| wave |") && text.lines().count() == 4, "{text}");
}

#[test]
fn the_page_on_the_waterfall_says_what_the_report_says() {
    let Some(waves) = published() else { return };
    let text = report(&waves, &compare(&waves, SEED).unwrap());
    let total: Vec<&str> = text.lines().last().unwrap().split(" | ").collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methodology/waterfall.md");
    let page = std::fs::read_to_string(page).unwrap();
    let millions = |cell: &str| {
        let dollars = cell.split(' ').next().unwrap().replace(',', "");
        format!("{:.2}", dollars.parse::<f64>().unwrap() / 1e6)
    };
    assert!(page.contains(&format!(
        "| {} | {} | | {} |",
        millions(total[1]),
        millions(total[2]),
        total[3]
    )));
    for cells in total[4..].chunks(6) {
        let [taken, hedges] = [cells[0], cells[4]].map(millions);
        let [closed, gain, equity] = [cells[1], cells[2], cells[3]];
        let principal = cells[5].trim_end_matches(" |");
        let row = format!("| {taken} | {closed} | {gain} | {equity} | {hedges} | {principal} |");
        assert!(page.contains(&row), "{row}");
    }
}

/// Whatever the seed of the winners, what they have in common is in the policies.
#[test]
fn on_10_october_2025_ours_takes_what_is_needed_and_spares_hedges() {
    let Some(waves) = published() else { return };
    assert_eq!(waves.len(), 16);
    let needed: u128 = waves.iter().map(Wave::needed).sum();
    let took: u128 = waves.iter().map(|wave| wave.venue_taken.unsigned_abs()).sum();
    // The published totals, which what is read must sum to.
    assert!((dollars(needed) - 15_079_669.61).abs() < 0.01, "{}", dollars(needed));
    assert!((dollars(took) - 60_108_335.33).abs() < 0.01, "{}", dollars(took));
    for seed in (0..5).chain([SEED]) {
        let outcomes = compare(&waves, seed).unwrap();
        waves.iter().zip(&outcomes).for_each(|(wave, outcome)| check_wave(wave, outcome));
        let mean = |of: &dyn Fn(&Outcome) -> f64| {
            outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64
        };
        // The venue's largest cut of an account averages 75 % over the waves.
        assert!(mean(&|outcome| outcome.policies[2].largest_part_closed) < 0.754);
        assert!(mean(&|outcome| outcome.policies[2].largest_part_of_equity) < 0.05);
    }
}

fn check_wave(wave: &Wave, outcome: &Outcome) {
    let [queue, pro_rata, ours] = &outcome.policies[..] else { panic!("three policies") };
    // To the lot, and to the hundred-millionth of a dollar.
    for policy in [queue, pro_rata, ours] {
        assert_eq!(policy.unmet_lots, 0, "wave {}, {}", wave.number, policy.name);
        assert_eq!(policy.taken, wave.needed(), "wave {}, {}", wave.number, policy.name);
    }
    // The queue closes whoever is first in whole.
    assert!((queue.largest_part_closed - 1.0).abs() < 1e-12, "wave {}", wave.number);
    assert!(ours.largest_part_closed <= queue.largest_part_closed, "wave {}", wave.number);
    assert!(ours.taken_from_hedges <= pro_rata.taken_from_hedges, "wave {}", wave.number);
    assert!(ours.taken_from_hedges <= queue.taken_from_hedges, "wave {}", wave.number);
    assert!(ours.largest_part_of_equity < queue.largest_part_of_equity, "wave {}", wave.number);
    assert_eq!(ours.principal_cut, 0, "wave {}", wave.number);
}
