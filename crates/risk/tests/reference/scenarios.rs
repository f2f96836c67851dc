//! Blocks and terms of `core` against the model, for books of perpetuals and options.

use instruments::Quantity;
use plimsoll_risk::{Fraction, Margin, Move};

use crate::history::{UNIVERSE, lively};
use crate::model::{Leg, Model, profit, shortfall, worst};
use crate::world::{World, assert_ticks, detail, instrument, underlying};

/// Lots that make one coin of each kind of contract used here.
fn lots_per_coin(name: &str) -> f64 {
    1e8 / instrument(name).lot_size() as f64
}

fn world() -> World {
    lively(
        World::at("2026-02-05T20:00:00Z")
            .expiry("BTC-6MAR26", "50400", 0.62)
            .expiry("BTC-13FEB26", "50100", 0.70)
            .expiry("ETH-26JUN26", "2050", 0.75)
            .expiry("BTC-6FEB26", "50000", 0.55),
    )
}

fn dollars(loss: Fraction) -> f64 {
    loss.numerator as f64 / loss.denominator as f64 / 1e6
}

/// Checks every block and term of a book against the model.
fn check(legs: &[(&str, i64)]) {
    let world = world();
    let model = Model::of(&world);
    let margin = world.margin(&world.account(&[], legs));
    let coins: Vec<Leg> = legs
        .iter()
        .map(|(name, lots)| (instrument(name), *lots as f64 / lots_per_coin(name)))
        .collect();
    // Half a tick for each lot, call and forward of a put apart, and one for each sum.
    let tolerance = legs.iter().map(|(_, lots)| lots.unsigned_abs() as f64).sum::<f64>() + 8.0;
    let profits = |shocks: Vec<crate::model::Shock>| -> Vec<f64> {
        shocks.iter().map(|shock| profit(&world, &coins, shock)).collect()
    };
    let systematic = worst(&profits(model.systematic()));
    let own: f64 = (0..4)
        .map(|i| {
            let of = |leg: &&Leg| leg.0.base().name() == UNIVERSE[i];
            let legs: Vec<Leg> = coins.iter().filter(of).copied().collect();
            let profits: Vec<f64> =
                model.alone(i).iter().map(|shock| profit(&world, &legs, shock)).collect();
            worst(&profits) * worst(&profits)
        })
        .sum();
    let recent = shortfall(&profits(model.recent()), 10);
    let stressed = shortfall(&profits(model.stressed()), 3);
    let blocks = [systematic, own.sqrt(), recent, stressed];
    let detail = detail(&margin);
    assert_eq!(detail.requirement.blocks.len(), 4);
    for (block, expected) in detail.requirement.blocks.iter().zip(blocks) {
        let found = dollars(block.loss);
        assert!((found - expected).abs() * 1e6 <= tolerance, "{legs:?}: {found}, {expected}");
    }
    let terms = [systematic, own.sqrt(), recent, 0.75 * recent + 0.25 * stressed];
    for (term, expected) in detail.requirement.terms.iter().zip(terms) {
        assert_ticks(term.ticks, expected, tolerance);
    }
    let largest = terms.iter().fold(0.0_f64, |most, term| most.max(*term));
    assert_ticks(detail.requirement.ticks, largest, tolerance);
}

#[test]
fn perpetuals() {
    let legs = ["BTC_USDC-PERPETUAL", "ETH_USDC-PERPETUAL", "XRP_USDC-PERPETUAL"];
    for lots in [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, 1, 1], [40, -800, 0], [-10, 200, 9_000]] {
        let book: Vec<_> = legs.into_iter().zip(lots).filter(|(_, lots)| *lots != 0).collect();
        check(&book);
    }
}

#[test]
fn options() {
    // Twenty-nine, eight, half a day and twenty weeks to expiry.
    check(&[("BTC_USDC-6MAR26-50000-C", 1)]);
    check(&[("BTC_USDC-6MAR26-50000-C", -1)]);
    check(&[("BTC_USDC-13FEB26-45000-P", -1)]);
    check(&[("ETH_USDC-26JUN26-2200-C", 1)]);
    check(&[("ETH_USDC-26JUN26-2200-C", -1)]);
    check(&[("BTC_USDC-6FEB26-50000-C", 1)]);
    check(&[("BTC_USDC-6FEB26-50000-P", -1)]);
}

