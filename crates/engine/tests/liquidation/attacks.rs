//! What has been tried to get more out of a liquidation than there is to get, or around one.

use plimsoll_engine::event::{BidEnd, CaseStep, Event};

use crate::venue::{CALL, Dollars, ETHER, INVERSE, PERPETUAL, PUT, Venue};

/// Worth next to nothing, whatever happens to bitcoin.
const FAR: &str = "BTC_USDC-27MAR26-15000-P";

fn dollars(amount: instruments::Amount) -> f64 {
    amount.units() as f64 / 1e8
}

fn liquidator(venue: &mut Venue, money: &str) -> u32 {
    let account = venue.account(money);
    venue.must(&format!(r#""register_liquidator":{{"account":{account},"registered":true}}"#));
    account
}

/// Bids; whether that was accepted.
fn bid(venue: &mut Venue, bidder: u32, case: u64, share_ppb: u64, least_ppb: u64) -> bool {
    let text = format!(
        r#""place_bid":{{"account":{bidder},"case":{case},"share_ppb":{share_ppb},"least_ppb":{least_ppb},"limit":"1000000"}}"#
    );
    accepted(venue.act(&text))
}

fn accepted(events: &[Event]) -> bool {
    !events.iter().any(|event| matches!(event, Event::Rejected(_)))
}

/// Markets that a breaker has halted are opened again, in a new epoch.
fn calm_down(venue: &mut Venue) {
    venue.surface();
    venue.open_epoch();
    venue.must(r#""set_market_state":{"scope":"all","state":"open"}"#);
}

/// A short risk in ten lots beside ten thousand lots of what is worth nothing.
fn lopsided(venue: &mut Venue) -> u32 {
    let (account, maker) = (venue.account("3000"), venue.account("100000000"));
    let terms = r#"{"tick":"5","band_ppm":200000,"band_min":"2000"}"#;
    venue.must(&format!(r#""list_instrument":{{"instrument":"{FAR}","terms":{terms}}}"#));
    venue.surface();
    venue.open_epoch();
    venue.trade(maker, account, CALL, 10, 1_500.0);
    venue.trade(account, maker, FAR, 10_000, 5.0);
    account
}

/// Bitcoin rises in small steps until something is so.
fn rises_until(venue: &mut Venue, is_so: impl Fn(&Venue) -> bool) {
    let mut price = 50_000.0;
    while !is_so(venue) && price < 120_000.0 {
        price += 200.0;
        venue.moves("BTC", price);
    }
}

fn is_insolvent(venue: &Venue) -> bool {
    let stage = venue.state.cases().next().map(|case| case.stage);
    stage == Some(plimsoll_engine::liquidation::Stage::Insolvent)
}

#[test]
fn dust_of_an_asset_without_index_is_no_shield() {
    let mut venue = Venue::new();
    venue.must(r#""add_asset":{"asset":"XRP"}"#);
    venue.must(r#""add_asset":{"asset":"DUST"}"#);
    venue.must(r#""set_sources":{"asset":"DUST","rules":{"sources_min":1},"sources":[{"source":1,"weight":1}]}"#);
    venue.prices.push(("DUST", 1.0));
    venue.report_all();
    venue.liquidating("");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.deposit(long, "XRP", "0.00000001");
    // Nor is that of one that no methodology knows.
    venue.deposit(long, "DUST", "0.00000001");
    venue.moves("BTC", 45_000.0);
    assert!(!venue.story.is_empty(), "{:?}", venue.stands(long));
}

#[test]
fn dust_of_a_stale_asset_stops_no_case() {
    let mut venue = Venue::new();
    venue.liquidating("");
    venue.insure("50000");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.prices.retain(|(asset, _)| *asset != "ETH");
    venue.pass(70_000);
    venue.moves("BTC", 46_000.0);
    assert_eq!(venue.steps()[0], "opened");
    venue.deposit(long, "ETH", "0.00000001");
    venue.moves("BTC", 39_000.0);
    venue.pass(300_000);
    assert!(venue.state.cases().next().is_none(), "{:?}", venue.steps());
}

#[test]
fn slices_without_risk_earn_no_premium() {
    let mut venue = Venue::new();
    venue.liquidating("");
    venue.insure("1000000");
    let takers: Vec<u32> = (0..25).map(|_| liquidator(&mut venue, "1000")).collect();
    let bad = lopsided(&mut venue);
    rises_until(&mut venue, is_insolvent);
    let before = venue.stands(bad);
    venue.pass(26_000);
    // Each takes as much as has no call in it.
    for _ in 0..6 {
        if !is_insolvent(&venue) {
            break;
        }
        let id = venue.state.cases().next().unwrap().id.0;
        let mut whole = venue.lots(bad, FAR).max(10).unsigned_abs();
        for taker in &takers {
            if whole <= 11 {
                break;
            }
            let units = (whole - 1) / 10;
            bid(&mut venue, *taker, id, (units * 1_000_000_000).div_ceil(whole), 0);
            whole -= units;
        }
        venue.time += 450;
        venue.report_all();
    }
    let premium = |step: &CaseStep| match step {
        CaseStep::TakenOver { premium, .. } => dollars(*premium),
        _ => 0.0,
    };
    let all: f64 = venue.story.iter().map(|event| premium(&event.what)).sum();
    assert!(all <= before.maintenance, "{all} of {before:?}");
}

/// A bankrupt long, and the only one who could give up positions for it, who needs them as a hedge.
fn bailed_out() -> (Venue, u32) {
    let mut venue = Venue::new();
    venue.liquidating(r#""insolvent_ms":0"#);
    venue.insure("50000");
    let (bad, hedger) = (venue.account("5000"), venue.account("12000"));
    let maker = venue.account("100000000");
    venue.deposit(maker, "BTC", "1000");
    venue.trade(bad, hedger, PERPETUAL, 500, 50_000.0);
    venue.limit(maker, INVERSE, "sell", 2_250, 50_000.0);
    let id = venue.id(INVERSE).0;
    venue.must(&format!(r#""place_order":{{"account":{hedger},"order":{{"instrument":{id},"side":"buy","lots":2250,"type":{{"limit":{{"price":"50000"}}}}}}}}"#));
    venue.must(&format!(
        r#""request_withdrawal":{{"id":77777,"account":{hedger},"asset":"USDC","amount":"11500"}}"#
    ));
    venue.moves("BTC", 38_000.0);
    (venue, bad)
}

fn paid_by_fund(venue: &Venue) -> f64 {
    let paid = |step: &CaseStep| match step {
        CaseStep::FundPaid { own, shared, .. } => dollars(*own) + dollars(*shared),
        _ => 0.0,
    };
    venue.story.iter().map(|event| paid(&event.what)).sum()
}

#[test]
fn who_was_bailed_out_keeps_nothing_of_it() {
    let (mut venue, bad) = bailed_out();
    venue.moves("BTC", 46_500.0);
    venue.pass(8_000);
    let (paid, kept) = (paid_by_fund(&venue), venue.stands(bad).value);
    assert!(venue.lots(bad, PERPETUAL) == 0, "{:?}", venue.steps());
    // What the lots that nobody could give up have gained pays the fund back before the owner.
    let fund = dollars(venue.state.insurance_fund().cash);
    assert!(paid > 0.0 && (kept <= 0.01 || fund >= 50_000.0 - 0.01), "{paid} {kept} {fund}");
}

#[test]
fn a_top_up_after_the_fund_has_paid_pays_it_back_and_no_more() {
    let (mut venue, bad) = bailed_out();
    let paid = paid_by_fund(&venue);
    assert!(paid > 500.0 && venue.lots(bad, PERPETUAL) > 0, "{paid} {:?}", venue.steps());
    venue.deposit(bad, "USDC", "3800");
    venue.pass(8_000);
    assert_eq!(venue.lots(bad, PERPETUAL), 0, "{:?}", venue.steps());
    let fund = dollars(venue.state.insurance_fund().cash);
    let kept = venue.stands(bad).value;
    // Fees of trades have come in, too.
    assert!((50_000.0..50_010.0).contains(&fund), "the fund has {fund}");
    assert!((kept - (3_800.0 - paid)).abs() < 1.0, "{kept} of 3,800, {paid} being owed");
}

#[test]
fn a_bid_gets_the_discount_that_it_asked_for() {
    let mut venue = Venue::new();
    venue.liquidating(r#""book_ms":0"#);
    let taker = liquidator(&mut venue, "500000");
    lopsided(&mut venue);
    rises_until(&mut venue, |venue| !venue.story.is_empty());
    venue.pass(40_000);
    // A tenth that has no call in it can't be had for a fifth of its value.
    assert!(bid(&mut venue, taker, 1, 99_000_000, 200_000_000));
    venue.pass(85_000);
    let mut sold = false;
    for event in &venue.story {
        if let CaseStep::Sold { paid, units, whole, stands, .. } = event.what {
            let asked = units as f64 / whole as f64 * 0.2 * dollars(stands.value);
            assert!(dollars(paid) >= asked * 0.99 - 0.01, "{event:?}");
            sold = true;
        }
        let filled = matches!(event.what, CaseStep::BidEnded { cause: BidEnd::Filled, .. });
        assert!(!filled || venue.steps().contains(&"sold".to_owned()), "filled with nothing");
    }
    let not_sold = |event: &&plimsoll_engine::event::CaseEvent| {
        matches!(event.what, CaseStep::BidEnded { cause: BidEnd::NotSold, .. })
    };
    assert!(sold || venue.story.iter().find(not_sold).is_some(), "{:?}", venue.steps());
}

#[test]
fn no_case_opens_on_a_bidder_that_is_healthy_without_its_bid() {
    let mut venue = Venue::new();
    venue.liquidating("");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    let bidder = liquidator(&mut venue, "17000");
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.trade(bidder, short, PERPETUAL, 1_000, 50_000.0);
    venue.moves("BTC", 46_000.0);
    let mut share = 1_000_000_000;
    while share > 1_000 && !bid(&mut venue, bidder, 1, share, 300_000_000) {
        share = share * 9 / 10;
    }
    let mut price = 46_000.0;
    while price > 38_000.0 {
        price -= 50.0;
        venue.moves("BTC", price);
        for event in venue.story.iter().filter(|event| event.account.number() == bidder) {
            if let CaseStep::Opened { stands, .. } = event.what {
                let balances = venue.state.ledger().venue(
                    ledger::VenueAccount::Bids,
                    venue.state.ledger().index_of("USDC".parse().unwrap()).unwrap(),
                );
                assert_eq!(balances.units(), 0, "what it had set aside is its own again");
                assert!(stands.equity < stands.maintenance);
                return;
            }
        }
    }
    unreachable!("it falls below its line at last");
}

#[test]
fn takers_keep_to_position_limits() {
    let mut venue = Venue::new();
    venue.liquidating("");
    let id = venue.id(PERPETUAL).0;
    let terms = r#"{"tick":"0.5","band_ppm":200000,"band_min":"2000","position_max":1000}"#;
    venue.must(&format!(r#""set_terms":{{"instrument":{id},"terms":{terms}}}"#));
    let taker = liquidator(&mut venue, "5000000");
    for _ in 0..4 {
        let (long, short) = (venue.account("10000"), venue.account("1000000"));
        venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    }
    venue.moves("BTC", 46_000.0);
    let ids: Vec<u64> = venue.state.cases().map(|case| case.id.0).collect();
    for case in ids {
        assert!(bid(&mut venue, taker, case, 1_000_000_000, 0));
    }
    venue.pass(5_000);
    assert!(venue.lots(taker, PERPETUAL) <= 1_000, "{}", venue.lots(taker, PERPETUAL));
}

#[test]
fn a_top_up_keeps_bids() {
    let mut venue = Venue::new();
    venue.liquidating("");
    venue.insure("50000");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    let taker = liquidator(&mut venue, "500000");
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.moves("BTC", 40_020.0);
    assert!(bid(&mut venue, taker, 1, 1_000_000_000, 500_000_000), "{:?}", venue.steps());
    venue.deposit(long, "USDC", "10");
    venue.pass(600);
    assert!(!venue.steps().contains(&"bid_ended".to_owned()), "{:?}", venue.steps());
}

#[test]
fn profits_at_a_stale_mark_are_not_cut() {
    let mut venue = Venue::new();
    venue.liquidating(r#""insolvent_ms":0,"cut_cap_ppb":1000000000"#);
    let (bad, maker) = (venue.account("10000"), venue.account("100000000"));
    let (other, winner) = (venue.account("60000"), venue.account("40000"));
    venue.trade(winner, maker, ETHER, 1_000, 2_000.0);
    venue.trade(bad, other, PERPETUAL, 1_000, 50_000.0);
    venue.trade(other, maker, INVERSE, 7_000, 50_000.0);
    venue.moves("ETH", 2_500.0);
    venue.prices.retain(|(asset, _)| *asset != "ETH");
    venue.pass(70_000);
    venue.moves("BTC", 35_000.0);
    venue.pass(1_000);
    let is_cut = |step: &CaseStep| matches!(step, CaseStep::Cut { counterparty, .. } if counterparty.number() == winner);
    assert!(!venue.story.iter().any(|event| is_cut(&event.what)));
}

/// Worthless puts bought on credit: margin is capped at their value once the debt has ended.
fn protected(money: &str) -> (Venue, u32) {
    let mut venue = Venue::new();
    venue.liquidating(r#""book_ms":0"#);
    let (account, maker) = (venue.account(money), venue.account("100000000"));
    venue.deposit(account, "ETH", "5");
    venue.trade(account, maker, PUT, 1_000, 900.0);
    let mut volatility = 600;
    while venue.story.is_empty() && volatility > 100 {
        volatility -= 5;
        venue.must(&format!(r#""set_surface":{{"underlying":"BTC","expiries":[{{"expiry":"2026-03-27T08:00:00Z","forward":"50000","volatility":{{"flat":{{"volatility_ppb":{volatility}000000}}}}}}]}}"#));
        venue.report_all();
    }
    let mut price = 2_000.0;
    while venue.story.is_empty() && price > 500.0 {
        price -= 10.0;
        venue.moves("ETH", price);
    }
    (venue, account)
}

fn units_sold(venue: &Venue) -> u64 {
    let units = |step: &CaseStep| match step {
        CaseStep::Sold { units, .. } => *units,
        _ => 0,
    };
    venue.story.iter().map(|event| units(&event.what)).sum()
}

#[test]
fn the_fee_leaves_the_account_at_its_target() {
    let (mut venue, account) = protected("9245");
    let taker = liquidator(&mut venue, "500000");
    venue.deposit(account, "USDC", "0.00000001");
    assert!(bid(&mut venue, taker, 1, 1_000_000_000, 0));
    venue.pass(1_000);
    assert!(units_sold(&venue) > 0, "{:?}", venue.steps());
    let Dollars { equity, maintenance, .. } = venue.stands(account);
    assert!(equity >= 1.15 * maintenance, "{equity} {maintenance}");
}

#[test]
fn accrued_interest_sells_no_more_than_is_needed() {
    let (mut venue, _) = protected("9000");
    let taker = liquidator(&mut venue, "500000");
    assert!(bid(&mut venue, taker, 1, 1_000_000_000, 0));
    venue.pass(1_000);
    let sold = units_sold(&venue);
    assert!((1..=45).contains(&sold), "{sold} lots were sold, about 38 restore it");
}

/// A venue in which nobody bid for an account that has a coin and owes dollars, and the coin's price.
fn unsold() -> (Venue, u32, u32, f64) {
    let mut venue = Venue::new();
    venue.liquidating(r#""cooldown_ms":3600000"#);
    let (bad, maker) = (venue.account("1"), venue.account("100000000"));
    venue.deposit(bad, "BTC", "1");
    venue.trade(bad, maker, PERPETUAL, 500, 50_000.0);
    venue.moves("BTC", 30_000.0);
    calm_down(&mut venue);
    venue.trade(maker, bad, PERPETUAL, 500, 30_000.0);
    let mut price = 30_000.0;
    while venue.story.is_empty() && price > 5_000.0 {
        price -= 100.0;
        venue.moves("BTC", price);
    }
    venue.pass(125_000);
    assert_eq!(venue.steps().last().unwrap(), "Unsold");
    (venue, bad, maker, price)
}

#[test]
fn a_cooldown_hides_no_debt() {
    let (mut venue, bad, _, mut price) = unsold();
    assert!(venue.stands(bad).value > 0.0);
    let opened = |venue: &Venue| venue.steps().iter().filter(|step| *step == "opened").count();
    while opened(&venue) == 1 && price > 1_000.0 {
        price -= 100.0;
        venue.moves("BTC", price);
    }
    assert_eq!(opened(&venue), 2);
    venue.pass(400_000);
    assert_eq!(venue.steps().last().unwrap(), "Resolved");
    assert!(venue.stands(bad).value >= 0.0);
}

#[test]
fn a_cooldown_is_no_shield_for_new_positions() {
    let (mut venue, bad, maker, price) = unsold();
    calm_down(&mut venue);
    venue.deposit(bad, "USDC", "3000");
    venue.trade(bad, maker, PERPETUAL, 200, price);
    venue.moves("BTC", price * 0.6);
    venue.pass(10_000);
    let opened = venue.steps().iter().filter(|step| *step == "opened").count();
    let Dollars { equity, maintenance, .. } = venue.stands(bad);
    assert!(equity >= maintenance || opened > 1, "{equity} {maintenance} {:?}", venue.steps());
}

#[test]
fn a_debt_in_coins_that_the_fund_can_pay_keeps_no_profit_in() {
    let mut venue = Venue::new();
    venue.liquidating(r#""insolvent_ms":0"#);
    venue.insure("1000000");
    let (bad, maker) = (venue.account("10000"), venue.account("100000000"));
    venue.deposit(maker, "BTC", "1000");
    let winner = venue.account("20000");
    venue.trade(winner, maker, ETHER, 100, 2_000.0);
    venue.moves("ETH", 2_100.0);
    calm_down(&mut venue);
    venue.trade(maker, winner, ETHER, 100, 2_100.0);
    venue.trade(bad, maker, INVERSE, 5_000, 50_000.0);
    venue.pass(120_000);
    venue.moves("BTC", 39_000.0);
    venue.pass(600_000);
    assert_eq!(venue.steps().last().unwrap(), "Resolved");
    venue.must(&format!(
        r#""request_withdrawal":{{"id":1,"account":{winner},"asset":"USDC","amount":"20050"}}"#
    ));
}
