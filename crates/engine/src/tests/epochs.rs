//! The market that an epoch is prepared on must be near the live one.

use super::venue::Venue;
use crate::command::{EpochMarket, SurfaceExpiry};

/// A venue with a perpetual, a future, and an option priced in bitcoins.
fn venue() -> Venue {
    let mut venue = Venue::new();
    let curve = r#"{"flat":{"volatility_ppb":500000000}}"#;
    let expiry =
        format!(r#"{{"expiry":"2026-03-27T08:00:00Z","forward":"50500","volatility":{curve}}}"#);
    for action in [
        format!(r#""set_surface":{{"underlying":"BTC","expiries":[{expiry}]}}"#),
        r#""list_instrument":{"instrument":"BTC-27MAR26","terms":{"tick":"0.5"}}"#.into(),
        r#""list_instrument":{"instrument":"BTC-27MAR26-50000-C","terms":{"tick":"0.0005"}}"#
            .into(),
    ] {
        let events = venue.act(&action);
        assert!(!format!("{events:?}").contains("rejected"), "{action}: {events:#?}");
    }
    venue
}

/// Opens an epoch on the live market after a change; says what happens.
fn open(venue: &mut Venue, change: impl FnOnce(&mut EpochMarket)) -> String {
    let mut market = venue.state.epoch_market();
    change(&mut market);
    let market = serde_json::to_string(&market).unwrap();
    venue.act(&format!(r#""open_epoch":{{"market":{market}}}"#)).join("")
}

#[test]
fn marks_and_forwards_are_near_the_live_ones() {
    // One per cent of an index of 50,000, and of a bitcoin.
    let (bound, of_a_coin) = (500 * instruments::SCALE, instruments::SCALE / 100);
    let mut venue = venue();
    assert!(open(&mut venue, |_| {}).contains("epoch_opened"));
    for (place, bound) in [(0, bound), (1, bound), (2, of_a_coin)] {
        for (away, opens) in
            [(bound, true), (-bound, true), (bound + 1, false), (-bound - 1, false)]
        {
            let said = open(&mut venue, |market| {
                let (_, mark, _) = &mut market.quotes[place];
                *mark = instruments::Price::from_units(mark.units() + away);
            });
            assert_eq!(said.contains("epoch_opened"), opens, "{place} {away}: {said}");
            assert_eq!(said.contains("its mark of BTC-"), !opens, "{said}");
        }
    }
    for (away, opens) in [(bound, true), (bound + 1, false), (-bound - 1, false)] {
        let said = open(&mut venue, |market| {
            let SurfaceExpiry { forward, .. } = &mut market.surfaces[0].expiries[0];
            *forward = instruments::Price::from_units(forward.units() + away);
        });
        assert_eq!(said.contains("epoch_opened"), opens, "{away}: {said}");
        assert_eq!(said.contains("its forward of BTC at 2026-03-27"), !opens, "{said}");
    }
}
