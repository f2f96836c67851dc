//! The market that an epoch is prepared on must be near the live one; an epoch computed ahead is the
//! one that the engine would compute, or is not used.

use std::sync::Arc;

use super::venue::Venue;
use crate::EpochWork;
use crate::command::{EpochMarket, OpenEpoch, SurfaceExpiry};

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

/// A command to come that opens an epoch on the live market, and its work.
fn coming(venue: &Venue) -> (OpenEpoch, EpochWork) {
    let (market, arrays_hash) = (Some(venue.state.epoch_market()), Some(String::new()));
    let mut open = OpenEpoch { market, arrays_hash, holdings: Vec::new() };
    let work = venue.state.epoch_work(&open).unwrap();
    open.arrays_hash = Some(work.prepare().unwrap().arrays_hash().to_owned());
    (open, work)
}

#[test]
fn an_epoch_computed_ahead_is_the_one_that_opens() {
    let (mut ahead, mut alone) = (venue(), venue());
    let (open, work) = coming(&ahead);
    let prepared = work.prepare().unwrap();
    let epoch = Arc::clone(&prepared.epoch);
    for venue in [&mut ahead, &mut alone] {
        venue.deposit(0, "USD", "100000");
        venue.pass(1_000);
    }
    assert!(ahead.state.is_as_it_was(&work, &open));
    ahead.state.offer_epoch(prepared);
    let action = format!(r#""open_epoch":{}"#, serde_json::to_string(&open).unwrap());
    assert_eq!(ahead.act(&action), alone.act(&action));
    assert_eq!(ahead.state.record_hash(), alone.state.record_hash());
    let opened =
        |venue: &Venue| venue.state.risk.epoch.as_ref().unwrap().portfolio.clone().unwrap();
    assert!(Arc::ptr_eq(&opened(&ahead), &epoch) && !Arc::ptr_eq(&opened(&alone), &epoch));
}

#[test]
fn what_was_computed_ahead_of_a_change_is_known_to_be_old() {
    let methodology = |decay: &str| {
        let core = risk::Methodology::built_in_text("core").unwrap();
        let text = serde_json::to_string(&core.replace("decay = 0.97", decay)).unwrap();
        format!(r#""set_methodology":{{"text":{text},"notice_ends":1770001000000}}"#)
    };
    let listing =
        r#""list_instrument":{"instrument":"BTC-27MAR26-60000-C","terms":{"tick":"0.0005"}}"#;
    for (change, is_as_it_was) in [
        (methodology("decay = 0.97"), true),
        (methodology("decay = 0.96"), false),
        (listing.to_owned(), false),
    ] {
        let mut venue = venue();
        let (open, work) = coming(&venue);
        let said = venue.act(&change).join("");
        assert!(!said.contains("rejected"), "{change}: {said}");
        assert_eq!(venue.state.is_as_it_was(&work, &open), is_as_it_was, "{change}");
    }
    let venue = venue();
    let (open, _) = coming(&venue);
    // Without a market or a hash there is nothing to be sure of.
    assert!(venue.state.epoch_work(&OpenEpoch { market: None, ..open.clone() }).is_none());
    assert!(venue.state.epoch_work(&OpenEpoch { arrays_hash: None, ..open }).is_none());
}
