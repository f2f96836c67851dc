//! A small venue to try things on.

use crate::{Command, Event, Limits, State, apply};

/// A venue with US dollars, bitcoin at 50,000, an inverse perpetual and two accounts.
pub struct Venue {
    pub state: State,
    time: i64,
}

impl Venue {
    pub fn new() -> Self {
        let mut venue =
            Self { state: State::new(Limits::default()).unwrap(), time: 1_770_000_000_000 };
        let core = risk::Methodology::built_in_text("core").unwrap();
        let standard = risk::Methodology::built_in_text("standard").unwrap();
        let notice = venue.time + 1_000_000;
        for action in [
            r#""add_asset":{"asset":"USD"}"#.to_owned(),
            r#""add_asset":{"asset":"BTC"}"#.to_owned(),
            r#""set_sources":{"asset":"BTC","rules":{"sources_min":1},"sources":[{"source":1,"weight":1}]}"#.to_owned(),
            format!(r#""report_price":{{"asset":"BTC","source":1,"price":"50000","observed":{}}}"#, venue.time),
            r#""list_instrument":{"instrument":"BTC-PERPETUAL","terms":{"tick":"0.5"}}"#.to_owned(),
            format!(r#""set_methodology":{{"text":{},"notice_ends":{notice}}}"#, serde_json::to_string(core).unwrap()),
            format!(r#""set_methodology":{{"text":{},"notice_ends":{notice}}}"#, serde_json::to_string(standard).unwrap()),
            r#""open_epoch":{}"#.to_owned(),
            r#""open_account":{"margin_model":"portfolio"}"#.to_owned(),
            r#""open_account":{"margin_model":"portfolio"}"#.to_owned(),
        ] {
            let events = venue.act(&action);
            assert!(!events.iter().any(|event| event.contains("rejected")), "{action}: {events:#?}");
        }
        venue
    }

    pub fn act(&mut self, action: &str) -> Vec<String> {
        self.time += 1;
        let sequence = self.state.sequence() + 1;
        let line = format!(r#"{{"sequence":{sequence},"time":{},{action}}}"#, self.time);
        let command: Command =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let mut events: Vec<Event> = Vec::new();
        apply(&mut self.state, &command, &mut events);
        events.iter().map(|event| serde_json::to_string(event).unwrap()).collect()
    }

    /// Lets time pass; bitcoin is quoted anew.
    pub fn pass(&mut self, milliseconds: i64) {
        self.time += milliseconds;
        let observed = self.time;
        self.act(&format!(
            r#""report_price":{{"asset":"BTC","source":1,"price":"50000","observed":{observed}}}"#
        ));
    }

    /// Lets bitcoin go to a price, by a twenty-fifth every four minutes, and stay there for ten.
    pub fn walk(&mut self, from: f64, to: f64) {
        let mut price = from;
        while price != to {
            price = if to > price { (price * 1.04).min(to) } else { (price / 1.04).max(to) };
            self.quote(price, if price == to { 10 } else { 4 });
        }
    }

    fn quote(&mut self, price: f64, minutes: u32) {
        for _ in 0..minutes {
            self.time += 60_000;
            let observed = self.time;
            self.act(&format!(
                r#""report_price":{{"asset":"BTC","source":1,"price":"{price:.1}","observed":{observed}}}"#
            ));
        }
    }

    pub fn deposit(&mut self, account: u32, asset: &str, amount: &str) {
        let id = self.state.sequence() + 1;
        let events = [
            self.act(&format!(r#""announce_deposit":{{"id":{id},"account":{account},"asset":"{asset}","amount":"{amount}"}}"#)),
            self.act(&format!(r#""credit_deposit":{{"id":{id},"account":{account}}}"#)),
        ];
        assert!(!format!("{events:?}").contains("rejected"), "{events:#?}");
    }

    pub fn limit(
        &mut self,
        account: u32,
        instrument: &str,
        side: &str,
        lots: i64,
        price: &str,
    ) -> Vec<String> {
        let id = self.state.instrument_id(&instrument.parse().unwrap()).unwrap().0;
        self.act(&format!(
            r#""place_order":{{"account":{account},"order":{{"instrument":{id},"side":"{side}","lots":{lots},"type":{{"limit":{{"price":"{price}"}}}}}}}}"#
        ))
    }

    /// Everything that must hold.
    pub fn check(&mut self) {
        assert_eq!(self.state.record_hash(), self.state.record_hash_from_scratch());
        self.state.audit().unwrap();
    }
}
