//! Market makers' methods and questions about risk, on a venue with a market that lives.

#[path = "methods/venue.rs"]
mod venue;

use serde_json::{Value, json};

use venue::Venue;

const PERPETUAL: &str = "BTC-PERPETUAL";

/// A number of an answer.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// A price of the perpetual at a part of its mark.
fn near(venue: &Venue, part: f64) -> f64 {
    let ticker = venue.ok("public/ticker", &json!({ "instrument_name": PERPETUAL }));
    (number(&ticker["mark_price"]) * part).round()
}

/// A call that is listed, with more than a day to go.
fn call_option(venue: &Venue) -> String {
    let all = venue.ok("public/get_instruments", &json!({ "currency": "BTC", "kind": "option" }));
    let soon = plimsoll_server::host_ms() + 2 * 86_400_000;
    let one = list(&all).iter().find(|one| {
        one["option_type"] == "call" && one["expiration_timestamp"].as_i64() > Some(soon)
    });
    one.expect("it is listed")["instrument_name"].as_str().expect("a text").to_owned()
}

fn quote(bid: Value, ask: Value) -> Value {
    json!({
        "mmp_group": "default", "quote_id": "1", "detailed": true,
        "quotes": [{ "instrument_name": PERPETUAL, "quote_set_id": "a", "bid": bid, "ask": ask }],
    })
}

fn side(price: f64, amount: u32) -> Value {
    json!({ "price": price, "amount": amount })
}

#[test]
fn quotes_are_placed_replaced_and_cancelled() {
    let venue = Venue::start();
    let (low, high) = (near(&venue, 0.94), near(&venue, 1.06));
    let first = venue.ok("private/mass_quote", &quote(side(low, 20), side(high, 30)));
    let orders = list(&first["orders"]);
    assert_eq!((orders.len(), &first["errors_count"]), (2, &json!(0)));
    assert_eq!((number(&orders[0]["price"]), &orders[0]["amount"]), (low, &json!(20)));
    assert_eq!((&orders[1]["direction"], &orders[1]["mmp"]), (&json!("sell"), &json!(true)));

    // The bid moves and keeps its number; the offer is between two ticks, so that it goes.
    let second =
        venue.ok("private/mass_quote", &quote(side(low + 10.0, 40), side(high + 0.01, 30)));
    let moved = list(&second["orders"]);
    assert_eq!((moved.len(), &moved[0]["order_id"]), (1, &orders[0]["order_id"]));
    let error = &second["errors"][0];
    assert_eq!((&error["side"], &error["error"]["code"]), (&json!("ask"), &json!(10043)));
    let open = venue.ok("private/get_open_orders", &json!({}));
    assert_eq!((list(&open).len(), number(&open[0]["price"])), (1, low + 10.0));

    // A side that is left out, or of nothing, is cancelled.
    venue.ok("private/mass_quote", &quote(json!({ "amount": 0 }), side(high, 30)));
    let open = venue.ok("private/get_open_orders", &json!({}));
    assert_eq!((list(&open).len(), &open[0]["direction"]), (1, &json!("sell")));
    let by = |params: Value| venue.ok("private/cancel_quotes", &params);
    assert_eq!(by(json!({ "cancel_type": "instrument_kind", "kind": "option" })), json!(0));
    assert_eq!(by(json!({ "cancel_type": "delta", "min_delta": 0, "max_delta": 1 })), json!(0));
    assert_eq!(by(json!({ "cancel_type": "currency_pair", "currency_pair": "btc_usd" })), json!(1));
    assert_eq!(by(json!({ "cancel_type": "all" })), json!(0));

    // What is wrong with the whole is an error, and nothing happens.
    let twice = json!({ "quotes": [
        { "instrument_name": PERPETUAL, "bid": side(low, 20) },
        { "instrument_name": PERPETUAL, "bid": side(low, 20) },
    ] });
    assert_ne!(venue.call(Some(&venue.client), "private/mass_quote", &twice).code(), 0);
    assert_eq!(venue.ok("private/get_open_orders", &json!({})), json!([]));
}

#[test]
fn protection_is_set_told_and_taken_away() {
    let venue = Venue::start();
    let set = |interval: u32| json!({ "index_name": "btc_usd", "interval": interval, "frozen_time": 20, "quantity_limit": 0.5 });
    let config = venue.ok("private/set_mmp_config", &set(5));
    assert_eq!((&config[0]["interval"], &config[0]["quantity_limit"]), (&json!(5), &json!(0.5)));
    let known = venue.ok("private/get_mmp_config", &json!({ "index_name": "btc_usd" }));
    assert_eq!(known, config);
    assert_eq!(venue.ok("private/get_mmp_config", &json!({ "index_name": "eth_usd" })), json!([]));
    assert_eq!(venue.ok("private/get_mmp_status", &json!({})), json!([]));
    assert_eq!(venue.ok("private/reset_mmp", &json!({ "index_name": "btc_usd" })), json!("ok"));
    venue.ok("private/set_mmp_config", &set(0));
    assert_eq!(venue.ok("private/get_mmp_config", &json!({})), json!([]));
    let mut more = set(5);
    more["delta_limit"] = json!(1);
    let answer = venue.call(Some(&venue.client), "private/set_mmp_config", &more);
    assert_eq!(answer.body["error"]["data"]["param"], "delta_limit");
}

