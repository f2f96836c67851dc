//! Real chain snapshots, if they are at hand: in `$PLIMSOLL_DATA`, or beside the repository.

use std::fs::File;
use std::path::{Path, PathBuf};

use instruments::{OptionKind, SCALE, Timestamp};
use plimsoll_marketdata::{Snapshot, read_history, read_market};
use pricing::black76;

const SNAPSHOTS: usize = 18;

/// A folder of the real data. Its absence is loud, and an error where nothing may be skipped.
fn folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    let folder = data.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", folder.display());
    eprintln!("SKIPPED: no real data, because {} is missing", folder.display());
    None
}

fn snapshots() -> Vec<Snapshot> {
    let Some(folder) = folder("chains") else { return Vec::new() };
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    paths.sort();
    assert_eq!(paths.len(), SNAPSHOTS);
    let read = |path: &PathBuf| {
        let name = path.display().to_string();
        read_market(&name, File::open(path).unwrap(), None).unwrap()
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_real_chain_is_read() {
    for snapshot in snapshots() {
        snapshot.market.validate().unwrap();
        assert!(snapshot.options.len() > 1_200);
        assert_eq!(snapshot.left_out, 0);
        for option in &snapshot.options {
            snapshot.market.check_listed(&option.instrument).unwrap();
            assert_eq!(snapshot.market.mark(&option.instrument).unwrap(), option.mark);
        }
    }
}

struct Errors(Vec<f64>);

impl Errors {
    fn quantile(&mut self, share: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }
}

/// The venue's marks and deltas are those of our formula at its volatilities: undiscounted
/// Black-76 on the expiry's median forward, over the forward.
#[test]
fn marks_and_deltas_agree_with_the_venue() {
    let (mut marks, mut deltas) = (Errors(Vec::new()), Errors(Vec::new()));
    for snapshot in snapshots() {
        for option in &snapshot.options {
            let forward = snapshot.market.expiry(&option.instrument).unwrap().forward;
            let [forward, strike, mark] = [forward, option.strike, option.mark]
                .map(|price| price.units() as f64 / SCALE as f64);
            let years = option.expiry.since(snapshot.market.time) as f64 / Timestamp::YEAR as f64;
            let kind = match option.kind {
                OptionKind::Call => pricing::OptionKind::Call,
                OptionKind::Put => pricing::OptionKind::Put,
            };
            let greeks =
                black76::greeks(kind, forward, strike, option.volatility, years, 0.0).unwrap();
            marks.0.push((greeks.price / forward - mark).abs());
            deltas.0.push((greeks.delta - option.delta.unwrap()).abs());
        }
    }
    if marks.0.is_empty() {
        return;
    }
    let [mark_median, mark_95] = [0.5, 0.95].map(|share| marks.quantile(share));
    let [delta_median, delta_95] = [0.5, 0.95].map(|share| deltas.quantile(share));
    println!(
        "{} options: |mark error| median {mark_median:.2e}, 95 % {mark_95:.2e} coin; \
         |delta error| median {delta_median:.2e}, 95 % {delta_95:.2e}",
        marks.0.len()
    );
    assert!(mark_median <= 1e-5 && mark_95 <= 4.5e-4);
    assert!(delta_95 <= 0.0065);
}

#[test]
fn the_real_history_is_read() {
    let Some(folder) = folder("prices") else { return };
    let path = folder.join("daily_closes.csv");
    let history = read_history("daily_closes.csv", File::open(path).unwrap()).unwrap();
    let names: Vec<_> = history.assets.iter().map(|asset| asset.name()).collect();
    assert_eq!(names, ["BTC", "ETH", "XRP", "BNB"]);
    assert!(history.days.len() > 3_000);
}
