//! Prices and Greeks against 80-digit references.

use crate::rows;
use numerics::SplitMix;
use pricing::OptionKind::{self, Call, Put};
use pricing::black76::{greeks, price};

/// Option `index` of benchmark W1: kind, forward, strike, volatility, time, rate.
fn w1(index: u64) -> (OptionKind, [f64; 5]) {
    let draws = SplitMix { seed: 0x5EED_0001 };
    let u = |draw: u64| draws.u01(8 * index + draw);
    let forward = 20_000.0 + 80_000.0 * u(0);
    let numbers = [
        forward,
        forward * (0.5 + 1.0 * u(1)),
        0.2 + 1.3 * u(3),
        1.0 / 365.0 + 1.0 * u(2),
        0.1 * u(4),
    ];
    (if u(5) < 0.5 { Call } else { Put }, numbers)
}

/// A sum that loses nothing to rounding (Neumaier 1974).
fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for number in numbers {
        let next = sum + number;
        lost +=
            if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        sum = next;
    }
    sum + lost
}

#[test]
fn the_inputs_of_w1_are_the_published_ones() {
    let options: Vec<_> = (0..1_000_000).map(w1).collect();
    let forwards = sum(options.iter().map(|(_, [forward, ..])| *forward));
    let strikes = sum(options.iter().map(|(_, [_, strike, ..])| *strike));
    assert!((forwards - 59_973_870_009.776_16).abs() < 1e-4, "{forwards}");
    assert!((strikes - 59_954_020_174.894_325).abs() < 1e-4, "{strikes}");
    assert_eq!(options.iter().filter(|(kind, _)| *kind == Call).count(), 499_122);
}

#[test]
fn prices_of_w1_are_accurate() {
    let (mut absolute, mut relative) = (0.0_f64, 0.0_f64);
    for [index, high, low] in rows(include_str!("../reference/w1_prices.csv")) {
        let (kind, [forward, strike, volatility, time, rate]) = w1(index as u64);
        let found = price(kind, forward, strike, volatility, time, rate).unwrap();
        let error = ((found - high) - low).abs();
        absolute = absolute.max(error / forward);
        if high > 1e-290 {
            relative = relative.max(error / high);
        }
    }
    println!("W1: |ΔP|/F ≤ {absolute:.2e}, |ΔP|/P ≤ {relative:.2e}");
    assert!(absolute <= 1e-15, "{absolute:e}");
    assert!(relative <= 1e-12, "{relative:e}");
}

#[test]
fn greeks_of_w1_are_accurate() {
    let mut worst = [0.0_f64; 5];
    for row in rows::<6>(include_str!("../reference/w1_greeks.csv")) {
        let (kind, [forward, strike, volatility, time, rate]) = w1(row[0] as u64);
        let found = greeks(kind, forward, strike, volatility, time, rate).unwrap();
        let found = [found.delta, found.gamma, found.vega, found.theta, found.rho];
        for ((found, expected), worst) in found.into_iter().zip(&row[1..]).zip(&mut worst) {
            if expected.abs() > 1e-290 {
                *worst = worst.max((found / expected - 1.0).abs());
            }
        }
    }
    println!("W1 relative errors of delta, gamma, vega, theta, rho: {worst:?}");
    assert!(worst.iter().all(|worst| *worst <= 2e-12), "{worst:?}");
}

#[test]
fn values_are_accurate_at_any_deviation() {
    let (mut worst_outside, mut worst_inside) = (0.0_f64, 0.0_f64);
    for [forward, strike, volatility, time, outside, inside, _] in
        rows(include_str!("../reference/wide.csv"))
    {
        let (out_kind, in_kind) = if strike >= forward { (Call, Put) } else { (Put, Call) };
        let error = |kind, expected: f64| {
            let found = price(kind, forward, strike, volatility, time, 0.0).unwrap();
            (found / expected - 1.0).abs()
        };
        worst_outside = worst_outside.max(error(out_kind, outside));
        worst_inside = worst_inside.max(error(in_kind, inside));
    }
    println!("relative error out of the money {worst_outside:.2e}, in {worst_inside:.2e}");
    assert!(worst_outside <= 1e-12, "{worst_outside:e}");
    assert!(worst_inside <= 2e-14, "{worst_inside:e}");
}
