//! A small venue to liquidate on.

use std::collections::BTreeMap;

use instruments::Amount;
use ledger::AccountId;
use plimsoll_engine::event::{CaseEvent, CaseStep, Stands};
use plimsoll_engine::{Command, Event, InstrumentId, Limits, State, apply};

/// A venue with USDC, BTC and ETH, their indices from one source, and a few instruments; portfolio
/// accounts are opened as they are asked for.
pub struct Venue {
    pub state: State,
    pub time: i64,
    pub prices: Vec<(&'static str, f64)>,
    /// Events of the last command.
    pub events: Vec<Event>,
    /// Every event of a case so far.
    pub story: Vec<CaseEvent>,
}

pub const PERPETUAL: &str = "BTC_USDC-PERPETUAL";
pub const INVERSE: &str = "BTC-PERPETUAL";
pub const PUT: &str = "BTC_USDC-27MAR26-40000-P";
pub const CALL: &str = "BTC_USDC-27MAR26-60000-C";
pub const ETHER: &str = "ETH_USDC-PERPETUAL";

impl Venue {
    pub fn new() -> Self {
        let mut venue = Self {
            state: State::new(Limits { accounts_max: 200, ..Limits::default() }).unwrap(),
            time: 1_770_000_000_000,
            prices: vec![("USDC", 1.0), ("BTC", 50_000.0), ("ETH", 2_000.0)],
            events: Vec::new(),
            story: Vec::new(),
        };
        venue.must(r#""add_asset":{"asset":"USD"}"#);
        for asset in ["USDC", "BTC", "ETH"] {
            venue.must(&format!(r#""add_asset":{{"asset":"{asset}"}}"#));
            venue.must(&format!(r#""set_sources":{{"asset":"{asset}","rules":{{"sources_min":1}},"sources":[{{"source":1,"weight":1}}]}}"#));
        }
        venue.report_all();
        venue.surface();
        for (name, tick) in
            [(PERPETUAL, "0.5"), (INVERSE, "0.5"), (PUT, "5"), (CALL, "5"), (ETHER, "0.05")]
        {
            let terms = format!(r#"{{"tick":"{tick}","band_ppm":200000,"band_min":"2000"}}"#);
            venue.must(&format!(r#""list_instrument":{{"instrument":"{name}","terms":{terms}}}"#));
        }
        for name in ["core", "standard"] {
            let text = risk::Methodology::built_in_text(name).unwrap();
            let (text, ends) = (serde_json::to_string(text).unwrap(), venue.time + 100_000_000);
            venue.must(&format!(r#""set_methodology":{{"text":{text},"notice_ends":{ends}}}"#));
        }
        venue.history();
        venue.open_epoch();
        venue
    }

    /// Closes of 600 days that rise and fall by a few per cent.
    fn history(&mut self) {
        let mut days = Vec::new();
        for day in 0..600_i64 {
            let time = (self.time / 86_400_000 - 600 + day) * 86_400_000;
            let swing = |by: i64| ((day * by % 37) - 18) as f64 / 600.0;
            let closes = [(50_000.0, 7), (2_000.0, 11), (1.5, 5), (600.0, 13)];
            let closes = closes.map(|(price, by)| format!("\"{:.2}\"", price * (1.0 + swing(by))));
            days.push(format!(r#"{{"date":{time},"closes":[{}]}}"#, closes.join(",")));
        }
        let days = days.join(",");
        self.must(&format!(
            r#""set_history":{{"assets":["BTC","ETH","XRP","BNB"],"days":[{days}]}}"#
        ));
    }

    /// Liquidation is on; further rules as JSON members.
    pub fn liquidating(&mut self, more: &str) {
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        self.must(&format!(r#""set_liquidation":{{"cash":"USDC"{more}}}"#));
    }

    /// Sends a command and checks all that must hold after it.
    pub fn act(&mut self, action: &str) -> &[Event] {
        self.time += 1;
        let sequence = self.state.sequence() + 1;
        let line = format!(r#"{{"sequence":{sequence},"time":{},{action}}}"#, self.time);
        let command: Command =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        self.events.clear();
        apply(&mut self.state, &command, &mut self.events);
        for event in &self.events {
            if let Event::Case(case) = event {
                self.story.push((**case).clone());
            }
        }
        assert_eq!(self.state.record_hash(), self.state.record_hash_from_scratch());
        self.state.audit().unwrap();
        self.check_steps();
        &self.events
    }

    /// Sends a command that must not be refused.
    pub fn must(&mut self, action: &str) {
        let events = self.act(action);
        assert!(!format!("{events:?}").contains("Rejected"), "{action}: {events:#?}");
    }

    pub fn report(&mut self, asset: &str, price: f64) {
        self.time += 1;
        let observed = self.time;
        self.must(&format!(r#""report_price":{{"asset":"{asset}","source":1,"price":"{price}","observed":{observed}}}"#));
    }

    pub fn report_all(&mut self) {
        for (asset, price) in self.prices.clone() {
            self.report(asset, price);
        }
    }

    /// A new price, told by all sources anew.
    pub fn moves(&mut self, asset: &str, price: f64) {
        let known = self.prices.iter_mut().find(|(name, _)| *name == asset).unwrap();
        known.1 = price;
        self.report(asset, price);
    }

    /// Time passes, with reports each second, so that no index is stale.
    pub fn pass(&mut self, milliseconds: i64) {
        let end = self.time + milliseconds;
        while self.time < end {
            self.time += (end - self.time).min(500);
            self.report_all();
        }
        self.must(r#""tick":{}"#);
    }

    pub fn surface(&mut self) {
        let expiry = r#""expiry":"2026-03-27T08:00:00Z""#;
        let flat = r#""volatility":{"flat":{"volatility_ppb":600000000}}"#;
        for (asset, price) in self.prices.clone() {
            if asset != "USDC" {
                self.must(&format!(r#""set_surface":{{"underlying":"{asset}","expiries":[{{{expiry},"forward":"{price}",{flat}}}]}}"#));
            }
        }
    }

    pub fn open_epoch(&mut self) {
        self.must(r#""open_epoch":{}"#);
    }

    /// A portfolio account with a deposit.
    pub fn account(&mut self, amount: &str) -> u32 {
        self.account_of("portfolio", amount)
    }

    pub fn account_of(&mut self, model: &str, amount: &str) -> u32 {
        let account = self.state.accounts();
        self.must(&format!(r#""open_account":{{"margin_model":"{model}"}}"#));
        self.deposit(account, "USDC", amount);
        account
    }

    pub fn deposit(&mut self, account: u32, asset: &str, amount: &str) {
        let id = self.state.sequence() + 1;
        self.must(&format!(r#""announce_deposit":{{"id":{id},"account":{account},"asset":"{asset}","amount":"{amount}"}}"#));
        self.must(&format!(r#""credit_deposit":{{"id":{id},"account":{account}}}"#));
    }

    pub fn insure(&mut self, amount: &str) {
        self.must(&format!(
            r#""move_capital":{{"account":"insurance","asset":"USDC","amount":"{amount}"}}"#
        ));
    }

    pub fn id(&self, instrument: &str) -> InstrumentId {
        self.state.instrument_id(&instrument.parse().unwrap()).unwrap()
    }

    pub fn limit(&mut self, account: u32, instrument: &str, side: &str, lots: i64, price: f64) {
        let id = self.id(instrument).0;
        self.must(&format!(
            r#""place_order":{{"account":{account},"order":{{"instrument":{id},"side":"{side}","lots":{lots},"type":{{"limit":{{"price":"{price}"}}}}}}}}"#
        ));
    }

    /// A trade between two accounts.
    pub fn trade(&mut self, buyer: u32, seller: u32, instrument: &str, lots: i64, price: f64) {
        self.limit(seller, instrument, "sell", lots, price);
        self.limit(buyer, instrument, "buy", lots, price);
    }

    pub fn lots(&self, account: u32, instrument: &str) -> i64 {
        let view = self.state.account(AccountId::new(account)).unwrap();
        let position = view.positions.get(&instrument.parse().unwrap());
        position.map_or(0, |position| position.quantity.lots())
    }

    /// What happened in cases, by name.
    pub fn steps(&self) -> Vec<String> {
        let name = |event: &CaseEvent| {
            let text = serde_json::to_value(&event.what).unwrap();
            let (name, _) = text.as_object().unwrap().iter().next().unwrap();
            match &event.what {
                CaseStep::Stage { stage, cause, .. } => format!("{stage:?} {cause:?}"),
                CaseStep::Closed { outcome, .. } => format!("{outcome:?}"),
                _ => name.clone(),
            }
        };
        self.story.iter().map(name).collect()
    }
}

/// How an account stands, in dollars.
#[derive(Clone, Copy, Debug)]
pub struct Dollars {
    pub equity: f64,
    pub maintenance: f64,
    pub value: f64,
}

impl From<Stands> for Dollars {
    fn from(stands: Stands) -> Self {
        let dollars = |amount: Amount| amount.units() as f64 / 1e8;
        Self {
            equity: dollars(stands.equity),
            maintenance: dollars(stands.maintenance),
            value: dollars(stands.value),
        }
    }
}

impl Venue {
    pub fn stands(&self, account: u32) -> Dollars {
        self.state.stands(AccountId::new(account)).unwrap().into()
    }

    /// Invariants of what a command did: no case opens on a healthy account, and no forced trade lets
    /// equity over requirement fall while equity is positive.
    fn check_steps(&self) {
        let mut before: BTreeMap<AccountId, Stands> = BTreeMap::new();
        let steps = self.events.iter().filter_map(|event| match event {
            Event::Case(case) => Some(&**case),
            _ => None,
        });
        for event in steps {
            let stands = match event.what {
                CaseStep::Opened { stands, .. } => {
                    assert!(stands.equity < stands.maintenance, "{event:?}");
                    continue;
                }
                CaseStep::Order { stands, .. } | CaseStep::Sold { stands, .. } => stands,
                CaseStep::Deleveraged { counterparty, .. } => {
                    // Where nobody else can, accounts in cases give up hedges too.
                    before.remove(&counterparty);
                    continue;
                }
                _ => continue,
            };
            if let Some(before) = before.insert(event.account, stands) {
                keeps_ratio(before, stands, &self.events);
            }
        }
        for (account, before) in before {
            keeps_ratio(before, self.state.stands(account).unwrap(), &self.events);
        }
    }
}

fn keeps_ratio(before: Stands, after: Stands, events: &[Event]) {
    let [e0, m0, e1, m1] =
        [before.equity, before.maintenance, after.equity, after.maintenance].map(Amount::units);
    assert!(e0 <= 0 || e1 * m0 >= e0 * m1, "E/MM falls: {before:?}, {after:?} {events:#?}");
}
