//! What a client has, what it asks next, and what it makes of answers.

use std::collections::VecDeque;
use std::time::Instant;

use numerics::SplitMix;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::market::Market;
use super::mix::{Kind, Mix};
use super::tally::{Acknowledged, Sent, TURNED_AWAY, Tally};
use crate::wire::{Incoming, Refused};

/// Orders that a client has open at most.
const OPEN_MAX: usize = 20;
/// How far from the mark quotes are, as shares of it.
const QUOTED: [f64; 2] = [0.0002, 0.003];
/// How far through the mark takers go.
const TAKEN: f64 = 0.003;

/// An order that rests.
#[derive(Clone, Debug)]
struct Own {
    id: String,
    instrument: usize,
    is_buy: bool,
}

/// A question without an answer yet.
#[derive(Clone, Debug)]
struct Asked {
    /// None for what is no part of the measurement.
    sent: Option<Sent>,
    about: Own,
}

/// What a client has.
pub struct Desk {
    draws: SplitMix,
    drawn: u64,
    mix: Mix,
    market: Market,
    open: Vec<Own>,
    /// Questions by their ids, which count from `first` on.
    asked: VecDeque<Option<Asked>>,
    first: u64,
    unanswered: usize,
    /// What was acknowledged.
    pub acknowledged: Acknowledged,
}

#[derive(Deserialize)]
struct Placed<'a> {
    #[serde(borrow)]
    order: Order<'a>,
    #[serde(borrow, default)]
    trades: Vec<Trade<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    order_id: &'a str,
    order_state: &'a str,
}

#[derive(Deserialize)]
struct Trade<'a> {
    trade_id: &'a str,
}

impl Desk {
    /// Nothing yet. What it asks follows from the seed and its own number.
    pub fn new(seed: u64, number: u64, mix: Mix, market: Market) -> Self {
        Self {
            draws: SplitMix { seed: SplitMix { seed }.u64(number) },
            drawn: 0,
            mix,
            market,
            open: Vec::new(),
            asked: VecDeque::new(),
            first: 1,
            unanswered: 0,
            acknowledged: Acknowledged::default(),
        }
    }

    /// The next request, due at a time; there is room for it since another.
    pub fn ask(&mut self, due: Instant, room_since: Instant, phase: usize) -> (String, Sent) {
        let kind = match self.mix.pick(self.draw()) {
            Kind::Amend | Kind::Cancel if self.open.is_empty() => Kind::Quote,
            Kind::Quote if self.open.len() >= OPEN_MAX => Kind::Cancel,
            kind => kind,
        };
        let sent = Sent { kind, due, ready: due.max(room_since), phase };
        let (id, is_buy) = (self.first + self.asked.len() as u64, self.draw().is_multiple_of(2));
        let about = match kind {
            Kind::Amend | Kind::Cancel => {
                let place = self.draw_below(self.open.len());
                self.open.swap_remove(place)
            }
            Kind::Quote | Kind::Take => {
                Own { id: String::new(), instrument: self.draw_below(self.market.len()), is_buy }
            }
        };
        let away = QUOTED[0] + (QUOTED[1] - QUOTED[0]) * self.draws.u01(self.drawn);
        self.drawn += 1;
        let away = if about.is_buy { -away } else { away };
        let instrument = &self.market[about.instrument];
        let head = |method: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"private/{method}","params":"#)
        };
        let (name, amount) = (&instrument.name, &instrument.amount);
        let side = head(if about.is_buy { "buy" } else { "sell" });
        let text = match kind {
            Kind::Quote => format!(
                r#"{side}{{"instrument_name":"{name}","amount":{amount},"type":"limit","price":{},"post_only":true}}}}"#,
                instrument.price(away)
            ),
            Kind::Take => format!(
                r#"{side}{{"instrument_name":"{name}","amount":{amount},"type":"limit","price":{},"time_in_force":"immediate_or_cancel"}}}}"#,
                instrument.price(if about.is_buy { TAKEN } else { -TAKEN })
            ),
            Kind::Amend => format!(
                r#"{}{{"order_id":"{}","amount":{amount},"price":{}}}}}"#,
                head("edit"),
                about.id,
                instrument.price(away)
            ),
            Kind::Cancel => format!(r#"{}{{"order_id":"{}"}}}}"#, head("cancel"), about.id),
        };
        self.expect(Asked { sent: Some(sent), about });
        (text, sent)
    }

