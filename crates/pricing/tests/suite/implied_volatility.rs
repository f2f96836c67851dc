//! Implied volatility: accuracy, completeness, typed refusals.

use crate::{cases, rows};
use numerics::Level;
use pricing::OptionKind::{self, Call, Put};
use pricing::black76::{greeks, undiscounted_price};
use pricing::implied_volatility::{
    Failure, ImpliedVolatilityError, QuoteBatch, error_bound, implied_volatilities,
    implied_volatilities_at, implied_volatility,
};
use proptest::prelude::*;
use std::path::PathBuf;

#[test]
fn any_deviation_is_recovered() {
    let mut worst = 0.0_f64;
    for [forward, strike, volatility, time, outside, inside, vega] in
        rows(include_str!("../reference/wide.csv"))
    {
        let (out_kind, in_kind) = if strike >= forward { (Call, Put) } else { (Put, Call) };
        for (kind, price) in [(out_kind, outside), (in_kind, inside)] {
            let bound = if kind == Call { forward } else { strike };
            let found = implied_volatility(kind, price, forward, strike, time);
            if price == bound {
                // So near the bound that a double can't tell.
                let error = ImpliedVolatilityError::AtUpperBound { price, bound };
                assert_eq!(found, Err(error));
                continue;
            }
            if price == (kind.sign() * (forward - strike)).max(0.0) {
                // So near the intrinsic value that a double can't tell.
                assert_eq!(found, Ok(0.0));
                continue;
            }
            let error = (found.unwrap() / volatility - 1.0).abs();
            let share = error / error_bound(price, volatility, vega);
            assert!(
                share <= 1.0,
                "{kind:?} F {forward} K {strike} σ {volatility} T {time} P {price}: {error:e}"
            );
            worst = worst.max(share);
        }
    }
    println!("implied volatility: at most {worst:.2} of the allowed error");
}

