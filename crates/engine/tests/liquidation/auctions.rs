//! Auctions: who takes what at which discount, the vault, and what is worth less than nothing.

use instruments::Amount;
use ledger::AccountId;
use plimsoll_engine::event::{BidEnd, CaseStep, Event, Taker};
use plimsoll_engine::{CaseId, Rejection};

use crate::venue::{CALL, PERPETUAL, PUT, Venue};

/// A long of one coin in auction at 46,000 with 6,000 of value, and liquidators with money.
fn in_auction(more: &str) -> (Venue, u32, [u32; 2]) {
    let mut venue = Venue::new();
    venue.liquidating(more);
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    let liquidators = [venue.account("500000"), venue.account("500000")];
    for liquidator in liquidators {
        venue.must(&format!(
            r#""register_liquidator":{{"account":{liquidator},"registered":true}}"#
        ));
    }
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.moves("BTC", 46_000.0);
    assert_eq!(venue.steps(), ["opened", "Auction NoTrade"]);
    (venue, long, liquidators)
}

fn bid(venue: &mut Venue, bidder: u32, share: f64, least: f64, limit: f64) {
    venue.must(&bid_text(bidder, share, least, limit));
}

fn bid_text(bidder: u32, share: f64, least: f64, limit: f64) -> String {
    let [share, least] = [share, least].map(|part| (part * 1e9) as u64);
    format!(
        r#""place_bid":{{"account":{bidder},"case":1,"share_ppb":{share},"least_ppb":{least},"limit":"{limit}"}}"#
    )
}

fn sales(venue: &Venue) -> Vec<(u32, u64, u64, u64)> {
    let sale = |step: &CaseStep| match step {
        CaseStep::Sold { taker, units, discount, reserve, .. } => {
            Some((taker.number(), *units, *discount, *reserve))
        }
        _ => None,
    };
    venue.story.iter().filter_map(|event| sale(&event.what)).collect()
}

fn balance(venue: &Venue, account: u32) -> Amount {
    let index = venue.state.ledger().index_of("USDC".parse().unwrap()).unwrap();
    venue.state.ledger().available(AccountId::new(account), index)
}

#[test]
fn the_least_slice_that_restores_is_sold_at_what_was_asked_for() {
    let (mut venue, long, [first, second]) = in_auction("");
    bid(&mut venue, first, 1.0, 0.02, 1e6);
    bid(&mut venue, second, 1.0, 0.05, 1e6);
    venue.pass(60_000);
    let sold = sales(&venue);
    assert_eq!(sold.len(), 1, "{sold:?}");
    let (taker, units, discount, reserve) = sold[0];
    assert_eq!((taker, discount), (first, 20_000_000_000_000_000), "whoever asks for less");
    assert!(
        reserve >= discount && reserve < 23_000_000_000_000_000,
        "as soon as it may: {reserve}"
    );
    assert_eq!(venue.lots(long, PERPETUAL), 1_000 - i64::try_from(units).unwrap());
    assert_eq!(venue.lots(first, PERPETUAL), i64::try_from(units).unwrap());
    assert_eq!(venue.steps().last().unwrap(), "Restored");
    // One lot less leaves the account below its target.
    let stands = venue.stands(long);
    let lot = stands.maintenance / (1_000 - units) as f64;
    assert!(stands.equity >= 1.15 * stands.maintenance, "{stands:?}");
    assert!(stands.equity < 1.15 * (stands.maintenance + 1.01 * lot) + 5.0, "{stands:?}");
    assert_eq!(balance(&venue, second), "500000".parse().unwrap(), "what it set aside is free");
}

#[test]
fn too_few_bids_are_filled_at_the_reserve_and_the_rest_waits() {
    let (mut venue, long, [first, second]) = in_auction("");
    bid(&mut venue, first, 0.05, 0.01, 1e6);
    venue.pass(20_000);
    let sold = sales(&venue);
    assert_eq!((sold[0].0, sold[0].1), (first, 50));
    assert_eq!(sold[0].2, sold[0].3, "at the reserve");
    assert!(!venue.steps().contains(&"Restored".to_owned()));
    bid(&mut venue, second, 1.0, 0.0, 1e6);
    venue.pass(1_000);
    assert_eq!(venue.steps().last().unwrap(), "Restored");
    assert!(venue.lots(long, PERPETUAL) > 0, "the owner keeps the rest");
}

