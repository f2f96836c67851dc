//! Random books with options, inverse contracts and several collaterals in a market that crashes: what
//! must hold after every command, whatever comes.

use instruments::{Amount, Rounding};
use ledger::{AccountId, VenueAccount};
use plimsoll_engine::event::{CaseStep, Event};
use plimsoll_engine::liquidation::Stage;

use crate::draws::Random;
use crate::venue::{CALL, ETHER, INVERSE, PERPETUAL, PUT, Venue};

const SCRIPTS: u64 = 100;
/// As many as are named where the long form of the tests is asked for.
const SCRIPTS_LONG: u64 = 10_000;
const STEPS: u64 = 40;
/// Longer than any case may take, pauses aside: see docs/concepts/liquidation.md.
const BOUND_MS: i64 = 10_000 + 2 * 120_000 + 30_000 + 12 * 500;

/// What was reached over all scripts, so that none of the layers goes untested.
#[derive(Default)]
struct Reached {
    opened: u64,
    orders: u64,
    sold: u64,
    taken_over: u64,
    fund: u64,
    deleveraged: u64,
    cut: u64,
    outstanding: u64,
    closed: u64,
    /// Open at the end all the same: accounts that nobody bids for are offered again.
    offered_again: u64,
}

#[test]
fn invariants_of_random_books() {
    let long = std::env::var("PLIMSOLL_TEST_SCALE").is_ok_and(|scale| scale != "1");
    let mut reached = Reached::default();
    for seed in 0..if long { SCRIPTS_LONG } else { SCRIPTS } {
        let run = std::panic::AssertUnwindSafe(|| Script::new(seed).run(&mut reached));
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
    let Reached { opened, orders, sold, taken_over, fund, deleveraged, cut, outstanding, .. } =
        reached;
    println!(
        "{opened} cases, {orders} orders, {sold} slices, {taken_over} taken over, {fund} times the fund, \
         {deleveraged} deleveraged, {cut} cuts, {outstanding} outstanding"
    );
    assert_eq!(opened, reached.closed + reached.offered_again, "every case ends");
    for (what, count) in [
        ("orders", orders),
        ("sold", sold),
        ("taken over", taken_over),
        ("fund", fund),
        ("deleveraged", deleveraged),
        ("cut", cut),
        ("outstanding", outstanding),
    ] {
        assert!(count > 0, "{what} was never reached");
    }
}

struct Script {
    venue: Venue,
    random: Random,
    /// Accounts that trade, makers last, and liquidators.
    traders: Vec<u32>,
    maker: u32,
    liquidators: Vec<u32>,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut venue = Venue::new();
        let vault = if random.percent(50) {
            let money = random.pick(&["2000", "200000"]);
            format!(r#","vault":{}"#, venue.account(money))
        } else {
            String::new()
        };
        let policy = random.pick(&[
            r#"{"queue":{}}"#,
            r#"{"pro_rata":{}}"#,
            r#"{"hedges_last":{"hedge_weight_ppb":50000000,"by_leverage":false}}"#,
            r#"{"hedges_last":{"hedge_weight_ppb":200000000,"by_leverage":true}}"#,
        ]);
        let share = random.pick(&[100_000_000, 1_000_000_000]);
        venue.liquidating(&format!(
            r#""volume_share_ppb":{share},"adl":{policy},"groups":[{{"underlying":"BTC","balance_max":"500","shared_max":"1000"}}]{vault}"#
        ));
        let insured = random.pick(&["0", "1000", "1000000"]);
        if insured != "0" {
            venue.insure(insured);
        }
        let maker = venue.account("100000000");
        venue.deposit(maker, "BTC", "5000");
        let liquidators: Vec<u32> = (0..2).map(|_| venue.account("200000")).collect();
        for liquidator in &liquidators {
            venue.must(&format!(
                r#""register_liquidator":{{"account":{liquidator},"registered":true}}"#
            ));
        }
        let mut script = Self { venue, random, traders: Vec::new(), maker, liquidators };
        script.open_books();
        script
    }

    /// Traders with collateral of all kinds, and as much in positions as margin lets them.
    fn open_books(&mut self) {
        for _ in 0..6 {
            let model = self.random.weighted(&[(4, "portfolio"), (1, "cross"), (1, "isolated")]);
            let money = self.random.within(500, 20_000);
            let trader = self.venue.account_of(model, &money.to_string());
            match self.random.below(4) {
                0 => self.venue.deposit(trader, "BTC", "0.2"),
                1 => self.venue.deposit(trader, "ETH", "3"),
                _ => {}
            }
            self.traders.push(trader);
            for _ in 0..self.random.within(1, 4) {
                self.trade_as_much_as_possible(trader);
            }
        }
    }

    fn trade_as_much_as_possible(&mut self, trader: u32) {
        let (name, price, most) = self.random.pick(&[
            (PERPETUAL, 50_000.0, 4_000),
            (INVERSE, 50_000.0, 20_000),
            (ETHER, 2_000.0, 20_000),
            (PUT, 900.0, 2_000),
            (CALL, 1_500.0, 2_000),
        ]);
        let buys = self.random.percent(50);
        let [own, others] = if buys { ["buy", "sell"] } else { ["sell", "buy"] };
        self.venue.limit(self.maker, name, others, most, price);
        let id = self.venue.id(name).0;
        let mut lots = self.random.within(most / 20 + 1, most);
        while lots > 0 {
            let text = format!(
                r#""place_order":{{"account":{trader},"order":{{"instrument":{id},"side":"{own}","lots":{lots},"type":{{"immediate_or_cancel":{{"price":"{price}"}}}}}}}}"#
            );
            let events = self.venue.act(&text);
            if !events.iter().any(|event| matches!(event, Event::Rejected(_))) {
                break;
            }
            lots /= 2;
        }
        let maker = self.maker;
        self.venue.must(&format!(r#""cancel_orders":{{"account":{maker}}}"#));
    }

    fn run(&mut self, reached: &mut Reached) {
        let drift = self.random.pick(&[-3, 0, 3]);
        for _ in 0..STEPS {
            self.step(drift);
        }
        // Markets come to rest, and everything that is open ends.
        let until = self.venue.time + BOUND_MS;
        while self.venue.time < until && self.venue.state.cases().next().is_some() {
            self.venue.time += 4_000;
            self.venue.report_all();
            self.check();
        }
        for case in self.venue.state.cases() {
            let age = self.venue.time - case.opened.milliseconds();
            assert!(age < BOUND_MS, "{} has been open for {age} ms", case.id);
            reached.offered_again += 1;
        }
        self.count(reached);
    }

    fn step(&mut self, drift: i64) {
        match self.random.below(10) {
            0..4 => self.prices_move(drift),
            4 => self.someone_quotes(),
            5 | 6 => self.someone_bids(),
            7 => {
                self.venue.open_epoch();
                self.venue.surface();
            }
            8 if self.random.percent(30) => {
                let trader = self.random.pick(&self.traders);
                let amount = self.random.within(1, 2_000).to_string();
                self.venue.deposit(trader, "USDC", &amount);
            }
            _ => {
                self.venue.time += self.random.within(100, 8_000);
                self.venue.report_all();
                self.venue.must(r#""tick":{}"#);
            }
        }
        self.check();
    }

    fn prices_move(&mut self, drift: i64) {
        let by = self.random.within(-6, 6) + drift;
        for (asset, beta) in [("BTC", 1.0), ("ETH", 1.3)] {
            let known = self.venue.prices.iter().find(|(name, _)| *name == asset).unwrap().1;
            let price = known * (1.0 + by as f64 * beta / 100.0);
            self.venue.time += 200;
            self.venue.moves(asset, (price * 100.0).round() / 100.0);
            self.check();
        }
    }

    fn someone_quotes(&mut self) {
        let name = self.random.pick(&[PERPETUAL, INVERSE, ETHER]);
        let Some(mark) = self.venue.state.mark(self.venue.id(name)) else { return };
        let side = self.random.pick(&["buy", "sell"]);
        let away = self.random.within(0, 40) as f64 / 1_000.0;
        let away = if side == "buy" { 1.0 - away } else { 1.0 + away };
        let price = (mark.units() as f64 / 1e8 * away * 2.0).round() / 2.0;
        let (maker, id, lots) = (self.maker, self.venue.id(name).0, self.random.within(1, 5_000));
        self.venue.act(&format!(
            r#""place_order":{{"account":{maker},"order":{{"instrument":{id},"side":"{side}","lots":{lots},"type":{{"limit":{{"price":"{price}"}}}}}}}}"#
        ));
    }

    fn someone_bids(&mut self) {
        let open: Vec<_> = self.venue.state.cases().collect();
        for case in open {
            if !matches!(case.stage, Stage::Auction | Stage::Insolvent) || self.random.percent(50) {
                continue;
            }
            let bidder = self.random.pick(&self.liquidators);
            let share = self.random.pick(&[1_000_000_000, 500_000_000, 50_000_000, 1]);
            let least = self.random.within(0, 300_000_000);
            let limit = self.random.pick(&["100", "1000000"]);
            let case = case.id.0;
            self.venue.act(&format!(
                r#""place_bid":{{"account":{bidder},"case":{case},"share_ppb":{share},"least_ppb":{least},"limit":"{limit}"}}"#
            ));
        }
    }

    /// What must hold between commands.
    fn check(&self) {
        let state = &self.venue.state;
        for number in 0..state.accounts() {
            let account = AccountId::new(number);
            let view = state.account(account).unwrap();
            let in_case = state.cases().any(|case| case.account == account);
            let Ok(stands) = state.stands(account) else { continue };
            if view.positions.is_empty() && !in_case {
                assert!(stands.value >= Amount::ZERO, "no-hidden-debt: {account} {stands:?}");
            }
        }
        let open = state.cases();
        let late = open.filter(|case| !case.paused && state.time().since(case.opened) > BOUND_MS);
        assert_eq!(late.count(), 0, "liveness: a case is open for longer than it may");
        self.fund_pays_what_was_lacking();
    }

    /// No taker is paid more than what the account lacked and its maintenance margin.
    fn fund_pays_what_was_lacking(&self) {
        for event in &self.venue.story {
            if let CaseStep::TakenOver { stands, deficit, premium, units, whole, .. } = event.what {
                let part = |amount: i128| {
                    let (units, whole) = (i128::from(units), i128::from(whole));
                    instruments::mul_div(amount, units, whole, Rounding::Ceil).unwrap()
                };
                assert!(deficit.units() <= part(-stands.value.units()), "{event:?}");
                assert!(premium.units() <= part(stands.maintenance.units()) + 1, "{event:?}");
            }
        }
        let fund = VenueAccount::Insurance;
        let ledger = self.venue.state.ledger();
        assert!(ledger.assets().all(|(asset, _)| ledger.venue(fund, asset) >= Amount::ZERO));
    }

    fn count(&self, reached: &mut Reached) {
        for event in &self.venue.story {
            let counter = match event.what {
                CaseStep::Opened { .. } => &mut reached.opened,
                CaseStep::Order { .. } => &mut reached.orders,
                CaseStep::Sold { .. } => &mut reached.sold,
                CaseStep::TakenOver { .. } => &mut reached.taken_over,
                CaseStep::FundPaid { .. } => &mut reached.fund,
                CaseStep::Deleveraged { .. } => &mut reached.deleveraged,
                CaseStep::Cut { .. } => &mut reached.cut,
                CaseStep::Outstanding { .. } => &mut reached.outstanding,
                CaseStep::Closed { .. } => &mut reached.closed,
                _ => continue,
            };
            *counter += 1;
        }
    }
}
