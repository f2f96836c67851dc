//! Random books that crash: everybody is paid or has paid for what they lack, and nobody gave up more
//! than they gained.

use std::collections::BTreeMap;

use instruments::{Amount, Instrument, Rounding};
use ledger::{AccountId, VenueAccount};
use plimsoll_engine::Event;
use plimsoll_engine::event::{CaseEvent, CaseStep};
use plimsoll_engine::liquidation::Stage;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::venue::{CALL, ETHER, INVERSE, PERPETUAL, PUT, Venue};
use crate::world::{AT_ONCE, Looks};

const INSTRUMENTS: [&str; 5] = [PERPETUAL, INVERSE, CALL, PUT, ETHER];
const POLICIES: [&str; 4] = [
    r#""adl":{"queue":{}}"#,
    r#""adl":{"pro_rata":{}}"#,
    r#""adl":{"hedges_last":{"hedge_weight_ppb":50000000,"by_leverage":false}}"#,
    r#""adl":{"hedges_last":{"hedge_weight_ppb":200000000,"by_leverage":true}}"#,
];

#[derive(Clone, Debug)]
struct Trade {
    buyer: usize,
    seller: usize,
    instrument: usize,
    /// Of a size that is large for the accounts.
    per_mille: i64,
}

#[derive(Clone, Debug)]
struct Book {
    /// Whole USDC, thousandths of a coin.
    accounts: Vec<(u32, u32)>,
    trades: Vec<Trade>,
    /// Prices of a coin and an ether, as per mille of what they were.
    moves: Vec<(u32, u32)>,
    fund: u32,
    policy: usize,
    cap_ppb: u32,
}

fn book() -> impl Strategy<Value = Book> {
    let account = (1_000_u32..60_000, prop_oneof![3 => Just(0_u32), 1 => 1_u32..500]);
    let trade = (0..8_usize, 0..8_usize, 0..5_usize, 1_i64..1_000).prop_map(
        |(buyer, seller, instrument, per_mille)| Trade { buyer, seller, instrument, per_mille },
    );
    let a_move = (400_u32..1_700, 500_u32..1_500);
    (
        prop::collection::vec(account, 8),
        prop::collection::vec(trade, 4..24),
        prop::collection::vec(a_move, 1..4),
        prop_oneof![Just(0_u32), 1_u32..20_000],
        0..POLICIES.len(),
        prop_oneof![Just(0_u32), Just(200_000_000), Just(1_000_000_000)],
    )
        .prop_map(|(accounts, trades, moves, fund, policy, cap_ppb)| Book {
            accounts,
            trades,
            moves,
            fund,
            policy,
            cap_ppb,
        })
}

