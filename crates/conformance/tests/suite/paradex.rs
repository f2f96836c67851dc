//! Paradex's portfolio and cross margin.

use plimsoll_conformance::{Set, check};
use serde_json::{Value, json};

use crate::data::{check_published, failing, file, published_files, refused};

/// An account by hand: half a coin of perpetuals sold, one put written with an order for another,
/// half an hour to go, one Ether as collateral.
fn accounts() -> Value {
    let option = |mark: f64| {
        json!({"mark_price": mark, "delta": -0.5, "mark_iv": 0.0, "underlying_price": 1000.0,
            "funding_rate": 0.0, "interest_rate": 0.0, "fee_rate": 0.001})
    };
    let rates = |long: f64, premium: f64, short: f64, floor: f64| {
        json!({"long_itm": long, "premium_multiplier": premium, "short_itm": short,
            "short_otm": floor, "short_put_cap": "0.12"})
    };
    json!({
        "now": "2026-04-24T07:45:00Z",
        "pm_config": {
            "base_asset": "BTC",
            "hedged_margin_factor": 0.01, "unhedged_margin_factor": 0.02, "mmf_factor": 0.5,
            "vol_shock_params": {"vega_power_short_dte": 0.3, "vega_power_long_dte": 0.13,
                "dte_floor_days": 1, "min_vol_shock_up": 0.0},
            "scenarios": [
                {"spot_shock": 0.1, "vol_shock": 0.0, "weight": 1},
                {"spot_shock": -0.2, "vol_shock": 0.0, "weight": 1},
                {"spot_shock": -0.5, "vol_shock": 0.0, "weight": 0.1},
            ],
        },
        "cases": [{
            "id": 7,
            "positions": [
                {"market": "BTC-USD-PERP", "side": "SELL", "size": 0.5},
                {"market": "BTC-USD-24APR26-900-P", "side": "SELL", "size": 1},
            ],
            "orders": [
                {"market": "BTC-USD-24APR26-900-P", "side": "SELL", "size": 1, "price": 6},
            ],
            "balances": [{"token": "USDC", "size": 10}, {"token": "ETH", "size": -1}],
            "market_data": {
                "BTC-USD-PERP": {"mark_price": 1010.0, "delta": 1.0, "mark_iv": null,
                    "underlying_price": 1000.0, "funding_rate": -0.001, "interest_rate": 0.0,
                    "fee_rate": 0.0005},
                "BTC-USD-24APR26-900-P": option(10.0),
                "ETH-USD-PERP": option(50.0),
            },
            "market_specs": {
                "BTC-USD-PERP": {"asset_kind": "PERP",
                    "delta1_cross_margin_params": {"imf_base": "0.02", "mmf_factor": "0.5"}},
                "BTC-USD-24APR26-900-P": {"asset_kind": "OPTION", "option_type": "PUT",
                    "strike_price": "900", "option_cross_margin_params":
                    {"imf": rates(0.2, 1.0, 0.25, 0.1), "mmf": rates(0.1, 0.5, 0.15, 0.05)}},
            },
            "xm": {
                // 2 % (1 %) of 505; two puts at min(250 − 100, 120), one at 50.
                "net_imr": 250.1, "net_mmr": 55.05,
                // 0.0005·505 and min(1, 1.25) for each put.
                "fee_provision_imr": 2.2525, "fee_provision_mmr": 1.2525,
                "open_loss": 4.0, "portfolio_delta": 0.5, "spot_balance_margin": 50.0,
                "IMR": 306.3525, "MMR": 106.3025,
            },
            "pm": {
                // The put counts half. −20 %: +101 − ½·(100 − 10), the order ½·(6 − 100).
                // +10 %: −50.5 + ½·10; the order would pay.
                "worst_loss": 45.5, "worst_idx": 0,
                // Long 1 of puts, short ½: held, half is hedged; with the order 1 more is not.
                "portfolio_delta": 0.5, "maxL": 1.0, "maxS": 0.5, "maxU": 0.5, "hedged": 0.5,
                "delta_min": 15.0, "fund_p": 0.5,
                "fee_provision_imr": 2.2525, "fee_provision_mmr": 1.2525,
                "IMR": 98.2525, "MMR": 74.5025,
            },
        }],
    })
}

