//! Accounts, orders and inputs that once slipped through, or that nobody should be able to send.

use instruments::{Amount, Price, Quantity};
use plimsoll_risk::{
    Account, Admission, Epoch, EpochInputs, OpenOrder, RiskError, Standing, UnitRequirement, admit,
};

use crate::world::{
    EPOCH, WORLD, account, assessed, asset, core, detail, hold, instrument, margin, order,
};

fn admission(account: &Account, order: &OpenOrder) -> Result<Admission, RiskError> {
    assessed(&EPOCH, account, |assessment| {
        let margin = assessment.margin()?;
        let standing = Standing::of(&assessment, &margin).unwrap();
        let unit = UnitRequirement::of(&EPOCH, &order.instrument)?;
        admit(&assessment, &standing, unit, order)
    })
}

fn at_mark(name: &str, lots: i64) -> OpenOrder {
    let instrument = instrument(name);
    let limit = WORLD.market.mark(&instrument).unwrap();
    OpenOrder { instrument, quantity: Quantity::from_lots(lots), limit, fee: Amount::ZERO }
}

#[test]
fn more_collateral_never_hurts() {
    let mut before = None;
    for coins in [100, 1_000, 5_000, 7_000, 10_000, 20_000, 45_000_i128] {
        let mut account = Account::named("large");
        account.balances.insert(asset("BTC"), Amount::from_units(coins * 100_000_000));
        hold(&mut account, instrument("BTC-PERPETUAL"), 1);
        let health = margin(&account).health();
        assert!(before.is_none_or(|before| health >= before), "{health} with {coins}");
        before = Some(health);
    }
}

#[test]
fn who_owns_an_option_may_sell_it() {
    let mut account = Account::named("owner");
    account.balances.insert(asset("USDC"), "100".parse().unwrap());
    hold(&mut account, instrument("BTC_USDC-27MAR26-100000-C"), 100);
    assert!(detail(&margin(&account)).cap.is_some());
    let sale = admission(&account, &at_mark("BTC_USDC-27MAR26-100000-C", -100)).unwrap();
    assert!(matches!(sale, Admission::Exact(_) | Admission::WithinBound(_)), "{sale:?}");
    let more = admission(&account, &at_mark("BTC_USDC-27MAR26-100000-C", -200)).unwrap();
    assert!(matches!(more, Admission::Refused(_)), "{more:?}");
}

#[test]
fn who_owes_may_still_reduce() {
    let mut account = Account::named("under water");
    account.balances.insert(asset("USDC"), "-500000".parse().unwrap());
    hold(&mut account, instrument("BTC-PERPETUAL"), 10_000);
    assert!(margin(&account).equity.total < Amount::ZERO);
    for lots in [-1, -1_000, -10_000] {
        let close = admission(&account, &at_mark("BTC-PERPETUAL", lots)).unwrap();
        assert_eq!(close, Admission::Heals, "{lots}");
    }
    let add = admission(&account, &at_mark("BTC-PERPETUAL", 1)).unwrap();
    assert!(matches!(add, Admission::Refused(_)), "{add:?}");
}

#[test]
fn a_lost_peg_costs_only_who_owes() {
    let peg = |account: &Account| {
        let margin = margin(account);
        detail(&margin).add_ons.iter().find(|add_on| add_on.name == "peg").unwrap().ticks
    };
    let mut rich = Account::named("rich");
    rich.balances.insert(asset("USDC"), "1000000".parse().unwrap());
    hold(&mut rich, instrument("BTC_USDC-PERPETUAL"), 1_000);
    rich.positions.get_mut(&instrument("BTC_USDC-PERPETUAL")).unwrap().cost = Amount::from_units(
        rich.positions[&instrument("BTC_USDC-PERPETUAL")].cost.units() + 5_000_000_000_000,
    );
    assert_eq!(peg(&rich), 0);
    rich.orders.push(at_mark("BTC_USDC-27MAR26-67000-C", 10));
    assert_eq!(peg(&rich), 0);
    // Owing a million at 0.97: (0.98 − 0.97)·1.2·1,000,000 dollars.
    let mut debtor = Account::named("debtor");
    debtor.balances.insert(asset("USDC"), "-1000000".parse().unwrap());
    assert!((12_000_000_000..=12_000_000_001).contains(&peg(&debtor)));
}