/// Where shared data lies: `PLIMSOLL_DATA`, or beside the repository.
fn data() -> PathBuf {
    std::env::var_os("PLIMSOLL_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    )
}

/// Quotes of benchmark W2 with prices rounded from 60 digits.
fn check_set(set: &str) {
    let path = data().join("vectors/implied-volatility").join(set);
    let Ok(table) = std::fs::read_to_string(&path) else {
        let missing = format!("{} is missing: set PLIMSOLL_DATA", path.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        println!("SKIPPED, no implied volatility was checked: {missing}");
        return;
    };
    let (mut worst, mut count) = (0.0_f64, 0);
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |index: usize| fields[index].parse::<f64>().unwrap();
        let (forward, strike, time, volatility) = (number(0), number(1), number(2), number(3));
        let (kind, price) = (if fields[4] == "True" { Call } else { Put }, number(5));
        let found = implied_volatility(kind, price, forward, strike, time).unwrap();
        let vega = greeks(kind, forward, strike, volatility, time, 0.0).unwrap().vega;
        let error = (found / volatility - 1.0).abs();
        assert!(error <= error_bound(price, volatility, vega), "{line}: {error:e}");
        worst = worst.max(error);
        count += 1;
    }
    println!("{set}: {count} quotes, relative error ≤ {worst:.1e}");
    assert_eq!(count, 5_000);
}

#[test]
fn market_like_quotes_are_recovered() {
    check_set("A.csv");
}

#[test]
fn quotes_far_out_are_recovered() {
    check_set("B.csv");
}

#[test]
fn a_price_at_the_intrinsic_value_gives_zero() {
    assert_eq!(implied_volatility(Call, 0.0, 100.0, 110.0, 0.5), Ok(0.0));
    assert_eq!(implied_volatility(Put, 0.0, 100.0, 100.0, 0.5), Ok(0.0));
    assert_eq!(implied_volatility(Call, 10.0, 110.0, 100.0, 0.5), Ok(0.0));
    assert_eq!(implied_volatility(Put, 1.1 - 0.3, 0.3, 1.1, 0.5), Ok(0.0));
}

#[test]
fn the_next_price_inside_a_bound_has_a_volatility() {
    for (forward, strike) in
        [(100.0, 110.0), (110.0, 100.0), (100.0, 100.0), (1.1, 0.3), (3e-5, 7e4)]
    {
        for kind in [Call, Put] {
            let intrinsic = (kind.sign() * (forward - strike)).max(0.0);
            let bound: f64 = if kind == Call { forward } else { strike };
            let least = f64::from_bits(intrinsic.to_bits() + 1);
            let most = f64::from_bits(bound.to_bits() - 1);
            let low = implied_volatility(kind, least, forward, strike, 1.0).unwrap();
            let high = implied_volatility(kind, most, forward, strike, 1.0).unwrap();
            assert!(
                0.0 <= low && low < high && high < 100.0,
                "{kind:?} {forward} {strike}: {low} {high}"
            );
        }
    }
}

#[test]
fn quotes_without_solution_say_why() {
    use ImpliedVolatilityError::{AtUpperBound, BelowIntrinsic, Forward, Price, Strike, Time};
    let error = |kind, price, f, k, t| implied_volatility(kind, price, f, k, t).unwrap_err();
    assert_eq!(error(Call, 1.0, 0.0, 1.0, 1.0), Forward(0.0));
    assert_eq!(error(Call, 1.0, 1.0, f64::INFINITY, 1.0), Strike(f64::INFINITY));
    assert_eq!(error(Call, 0.1, 1.0, 1.0, 0.0), Time(0.0));
    assert_eq!(error(Call, -0.1, 1.0, 1.0, 1.0), Price(-0.1));
    assert_eq!(error(Call, 9.0, 110.0, 100.0, 1.0), BelowIntrinsic { price: 9.0, intrinsic: 10.0 });
    assert_eq!(error(Call, 110.0, 110.0, 100.0, 1.0), AtUpperBound { price: 110.0, bound: 110.0 });
    assert_eq!(error(Put, 100.0, 110.0, 100.0, 1.0), AtUpperBound { price: 100.0, bound: 100.0 });
    for nan in 0..4 {
        let mut inputs = [0.1, 1.0, 1.0, 1.0];
        inputs[nan] = f64::NAN;
        let [price, f, k, t] = inputs;
        assert!(implied_volatility(Put, price, f, k, t).is_err());
    }
}

type Quote = (OptionKind, f64, f64, f64, f64);

/// Any price between intrinsic value and bound, and some outside.
fn quote() -> impl Strategy<Value = Quote> {
    let kind = prop::sample::select(vec![Call, Put]);
    let share = prop_oneof![
        0.0..1.0_f64,
        (-30.0..0.0_f64).prop_map(|x| numerics::powf(10.0, x)),
        (-16.0..0.0_f64).prop_map(|x| 1.0 - numerics::powf(10.0, x)),
        -0.1..1.1_f64,
        Just(f64::NAN)
    ];
    (kind, share, 1e-3..1e6_f64, -8.0..8.0_f64, 1e-6..10.0_f64).prop_map(
        |(kind, share, forward, moneyness, time)| {
            let strike = forward * numerics::exp(moneyness * moneyness * moneyness / 64.0);
            let intrinsic = (kind.sign() * (forward - strike)).max(0.0);
            let bound = if kind == Call { forward } else { strike };
            (kind, intrinsic + share * (bound - intrinsic), forward, strike, time)
        },
    )
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn every_price_inside_the_bounds_is_matched(quote in quote()) {
        let (kind, price, forward, strike, time) = quote;
        let intrinsic = (kind.sign() * (forward - strike)).max(0.0);
        let bound = if kind == Call { forward } else { strike };
        let found = implied_volatility(kind, price, forward, strike, time);
        prop_assert_eq!(found.is_ok(), price >= intrinsic && price < bound);
        if let Ok(volatility) = found {
            let again = undiscounted_price(kind, forward, strike, volatility, time).unwrap();
            let scale = forward.max(strike);
            prop_assert!((again - price).abs() <= 1e-13 * price + 4e-16 * scale, "{} {}", again, price);
        }
    }

    #[test]
    fn batches_are_single_quotes_at_every_level(quotes in prop::collection::vec(quote(), 0..40)) {
        let column = |f: fn(&Quote) -> f64| quotes.iter().map(f).collect::<Vec<f64>>();
        let kinds: Vec<OptionKind> = quotes.iter().map(|quote| quote.0).collect();
        let (prices, forwards) = (column(|q| q.1), column(|q| q.2));
        let (strikes, times) = (column(|q| q.3), column(|q| q.4));
        let batch = QuoteBatch {
            kinds: &kinds, prices: &prices, forwards: &forwards, strikes: &strikes, times: &times,
        };
        for level in Level::available() {
            let mut out = vec![0.0; quotes.len()];
            let failures = implied_volatilities_at(level, &batch, &mut out).unwrap();
            let mut failures = failures.iter().peekable();
            for (index, &(kind, price, forward, strike, time)) in quotes.iter().enumerate() {
                match implied_volatility(kind, price, forward, strike, time) {
                    Ok(volatility) => prop_assert_eq!(volatility.to_bits(), out[index].to_bits()),
                    Err(_) => {
                        prop_assert!(out[index].is_nan());
                        prop_assert_eq!(failures.next().map(|failure| failure.index), Some(index));
                    }
                }
            }
            prop_assert!(failures.peek().is_none());
        }
    }
}

#[test]
fn a_batch_reports_each_failure() {
    let batch = QuoteBatch {
        kinds: &[Call, Put, Call],
        prices: &[5.0, -1.0, 200.0],
        forwards: &[100.0; 3],
        strikes: &[100.0; 3],
        times: &[0.25; 3],
    };
    let mut out = [0.0; 3];
    let failures = implied_volatilities(&batch, &mut out).unwrap();
    let first = Failure { index: 1, error: ImpliedVolatilityError::Price(-1.0) };
    assert_eq!((failures.len(), failures[0]), (2, first));
    assert!(out[0] > 0.25 && out[1].is_nan() && out[2].is_nan());
    assert!(implied_volatilities(&batch, &mut out[..2]).is_err());
}