    /// Takes back all that is open.
    pub fn leave(&mut self) -> String {
        let id = self.first + self.asked.len() as u64;
        self.open.clear();
        let about = Own { id: String::new(), instrument: 0, is_buy: false };
        self.expect(Asked { sent: None, about });
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"private/cancel_all","params":{{}}}}"#)
    }

    /// Questions without an answer.
    pub const fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Takes in what came; what can't be read is an error.
    pub fn take_in(&mut self, text: &str, now: Instant, tally: &mut Tally) -> Result<(), String> {
        let incoming: Incoming<'_> = serde_json::from_str(text)
            .map_err(|error| format!("can't be read: {error}: {text}"))?;
        let Some(Asked { sent, about }) = incoming.id.and_then(|id| self.answered(id)) else {
            return match incoming.error {
                Some(refused) => Err(refused.words()),
                None => Ok(()),
            };
        };
        let Some(sent) = sent else { return Ok(()) };
        match (incoming.result, incoming.error) {
            (_, Some(refused)) => {
                self.refused(sent, about, &refused);
                tally.refuse(&sent, &refused, now);
            }
            (Some(result), None) => {
                let trades = self.done(sent.kind, about, result);
                let trades = trades.map_err(|error| format!("can't be read: {error}: {text}"))?;
                tally.acknowledge(&sent, trades, now);
            }
            (None, None) => return Err(format!("neither result nor error: {text}")),
        }
        Ok(())
    }

    /// What was done; gives how many trades.
    fn done(&mut self, kind: Kind, about: Own, result: &RawValue) -> Result<u64, String> {
        let read = |error: serde_json::Error| error.to_string();
        if kind == Kind::Cancel {
            let order: Order<'_> = serde_json::from_str(result.get()).map_err(read)?;
            if order.order_state == "cancelled" {
                self.acknowledged.cancelled.push(order_number(order.order_id)?);
            }
            return Ok(0);
        }
        let Placed { order, trades } = serde_json::from_str(result.get()).map_err(read)?;
        let number = order_number(order.order_id)?;
        match kind {
            Kind::Amend => self.acknowledged.amended.push(number),
            _ => self.acknowledged.placed.push(number),
        }
        for trade in &trades {
            self.acknowledged.trades.push(trade_number(trade.trade_id)?);
        }
        if order.order_state == "open" {
            self.open.push(Own { id: order.order_id.to_owned(), ..about });
        }
        Ok(trades.len() as u64)
    }

    fn refused(&mut self, sent: Sent, about: Own, refused: &Refused) {
        // What is refused for another reason is no longer there: somebody took it meanwhile.
        if matches!(sent.kind, Kind::Amend | Kind::Cancel) && TURNED_AWAY.contains(&refused.code) {
            self.open.push(about);
        }
    }

    fn expect(&mut self, asked: Asked) {
        self.asked.push_back(Some(asked));
        self.unanswered += 1;
    }

    fn answered(&mut self, id: u64) -> Option<Asked> {
        let place = usize::try_from(id.checked_sub(self.first)?).ok()?;
        let asked = self.asked.get_mut(place)?.take()?;
        self.unanswered -= 1;
        while matches!(self.asked.front(), Some(None)) {
            self.asked.pop_front();
            self.first += 1;
        }
        Some(asked)
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.draws.u64(self.drawn - 1)
    }

    fn draw_below(&mut self, count: usize) -> usize {
        (self.draw() % count as u64) as usize
    }
}

/// `BTC-17` is order 17.
fn order_number(id: &str) -> Result<u64, String> {
    let number = id.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    number.ok_or_else(|| format!("{id} is no order's id"))
}

