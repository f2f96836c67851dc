//! Derive's standard margin.

use plimsoll_conformance::{Set, check};
use serde_json::{Value, json};

use crate::data::{check_published, failing, file, published_files, refused};

const ONE: f64 = 1e18;

/// Two expiries of Ether by hand, at 1,000 dollars and no volatility: marks are intrinsic values.
///
/// Later: a call spread, 90 wide, capped. Sooner: its settlement price is 1,100 by now; a short put
/// struck at 1,200 with a feed that is trusted a tenth. Half a perpetual, a coin, a stablecoin at
/// 90 cents.
fn case() -> Value {
    let fixed = |numbers: &[f64]| numbers.iter().map(|number| number * ONE).collect::<Vec<_>>();
    json!({"by hand": {
        "Scenario": {
            "OptionUnderlying": ["ETH", "ETH", "ETH"],
            "OptionExpiries": [864_000, 864_000, 1_800],
            "OptionStrikes": fixed(&[910.0, 1000.0, 1200.0]),
            "OptionIsCall": [1, 1, 0],
            "OptionAmounts": fixed(&[-1.0, 1.0, -2.0]),
            "OptionVols": [0, 0, 0],
            "OptionVolConfidences": fixed(&[1.0, 1.0, 0.1]),
            "FeedExpiries": [864_000, 864_000, 1_800],
            "Forwards": fixed(&[1000.0, 1000.0, 1050.0]),
            "ForwardConfidences": fixed(&[1.0, 1.0, 0.4]),
            "SettlementPriceETH": 1100.0 * ONE, "SettlementPriceBTC": 0,
            "Cash": 5.0 * ONE, "USDCValue": 0.9 * ONE,
            "Perps_ETH": 0.5 * ONE, "Perps_BTC": 0, "wETH": ONE, "wBTC": 0,
            "LastEntryETH": 900.0 * ONE, "LastEntryBTC": null,
            "ETHGlobalFundingIndex": 12.0 * ONE, "BTCGlobalFundingIndex": 0,
            "AccountETHFundingIndex": 10.0 * ONE, "AccountBTCFundingIndex": null,
            "ETHSpotPrice": 1000.0 * ONE, "BTCSpotPrice": 30_000.0 * ONE,
            "PerpPrice": fixed(&[1010.0, 30_000.0]),
            "SpotPerpConfidences": [fixed(&[1.0, 0.2]), fixed(&[1.0, 1.0])],
        },
        "Result": {
            // Marks: −90, +0, −2·100. Alone: 90 + 15 % (7.5 %) of 1,000, and the put 2·(100 + 150),
            // 2·(100 + 75). Capped: 90; the put's cap of 2·1,200 is no help.
            "ETHOptionIsolatedIM": -740.0 * ONE, "ETHOptionIsolatedMM": -515.0 * ONE,
            "ETHOptionBoundedIM": -2400.0 * ONE, "ETHOptionBoundedMM": -2400.0 * ONE,
            "ETHOptionIM": -590.0 * ONE, "ETHOptionMM": -440.0 * ONE,
            "BTCOptionIM": 0, "BTCOptionMM": 0,
            "UnrealizedPNL": 55.0 * ONE, "UnsettledFunding": -ONE,
            "PerpMargin": -25.25 * ONE, "BaseMargin": 100.0 * ONE, "Cash": 5.0 * ONE,
            // 0.9·0.4·2·1,000 on the put, 0.8·0.4·0.5·1,000 on the perpetual.
            "OracleConts": -880.0 * ONE,
            // 0.08·1.2 on 3 short options and half a perpetual.
            "DepegIMs": -336.0 * ONE,
            // −290 of options, 1,000/0.9 for the coin, and what is settled.
            "PortfolioMtM": (-290.0 + 1000.0 / 0.9 + 59.0) * ONE,
            "realMM": (159.0 - 440.0 - 25.25) * ONE,
            "HandMM": (159.0 - 440.0 - 25.25) * ONE,
            "realIM": (159.0 - 590.0 - 32.825 - 880.0 - 336.0) * ONE,
        },
    }})
}

