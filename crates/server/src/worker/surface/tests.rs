//! Surfaces follow quotes slowly, and stay where nobody quotes.

#![allow(clippy::unwrap_used)]

use super::*;

const NOW: &str = "2026-02-05T16:00:00Z";
const EXPIRY: &str = "2026-03-27T08:00:00Z";
const FORWARD: f64 = 70_500.0;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn index() -> Price {
    price(70_000.0)
}

fn given(volatility: FixedCurve) -> Surface {
    let at = SurfaceExpiry { expiry: time(EXPIRY), forward: price(FORWARD), volatility };
    Surface { underlying: Underlying::of("BTC".parse().unwrap()), expiries: vec![at] }
}

fn flat(volatility: f64) -> FixedCurve {
    FixedCurve::Flat { volatility_ppb: (volatility * 1e9) as i64 }
}

/// Books of options around their values at a volatility, in bitcoins or dollars, and their strikes.
fn books(pair: &str, strikes: &[i64], volatility: f64) -> Quotes {
    let years = years_between(time(NOW), time(EXPIRY));
    let mut quotes = Quotes::default();
    for strike in strikes {
        for (letter, kind) in [("C", pricing::OptionKind::Call), ("P", pricing::OptionKind::Put)] {
            let instrument: Instrument =
                format!("{pair}-27MAR26-{strike}-{letter}").parse().unwrap();
            let strike = *strike as f64;
            let value =
                pricing::black76::undiscounted_price(kind, FORWARD, strike, volatility, years);
            let unit = if instrument.style() == SettlementStyle::Inverse { FORWARD } else { 1.0 };
            let value = value.unwrap() / unit;
            let (bid, ask) = (price(value * 0.995), price(value * 1.005));
            quotes.books.push(TwoSided { instrument, bid, ask });
        }
        quotes.strikes.entry(time(EXPIRY)).or_default().insert(price(*strike as f64));
    }
    quotes
}

fn volatility_at(surface: &Surface, strike: f64) -> f64 {
    let at = &surface.expiries[0];
    let years = years_between(time(NOW), at.expiry);
    at.volatility.curve().unwrap().volatility(strike, number(at.forward), years)
}

#[test]
fn quotes_move_a_surface_by_steps_and_it_arrives() {
    for (pair, strikes) in [
        ("BTC", &[60_000, 65_000, 70_000, 75_000, 80_000, 90_000][..]),
        ("BTC_USDC", &[65_000, 70_000, 80_000]),
    ] {
        let quotes = books(pair, strikes, 0.8);
        let mut surface = given(flat(0.5));
        let mut before = 0.5;
        while let Some(next) = moved(&surface, &quotes, index(), time(NOW)) {
            let now = volatility_at(&next, 70_000.0);
            assert!(now > before && now <= before * (1.0 + VOLATILITY_STEP) + 1e-9, "{now}");
            (surface, before) = (next, now);
        }
        for strike in strikes {
            let found = volatility_at(&surface, *strike as f64);
            assert!((found - 0.8).abs() < 0.01, "{pair} {strike}: {found}");
        }
    }
}

#[test]
fn futures_move_forwards_and_wide_quotes_move_nothing() {
    let future = |bid: f64, ask: f64| TwoSided {
        instrument: "BTC-27MAR26".parse().unwrap(),
        bid: price(bid),
        ask: price(ask),
    };
    let mut quotes = Quotes { books: vec![future(71_000.0, 71_020.0)], ..Quotes::default() };
    let next = moved(&given(flat(0.5)), &quotes, index(), time(NOW)).unwrap();
    assert_eq!(number(next.expiries[0].forward), FORWARD + 70.0, "a thousandth of the index");
    assert_eq!(next.expiries[0].volatility, flat(0.5));
    quotes.books = vec![future(60_000.0, 82_000.0)];
    assert_eq!(moved(&given(flat(0.5)), &quotes, index(), time(NOW)), None);
}

#[test]
fn volatilities_nobody_quotes_stay_by_strike() {
    let quotes = Quotes {
        strikes: [(time(EXPIRY), [price(60_000.0), price(80_000.0)].into())].into(),
        books: Vec::new(),
    };
    assert_eq!(moved(&given(flat(0.5)), &quotes, index(), time(NOW)), None);
    let (a_ppb, b_ppb, rho_ppb) = (20_000_000, 50_000_000, -200_000_000);
    let svi = FixedCurve::Svi { a_ppb, b_ppb, rho_ppb, m_ppb: 0, s_ppb: 200_000_000 };
    let surface = given(svi);
    let written = moved(&surface, &quotes, index(), time(NOW)).unwrap();
    for strike in [60_000.0, 80_000.0] {
        let away = volatility_at(&written, strike) - volatility_at(&surface, strike);
        assert!(away.abs() < 1e-8, "{away}");
    }
    assert_eq!(moved(&written, &quotes, index(), time(NOW)), None);
}

#[test]
fn a_new_expiry_is_like_its_neighbour_or_as_given() {
    let at = (index(), time(NOW));
    let underlying = Underlying::of("BTC".parse().unwrap());
    let new = time("2026-06-26T08:00:00Z");
    let first = extended(None, underlying, new, Some(600_000_000), at).unwrap();
    assert_eq!((first.expiries.len(), first.expiries[0].forward), (1, index()));
    assert!(extended(None, underlying, new, None, at).unwrap_err().contains("give one"));
    let both = extended(Some(&given(flat(0.5))), underlying, new, None, at).unwrap();
    assert_eq!((both.expiries.len(), &both.expiries[1].volatility), (2, &flat(0.5)));
    let growth = number(both.expiries[1].forward) / 70_000.0;
    assert!(growth > 1.019 && growth < 1.022, "{growth}");
    assert!(extended(Some(&both), underlying, new, None, at).unwrap_err().contains("already"));
}