/// `3-17` is trade 17 of instrument 3.
fn trade_number(id: &str) -> Result<(u64, u64), String> {
    let parts = id
        .split_once('-')
        .and_then(|(instrument, number)| Some((instrument.parse().ok()?, number.parse().ok()?)));
    parts.ok_or_else(|| format!("{id} is no trade's id"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::market::Instrument;
    use super::*;

    fn desk(mix: &str) -> Desk {
        let market = [Instrument::of("A", 0.5, 1, 100.0), Instrument::of("B", 1.0, 0, 9_000.0)];
        Desk::new(7, 3, mix.parse().unwrap(), market.into())
    }

    fn asked(desk: &mut Desk, now: Instant) -> Value {
        serde_json::from_str(&desk.ask(now, now, 0).0).unwrap()
    }

    fn placed(id: u64, order: &str, state: &str) -> String {
        let order = json!({"order_id": order, "order_state": state, "price": 1});
        let trades = json!([{"trade_id": "2-9"}]);
        json!({"jsonrpc": "2.0", "id": id, "result": {"order": order, "trades": trades}})
            .to_string()
    }

    #[test]
    fn the_same_seed_asks_the_same() {
        let now = Instant::now();
        let all = |mut desk: Desk| (0..20).map(|_| asked(&mut desk, now)).collect::<Vec<_>>();
        assert_eq!(all(desk("quote=1,take=1")), all(desk("quote=1,take=1")));
    }

    #[test]
    fn an_order_is_placed_amended_and_cancelled() {
        let now = Instant::now();
        let (mut desk, mut tally) = (desk("quote=1,amend=1"), Tally::new(0, now));
        let first = asked(&mut desk, now);
        assert!(["private/buy", "private/sell"].contains(&first["method"].as_str().unwrap()));
        assert_eq!((&first["id"], &first["params"]["post_only"]), (&json!(1), &json!(true)));
        desk.take_in(&placed(1, "BTC-17", "open"), now, &mut tally).unwrap();
        desk.mix = "quote=1,amend=1000000".parse().unwrap();
        let second = asked(&mut desk, now);
        assert_eq!(second["method"], "private/edit");
        assert_eq!(second["params"]["order_id"], "BTC-17");
        let late = r#"{"id": 2, "error": {"code": 10028, "message": "too_many_requests"}}"#;
        desk.take_in(late, now, &mut tally).unwrap();
        desk.mix = "quote=1,cancel=1000000".parse().unwrap();
        let third = asked(&mut desk, now);
        assert_eq!((&third["method"], &third["id"]), (&json!("private/cancel"), &json!(3)));
        let order = json!({"order_id": "BTC-17", "order_state": "cancelled"});
        let done = json!({"id": 3, "result": order}).to_string();
        desk.take_in(&done, now, &mut tally).unwrap();
        let expected = Acknowledged {
            placed: vec![17],
            cancelled: vec![17],
            trades: vec![(2, 9)],
            ..Acknowledged::default()
        };
        assert_eq!((&desk.acknowledged, desk.unanswered()), (&expected, 0));
        assert_eq!((tally.acknowledgements(), tally.refusals(), tally.trades), (2, 1, 1));
        assert!(desk.open.is_empty());
    }

    #[test]
    fn answers_may_come_in_any_order() {
        let now = Instant::now();
        let (mut desk, mut tally) = (desk("take=1"), Tally::new(0, now));
        let texts: Vec<_> = (0..3).map(|_| asked(&mut desk, now)).collect();
        assert!(texts.iter().all(|text| text["params"]["time_in_force"] == "immediate_or_cancel"));
        for id in [3, 1, 2] {
            desk.take_in(&placed(id, "ETH-1", "filled"), now, &mut tally).unwrap();
        }
        assert_eq!((desk.unanswered(), desk.first, desk.asked.len()), (0, 4, 0));
        // Twice is once, and nobody knows a hundred.
        desk.take_in(&placed(2, "ETH-1", "filled"), now, &mut tally).unwrap();
        desk.take_in(&placed(100, "ETH-1", "filled"), now, &mut tally).unwrap();
        assert_eq!(desk.acknowledged.placed, [1, 1, 1]);
        asked(&mut desk, now);
        assert!(desk.take_in("nonsense", now, &mut tally).is_err());
        assert!(desk.take_in(r#"{"id": 4}"#, now, &mut tally).is_err());
    }
}
