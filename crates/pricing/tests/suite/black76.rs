//! Properties of Black's formula as computed.

use crate::cases;
use numerics::Level;
use pricing::OptionKind::{self, Call, Put};
use pricing::PricingError;
use pricing::black76::{
    Batch, Greeks, GreeksMut, Scenarios, greeks, greeks_batch, greeks_batch_at, price, price_batch,
    price_batch_at, price_scenarios, price_scenarios_at, undiscounted_price,
};
use proptest::prelude::*;

/// An option: kind, forward, strike, volatility, time, rate.
type Option6 = (OptionKind, f64, f64, f64, f64, f64);

fn kind() -> impl Strategy<Value = OptionKind> {
    prop::sample::select(vec![Call, Put])
}

/// Options as on a market, with now and then one at an edge of the domain.
fn option() -> impl Strategy<Value = Option6> {
    let market = (kind(), 1.0..1e5_f64, 0.3..3.0_f64, 0.01..3.0_f64, 1e-5..2.0_f64, -0.05..0.2_f64)
        .prop_map(|(kind, forward, ratio, volatility, time, rate)| {
            (kind, forward, forward * ratio, volatility, time, rate)
        });
    let price = prop::sample::select(vec![1e-100, 1e-3, 1.0, 1.0 + f64::EPSILON, 60_000.0, 1e99]);
    let spread = prop::sample::select(vec![0.0, 5e-324, 1e-200, 1e-9, 0.5, 40.0, 1e99]);
    let edge = (kind(), price.clone(), price, spread.clone(), spread, Just(0.0));
    prop_oneof![3 => market, 1 => edge]
}

fn columns(options: &[Option6]) -> (Vec<OptionKind>, [Vec<f64>; 5]) {
    let column = |f: fn(&Option6) -> f64| options.iter().map(f).collect();
    let kinds = options.iter().map(|option| option.0).collect();
    (kinds, [column(|o| o.1), column(|o| o.2), column(|o| o.3), column(|o| o.4), column(|o| o.5)])
}

fn batch<'a>(kinds: &'a [OptionKind], columns: &'a [Vec<f64>; 5]) -> Batch<'a> {
    let [forwards, strikes, volatilities, times, rates] = columns;
    Batch { kinds, forwards, strikes, volatilities, times, rates }
}

