//! Real chain snapshots, if they are at hand: a portfolio of over two hundred legs on each.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use marketdata::{OptionQuote, read_market};

use super::run;

const LEGS_MIN: usize = 200;

/// The folder of real data. Its absence is loud, and an error where nothing may be skipped.
pub fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    if data.join("chains").is_dir() {
        return Some(data);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", data.display());
    eprintln!("SKIPPED: no real data, because {} is missing", data.display());
    None
}

/// Options of both underlyings in turn, long and short, and mixed collateral.
fn portfolio(options: &[OptionQuote]) -> String {
    let mut text = String::from("account,instrument,quantity\n");
    for (asset, amount) in
        [("BTC", "60"), ("ETH", "900"), ("USDC", "4000000"), ("USDT", "250000"), ("USD", "-1000")]
    {
        text += &format!("all,{asset},{amount}\n");
    }
    let mut by_base: BTreeMap<_, Vec<&OptionQuote>> = BTreeMap::new();
    for option in options {
        by_base.entry(option.instrument.base()).or_default().push(option);
    }
    assert_eq!(by_base.len(), 2);
    let mut legs = 0;
    for options in by_base.values() {
        let step = options.len() / (LEGS_MIN * 6 / 10);
        for (index, option) in options.iter().step_by(step.max(1)).enumerate() {
            let size = (index % 7 + 1) as i64 * if index % 2 == 0 { 1 } else { -1 };
            text += &format!("all,{},{size}\n", option.instrument);
            legs += 1;
        }
    }
    assert!(legs >= LEGS_MIN, "{legs}");
    text + "all,BTC-PERPETUAL,-120000\nall,ETH-PERPETUAL,45000\nall,BTC_USDC-PERPETUAL,1.5\n"
}

#[test]
fn every_real_chain_margins_a_large_portfolio() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("book.csv");
    let history = data.join("prices/daily_closes.csv");
    let mut count = 0;
    for entry in data.join("chains").read_dir().unwrap() {
        let chain = entry.unwrap().path();
        if chain.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let snapshot = read_market("chain", File::open(&chain).unwrap(), None).unwrap();
        fs::write(&book, portfolio(&snapshot.options)).unwrap();
        let [chain, book, history] =
            [&chain, &book, &history].map(|path| path.display().to_string());
        let arguments = format!("margin -o json --market {chain} --portfolio {book}");
        let without = run(&arguments);
        assert!(without.err.contains("warning: no --history"));
        let with = run(&format!("{arguments} --history {history}"));
        let initial = |run: super::Run| -> f64 {
            let json = run.json();
            let account = &json["accounts"][0];
            let number = |key: &str| account[key].as_str().unwrap().parse::<f64>().unwrap();
            assert!(number("initial_margin") >= number("maintenance_margin"));
            assert!(number("maintenance_margin") > 0.0);
            number("initial_margin")
        };
        let (without, with) = (initial(without), initial(with));
        assert!(without.is_finite() && with.is_finite());
        count += 1;
    }
    assert_eq!(count, 18);
}
