//! An independent client in Rust connects, subscribes and trades, unmodified.

use std::time::Duration;

use deribit_websocket::config::WebSocketConfig;
use deribit_websocket::model::trading::{EditOrderRequest, OrderRequest};
use deribit_websocket::prelude::DeribitWebSocketClient;
use plimsoll_server::demo::{DemoClock, DemoOptions};
use plimsoll_server::{LimitRules, ServeOptions, Server, host_ms};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

fn options(folder: &std::path::Path) -> ServeOptions {
    let mut demo = DemoOptions::default();
    (demo.market.accounts, demo.market.instruments) = (20, 40);
    ServeOptions {
        data: folder.to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        admin: None,
        metrics: None,
        tls: None,
        limits: LimitRules { matching_rate: 100, matching_burst: 100, ..LimitRules::default() },
        demo: Some((demo, DemoClock::real())),
    }
}

/// The next notification of a channel that is as wanted.
async fn next(client: &DeribitWebSocketClient, channel: &str) -> serde_json::Value {
    let found = timeout(PATIENCE, async {
        loop {
            let text = client.receive_message().await.expect("the connection stays");
            let message: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
            if message["params"]["channel"] == channel {
                return message["params"]["data"].clone();
            }
        }
    });
    found.await.expect("it comes in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_client_trades() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(options(folder.path())).await.unwrap();
    let account = server.client_account().expect("a demo has one");
    let scopes = "account:read_write trade:read_write".parse().unwrap();
    let key = server.authority().create(account, "client", &scopes, host_ms()).unwrap();
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async { drop(stopped.await) }));

    let config = WebSocketConfig::with_url(&format!("ws://{address}/ws/api/v2")).unwrap();
    let client = DeribitWebSocketClient::new(&config).unwrap();
    client.connect().await.unwrap();
    assert!(client.get_time().await.unwrap() > 0);
    assert!(client.authenticate("nobody", "nothing").await.is_err());
    let granted = client.authenticate(&key.key.client_id, &key.client_secret).await.unwrap();
    assert_eq!(granted.token_type, "bearer");

    let ticker = "ticker.BTC-PERPETUAL.100ms".to_owned();
    client.subscribe(vec![ticker.clone()]).await.unwrap();
    while next(&client, &ticker).await["best_bid_price"] == 0 {}

    let book = "book.BTC-PERPETUAL.100ms".to_owned();
    let orders = "user.orders.any.any.raw".to_owned();
    let channels = vec![book.clone(), orders.clone()];
    client.subscribe(channels.clone()).await.unwrap();
    let mut subscribed = client.get_subscriptions().await;
    subscribed.sort();
    assert_eq!(subscribed, [book.clone(), ticker, orders.clone()]);
    let snapshot = next(&client, &book).await;
    assert_eq!(snapshot["type"], "snapshot");
    let price = snapshot["bids"][0][1].as_f64().expect("makers bid");
    let change = next(&client, &book).await;
    assert_eq!(change["type"], "change");
    assert_eq!(change["prev_change_id"], snapshot["change_id"]);

    // A bid that rests, is amended and cancelled.
    let resting = (price * 0.97).round();
    let request = OrderRequest::limit("BTC-PERPETUAL".to_owned(), 100.0, resting);
    let placed = client.buy(request.with_label("mine".to_owned())).await.unwrap().order;
    assert_eq!((placed.order_state.as_str(), placed.price), ("open", Some(resting)));
    let told = next(&client, &orders).await;
    assert_eq!(
        (&told["order_id"], &told["label"]),
        (&placed.order_id.clone().into(), &"mine".into())
    );
    let edit = EditOrderRequest::new(placed.order_id.clone(), 50.0).with_price(resting - 1.0);
    let edited = client.edit(edit).await.unwrap().order;
    assert_eq!((edited.amount, edited.price), (50.0, Some(resting - 1.0)));
    let state = client.get_order_state(&placed.order_id).await.unwrap();
    assert_eq!((state.order_state.as_str(), state.amount), ("open", 50.0));
    assert_eq!(client.cancel(&placed.order_id).await.unwrap().order_state, "cancelled");
    assert!(client.cancel(&placed.order_id).await.is_err());

    // One that trades at once, and is closed again.
    let bought = client.buy(OrderRequest::market("BTC-PERPETUAL".to_owned(), 20.0)).await.unwrap();
    assert_eq!((bought.order.order_state.as_str(), bought.order.filled_amount), ("filled", 20.0));
    let sum: f64 = bought.trades.iter().map(|trade| trade.amount).sum();
    assert_eq!(sum, 20.0);
    let position = client.get_positions(None, None).await.unwrap();
    assert_eq!(position.iter().map(|one| one.size).collect::<Vec<_>>(), [20.0]);
    let closed = client.close_position("BTC-PERPETUAL", "market", None).await.unwrap();
    assert_eq!(closed.order.expect("an order closes it").filled_amount, Some(20.0));
    assert!(client.get_positions(None, None).await.unwrap().is_empty());

    client.disconnect().await.unwrap();
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
