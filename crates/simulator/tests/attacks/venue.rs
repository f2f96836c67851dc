//! A small venue to attack, with bidders of its own, and every invariant checked after each command.

use engine::event::{CaseEvent, CaseStep};
use engine::{Command, Event, InstrumentId, Limits, State, apply};
use instruments::Amount;
use ledger::AccountId;
use simulator::bots::{Bot, Liquidator, Strategy, offers};
use simulator::{Cadence, Invariants};

/// A venue with USDC, BTC and ETH, their indices from one source, and perpetuals; portfolio accounts are
/// opened as they are asked for.
pub struct Venue {
    pub state: State,
    pub time: i64,
    invariants: Invariants,
    prices: Vec<(&'static str, f64)>,
    /// Events of the last command.
    pub events: Vec<Event>,
    /// Every event of a case so far.
    pub story: Vec<CaseEvent>,
    bots: Vec<Liquidator>,
}

pub const BITCOIN: &str = "BTC_USDC-PERPETUAL";
pub const ETHER: &str = "ETH_USDC-PERPETUAL";
/// Taker's and maker's fees.
const FEES: &str = r#"{"maker_ppm":-50,"taker_ppm":400}"#;

impl Venue {
    /// A venue that liquidates by further rules as JSON members, with so much in its fund, and in its vault,
    /// which is account 0.
    pub fn new(rules: &str, fund: &str, vault: &str) -> Self {
        let cadence = Cadence { margins_every: 1, all_every: 500, scan_every: 1 };
        let mut venue = Self {
            state: State::new(Limits { accounts_max: 300, ..Limits::default() }).unwrap(),
            time: 1_770_000_000_000,
            invariants: Invariants::new(cadence),
            prices: vec![("USDC", 1.0), ("BTC", 50_000.0), ("ETH", 2_000.0)],
            events: Vec::new(),
            story: Vec::new(),
            bots: Vec::new(),
        };
        venue.must(r#""add_asset":{"asset":"USD"}"#);
        for asset in ["USDC", "BTC", "ETH"] {
            venue.must(&format!(r#""add_asset":{{"asset":"{asset}"}}"#));
            venue.must(&format!(r#""set_sources":{{"asset":"{asset}","rules":{{"sources_min":1}},"sources":[{{"source":1,"weight":1}}]}}"#));
        }
        venue.report_all();
        for (name, tick) in [(BITCOIN, "0.5"), (ETHER, "0.05")] {
            let terms = format!(r#"{{"tick":"{tick}","band_ppm":50000,"fees":{FEES}}}"#);
            venue.must(&format!(r#""list_instrument":{{"instrument":"{name}","terms":{terms}}}"#));
        }
        for name in ["core", "standard"] {
            venue.methodology(risk::Methodology::built_in_text(name).unwrap(), 1_000);
        }
        venue.history();
        venue.must(r#""open_epoch":{}"#);
        venue.must(&format!(
            r#""move_capital":{{"account":"insurance","asset":"USDC","amount":"{fund}"}}"#
        ));
        let vault = venue.account(vault);
        let more = if rules.is_empty() { String::new() } else { format!(",{rules}") };
        venue.must(&format!(r#""set_liquidation":{{"cash":"USDC","vault":{vault}{more}}}"#));
        venue
    }

    /// A methodology whose change is noticed for so many milliseconds.
    pub fn methodology(&mut self, text: &str, notice_ms: i64) {
        let (text, ends) = (serde_json::to_string(text).unwrap(), self.time + notice_ms);
        self.must(&format!(r#""set_methodology":{{"text":{text},"notice_ends":{ends}}}"#));
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

    /// Sends a command and checks all that must hold after it.
    pub fn act(&mut self, action: &str) -> &[Event] {
        let line = format!(
            r#"{{"sequence":{},"time":{},{action}}}"#,
            self.state.sequence() + 1,
            self.time + 1
        );
        let command = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        self.apply(command);
        &self.events
    }

    fn apply(&mut self, command: Command) {
        self.time = command.time.milliseconds();
        self.events.clear();
        self.invariants.before(&mut self.state, &command);
        apply(&mut self.state, &command, &mut self.events);
        self.invariants.after(&mut self.state, &command, &self.events).unwrap();
        for event in &self.events {
            if let Event::Case(case) = event {
                self.story.push((**case).clone());
            }
        }
    }

    /// Sends a command that must not be refused.
    pub fn must(&mut self, action: &str) {
        let refused = self.tries(action);
        assert!(refused.is_none(), "{action}: {refused:?}");
    }

    /// Sends a command; gives why it was refused, if it was.
    pub fn tries(&mut self, action: &str) -> Option<String> {
        self.act(action).iter().find_map(|event| match event {
            Event::Rejected(rejected) => Some(rejected.reason.to_string()),
            _ => None,
        })
    }

    pub fn report(&mut self, asset: &str, price: f64) {
        let observed = self.time + 1;
        self.must(&format!(r#""report_price":{{"asset":"{asset}","source":1,"price":"{price}","observed":{observed}}}"#));
    }

    pub fn report_all(&mut self) {
        for (asset, price) in self.prices.clone() {
            self.report(asset, price);
        }
    }

    /// A new price.
    pub fn moves(&mut self, asset: &str, price: f64) {
        let known = self.prices.iter_mut().find(|(name, _)| *name == asset).unwrap();
        known.1 = price;
        self.report(asset, price);
    }

    /// Time passes, with reports each half second, and the venue's own bidders act.
    pub fn pass(&mut self, milliseconds: i64) {
        let end = self.time + milliseconds;
        while self.time < end {
            self.time += (end - self.time).min(500);
            self.report_all();
            self.bots_act();
        }
        self.must(r#""tick":{}"#);
    }

    fn bots_act(&mut self) {
        let offers = offers(&self.state);
        let bots = self.bots.iter_mut();
        let actions: Vec<_> = bots.flat_map(|bot| bot.act(&self.state, &offers)).collect();
        for action in actions {
            let time = instruments::Timestamp::from_milliseconds(self.time + 1);
            self.apply(Command { sequence: self.state.sequence() + 1, time, action });
        }
    }

    /// A portfolio account with a deposit.
    pub fn account(&mut self, amount: &str) -> u32 {
        let account = self.state.accounts();
        self.must(r#""open_account":{"margin_model":"portfolio"}"#);
        self.deposit(account, "USDC", amount);
        account
    }

    pub fn deposit(&mut self, account: u32, asset: &str, amount: &str) {
        let id = self.state.sequence() + 1;
        self.must(&format!(r#""announce_deposit":{{"id":{id},"account":{account},"asset":"{asset}","amount":"{amount}"}}"#));
        self.must(&format!(r#""credit_deposit":{{"id":{id},"account":{account}}}"#));
    }

    /// Withdraws so many dollars; says whether that was allowed.
    pub fn withdraw(&mut self, account: u32, dollars: f64) -> bool {
        let id = self.state.sequence() + 1;
        let request = format!(
            r#""request_withdrawal":{{"id":{id},"account":{account},"asset":"USDC","amount":"{dollars:.2}"}}"#
        );
        if self.tries(&request).is_some() {
            return false;
        }
        self.must(&format!(r#""confirm_withdrawal":{{"id":{id},"account":{account}}}"#));
        true
    }

    /// Withdraws as much as is allowed, to the dollar; gives how much that was.
    pub fn withdraw_all(&mut self, account: u32) -> f64 {
        let mut withdrawn = 0.0;
        for step in (0..24).rev() {
            let dollars = f64::from(1 << step);
            if self.withdraw(account, dollars) {
                withdrawn += dollars;
            }
        }
        withdrawn
    }

    /// A liquidator with money that the attack does not own.
    pub fn bidder(&mut self, strategy: Strategy, amount: &str) -> u32 {
        let account = self.liquidator(amount);
        self.bots.push(Liquidator::new(AccountId::new(account), strategy));
        account
    }

    /// An account that may bid.
    pub fn liquidator(&mut self, amount: &str) -> u32 {
        let account = self.account(amount);
        self.must(&format!(r#""register_liquidator":{{"account":{account},"registered":true}}"#));
        account
    }

    pub fn bid(&mut self, bidder: u32, case: u64, share: f64, least: f64) -> Option<String> {
        let [share, least] = [share, least].map(|part| (part * 1e9) as u64);
        self.tries(&format!(r#""place_bid":{{"account":{bidder},"case":{case},"share_ppb":{share},"least_ppb":{least},"limit":"10000000"}}"#))
    }

    fn order(account: u32, id: InstrumentId, side: &str, lots: i64, price: f64) -> String {
        let id = id.0;
        format!(
            r#""place_order":{{"account":{account},"order":{{"instrument":{id},"side":"{side}","lots":{lots},"type":{{"limit":{{"price":"{price}"}}}}}}}}"#
        )
    }

    pub fn id(&self, instrument: &str) -> InstrumentId {
        self.state.instrument_id(&instrument.parse().unwrap()).unwrap()
    }

    /// A limit order, its price to the nearest dime, or half a dollar; gives why it was refused, if it was.
    pub fn limit(
        &mut self,
        account: u32,
        instrument: &str,
        side: &str,
        lots: i64,
        price: f64,
    ) -> Option<String> {
        let ticks = if instrument == BITCOIN { 2.0 } else { 10.0 };
        let price = (price * ticks).round() / ticks;
        let order = Self::order(account, self.id(instrument), side, lots, price);
        self.tries(&order)
    }

    /// A trade between two accounts.
    pub fn trade(&mut self, buyer: u32, seller: u32, instrument: &str, lots: i64, price: f64) {
        assert_eq!(self.limit(seller, instrument, "sell", lots, price), None);
        assert_eq!(self.limit(buyer, instrument, "buy", lots, price), None);
    }

    pub fn lots(&self, account: u32, instrument: &str) -> i64 {
        let view = self.state.account(AccountId::new(account)).unwrap();
        let position = view.positions.get(&instrument.parse().unwrap());
        position.map_or(0, |position| position.quantity.lots())
    }

    /// What an account is worth at mark, in dollars.
    pub fn value(&self, account: u32) -> f64 {
        dollars(self.state.stands(AccountId::new(account)).unwrap().value)
    }

    /// Equity and maintenance requirement, in dollars.
    pub fn health(&self, account: u32) -> (f64, f64) {
        let stands = self.state.stands(AccountId::new(account)).unwrap();
        (dollars(stands.equity), dollars(stands.maintenance))
    }

    /// What the insurance fund has.
    pub fn fund(&self) -> f64 {
        dollars(self.state.insurance_fund().cash)
    }

    /// How many cases are open.
    pub fn open_cases(&self) -> usize {
        self.state.cases().count()
    }

    /// What happened in cases, of one kind.
    pub fn told<T>(&self, of: impl Fn(&CaseStep) -> Option<T>) -> Vec<T> {
        self.story.iter().filter_map(|event| of(&event.what)).collect()
    }
}

pub fn dollars(amount: Amount) -> f64 {
    amount.units() as f64 / 1e8
}
