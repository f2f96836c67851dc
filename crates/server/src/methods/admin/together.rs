//! Operators who act at the same time, just before a change is made, or hang up.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::control::audit::Act;
use crate::limits::LimitRules;
use crate::metrics::tests::world::World;
use crate::serve::Tuning;

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far others may come meanwhile.
const A_WHILE: Duration = Duration::from_millis(200);

/// A venue with a market, whose disk stands still for as long as it is told to.
fn venue() -> (World, Arc<AtomicBool>) {
    let still = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&still);
    let before_sync = move || {
        while told.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    };
    let tuning = Tuning { before_sync: Some(Arc::new(before_sync)), ..Tuning::default() };
    let world = World::tuned(tuning, LimitRules::default());
    world.trade();
    (world, still)
}

/// The newest acts, once they are as they should be.
#[track_caller]
fn acts(world: &World, is_so: impl Fn(&[Act]) -> bool) -> Vec<Act> {
    let begun = Instant::now();
    loop {
        let acts = world.service.as_ref().unwrap().control.audit.newest(10);
        if is_so(&acts) {
            return acts;
        }
        assert!(begun.elapsed() < PATIENCE, "{acts:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn of_two_who_change_terms_at_once_neither_undoes_the_other() {
    let (world, still) = venue();
    still.store(true, Ordering::SeqCst);
    let change = |changes: Value| {
        let params = json!({ "instrument": "BTC_USDC-PERPETUAL", "changes": changes });
        world.operate("admin/set_terms", params)
    };
    let begun = [json!({"fees": {"taker_ppm": 321}}), json!({"fees": {"premium_cap_ppm": 99}})];
    let begun = begun.map(change);
    acts(&world, |acts| acts.len() == begun.len());
    std::thread::sleep(A_WHILE);
    still.store(false, Ordering::SeqCst);
    for one in begun {
        world.wait(one).unwrap().unwrap();
    }
    let venue = world.service.as_ref().unwrap().venue.read();
    let fees = venue.listings[0].terms.fees;
    assert_eq!((fees.taker_ppm, fees.premium_cap_ppm), (321, 99));
}

#[test]
fn just_before_an_announced_change_is_made_its_record_is_left_alone() {
    let (world, _) = venue();
    let venue = || world.service.as_ref().unwrap().venue.read();
    let set = |method, more: Value| {
        let mut params = json!({ "instrument": "BTC_USDC-PERPETUAL" });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.wait(world.operate(method, params)).unwrap()
    };
    let (terms, taker) = ("admin/set_terms", |ppm: u32| json!({"fees": {"taker_ppm": ppm}}));
    let at = venue().time.milliseconds() + 5_001;
    set(terms, json!({ "changes": taker(654), "effective_at": at })).unwrap();
    set(terms, json!({ "changes": taker(321) })).unwrap();
    world.pass(1);
    world.act(&json!({ "tick": {} }));
    let other = json!({"fees": {"premium_cap_ppm": 99}});
    let refused = set(terms, json!({ "changes": other })).unwrap_err();
    let reason = refused.data.reason.unwrap();
    assert!(reason.contains("is made at") && reason.ends_with("wait until it is"), "{reason}");
    set(terms, json!({ "changes": other, "dry_run": true })).unwrap();
    let rules = json!({ "changes": { "quotes_max": 77 } });
    world.wait(world.operate("admin/set_venue_rules", rules)).unwrap().unwrap();
    world.pass(5_000);
    world.act(&json!({ "tick": {} }));
    set(terms, json!({ "changes": other })).unwrap();
    let fees = venue().listings[0].terms.fees;
    assert_eq!((fees.taker_ppm, fees.premium_cap_ppm), (654, 99));
}

#[test]
fn an_act_comes_to_its_end_and_on_record_though_the_operator_hangs_up() {
    let (world, still) = venue();
    still.store(true, Ordering::SeqCst);
    let halt = world.operate("admin/halt", json!({ "all": true }));
    let begun = acts(&world, |acts| !acts.is_empty());
    assert_eq!((begun[0].method.as_str(), &begun[0].outcome), ("admin/halt", &None));
    // What a server does with a call whose connection ends.
    halt.abort();
    assert!(world.wait(halt).unwrap_err().is_cancelled());
    still.store(false, Ordering::SeqCst);
    let ended = acts(&world, |acts| acts[0].outcome.is_some());
    let outcome = ended[0].outcome.as_ref().unwrap();
    assert!(outcome.code == 0 && outcome.sequence.is_some(), "{outcome:?}");
}
