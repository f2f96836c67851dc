//! Grids by hand: each operator and charge on an account small enough for a pencil.

use std::collections::BTreeMap;

use instruments::OptionKind;
use plimsoll_risk::grid::{Book, Coin, Contract, Expiry, Leg, Outcome, assess, option_values};
use plimsoll_risk::methodology::GridRules;
use plimsoll_risk::{EpochInputs, Grid, MarginDetail, Methodology};

use crate::world::World;

fn rules(name: &str) -> GridRules {
    Methodology::built_in(name).unwrap().grid_rules().unwrap().clone()
}

fn book(legs: Vec<Leg>) -> Book {
    Book {
        underlying: "BTC".into(),
        spot: 50_000.0,
        spot_confidence: 1.0,
        expiries: vec![Expiry {
            years: 0.5,
            rate: 0.0,
            fixed: 0.0,
            variable: 50_000.0,
            confidence: 1.0,
        }],
        legs,
        coins: vec![],
    }
}

fn option(kind: OptionKind, strike: f64, size: f64) -> Leg {
    let contract = Contract::Option { expiry: 0, strike, kind, volatility: 0.6 };
    Leg { delta: 0.5, ..Leg::position(contract, size, 0.0) }
}

fn perpetual(size: f64) -> Leg {
    Leg::position(Contract::Perpetual, size, 50_000.0)
}

fn margins(name: &str, book: Book) -> Outcome {
    assess(&rules(name), &[book], 1.0).unwrap()
}

#[track_caller]
fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{got}, expected {expected}");
}

#[test]
fn derive_charges_a_perpetual_its_move_and_its_size() {
    let outcome = margins("derive-pmrm2", book(vec![perpetual(2.0)]));
    // 18 % of 100,000 dollars; 2 % and 1.5 % of its size beside it.
    close(outcome.requirement, 18_000.0);
    close(outcome.initial, 18_000.0 + 2_000.0);
    close(outcome.maintenance, 0.8 * 18_000.0 + 1_500.0);
}

#[test]
fn derive_discounts_a_long_box_and_grows_a_short_one() {
    let legs = |sign: f64| {
        vec![
            option(OptionKind::Call, 40_000.0, sign),
            option(OptionKind::Put, 40_000.0, -sign),
            option(OptionKind::Call, 60_000.0, -sign),
            option(OptionKind::Put, 60_000.0, sign),
        ]
    };
    let long = book(legs(1.0));
    close(option_values(&rules("derive-pmrm2"), &long)[0], 20_000.0);
    // Worth 20,000 at no rate, whatever happens, and counted at exp(−0.5·0.08) of it.
    let discounted = 20_000.0 * (1.0 - numerics::exp(-0.04));
    close(margins("derive-pmrm2", long).requirement, discounted);
    // A debt grows by no more than the rate, which is zero.
    close(margins("derive-pmrm2", book(legs(-1.0))).requirement, 0.0);
}

#[test]
fn derive_charges_short_strikes_net_of_longs_at_the_same_strike() {
    let charge = |legs: Vec<Leg>| margins("derive-pmrm2", book(legs)).groups[0].charges[2].initial;
    let short = |kind, strike| option(kind, strike, -1.0);
    close(charge(vec![short(OptionKind::Call, 60_000.0)]), 50_000.0);
    close(
        charge(vec![short(OptionKind::Call, 60_000.0), short(OptionKind::Put, 60_000.0)]),
        100_000.0,
    );
    close(
        charge(vec![short(OptionKind::Call, 60_000.0), option(OptionKind::Put, 60_000.0, 1.0)]),
        0.0,
    );
    close(
        charge(vec![short(OptionKind::Call, 60_000.0), option(OptionKind::Call, 55_000.0, 1.0)]),
        50_000.0,
    );
}

#[test]
fn collateral_that_cancels_risk_offsets_a_short_perpetual() {
    let coin = Coin {
        value: 50_000.0,
        in_scenarios: true,
        confidence: 1.0,
        initial: 0.03,
        maintenance: 0.02,
    };
    let hedged = Book { coins: vec![coin], ..book(vec![perpetual(-1.0)]) };
    let outcome = margins("derive-pmrm2", hedged.clone());
    close(outcome.requirement, 0.0);
    close(outcome.initial, 0.02 * 50_000.0 + 0.03 * 50_000.0);
    let unmoved = Coin { in_scenarios: false, ..coin };
    close(margins("derive-pmrm2", Book { coins: vec![unmoved], ..hedged }).requirement, 9_000.0);
}

#[test]
fn a_lost_peg_raises_the_initial_factor_alone() {
    let outcome = assess(&rules("derive-pmrm2"), &[book(vec![perpetual(1.0)])], 0.93).unwrap();
    close(outcome.initial, (1.0 + 0.05 * 2.0) * 9_000.0 + 1_000.0);
    close(outcome.maintenance, 0.8 * 9_000.0 + 750.0);
}

#[test]
fn doubt_is_charged_by_the_least_of_the_feeds_that_a_leg_uses() {
    let doubtful = Leg { confidence: 0.4, ..perpetual(1.0) };
    let charge = |book: Book| margins("derive-pmrm2", book).groups[0].charges[4].initial;
    close(charge(book(vec![doubtful])), 0.6 * 50_000.0);
    // Options of an account with that perpetual share its doubt; gross, not net.
    let both = vec![
        doubtful,
        option(OptionKind::Call, 60_000.0, 1.0),
        option(OptionKind::Call, 70_000.0, -2.0),
    ];
    close(charge(book(both)), 0.6 * 50_000.0 + 0.6 * 3.0 * 50_000.0);
}

