//! SVI curves and their fit.

use crate::cases;
use pricing::svi::{FitError, Quote, Svi, SviError};
use pricing::{OptionKind, VolatilityCurve, black76};
use proptest::prelude::*;

fn quotes(svi: &Svi, time: f64, ks: impl Iterator<Item = f64>) -> Vec<Quote> {
    ks.map(|k| Quote { k, volatility: svi.volatility(k, time), weight: 1.0 }).collect()
}

/// Curves as crypto options show them, from a day to a year.
fn curve() -> impl Strategy<Value = (Svi, f64)> {
    (0.2..1.5_f64, 0.0..1.0_f64, -0.8..0.8_f64, -0.5..0.5_f64, 0.3..2.0_f64, 0.003..1.0_f64)
        .prop_map(|(volatility, share, rho, m, s, time)| {
            let deviation = volatility * time.sqrt();
            let (m, s) = (m * deviation, s * deviation);
            let b = share * deviation;
            let a = deviation * deviation - b * s * (1.0 - rho * rho).sqrt() * 0.5;
            (Svi { a, b, rho, m, s }, time)
        })
        .prop_filter("a curve is nowhere negative", |(svi, _)| {
            Svi::new(svi.a, svi.b, svi.rho, svi.m, svi.s).is_ok()
        })
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_fit_recovers_the_curve_that_made_the_quotes((svi, time) in curve()) {
        let width = 3.0 * (svi.total_variance(0.0)).sqrt();
        let quotes = quotes(&svi, time, (-10..=10).map(|i| f64::from(i) * width / 10.0));
        let fit = Svi::fit(&quotes, time).unwrap();
        prop_assert!(fit.error_max < 1e-4, "{:?} {:?}", fit, svi);
        prop_assert!(Svi::new(fit.svi.a, fit.svi.b, fit.svi.rho, fit.svi.m, fit.svi.s).is_ok());
        prop_assert_eq!(Svi::fit(&quotes, time).unwrap(), fit);
    }

    #[test]
    fn a_fit_to_noise_is_still_a_curve(
        volatilities in prop::collection::vec((0.05..3.0_f64, 0.01..5.0_f64), 5..40),
        time in 0.001..2.0_f64,
    ) {
        let count = volatilities.len();
        let quotes: Vec<Quote> = volatilities
            .into_iter()
            .enumerate()
            .map(|(i, (volatility, weight))| {
                Quote { k: (i as f64 / count as f64 - 0.5) * 1.5, volatility, weight }
            })
            .collect();
        let fit = Svi::fit(&quotes, time).unwrap();
        let Svi { a, b, rho, m, s } = fit.svi;
        prop_assert!(Svi::new(a, b, rho, m, s).is_ok(), "{:?}", fit);
        prop_assert!(fit.error_rms <= fit.error_max && fit.error_max.is_finite());
    }

    #[test]
    fn batches_are_single_volatilities((svi, time) in curve(), ks in prop::collection::vec(-3.0..3.0_f64, 0..30)) {
        let mut out = vec![f64::NAN; ks.len()];
        svi.volatilities(&ks, time, &mut out);
        for (k, found) in ks.iter().zip(&out) {
            prop_assert_eq!(svi.volatility(*k, time).to_bits(), found.to_bits());
        }
    }

    /// Durrleman's condition is the sign of the density: a butterfly it allows
    /// has a price of at least zero, and the worst one it refuses a negative one.
    #[test]
    fn the_verdict_on_butterflies_is_seen_in_prices((svi, time) in curve()) {
        let verdict = svi.butterfly();
        let deviation = svi.total_variance(verdict.worst_k).sqrt();
        // Far out, or at the edge of the verdict, a price has too few digits to tell.
        if verdict.worst_value.abs() < 1e-3 || verdict.worst_k.abs() > 4.0 * deviation {
            return Ok(());
        }
        let call = |strike: f64| {
            let volatility = VolatilityCurve::Svi(svi).volatility(strike, 1.0, time);
            black76::price(OptionKind::Call, 1.0, strike, volatility, time, 0.0).unwrap()
        };
        let strike = numerics::exp(verdict.worst_k);
        let width = 1e-3 * strike * deviation.min(svi.s);
        let butterfly = call(strike - width) - 2.0 * call(strike) + call(strike + width);
        prop_assert!(butterfly.abs() < 1e-14 || (butterfly > 0.0) == verdict.holds, "{:?}", verdict);
    }
}

#[test]
fn weights_count() {
    let svi = Svi { a: 0.02, b: 0.1, rho: -0.3, m: 0.0, s: 0.1 };
    let mut quotes = quotes(&svi, 0.25, (-5..=5).map(|i| f64::from(i) * 0.08));
    quotes[3].volatility += 0.2;
    let with = Svi::fit(&quotes, 0.25).unwrap();
    quotes[3].weight = 0.0;
    let without = Svi::fit(&quotes, 0.25).unwrap();
    assert!(with.error_rms > 0.01);
    assert!(without.error_rms < 1e-5, "{without:?}");
    assert!((without.error_max - 0.2).abs() < 1e-3);
}

#[test]
fn what_is_no_curve_is_refused() {
    let error = |a, b, rho, m, s| Svi::new(a, b, rho, m, s).unwrap_err();
    assert!(matches!(error(0.1, -0.1, 0.0, 0.0, 0.1), SviError::Domain(_)));
    assert!(matches!(error(0.1, 0.1, 1.1, 0.0, 0.1), SviError::Domain(_)));
    assert!(matches!(error(f64::NAN, 0.1, 0.0, 0.0, 0.1), SviError::Domain(_)));
    assert!(matches!(error(-0.1, 0.1, 0.0, 0.0, 0.1), SviError::Negative { .. }));
    assert!(matches!(error(0.1, 1.5, 0.5, 0.0, 0.1), SviError::Steep { .. }));
}

#[test]
fn quotes_that_cannot_be_fitted_are_named() {
    let quote = Quote { k: 0.0, volatility: 0.5, weight: 1.0 };
    assert_eq!(Svi::fit(&[quote; 9], 0.1), Err(FitError::TooFew { found: 1 }));
    assert_eq!(Svi::fit(&[quote; 9], 0.0), Err(FitError::Time { time: 0.0 }));
    let bad = Quote { volatility: -0.5, ..quote };
    assert_eq!(Svi::fit(&[quote, bad], 0.1), Err(FitError::Quote { index: 1 }));
}

#[test]
fn a_surface_may_mix_quotes_and_curves() {
    let svi = Svi::new(0.02, 0.1, -0.3, 0.0, 0.1).unwrap();
    let curve = VolatilityCurve::Svi(svi);
    let at_forward = curve.volatility(100.0, 100.0, 0.25);
    assert!((at_forward * at_forward * 0.25 - 0.03).abs() < 1e-15);
    assert_eq!(svi.volatility(0.0, 0.0), 0.0);
}