fn failing_in(case: &Value) -> Vec<(String, usize)> {
    failing(&check(Set::DeriveSrm, &[file("made", &case.to_string())]).unwrap())
}

#[test]
fn published_vectors_pass() {
    check_published(Set::DeriveSrm, 10);
}

#[test]
fn a_case_by_hand_passes_and_each_change_is_found() {
    let case = case();
    assert_eq!(failing_in(&case), []);
    for name in case["by hand"]["Result"].as_object().unwrap().keys() {
        let mut changed = case.clone();
        let figure = &mut changed["by hand"]["Result"][name];
        *figure = json!(figure.as_f64().unwrap() * (1.0 + 3e-9) + 1e10);
        assert_eq!(failing_in(&changed), [("by hand".to_owned(), 1)], "{name}");
    }
}

#[test]
fn a_call_struck_at_zero_is_the_coin() {
    let mut case = case();
    case["by hand"]["Scenario"]["OptionStrikes"][1] = json!(0);
    // Long 1,000 at zero strike covers the call: nothing can be lost but the put.
    case["by hand"]["Result"] = json!({
        "ETHOptionIM": -500.0 * ONE,
        "PortfolioMtM": (-290.0 + 1000.0 + 1000.0 / 0.9 + 59.0) * ONE,
    });
    assert_eq!(failing_in(&case), []);
}

#[test]
fn each_changed_published_result_is_found() {
    for published in published_files(Set::DeriveSrm) {
        let cases: Value = serde_json::from_slice(&published.bytes).unwrap();
        for (name, case) in cases.as_object().unwrap() {
            for (figure, value) in case["Result"].as_object().unwrap() {
                let mut changed = cases.clone();
                let value = value.as_f64().unwrap();
                changed[name]["Result"][figure] =
                    json!(value * (1.0 + 1e-6) + 1e15_f64.copysign(value));
                let report = check(Set::DeriveSrm, &[file("made", &changed.to_string())]).unwrap();
                assert_eq!(failing(&report), [(name.clone(), 1)], "{figure}");
            }
        }
    }
}

#[test]
fn hostile_files_are_refused() {
    let case = case();
    let scenario = |name: &str, value: Value, words: &str| {
        let mut changed = case.clone();
        changed["by hand"]["Scenario"][name] = value;
        let error = refused(Set::DeriveSrm, &changed.to_string());
        assert!(error.contains(words), "{error}");
    };
    scenario("OptionUnderlying", json!(["ETH", "SOL", "ETH"]), "ETH or BTC");
    scenario("OptionUnderlying", json!(["ETH"]), "3 elements stand beside 1");
    scenario("OptionIsCall", json!([1, 2, 0]), "1 for a call or 0 for a put");
    scenario("OptionStrikes", json!([1, 1, -1]), "may not be negative");
    scenario("OptionVols", json!([1, 1, null]), "a finite number is needed");
    scenario("OptionVols", json!([1e120, 1e130, 0]), "volatility");
    scenario("FeedExpiries", json!([864_000, 864_000, 1_801]), "no feed of ETH expires in 1800");
    scenario("Forwards", json!([0, 0, 0]), "forward");
    scenario("SpotPerpConfidences", json!([[1]]), "element 1 is missing");
    scenario("PerpPrice", json!({}), "an array is needed");
    scenario("ETHSpotPrice", json!(0), "above zero");
    scenario("Cash", json!("x"), "a finite number is needed");
    for (text, words) in [
        ("[]", "an object is needed"),
        (r#"{"a": 1}"#, "an object is needed"),
        (r#"{"a": {"Scenario": {}}}"#, "missing"),
        (r#"{"a": {"Result": {}}}"#, "`Scenario` is missing"),
        ("", "not JSON"),
    ] {
        let error = refused(Set::DeriveSrm, text);
        assert!(error.contains(words), "{error}");
    }
    let mut unknown = case;
    unknown["by hand"]["Result"]["Surprise"] = json!(1);
    assert!(refused(Set::DeriveSrm, &unknown.to_string()).contains("Surprise"));
}
