//! Makers quote everything in turn, wider in options, leaning against what they hold, and only one
//! side where they hold enough.

use book::{Crossing, Side};
use engine::InstrumentId;
use engine::command::{Action, CancelOrders, MassQuote, OrderType, Quote, QuoteSide};
use instruments::{ContractKind, SCALE};

use super::{Scene, ceiling, floor, place, terms};
use crate::draws::Draws;
use crate::people::Person;
use crate::venue::Traded;

/// What a maker holds at most of one instrument, as a share of its bankroll.
const HELD_MAX: f64 = 0.03;
/// What it shows on one side, as a share of what it holds at most.
const SHOWN: f64 = 0.03;
/// Moves of an hour up to which a market is calm, in log-price.
const CALM: f64 = 0.025;

/// A price on each side, with lots; a side is left out where the maker holds enough.
struct Sides {
    bid: Option<QuoteSide>,
    ask: Option<QuoteSide>,
}

/// Quotes the next instruments, or replaces plain orders.
pub(super) fn act(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Vec<Action> {
    let living = scene.listings.living().len();
    if living == 0 {
        return Vec::new();
    }
    if draws.permille(150) {
        return plain(person, scene, draws);
    }
    let mut quotes: Vec<Quote> = Vec::new();
    // Perpetuals, which are first, are quoted each time.
    let mut places: Vec<usize> = (0..4.min(living)).filter(|_| draws.permille(300)).collect();
    while places.len() < scene.quotes.min(living) {
        person.cursor = (person.cursor + 1) % living;
        if places.contains(&person.cursor) {
            break;
        }
        places.push(person.cursor);
    }
    for at in places {
        let Some(traded) = scene.listings.living_at(at) else { continue };
        if quotes.iter().any(|quote| quote.instrument == traded.id) {
            continue;
        }
        if let Some(Sides { bid, ask }) = sides(person, scene, traded, draws) {
            quotes.push(Quote { instrument: traded.id, bid, ask });
        }
    }
    let request = person.next_request();
    vec![Action::MassQuote(MassQuote { account: person.account, request, quotes })]
}

fn sides(person: &Person, scene: &Scene<'_>, traded: &Traded, draws: &mut Draws) -> Option<Sides> {
    let fair = scene.fair(traded)?;
    let index = scene.prices[traded.coin];
    let most = traded.lots(person.bankroll * HELD_MAX, index);
    // In a crash they show less, and further away.
    let stress = ((scene.trends[traded.coin].abs() - CALM) / CALM).max(0.0);
    let shown = SHOWN / (1.0 + stress * stress);
    let lots = ((most as f64 * shown * (0.5 + draws.unit())) as i64).max(1);
    let held = scene.lots(person, traded.id);
    let half = half_spread(traded, fair, index) * (0.7 + 0.6 * draws.unit()) * (1.0 + stress);
    let lean = (held as f64 / most as f64).clamp(-1.0, 1.0) * half;
    let side = |price, lots: i64| Some(QuoteSide { price, lots });
    let bid = floor(traded, fair - half - lean);
    let ask = ceiling(traded, (fair + half - lean).max((bid.units() + traded.tick) as f64));
    // Nobody bids for what is worth less than a tick.
    let bids = held < most && fair > traded.tick as f64;
    let sells = held > -most;
    Some(Sides {
        bid: if bids { side(bid, lots) } else { None },
        ask: if sells { side(ask, lots) } else { None },
    })
}

/// Half of the difference between a maker's offer and bid, in units.
fn half_spread(traded: &Traded, fair: f64, index: f64) -> f64 {
    let tick = traded.tick as f64;
    match traded.instrument.kind() {
        ContractKind::Perpetual | ContractKind::Spot => (fair * 0.000_3).max(tick),
        ContractKind::Future { .. } => (fair * 0.000_6).max(tick),
        ContractKind::Option { .. } => {
            let coin = if traded.is_in_coins() { 1.0 } else { index } * SCALE as f64;
            (fair * 0.02).max(coin * 0.000_3).max(tick)
        }
    }
}

/// Cancels what rests on an instrument, and bids and offers by plain orders.
fn plain(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Vec<Action> {
    let Some(traded) = scene.any(draws) else { return Vec::new() };
    let Some(Sides { bid, ask }) = sides(person, scene, traded, draws) else {
        return Vec::new();
    };
    let mut actions = vec![cancel_all(person, traded.id)];
    for (side, quoted) in [(Side::Buy, bid), (Side::Sell, ask)] {
        let Some(QuoteSide { price, lots }) = quoted else { continue };
        let crossing = if draws.permille(500) { Crossing::Reprice } else { Crossing::Reject };
        let mut order = terms(traded.id, side, lots, OrderType::PostOnly { price, crossing });
        order.protected = draws.permille(500);
        if draws.permille(300) && lots > 20 {
            order.display = Some(lots / 5);
            order.protected = false;
        }
        actions.push(place(person, order));
    }
    actions
}

fn cancel_all(person: &mut Person, instrument: InstrumentId) -> Action {
    let request = person.next_request();
    Action::CancelOrders(CancelOrders {
        account: person.account,
        instrument: Some(instrument),
        underlying: None,
        side: None,
        label: None,
        protected: false,
        request,
    })
}
