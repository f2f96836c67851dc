//! Orders that depend on each other, over the API.

use serde_json::{Value, json};

use super::venue::Venue;

/// Buys ten dollars, with something else.
fn buy(venue: &Venue, price: f64, more: &Value) -> Value {
    let mut params = json!({ "instrument_name": "BTC-PERPETUAL", "amount": 10, "price": price, "type": "limit" });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    venue.patient(&venue.client, "private/buy", &params).body.clone()
}

fn order(venue: &Venue, id: &Value) -> Value {
    venue.ok("private/get_order_state", &json!({ "order_id": id }))
}

fn sell(price: f64) -> Value {
    json!({ "direction": "sell", "amount": 10, "type": "limit", "price": price, "reduce_only": true })
}

#[test]
fn an_order_that_trades_places_another() {
    let venue = Venue::start();
    venue.await_quotes();
    let link = json!({
        "linked_order_type": "one_triggers_other", "trigger_fill_condition": "complete_fill",
        "otoco_config": [sell(venue.near(1.05))], "x_request_id": 77,
    });
    let price = venue.near(0.93);
    let first = buy(&venue, price, &link)["result"]["order"].clone();
    assert_eq!((&first["order_state"], &first["is_primary_otoco"]), (&json!("open"), &Value::Null));
    assert_eq!(first["trigger_fill_condition"], "complete_fill");
    let ids = first["oto_order_ids"].as_array().unwrap();
    assert_eq!(ids.len(), 1);
    let second = order(&venue, &ids[0]);
    assert_eq!(
        (&second["order_state"], &second["direction"]),
        (&json!("untriggered"), &json!("sell"))
    );
    assert_eq!((&second["is_secondary_oto"], &second["reduce_only"]), (&json!(true), &json!(true)));
    assert_eq!(second["primary_order_id"], first["order_id"]);
    // The same request again is the same orders.
    assert_eq!(buy(&venue, price, &link)["result"]["order"]["order_id"], first["order_id"]);
    let open = venue.ok("private/get_open_orders", &json!({}));
    assert_eq!(open.as_array().unwrap().len(), 2);
    venue.ok("private/cancel", &json!({ "order_id": first["order_id"] }));
    let second = order(&venue, &ids[0]);
    assert_eq!(second["order_state"], "cancelled");
    assert_eq!(second["cancel_reason"], "oto_primary_closed");

    // In a query it is a text; and one that trades at once places the other at once.
    let path = format!(
        "/api/v2/private/buy?instrument_name=BTC-PERPETUAL&amount=10&type=market\
         &linked_order_type=one_triggers_other&otoco_config={}",
        json!([sell(venue.near(1.05))]).to_string().replace('"', "%22"),
    );
    let reply = venue.get(Some(&venue.client), &path).result().clone();
    assert_eq!(reply["order"]["order_state"], "filled");
    assert_eq!(order(&venue, &reply["order"]["oto_order_ids"][0])["order_state"], "open");
}

#[test]
fn a_position_has_a_take_and_a_stop_of_which_one_remains() {
    let venue = Venue::start();
    venue.await_quotes();
    let stop = json!({
        "direction": "sell", "amount": 10, "type": "stop_market", "reduce_only": true,
        "trigger": "last_price", "trigger_price": venue.near(0.9),
    });
    let link = json!({
        "type": "market", "linked_order_type": "one_triggers_one_cancels_other",
        "otoco_config": [sell(venue.near(1.05)).to_string(), stop.to_string()],
    });
    let first = buy(&venue, venue.near(1.0), &link)["result"]["order"].clone();
    assert_eq!(
        (&first["order_state"], &first["is_primary_otoco"]),
        (&json!("filled"), &json!(true))
    );
    assert_eq!(first["trigger_fill_condition"], "first_hit");
    let ids = first["oto_order_ids"].as_array().unwrap();
    let (take, stop) = (order(&venue, &ids[0]), order(&venue, &ids[1]));
    assert_eq!((&take["order_state"], &take["order_type"]), (&json!("open"), &json!("limit")));
    assert_eq!(stop["order_state"], "untriggered", "it waits for its price");
    assert_eq!((&stop["order_type"], &stop["triggered"]), (&json!("stop_market"), &json!(false)));
    assert!(take["oco_ref"].is_string() && take["oco_ref"] == stop["oco_ref"]);
    venue.ok("private/cancel", &json!({ "order_id": ids[0] }));
    let stop = order(&venue, &ids[1]);
    assert_eq!(stop["cancel_reason"], "oco_other_closed");
}