fn bits(greeks: &Greeks) -> [u64; 6] {
    let Greeks { price, delta, gamma, vega, theta, rho } = greeks;
    [price, delta, gamma, vega, theta, rho].map(|number| number.to_bits())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn batches_are_single_options_at_every_level(options in prop::collection::vec(option(), 0..40)) {
        let (kinds, columns) = columns(&options);
        let batch = batch(&kinds, &columns);
        let single: Vec<Greeks> = options
            .iter()
            .map(|&(kind, forward, strike, volatility, time, rate)| {
                greeks(kind, forward, strike, volatility, time, rate).unwrap()
            })
            .collect();
        for level in Level::available() {
            let mut out: [Vec<f64>; 6] = std::array::from_fn(|_| vec![f64::NAN; options.len()]);
            let [prices, deltas, gammas, vegas, thetas, rhos] = &mut out;
            let places = GreeksMut { prices, deltas, gammas, vegas, thetas, rhos };
            greeks_batch_at(level, &batch, places).unwrap();
            let mut prices = vec![f64::NAN; options.len()];
            price_batch_at(level, &batch, &mut prices).unwrap();
            for (index, expected) in single.iter().enumerate() {
                let found = std::array::from_fn(|column| out[column][index].to_bits());
                prop_assert_eq!(bits(expected), found, "{:?} {:?}", level, options[index]);
                prop_assert_eq!(prices[index].to_bits(), expected.price.to_bits());
            }
        }
    }

    #[test]
    fn scenarios_are_single_options_at_every_level(
        (kind, _, strike, _, time, rate) in option(),
        moves in prop::collection::vec((1.0..1e5_f64, 0.0..3.0_f64), 0..40),
    ) {
        let (forwards, volatilities): (Vec<f64>, Vec<f64>) = moves.into_iter().unzip();
        let scenarios =
            Scenarios { kind, strike, time, rate, forwards: &forwards, volatilities: &volatilities };
        for level in Level::available() {
            let mut out = vec![f64::NAN; forwards.len()];
            price_scenarios_at(level, &scenarios, &mut out).unwrap();
            for (index, found) in out.iter().enumerate() {
                let expected =
                    price(kind, forwards[index], strike, volatilities[index], time, rate).unwrap();
                prop_assert_eq!(found.to_bits(), expected.to_bits());
            }
        }
    }

    #[test]
    fn valid_inputs_give_numbers_within_bounds(option in option()) {
        let (kind, forward, strike, volatility, time, rate) = option;
        let found = greeks(kind, forward, strike, volatility, time, rate).unwrap();
        prop_assert!(bits(&found).iter().all(|bits| !f64::from_bits(*bits).is_nan()), "{:?}", found);
        let discount = numerics::exp(-rate * time);
        let (floor, ceiling) = match kind {
            Call => (forward - strike, forward),
            Put => (strike - forward, strike),
        };
        prop_assert!(found.price >= discount * floor.max(0.0));
        prop_assert!(found.price <= discount * ceiling * (1.0 + 1e-15));
        prop_assert!((0.0..=discount).contains(&(kind.sign() * found.delta)));
        prop_assert!(found.gamma >= 0.0 && found.vega >= 0.0);
    }

    #[test]
    fn parity_holds(option in option()) {
        let (_, forward, strike, volatility, time, rate) = option;
        let value = |kind| price(kind, forward, strike, volatility, time, rate).unwrap();
        let discounted = numerics::exp(-rate * time) * (forward - strike);
        let scale = forward.max(strike);
        prop_assert!((value(Call) - value(Put) - discounted).abs() <= 1e-15 * scale);
    }

    #[test]
    fn greeks_are_the_slopes_of_the_price(
        kind in kind(),
        ratio in 0.7..1.4_f64,
        volatility in 0.2..1.0_f64,
        time in 0.1..1.0_f64,
        rate in 0.0..0.1_f64,
    ) {
        let (forward, strike) = (100.0, 100.0 * ratio);
        let at = |f: f64, s: f64, t: f64, r: f64| price(kind, f, strike, s, t, r).unwrap();
        let found = greeks(kind, forward, strike, volatility, time, rate).unwrap();
        let h = 1e-4;
        let slope = |up: f64, down: f64| (up - down) / (2.0 * h);
        let delta = slope(at(forward + h, volatility, time, rate), at(forward - h, volatility, time, rate));
        let vega = slope(at(forward, volatility + h, time, rate), at(forward, volatility - h, time, rate));
        let theta = -slope(at(forward, volatility, time + h, rate), at(forward, volatility, time - h, rate));
        let rho = slope(at(forward, volatility, time, rate + h), at(forward, volatility, time, rate - h));
        let middle = at(forward, volatility, time, rate);
        let wide = 0.05;
        let gamma = (at(forward + wide, volatility, time, rate) - 2.0 * middle
            + at(forward - wide, volatility, time, rate)) / (wide * wide);
        for (name, slope, found, scale) in [
            ("delta", delta, found.delta, 1.0),
            ("gamma", gamma, found.gamma, 0.01),
            ("vega", vega, found.vega, 10.0),
            ("theta", theta, found.theta, 10.0),
            ("rho", rho, found.rho, 10.0),
        ] {
            prop_assert!((slope - found).abs() < 1e-4 * scale, "{}: {} {}", name, slope, found);
        }
    }
}

