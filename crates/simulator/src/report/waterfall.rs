//! What liquidation took from whom.

use std::collections::BTreeMap;

use engine::event::{CaseEvent, CaseStep, Taker};
use engine::liquidation::Outcome;
use engine::{CaseId, Event, InstrumentId};
use instruments::{Amount, Timestamp};

use crate::venue::Listings;

/// The layers of the waterfall as cases reached them, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Over before any forced trade.
    Opened,
    /// Traded in the book.
    Book,
    /// Auctioned.
    Auction,
    /// Taken by the backstop vault.
    Vault,
    /// Taken over from the insolvent, paid by the fund.
    TakenOver,
    /// Paid by the fund otherwise.
    Fund,
    /// Closed against those on the other side.
    Deleveraging,
    /// Paid by a cut of profits.
    Cut,
    /// Uncovered.
    Outstanding,
}

impl Layer {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "none",
            Self::Book => "book",
            Self::Auction => "auction",
            Self::Vault => "vault",
            Self::TakenOver => "insolvent auction",
            Self::Fund => "fund",
            Self::Deleveraging => "deleveraging",
            Self::Cut => "cut",
            Self::Outstanding => "outstanding",
        }
    }
}

/// Cases whose deepest layer is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerCases {
    /// Cases.
    pub cases: u64,
    /// Those that ended before any forced trade.
    pub recovered: u64,
    /// Those that forced trades brought to their target.
    pub restored: u64,
    /// Those that were insolvent, and were paid for.
    pub resolved: u64,
    /// Those that nobody bought from, and those that had nothing left.
    pub ended: u64,
    /// Those that are still open.
    pub open: u64,
}

/// All cases of a simulation. Amounts are in US dollars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waterfall {
    /// Cases by their deepest layer.
    pub layers: BTreeMap<Layer, LayerCases>,
    /// Cases that went through a layer, whatever came after.
    pub reached: BTreeMap<Layer, u64>,
    /// Notional that was traded in the book.
    pub in_book: f64,
    /// What that lost against mark, at most: fees and all, as it was expected.
    pub book_cost: f64,
    /// Notional that bidders took.
    pub auctioned: f64,
    /// Notional that the vault took.
    pub to_vault: f64,
    /// Discounts that owners paid.
    pub discount: f64,
    /// What they kept because discounts were below the reserve.
    pub improvement: f64,
    /// Fees of the fund.
    pub fees: f64,
    /// Notional that was taken over from the insolvent.
    pub taken_over: f64,
    /// What the fund paid, premiums included.
    pub fund_paid: f64,
    /// Premiums.
    pub premium: f64,
    /// Notional that was closed against those on the other side.
    pub deleveraged: f64,
    /// What that cost them.
    pub deleveraging_cost: f64,
    /// Cuts of profits.
    pub cut: f64,
    /// Losses that stayed uncovered, though the fund may have covered them later.
    pub outstanding: f64,
    /// Times from opening to close, in milliseconds, ascending; pauses count.
    pub times_ms: Vec<i64>,
    running: BTreeMap<CaseId, Running>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Running {
    opened: Timestamp,
    deepest: Layer,
    /// Bits of layers gone through.
    through: u16,
}