/// A venue with the book; trades that margin refuses are left out.
fn venue_with(book: &Book) -> Venue {
    let mut venue = Venue::new();
    let (policy, cap) = (POLICIES[book.policy], book.cap_ppb);
    venue.liquidating(&format!(r#"{AT_ONCE},{policy},"cut_cap_ppb":{cap},"clearing_ms":1000"#));
    if book.fund > 0 {
        venue.insure(&book.fund.to_string());
    }
    for (cash, coins) in &book.accounts {
        let account = venue.account(&cash.to_string());
        if *coins > 0 {
            venue.deposit(account, "BTC", &format!("0.{coins:03}"));
        }
    }
    for Trade { buyer, seller, instrument, per_mille } in &book.trades {
        let name = INSTRUMENTS[*instrument];
        let price = venue.state.mark(venue.id(name)).unwrap();
        let (most, tick) =
            [(3_000, 0.5), (12_000, 0.5), (300, 5.0), (300, 5.0), (6_000, 0.05)][*instrument];
        let price = (price.units() as f64 / 1e8 / tick).round().max(1.0) * tick;
        let (lots, id) = (most * per_mille / 1_000 + 1, venue.id(name).0);
        if buyer != seller {
            for (account, side) in [(seller, "sell"), (buyer, "buy")] {
                venue.act(&format!(r#""place_order":{{"account":{account},"order":{{"instrument":{id},"side":"{side}","lots":{lots},"type":{{"limit":{{"price":"{price}"}}}}}}}}"#));
            }
            for account in [seller, buyer] {
                venue.act(&format!(r#""cancel_orders":{{"account":{account}}}"#));
            }
        }
    }
    venue
}

/// Net profit of each account at marks now with the positions of before, in US dollars.
fn gains(venue: &Venue, before: &[risk::Account]) -> Vec<i128> {
    let market = venue.state.market();
    let of_position = |(instrument, position): (&Instrument, &risk::Position)| {
        let mark = market.mark(instrument).unwrap();
        let value = instrument.value(position.quantity, mark, Rounding::Floor).unwrap();
        in_dollars(venue, instrument.settlement_asset(), value.units() - position.cost.units())
    };
    before.iter().map(|account| account.positions.iter().map(of_position).sum()).collect()
}

fn in_dollars(venue: &Venue, asset: instruments::Asset, units: i128) -> i128 {
    let price = venue.state.market().price(asset).unwrap();
    Amount::from_units(units).worth(price, Rounding::Floor).unwrap().units()
}

/// What must hold after a command during which `before` were the accounts.
fn check(venue: &Venue, before: &[risk::Account]) {
    let steps: Vec<&CaseEvent> = venue
        .events
        .iter()
        .filter_map(|event| if let Event::Case(case) = event { Some(&**case) } else { None })
        .collect();
    let gained = gains(venue, before);
    let mut lost: BTreeMap<AccountId, i128> = BTreeMap::new();
    let mut deleveraged = Vec::new();
    for event in &steps {
        match &event.what {
            CaseStep::Deleveraged { counterparty, instrument, cost, .. } => {
                let name = venue.state.instrument(*instrument).unwrap();
                let cost = in_dollars(venue, name.settlement_asset(), cost.units());
                *lost.entry(*counterparty).or_default() += cost;
                deleveraged.push(*counterparty);
            }
            CaseStep::Cut { counterparty, amount, .. } => {
                let cut = in_dollars(venue, "USDC".parse().unwrap(), amount.units());
                *lost.entry(*counterparty).or_default() += cut;
                deleveraged.push(*counterparty);
            }
            CaseStep::Closed { stands, outcome } => {
                let resolved = *outcome == plimsoll_engine::liquidation::Outcome::Resolved;
                assert!(!resolved || stands.value >= Amount::ZERO, "{event:?}");
            }
            _ => {}
        }
    }
    for (account, lost) in lost {
        let gained = gained[account.number() as usize];
        assert!(lost <= gained.max(0), "{account} gained {gained} and lost {lost}");
    }
    for account in deleveraged {
        let stands = venue.state.stands(account).unwrap();
        assert!(stands.equity >= stands.maintenance, "{account} was left with {stands:?}");
    }
    for case in venue.state.cases().filter(|case| case.stage == Stage::Deleveraging && !case.paused)
    {
        let stands = venue.state.stands(case.account).unwrap();
        let due = steps.iter().any(|event| event.account == case.account);
        assert!(!due || stands.value >= Amount::ZERO, "{case:?} {stands:?}");
    }
    for asset in ["USD", "USDC", "BTC", "ETH"] {
        let fund = venue.of_venue(VenueAccount::Insurance, asset);
        assert!(fund >= Amount::ZERO, "the fund has {fund} {asset}");
    }
}

fn cases() -> u32 {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok();
    24 * scale.and_then(|scale| scale.parse::<u32>().ok()).unwrap_or(1)
}

fn accounts(venue: &Venue) -> Vec<risk::Account> {
    (0..venue.state.accounts()).map(|n| venue.state.account(AccountId::new(n)).unwrap()).collect()
}

fn crash(book: &Book) -> Venue {
    let mut venue = venue_with(book);
    for (coin, ether) in &book.moves {
        for (asset, price, part) in [("BTC", 50_000.0, coin), ("ETH", 2_000.0, ether)] {
            let before = accounts(&venue);
            venue.moves(asset, price * f64::from(*part) / 1_000.0);
            check(&venue, &before);
        }
        // Two tries, and far from the last.
        for _ in 0..2 {
            venue.time += 1_000;
            let before = accounts(&venue);
            venue.must(r#""tick":{}"#);
            check(&venue, &before);
        }
    }
    venue
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_loses_more_than_a_gain(book in book()) {
        let mut venue = crash(&book);
        // No case lasts longer than an auction and a few tries of deleveraging.
        for _ in 0..40 {
            venue.time += 5_000;
            venue.report_all();
            venue.must(r#""tick":{}"#);
            for case in venue.state.cases() {
                let lasts = venue.state.time().since(case.opened);
                prop_assert!(lasts < 200_000, "{case:?}");
            }
        }
        for account in (0..venue.state.accounts()).map(AccountId::new) {
            let stands = venue.state.stands(account).unwrap();
            prop_assert!(stands.value >= Amount::ZERO, "{account} {stands:?}");
        }
    }
}

/// The books above do reach every layer.
#[test]
fn random_books_reach_every_layer() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..48 {
        let book = book().new_tree(&mut runner).unwrap().current();
        for step in crash(&book).steps() {
            *seen.entry(step).or_default() += 1;
        }
    }
    for step in ["deleveraged", "fund_paid", "cut", "outstanding", "Resolved"] {
        assert!(seen.contains_key(step), "{step} is not in {seen:?}");
    }
}
