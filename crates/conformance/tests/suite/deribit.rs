//! Deribit's portfolio margin.

use plimsoll_conformance::{Set, check};
use serde_json::{Value, json};

use crate::data::{check_published, failing, file, refused};

/// One coin long, 25 % either way in two buckets each, by hand: −⅓, −1/7, 0, 1/9, 1/5.
fn made() -> Value {
    json!([{
        "position": {"BTC-PERPETUAL": 1.0}, "index": {"btc_usd": 50000.0},
        "mark": {"BTC-PERPETUAL": 50100.0}, "timestamp_ms": 1_718_619_740_501_i64,
        "params": {
            "price_range": 0.25, "buckets_count": 2, "mm_factor": 0.8,
            "btc": {
                "annualised_move_risk": 0.075, "min_annualised_move": 0.01, "pnl_offset": 0.5,
                "extended_dampener": 100_000
            },
            "btc_usd": {}
        },
        "pre_aggregated_standard_by_bucket":
            [-1.0 / 3.0, -1.0 / 7.0, 0, 0.125 / 1.125, 0.2],
        "aggregated_standard_by_bucket":
            [-1.0 / 3.0, -1.0 / 7.0, 0, 0.5 * (0.125 / 1.125), 0.1],
        "aggregated_extended": [0, 0, 0, 0, 0, 0, 0, 0],
        "expected": {
            "worst_case": 1.0 / 3.0, "roll_shock": 0.01, "risk_matrix_margin": 0.343333333,
            "mmp_margin": 0.5, "initial_margin": 0.843333333, "maintenance_margin": 0.2746666664
        }
    }])
}

#[test]
fn published_vectors_pass() {
    check_published(Set::Deribit, 2);
}

#[test]
fn an_answer_by_hand_passes_and_changes_are_found() {
    let verdict = |value: &Value| {
        failing(&check(Set::Deribit, &[file("made.json", &value.to_string())]).unwrap())
    };
    assert_eq!(verdict(&made()), []);
    for name in ["worst_case", "roll_shock", "risk_matrix_margin", "maintenance_margin"] {
        let mut changed = made();
        let number = changed[0]["expected"][name].as_f64().unwrap();
        changed[0]["expected"][name] = json!(number + 2e-9);
        assert_eq!(verdict(&changed), [("answer 1".to_owned(), 1)], "{name}");
    }
    let mut changed = made();
    changed[0]["aggregated_extended"][3] = json!(1e-9);
    assert_eq!(verdict(&changed), [("answer 1".to_owned(), 1)]);
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let refuse = |change: &dyn Fn(&mut Value), words: &str| {
        let mut value = made();
        change(&mut value[0]);
        let error = refused(Set::Deribit, &value.to_string());
        assert!(error.contains(words), "{error}");
    };
    refuse(&|v| v["position"] = json!({"BTC-28JUN24-60000-C": 1}), "coin-settled");
    refuse(&|v| v["mark"]["BTC-PERPETUAL"] = json!(0), "above zero");
    refuse(&|v| v["index"]["eth_usd"] = json!(1), "one index");
    refuse(&|v| v["params"]["buckets_count"] = json!(2.5), "buckets_count");
    refuse(&|v| v["aggregated_extended"] = json!([0]), "8 numbers");
}
