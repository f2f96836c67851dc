//! Changes of parameters with notice.

use super::venue::Venue;
use crate::change::{Announced, CHANGES_MAX};
use crate::rules::InstrumentTerms;
use crate::{InstrumentId, State};

const WEEK: i64 = 7 * 86_400_000;

fn terms(venue: &Venue) -> InstrumentTerms {
    *venue.state.instrument_terms(InstrumentId(0)).unwrap()
}

/// Announces a change, so many milliseconds from now.
fn announce(venue: &mut Venue, ahead: i64, change: &str) -> Vec<String> {
    let at = venue.state.time().milliseconds() + ahead;
    venue.act(&format!(r#""announce":{{"effective_at":{at},"change":{change}}}"#))
}

fn announce_terms(venue: &mut Venue, ahead: i64, changes: &str) -> Vec<String> {
    let change = format!(r#"{{"terms":{{"instrument":0,"changes":{changes}}}}}"#);
    announce(venue, ahead, &change)
}

fn said(events: &[String], what: &str) -> bool {
    events.iter().any(|event| event.contains(what))
}

#[test]
fn the_first_tick_at_its_time_makes_a_change() {
    let mut venue = Venue::new();
    venue.deposit(0, "USD", "3000");
    venue.deposit(1, "USD", "100000");
    venue.limit(1, "BTC-PERPETUAL", "sell", 1000, "50000");
    venue.limit(0, "BTC-PERPETUAL", "buy", 1000, "50000");
    let margin = |state: &State| {
        let margin = state.margin(ledger::AccountId::new(0)).unwrap();
        (margin.equity.total, margin.initial, margin.maintenance)
    };
    let (before, healthy) = (terms(&venue), margin(&venue.state));
    let events = announce_terms(
        &mut venue,
        WEEK,
        r#"{"position_max":10,"fees":{"taker_ppm":900},"mark":{"clamp_ppm":0}}"#,
    );
    let number = venue.state.sequence();
    let expected = format!(r#"{{"change_announced":{{"change":{number},"#);
    assert!(events[0].starts_with(&expected), "{events:?}");
    assert_eq!((terms(&venue), margin(&venue.state)), (before, healthy), "notice changes nothing");
    // What is set meanwhile stays.
    venue.act(r#""set_terms":{"instrument":0,"terms":{"tick":"0.5","band_ppm":70000}}"#);
    venue.pass(WEEK - 10);
    assert!(!said(&venue.act(r#""tick":{}"#), "change_"));
    assert_eq!(terms(&venue).fees.taker_ppm, 500);
    venue.pass(20);
    assert_eq!(terms(&venue).fees.taker_ppm, 500, "a price makes no change");
    let events = venue.act(r#""tick":{}"#);
    let made = format!(r#"{{"change_made":{{"change":{number}}}}}"#);
    let place = events.iter().position(|event| *event == made).unwrap();
    assert!(events[place - 1].contains("terms_set"), "{events:?}");
    let after = terms(&venue);
    assert_eq!((after.fees.taker_ppm, after.position_max, after.band_ppm), (900, 10, 70_000));
    assert_eq!(venue.state.announced().count(), 0);
    assert!(!said(&venue.act(r#""tick":{}"#), "change_"));
    venue.check();
}

#[test]
fn a_field_has_one_change_at_a_time() {
    let mut venue = Venue::new();
    announce_terms(&mut venue, WEEK, r#"{"fees":{"taker_ppm":600}}"#);
    let number = venue.state.sequence();
    let again = announce_terms(&mut venue, 2 * WEEK, r#"{"band_ppm":5,"fees":{"taker_ppm":1}}"#);
    let expected = format!(r#""change_announced":{{"change":{number},"field":"fees.taker_ppm"}}"#);
    assert!(said(&again, &expected), "{again:?}");
    let another = announce_terms(&mut venue, 2 * WEEK, r#"{"fees":{"maker_ppm":1}}"#);
    assert!(!said(&another, "rejected"), "{another:?}");
    venue.act(&format!(r#""withdraw_change":{{"change":{number}}}"#));
    let gone = venue.act(&format!(r#""withdraw_change":{{"change":{number}}}"#));
    assert!(said(&gone, "unknown_change"), "{gone:?}");
    let free = announce_terms(&mut venue, WEEK, r#"{"fees":{"taker_ppm":700}}"#);
    assert!(!said(&free, "rejected"), "{free:?}");
    venue.check();
}

#[test]
fn what_makes_no_sense_is_not_announced() {
    let mut venue = Venue::new();
    let hash = venue.state.record_hash();
    for (ahead, change, reason) in [
        (0, r#"{"venue_rules":{"quotes_max":5}}"#, "notice_in_past"),
        (9, r#"{"venue_rules":{}}"#, "empty_change"),
        (9, r#"{"terms":{"instrument":0,"changes":{"fees":{}}}}"#, "empty_change"),
        (9, r#"{"venue_rules":{"quotes_max":0}}"#, "out_of_range"),
        (9, r#"{"terms":{"instrument":0,"changes":{"lots_max":1099511627777}}}"#, "out_of_range"),
        (9, r#"{"terms":{"instrument":9,"changes":{"band_ppm":5}}}"#, "unknown_instrument"),
        (9, r#"{"liquidation":{"buffer_ppb":5}}"#, "liquidation_rules"),
    ] {
        let events = announce(&mut venue, ahead, change);
        assert!(said(&events, reason), "{change}: {events:?}");
        assert_eq!(venue.state.record_hash(), hash);
    }
}

#[test]
fn what_makes_no_sense_any_more_is_dropped() {
    let mut venue = Venue::new();
    announce_terms(&mut venue, 10_000, r#"{"fees":{"maker_ppm":-400}}"#);
    announce(&mut venue, 10_000, r#"{"venue_rules":{"quotes_max":7}}"#);
    venue.act(r#""set_terms":{"instrument":0,"terms":{"tick":"0.5","fees":{"taker_ppm":300}}}"#);
    let before = terms(&venue);
    venue.pass(10_000);
    let events = venue.act(r#""tick":{}"#);
    assert!(said(&events, r#""change_dropped""#) && said(&events, "maker_ppm"), "{events:?}");
    assert_eq!(terms(&venue), before);
    assert!(said(&events, r#""change_made""#), "the other one is made");
    assert_eq!(venue.state.rules().quotes_max, 7);
    venue.check();
}

#[test]
fn rules_of_liquidation_change_with_notice() {
    let mut venue = Venue::new();
    venue.act(r#""set_liquidation":{"cash":"USD","vault":1}"#);
    announce(&mut venue, 5_000, r#"{"liquidation":{"vault":null,"buffer_ppb":300000000}}"#);
    let unknown = announce(&mut venue, 5_000, r#"{"liquidation":{"vault":7}}"#);
    assert!(said(&unknown, "rejected"), "{unknown:?}");
    let rules = |venue: &Venue| venue.state.rules_of_liquidation().unwrap().clone();
    let before = rules(&venue);
    venue.pass(5_000);
    assert_eq!(rules(&venue), before);
    venue.act(r#""tick":{}"#);
    let expected = crate::LiquidationRules { vault: None, buffer_ppb: 300_000_000, ..before };
    assert_eq!(rules(&venue), expected);
}

#[test]
fn records_are_as_before_once_nothing_waits() {
    let mut venue = Venue::new();
    let hash = venue.state.record_hash();
    announce(&mut venue, WEEK, r#"{"venue_rules":{"quotes_max":7}}"#);
    let number = venue.state.sequence();
    assert_ne!(venue.state.record_hash(), hash);
    venue.check();
    let mut bytes = Vec::new();
    venue.state.write_snapshot(&mut bytes).unwrap();
    let mut read = State::read_snapshot(&mut &bytes[..]).unwrap();
    assert_eq!(read.record_hash(), venue.state.record_hash());
    assert!(read.announced().eq(venue.state.announced()));
    let longer = State::read_snapshot(&mut &[&bytes[..], &[0]].concat()[..]).unwrap_err();
    assert!(longer.to_string().contains("bytes follow"), "{longer}");
    venue.act(&format!(r#""withdraw_change":{{"change":{number}}}"#));
    assert_eq!(venue.state.record_hash(), hash);
}

#[test]
fn so_many_changes_wait_and_no_more() {
    let mut venue = Venue::new();
    announce_terms(&mut venue, WEEK, r#"{"band_ppm":5}"#);
    let one: Announced = venue.state.announced().next().unwrap().1.clone();
    let last = u64::from(CHANGES_MAX) + 1_000;
    venue.state.changes = (1_000..last).map(|number| (number, one.clone())).collect();
    let events = announce_terms(&mut venue, WEEK, r#"{"fees":{"taker_ppm":1}}"#);
    assert!(said(&events, r#""too_many_changes":1024"#), "{events:?}");
}
