//! Whoever is to be liquidated is found without a look at everybody: the same events as from a scan
//! of all accounts after each price, whatever happens in between.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use book::{OrderId, Phase, Side};
use engine::command::Action;
use engine::event::{CaseStep, Event};
use engine::{Command, InstrumentId, Limits, State, apply};
use instruments::{Amount, Asset, Instrument, Price, SCALE, Timestamp};
use ledger::AccountId;
use risk::MarginModel;

use crate::cases;
use crate::script::venue::{asset, at};
use crate::script::{InstrumentView, OrderView, Random, Script, View};

/// Scripts played in a usual run.
const SCRIPTS: u64 = 240;
const MINUTE: i64 = Timestamp::HOUR / 60;
const NAMES: [&str; 3] = ["USDC", "BTC", "ETH"];
const LIMITS: Limits = Limits {
    accounts_max: 12,
    assets_max: 5,
    transfers_max: 20_000,
    instruments_max: 13,
    orders_max: 60,
    vectors_max: 3,
};

/// One engine that watches and one that looks at everybody.
struct Twins {
    watching: State,
    scanning: State,
    random: Random,
    seen: Seen,
}

/// What happened on the way.
#[derive(Default)]
struct Seen {
    /// Cases that were opened.
    cases: u64,
    /// Accounts that needed no look, after all commands together, by margin model.
    passed_over: BTreeMap<MarginModel, u64>,
    /// Times that the watching engine was put aside and read again.
    stops: u64,
}

impl Twins {
    fn new(seed: u64) -> Self {
        let [watching, mut scanning] = [0; 2].map(|_| State::new(LIMITS).unwrap());
        scanning.scan_everyone(true);
        Self { watching, scanning, random: Random::new(!seed), seen: Seen::default() }
    }

    /// Applies a command to both; says what differs.
    fn step(&mut self, command: &Command) -> Result<(), String> {
        let [mut events, mut expected] = [Vec::new(), Vec::new()];
        let applied = catch_unwind(AssertUnwindSafe(|| {
            apply(&mut self.watching, command, &mut events);
            apply(&mut self.scanning, command, &mut expected);
        }));
        if applied.is_err() {
            return Err(format!("{command:?} panics after {events:?}"));
        }
        if let Some(place) = (0..events.len().max(expected.len()))
            .find(|place| events.get(*place) != expected.get(*place))
        {
            let [found, expected] = [&events, &expected].map(|events| events.get(place));
            return Err(format!("{command:?}: {found:#?}, by a scan {expected:#?}"));
        }
        if self.watching.record_hash() != self.scanning.record_hash() {
            return Err(format!("after {command:?} records differ"));
        }
        let opened = |event: &&Event| matches!(event, Event::Case(case) if matches!(case.what, CaseStep::Opened { .. }));
        self.seen.cases += events.iter().filter(opened).count() as u64;
        for (model, count) in self.watching.audit_watches()? {
            *self.seen.passed_over.entry(model).or_default() += u64::from(count);
        }
        if self.random.per_mille(15) {
            let mut bytes = Vec::new();
            self.watching.write_snapshot(&mut bytes).unwrap();
            self.watching = State::read_snapshot(&mut &bytes[..]).map_err(|e| e.to_string())?;
            self.seen.stops += 1;
        }
        Ok(())
    }

