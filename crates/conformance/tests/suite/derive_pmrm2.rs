//! Derive's portfolio margin.

use plimsoll_conformance::{Set, check};
use serde_json::{Value, json};

use crate::data::{check_published, failing, file, published_files, refused};

/// A perpetual of two coins and a call, by hand where nothing but the perpetual moves.
fn made() -> Value {
    json!({
        "Scenario": {
            "Cash": 1000.0, "Collaterals": [], "SpotPrice": 50000.0, "SpotConfidence": 1.0,
            "NumPerps": 2.0, "PerpPrice": 50000.0, "PerpConfidence": 0.5,
            "UnrealisedPerpPNL": 300.0, "UnrealisedFunding": -20.0,
            "StablePrice": 0.93, "StableConfidence": 1.0, "Options": [], "OptionFeeds": []
        },
        "Parameters": {
            "Scenarios": [
                {"SpotShock": 0.9, "VolShockDirection": "Up", "DampeningFactor": 1},
                {"SpotShock": 0.5, "VolShockDirection": "Up", "DampeningFactor": 0.1},
                {"SpotShock": 1, "VolShockDirection": "LINEAR", "DampeningFactor": 1}
            ],
            "SkewShock": {
                "LINEAR_SCALE_CAP": 0.15, "LINEAR_CBASE": -0.05, "ABS_SCALE_CAP": 0.15,
                "ABS_CBASE": -0.05, "MIN_K_STAR": 0.01, "MIN_WIDTH_SCALE": 4.0,
                "VOL_PARAM_STATIC": 0.6, "VOL_PARAM_SCALE": -0.1
            },
            "VolShock": {
                "VOLRANGEUP": 0.5, "MIN_VOL_EVAL_SHOCKED": 0.45, "VOLRANGEDOWN": 0.275,
                "SHORTTERMPOWER": 0.3, "LONGTERMPOWER": 0.13, "DTE_FLOOR": 1.0
            },
            "Margin": {
                "MM_LOSS_FACTOR": 0.8, "IM_LOSS_FACTOR": 1.0, "SHORT_RATE_MULTSCALE": 0.5,
                "LONG_RATE_MULTSCALE": 1, "SHORT_RATE_ADDSCALE": 0.08, "LONG_RATE_ADDSCALE": 0.08,
                "BASE_STATIC_DISCOUNT": 1, "BASE_STATIC_DISCOUNT_NEG": 1.04
            },
            "BasisContingency": {
                "SCENARIO_SPOT_UP": 1.045, "SCENARIO_SPOT_DOWN": 0.955,
                "BASIS_CONT_ADD_FACTOR": 0.5, "BASIS_CONT_MULT_FACTOR": 2.0
            },
            "OtherContingency": {
                "PEG_LOSS_THRESHOLD": 0.98, "PEG_LOSS_FACTOR": 2.0, "CONF_THRESHOLD": 0.55,
                "CONF_MARGIN": 1.0, "MM_PERP_PERCENT": 0.015, "IM_PERP_PERCENT": 0.005,
                "MM_OPTION_PERCENT": 0.003, "IM_OPTION_PERCENT": 0.002,
                "IM_PERP_PERCENT_NORMAL": 0.03, "IM_OPTION_PERCENT_NORMAL": 0.04
            }
        },
        // 10 % of 100,000 is lost, half of it in the damped tail; the factor is 1 + 0.05·2.
        "Result": {
            "reg_losses": [[-0.1, 1, "-10000"]], "tail_losses": [[-0.5, 1, -5000]],
            "skew_losses": [["LINEAR", 0]],
            "OptionMTM": 0, "CollateralMTM": 0, "PortfolioMTM": 1280, "ForwardContingency": 0,
            "MMPerpCont": -1500, "IMPerpCont": -500, "MMOptionCont": 0, "IMOptionCont": 0,
            "MMBaseCont": 0, "IMBaseCont": 0, "OracleCont": -50000,
            "OptionMTMPerExpiry": [], "discount_factors": [],
            "worst_reg_loss": -10000, "worst_tail_loss": -5000, "worst_skew_loss": 0,
            "Cash": 1000, "PerpMTM": 300, "UnrealisedPerpPNL": 300, "UnrealisedFunding": -20,
            "im_loss_factor": 1.1, "IMLossFactor": 1.1, "MMLossFactor": 0.8,
            "IMPerpContNormal": -3000, "IMOptionContNormal": 0, "IMBaseContNormal": 0,
            "IMHand": 1280.0 - 11000.0 - 2000.0 - 50000.0, "MMHand": 1280.0 - 8000.0 - 1500.0,
            "IM": 1280.0 - 11000.0 - 2000.0 - 50000.0, "MM": 1280.0 - 8000.0 - 1500.0
        }
    })
}

