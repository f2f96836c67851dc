//! Attacks by prices: marks pushed in thin books, trades off mark, indices that stand still, and
//! parameters.

use engine::event::CaseStep;
use simulator::bots::Strategy;

use crate::venue::{BITCOIN, ETHER, Venue};

/// Two accounts of one attacker trade with each other at the edge of the band, to push the mark and take
/// out the paper profit of one against what the other lacks. The mark is the index with a basis that is
/// clamped, and no trade is accepted that leaves an account without its margin at mark.
#[test]
fn a_pushed_mark_lends_nothing() {
    let mut venue = Venue::new("", "100000", "1");
    venue.bidder(Strategy::Patient, "500000");
    let [long, short] = [venue.account("50000"), venue.account("50000")];
    let (mut withdrawn, mut traded) = (0.0, 0);
    for _ in 0..40 {
        // As far above the mark as the band goes.
        let mark = venue.state.mark(venue.id(ETHER)).unwrap().units() as f64 / 1e8;
        let asks = venue.limit(short, ETHER, "sell", 500, mark * 1.04);
        let bids = venue.limit(long, ETHER, "buy", 500, mark * 1.04);
        let refused = asks.is_some() || bids.is_some();
        for account in [short, long] {
            venue.must(&format!(r#""cancel_orders":{{"account":{account}}}"#));
        }
        traded += u32::from(!refused);
        venue.pass(5_000);
    }
    withdrawn += venue.withdraw_all(long) + venue.withdraw_all(short);
    assert!(traded > 5, "{traded}");
    venue.pass(300_000);
    withdrawn += venue.withdraw_all(long) + venue.withdraw_all(short);
    let left = venue.value(long) + venue.value(short);
    let profit = withdrawn + left - 100_000.0;
    assert!(profit <= 0.0, "{profit}");
    assert!(venue.fund() >= 100_000.0, "the fund has paid nothing");
}

/// Trading with oneself, again and again: the taker's fee is more than the maker's rebate, so that nothing
/// comes of it, and the fund is not touched.
#[test]
fn washing_trades_pays_fees() {
    let mut venue = Venue::new("", "100000", "1");
    let accounts = [venue.account("100000"), venue.account("100000")];
    for round in 0..60 {
        let [one, other] = [accounts[round % 2], accounts[(round + 1) % 2]];
        venue.trade(one, other, BITCOIN, 500, 50_000.0);
        venue.pass(1_000);
    }
    let profit = venue.value(accounts[0]) + venue.value(accounts[1]) - 200_000.0;
    assert!(profit < 0.0, "{profit}");
    assert!(venue.fund() >= 100_000.0);
}

/// An account below initial margin sells to a friend far below mark, so that the friend has what the fund
/// would have to make up for. Below initial margin, no order is accepted that lets E − IM or E/MM fall.
#[test]
fn who_is_restricted_gives_nothing_away() {
    let mut venue = Venue::new("", "100000", "1");
    venue.bidder(Strategy::Patient, "500000");
    let (attacker, friend) = (venue.account("14000"), venue.account("50000"));
    let other = venue.account("1000000");
    venue.trade(attacker, other, BITCOIN, 1_000, 50_000.0);
    // Down until it is below initial margin, and above maintenance margin still.
    let mut price = 50_000.0;
    while !venue.state.is_restricted(ledger::AccountId::new(attacker)).unwrap() {
        price -= 100.0;
        venue.moves("BTC", price);
        venue.pass(100);
    }
    assert_eq!(venue.open_cases(), 0);
    let before = venue.value(attacker) + venue.value(friend);
    let mut refused = 0;
    for (lots, part) in [(1_000, 0.952), (500, 0.96), (100, 0.97), (1_000, 0.98), (10, 0.99)] {
        let asked = (price * part * 2.0).round() / 2.0;
        venue.limit(friend, BITCOIN, "buy", lots, asked);
        refused += u32::from(venue.limit(attacker, BITCOIN, "sell", lots, asked).is_some());
        let friends = format!(r#""cancel_orders":{{"account":{friend}}}"#);
        venue.must(&friends);
    }
    assert!(refused >= 4, "{refused}");
    while price > 35_000.0 {
        price -= 200.0;
        venue.moves("BTC", price);
        venue.pass(1_500);
    }
    venue.pass(200_000);
    assert_eq!(venue.open_cases(), 0);
    // Prices back where they were: the friend has no more than what the attacker was worth.
    venue.moves("BTC", 50_000.0);
    let profit = venue.value(attacker) + venue.value(friend) - before.max(64_000.0);
    assert!(profit <= 0.0, "{profit}");
}

/// Sources say nothing from the worst moment on. No forced trade is made meanwhile and no bid is cleared at
/// a price of the past, whatever the bidder knows; when they speak again, the case goes on at what they
/// say.
#[test]
fn a_frozen_index_stops_the_clock() {
    let mut venue = Venue::new("", "100000", "300000");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    venue.trade(long, short, BITCOIN, 1_000, 50_000.0);
    venue.moves("BTC", 46_000.0);
    let knows = venue.liquidator("100000");
    // It knows already that the price is 48,000 again.
    assert_eq!(venue.bid(knows, 1, 1.0, 0.2), None);
    let steps = venue.story.len();
    for _ in 0..600 {
        venue.time += 1_000;
        venue.must(r#""tick":{}"#);
    }
    let meanwhile: Vec<_> = venue.story[steps..].iter().map(|event| &event.what).collect();
    let traded = |step: &&&CaseStep| matches!(step, CaseStep::Sold { .. } | CaseStep::Order { .. });
    // The index is fresh for its last half minute.
    let paused = meanwhile.iter().position(|step| matches!(step, CaseStep::Paused { .. }));
    let paused = paused.expect("the case waits");
    assert!(meanwhile[paused..].iter().all(|step| !traded(&step)), "{meanwhile:?}");
    venue.moves("BTC", 48_000.0);
    venue.pass(150_000);
    assert_eq!(venue.open_cases(), 0);
    let profit = venue.value(knows) - 100_000.0;
    assert!(profit <= 0.0, "{profit}");
}

/// The methodology becomes twice as strict: while its notice runs, nobody is liquidated who was not before.
#[test]
fn a_change_of_parameters_liquidates_nobody_at_once() {
    let mut venue = Venue::new("", "100000", "1");
    let (long, short) = (venue.account("11000"), venue.account("1000000"));
    venue.trade(long, short, BITCOIN, 1_000, 50_000.0);
    venue.moves("BTC", 49_000.0);
    let text = risk::Methodology::built_in_text("core").unwrap();
    let stricter = text.replacen("multiple = 5.0", "multiple = 9.0", 1);
    assert_ne!(text, stricter);
    venue.methodology(&stricter, 3_600_000);
    venue.must(r#""open_epoch":{}"#);
    venue.pass(60_000);
    assert!(venue.story.is_empty(), "{:?}", venue.story);
}

/// Somebody else deposits so much ether that its concentration would count against all who hold some. Until
/// an epoch with notice says so, nobody's collateral is worth less.
#[test]
fn anothers_deposit_liquidates_nobody() {
    let mut venue = Venue::new("", "100000", "1");
    let (long, short) = (venue.account("100"), venue.account("1000000"));
    venue.deposit(long, "ETH", "7");
    venue.trade(long, short, BITCOIN, 1_000, 50_000.0);
    let before = venue.health(long);
    let stranger = venue.account("1");
    venue.deposit(stranger, "ETH", "5000000");
    venue.must(r#""open_epoch":{}"#);
    venue.pass(60_000);
    assert!(venue.story.is_empty(), "{:?}", venue.story);
    assert!(venue.health(long).0 >= before.0 - 1.0, "{before:?}, {:?}", venue.health(long));
}
