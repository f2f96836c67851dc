//! The elementary functions against 80-digit references, and at the edges of
//! their domains.

use numerics::{exp, ln, ln_ratio, mills, normal_cdf, normal_pdf, powf};

/// One line of the table: the true value is high + low.
struct Reference {
    function: &'static str,
    x: f64,
    high: f64,
    low: f64,
}

fn references() -> Vec<Reference> {
    let lines = include_str!("../reference/functions.csv").lines().skip(1);
    lines
        .map(|line| {
            let fields: Vec<&'static str> = line.split(',').collect();
            let number = |index: usize| fields[index].parse().unwrap();
            Reference { function: fields[0], x: number(1), high: number(2), low: number(3) }
        })
        .collect()
}

/// The distance between doubles at a positive or negative number.
fn ulp(value: f64) -> f64 {
    let magnitude = value.abs().max(f64::MIN_POSITIVE);
    f64::from_bits(magnitude.to_bits() + 1) - magnitude
}

/// The largest error of a function, in units in the last place of the result.
fn greatest_error(name: &str, function: impl Fn(f64) -> f64) -> (f64, f64) {
    let table = references().into_iter().filter(|reference| reference.function == name);
    let errors = table
        .map(|Reference { x, high, low, .. }| (((function(x) - high) - low).abs() / ulp(high), x));
    errors.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

#[track_caller]
fn check(name: &str, stated: f64, function: impl Fn(f64) -> f64) {
    let (error, x) = greatest_error(name, function);
    println!("{name}: {error:.2} ulp at {x:e}, stated {stated}");
    assert!(error <= stated, "{name}: {error} ulp at {x:e}, stated {stated}");
}

#[test]
fn exp_keeps_its_stated_error() {
    check("exp", 1.0, exp);
}

#[test]
fn ln_keeps_its_stated_error() {
    check("ln", 1.0, ln);
}

#[test]
fn density_keeps_its_stated_error() {
    check("normal_pdf", 3.0, normal_pdf);
}

#[test]
fn distribution_keeps_its_stated_error() {
    check("normal_cdf", 8.0, normal_cdf);
}

#[test]
fn mills_ratio_keeps_its_stated_error() {
    check("mills", 5.0, mills);
}

#[test]
fn ln_ratio_keeps_its_stated_error_near_one() {
    // ln((1+d)/1) = d − d²/2 + d³/3 − … for the d that 1+d really has.
    for exponent in 10..52 {
        let b = 1.0;
        let a = 1.0 + 1.3 * f64::from_bits((1023 - exponent) << 52);
        let d: f64 = a - b;
        let expected = d * (1.0 - d * (0.5 - d * (1.0 / 3.0 - d * (0.25 - d * 0.2))));
        for scale in [1.0, 3.0, 1e-3] {
            let (a, b) = (a * scale, b * scale);
            if a - b != d * scale {
                continue;
            }
            assert!((ln_ratio(a, b) / expected - 1.0).abs() < 1e-14, "{a:e} {b:e}");
            assert_eq!(ln_ratio(a, b), -ln_ratio(b, a));
        }
    }
    assert_eq!(ln_ratio(7.0, 7.0), 0.0);
}

#[test]
fn ln_ratio_agrees_with_the_difference_of_logarithms() {
    for reference in references().iter().filter(|reference| reference.function == "ln") {
        let a = reference.x;
        if !(1e-300..1e300).contains(&a) {
            continue;
        }
        let expected = reference.high - ln(3.0);
        assert!((ln_ratio(a, 3.0) - expected).abs() < 1e-15 * expected.abs().max(2.0));
    }
}

#[test]
fn edges_of_exp() {
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-0.0), 1.0);
    assert_eq!(exp(f64::INFINITY), f64::INFINITY);
    assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    assert_eq!(exp(709.8), f64::INFINITY);
    assert_eq!(exp(-745.2), 0.0);
    assert_eq!(exp(-745.13), 5e-324);
    assert_eq!(exp(1e300), f64::INFINITY);
    assert_eq!(exp(5e-324), 1.0);
    assert_eq!(exp(f64::NAN).to_bits(), f64::NAN.to_bits());
}

#[test]
fn edges_of_ln() {
    assert_eq!(ln(1.0), 0.0);
    assert_eq!(ln(0.0), f64::NEG_INFINITY);
    assert_eq!(ln(-0.0), f64::NEG_INFINITY);
    assert_eq!(ln(f64::INFINITY), f64::INFINITY);
    for outside in [-5e-324, -1.0, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(ln(outside).to_bits(), f64::NAN.to_bits());
    }
}

#[test]
fn edges_of_the_normal_functions() {
    assert_eq!(normal_cdf(f64::INFINITY), 1.0);
    assert_eq!(normal_cdf(f64::NEG_INFINITY), 0.0);
    assert_eq!(normal_cdf(-50.0), 0.0);
    assert_eq!(normal_cdf(50.0), 1.0);
    assert!((normal_cdf(0.0) - 0.5).abs() < 1e-15);
    assert_eq!(normal_pdf(f64::INFINITY), 0.0);
    assert_eq!(normal_pdf(1e200), 0.0);
    assert_eq!(mills(f64::INFINITY), 0.0);
    assert_eq!(mills(-50.0), f64::INFINITY);
    assert_eq!(mills(f64::NEG_INFINITY), f64::INFINITY);
    assert!(mills(f64::MAX) > 0.0);
    for function in [normal_cdf, normal_pdf, mills] {
        assert_eq!(function(f64::NAN).to_bits(), f64::NAN.to_bits());
    }
}

#[test]
fn powers_have_the_special_cases_of_ieee_754() {
    assert_eq!(powf(2.0, 10.0), 1024.0);
    assert_eq!(powf(2.0, -1074.0), 5e-324);
    assert_eq!(powf(9.0, 0.5), 3.0);
    assert_eq!(powf(f64::NAN, 0.0), 1.0);
    assert_eq!(powf(1.0, f64::NAN), 1.0);
    assert_eq!(powf(0.0, -1.0), f64::INFINITY);
    assert_eq!(powf(-8.0, 3.0), -512.0);
    assert!(powf(-8.0, 0.5).is_nan());
    assert_eq!(powf(0.5, f64::INFINITY), 0.0);
}
