//! Liquidation cases as a journal's events tell them, and what each layer of the waterfall did by day.
//!
//! All figures are US dollars, in exact integers. What events tell in another asset counts at the index
//! that it had then, rounded once, half to even.

mod case;
mod ground;
mod layers;
mod step;

use std::collections::BTreeMap;

use book::OrderId;
use engine::event::{CaseEvent, CaseStep, Event, Taker, Trade};
use engine::{CaseId, Command};
use instruments::{Amount, Price, Quantity, Rounding, Timestamp};
use ledger::{LedgerAccount, PostingKind, VenueAccount};

pub use case::{CaseStory, Entry, Part, What};
pub use ground::Ground;
pub use layers::{Day, Layers};
pub use step::{Figures, figures};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// What a journal says about liquidation.
#[derive(Default)]
pub struct Stories {
    /// Every case.
    pub cases: BTreeMap<CaseId, CaseStory>,
    /// Days on which something happened, by days since 1970.
    pub days: BTreeMap<i64, Day>,
    /// What amounts and numbers mean.
    pub ground: Ground,
    /// The case that is told in full.
    told: Option<CaseId>,
    /// The case that spoke last within the running command: postings that follow are its own.
    current: Option<CaseId>,
    /// The order that it sent, and the mark then.
    order: Option<(OrderId, Price)>,
    /// Who takes the legs that follow.
    taking: Option<Part>,
}

impl Stories {
    /// Stories in which one case, if that, is told in full.
    pub fn telling(case: Option<CaseId>) -> Self {
        Self { told: case, ..Self::default() }
    }

    /// Takes in a command and what it did. Commands come in order from the first one on.
    pub fn follow(&mut self, command: &Command, events: &[Event]) {
        (self.current, self.order, self.taking) = (None, None, None);
        for event in events {
            self.ground.note(command, event);
            match event {
                Event::Case(case) => self.step(command, case),
                Event::Trade(trade) => self.trade(command, trade),
                Event::Balance {
                    account: LedgerAccount::Venue(account),
                    asset,
                    kind,
                    change,
                    ..
                } => {
                    let dollars = self.ground.dollars(*asset, *change);
                    self.posting(command.time, *account, *kind, dollars);
                }
                Event::DeficitCovered { asset, amount } => {
                    let dollars = self.ground.dollars(*asset, *amount);
                    let day = self.day(command.time);
                    day.covered = layers::sum([day.covered, dollars]);
                }
                _ => {}
            }
        }
    }

    fn day(&mut self, time: Timestamp) -> &mut Day {
        self.days.entry(time.milliseconds().div_euclid(DAY_MS)).or_default()
    }

    /// Counts what a layer did for a case, and on its day.
    fn count(&mut self, id: CaseId, time: Timestamp, did: Layers) {
        self.day(time).layers += did;
        if let Some(case) = self.cases.get_mut(&id) {
            case.layers += did;
        }
    }

    fn tell(&mut self, id: CaseId, command: &Command, what: What) {
        if let Some(case) = self.cases.get_mut(&id).filter(|_| self.told == Some(id)) {
            case.entries.push(Entry { sequence: command.sequence, time: command.time, what });
        }
    }

    fn step(&mut self, command: &Command, event: &CaseEvent) {
        let (id, time) = (event.case, command.time);
        self.current = Some(id);
        if let CaseStep::Opened { stands, group } = event.what {
            self.day(time).opened += 1;
            let holdings = self.ground.holdings(event.account);
            let story = CaseStory::opened(event.account, group, command, stands, holdings);
            self.cases.insert(id, story);
        }
        if matches!(event.what, CaseStep::Closed { .. }) {
            self.day(time).closed += 1;
        }
        self.tell(id, command, What::Step(event.what.clone()));
        match event.what {
            CaseStep::Order { order, mark, .. } => self.order = Some((order, mark)),
            CaseStep::Sold { to: Taker::Bidder, .. } => self.taking = Some(Part::Bidder),
            CaseStep::Sold { to: Taker::Vault, .. } => self.taking = Some(Part::Vault),
            CaseStep::TakenOver { .. } => self.taking = Some(Part::TakenOver),
            _ => {}
        }
        let did = self.layers_of(&event.what);
        self.count(id, time, did);
        let part = self.part_of(&event.what, &did);
        if let Some(case) = self.cases.get_mut(&id) {
            case.follow(time, &event.what);
            if let Some((account, part, value, amount)) = part {
                case.take_part(account, part, value, amount);
            }
        }
    }

