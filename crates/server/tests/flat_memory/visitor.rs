//! Those who come, look and go, and one who listens all the time.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::venue::{Socket, Venue};

/// What is behind, and is to be asked for again.
const RETRY: i64 = 10_040;
/// Notifications after which a listener leaves all channels and comes back.
const STAY: u64 = 500;

/// Logs in, subscribes, reads something and goes; by turns it logs out, hangs up, or begins a session of
/// its own over HTTP.
pub fn visit(venue: &Venue, key: &(String, String), instrument: &str, turn: u64) {
    if turn.is_multiple_of(5) {
        let login = json!({
            "grant_type": "client_credentials", "client_id": key.0, "client_secret": key.1,
            "scope": format!("session:visit{}", turn % 40),
        });
        venue.public("public/auth", &login);
    }
    let mut socket = venue.connect(key);
    let channels = [
        format!("book.{instrument}.raw"),
        format!("ticker.{instrument}.100ms"),
        "user.orders.any.any.raw".to_owned(),
        "user.portfolio.any".to_owned(),
    ];
    socket.ok("private/subscribe", &json!({ "channels": channels }));
    let questions = questions(instrument, venue.now());
    let count = questions.len() as u64;
    for (method, params) in questions.into_iter().cycle().skip((turn % count) as usize).take(3) {
        let answer = socket.call(method, &params);
        let code = answer["error"]["code"].as_i64();
        assert!(code.is_none_or(|code| code == RETRY), "{method} {params}: {answer}");
    }
    if turn.is_multiple_of(2) {
        socket.ok("private/unsubscribe", &json!({ "channels": channels[..2] }));
    } else if turn.is_multiple_of(3) {
        socket.send(2, "private/logout", &json!({}));
    }
}

/// What can be asked, old and new.
fn questions(instrument: &str, now: i64) -> Vec<(&'static str, Value)> {
    let of = json!({ "instrument_name": instrument });
    let any = json!({ "currency": "any", "count": 100 });
    let old = json!({ "currency": "any", "count": 50, "offset": 1_500, "include_unfilled": true });
    let chart = json!({
        "instrument_name": instrument, "resolution": "5",
        "start_timestamp": now - 28_800_000, "end_timestamp": now,
    });
    let log = json!({
        "currency": "USDC", "count": 100, "start_timestamp": 0, "end_timestamp": now,
    });
    let early = json!({ "instrument_name": instrument, "start_seq": 1, "sorting": "asc" });
    vec![
        ("public/get_order_book", of.clone()),
        ("public/get_last_trades_by_currency", any.clone()),
        ("public/get_last_trades_by_instrument", early),
        ("public/get_tradingview_chart_data", chart),
        ("public/get_instrument", of.clone()),
        ("private/get_positions", json!({})),
        ("private/get_open_orders", json!({})),
        ("private/get_account_summary", json!({ "currency": "USDC" })),
        ("private/get_user_trades_by_currency", any.clone()),
        ("private/get_order_history_by_currency", old),
        ("private/get_settlement_history_by_currency", any),
        ("private/get_transaction_log", log),
        ("private/x_adl_rank", json!({})),
    ]
}

/// A connection that reads what it is told, from time to time by other channels.
pub struct Listener {
    heard: Arc<AtomicU64>,
    stream: TcpStream,
    thread: JoinHandle<()>,
}

impl Listener {
    pub fn start(mut socket: Socket, instrument: &str) -> Self {
        let heard = Arc::new(AtomicU64::new(0));
        let (stream, count) = (socket.stream(), Arc::clone(&heard));
        let channels = json!({ "channels": [
            format!("book.{instrument}.100ms"), format!("ticker.{instrument}.100ms"),
            format!("trades.{instrument}.100ms"), format!("chart.trades.{instrument}.1"),
            "user.orders.any.any.100ms", "user.trades.any.any.100ms", "user.portfolio.any",
        ]});
        let thread = std::thread::spawn(move || {
            socket.ok("private/subscribe", &channels);
            while socket.try_next().is_some() {
                if (count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(STAY) {
                    socket.ok("private/unsubscribe_all", &json!({}));
                    socket.ok("private/subscribe", &channels);
                }
            }
        });
        Self { heard, stream, thread }
    }

    /// Ends it; gives how many notifications it heard.
    pub fn end(self) -> u64 {
        // The venue may have ended it.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.thread.join().expect("it listens to the end");
        self.heard.load(Ordering::Relaxed)
    }
}
