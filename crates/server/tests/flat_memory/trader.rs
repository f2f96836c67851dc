//! A connection that quotes, amends, cancels and takes.

use std::collections::BTreeMap;

use numerics::SplitMix;
use serde_json::{Value, json};

use super::venue::Socket;

/// Orders that a trader has open at most.
const OPEN_MAX: usize = 20;

/// What is traded now.
pub struct Market {
    /// The instrument's name.
    pub name: String,
    /// The least amount.
    pub amount: f64,
    /// The step of prices.
    pub tick: f64,
    /// The mark.
    pub mark: f64,
}

/// What came of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Trades that answers told.
    pub trades: u64,
    /// Refused: orders that traded or ended meanwhile, and prices that others crossed.
    pub refused: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Quote,
    Amend,
    Cancel,
    Take,
}

/// Somebody who trades.
pub struct Trader {
    socket: Socket,
    draws: SplitMix,
    drawn: u64,
    /// Orders that rest, each with its instrument's name.
    open: Vec<(String, String)>,
    /// Requests without an answer, each with the instrument's name.
    asked: BTreeMap<u64, String>,
    next: u64,
}

impl Trader {
    pub fn new(socket: Socket, seed: u64) -> Self {
        let (open, asked) = (Vec::new(), BTreeMap::new());
        Self { socket, draws: SplitMix { seed }, drawn: 0, open, asked, next: 2 }
    }

    /// Sends so many requests, which [`Trader::take_in`] waits for.
    pub fn ask(&mut self, markets: &[Market], count: usize) {
        // What has expired is gone.
        self.open.retain(|(_, name)| markets.iter().any(|market| market.name == *name));
        for _ in 0..count {
            self.ask_one(markets);
        }
    }

    fn ask_one(&mut self, markets: &[Market]) {
        let kind = match self.draw(10) {
            0..=3 => Kind::Quote,
            4..=5 => Kind::Amend,
            6..=8 => Kind::Cancel,
            _ => Kind::Take,
        };
        let kind = match kind {
            Kind::Amend | Kind::Cancel if self.open.is_empty() => Kind::Quote,
            Kind::Quote if self.open.len() >= OPEN_MAX => Kind::Cancel,
            kind => kind,
        };
        let place = self.draw(self.open.len().max(1));
        let (id, market) = match kind {
            Kind::Amend | Kind::Cancel => {
                let (id, name) = self.open.swap_remove(place);
                (id, markets.iter().find(|market| market.name == name))
            }
            Kind::Quote | Kind::Take => (String::new(), None),
        };
        let market = market.unwrap_or(&markets[self.draw(markets.len())]);
        let is_buy = self.draw(2) == 0;
        let away = 0.0005 + 0.0005 * self.draw(10) as f64;
        // Quotes stand off the mark, takers go through it.
        let away = if is_buy == matches!(kind, Kind::Take) { away } else { -away };
        let price = (market.mark * (1.0 + away) / market.tick).round().max(1.0) * market.tick;
        let side = if is_buy { "private/buy" } else { "private/sell" };
        let order = json!({
            "instrument_name": market.name, "amount": market.amount, "price": price,
            "type": "limit",
        });
        let with = |name: &str, value: Value| {
            let mut order = order.clone();
            order[name] = value;
            order
        };
        let (method, params) = match kind {
            Kind::Quote => (side, with("post_only", json!(true))),
            Kind::Take => (side, with("time_in_force", json!("immediate_or_cancel"))),
            Kind::Amend => {
                let params = json!({ "order_id": id, "amount": market.amount, "price": price });
                ("private/edit", params)
            }
            Kind::Cancel => ("private/cancel", json!({ "order_id": id })),
        };
        self.socket.send(self.next, method, &params);
        self.asked.insert(self.next, market.name.clone());
        self.next += 1;
    }

    /// Waits for all answers.
    pub fn take_in(&mut self, done: &mut Done) {
        while !self.asked.is_empty() {
            let answer = self.socket.next();
            let asked = answer["id"].as_u64().and_then(|id| self.asked.remove(&id));
            let Some(instrument) = asked else { continue };
            if !answer["error"].is_null() {
                done.refused += 1;
                continue;
            }
            done.acknowledged += 1;
            let result = &answer["result"];
            done.trades += result["trades"].as_array().map_or(0, Vec::len) as u64;
            let order = &result["order"];
            if order["order_state"] == "open" {
                let id = order["order_id"].as_str().expect("it has a number").to_owned();
                self.open.push((id, instrument));
            }
        }
    }

    fn draw(&mut self, most: usize) -> usize {
        self.drawn += 1;
        (self.draws.u64(self.drawn) % most as u64) as usize
    }
}
