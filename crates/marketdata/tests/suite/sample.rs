//! The built-in sample, and that what is written is read back the same.

use instruments::{Amount, Instrument};
use plimsoll_marketdata::{
    Snapshot, read_history, read_market, read_portfolio, sample, write_history, write_market,
    write_portfolio,
};

fn written_market(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_market(snapshot, &mut bytes).unwrap();
    bytes
}

/// Everything of a snapshot as text, for those of its parts that have no equality.
fn all_of(snapshot: &Snapshot) -> String {
    format!("{:?} {:?}", snapshot.market, snapshot.options)
}

#[test]
fn the_market_reads_back_the_same() {
    let snapshot = sample::snapshot();
    let bytes = written_market(&snapshot);
    let read = read_market("market.csv", &*bytes, None).unwrap();
    assert_eq!(all_of(&read), all_of(&snapshot));
    assert_eq!(written_market(&read), bytes);
    assert!(snapshot.options.len() > 350);
    snapshot.market.validate().unwrap();
}

#[test]
fn the_portfolio_reads_back_the_same() {
    let market = sample::snapshot().market;
    let accounts = sample::portfolio(&market).unwrap();
    let mut bytes = Vec::new();
    write_portfolio(&accounts, &mut bytes).unwrap();
    assert_eq!(read_portfolio("portfolio.csv", &*bytes, &market).unwrap(), accounts);
    assert!(accounts.len() >= 11);
    let market_maker = accounts.iter().find(|account| account.name == "market-maker").unwrap();
    assert!((50..70).contains(&market_maker.positions.len()), "{}", market_maker.positions.len());
}

#[test]
fn the_history_reads_back_the_same() {
    let history = sample::history();
    let mut bytes = Vec::new();
    write_history(&history, &mut bytes).unwrap();
    assert_eq!(read_history("history.csv", &*bytes).unwrap(), history);
    let names: Vec<_> = history.assets.iter().map(|asset| asset.name()).collect();
    assert_eq!(names, ["BTC", "ETH", "SOL", "XRP", "BNB"]);
    assert!(history.days.len() >= 1_300);
}

/// Volatility clusters, tails are fat, and assets go together: what makes a history useful.
#[test]
fn the_history_behaves_like_a_market() {
    let history = sample::history();
    let closes = |asset: usize| history.days.iter().map(move |day| day.closes[asset].unwrap());
    let returns = |asset: usize| -> Vec<f64> {
        closes(asset).zip(closes(asset).skip(1)).map(|(a, b)| numerics::ln(b / a)).collect()
    };
    let (btc, eth) = (returns(0), returns(1));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let product =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let covariance = |a: &[f64], b: &[f64]| mean(&product(a, b)) - mean(a) * mean(b);
    let deviation = |a: &[f64]| covariance(a, a).sqrt();
    let correlation = |a: &[f64], b: &[f64]| covariance(a, b) / (deviation(a) * deviation(b));
    let daily = deviation(&btc);
    assert!((0.018..0.035).contains(&daily), "{daily}");
    let together = correlation(&btc, &eth);
    assert!((0.7..0.95).contains(&together), "{together}");
    let sizes: Vec<f64> = btc.iter().map(|r| r.abs()).collect();
    let clustering = correlation(&sizes[1..], &sizes[..sizes.len() - 1]);
    assert!(clustering > 0.05, "{clustering}");
    let worst = btc.iter().copied().fold(0.0, f64::min);
    assert!(worst < -0.12, "{worst}");
    assert!(closes(0).all(|close| (10_000.0..250_000.0).contains(&close)));
}

#[test]
fn a_cost_of_several_fills_is_written_as_the_nearest_price() {
    let market = sample::snapshot().market;
    let perpetual: Instrument = "BTC_USDC-PERPETUAL".parse().unwrap();
    let mut accounts = sample::portfolio(&market).unwrap();
    let pair = accounts.iter_mut().find(|account| account.name == "pair").unwrap();
    let cost = &mut pair.positions.get_mut(&perpetual).unwrap().cost;
    *cost = Amount::from_units(cost.units() + 3);
    let mut bytes = Vec::new();
    write_portfolio(&accounts, &mut bytes).unwrap();
    let read = read_portfolio("portfolio.csv", &*bytes, &market).unwrap();
    let pair = accounts.iter().find(|account| account.name == "pair").unwrap();
    let pair_read = read.iter().find(|account| account.name == "pair").unwrap();
    let [written, read] =
        [pair, pair_read].map(|account| account.positions[&perpetual].cost.units());
    assert!((written - read).abs() <= 5, "{written} {read}");
}