#[test]
fn quotes_are_frozen_when_too_much_trades() {
    let venue = Venue::start();
    let config = json!({
        "index_name": "btc_usd", "interval": 60, "frozen_time": 0, "quantity_limit": 0.05,
    });
    venue.ok("private/set_mmp_config", &config);
    let price = near(&venue, 0.999);
    venue.ok("private/mass_quote", &quote(json!({ "amount": 0 }), side(price, 10_000)));
    let order = json!({ "instrument_name": PERPETUAL, "amount": 10_000, "price": price });
    let bought = venue.patient(&venue.other, "private/buy", &order);
    assert!(bought.body["error"].is_null(), "{}", bought.body);
    let status = venue.ok("private/get_mmp_status", &json!({}));
    assert_eq!(
        (&status[0]["index_name"], &status[0]["frozen_until"]),
        (&json!("btc_usd"), &json!(0))
    );
    let refused = quote(json!({ "amount": 0 }), side(price, 10));
    let refused = venue.ok("private/mass_quote", &refused);
    assert_eq!((&refused["errors_count"], &refused["orders"]), (&json!(1), &json!([])));
    venue.ok("private/reset_mmp", &json!({ "index_name": "btc_usd" }));
    assert_eq!(venue.ok("private/get_mmp_status", &json!({})), json!([]));
}

#[test]
fn queries_have_structures_as_texts() {
    let venue = Venue::start();
    let simulated = "/api/v2/private/simulate_portfolio?currency=USDC&add_positions=true\
        &simulated_positions=%7B%22BTC-PERPETUAL%22%3A-10000%7D";
    let answer = venue.get(Some(&venue.client), simulated);
    assert!(number(&answer.result()["initial_margin"]) > 0.0, "{}", answer.body);
    let price = near(&venue, 0.95);
    let quoted = format!(
        "/api/v2/private/mass_quote?mmp_group=default&quote_id=1&detailed=true&quotes=\
        %5B%7B%22instrument_name%22%3A%22BTC-PERPETUAL%22%2C%22bid%22%3A%7B%22price%22%3A{price}\
        %2C%22amount%22%3A10%7D%7D%5D"
    );
    let answer = venue.get(Some(&venue.client), &quoted);
    assert_eq!(answer.result()["orders"][0]["amount"], 10, "{}", answer.body);
}

#[test]
fn what_could_be_is_margined() {
    let venue = Venue::start();
    let option = call_option(&venue);
    let simulate = |params: Value| venue.ok("private/simulate_portfolio", &params);
    let now = simulate(json!({ "currency": "USDC" }));
    let short = json!({ &option: -5 }).to_string();
    let then = simulate(json!({ "currency": "USDC", "simulated_positions": short }));
    assert_eq!(number(&now["initial_margin"]), 0.0, "coins and nothing else");
    assert!(number(&then["initial_margin"]) > number(&then["maintenance_margin"]));
    assert!(number(&then["maintenance_margin"]) > 0.0);
    assert!(number(&then["options_value"]) <= 0.0);
    let alone =
        json!({ "currency": "BTC", "add_positions": false, "simulated_positions": { &option: 0 } });
    assert_eq!(number(&simulate(alone)["initial_margin"]), 0.0);

    let deposit = json!({ "deposits": { "USDC": 1_000 }, "trades": [{ "instrument_name": option, "amount": -1 }] });
    let both = venue.ok("private/x_what_if", &deposit);
    let gained = number(&both["after"]["equity"]) - number(&both["before"]["equity"]);
    assert!((950.0..=1_001.0).contains(&gained), "a trade at mark costs nothing: {gained}");
    assert!(number(&both["after"]["initial_margin"]) > 0.0);
    assert_eq!(both["after"]["status"], "healthy");
    let too_much = json!({ "trades": [{ "instrument_name": PERPETUAL, "amount": 1e15 }] });
    let answer = venue.patient(&venue.client, "private/x_what_if", &too_much);
    assert_eq!(answer.code(), -32602, "{}", answer.body);
}

