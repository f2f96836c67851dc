//! Directional traders hold a perpetual or future by what prices have done, with so much leverage as
//! they like, and protect what they hold now and then.

use book::{Direction, PriceSource, Side};
use engine::command::{
    Action, Group, OrderTerms, OrderType, PlaceGroup, TriggerAt, TriggerTerms, TriggerThen,
    WhenFilled,
};
use instruments::{Price, Timestamp};

use super::{Scene, ceiling, floor, place, side_of, terms};
use crate::draws::Draws;
use crate::people::Person;
use crate::venue::Traded;

/// How far a coin has to move in an hour before most follow it, in log-price.
const MOVE: f64 = 0.004;

/// Trades towards what the account would hold. `follows` is 1 for those who follow a trend, −1 for
/// those who lean against it.
pub(super) fn act(
    person: &mut Person,
    scene: &Scene<'_>,
    follows: f64,
    draws: &mut Draws,
) -> Vec<Action> {
    let number = person.account.number();
    let coins = scene.prices.len();
    let coin = if draws.permille(800) { number as usize % coins } else { draws.place(coins) };
    let inverse = number.is_multiple_of(3);
    // Some coins have linear contracts alone.
    let perpetual = scene.perpetual(coin, inverse).or_else(|| scene.perpetual(coin, false));
    let Some(traded) = perpetual else { return Vec::new() };
    let traded = match draws.permille(150) {
        true => scene.any(draws).filter(|any| !any.instrument.is_option()).unwrap_or(traded),
        false => traded,
    };
    let conviction = (person.bias + follows * scene.trends[traded.coin] / MOVE + draws.normal())
        .clamp(-2.0, 2.0);
    let wanted_dollars = person.reach() * conviction / 2.0;
    let index = scene.prices[traded.coin];
    let wanted = traded.lots(wanted_dollars.abs(), index) * if conviction < 0.0 { -1 } else { 1 };
    let held = scene.lots(person, traded.id);
    let change = wanted - held;
    // Small changes are not worth a fee.
    if change.abs() * 4 < held.abs() || change == 0 {
        return protect(person, scene, traded, held, draws).into_iter().collect();
    }
    let Some(order) = order(scene, traded, held, change, draws) else { return Vec::new() };
    if draws.permille(80)
        && let Some(then) = stop_and_take(scene, traded, -order.lots * sign(order.side), draws)
    {
        let request = person.next_request();
        let when = if draws.permille(500) { WhenFilled::First } else { WhenFilled::Complete };
        let then = TriggerThen::OneCancelsOther(then);
        let group = Group::OneTriggersOther { first: order, then, when };
        let account = person.account;
        return vec![Action::PlaceGroup(Box::new(PlaceGroup { account, request, group }))];
    }
    vec![place(person, order)]
}

fn sign(side: Side) -> i64 {
    if side == Side::Buy { 1 } else { -1 }
}

/// An order that changes a position by so much, of one kind or another.
fn order(
    scene: &Scene<'_>,
    traded: &Traded,
    held: i64,
    change: i64,
    draws: &mut Draws,
) -> Option<OrderTerms> {
    let side = side_of(change);
    let mark = scene.mark(traded)? as f64;
    let towards = sign(side) as f64;
    let through = price(traded, side, mark * (1.0 + towards * 0.003));
    let behind = price(traded, side, mark * (1.0 - towards * 0.001 * draws.unit()));
    let order_type = match draws.below(100) {
        0..45 => OrderType::ImmediateOrCancel { price: through },
        45..60 => OrderType::Market {},
        60..65 => OrderType::FillOrKill { price: through },
        65..72 => OrderType::MarketLimit {},
        72..80 => OrderType::Limit { price: through },
        _ => OrderType::Limit { price: behind },
    };
    let mut order = terms(traded.id, side, change.abs(), order_type);
    let rests = matches!(order_type, OrderType::Limit { .. });
    if rests {
        let ahead = draws.within(30_000, 1_800_000);
        order.expires = Some(Timestamp::from_milliseconds(scene.now.milliseconds() + ahead));
    }
    let closes = held.signum() == -change.signum() && change.abs() <= held.abs();
    order.reduce_only = closes && draws.permille(500);
    Some(order)
}

/// The worst price that somebody of a side would take, in ticks.
fn price(traded: &Traded, side: Side, units: f64) -> Price {
    match side {
        Side::Buy => floor(traded, units),
        Side::Sell => ceiling(traded, units),
    }
}

/// A stop that closes what is held: plain, trailing, or together with a take.
fn protect(
    person: &mut Person,
    scene: &Scene<'_>,
    traded: &Traded,
    held: i64,
    draws: &mut Draws,
) -> Option<Action> {
    if held == 0 || !draws.permille(250) {
        return None;
    }
    let [stop, take] = stop_and_take(scene, traded, -held, draws)?;
    if draws.permille(400) {
        return Some(place(person, stop));
    }
    let request = person.next_request();
    let group = Group::OneCancelsOther([stop, take]);
    let account = person.account;
    Some(Action::PlaceGroup(Box::new(PlaceGroup { account, request, group })))
}

/// A stop and a take that change a position by so much, which closes it.
fn stop_and_take(
    scene: &Scene<'_>,
    traded: &Traded,
    change: i64,
    draws: &mut Draws,
) -> Option<[OrderTerms; 2]> {
    let mark = scene.mark(traded)? as f64;
    let side = side_of(change);
    let away = mark * (0.005 + 0.03 * draws.unit());
    let [worse, better] = match side {
        Side::Sell => [-away, away],
        Side::Buy => [away, -away],
    };
    let [stops, takes] = match side {
        Side::Sell => [Direction::Falling, Direction::Rising],
        Side::Buy => [Direction::Rising, Direction::Falling],
    };
    let source = match draws.below(3) {
        0 => PriceSource::Last,
        1 => PriceSource::Mark,
        _ => PriceSource::Index,
    };
    let at = match draws.permille(300) {
        true => TriggerAt::Trail(floor(traded, away)),
        false => TriggerAt::Price(floor(traded, mark + worse)),
    };
    let triggered = |direction, at, order_type| {
        let mut order = terms(traded.id, side, change.abs(), order_type);
        order.reduce_only = true;
        order.trigger = Some(TriggerTerms { source, direction, at });
        order
    };
    let limit = OrderType::Limit { price: price(traded, side, mark + better) };
    let take_at = TriggerAt::Price(floor(traded, mark + better));
    Some([triggered(stops, at, OrderType::Market {}), triggered(takes, take_at, limit)])
}
