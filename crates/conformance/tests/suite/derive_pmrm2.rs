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
                "MM_OPTION_PERCENT": 0.003, "IM_OPTION_PERCENT": 0.002
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

#[test]
fn published_inputs_decide_the_margin() {
    // A changed input changes what is computed: nothing is read from what is expected.
    for published in published_files(Set::DerivePmrm2).iter().take(5) {
        let mut value: Value = serde_json::from_slice(&published.bytes).unwrap();
        let cash = value["Scenario"]["Cash"].as_f64().unwrap();
        value["Scenario"]["Cash"] = json!(cash + 1e6);
        let report = check(Set::DerivePmrm2, &[file("moved.json", &value.to_string())]).unwrap();
        let names: Vec<_> = report.cases[0].mismatches.iter().map(|m| &*m.quantity).collect();
        assert_eq!(names, ["PortfolioMTM", "IM", "MM"]);
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