#[test]
fn orders_say_what_they_cost() {
    let venue = Venue::start();
    let price = near(&venue, 0.96);
    let asked = json!({ "instrument_name": PERPETUAL, "amount": 10_000, "price": price });
    let margins = venue.ok("private/get_margins", &asked);
    assert!(number(&margins["buy"]) > 0.0 && number(&margins["sell"]) >= 0.0, "{margins}");
    assert!(number(&margins["min_price"]) < price && price < number(&margins["max_price"]));
    assert!(number(&margins["x_taker_fee"]) > number(&margins["x_maker_fee"]));
    assert_eq!(margins["x_currency"], "BTC");

    let order = json!({ "instrument_name": PERPETUAL, "amount": 10_000, "price": price, "post_only": true });
    let order = venue.ok("private/buy", &order)["order"]["order_id"].clone();
    let margin = venue.ok("private/get_order_margin_by_ids", &json!({ "ids": [order] }));
    assert_eq!(margin[0]["order_id"], order);
    assert!(number(&margin[0]["initial_margin"]) > 0.0, "{margin}");
    assert_eq!(margin[0]["initial_margin_currency"], "BTC");
}

/// Buys perpetuals of another account, so that there is a position.
fn trade(venue: &Venue, amount: u32) {
    let price = near(venue, 1.01);
    let order = json!({ "instrument_name": PERPETUAL, "amount": amount, "price": price });
    let offer = venue.patient(&venue.other, "private/sell", &order);
    assert!(offer.body["error"].is_null(), "{}", offer.body);
    venue.ok("private/buy", &order);
    let position = venue.ok("private/get_position", &json!({ "instrument_name": PERPETUAL }));
    assert_eq!(number(&position["size"]), f64::from(amount));
}

#[test]
fn explanations_add_up() {
    let venue = Venue::start();
    trade(&venue, 5_000);
    let order = json!({ "instrument_name": PERPETUAL, "amount": 1_000, "price": near(&venue, 0.95), "post_only": true });
    venue.ok("private/buy", &order);
    let told = venue.ok("private/x_explain", &json!({ "with_scenarios": true }));
    let portfolio = &told["portfolio"];
    let sum =
        |items: &Value, field: &str| list(items).iter().map(|one| number(&one[field])).sum::<f64>();
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{a} is not {b}");
    near(sum(&portfolio["parts"], "share"), number(&portfolio["requirement"]));
    let largest = list(&portfolio["terms"]).iter().map(|term| number(&term["amount"]));
    near(largest.fold(0.0, f64::max), number(&portfolio["requirement"]));
    near(
        number(&portfolio["requirement"]) + sum(&portfolio["add_ons"], "amount"),
        number(&told["margin"]["initial_margin"]),
    );
    let equity = &told["equity"];
    let lines = sum(&equity["collateral"], "value") + sum(&equity["unrealised"], "value");
    near(lines + number(&equity["option_value"]), number(&told["margin"]["equity"]));
    let kinds: Vec<_> = list(&portfolio["parts"]).iter().map(|part| part["kind"].clone()).collect();
    assert!(kinds.contains(&json!("position")) && kinds.contains(&json!("order")), "{kinds:?}");
    assert!(list(&portfolio["scenarios"]).len() > 27);

    let worst = venue.ok("private/x_risk_stress", &json!({ "count": 5 }));
    let profits: Vec<f64> = list(&worst).iter().map(|one| number(&one["profit"])).collect();
    assert!(profits.len() == 5 && profits.is_sorted() && profits[0] < 0.0, "{worst}");
    let greeks = venue.ok("private/x_risk_greeks", &json!({}));
    assert_eq!(greeks[0]["underlying"], "BTC");
    assert!(number(&greeks[0]["total"]["delta_usd"]) > 4_000.0, "{greeks}");
    let (at_risk, shortfall) =
        (venue.ok("private/x_risk_var", &json!({})), venue.ok("private/x_risk_es", &json!({})));
    for (at_risk, shortfall) in list(&at_risk).iter().zip(list(&shortfall)) {
        assert_eq!(at_risk["block"], shortfall["block"]);
        assert!(number(&shortfall["loss"]) >= 0.9 * number(&at_risk["loss"]), "{shortfall}");
    }
}