#[test]
fn one_order_cancels_the_other() {
    let venue = Venue::start();
    let other = json!({
        "direction": "buy", "amount": 20, "price": venue.near(0.92), "post_only": true, "label": "b",
    });
    let link = json!({ "linked_order_type": "one_cancels_other", "otoco_config": [other] });
    let first = buy(&venue, venue.near(0.93), &link)["result"]["order"].clone();
    assert_eq!((&first["order_state"], &first["oco_ref"]), (&json!("open"), &first["order_id"]));
    let labelled = json!({ "label": "b", "currency": "BTC" });
    let second = venue.ok("private/get_open_orders_by_label", &labelled)[0].clone();
    assert_eq!((&second["oco_ref"], &second["amount"]), (&first["oco_ref"], &json!(20)));
    assert!(second["post_only"] == true && second["is_secondary_oto"].is_null());
    venue.ok("private/cancel", &json!({ "order_id": second["order_id"] }));
    assert_eq!(order(&venue, &first["order_id"])["cancel_reason"], "oco_other_closed");
}

#[test]
fn links_that_are_not_offered_are_refused() {
    let venue = Venue::start();
    let one = sell(venue.near(1.05));
    let odd = json!({ "direction": "sell", "amount": 10, "type": "limit", "price": "x" });
    let no_price = json!({ "direction": "sell", "amount": 10, "type": "limit" });
    let (kind, condition, config) = ("linked_order_type", "trigger_fill_condition", "otoco_config");
    let wrong = [
        (json!({ config: [one] }), kind),
        (json!({ condition: "first_hit" }), kind),
        (json!({ kind: "one_eats_other", config: [one] }), kind),
        (json!({ kind: "one_triggers_other" }), config),
        (json!({ kind: "one_triggers_other", config: [one, one] }), config),
        (json!({ kind: "one_triggers_one_cancels_other", config: [one] }), config),
        (json!({ kind: "one_cancels_other", config: [] }), config),
        (json!({ kind: "one_triggers_other", config: [odd] }), config),
        (json!({ kind: "one_triggers_other", config: [no_price] }), "otoco_config[0].price"),
        (
            json!({ kind: "one_triggers_other", config: [{ "direction": "up" }] }),
            "otoco_config[0].direction",
        ),
        (json!({ kind: "one_triggers_other", config: [one], condition: "incremental" }), condition),
        (
            json!({ kind: "one_cancels_other", config: [one], condition: "complete_fill" }),
            condition,
        ),
        (json!({ kind: "one_cancels_other", config: [one], condition: "soon" }), condition),
    ];
    let price = venue.near(0.93);
    for (link, param) in wrong {
        let error = buy(&venue, price, &link)["error"].clone();
        assert_eq!(
            (&error["code"], &error["data"]["param"]),
            (&json!(-32_602), &json!(param)),
            "{link}: {error}"
        );
    }
    // The engine says no to a pair of which one can't rest.
    let market = json!({ "direction": "sell", "amount": 10, "type": "market" });
    let link = json!({ kind: "one_cancels_other", config: [market] });
    assert_eq!(buy(&venue, price, &link)["error"]["code"], 11_030);
    assert_eq!(venue.ok("private/get_open_orders", &json!({})), json!([]), "nothing was placed");
}
