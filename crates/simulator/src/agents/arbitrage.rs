//! Arbitrageurs take what is dear against what is cheap: a perpetual whose book has left what its
//! coin really costs, hedged with the other perpetual, and futures against perpetuals.

use book::Side;
use engine::command::{Action, OrderType};

use super::{Scene, ceiling, floor, place, side_of, terms};
use crate::draws::Draws;
use crate::people::Person;
use crate::venue::Traded;

/// How far a price must be off to be worth the fees.
const EDGE: f64 = 0.000_9;
/// What is traded at once, as a share of the bankroll, and what is held at most.
const AT_ONCE: f64 = 0.1;
const HELD_MAX: f64 = 2.0;

/// Takes the largest edge of a coin, or unwinds.
pub(super) fn act(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Vec<Action> {
    let coin = draws.place(scene.prices.len());
    let pair = [false, true].map(|inverse| scene.perpetual(coin, inverse));
    let [Some(linear), Some(inverse)] = pair else { return Vec::new() };
    let mut best: Option<(f64, &Traded, Side)> = None;
    let futures = scene
        .listings
        .living()
        .filter(|traded| traded.coin == coin && !traded.instrument.is_option());
    for traded in futures {
        let Some(fair) = scene.fair(traded) else { continue };
        for side in Side::BOTH {
            let Some(price) = scene.best(traded, side.opposite()) else { continue };
            let gain = match side {
                Side::Buy => fair / price as f64 - 1.0,
                Side::Sell => price as f64 / fair - 1.0,
            };
            if gain > EDGE && best.is_none_or(|(most, ..)| gain > most) {
                best = Some((gain, traded, side));
            }
        }
    }
    let Some((_, traded, side)) = best else {
        return unwind(person, scene, linear, inverse, draws);
    };
    let index = scene.prices[coin];
    let dollars = person.bankroll * AT_ONCE;
    let held = scene.lots(person, traded.id);
    let is_full = (held as f64 * traded.lot_dollars(index)).abs() > person.bankroll * HELD_MAX
        && side == side_of(held);
    if is_full {
        return Vec::new();
    }
    let hedge = if traded.id == linear.id { inverse } else { linear };
    let legs = [(traded, side), (hedge, side.opposite())];
    legs.into_iter().filter_map(|(leg, side)| take(person, scene, leg, side, dollars)).collect()
}

/// Takes at prices near what it is worth.
fn take(
    person: &mut Person,
    scene: &Scene<'_>,
    traded: &Traded,
    side: Side,
    dollars: f64,
) -> Option<Action> {
    let fair = scene.fair(traded)?;
    let price = match side {
        Side::Buy => floor(traded, fair * 1.000_5),
        Side::Sell => ceiling(traded, fair * 0.999_5),
    };
    let lots = traded.lots(dollars, scene.prices[traded.coin]);
    let order = terms(traded.id, side, lots, OrderType::ImmediateOrCancel { price });
    Some(place(person, order))
}

/// Brings both perpetuals back together where no edge is left.
fn unwind(
    person: &mut Person,
    scene: &Scene<'_>,
    linear: &Traded,
    inverse: &Traded,
    draws: &mut Draws,
) -> Vec<Action> {
    if !draws.permille(200) {
        return Vec::new();
    }
    let mut actions = Vec::new();
    for traded in [linear, inverse] {
        let held = scene.lots(person, traded.id);
        let Some(fair) = scene.fair(traded).filter(|_| held != 0) else { continue };
        let side = side_of(-held);
        let price = match side {
            Side::Buy => floor(traded, fair),
            Side::Sell => ceiling(traded, fair),
        };
        let mut order = terms(traded.id, side, held.abs(), OrderType::ImmediateOrCancel { price });
        order.reduce_only = true;
        actions.push(place(person, order));
    }
    actions
}
