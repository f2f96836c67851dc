//! OKX's portfolio margin.

use plimsoll_conformance::{Set, check};
use serde_json::{Value, json};

use crate::data::{check_published, failing, file, refused};

/// Two coins short at an index of 50,000, by hand, in a unit that the methodology knows and one
/// that it does not.
fn made() -> Value {
    let unit = |name: &str, mr4: f64, mr7: f64| {
        json!({
            "unit": name, "contracts": -200, "contract_value_base": 0.01, "markPx": 50_000.0,
            "delta": -100_000.0, "mr1": 12_000.0,
            "mr1_worst": {"spotShock": 0.12, "pnl": -12_000.0},
            "mr1_grid_volSame": {"-0.04": 4_000.0, "0": 0, "0.08": -8_000.0},
            "mr2": 0, "mr3": 0, "mr4": mr4, "mr5": 0, "mr6": 12_000.0,
            "mr6_worst": {"spotShock": 0.24, "pnl": -24_000.0}, "mr7": mr7,
            "mmr": 12_000.0 + mr4, "imr": 1.3 * (12_000.0 + mr4)
        })
    };
    json!({
        "usdt_usd_implied": 1.0,
        "risk_units": [unit("BTC", 200.0, 450.0), unit("DOGE", 300.0, 10.0)],
        "borrowMmr": 10.0, "borrowImr": 20.0,
        "derivMmr": 24_500.0, "totalMmr": 24_510.0, "totalImr": 1.3 * 24_500.0 + 20.0
    })
}

#[test]
fn published_vectors_pass() {
    check_published(Set::Okx, 3);
}

#[test]
fn an_answer_by_hand_passes_and_changes_are_found() {
    let verdict = |value: &Value| {
        failing(&check(Set::Okx, &[file("made.json", &value.to_string())]).unwrap())
    };
    assert_eq!(verdict(&made()), []);
    for name in ["delta", "mr1", "mr4", "mr6", "mr7", "mmr", "imr"] {
        let mut changed = made();
        let number = changed["risk_units"][0][name].as_f64().unwrap();
        changed["risk_units"][0][name] = json!(number * (1.0 + 1e-9));
        assert_eq!(verdict(&changed), [("risk unit BTC".to_owned(), 1)], "{name}");
    }
    let mut changed = made();
    changed["totalImr"] = json!(1.0);
    assert_eq!(verdict(&changed), [("totals".to_owned(), 1)]);
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let refuse = |change: &dyn Fn(&mut Value), words: &str| {
        let mut value = made();
        change(&mut value);
        let error = refused(Set::Okx, &value.to_string());
        assert!(error.contains(words), "{error}");
    };
    refuse(&|v| v["risk_units"][0]["contracts"] = json!(0), "no index");
    refuse(&|v| v["risk_units"][1]["mr1_grid_volSame"] = json!({"0.5": 1}), "no such move");
    refuse(&|v| v["risk_units"] = json!(3), "risk_units");
}