#[test]
fn published_vectors_pass() {
    check_published(Set::DerivePmrm2, 47);
}

#[test]
fn a_case_by_hand_passes_and_each_changed_number_is_found() {
    let verdict = |value: &Value| {
        failing(&check(Set::DerivePmrm2, &[file("made.json", &value.to_string())]).unwrap())
    };
    assert_eq!(verdict(&made()), []);
    let result = made()["Result"].clone();
    for (name, number) in result.as_object().unwrap() {
        let Some(number) = number.as_f64() else { continue };
        let mut changed = made();
        changed["Result"][name] = json!(number + 1e-6 * number.abs().max(10_000.0));
        assert_eq!(verdict(&changed), [("made".to_owned(), 1)], "{name}");
    }
    let mut changed = made();
    changed["Result"]["tail_losses"][0][2] = json!(-5000.001);
    assert_eq!(verdict(&changed), [("made".to_owned(), 1)]);
}

/// A put, whose down move takes more than all of its volatility; its expiry is 30 days away.
fn with_a_put() -> Value {
    let mut value = made();
    value["Scenario"]["Options"] =
        json!([{"Expiry": 2_592_000, "Strike": 40_000.0, "IsCall": 0, "Amount": 0.0}]);
    // A total variance of 0.09 over a quarter of a year at every strike: a volatility of 0.6.
    value["Scenario"]["OptionFeeds"] = json!([{
        "FeedExpiry": 2_592_000, "Forward": 50_000.0, "ForwardConfidence": 1, "Rate": 0.0,
        "RateConfidence": 1, "OptionVolConfidences": 1,
        "SVIparam": [0.09, 0, 0, 0, 0, 50_000.0, 0.25]
    }]);
    value["Parameters"]["VolShock"]["VOLRANGEDOWN"] = json!(1.25);
    let result = &mut value["Result"];
    let days = 30.0_f64 / 365.0;
    let (gain, debt) = (numerics::exp(-0.08 * days), 1.0);
    result["discount_factors"] = json!([[gain, debt]]);
    result["OptionMTMPerExpiry"] = json!([0]);
    result["OptionMTMPerExpiryDiscounted"] = json!([0]);
    result["VolShockUpMultiplier"] = json!([1.5]);
    result["VolShockDownMultiplier"] = json!([0]);
    result["VolShockUpEvaluated"] = json!([0.9]);
    result["VolShockDownEvaluated"] = json!([0]);
    value
}

#[test]
fn what_is_printed_of_each_option_and_expiry_is_compared() {
    let mismatches = |value: &Value| {
        let report = check(Set::DerivePmrm2, &[file("made.json", &value.to_string())]).unwrap();
        let names = report.cases[0].mismatches.iter().map(|m| m.quantity.clone());
        (report.compared(), names.collect::<Vec<_>>())
    };
    let (compared, none) = mismatches(&with_a_put());
    assert_eq!(none, [""; 0]);
    let mut raw = with_a_put();
    raw["Result"]["VolShockDownMultiplier"][0] = json!(-0.25);
    assert_eq!(mismatches(&raw), (compared, vec![]));
    for name in [
        "VolShockUpMultiplier",
        "VolShockDownMultiplier",
        "VolShockUpEvaluated",
        "VolShockDownEvaluated",
        "OptionMTMPerExpiryDiscounted",
    ] {
        let mut changed = with_a_put();
        changed["Result"][name][0] = json!(0.91);
        let (_, found) = mismatches(&changed);
        assert!(found.len() == 1 && found[0].starts_with(name), "{name}: {found:?}");
        changed["Result"].as_object_mut().unwrap().remove(name);
        assert_eq!(mismatches(&changed), (compared - 1, vec![]));
        changed["Result"][name] = json!([]);
        let error = refused(Set::DerivePmrm2, &changed.to_string());
        assert!(error.contains("for each"), "{error}");
    }
}