#[test]
fn without_deviation_the_price_is_intrinsic() {
    for (volatility, time) in [(0.0, 1.0), (0.5, 0.0), (0.0, 0.0)] {
        for (forward, strike) in [(100.0, 90.0), (90.0, 100.0), (100.0, 100.0)] {
            let call = greeks(Call, forward, strike, volatility, time, 0.03).unwrap();
            let put = greeks(Put, forward, strike, volatility, time, 0.03).unwrap();
            let discount = numerics::exp(-0.03 * time);
            assert_eq!(call.price, discount * (forward - strike).max(0.0));
            assert_eq!(put.price, discount * (strike - forward).max(0.0));
            let side = if forward > strike {
                1.0
            } else if forward < strike {
                0.0
            } else {
                0.5
            };
            assert!((call.delta - discount * side).abs() < 1e-15);
            assert!((put.delta - discount * (side - 1.0)).abs() < 1e-15);
            assert_eq!((call.gamma, put.gamma), (0.0, 0.0));
            assert_eq!(call.theta, 0.03 * call.price);
        }
    }
}

#[test]
fn inputs_outside_their_domain_are_named() {
    let error = |f, k, s, t, r| price(Call, f, k, s, t, r).unwrap_err();
    assert_eq!(error(0.0, 1.0, 1.0, 1.0, 0.0), PricingError::Forward { index: 0, forward: 0.0 });
    assert_eq!(error(1.0, -1.0, 1.0, 1.0, 0.0), PricingError::Strike { index: 0, strike: -1.0 });
    let volatility = PricingError::Volatility { index: 0, volatility: -0.5 };
    assert_eq!(error(1.0, 1.0, -0.5, 1.0, 0.0), volatility);
    let time = PricingError::Time { index: 0, time: f64::INFINITY };
    assert_eq!(error(1.0, 1.0, 1.0, f64::INFINITY, 0.0), time);
    assert_eq!(error(1.0, 1.0, 1.0, 1.0, 701.0), PricingError::Rate { index: 0, rate: 701.0 });
    for nan in 0..5 {
        let mut inputs = [1.0; 5];
        inputs[nan] = f64::NAN;
        let [f, k, s, t, r] = inputs;
        assert!(greeks(Put, f, k, s, t, r).is_err());
    }
}

#[test]
fn a_batch_names_its_first_bad_option() {
    let options: Vec<Option6> = vec![(Call, 1.0, 1.0, 0.5, 1.0, 0.0); 21];
    let mut out = vec![0.0; 21];
    for bad in 0..21 {
        let (kinds, mut columns) = columns(&options);
        columns[1][bad] = f64::NAN;
        columns[3][20] = -1.0;
        let error = price_batch(&batch(&kinds, &columns), &mut out).unwrap_err();
        assert!(matches!(error, PricingError::Strike { index, .. } if index == bad));
    }
}

#[test]
fn slices_of_different_lengths_are_refused() {
    let options: Vec<Option6> = vec![(Call, 1.0, 1.0, 0.5, 1.0, 0.0); 5];
    let (kinds, mut columns) = columns(&options);
    let error = price_batch(&batch(&kinds, &columns), &mut [0.0; 4]).unwrap_err();
    assert_eq!(error, PricingError::Length { what: "places for prices", expected: 5, found: 4 });
    columns[4].pop();
    let mut out: [[f64; 5]; 6] = [[0.0; 5]; 6];
    let [prices, deltas, gammas, vegas, thetas, rhos] = &mut out;
    let places = GreeksMut { prices, deltas, gammas, vegas, thetas, rhos };
    assert!(greeks_batch(&batch(&kinds, &columns), places).is_err());
    assert!(price_scenarios(Call, 1.0, 1.0, 0.0, &[1.0; 3], &[1.0; 2], &mut [0.0; 3]).is_err());
}

#[test]
fn a_known_price() {
    // Hull, Options, Futures and Other Derivatives: F = K = 20, σ = 25 %, 4 months, 9 %.
    let found = price(Put, 20.0, 20.0, 0.25, 4.0 / 12.0, 0.09).unwrap();
    assert!((found - 1.12).abs() < 0.005);
    assert!(undiscounted_price(Put, 20.0, 20.0, 0.25, 4.0 / 12.0).unwrap() > found);
}
