//! Noise: limit orders near the mark of anything, amendments, cancellations, and now and then
//! something that makes no sense.

use book::{OrderId, Side};
use engine::command::{Action, CancelOrders, OrderTerms, OrderType};
use instruments::{Price, Timestamp};

use super::{Scene, amend, cancel, ceiling, floor, place, terms};
use crate::draws::Draws;
use crate::people::Person;
use crate::venue::Traded;

/// Does something.
pub(super) fn act(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Vec<Action> {
    let orders = scene.state.orders_of(person.account);
    // Who has many orders mostly takes some away.
    let crowded = orders.len() > 12;
    let action = match draws.below(100) {
        0..30 if !orders.is_empty() => draws.one(&orders).map(|order| cancel(person, *order)),
        30..50 if !orders.is_empty() => change(person, &orders, draws),
        50..53 => Some(cancel_many(person, scene, draws)),
        53..57 if scene.nonsense => Some(nonsense(person, scene, draws)),
        _ if crowded => draws.one(&orders).map(|order| cancel(person, *order)),
        _ => limit(person, scene, draws),
    };
    action.into_iter().collect()
}

/// A limit order near the mark.
fn limit(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Option<Action> {
    let traded = scene.any(draws)?;
    let side = Side::BOTH[draws.place(2)];
    let order = near(person, scene, traded, side, draws)?;
    Some(place(person, order))
}

fn near(
    person: &Person,
    scene: &Scene<'_>,
    traded: &Traded,
    side: Side,
    draws: &mut Draws,
) -> Option<OrderTerms> {
    let mark = scene.mark(traded)? as f64;
    let spread = if traded.instrument.is_option() { 0.1 } else { 0.003 };
    let away = mark * spread * (draws.unit() * draws.unit() - 0.05);
    let price = match side {
        Side::Buy => floor(traded, mark - away),
        Side::Sell => ceiling(traded, mark + away),
    };
    let dollars = person.reach() * 0.05 * draws.unit();
    let lots = traded.lots(dollars, scene.prices[traded.coin]);
    let mut order = terms(traded.id, side, lots, OrderType::Limit { price });
    if draws.permille(600) {
        let ahead = draws.within(60_000, 3_600_000);
        order.expires = Some(Timestamp::from_milliseconds(scene.now.milliseconds() + ahead));
    }
    Some(order)
}

/// Another price or size for an order.
fn change(person: &mut Person, orders: &[OrderId], draws: &mut Draws) -> Option<Action> {
    let order = *draws.one(orders)?;
    let lots = draws.within(1, 20);
    Some(amend(person, order, None, Some(lots)))
}

fn cancel_many(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Action {
    let instrument = scene.any(draws).filter(|_| draws.permille(500)).map(|any| any.id);
    let side = draws.permille(300).then_some(Side::BOTH[draws.place(2)]);
    let request = person.next_request();
    Action::CancelOrders(CancelOrders {
        account: person.account,
        instrument,
        underlying: None,
        side,
        label: None,
        protected: false,
        request,
    })
}

/// What the venue refuses.
fn nonsense(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Action {
    let count = scene.listings.all().len() as u64 + 3;
    let id = engine::InstrumentId(u32::try_from(draws.below(count)).unwrap_or_default());
    let side = Side::BOTH[draws.place(2)];
    let order = match draws.below(5) {
        0 => terms(id, side, i64::MAX, OrderType::Market {}),
        1 => {
            let price = Price::from_units(draws.within(-5, 1 << 50));
            terms(id, side, 1, OrderType::Limit { price })
        }
        2 => {
            let mut order = terms(id, side, draws.within(1, 100), OrderType::Market {});
            order.reduce_only = true;
            order
        }
        3 => {
            let order = OrderId(draws.below(1 << 20));
            return cancel(person, order);
        }
        _ => {
            let mut order = terms(id, side, draws.within(1, 1 << 30), OrderType::Market {});
            order.expires = Some(Timestamp::from_milliseconds(scene.now.milliseconds() - 1));
            order
        }
    };
    place(person, order)
}