fn failing_in(accounts: &Value) -> Vec<(String, usize)> {
    failing(&check(Set::Paradex, &[file("made", &accounts.to_string())]).unwrap())
}

#[test]
fn published_vectors_pass() {
    check_published(Set::Paradex, 200);
}

#[test]
fn an_account_by_hand_passes_and_each_change_is_found() {
    let accounts = accounts();
    assert_eq!(failing_in(&accounts), []);
    for kind in ["xm", "pm"] {
        for name in accounts["cases"][0][kind].as_object().unwrap().keys() {
            let mut changed = accounts.clone();
            let figure = &mut changed["cases"][0][kind][name];
            *figure = json!(figure.as_f64().unwrap() + 0.001);
            assert_eq!(failing_in(&changed), [("7".to_owned(), 1)], "{kind}.{name}");
        }
    }
}

#[test]
fn each_changed_published_result_is_found() {
    for published in published_files(Set::Paradex) {
        let accounts: Value = serde_json::from_slice(&published.bytes).unwrap();
        let mut changed = accounts.clone();
        let mut planted = 0;
        // One figure of each account, each time another.
        for (index, case) in changed["cases"].as_array_mut().unwrap().iter_mut().enumerate() {
            let kind = ["xm", "pm"][index % 2];
            let figures = case[kind].as_object_mut().unwrap();
            let place = index / 2 % figures.len();
            let figure = figures.values_mut().nth(place).unwrap();
            *figure = json!(figure.as_f64().unwrap() * 1.001 + 1.0);
            planted += 1;
        }
        let found = failing_in(&changed);
        assert_eq!(found.len(), planted);
        assert!(found.iter().all(|(_, differing)| *differing == 1), "{found:?}");
    }
}

#[test]
fn hostile_files_are_refused() {
    let accounts = accounts();
    let changed = |pointer: &str, value: Value, words: &str| {
        let mut changed = accounts.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let error = refused(Set::Paradex, &changed.to_string());
        assert!(error.contains(words), "{error}");
    };
    let put = "BTC-USD-24APR26-900-P";
    changed("/now", json!("noon"), "this is no time");
    changed("/pm_config", json!(null), "`pm_config` is missing");
    changed("/pm_config/scenarios", json!([]), "scenarios are needed");
    changed("/pm_config/scenarios/0/spot_shock", json!(-1), "a move above −1");
    changed("/cases/0/positions/0/market", json!("DOGE-USD-PERP"), "no market data");
    changed("/cases/0/positions/0/side", json!("HOLD"), "BUY or SELL");
    changed("/cases/0/orders/0/size", json!("1e999"), "a finite number");
    changed("/cases/0/balances/1/token", json!("SHIB"), "`SHIB` has no price");
    changed(&format!("/cases/0/market_data/{put}/mark_iv"), json!(null), "no mark_iv");
    changed("/cases/0/market_data/BTC-USD-PERP/underlying_price", json!(0), "above zero");
    changed(&format!("/cases/0/market_specs/{put}/option_type"), json!("BOTH"), "CALL or PUT");
    changed(&format!("/cases/0/market_specs/{put}/asset_kind"), json!("SPOT"), "PERP, FUTURE");
    changed("/cases/0/xm", json!({"surprise": 1}), "`surprise` is no figure of xm");
    for (text, words) in [("", "not JSON"), ("{}", "missing"), ("[]", "an object is needed")] {
        let error = refused(Set::Paradex, text);
        assert!(error.contains(words), "{error}");
    }
}
