//! What is said of cases that were told so or so.

use book::Side;
use engine::InstrumentId;
use instruments::{Price, Underlying};

use super::*;
use crate::options::LiquidationSetup;

/// A part of an account with these figures, for which a simulated fund paid so much of a premium.
fn taken_over(premium: i128) -> CaseEvent {
    let stands = Stands {
        equity: Amount::from_units(-60_542_876_242),
        maintenance: Amount::from_units(163_122_792_900),
        value: Amount::from_units(-38_577_155_092),
    };
    let what = CaseStep::TakenOver {
        stands,
        taker: AccountId::new(52),
        units: 619,
        whole: 1_239,
        progress: 666_666_666_666_666_666,
        deficit: Amount::from_units(19_273_009_686),
        premium: Amount::from_units(premium),
    };
    CaseEvent { case: CaseId(36), account: AccountId::new(28), step: 20, what }
}

/// An account with a requirement of 1,000, whose target is 1,150.
const fn stands(equity: i128) -> Stands {
    let [maintenance, value] = [Amount::from_units(1_000), Amount::from_units(2_000)];
    Stands { equity: Amount::from_units(equity), maintenance, value }
}

/// What a case did before it ended.
#[derive(Clone, Copy, Debug)]
enum Did {
    Nothing,
    SentARefusedOrder,
    SentAnOrder,
    HandedOver,
}

/// An order of the case.
const fn order() -> CaseStep {
    CaseStep::Order {
        stands: stands(999),
        order: OrderId(7),
        instrument: InstrumentId(0),
        side: Side::Sell,
        lots: 1,
        limit: Price::ZERO,
        mark: Price::ZERO,
        allowed_loss: Amount::ZERO,
        expected_loss: Amount::ZERO,
        maintenance_after: Amount::ZERO,
    }
}

/// What is said of a case that ends so.
fn ended(outcome: Outcome, did: Did, equity: i128) -> Result<(), Broken> {
    let setup = LiquidationSetup::default();
    let rules = LiquidationRules { buffer_ppb: 150_000_000, ..setup.rules };
    let mut cases = Cases { rules: Some(rules), ..Cases::default() };
    let tell = |cases: &mut Cases, what| {
        let event = CaseEvent { what, ..taken_over(0) };
        cases.step(&event, Timestamp::from_milliseconds(0), &mut Counts::new())
    };
    let group = Underlying::of(Asset::USDC);
    tell(&mut cases, CaseStep::Opened { stands: stands(999), group })?;
    match did {
        Did::Nothing => {}
        Did::SentARefusedOrder | Did::SentAnOrder => tell(&mut cases, order())?,
        Did::HandedOver => tell(&mut cases, taken_over(0).what)?,
    }
    if matches!(did, Did::SentAnOrder) {
        cases.accepted(OrderId(7), taken_over(0).account);
    }
    tell(&mut cases, CaseStep::Closed { outcome, stands: stands(equity) })
}

#[test]
fn who_stands_again_is_not_unsold() {
    let cases = [
        (Did::Nothing, 1_000),
        (Did::SentARefusedOrder, 1_000),
        (Did::SentAnOrder, 1_150),
        (Did::HandedOver, 1_150),
    ];
    for (did, enough) in cases {
        assert_eq!(ended(Outcome::Unsold, did, enough - 1), Ok(()), "{did:?}");
        assert!(ended(Outcome::Unsold, did, enough).is_err(), "{did:?}");
    }
    assert_eq!(ended(Outcome::Recovered, Did::Nothing, 1_000), Ok(()));
    assert!(ended(Outcome::Recovered, Did::Nothing, 999).is_err());
    assert_eq!(ended(Outcome::Restored, Did::HandedOver, 1_150), Ok(()));
    assert!(ended(Outcome::Restored, Did::HandedOver, 1_149).is_err());
}

#[test]
fn a_ratio_falls_by_no_more_than_a_fee() {
    let stands = |equity, maintenance| {
        let [equity, maintenance] = [equity, maintenance].map(Amount::from_units);
        Stands { equity, maintenance, value: equity }
    };
    // A simulated sale after which the fund took three dollars.
    let before = stands(129_574_377_147, 108_481_192_600);
    let after = stands(128_318_149_638, 107_680_593_600);
    let account = AccountId::new(618);
    let with = |fee| {
        let trades = Trades { settled: [(account, fee)].into(), ..Trades::default() };
        trades.keeps_ratio(account, before, after)
    };
    assert_eq!(with(299959291), Ok(()));
    assert!(with(299959290).is_err() && with(0).is_err());
}

#[test]
fn premiums_may_round_up_and_no_more() {
    assert_eq!(Trades::default().step(&taken_over(54_330_378_696)), Ok(()));
    assert!(Trades::default().step(&taken_over(54_330_378_700)).is_err());
}
