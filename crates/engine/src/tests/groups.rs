//! Limits of an account hold for the orders of a group together.

use super::venue::Venue;

/// The terms of a small buy well below the market.
fn buy(instrument: u32) -> String {
    let price = r#"{"limit":{"price":"45000"}}"#;
    format!(r#"{{"instrument":{instrument},"side":"buy","lots":1,"type":{price}}}"#)
}

fn pair(first: u32, second: u32) -> String {
    format!(r#"{{"one_cancels_other":[{},{}]}}"#, buy(first), buy(second))
}

/// A venue with three instruments, and two futures beside the perpetual.
fn venue(instruments_max: u32) -> Venue {
    let mut venue = Venue::new();
    let expiry = |day: &str| {
        let curve = r#"{"flat":{"volatility_ppb":500000000}}"#;
        format!(r#"{{"expiry":"{day}T08:00:00Z","forward":"50000","volatility":{curve}}}"#)
    };
    let expiries = ["2026-03-27", "2026-06-26"].map(expiry).join(",");
    for action in [
        format!(r#""set_surface":{{"underlying":"BTC","expiries":[{expiries}]}}"#),
        r#""list_instrument":{"instrument":"BTC-27MAR26","terms":{"tick":"0.5"}}"#.into(),
        r#""list_instrument":{"instrument":"BTC-26JUN26","terms":{"tick":"0.5"}}"#.into(),
        r#""open_epoch":{}"#.into(),
        format!(r#""set_venue_rules":{{"instruments_per_account_max":{instruments_max}}}"#),
    ] {
        let events = venue.act(&action);
        assert!(!format!("{events:?}").contains("rejected"), "{action}: {events:#?}");
    }
    venue.deposit(0, "USD", "100000");
    venue
}

fn place(venue: &mut Venue, group: &str) -> String {
    venue.act(&format!(r#""place_group":{{"account":0,"group":{group}}}"#)).join("")
}

#[test]
fn a_pair_counts_its_instruments_together() {
    let mut one = venue(1);
    let refused = place(&mut one, &pair(0, 1));
    assert!(refused.contains(r#"{"too_many_instruments":1}"#), "{refused}");
    assert!(place(&mut one, &pair(1, 1)).contains("rested"));
    // Where it is already, an account may go on.
    assert!(place(&mut one, &pair(1, 1)).contains("rested"));
    assert!(place(&mut one, &pair(1, 0)).contains("too_many_instruments"));
    assert!(place(&mut venue(2), &pair(0, 1)).contains("rested"));
}

#[test]
fn so_does_an_order_with_those_that_it_triggers() {
    let chain = format!(
        r#"{{"one_triggers_other":{{"first":{},"then":{},"when":"first"}}}}"#,
        buy(0),
        pair(1, 2)
    );
    for most in [1, 2] {
        let refused = place(&mut venue(most), &chain);
        assert!(refused.contains(&format!(r#"{{"too_many_instruments":{most}}}"#)), "{refused}");
    }
    assert!(place(&mut venue(3), &chain).contains("rested"));
}