    /// What a step says that a layer did. What the fund pays and has, and what stays outstanding, say
    /// postings.
    fn layers_of(&self, step: &CaseStep) -> Layers {
        let none = Layers::default();
        match step {
            CaseStep::Sold { to: Taker::Bidder, paid, improvement, .. } => {
                Layers { discount: *paid, improvement: *improvement, ..none }
            }
            CaseStep::Sold { to: Taker::Vault, paid, .. } => {
                Layers { vault_discount: *paid, ..none }
            }
            CaseStep::Leg { instrument, lots, mark, .. } => {
                self.taken(self.ground.notional(*instrument, *lots, *mark))
            }
            CaseStep::Coin { asset, amount, .. } => {
                let value = self.ground.dollars(*asset, *amount).units().abs();
                self.taken(Amount::from_units(value))
            }
            CaseStep::Deleveraged { instrument, lots, mark, cost, .. } => Layers {
                deleveraged: self.ground.notional(*instrument, *lots, *mark),
                deleveraging_cost: self.ground.settled(*instrument, *cost),
                ..none
            },
            CaseStep::Cut { amount, .. } => Layers { cut: self.ground.cash(*amount), ..none },
            _ => none,
        }
    }

    /// So much changes hands as whoever takes it does.
    fn taken(&self, value: Amount) -> Layers {
        let none = Layers::default();
        match self.taking {
            Some(Part::Vault) => Layers { vault: value, ..none },
            Some(Part::TakenOver) => Layers { taken_over: value, ..none },
            _ => Layers { auction: value, ..none },
        }
    }

    /// Who has a part in a step: as what, with how much at mark, and what they are paid or pay.
    fn part_of(
        &self,
        step: &CaseStep,
        did: &Layers,
    ) -> Option<(ledger::AccountId, Part, Amount, Amount)> {
        let none = Amount::ZERO;
        Some(match step {
            CaseStep::Sold { taker, paid, .. } => (*taker, self.taking?, none, *paid),
            CaseStep::TakenOver { taker, premium, .. } => (*taker, self.taking?, none, *premium),
            CaseStep::Leg { taker, .. } | CaseStep::Coin { taker, .. } => {
                let value = layers::sum([did.auction, did.vault, did.taken_over]);
                (*taker, self.taking?, value, none)
            }
            CaseStep::Deleveraged { counterparty, .. } => {
                (*counterparty, Part::Deleveraged, did.deleveraged, -did.deleveraging_cost)
            }
            CaseStep::Cut { counterparty, .. } => (*counterparty, Part::Cut, none, -did.cut),
            _ => return None,
        })
    }

    /// A trade, if it is one of the case's own orders.
    fn trade(&mut self, command: &Command, trade: &Trade) {
        let Some((id, (_, mark))) =
            self.current.zip(self.order.filter(|(order, _)| *order == trade.taker))
        else {
            return;
        };
        let lots = match trade.taker_side {
            book::Side::Buy => trade.lots,
            book::Side::Sell => -trade.lots,
        };
        let gain = self.ground.names.instrument(trade.instrument).and_then(|instrument| {
            let lots = Quantity::from_lots(lots);
            instrument.profit(lots, trade.price, mark, Rounding::Floor).ok()
        });
        let loss = self.ground.settled(trade.instrument, -gain.unwrap_or_default());
        let did = Layers {
            book: self.ground.notional(trade.instrument, lots, mark),
            book_loss: loss,
            book_fees: self.ground.settled(trade.instrument, trade.taker_fee),
            ..Layers::default()
        };
        self.count(id, command.time, did);
        self.tell(id, command, What::Trade { trade: *trade, mark, loss });
    }

    /// A posting of the fund, or one that leaves a loss uncovered.
    fn posting(
        &mut self,
        time: Timestamp,
        account: VenueAccount,
        kind: PostingKind,
        dollars: Amount,
    ) {
        let Some(id) = self.current else { return };
        let none = Layers::default();
        let (gained, lost) = match dollars < Amount::ZERO {
            true => (Amount::ZERO, -dollars),
            false => (dollars, Amount::ZERO),
        };
        let did = match (account, kind) {
            (VenueAccount::Insurance, PostingKind::Insurance) => {
                Layers { fund_paid: lost, fund_received: gained, ..none }
            }
            (VenueAccount::Deficit, PostingKind::Deficit) => Layers { outstanding: lost, ..none },
            _ => return,
        };
        self.count(id, time, did);
    }
}
