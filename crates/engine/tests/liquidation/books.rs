//! Forced trades in the order book.

use plimsoll_engine::event::{CaseStep, Event};

use crate::venue::{CALL, ETHER, INVERSE, PERPETUAL, Venue};

const FAST: &str = r#""volume_share_ppb":1000000000"#;

#[test]
fn a_case_is_traded_back_to_its_target_and_no_further() {
    let mut venue = Venue::new();
    venue.liquidating(FAST);
    let (long, maker) = (venue.account("10000"), venue.account("10000000"));
    venue.trade(long, maker, PERPETUAL, 1_000, 50_000.0);
    for (lots, price) in [(100, 45_990.0), (200, 45_950.0), (2_000, 45_900.0)] {
        venue.limit(maker, PERPETUAL, "buy", lots, price);
    }
    venue.moves("BTC", 46_000.0);
    venue.pass(8_000);
    let steps = venue.steps();
    assert_eq!(steps[..2], ["opened", "order"]);
    assert_eq!(steps.last().unwrap(), "Restored", "{steps:?}");
    // One lot less would not have been enough.
    let left = venue.lots(long, PERPETUAL);
    let stands = venue.stands(long);
    let per_lot = stands.maintenance / left as f64;
    assert!(stands.equity >= 1.15 * stands.maintenance);
    assert!(stands.equity < 1.15 * (stands.maintenance + 1.01 * per_lot), "{stands:?}");
}

#[test]
fn slices_keep_to_a_share_of_recent_volume() {
    let mut venue = Venue::new();
    venue.liquidating(r#""volume_share_ppb":100000000,"book_ms":60000"#);
    let (long, maker) = (venue.account("10000"), venue.account("10000000"));
    venue.trade(long, maker, PERPETUAL, 1_000, 50_000.0);
    venue.limit(maker, PERPETUAL, "buy", 5_000, 45_990.0);
    venue.pass(200_000);
    venue.moves("BTC", 46_000.0);
    venue.pass(2_000);
    let lots = |step: &CaseStep| match step {
        CaseStep::Order { lots, .. } => Some(*lots),
        _ => None,
    };
    let sizes: Vec<i64> = venue.story.iter().filter_map(|event| lots(&event.what)).collect();
    assert!(
        sizes.len() > 2 && sizes.iter().all(|lots| *lots == 1),
        "nothing has traded: {sizes:?}"
    );
}

#[test]
fn no_trade_is_made_beyond_the_zero_price() {
    let mut venue = Venue::new();
    venue.liquidating(FAST);
    let (long, maker) = (venue.account("10000"), venue.account("10000000"));
    venue.trade(long, maker, PERPETUAL, 1_000, 50_000.0);
    // Equity is 6,000 on a coin at 46,000: what would cost more than that a coin is left alone.
    venue.limit(maker, PERPETUAL, "buy", 5_000, 39_900.0);
    venue.moves("BTC", 46_000.0);
    assert_eq!(venue.steps(), ["opened", "Auction NoTrade"]);
    assert_eq!(venue.lots(long, PERPETUAL), 1_000);
}

#[test]
fn a_hedge_is_a_way_out() {
    let mut venue = Venue::new();
    venue.liquidating(FAST);
    let (writer, maker) = (venue.account("30000"), venue.account("10000000"));
    // Short calls that nobody sells back; the perpetual has a market.
    venue.trade(maker, writer, CALL, 100, 1_500.0);
    venue.trade(maker, writer, PERPETUAL, 2_000, 50_000.0);
    venue.limit(maker, PERPETUAL, "sell", 5_000, 55_010.0);
    let mut price = 50_000.0;
    while venue.story.is_empty() && price < 70_000.0 {
        price += 250.0;
        venue.moves("BTC", price);
    }
    let traded = |step: &CaseStep| match step {
        CaseStep::Order { instrument, .. } => Some(*instrument),
        _ => None,
    };
    let perpetual = venue.id(PERPETUAL);
    let first = venue.story.iter().find_map(|event| traded(&event.what));
    assert_eq!(first, Some(perpetual), "{:?} at {price}", venue.steps());
}

#[test]
fn inverse_contracts_and_coins_as_collateral() {
    let mut venue = Venue::new();
    venue.liquidating(FAST);
    let (long, maker) = (venue.account("1"), venue.account("10000000"));
    venue.deposit(long, "BTC", "0.4");
    venue.deposit(maker, "BTC", "1000");
    venue.trade(long, maker, INVERSE, 7_500, 50_000.0);
    venue.limit(maker, INVERSE, "buy", 100_000, 43_000.0);
    let mut price = 50_000.0;
    while venue.story.is_empty() && price > 43_100.0 {
        price -= 100.0;
        venue.moves("BTC", price);
    }
    venue.pass(8_000);
    assert_eq!(venue.steps()[1], "order", "{:?} at {price}", venue.steps());
    assert_eq!(venue.steps().last().unwrap(), "Restored");
}

#[test]
fn forced_trades_do_not_touch_what_is_traded_elsewhere() {
    let mut venue = Venue::new();
    venue.liquidating(FAST);
    let (long, maker) = (venue.account("10000"), venue.account("10000000"));
    venue.trade(long, maker, PERPETUAL, 1_000, 50_000.0);
    venue.limit(maker, ETHER, "buy", 1_000, 2_000.0);
    venue.moves("BTC", 46_000.0);
    let of_ether =
        |event: &Event| matches!(event, Event::Trade(trade) if trade.instrument == venue.id(ETHER));
    assert!(!venue.events.iter().any(of_ether));
}
