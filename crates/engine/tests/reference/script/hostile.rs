//! Numbers that no honest client sends.

use engine::command::{Action, OrderTerms, OrderType, TriggerAt};
use instruments::{Amount, Price, Timestamp};

use super::Random;

const EDGES: [i64; 8] = [0, -1, i64::MIN, i64::MAX, 1 << 60, (1 << 40) + 1, 1, -(1 << 62)];

/// Puts an impossible number into a command.
pub fn spoil(random: &mut Random, action: &mut Action) {
    let edge = random.pick(&EDGES);
    let (price, time) = (Price::from_units(edge), Timestamp::from_milliseconds(edge));
    match action {
        Action::PlaceOrder(place) => spoil_terms(random, &mut place.order),
        Action::AmendOrder(amend) => {
            if random.percent(50) {
                amend.price = Some(price)
            } else {
                amend.lots = Some(edge)
            }
        }
        Action::ReportPrice(report) => {
            if random.percent(50) {
                report.price = price
            } else {
                report.observed = time
            }
        }
        Action::SetSurface(surface) => {
            if let Some(at) = surface.expiries.first_mut() {
                if random.percent(50) { at.forward = price } else { at.expiry = time }
            }
        }
        Action::MassQuote(quotes) => {
            for quote in &mut quotes.quotes {
                if let Some(side) = &mut quote.bid {
                    if random.percent(50) { side.price = price } else { side.lots = edge }
                }
            }
        }
        Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => {
            request.amount = Amount::from_units(random.pick(&[i128::MIN, i128::MAX, 1 << 101, 0]));
        }
        Action::MoveCapital(capital) => {
            capital.amount = Amount::from_units(random.pick(&[i128::MIN, i128::MAX, 1 << 101, 0]));
        }
        Action::Transfer(transfer) => {
            transfer.amount = Amount::from_units(random.pick(&[i128::MIN, i128::MAX, 1 << 101, 0]));
        }
        Action::SetTerms { terms, .. } => match random.below(4) {
            0 => terms.tick = price,
            1 => terms.lots_max = edge,
            2 => terms.band_ppm = u32::MAX,
            _ => terms.settlement_ms = edge,
        },
        Action::ListInstrument(list) => list.terms.position_max = edge,
        Action::SetMethodology(set) => set.notice_ends = time,
        Action::OpenEpoch(open) => {
            if let Some(market) = &mut open.market {
                market.time = time;
            }
        }
        _ => {}
    }
}

fn spoil_terms(random: &mut Random, terms: &mut OrderTerms) {
    let edge = random.pick(&EDGES);
    let price = Price::from_units(edge);
    match random.below(5) {
        0 => terms.lots = edge,
        1 => terms.order_type = OrderType::Limit { price },
        2 => terms.display = Some(edge),
        3 => terms.expires = Some(Timestamp::from_milliseconds(edge)),
        _ => {
            if let Some(trigger) = &mut terms.trigger {
                trigger.at = random.pick(&[TriggerAt::Price(price), TriggerAt::Trail(price)]);
            }
        }
    }
}