#[test]
fn a_book_of_both() {
    check(&[
        ("BTC_USDC-PERPETUAL", 300),
        ("ETH_USDC-PERPETUAL", -700),
        ("XRP_USDC-PERPETUAL", 4_000),
        ("BTC_USDC-6MAR26-45000-P", 60),
        ("ETH_USDC-26JUN26-2200-C", -40),
    ]);
    check(&[
        ("BTC_USDC-PERPETUAL", -500),
        ("ETH_USDC-PERPETUAL", 100),
        ("XRP_USDC-PERPETUAL", -3_000),
        ("BTC_USDC-13FEB26-55000-C", 70),
        ("ETH_USDC-26JUN26-1800-P", -90),
    ]);
}

#[test]
fn ranges_follow_volatility() {
    let world = world();
    let model = Model::of(&world);
    let epoch = world.epoch(&world.account(&[], &[]));
    for (i, name) in UNIVERSE.into_iter().enumerate() {
        let range = epoch.ranges().by_underlying[&underlying(name)];
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{name}: {a} {b}");
        near(range.volatility_now.unwrap(), model.now[i]);
        near(range.volatility, model.today[i]);
        near(range.range, model.range(i));
    }
    // The history has all that the formulas tell apart: a buffer partly released, a rise held
    // back, returns of the stressed year that are scaled and others that are not.
    let ratio = model.now[0] / 0.03;
    assert!(ratio > 1.02 && ratio < 1.9, "{ratio}");
    assert!(model.today[3] < model.now[3], "BNB's σ* may not rise so fast");
    let (scaled, kept) = model.stressed_scaled();
    assert!(scaled > 20 && kept > 20, "{scaled} {kept}");
}

#[test]
fn a_day_s_volatility_does_not_know_the_day() {
    let world = world();
    let model = Model::of(&world);
    let epoch = world.epoch(&world.account(&[], &[]));
    let set = epoch.scenarios();
    let span = set.blocks.iter().find(|block| block.name == "recent").unwrap().span.clone();
    assert_eq!(span.len(), 1_000);
    for (scenario, expected) in set.joint[span].iter().zip(model.recent()) {
        let Move::Day(moves) = &scenario.movement else { panic!("a day of history") };
        for (found, expected) in moves.iter().zip(expected.log_moves) {
            assert!((found - expected).abs() <= 1e-12, "{}", scenario.label);
        }
    }
    assert_eq!(set.blocks.iter().map(|block| block.span.len()).sum::<usize>(), 1_311);
}

#[test]
fn time_passes_on_historical_days() {
    // Nothing ever moved, so a historical day is a day's decay and nothing else.
    let world = crate::history::still(World::at("2026-02-05T20:00:00Z").expiry(
        "BTC-6MAR26",
        "50400",
        0.62,
    ));
    let call = "BTC_USDC-6MAR26-50000-C";
    let account = world.account(&[], &[(call, 100)]);
    let margin: Margin = world.margin(&account);
    let years = world.years_to(&instrument(call));
    let value = |years: f64| {
        let kind = pricing::OptionKind::Call;
        pricing::black76::price(kind, 50_400.0, 50_000.0, 0.62, years, 0.0).unwrap()
    };
    let decay = value(years) - value(years - 1.0 / 365.0);
    let blocks = &detail(&margin).requirement.blocks;
    assert!(decay > 40.0);
    for block in &blocks[2..] {
        assert!((dollars(block.loss) - decay).abs() * 1e6 <= 51.0, "{}", dollars(block.loss));
    }
    let array = world.epoch(&account).array(&instrument(call)).unwrap().clone();
    let one_lot = array.joint[400] * Quantity::from_lots(100).lots() as f64;
    assert!((one_lot + decay * 1e6).abs() <= 51.0);
}
