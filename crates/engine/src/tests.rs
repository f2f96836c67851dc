//! Small cases by hand.

mod credit;
mod epochs;
mod groups;
mod notice;
mod profit;
mod venue;

use venue::Venue;

#[test]
fn a_first_trade() {
    let mut venue = Venue::new();
    venue.deposit(0, "USD", "100000");
    venue.deposit(1, "USD", "20000");
    let sell = venue.limit(1, "BTC-PERPETUAL", "sell", 1000, "50010");
    assert!(sell.iter().any(|event| event.contains("rested")), "{sell:#?}");
    let buy = venue.limit(0, "BTC-PERPETUAL", "buy", 400, "50020");
    assert!(buy.iter().any(|event| event.contains("\"trade\"")), "{buy:#?}");
    venue.check();
}
