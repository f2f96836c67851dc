//! The generalised zero price.

use ethnum::I256;
use instruments::{Instrument, Price, Quantity, SCALE};
use plimsoll_risk::waterfall::{WaterfallError, allowed_loss, worst_price};
use proptest::prelude::*;

use crate::cases;

const NAMES: [&str; 4] =
    ["BTC_USDC-PERPETUAL", "BTC-PERPETUAL", "BTC-27MAR26-100000-C", "BTC_USDC-27MAR26-100000-P"];

fn instrument(name: &str) -> Instrument {
    name.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

#[test]
fn the_allowed_loss_is_the_most_that_keeps_the_ratio() {
    for equity in 0..14_i128 {
        for maintenance in 1..14 {
            for after in 0..18 {
                let loss = allowed_loss(equity, maintenance, after).unwrap();
                let keeps = |loss: i128| (equity - loss) * maintenance >= equity * after;
                assert!(keeps(loss) && !keeps(loss + 1), "{equity} {maintenance} {after}: {loss}");
            }
        }
    }
}

#[test]
fn what_has_no_answer_says_so() {
    assert_eq!(allowed_loss(-1, 10, 0), Err(WaterfallError::Insolvent));
    assert_eq!(allowed_loss(1, 0, 0), Err(WaterfallError::NoRequirement));
    assert!(matches!(allowed_loss(1, 1, -1), Err(WaterfallError::Negative(_))));
    assert!(matches!(allowed_loss(i128::MAX, 1, i128::MAX), Err(WaterfallError::TooLarge(_))));
    assert_eq!(allowed_loss(i128::MAX, i128::MAX, 0), Ok(i128::MAX));
    let linear = instrument(NAMES[0]);
    let none = worst_price(&linear, Quantity::ZERO, price("1"), 0);
    assert_eq!(none, Err(WaterfallError::NoLots));
    // Buying must gain more than mark is worth.
    let one = linear.lots_of("1").unwrap();
    assert_eq!(worst_price(&linear, one, price("5"), -600_000_000), Err(WaterfallError::NoPrice));
    let inverse = worst_price(&instrument(NAMES[1]), one, Price::ZERO, 0);
    assert!(matches!(inverse, Err(WaterfallError::Instrument(_))));
}

#[test]
fn prices_by_hand() {
    let check = |name: &str, size: &str, mark: &str, loss: i128, expected: &str| {
        let instrument = instrument(name);
        let lots = instrument.lots_of(size).unwrap();
        let worst = worst_price(&instrument, lots, price(mark), loss * i128::from(SCALE)).unwrap();
        assert_eq!(worst.to_string(), expected, "{name} {size}");
    };
    // A long of 2 at 50,000 with 10,000 of equity is closed at 45,000 or more, a short at 55,000.
    check(NAMES[0], "-2", "50000", 10_000, "45000");
    check(NAMES[0], "2", "50000", 10_000, "55000");
    // No price below zero is needed where everything may be lost and more.
    check(NAMES[0], "-1", "50000", 60_000, "0");
    check(NAMES[3], "-1", "100", 101, "0");
    // 100,000 dollars of an inverse contract are 2 BTC at 50,000: a long that may lose one more of
    // them closes where they are worth 3, a short that may lose one where they are worth 1.
    check(NAMES[1], "-100000", "50000", 1, "33333.33333334");
    check(NAMES[1], "100000", "50000", 1, "100000");
    // What a rising price can take from a short of coins is at most what it is worth.
    check(NAMES[1], "100000", "50000", 2, "92233720368.54775807");
    check(NAMES[2], "10", "0.05", 1, "0.15");
    check(NAMES[0], "-2", "50000", -1_000, "50500");
}

/// Whether `lots` from mark to `worst` lose no more than `loss`, as a comparison of whole numbers.
fn affords(instrument: &Instrument, lots: i64, mark: i64, worst: i64, loss: i128) -> bool {
    let size = I256::from(lots) * I256::from(instrument.lot_size());
    let moved = size * I256::from(i128::from(worst) - i128::from(mark)) * I256::from(SCALE);
    if instrument.is_sized_in_quote() {
        moved <= I256::from(loss) * I256::from(mark) * I256::from(worst)
    } else {
        moved <= I256::from(loss) * I256::from(SCALE) * I256::from(SCALE)
    }
}

/// The price is the last that affords the loss: one further away from the trader's good does not.
fn check_worst(instrument: &Instrument, lots: i64, mark: i64, loss: i128) {
    let quantity = Quantity::from_lots(lots);
    let worst = worst_price(instrument, quantity, Price::from_units(mark), loss);
    let least = i64::from(instrument.is_sized_in_quote());
    let (best, end, step) = if lots > 0 { (least, i64::MAX, 1) } else { (i64::MAX, least, -1) };
    match worst.map(Price::units) {
        Ok(worst) => {
            assert!(affords(instrument, lots, mark, worst, loss), "{lots} {mark} {loss}: {worst}");
            let further = worst != end && affords(instrument, lots, mark, worst + step, loss);
            assert!(!further, "{lots} {mark} {loss}: {worst} is not the worst");
        }
        Err(WaterfallError::NoPrice) => assert!(!affords(instrument, lots, mark, best, loss)),
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_worst_price_is_the_last_that_affords_the_loss(
        name in 0..4_usize,
        lots in prop_oneof![-50_i64..50, any::<i64>()],
        mark in prop_oneof![1_i64..1_000, 1_i64..10_000_000_000_000, Just(i64::MAX)],
        loss in prop_oneof![-1_000_i128..1_000, -1_000_000_000_000_i128..1_000_000_000_000, any::<i128>()],
    ) {
        prop_assume!(lots != 0);
        check_worst(&instrument(NAMES[name]), lots, mark, loss);
    }

    /// With MM′ = 0 the whole equity may be lost: the price that venues publish, mark − E/(q·m) for a
    /// position q that the trade closes.
    #[test]
    fn of_a_whole_linear_position_it_is_the_bankruptcy_price(
        position in prop_oneof![-1_000_000_000_i64..0, 1..1_000_000_000_i64],
        mark in 1_i64..10_000_000_000_000,
        equity in 0_i128..10_000_000_000_000_000_000,
        maintenance in 1_i128..10_000_000_000_000_000_000,
    ) {
        let linear = instrument(NAMES[0]);
        let loss = allowed_loss(equity, maintenance, 0).unwrap();
        prop_assert_eq!(loss, equity);
        let close = Quantity::from_lots(-position);
        let worst = worst_price(&linear, close, Price::from_units(mark), loss).unwrap();
        // The published quotient, numerator and denominator in 10⁻⁸, rounded in the account's favour.
        let size = i128::from(position) * i128::from(linear.lot_size());
        let numerator = I256::from(mark) * I256::from(size) - I256::from(equity) * I256::from(SCALE);
        let (numerator, size) = if size < 0 { (-numerator, -size) } else { (numerator, size) };
        let floor = numerator.div_euclid(I256::from(size));
        let up = position > 0 && numerator.rem_euclid(I256::from(size)) != I256::ZERO;
        let published = floor + if up { I256::ONE } else { I256::ZERO };
        prop_assert_eq!(I256::from(worst.units()), published.max(I256::ZERO));
    }

    #[test]
    fn a_forced_trade_at_the_worst_price_heals(
        name in 0..4_usize,
        lots in prop_oneof![-1_000_000_i64..0, 1..1_000_000_i64],
        mark in 1_i64..10_000_000_000_000,
        equity in 0_i128..1_000_000_000_000_000,
        maintenance in 1_i128..1_000_000_000_000_000,
        after in 0_i128..1_000_000_000_000_000,
    ) {
        let instrument = instrument(NAMES[name]);
        let (quantity, mark) = (Quantity::from_lots(lots), Price::from_units(mark));
        let loss = allowed_loss(equity, maintenance, after).unwrap();
        let Ok(worst) = worst_price(&instrument, quantity, mark, loss) else { return Ok(()) };
        let lost = -instrument.profit(quantity, worst, mark, instruments::Rounding::Floor).unwrap().units();
        prop_assert!((equity - lost) * maintenance >= equity * after);
    }
}