#[test]
fn orders_without_sense_are_errors() {
    let account = account(&vec![], &[100, 0, 0, 0, 0]);
    let refused =
        |order: &OpenOrder| matches!(admission(&account, order), Err(RiskError::OrderTerms { .. }));
    let good = at_mark("BTC-27MAR26-67000-C", 1);
    assert!(!refused(&good));
    assert!(refused(&OpenOrder { quantity: Quantity::ZERO, ..good }));
    assert!(refused(&OpenOrder { quantity: Quantity::from_lots(i64::MIN), ..good }));
    assert!(refused(&OpenOrder { limit: Price::from_units(-1), ..good }));
    assert!(refused(&OpenOrder { limit: Price::ZERO, ..at_mark("BTC-PERPETUAL", 1) }));
    assert!(refused(&OpenOrder { fee: Amount::from_units(i128::MAX), ..good }));
}

#[test]
fn a_rebate_never_makes_margin_negative() {
    let mut bid = order(0, 1, 0, -1_000_000_000);
    bid.instrument = instrument("BTC-27MAR26-67000-C");
    bid.limit = Price::from_units(1);
    let mut account = Account::named("maker");
    account.balances.insert(asset("BTC"), "1".parse().unwrap());
    account.orders.push(bid);
    assert!(margin(&account).initial >= Amount::ZERO);
}

#[test]
fn vast_amounts_are_errors_and_never_panic() {
    let vast = Amount::from_units(i128::MAX / 2);
    let mut accounts = vec![Account::named("balances"), Account::named("accrued")];
    accounts[0].balances.insert(asset("BTC"), -vast);
    accounts[1].accrued.insert(asset("BTC"), vast);
    for lots in [i64::MAX, i64::MIN, i64::MIN + 1] {
        for name in ["BTC-PERPETUAL", "BTC_USDC-27MAR26", "BTC-6FEB26-67000-P"] {
            let mut account = Account::named(name);
            let quantity = Quantity::from_lots(lots);
            let position = plimsoll_risk::Position { quantity, cost: Amount::ZERO };
            account.positions.insert(instrument(name), position);
            accounts.push(account);
        }
    }
    let standard = plimsoll_risk::Methodology::built_in("standard").unwrap();
    let standard = plimsoll_risk::Valuation::open(&standard, WORLD.inputs(), &[]).unwrap();
    for account in &accounts {
        let portfolio = plimsoll_risk::margin(&EPOCH, &WORLD.market, account);
        let cross = standard.margin(&WORLD.market, account, plimsoll_risk::MarginModel::Cross);
        // Either a number or an error: what matters is that nothing panics or wraps.
        for margin in [portfolio, cross].into_iter().flatten() {
            assert!(margin.initial >= Amount::ZERO && margin.maintenance >= Amount::ZERO);
        }
    }
}

#[test]
fn a_history_with_holes_in_its_numbers_is_refused() {
    let open = |change: &dyn Fn(&mut plimsoll_risk::History)| {
        let mut history = WORLD.history.clone();
        change(&mut history);
        let inputs = EpochInputs { history: Some(&history), ..WORLD.inputs() };
        Epoch::open(&core(), inputs, &WORLD.instruments).map(|_| ())
    };
    assert_eq!(open(&|_| ()), Ok(()));
    for close in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let refused = open(&|history| history.days[700].closes[1] = Some(close));
        assert!(matches!(refused, Err(RiskError::HistoryValue { .. })), "{close}");
    }
    let narrow = open(&|history| {
        history.days[3].closes.pop();
    });
    assert!(matches!(narrow, Err(RiskError::HistoryValue { .. })));
    let unsorted = open(&|history| history.days.swap(3, 4));
    assert!(matches!(unsorted, Err(RiskError::HistoryValue { .. })));
}

#[test]
fn epochs_that_differ_have_different_hashes() {
    let hash = |change: &dyn Fn(&mut plimsoll_risk::Market)| {
        let mut market = WORLD.market.clone();
        change(&mut market);
        let inputs = EpochInputs { market: &market, ..WORLD.inputs() };
        Epoch::open(&core(), inputs, &WORLD.instruments).unwrap().arrays_hash()
    };
    let same = hash(&|_| ());
    let funding = hash(&|market| {
        market.quotes.get_mut(&instrument("XRP_USDC-PERPETUAL")).unwrap().funding_8h = 0.5;
    });
    let coin =
        hash(&|market| market.assets.get_mut(&asset("BNB")).unwrap().price = Price::from_units(1));
    assert!(same != funding && same != coin);
    assert_eq!(same, EPOCH.arrays_hash());
}
