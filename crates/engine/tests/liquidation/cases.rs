//! When a case opens, what an account in one may do, and how it ends before anything is traded.

use plimsoll_engine::event::{CaseStep, Event};
use plimsoll_engine::liquidation::Outcome;
use plimsoll_engine::{CaseId, Rejection};

use crate::venue::{PERPETUAL, Venue};

/// A long that is about to have a case at 46,000, and whoever sold to it.
fn venue() -> (Venue, u32, u32) {
    let mut venue = Venue::new();
    venue.liquidating("");
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    (venue, long, short)
}

#[test]
fn a_case_opens_below_maintenance_margin_and_not_above() {
    let (mut venue, long, _) = venue();
    let mut price = 50_000.0;
    while venue.story.is_empty() {
        let stands = venue.stands(long);
        assert!(stands.equity >= stands.maintenance, "a case opens at once, at {price}");
        price -= 50.0;
        venue.moves("BTC", price);
    }
    let CaseStep::Opened { stands, .. } = venue.story[0].what else { panic!("it opens first") };
    assert!(stands.equity < stands.maintenance);
    assert_eq!(venue.steps()[0], "opened");
}

#[test]
fn nothing_is_liquidated_without_rules_or_at_a_stale_price() {
    let mut venue = Venue::new();
    let (long, short) = (venue.account("10000"), venue.account("1000000"));
    venue.trade(long, short, PERPETUAL, 1_000, 50_000.0);
    venue.moves("BTC", 44_000.0);
    assert!(venue.story.is_empty());

    // Dollars are not reported for long enough to be stale.
    venue.time += 120_000;
    venue.must(r#""tick":{}"#);
    venue.liquidating("");
    venue.moves("BTC", 43_999.0);
    assert!(venue.story.is_empty(), "an index that it depends on is stale");
    venue.report_all();
    assert_eq!(venue.steps()[0], "opened");
}

#[test]
fn orders_are_cancelled_and_new_ones_refused() {
    let (mut venue, long, _) = venue();
    venue.limit(long, PERPETUAL, "sell", 10, 51_000.0);
    venue.moves("BTC", 45_500.0);
    let cancelled = |event: &Event| matches!(event, Event::Cancelled { .. });
    assert!(venue.events.iter().any(cancelled));
    let id = venue.id(PERPETUAL).0;
    for refused in [
        format!(
            r#""place_order":{{"account":{long},"order":{{"instrument":{id},"side":"sell","lots":1,"type":{{"market":{{}}}}}}}}"#
        ),
        format!(r#""request_withdrawal":{{"id":1,"account":{long},"asset":"USDC","amount":"1"}}"#),
        format!(r#""change_margin_model":{{"account":{long},"margin_model":"cross"}}"#),
    ] {
        let events = venue.act(&refused).to_vec();
        let [Event::Rejected(rejected)] = &events[..] else { panic!("{refused}: {events:?}") };
        assert_eq!(rejected.reason, Rejection::InLiquidation(CaseId(1)));
    }
}

#[test]
fn the_owner_or_the_market_ends_a_case() {
    let (mut venue, long, _) = venue();
    venue.moves("BTC", 46_000.0);
    assert_eq!(venue.steps(), ["opened", "Auction NoTrade"]);
    venue.deposit(long, "USDC", "2000");
    venue.report_all();
    assert_eq!(venue.steps().last().unwrap(), "Recovered");
    venue.moves("BTC", 43_500.0);
    assert_eq!(venue.steps().last().unwrap(), "Auction NoTrade");
    venue.moves("BTC", 46_000.0);
    venue.pass(1_000);
    let closed = venue.story.last().unwrap();
    assert_eq!(closed.case, CaseId(2));
    assert!(matches!(closed.what, CaseStep::Closed { outcome: Outcome::Recovered, .. }));
    assert_eq!(venue.lots(long, PERPETUAL), 1_000, "nothing was traded");
}

#[test]
fn a_stale_index_stops_the_clock() {
    let (mut venue, _, _) = venue();
    venue.moves("BTC", 46_000.0);
    // The index of bitcoin goes stale; dollars are told on.
    venue.time += 20_000;
    for _ in 0..200 {
        venue.time += 1_000;
        venue.report("USDC", 1.0);
        venue.must(r#""tick":{}"#);
    }
    assert_eq!(venue.steps().last().unwrap(), "paused");
    venue.moves("BTC", 46_000.0);
    let steps = venue.steps();
    assert!(steps.contains(&"resumed".to_owned()), "{steps:?}");
    assert!(
        !steps.contains(&"Deleveraging Declined".to_owned()),
        "its time stood still: {steps:?}"
    );
}
