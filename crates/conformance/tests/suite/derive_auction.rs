//! Derive's liquidation auctions.

use plimsoll_conformance::{Set, check};
use serde_json::{Value, json};

use crate::data::{check_published, failing, file, refused};

/// An account worth 100 that requires 150: by hand, in 10⁻¹⁸. Half of it is wanted after 100 s, at a
/// discount of 20 %: 40 are paid, 90 are left against 75.
fn made() -> Value {
    let e18 = |number: f64| number * 1e18;
    json!({"made": {
        "StartTime": 5, "IsForce": false, "LiquidationFee": 1.0,
        "Actions": [{
            "Time": 105, "Liquidator": {"PercentWant": e18(0.5)},
            "Results": {
                "PreMtM": e18(100.0), "PreMM": e18(-50.0), "PreBM": e18(-80.0),
                "PreFMax": e18(0.5), "ExpectedBidPrice": e18(40.0),
                "FinalPercentageReceived": e18(0.5), "fLiquidatedOfOriginal": e18(0.5),
                "PostMtM": e18(90.0), "PostMM": e18(15.0), "PostBM": 0.0, "PostFMax": 0.0,
                "Lowerbound": 0.0, "SMPayout": 0.0
            }
        }]
    }})
}

/// The same account below nothing, by hand: half is taken over half-way to the bound of 200.
fn insolvent() -> Value {
    let mut value = made();
    let results = &mut value["made"]["Actions"][0];
    results["Time"] = json!(55);
    let e18 = |number: f64| number * 1e18;
    for (field, number) in [
        ("PreMtM", -20.0),
        ("PreMM", -120.0),
        ("PreBM", -140.0),
        ("PreFMax", 0.0),
        ("ExpectedBidPrice", 0.0),
        ("fLiquidatedOfOriginal", 0.0),
        ("PostMtM", -10.0),
        ("PostMM", -60.0),
        ("PostBM", -70.0),
        ("Lowerbound", -200.0),
        ("SMPayout", -50.0),
    ] {
        results["Results"][field] = json!(e18(number));
    }
    value
}

fn verdict(value: &Value) -> Vec<(String, usize)> {
    failing(&check(Set::DeriveAuction, &[file("made.json", &value.to_string())]).unwrap())
}

#[test]
fn published_vectors_pass() {
    check_published(Set::DeriveAuction, 4);
}

#[test]
fn auctions_by_hand_pass_and_changes_are_found() {
    for made in [made(), insolvent()] {
        assert_eq!(verdict(&made), []);
        let results = &made["made"]["Actions"][0]["Results"];
        for (field, _) in results.as_object().unwrap() {
            let inputs = ["PreMtM", "PreMM", "Lowerbound"];
            // Of insolvent accounts the file says nothing there.
            let silent = results["PreMtM"].as_f64() < Some(0.0) && field == "fLiquidatedOfOriginal";
            if inputs.contains(&field.as_str()) || silent {
                continue;
            }
            let mut changed = made.clone();
            let number = &mut changed["made"]["Actions"][0]["Results"][field];
            *number = json!(number.as_f64().unwrap() + 1e10);
            assert_eq!(verdict(&changed), [("made".to_owned(), 1)], "{field}");
        }
    }
}

#[test]
fn a_forced_auction_sells_all_that_is_wanted() {
    let mut forced = made();
    forced["made"]["IsForce"] = json!(true);
    forced["made"]["Actions"][0]["Liquidator"]["PercentWant"] = json!(1e18);
    let results = &mut forced["made"]["Actions"][0]["Results"];
    for (field, number) in [
        ("ExpectedBidPrice", 80e18),
        ("FinalPercentageReceived", 1e18),
        ("fLiquidatedOfOriginal", 1e18),
        ("PostMtM", 80e18),
        ("PostMM", 80e18),
        ("PostBM", 80e18),
    ] {
        results[field] = json!(number);
    }
    assert_eq!(verdict(&forced), []);
}

#[test]
fn hostile_files_are_refused() {
    let changed = |pointer: &str, by: Value| {
        let mut value = made();
        *value.pointer_mut(pointer).unwrap() = by;
        refused(Set::DeriveAuction, &value.to_string())
    };
    for (pointer, by, words) in [
        ("/made", json!({}), "the field `IsForce` is missing"),
        ("/made/Actions", json!(3), "an array"),
        ("/made/StartTime", json!(200), "before the start"),
        ("/made/StartTime", json!(0.5), "a whole number of seconds"),
        ("/made/Actions/0/Liquidator/PercentWant", json!(1.1e18), "a share between"),
        ("/made/Actions/0/Results/PreMtM", json!(1e37), "beyond any real amount"),
        ("/made/Actions/0/Results/PreMM", json!(2e20), "nothing is required"),
        ("/made/Actions/0/Results/PostBM", json!(null), "the field `PostBM` is missing"),
    ] {
        let error = changed(pointer, by);
        assert!(error.contains(words), "{error}");
    }
    let mut positive = insolvent();
    positive["made"]["Actions"][0]["Results"]["Lowerbound"] = json!(1e18);
    let error = refused(Set::DeriveAuction, &positive.to_string());
    assert!(error.contains("a take-over is out of range"), "{error}");
}
