//! Buyers and sellers of options: they trade with the makers' quotes near the money, hold, and close
//! some before they expire.

use book::Side;
use engine::command::{Action, OrderType};
use instruments::{Price, SCALE};

use super::{Scene, place, side_of, terms};
use crate::draws::Draws;
use crate::people::Person;
use crate::venue::Traded;

/// Premiums that a buyer pays at once, as a share of its bankroll.
const PREMIUM: f64 = 0.02;
/// What a seller writes at once, as a share of bankroll times leverage.
const WRITTEN: f64 = 0.05;

/// Opens or closes.
pub(super) fn act(
    person: &mut Person,
    scene: &Scene<'_>,
    side: Side,
    draws: &mut Draws,
) -> Vec<Action> {
    if draws.permille(250)
        && let Some(action) = close(person, scene, draws)
    {
        return vec![action];
    }
    // A few looks find one that somebody quotes.
    for _ in 0..6 {
        let Some(traded) = scene.any(draws).filter(|any| any.instrument.is_option()) else {
            continue;
        };
        let Some(price) = scene.best(traded, side.opposite()) else { continue };
        let index = scene.prices[traded.coin];
        let coin = if traded.is_in_coins() { index } else { 1.0 };
        let premium = price as f64 / SCALE as f64 * coin;
        let base_per_lot = traded.instrument.lot_size() as f64 / SCALE as f64;
        let lots = match side {
            Side::Buy => person.bankroll * PREMIUM / (premium * base_per_lot).max(1e-9),
            Side::Sell => person.reach() * WRITTEN / traded.lot_dollars(index),
        };
        if lots < 1.0 {
            continue;
        }
        let lots = lots.min(1e7) as i64;
        return vec![place(person, taken(traded, side, lots, price, draws))];
    }
    Vec::new()
}

fn taken(
    traded: &Traded,
    side: Side,
    lots: i64,
    price: i64,
    draws: &mut Draws,
) -> engine::command::OrderTerms {
    let price = Price::from_units(price);
    let order_type = match draws.below(10) {
        0..7 => OrderType::ImmediateOrCancel { price },
        7..9 => OrderType::Limit { price },
        _ => OrderType::FillOrKill { price },
    };
    terms(traded.id, side, lots, order_type)
}

/// Closes one of the options that are held, if somebody quotes it.
fn close(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Option<Action> {
    let held: Vec<_> = scene
        .follower
        .positions_of(person.account)
        .filter_map(|(id, lots)| Some((scene.listings.get(id)?, lots)))
        .filter(|(traded, _)| traded.lives && traded.instrument.is_option())
        .collect();
    let (traded, lots) = *draws.one(&held)?;
    let side = side_of(-lots);
    let price = scene.best(traded, side.opposite())?;
    let mut order = taken(traded, side, lots.abs(), price, draws);
    order.reduce_only = true;
    Some(place(person, order))
}
