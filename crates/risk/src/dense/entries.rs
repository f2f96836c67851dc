//! What open orders may change: cash that they move, and what a fill gains or loses at once.

use instruments::{Amount, Price, Quantity, Rounding};

use super::table::{DenseEpoch, Terms};
use super::{DenseAccount, DenseOrder, DenseRoom, DenseSums};
use crate::orders::{EntryTerms, FillEntry, problem};
use crate::settlement::{Flow, Lots, by_instrument, realised, sort};

/// An order with what follows from its terms and from prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entered {
    pub order: DenseOrder,
    /// What it trades is worth at its limit, rounded up.
    pub cost: Amount,
    /// The index of its settlement asset.
    pub price: Price,
    pub entry: FillEntry,
    /// Whether it is in the sums that are kept as it is.
    pub is_kept: bool,
}

impl DenseEpoch {
    /// The open orders, with one more that is tried as the last, each with its entry. What is kept of
    /// the same order at the same prices is not computed again.
    pub(super) fn enter(
        &self,
        account: &DenseAccount,
        tried: Option<&DenseOrder>,
        sums: Option<&DenseSums>,
        room: &mut DenseRoom,
    ) -> Option<()> {
        room.entered.clear();
        let mut kept = sums.map_or(&[][..], |sums| sums.orders()).iter().peekable();
        for order in account.orders.iter().chain(tried) {
            while kept.next_if(|kept| kept.order.id < order.id).is_some() {}
            let same = kept.next_if(|kept| kept.order == *order);
            let terms = self.terms(order.instrument)?;
            let entered = match same {
                Some(same) => Entered { is_kept: true, ..*same },
                None => first_look(terms, order)?,
            };
            room.entered.push(entered);
        }
        self.add_up_flows(account, room)?;
        self.look_what_counts(account, room)?;
        for entered in &mut room.entered {
            let order = &entered.order;
            let terms = self.terms(order.instrument)?;
            let coin_counts = room.coin_counts[terms.asset];
            let price = account.balances[terms.asset].price;
            let same = entered.price == price && entered.entry.coin_counts == coin_counts;
            if entered.is_kept && same {
                continue;
            }
            (entered.is_kept, entered.price) = (false, price);
            let asset = &self.assets[terms.asset];
            let terms = EntryTerms {
                instrument: &terms.instrument,
                mark: order.mark,
                price,
                coin: self.epoch.coin(asset.asset),
                ticks_per_unit: self.epoch.rules().ticks_per_unit,
                coin_counts,
                array: terms.array,
            };
            let quantity = Quantity::from_lots(order.lots);
            entered.entry = FillEntry::at(&terms, quantity, order.limit, order.fee).ok()?;
        }
        Some(())
    }

    /// The cash that orders may move, by asset.
    fn add_up_flows(&self, account: &DenseAccount, room: &mut DenseRoom) -> Option<()> {
        let DenseRoom { flows, futures, entered, .. } = room;
        flows.clear();
        flows.resize(self.assets.len(), Flow::default());
        futures.clear();
        for Entered { order, cost, .. } in entered.iter() {
            let terms = self.terms(order.instrument)?;
            if terms.is_option {
                flows[terms.asset].add(-cost.units() - order.fee.units());
            } else {
                flows[terms.asset].add(-order.fee.units());
                futures.push(Lots::of(order.instrument, order.lots, *cost)?);
            }
        }
        if futures.is_empty() {
            return Some(());
        }
        sort(futures);
        // Positions that orders may close or add to.
        for place in 0..futures.len() {
            let instrument = futures[place].instrument;
            if place > 0 && futures[place - 1].instrument == instrument {
                continue;
            }
            let held = account.positions.binary_search_by_key(&instrument, |held| held.instrument);
            if let Ok(held) = held {
                let held = &account.positions[held];
                futures.push(Lots::of(instrument, held.lots, held.cost)?);
            }
        }
        sort(futures);
        for lots in by_instrument(futures) {
            let (made, lost) = realised(lots)?;
            let flow = &mut flows[self.terms(lots[0].instrument)?.asset];
            flow.inflow += made;
            flow.outflow += lost;
        }
        Some(())
    }

    /// Whether all of each asset that the account holds or may come to hold counts.
    fn look_what_counts(&self, account: &DenseAccount, room: &mut DenseRoom) -> Option<()> {
        let DenseRoom { flows, coin_counts, counted_max, .. } = room;
        coin_counts.clear();
        for (place, balance) in account.balances.iter().enumerate() {
            let counts = self.assets[place].is_joint && {
                let held = balance.balance.units().saturating_add(flows[place].inflow);
                held <= counted_max[place].1
            };
            coin_counts.push(counts);
        }
        Some(())
    }
}

/// An order that is not known yet, without its entry.
fn first_look(terms: &Terms, order: &DenseOrder) -> Option<Entered> {
    let quantity = Quantity::from_lots(order.lots);
    if problem(terms.is_option, quantity, order.limit, order.fee).is_some() {
        return None;
    }
    let cost = terms.instrument.value(quantity, order.limit, Rounding::Ceil).ok()?;
    let entry = FillEntry::default();
    Some(Entered { order: *order, cost, price: Price::ZERO, entry, is_kept: false })
}
