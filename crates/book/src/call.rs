//! The end of a call period: one price for all.

use crate::ladder::EMPTY;
use crate::slab::Order;
use crate::{Book, Event, Lots, Phase, Refusal, Side, Ticks};

/// The single price at which most would trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equilibrium {
    /// The price.
    pub price: Ticks,
    /// How much trades, shown or not.
    pub lots: Lots,
    /// What is bid at the price or above, less what is offered at it or below.
    pub imbalance: Lots,
}

impl Book {
    /// The price at which most would trade if the call period ended now; `None` if nothing would.
    ///
    /// Of several prices of the same volume it is the one of least imbalance, then the one nearest
    /// to `reference`, then the lowest. It may be a price without orders.
    #[must_use]
    pub fn equilibrium(&self, reference: Ticks) -> Option<Equilibrium> {
        let levels = self.crossing_levels();
        let mut demand: i64 = levels.iter().map(|level| level.bid).sum();
        let mut supply = 0;
        let mut best: Option<Equilibrium> = None;
        for (place, level) in levels.iter().enumerate() {
            supply += level.ask;
            best = better(best, candidate(level.price, demand, supply), reference);
            demand -= level.bid;
            // Between two levels demand and supply are constant.
            if let Some(next) = levels.get(place + 1).filter(|next| next.price - level.price > 1) {
                let price = reference.0.clamp(level.price + 1, next.price - 1);
                best = better(best, candidate(price, demand, supply), reference);
            }
        }
        best.filter(|best| best.lots.0 > 0)
    }

    /// Ends a call period: trades at the [equilibrium](Book::equilibrium), best price first, then
    /// first come, and then goes on continuously. The maker of a fill is the order accepted earlier.
    pub fn uncross(&mut self, reference: Ticks, events: &mut Vec<Event>) {
        if self.phase != Phase::Call {
            let refusal = Refusal::NoCallPeriod;
            return events.push(Event::Refused { order: None, refusal });
        }
        let found = self.equilibrium(reference);
        self.phase = Phase::Continuous;
        events.push(Event::Uncrossed {
            price: found.map(|found| found.price),
            lots: found.map_or(Lots(0), |found| found.lots),
            imbalance: found.map_or(Lots(0), |found| found.imbalance),
        });
        if let Some(Equilibrium { price, lots, .. }) = found {
            let mut left = lots.0;
            while left > 0 {
                left -= self.pair(price, left, events);
            }
        }
        self.assert_invariants();
    }

    /// Trades the first bid with the first ask, at most `left` lots; returns how many.
    fn pair(&mut self, price: Ticks, left: i64, events: &mut Vec<Event>) -> i64 {
        let [bid, ask] = Side::BOTH.map(|side| {
            let ladder = &mut self.sides[side.index()];
            let best = ladder.best();
            assert!(best != EMPTY && best <= side.key(price), "the volume was counted");
            ladder.at(best).head
        });
        let accepted = |slot: u32| self.orders.beside(slot).accepted;
        let (maker, taker) = if accepted(bid) < accepted(ask) { (bid, ask) } else { (ask, bid) };
        let (resting, coming): (Order, Order) = (*self.orders.get(maker), *self.orders.get(taker));
        let lots = resting.displayed.min(coming.displayed).min(left);
        let maker_open = self.consume(maker, lots);
        let taker_open = self.consume(taker, lots);
        self.totals.filled += 2 * i128::from(lots);
        events.push(Event::Fill {
            maker: resting.id,
            maker_account: resting.account,
            taker: coming.id,
            taker_account: coming.account,
            taker_side: coming.side,
            price,
            lots: Lots(lots),
            maker_open: Lots(maker_open),
            taker_open: Lots(taker_open),
        });
        self.settle(maker, events);
        self.settle(taker, events);
        lots
    }

    /// Both sides' levels from the best ask up to the best bid, by rising price.
    fn crossing_levels(&self) -> Vec<CrossingLevel> {
        let mut levels = Vec::new();
        for side in Side::BOTH {
            let opposite = side.opposite();
            let best = self.sides[opposite.index()].best();
            if best == EMPTY {
                return Vec::new();
            }
            let limit = side.key(opposite.price(best));
            let crossing = self.sides[side.index()].iter().take_while(|(key, _)| *key <= limit);
            for (key, level) in crossing {
                let price = side.price(key).0;
                let (bid, ask) = match side {
                    Side::Buy => (level.open, 0),
                    Side::Sell => (0, level.open),
                };
                levels.push(CrossingLevel { price, bid, ask });
            }
        }
        levels.sort_unstable_by_key(|level| level.price);
        levels.dedup_by(|next, level| {
            let same = next.price == level.price;
            if same {
                level.bid += next.bid;
                level.ask += next.ask;
            }
            same
        });
        levels
    }
}

#[derive(Clone, Copy, Debug)]
struct CrossingLevel {
    price: i64,
    bid: i64,
    ask: i64,
}

fn candidate(price: i64, demand: i64, supply: i64) -> Equilibrium {
    Equilibrium {
        price: Ticks(price),
        lots: Lots(demand.min(supply)),
        imbalance: Lots(demand - supply),
    }
}

/// The better of two prices; `candidate` is the higher one.
fn better(
    best: Option<Equilibrium>,
    candidate: Equilibrium,
    reference: Ticks,
) -> Option<Equilibrium> {
    let rank = |found: &Equilibrium| {
        let distance = found.price.0.abs_diff(reference.0);
        (std::cmp::Reverse(found.lots), found.imbalance.0.abs(), distance)
    };
    match best {
        Some(best) if rank(&best) <= rank(&candidate) => Some(best),
        _ => Some(candidate),
    }
}