#[test]
fn a_bid_reserves_margin_and_is_dropped_when_that_is_gone() {
    let (mut venue, _, [first, second]) = in_auction("");
    bid(&mut venue, first, 1.0, 0.3, 1e6);
    let told = venue.story.last().unwrap().what.clone();
    let CaseStep::Bid { held, .. } = told else { panic!("{told:?}") };
    assert!(held > Amount::ZERO);
    let left = balance(&venue, first).units() + held.units();
    assert_eq!(Amount::from_units(left), "500000".parse().unwrap());
    venue.must(&format!(r#""cancel_bid":{{"account":{first},"case":1}}"#));
    assert_eq!(balance(&venue, first), "500000".parse().unwrap());

    let poor = venue.account("10");
    venue.must(&format!(r#""register_liquidator":{{"account":{poor},"registered":true}}"#));
    let events = venue.act(&bid_text(poor, 1.0, 0.0, 1e6)).to_vec();
    let [Event::Rejected(rejected)] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(rejected.reason, Rejection::Margin { .. }));

    // A liquidator who gets a case itself has no bid any more.
    bid(&mut venue, second, 1.0, 0.3, 1e6);
    let id = venue.id(PERPETUAL).0;
    let maker = venue.account("100000000");
    venue.open_epoch();
    venue.limit(maker, PERPETUAL, "sell", 60_000, 46_000.0);
    let large = format!(
        r#""place_order":{{"account":{second},"order":{{"instrument":{id},"side":"buy","lots":50000,"type":{{"market":{{}}}}}}}}"#
    );
    venue.act(&large);
    if venue.lots(second, PERPETUAL) > 0 {
        venue.moves("BTC", 40_500.0);
        let ended = |event: &plimsoll_engine::event::CaseEvent| matches!(event.what, CaseStep::BidEnded { bidder, cause: BidEnd::Margin | BidEnd::AuctionOver, .. } if bidder.number() == second);
        assert!(venue.story.iter().any(ended), "{:?}", venue.steps());
    }
}

#[test]
fn who_may_bid() {
    let (mut venue, long, [first, _]) = in_auction("");
    let mut refused = |action: &str| {
        let events = venue.act(action).to_vec();
        let [Event::Rejected(rejected)] = &events[..] else { panic!("{action}: {events:?}") };
        rejected.reason.clone()
    };
    let bidder = AccountId::new(first);
    let not_registered = refused(&bid_text(1, 1.0, 0.0, 1e6));
    assert_eq!(not_registered, Rejection::NotALiquidator(AccountId::new(1)));
    let unknown = bid_text(first, 1.0, 0.0, 1e6).replace("\"case\":1", "\"case\":7");
    assert_eq!(refused(&unknown), Rejection::UnknownCase(CaseId(7)));
    let late = bid_text(first, 1.0, 0.0, 1e6).replace("\"case\":1", "\"case\":1,\"step\":0");
    assert_eq!(refused(&late), Rejection::CaseStep { case: CaseId(1), expected: 0, found: 1 });
    assert_eq!(
        refused(&format!(r#""cancel_bid":{{"account":{first},"case":1}}"#)),
        Rejection::UnknownBid(CaseId(1))
    );
    assert!(matches!(refused(&bid_text(first, 1.5, 0.0, 1e6)), Rejection::OutOfRange { .. }));
    assert!(matches!(refused(&bid_text(first, 1.0, 0.0, -1.0)), Rejection::Terms(_)));

    let own = venue.state.accounts();
    venue.must(&format!(r#""open_account":{{"margin_model":"portfolio","owner":{long}}}"#));
    venue.must(&format!(r#""register_liquidator":{{"account":{own},"registered":true}}"#));
    let events = venue.act(&bid_text(own, 1.0, 0.0, 1e6)).to_vec();
    let [Event::Rejected(rejected)] = &events[..] else { panic!("{events:?}") };
    let expected =
        Rejection::OwnCase { account: AccountId::new(long), bidder: AccountId::new(own) };
    assert_eq!(rejected.reason, expected);
    let _ = bidder;
}

#[test]
fn a_top_up_does_not_disturb_bids_unless_it_cures() {
    let (mut venue, long, [first, _]) = in_auction("");
    bid(&mut venue, first, 1.0, 0.02, 1e6);
    venue.deposit(long, "USDC", "1");
    venue.pass(30_000);
    assert_eq!(sales(&venue).len(), 1);
}

#[test]
fn the_vault_takes_what_nobody_bids_for() {
    let mut venue = Venue::new();
    let vault = venue.account("300000");
    venue.liquidating(&format!(r#""vault":{vault}"#));
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.moves("BTC", 46_000.0);
    venue.pass(130_000);
    let sold = venue.story.iter().find_map(|event| match event.what {
        CaseStep::Sold { taker, to: Taker::Vault, discount, .. } => {
            Some((taker.number(), discount))
        }
        _ => None,
    });
    let (taker, discount) = sold.expect("the vault steps in");
    assert_eq!(taker, vault);
    assert_eq!(discount, 300_000_000_000_000_000, "at the reserve price when its time is over");
    assert_eq!(venue.steps().last().unwrap(), "Restored");
    assert!(venue.lots(long, PERPETUAL) > 0 && venue.lots(vault, PERPETUAL) > 0);
}

#[test]
fn slices_are_vertical() {
    let mut venue = Venue::new();
    venue.liquidating(r#""book_ms":0"#);
    let (seller, maker) = (venue.account("60000"), venue.account("10000000"));
    let taker = venue.account("5000000");
    venue.must(&format!(r#""register_liquidator":{{"account":{taker},"registered":true}}"#));
    // Short puts with a hedge: the hedge goes with them.
    venue.trade(maker, seller, PUT, 600, 900.0);
    venue.trade(maker, seller, PERPETUAL, 600, 50_000.0);
    venue.trade(seller, maker, CALL, 100, 1_500.0);
    venue.deposit(seller, "ETH", "0.5");
    let mut price = 50_000.0;
    while venue.story.is_empty() && price > 30_000.0 {
        price -= 500.0;
        venue.moves("BTC", price);
    }
    assert!(!venue.story.is_empty(), "{:?}", venue.stands(seller));
    let before = [PUT, PERPETUAL, CALL].map(|name| venue.lots(seller, name));
    bid(&mut venue, taker, 1.0, 0.01, 1e7);
    venue.pass(60_000);
    let sold = sales(&venue);
    assert!(!sold.is_empty(), "{:?} {:?}", venue.steps(), venue.stands(seller));
    let taken = [PUT, PERPETUAL, CALL].map(|name| venue.lots(taker, name));
    let units = sold[0].1;
    for (before, taken) in before.iter().zip(taken) {
        let expected = before * i64::try_from(units).unwrap() / 600;
        assert!((taken - expected).abs() <= 1, "{before} {taken} {expected}");
    }
    assert_eq!(venue.steps().last().unwrap(), "Restored");
}

#[test]
fn the_fund_pays_whoever_takes_over_what_is_worth_less_than_nothing() {
    let mut venue = Venue::new();
    venue.liquidating("");
    venue.insure("50000");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    let taker = venue.account("500000");
    venue.must(&format!(r#""register_liquidator":{{"account":{taker},"registered":true}}"#));
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.moves("BTC", 39_000.0);
    assert_eq!(venue.steps(), ["opened", "Insolvent Insolvent"]);
    bid(&mut venue, taker, 1.0, 0.1, 0.0);
    venue.pass(10_000);
    let over = venue.story.iter().find_map(|event| match event.what {
        CaseStep::TakenOver { deficit, premium, progress, .. } => {
            Some((deficit, premium, progress))
        }
        _ => None,
    });
    let (deficit, premium, progress) = over.expect("it is taken over");
    assert_eq!(deficit, "1025".parse().unwrap(), "fees and the loss beyond the deposit");
    assert!(premium > Amount::ZERO);
    assert_eq!(progress, 100_000_000_000_000_000, "at what was asked for");
    assert_eq!(venue.steps().last().unwrap(), "Resolved");
    assert_eq!((venue.lots(long, PERPETUAL), venue.lots(taker, PERPETUAL)), (0, 1_000));
    assert_eq!(balance(&venue, long), Amount::ZERO);
}