#[test]
fn margins_and_losses_must_be_printed_and_the_rest_of_the_new_need_not() {
    let top = made();
    for name in top["Result"].as_object().unwrap().keys() {
        let mut without = made();
        without["Result"].as_object_mut().unwrap().remove(name);
        let needed = ["IM", "MM", "reg_losses", "tail_losses", "skew_losses"];
        if needed.contains(&name.as_str()) {
            assert!(refused(Set::DerivePmrm2, &without.to_string()).contains(name.as_str()));
        }
        let repeated = ["worst_", "Unrealised", "LossFactor", "loss_factor", "Normal", "Hand"];
        if repeated.iter().any(|word| name.contains(word)) || name == "Cash" || name == "PerpMTM" {
            let files = [file("made.json", &without.to_string())];
            assert_eq!(failing(&check(Set::DerivePmrm2, &files).unwrap()), [], "{name}");
        }
    }
}

#[test]
fn the_worst_of_gains_may_be_printed_as_no_loss() {
    let mut value = made();
    value["Scenario"]["NumPerps"] = json!(-2.0);
    let report = |worst: f64| {
        let mut value = value.clone();
        value["Result"]["worst_tail_loss"] = json!(worst);
        check(Set::DerivePmrm2, &[file("made.json", &value.to_string())]).unwrap()
    };
    let differs = |worst| {
        let report = report(worst);
        report.cases[0].mismatches.iter().any(|mismatch| mismatch.quantity == "worst_tail_loss")
    };
    assert_eq!([0.0, 5000.0, 4999.0].map(differs), [false, false, true]);
}

#[test]
fn published_inputs_decide_the_margin() {
    // A changed input changes what is computed: nothing is read from what is expected.
    for published in published_files(Set::DerivePmrm2).iter().take(5) {
        let mut value: Value = serde_json::from_slice(&published.bytes).unwrap();
        let cash = value["Scenario"]["Cash"].as_f64().unwrap();
        value["Scenario"]["Cash"] = json!(cash + 1e6);
        let report = check(Set::DerivePmrm2, &[file("moved.json", &value.to_string())]).unwrap();
        let names: Vec<_> = report.cases[0].mismatches.iter().map(|m| &*m.quantity).collect();
        assert_eq!(names, ["Cash", "PortfolioMTM", "IM", "MM", "IMHand", "MMHand"]);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let refuse = |change: &dyn Fn(&mut Value), words: &str| {
        let mut value = made();
        change(&mut value);
        let error = refused(Set::DerivePmrm2, &value.to_string());
        assert!(error.contains(words), "{error}");
    };
    refuse(&|v| v["Scenario"]["StablePrice"] = json!(0), "Scenario.StablePrice");
    refuse(
        &|v| v["Parameters"]["Scenarios"][0]["VolShockDirection"] = json!("Sideways"),
        "Sideways",
    );
    refuse(&|v| v["Result"]["reg_losses"][0][1] = json!(7), "no direction");
    refuse(&|v| v["Result"]["reg_losses"][0][0] = json!(-0.2), "no scenario");
    refuse(&|v| v["Result"]["discount_factors"] = json!([[1, 1]]), "each expiry");
    refuse(&|v| drop(v["Parameters"].as_object_mut().unwrap().remove("Margin")), "Margin");
    let option = json!({"Expiry": 1000, "Strike": 1, "IsCall": 1, "Amount": 1});
    refuse(&|v| v["Scenario"]["Options"] = json!([option]), "no entry of OptionFeeds");
}
