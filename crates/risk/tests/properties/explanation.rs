//! What an explanation adds up to.

use instruments::Underlying;
use plimsoll_risk::{CurveInputs, Line, MarginModel, PortfolioVector, explain, health_curve};
use proptest::prelude::*;

use crate::world::{
    EPOCH, WORLD, account, asset, balances, cases, core, detail, legs, margin, order,
};

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn shares_sum_to_the_requirement_to_the_tick(a in legs(10), cash in balances(), resting in prop::collection::vec((0_usize..WORLD.instruments.len(), 1_i64..50), 0..3)) {
        let mut account = account(&a, &cash);
        account.orders.extend(resting.iter().map(|(index, lots)| order(*index, *lots, 1_000, 10)));
        let explanation = explain(&EPOCH, &WORLD.market, &account).unwrap();
        let sum: i128 = explanation.parts.iter().map(|part| part.share.units()).sum();
        prop_assert_eq!(sum, explanation.requirement.units());
        prop_assert_eq!(explanation.scenarios.len() > 1_000, true);
    }

    #[test]
    fn shares_are_what_the_parts_lose(a in legs(10)) {
        // Without coins and orders nothing is rounded but the last step: shares before it are the
        // losses themselves, so they differ from the requirement by less than a tick each.
        let account = account(&a, &[0; 5]);
        let margin = margin(&account);
        let detail = detail(&margin);
        let explanation = explain(&EPOCH, &WORLD.market, &account).unwrap();
        if let Some(0) = detail.requirement.binding {
            let scenario = detail.requirement.blocks[0].scenarios[0];
            for part in &explanation.parts {
                if let plimsoll_risk::Component::Position(instrument) = part.component
                    && EPOCH.ranges().universe.contains(&instrument.underlying())
                {
                    let lots = account.positions[&instrument].quantity.lots();
                    let loss = -(EPOCH.array(&instrument).unwrap().joint[scenario] as i128) * i128::from(lots);
                    prop_assert!((part.share.units() / 100 - loss).abs() <= 8, "{part:?} {loss}");
                }
            }
        }
    }
}

#[test]
fn the_curve_meets_the_margin_and_finds_the_line() {
    let core = core();
    let inputs = CurveInputs {
        methodology: &core,
        model: MarginModel::Portfolio,
        market: &WORLD.market,
        history: Some(&WORLD.history),
        venue_balances: &WORLD.venue_balances,
    };
    // Long perpetuals on coin: twice exposed to a fall.
    let perpetual =
        WORLD.instruments.iter().position(|i| i.to_string() == "BTC-PERPETUAL").unwrap();
    let account = account(&vec![(perpetual, 10_000)], &[1_500, 0, 0, 0, 0]);
    let moves: Vec<f64> = (-10..=10).map(|i| f64::from(i) * 0.05).collect();
    let curve = health_curve(&inputs, &account, Underlying::of(asset("BTC")), &moves).unwrap();
    let here = margin(&account);
    let middle = curve.points[10];
    assert_eq!(
        (middle.equity, middle.initial, middle.maintenance),
        (here.equity.total, here.initial, here.maintenance)
    );
    let falls: Vec<_> =
        curve.crossings.iter().filter(|c| c.relative_move < 0.0).map(|c| c.line).collect();
    assert_eq!(falls, [Line::Maintenance, Line::Initial]);
    assert!(curve.crossings.iter().all(|crossing| crossing.relative_move < 0.0));
}

#[test]
fn a_vector_beyond_two_to_the_52_holds_the_same_integers() {
    let perpetual = WORLD.instruments.iter().find(|i| i.to_string() == "BTC-PERPETUAL").unwrap();
    let mut vector = PortfolioVector::empty(&EPOCH);
    let lots = instruments::Quantity::from_lots(1 << 40);
    vector.add(&EPOCH, perpetual, lots).unwrap();
    let mut account = plimsoll_risk::Account::named("vast");
    crate::world::hold(&mut account, *perpetual, 1 << 40);
    let margin = margin(&account);
    let scenario = detail(&margin).requirement.blocks[0].scenarios[0];
    let one = EPOCH.array(perpetual).unwrap().joint[scenario] as i128;
    assert_eq!(detail(&margin).requirement.terms[0].ticks, -one * (1 << 40));
}
