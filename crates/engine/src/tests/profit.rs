//! Profit leaves when it has matured, whatever becomes of the time that it takes.

use super::venue::Venue;

const HOUR: i64 = 3_600_000;

fn maturity(venue: &mut Venue, milliseconds: i64) {
    venue.act(&format!(r#""set_venue_rules":{{"profit_maturity_ms":{milliseconds}}}"#));
}

/// What may leave of account 0's bitcoins, in satoshis: asked for by moving too much of them.
fn free(venue: &mut Venue) -> i64 {
    let ask = r#""transfer":{"from":0,"to":2,"asset":"BTC","amount":"1000"}"#;
    let events = venue.act(ask).join("");
    let (_, after) = events.split_once(r#""allowed":""#).unwrap_or_else(|| panic!("{events}"));
    let (coins, fraction) = after.split_once('"').unwrap().0.split_once('.').unwrap_or(("0", "0"));
    coins.parse::<i64>().unwrap() * 100_000_000 + format!("{fraction:0<8}").parse::<i64>().unwrap()
}

/// Account 0 has bought for 50,000 dollars and sold for more, but for one lot, just now.
fn venue_with_profit(maturity_ms: i64) -> Venue {
    let mut venue = Venue::new();
    maturity(&mut venue, maturity_ms);
    venue.act(r#""open_account":{"owner":0,"margin_model":"portfolio"}"#);
    venue.deposit(0, "USD", "100000");
    venue.deposit(1, "USD", "100000");
    for (seller, price, lots) in [(1, "50000", 1001), (0, "50500", 1000)] {
        venue.limit(seller, "BTC-PERPETUAL", "sell", lots, price);
        let bought = venue.limit(1 - seller, "BTC-PERPETUAL", "buy", lots, price);
        assert!(format!("{bought:?}").contains("trade"), "{bought:#?}");
    }
    venue
}

#[test]
fn a_change_of_the_time_does_not_free_profit() {
    for (before, after) in [(HOUR, 2 * HOUR), (2 * HOUR, HOUR), (HOUR, HOUR + 1)] {
        let mut venue = venue_with_profit(before);
        assert_eq!(free(&mut venue), 0);
        maturity(&mut venue, after);
        assert_eq!(free(&mut venue), 0);
        venue.pass(after - 10);
        assert_eq!(free(&mut venue), 0);
        venue.pass(after + 20);
        let matured = free(&mut venue);
        assert!(matured > 0);
        // What has matured stays free.
        maturity(&mut venue, before);
        assert_eq!(free(&mut venue), matured);
    }
}

#[test]
fn nor_does_it_hold_profit_for_more_than_two_periods() {
    let mut venue = venue_with_profit(24 * HOUR);
    maturity(&mut venue, 1_000);
    venue.pass(2_000);
    assert!(free(&mut venue) > 0);
}