impl Waterfall {
    /// Cases in all.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.layers.values().map(|layer| layer.cases).sum()
    }

    /// What owners lacked, whoever paid it.
    #[must_use]
    pub fn bad_debt(&self) -> f64 {
        self.fund_paid - self.premium + self.deleveraging_cost + self.cut + self.outstanding
    }

    /// The median time from opening to close in milliseconds; nothing without cases.
    #[must_use]
    pub fn time_median_ms(&self) -> i64 {
        self.times_ms.get(self.times_ms.len() / 2).copied().unwrap_or(0)
    }

    /// The longest time from opening to close.
    #[must_use]
    pub fn time_most_ms(&self) -> i64 {
        self.times_ms.last().copied().unwrap_or(0)
    }

    /// Takes note of what happened.
    pub(crate) fn note(
        &mut self,
        now: Timestamp,
        events: &[Event],
        listings: &Listings,
        prices: &[f64],
    ) {
        let mut in_book = false;
        let notional = |id: InstrumentId, lots: i64| {
            let traded = listings.get(id);
            traded.map_or(0.0, |t| lots.unsigned_abs() as f64 * t.lot_dollars(prices[t.coin]))
        };
        let mut selling: Option<Option<Taker>> = None;
        for event in events {
            let case = match event {
                Event::Trade(trade) => {
                    if in_book {
                        self.in_book += notional(trade.instrument, trade.lots);
                    }
                    continue;
                }
                Event::Case(case) => case,
                _ => continue,
            };
            in_book = false;
            match &case.what {
                CaseStep::Order { expected_loss, .. } => {
                    self.book_cost += dollars(*expected_loss);
                    in_book = true;
                }
                CaseStep::Sold { to, .. } => selling = Some(Some(*to)),
                CaseStep::TakenOver { .. } => selling = Some(None),
                CaseStep::Leg { instrument, lots, .. } => {
                    let size = notional(*instrument, *lots);
                    match selling {
                        Some(Some(Taker::Bidder)) => self.auctioned += size,
                        Some(Some(Taker::Vault)) => self.to_vault += size,
                        _ => self.taken_over += size,
                    }
                }
                CaseStep::Deleveraged { instrument, lots, cost, .. } => {
                    self.deleveraged += notional(*instrument, *lots);
                    let price = listings
                        .get(*instrument)
                        .filter(|t| t.instrument.settlement_asset() == t.instrument.base());
                    let price = price.map_or(1.0, |traded| prices[traded.coin]);
                    self.deleveraging_cost += dollars(*cost) * price;
                }
                _ => {}
            }
            self.step(now, case);
        }
    }

    fn step(&mut self, now: Timestamp, event: &CaseEvent) {
        let layer = match &event.what {
            CaseStep::Opened { .. } => {
                let running = Running { opened: now, deepest: Layer::Opened, through: 0 };
                self.running.insert(event.case, running);
                self.layers.entry(Layer::Opened).or_default().cases += 1;
                self.layers.entry(Layer::Opened).or_default().open += 1;
                return;
            }
            CaseStep::Order { .. } => Layer::Book,
            CaseStep::Sold { to, paid, improvement, .. } => {
                self.discount += dollars(*paid);
                self.improvement += dollars(*improvement);
                if *to == Taker::Vault { Layer::Vault } else { Layer::Auction }
            }
            CaseStep::TakenOver { premium, .. } => {
                self.premium += dollars(*premium);
                Layer::TakenOver
            }
            CaseStep::Fee { amount } => {
                self.fees += dollars(*amount);
                return;
            }
            CaseStep::FundPaid { own, shared, .. } => {
                let paid = dollars(*own) + dollars(*shared);
                self.fund_paid += paid;
                if paid == 0.0 {
                    return;
                }
                Layer::Fund
            }
            CaseStep::Deleveraged { .. } => Layer::Deleveraging,
            CaseStep::Cut { amount, .. } => {
                self.cut += dollars(*amount);
                Layer::Cut
            }
            CaseStep::Outstanding { amount, .. } => {
                self.outstanding += dollars(*amount);
                Layer::Outstanding
            }
            CaseStep::Closed { outcome, .. } => return self.close(now, event.case, *outcome),
            _ => return,
        };
        self.deepen(event.case, layer);
    }

    fn deepen(&mut self, id: CaseId, layer: Layer) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let bit = 1 << layer as u16;
        if running.through & bit == 0 {
            running.through |= bit;
            *self.reached.entry(layer).or_default() += 1;
        }
        if layer > running.deepest {
            for (layer, by) in [(running.deepest, -1_i64), (layer, 1)] {
                let cases = self.layers.entry(layer).or_default();
                cases.cases = cases.cases.saturating_add_signed(by);
                cases.open = cases.open.saturating_add_signed(by);
            }
            running.deepest = layer;
        }
    }

    fn close(&mut self, now: Timestamp, id: CaseId, outcome: Outcome) {
        let Some(running) = self.running.remove(&id) else { return };
        let cases = self.layers.entry(running.deepest).or_default();
        cases.open -= 1;
        match outcome {
            Outcome::Recovered => cases.recovered += 1,
            Outcome::Restored => cases.restored += 1,
            Outcome::Resolved => cases.resolved += 1,
            Outcome::Flat | Outcome::Unsold => cases.ended += 1,
        }
        let time = now.since(running.opened);
        let place = self.times_ms.partition_point(|known| *known <= time);
        self.times_ms.insert(place, time);
    }
}

fn dollars(amount: Amount) -> f64 {
    amount.units() as f64 / instruments::SCALE as f64
}