    fn act(&mut self, milliseconds: i64, action: &str) -> Result<(), String> {
        let (sequence, time) = (self.watching.sequence() + 1, self.watching.time().milliseconds());
        let time = time + milliseconds;
        let line = format!(r#"{{"sequence":{sequence},"time":{time},{action}}}"#);
        let command = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        self.step(&command)
    }

    /// An index moves, as all its sources see it.
    fn price(&mut self, name: &str, by: i64, milliseconds: i64) -> Result<(), String> {
        let price = self.watching.market().price(asset(name)).map_or(SCALE, Price::units);
        let moved = i128::from(price) * i128::from(10_000 + by) / 10_000;
        let price =
            Price::from_units(i64::try_from(moved).unwrap().clamp(SCALE / 100, SCALE << 20));
        for source in 1..=5 {
            let wait = if source == 1 { milliseconds } else { 1 };
            let observed = self.watching.time().milliseconds() + wait;
            self.act(wait, &format!(r#""report_price":{{"asset":"{name}","source":{source},"price":"{price}","observed":{observed}}}"#))?;
        }
        Ok(())
    }

    /// Two accounts trade so much at about the mark that one of them often has just enough.
    fn trade(&mut self) -> Result<(), String> {
        let id = self.random.below(u64::from(self.watching.instruments().max(1)));
        let accounts = u64::from(self.watching.accounts().max(1));
        let parties = [0; 2].map(|_| self.random.below(accounts));
        let sides = if self.random.percent(50) { ["buy", "sell"] } else { ["sell", "buy"] };
        let lots = 1_i64 << self.random.below(18);
        self.exchange(InstrumentId(u32::try_from(id).unwrap()), parties, sides, lots)
    }

    fn exchange(
        &mut self,
        id: InstrumentId,
        parties: [u64; 2],
        sides: [&str; 2],
        lots: i64,
    ) -> Result<(), String> {
        let (Some(mark), Some(instrument)) = (self.watching.mark(id), self.watching.instrument(id))
        else {
            return Ok(());
        };
        let tick = if instrument.is_option() { SCALE / 2_000 } else { 50 * SCALE };
        let price = Price::from_units((mark.units() / tick).max(1) * tick);
        for (account, side) in parties.into_iter().zip(sides) {
            self.act(1, &format!(r#""place_order":{{"account":{account},"order":{{"instrument":{},"side":"{side}","lots":{lots},"type":{{"limit":{{"price":"{price}"}}}}}}}}"#, id.0))?;
        }
        Ok(())
    }

    /// Accounts take out as much of what they have as they may, by halves.
    fn squeeze(&mut self) -> Result<(), String> {
        for number in 0..self.watching.accounts() {
            let balances = self.watching.account(AccountId::new(number)).unwrap().balances;
            for (asset, balance) in balances {
                let mut amount = balance.units();
                for _ in 0..6 {
                    let id = 1_000_000 + self.watching.sequence();
                    let units = Amount::from_units(amount);
                    self.act(1, &format!(r#""request_withdrawal":{{"id":{id},"account":{number},"asset":"{asset}","amount":"{units}"}}"#))?;
                    self.act(
                        1,
                        &format!(r#""confirm_withdrawal":{{"id":{id},"account":{number}}}"#),
                    )?;
                    amount /= 2;
                }
            }
        }
        Ok(())
    }

    /// Legs that offset others come to their expiry while prices hardly move: margin rises with time.
    fn approach(&mut self) -> Result<(), String> {
        let now = self.watching.time();
        let ids = (0..self.watching.instruments()).map(InstrumentId);
        let live = ids.filter_map(|id| Some((id, self.watching.instrument(id)?)));
        let live: Vec<_> = live.filter(|(_, one)| one.expiry().is_none_or(|at| at > now)).collect();
        let next = live.iter().filter_map(|(_, one)| one.expiry()).min();
        let Some(next) = next.filter(|next| next.since(now) < Timestamp::DAY) else {
            return Ok(());
        };
        let ahead = self.random.within(0, (next.since(now) - Timestamp::HOUR).max(1));
        self.calm(ahead)?;
        self.act(1, r#""open_epoch":{}"#)?;
        let ends = |one: &Instrument| one.expiry() == Some(next);
        for (near, one) in live.iter().filter(|(_, one)| ends(one)) {
            for (far, other) in live.iter().filter(|(_, other)| !ends(other)) {
                let accounts = u64::from(self.watching.accounts().max(1));
                let parties = [0; 2].map(|_| self.random.below(accounts));
                let lots = 1_i64 << self.random.below(18);
                if one.base() == other.base() {
                    self.exchange(*near, parties, ["buy", "sell"], lots)?;
                    self.exchange(*far, parties, ["sell", "buy"], lots)?;
                }
            }
        }
        self.squeeze()?;
        while next.since(self.watching.time()) > 20 * MINUTE {
            let pause = self.random.within(MINUTE, 20 * MINUTE);
            self.calm(pause)?;
        }
        Ok(())
    }

    /// Every index is seen once more, after a while.
    fn calm(&mut self, milliseconds: i64) -> Result<(), String> {
        for (place, name) in NAMES.into_iter().enumerate() {
            let by = self.random.within(-2, 2) * i64::from(name != "USDC");
            self.price(name, by, if place == 0 { milliseconds } else { 1 })?;
        }
        Ok(())
    }

    /// Other rules for accounts margined by position, with notice or nearly without.
    fn change_rules(&mut self) -> Result<(), String> {
        let name = self.random.pick(&["standard", "derive-srm", "paradex-xm"]);
        let text = risk::Methodology::built_in_text(name).unwrap();
        let text = serde_json::to_string(text).unwrap();
        let ends = self.watching.time().milliseconds() + self.random.pick(&[2, 60_000, 1_000_000]);
        self.act(1, &format!(r#""set_methodology":{{"text":{text},"notice_ends":{ends}}}"#))?;
        self.act(1, r#""open_epoch":{}"#)
    }

    /// Some trades, then prices that move while hardly anything else happens.
    fn episode(&mut self) -> Result<(), String> {
        if self.random.percent(15) {
            self.change_rules()?;
        }
        for _ in 0..self.random.below(40) {
            self.trade()?;
        }
        if self.random.percent(25) {
            return self.approach();
        }
        if self.random.percent(50) {
            self.squeeze()?;
        }
        let swing = self.random.pick(&[3, 30, 100, 400, 1_500]);
        for _ in 0..self.random.within(3, 25) {
            let name = self.random.weighted(&[(1, "USDC"), (6, "BTC"), (4, "ETH")]);
            let by = self.random.within(-swing, swing) / if name == "USDC" { 20 } else { 1 };
            let pause = self.random.weighted(&[(20, 100), (10, 4_000), (1, 600_000)]);
            self.price(name, by, pause)?;
            match self.random.below(12) {
                0 => self.act(1, r#""tick":{}"#)?,
                1 => self.act(1, r#""open_epoch":{}"#)?,
                2 => self.trade()?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a script must see of a state.
fn view(state: &State) -> View {
    let mut view = View {
        sequence: state.sequence(),
        time: state.time().milliseconds(),
        accounts: state.accounts(),
        prices: NAMES.map(|name| state.market().price(asset(name)).ok()),
        arrays_hash: state.epoch().map(|epoch| epoch.arrays_hash),
        ..View::default()
    };
    let ids: Vec<InstrumentId> = (0..state.instruments()).map(InstrumentId).collect();
    for id in &ids {
        let instrument = state.instrument(*id).unwrap();
        view.instruments.push(InstrumentView {
            instrument,
            tick: SCALE,
            mark: state.mark(*id),
            expired: state.instrument_id(&instrument) != Some(*id),
            in_call: state.book(*id).unwrap().phase() == Phase::Call,
        });
    }
    for number in 0..state.accounts() {
        let account = AccountId::new(number);
        for order in state.orders_of(account) {
            view.orders.extend(order_view(state, &ids, number, order));
        }
        let held = state.account(account).unwrap();
        for (instrument, position) in held.positions {
            let id = state.instrument_id(&instrument).unwrap();
            view.positions.push((number, id.0, position.quantity.lots()));
        }
    }
    view
}

fn order_view(state: &State, ids: &[InstrumentId], account: u32, id: OrderId) -> Option<OrderView> {
    let resting =
        |instrument: &&InstrumentId| state.book(**instrument).unwrap().order(id).is_some();
    let instrument = ids.iter().find(resting)?;
    let order = state.book(*instrument).unwrap().order(id)?;
    Some(OrderView {
        id: id.0,
        account,
        instrument: instrument.0,
        price: order.price.0.saturating_mul(SCALE),
        open: order.displayed.0 + order.hidden.0,
        buys: order.side == Side::Buy,
        waits: false,
    })
}

fn play(seed: u64) -> Result<Seen, String> {
    let (mut twins, mut script) = (Twins::new(seed), Script::new(seed));
    let cash: Asset = asset("USDC");
    let mut commands = 0;
    // Some venues margin by position alone.
    let has_portfolios = seed % 8 != 7;
    while let Some(mut command) = script.next(&view(&twins.watching)) {
        if !has_portfolios
            && matches!(&command.action, Action::SetMethodology(set) if set.text.contains("kind = \"scenario\""))
        {
            continue;
        }
        if command.time < twins.watching.time() {
            command.time = at(twins.watching.time().milliseconds() + 1);
        }
        twins.step(&command)?;
        commands += 1;
        if commands % 20 == 0 && twins.random.percent(30) {
            let cooldown = twins.random.pick(&[1, 5_000]);
            twins.act(
                1,
                &format!(
                    r#""set_liquidation":{{"cash":"{cash}","cooldown_ms":{cooldown},"vault":0}}"#
                ),
            )?;
        }
        if commands > 60 && twins.random.percent(5) {
            twins.episode()?;
        }
    }
    Ok(twins.seen)
}

#[test]
fn events_are_those_of_a_scan_of_everybody() {
    let first = std::env::var("PLIMSOLL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut all = Seen::default();
    for seed in first.unwrap_or(0)..cases(SCRIPTS) {
        let seen = play(seed).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        all.cases += seen.cases;
        for (model, count) in seen.passed_over {
            *all.passed_over.entry(model).or_default() += count;
        }
        all.stops += seen.stops;
    }
    let Seen { cases, passed_over, stops } = all;
    let found = format!("{cases} cases, {passed_over:?} passed over, {stops} snapshots");
    println!("{found}");
    if first.is_none() {
        let many = |model| passed_over.get(&model).is_some_and(|count| *count > 30_000);
        let models = [MarginModel::Portfolio, MarginModel::Cross, MarginModel::Isolated];
        assert!(cases > 200 && models.into_iter().all(many) && stops > 200, "{found}");
    }
}