#[test]
fn paradex_floors_hedged_and_unhedged_delta() {
    let call = Leg { delta: 0.5, mark: 8_400.0, ..option(OptionKind::Call, 50_000.0, 4.0) };
    let outcome = margins("paradex-pm", book(vec![call, perpetual(-1.5)]));
    // Long 2, short 1.5: 0.5 unhedged at 2 %, 1.5 hedged at 1 %.
    close(outcome.groups[0].charges[0].initial, (1.5 * 0.01 + 0.5 * 0.02) * 50_000.0);
}

#[test]
fn paradex_measures_an_option_from_its_mark() {
    // Marked far above the model, a long option loses the difference where nothing moves.
    let call = Leg { mark: 30_000.0, ..option(OptionKind::Call, 50_000.0, 1.0) };
    let outcome = margins("paradex-pm", book(vec![call]));
    let model = pricing::black76::undiscounted_price(
        pricing::OptionKind::Call,
        50_000.0,
        50_000.0,
        0.6 * 0.78,
        0.5,
    );
    assert!(outcome.requirement > 30_000.0 - model.unwrap(), "{outcome:?}");
}

#[test]
fn paradex_provides_for_funding_and_fees() {
    let leg = Leg { funding_8h: 0.001, fee_rate: Some(0.0005), ..perpetual(1.0) };
    let outcome = margins("paradex-pm", book(vec![leg]));
    close(outcome.initial, 0.16 * 50_000.0 + 50.0 + 25.0);
    close(outcome.maintenance, 0.5 * 0.16 * 50_000.0 + 50.0 + 25.0);
}

#[test]
fn deribit_counts_in_coin_and_offsets_gains_in_part() {
    // 50,000 dollars of an inverse perpetual: one coin.
    let leg = |size: f64| Leg { inverse: true, delta: 1.0 / 50_000.0, ..perpetual(size) };
    let long = margins("deribit-pm", book(vec![leg(50_000.0)]));
    close(long.requirement, (0.16 / 0.84 + 0.01) * 50_000.0);
    close(long.maintenance, 0.8 * (0.16 / 0.84 + 0.01) * 50_000.0);
    let ether = Book { underlying: "ETH".into(), ..book(vec![leg(-50_000.0)]) };
    let pair = assess(&rules("deribit-pm"), &[book(vec![leg(50_000.0)]), ether], 1.0).unwrap();
    // Down together: Ether's gain counts by 0.6, Bitcoin's loss in full.
    let loss = 0.16 / 0.84 - 0.6 * 0.18 / 0.82;
    let up = 0.18 / 1.18;
    close(pair.requirement, (f64::max(loss, up) + 0.01 + 0.005) * 50_000.0);
}

#[test]
fn okx_takes_the_largest_of_three_sums() {
    let outcome = margins("okx-mr", book(vec![perpetual(-1.0)]));
    close(outcome.groups[0].terms[0], 0.12 * 50_000.0 + 0.002 * 50_000.0);
    close(outcome.groups[0].terms[1], 0.12 * 50_000.0);
    close(outcome.groups[0].terms[2], 0.0045 * 50_000.0);
    close(outcome.initial, 1.3 * (0.12 + 0.002) * 50_000.0);
    // A bought straddle gains in every move and costs a day of its time value or the minimum.
    let straddle =
        vec![option(OptionKind::Call, 50_000.0, 1.0), option(OptionKind::Put, 50_000.0, 1.0)];
    let theta = margins("okx-mr", book(straddle)).groups[0].charges[0].initial;
    let value = |years| {
        2.0 * pricing::black76::undiscounted_price(
            pricing::OptionKind::Call,
            50_000.0,
            50_000.0,
            0.6,
            years,
        )
        .unwrap()
    };
    close(theta, value(0.5) - value(0.5 - 1.0 / 365.0));
}

#[test]
fn the_fixed_part_of_a_settling_forward_does_not_move() {
    let mut settling = book(vec![Leg::position(Contract::Future(0), 1.0, 50_000.0)]);
    settling.expiries[0].fixed = 40_000.0;
    settling.expiries[0].variable = 10_000.0;
    close(margins("derive-pmrm2", settling).requirement, 0.18 * 0.2 * 50_000.0);
}

#[test]
fn an_account_on_a_chain_gives_the_same_as_its_book() {
    let world = World::at("2026-02-05T08:00:00Z").expiry("BTC-27MAR26", "50500", 0.6);
    let account = world.account(&[("USDC", "10000")], &[("BTC_USDC-PERPETUAL", 1_000)]);
    let none = BTreeMap::new();
    let inputs = EpochInputs { history: None, venue_balances: &none, market: &world.market };
    let grid = Grid::open(&Methodology::built_in("derive-pmrm2").unwrap(), inputs).unwrap();
    let margin = grid.margin(&world.market, &account).unwrap();
    let size: f64 =
        account.positions.iter().map(|(i, p)| i.size_of(p.quantity).parse::<f64>().unwrap()).sum();
    let by_book = margins("derive-pmrm2", book(vec![perpetual(size)]));
    assert_eq!(margin.initial.units(), (by_book.initial * 1e8).ceil() as i128);
    let MarginDetail::Grid(detail) = &margin.detail else { panic!("a grid") };
    assert_eq!(detail.binding_term, "BTC regular");
    assert!(detail.binding_scenario.starts_with("-18.0%"), "{}", detail.binding_scenario);
}