#[test]
fn scenario_vectors_add_up() {
    let venue = Venue::start();
    trade(&venue, 5_000);
    let option = call_option(&venue);
    let asked = json!({ "currency": "CROSS", "simulated_positions": { &option: -2 } });
    let told = venue.ok("private/pme/simulate", &asked);
    let row = |value: &Value| -> Vec<f64> {
        let both = [&value["standard"], &value["extended"]];
        both.into_iter().flat_map(|part| list(part).iter().map(number)).collect()
    };
    let initial = told["initial_risk_vectors"].as_object().expect("an object");
    assert_eq!(initial.len(), 2);
    let sum =
        initial.values().map(row).reduce(|a, b| a.iter().zip(b).map(|(a, b)| a + b).collect());
    let sum: Vec<f64> = sum.expect("there are some");
    let of_underlying = row(&told["pre_aggregated_risk_vectors"]["BTC"]);
    assert!(sum.len() > 9 && sum.iter().zip(&of_underlying).all(|(a, b)| (a - b).abs() < 1e-6));
    let model = &told["model_params"];
    let cells = list(&model["price_moves"]).len() * list(&model["volatility_moves"]).len();
    assert_eq!(cells + list(&model["extended"]).len(), sum.len());
    let details = &told["margins"]["CROSS"]["initial_margin_details"];
    let worst = &details["risk_matrix_margin_details"];
    let all = told["aggregated_risk_vectors"].as_object().expect("an object");
    let least = all.values().flat_map(row).fold(0.0, f64::min);
    assert!((number(&worst["worst_case"]) + least).abs() < 1e-6, "{worst} {least}");
    assert!(number(&told["margins"]["CROSS"]["initial_margin"]) > 0.0);
    let in_btc = venue.ok("private/pme/simulate", &json!({ "currency": "BTC" }));
    assert_eq!(in_btc["portfolio"]["position"], json!({ PERPETUAL: 5_000 }));
    assert!(number(&in_btc["margins"]["BTC"]["initial_margin"]) < 1.0, "{}", in_btc["margins"]);
}

#[test]
fn health_follows_the_price() {
    let venue = Venue::start();
    trade(&venue, 100_000);
    let curve = venue.ok("private/x_health_curve", &json!({ "underlying": "BTC" }));
    let points = list(&curve["points"]);
    let equity: Vec<f64> = points.iter().map(|point| number(&point["equity"])).collect();
    assert!(
        points.len() == 17 && equity.is_sorted(),
        "a long account gains as prices rise: {equity:?}"
    );
    for crossing in list(&curve["crossings"]) {
        assert!(number(&crossing["move"]) < 0.0, "{crossing}");
    }
    let wrong = json!({ "underlying": "BTC", "moves": [0.1, -0.1] });
    assert_eq!(venue.patient(&venue.client, "private/x_health_curve", &wrong).code(), -32602);

    // One by one, positions have margins of their own.
    let position =
        |venue: &Venue| venue.ok("private/get_position", &json!({ "instrument_name": PERPETUAL }));
    assert_eq!(position(&venue)["leverage"], 0);
    venue.ok("private/change_margin_model", &json!({ "margin_model": "cross_sm" }));
    let own = position(&venue);
    assert!(number(&own["initial_margin"]) > number(&own["maintenance_margin"]), "{own}");
    assert!(number(&own["leverage"]) > 1.0, "{own}");
    let (mark, end) = (number(&own["mark_price"]), &own["estimated_liquidation_price"]);
    assert!(end.as_f64().is_none_or(|end| end < mark), "{own}");
    assert!(venue.ok("private/x_explain", &json!({}))["positions"].is_object());
}

#[test]
fn the_venue_tells_how_it_stands() {
    let venue = Venue::start();
    let oracle = venue.ok("public/x_oracle_status", &json!({}));
    let bitcoin =
        list(&oracle).iter().find(|one| one["currency"] == "BTC").expect("it has an index");
    assert_eq!(bitcoin["status"], "fresh");
    assert!(number(&bitcoin["confidence"]) > 0.5 && number(&bitcoin["price"]) > 0.0);
    let methodology = venue.ok("public/x_methodology", &json!({ "with_text": "true" }));
    let portfolio = &methodology["portfolio"];
    assert!(
        number(&methodology["epoch"]) >= 1.0
            && portfolio["hash"].as_str().expect("a text").len() >= 32
    );
    assert!(portfolio["text"].as_str().expect("a text").len() > 1_000);
    let fund = venue.ok("public/x_insurance_fund", &json!({}));
    assert!(number(&fund["balance"]) >= number(&fund["shared"]), "{fund}");
    assert!(venue.ok("public/x_auctions", &json!({})).is_array());
    assert!(venue.ok("public/x_cases", &json!({})).is_array());
    assert_eq!(venue.ok("private/x_cases", &json!({})), json!([]), "it has a part in none");
    trade(&venue, 5_000);
    let ranks = venue.ok("private/x_adl_rank", &json!({}));
    assert_eq!(ranks[0]["instrument_name"], PERPETUAL);
    assert_eq!(ranks[0]["cost_currency"], "BTC");
    let bid = json!({ "case": 999, "share": 0.5, "limit": 100 });
    assert_eq!(venue.call(Some(&venue.client), "private/x_place_bid", &bid).code(), 13021);
}
