//! The bound without scenarios: admits most orders for the price of a sum over an account's legs.
//!
//! It never admits what the exact computation would not. Equity is bounded from below and margin
//! from above ([`risk::GrossTable`]), each leg by a product with what one lot is worth, which is
//! written down once for each mark.

use book::OrderId;
use instruments::{Amount, Price, Quantity, Rounding};
use ledger::AccountId;
use risk::{
    Confidence, GrossBalance, GrossLeg, GrossOrders, GrossPosition, MarginModel, OpenOrder,
};

use crate::account::{AccountState, OpenLots, OpenSums, Slot};
use crate::epoch::Gross;
use crate::state::asset_index;
use crate::{InstrumentId, State};

/// Most assets of a table.
pub(crate) const ASSETS_MAX: usize = 32;
/// Binary places of what one lot is worth.
pub(crate) const PLACES: u32 = 16;
/// Lots beyond this are left to the exact computation.
const LOTS_MAX: i64 = 1 << 48;

/// What admission looks up of an instrument for each leg: derived from its mark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// What one lot is worth in 2^-16 units of the settlement asset, rounded down and up.
    floor: i64,
    ceil: i64,
    mark: Price,
    confidence: Confidence,
    settlement: u16,
    is_option: bool,
    /// Whether it can be bounded: it has a mark, and what a lot is worth fits.
    is_known: bool,
}

/// A change of the orders in one instrument.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub instrument: InstrumentId,
    pub taken: Option<OpenLots>,
    pub added: Option<OpenLots>,
}

/// What the bound of one account is computed from. Large, so it is kept between accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct BoundInputs {
    /// What the account has of each of the table's assets, in their order.
    pub balances: [GrossBalance; ASSETS_MAX],
    pub worth: Worth,
}

/// What legs are worth by place of the settlement asset, in units of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worth {
    /// Unrealised profit: at least, and at most.
    profit: [[i128; 2]; ASSETS_MAX],
    /// The same of each leg by its magnitude: what orders may realise of it, where legs net.
    gross: [u128; ASSETS_MAX],
    /// Value of options, at least, and how many there are.
    options: [i128; ASSETS_MAX],
    count: i128,
    is_known: bool,
}

impl Row {
    pub const UNKNOWN: Self = Self {
        floor: 0,
        ceil: 0,
        mark: Price::ZERO,
        confidence: Confidence::FULL,
        settlement: 0,
        is_option: false,
        is_known: false,
    };
}

impl State {
    /// Writes down what one lot of an instrument is worth at its mark.
    pub(crate) fn write_row(&mut self, id: InstrumentId) {
        let listing = &self.listings[id.place()];
        let row = listing.mark.and_then(|mark| {
            let many = Quantity::from_lots(1 << PLACES);
            let units = |rounding| {
                let value = listing.instrument.value(many, mark, rounding).ok()?;
                i64::try_from(value.units()).ok().filter(|units| units.abs() < 1 << 60)
            };
            Some(Row {
                floor: units(Rounding::Floor)?,
                ceil: units(Rounding::Ceil)?,
                mark,
                confidence: listing.confidence,
                settlement: u16::try_from(listing.settlement).ok()?,
                is_option: listing.instrument.is_option(),
                is_known: true,
            })
        });
        if self.rows.len() <= id.place() {
            self.rows.resize(id.place() + 1, Row::UNKNOWN);
        }
        self.rows[id.place()] = row.unwrap_or(Row::UNKNOWN);
    }

    /// Whether the bound shows that an order may be admitted.
    pub(crate) fn is_surely_admitted(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        order: &OpenOrder,
        amended: Option<OrderId>,
    ) -> bool {
        let tried = self.tried(instrument, order, amended);
        if self.credit_covers(account, &tried) || self.is_within_bound(account, Some(tried)) {
            return true;
        }
        // What is admitted without it is in no credit.
        self.forget_credit(account);
        !self.work.exact && self.narrow(account) && self.is_within_bound(account, Some(tried))
    }

    /// What an order changes, with one that is amended taken out.
    pub(crate) fn tried(
        &self,
        instrument: InstrumentId,
        order: &OpenOrder,
        amended: Option<OrderId>,
    ) -> Change {
        let replaced = amended.and_then(|id| self.orders.get(id));
        let taken = replaced.map(|order| self.open_lots_of(order));
        Change { instrument, taken, added: Some(OpenLots::of(order)) }
    }

    /// Whether the bound shows that an account is at or above initial margin.
    pub(crate) fn is_surely_above_initial(&mut self, account: AccountId) -> bool {
        !self.account_ref(account).restricted && self.is_within_bound(account, None)
    }

    /// Whether equity covers the bound; what it leaves is kept as credit.
    fn is_within_bound(&mut self, account: AccountId, tried: Option<Change>) -> bool {
        let mut inputs = self.work.inputs.take().unwrap_or_default();
        let excess = self.bound_leaves(account, tried, &mut inputs).filter(|excess| *excess >= 0);
        if let Some(excess) = excess {
            self.keep_credit(account, excess, &inputs, tried);
        }
        self.work.inputs = Some(inputs);
        excess.is_some()
    }

    /// At least what equity leaves above the bound, in 10⁻⁸ US dollars; what it was computed from is
    /// left in `inputs`. `None` where there is no bound.
    fn bound_leaves(
        &self,
        account: AccountId,
        tried: Option<Change>,
        inputs: &mut BoundInputs,
    ) -> Option<i128> {
        if self.work.exact {
            return None;
        }
        self.bound_inputs(account, inputs)?;
        let BoundInputs { balances, worth } = inputs;
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let state = self.account_ref(account);
        let ordered = tried.map(|tried| tried.instrument);
        let positions = Unordered { slots: &state.slots, open: &state.open, ordered };
        let positions = positions.map(|slot| self.rows[slot.instrument.place()].position(slot));
        let leg = |id: InstrumentId, sums: Option<&OpenSums>| {
            let slot = state.slot(id).copied().unwrap_or(Slot::new(id));
            self.leg(&slot, sums, tried.filter(|tried| tried.instrument == id))
        };
        let legs = state.open.iter().map(|sums| leg(sums.instrument, Some(sums)));
        let new = ordered.filter(|id| state.open(*id).is_none()).map(|id| leg(id, None));
        let known = &balances[..gross.assets.len()];
        let bound = gross.table.bound(self.market.time, known, positions, legs.chain(new))?;
        Some(self.equity(gross, known, worth)? - bound * gross.tick)
    }

    /// What an account has, and what that is worth, as the bound wants it.
    pub(crate) fn bound_inputs(&self, account: AccountId, inputs: &mut BoundInputs) -> Option<()> {
        let state = self.account_ref(account);
        if state.model != MarginModel::Portfolio || self.assets.len() > ASSETS_MAX {
            return None;
        }
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        for place in 0..self.assets.len() {
            self.ledger.prefetch(account, asset_index(place));
        }
        self.add_up_worth(state, &mut inputs.worth)?;
        self.balances(account, state, gross, inputs)
    }

    /// What an account's positions and accrued funding are worth, by asset.
    fn add_up_worth(&self, state: &AccountState, worth: &mut Worth) -> Option<()> {
        worth.clear(self.assets.len());
        for slot in &state.slots {
            worth.add(slot, &self.rows[slot.instrument.place()]);
        }
        for (id, funding) in &state.funding {
            let listing = &self.listings[id.place()];
            let due = funding.accrued(i128::from(state.lots(*id)), listing.funding).ok()?.units();
            worth.add_profit(listing.settlement, [due; 2]);
        }
        worth.is_known.then_some(())
    }

    /// What an account has of each of the table's assets; `None` if it has any other.
    fn balances(
        &self,
        account: AccountId,
        state: &AccountState,
        gross: &Gross,
        inputs: &mut BoundInputs,
    ) -> Option<()> {
        let BoundInputs { balances, worth } = inputs;
        if gross.others.iter().any(|place| self.available(account, *place) != Amount::ZERO) {
            return None;
        }
        for (slot, (place, _)) in balances.iter_mut().zip(&gross.assets) {
            let asset = &self.assets[*place];
            let balance = self.ledger.available(account, asset_index(*place));
            let own = &state.assets[*place].interest;
            let interest = match balance >= Amount::ZERO || own.index() == asset.interest {
                true => 0,
                false => own.accrued(balance.units(), asset.interest).ok()?.units(),
            };
            let [low, high] = worth.profit[*place];
            *slot = GrossBalance {
                balance,
                accrued: Amount::from_units(low + interest),
                uncertain: Amount::from_units(high - low),
                price: asset.price?,
            };
        }
        Some(())
    }

    /// At least the equity that [`risk::Equity`] has, in 10⁻⁸ US dollars. That one rounds the
    /// worth of each option by itself, by a unit at most.
    pub(crate) fn equity(
        &self,
        gross: &Gross,
        balances: &[GrossBalance],
        worth: &Worth,
    ) -> Option<i128> {
        let mut total = -worth.count;
        for ((place, haircut), balance) in gross.assets.iter().zip(balances) {
            let GrossBalance { balance, accrued, price, .. } = *balance;
            if balance != Amount::ZERO {
                total += haircut.apply(balance.worth(price, Rounding::Floor).ok()?).units();
            }
            let rest = Amount::from_units(accrued.units() + worth.options[*place]);
            if rest != Amount::ZERO {
                total += rest.worth(price, Rounding::Floor).ok()?.units();
            }
        }
        Some(total)
    }

    /// A slot as the bound wants it. Profit is in the balances, but that of positions with orders,
    /// which these may realise.
    pub(crate) fn leg(
        &self,
        slot: &Slot,
        sums: Option<&OpenSums>,
        change: Option<Change>,
    ) -> GrossLeg {
        let row = &self.rows[slot.instrument.place()];
        let mut sides = sums.map_or([GrossOrders::default(); 2], |sums| sums.sides);
        if let Some(Change { taken, added, .. }) = change {
            if let Some(taken) = taken {
                taken.take_from(&mut sides[taken.side as usize]);
            }
            if let Some(added) = added {
                added.add_to(&mut sides[added.side as usize]);
            }
        }
        row.leg(slot, sides)
    }

    /// Makes the range of limits of an account's orders as narrow as they are; says whether it was
    /// wider.
    fn narrow(&mut self, account: AccountId) -> bool {
        let mut open = std::mem::take(&mut self.account_mut(account).open);
        let ranges = |open: &[OpenSums]| -> i128 {
            let sides = open.iter().flat_map(|sums| &sums.sides);
            sides.map(|side| i128::from(side.nearest.units().abs_diff(side.farthest.units()))).sum()
        };
        let before = ranges(&open);
        for sums in &mut open {
            sums.sides = [GrossOrders::default(); 2];
        }
        for id in &self.account_ref(account).resting {
            let order = self.orders.get(*id).expect("an order that rests is kept");
            let place = open.binary_search_by_key(&order.terms.instrument, |sums| sums.instrument);
            let sums = &mut open[place.expect("an order in the book is summed")];
            self.open_lots_of(order).add_to(&mut sums.sides[order.terms.side as usize]);
        }
        let is_narrower = ranges(&open) < before;
        self.account_mut(account).open = open;
        is_narrower
    }
}

/// An account's positions in instruments without orders, open or tried.
struct Unordered<'a> {
    slots: &'a [Slot],
    open: &'a [OpenSums],
    ordered: Option<InstrumentId>,
}

impl<'a> Iterator for Unordered<'a> {
    type Item = &'a Slot;

    #[inline]
    fn next(&mut self) -> Option<&'a Slot> {
        loop {
            let (slot, rest) = self.slots.split_first()?;
            self.slots = rest;
            while let Some((sums, rest)) = self.open.split_first()
                && sums.instrument < slot.instrument
            {
                self.open = rest;
            }
            let is_open = self.open.first().is_some_and(|sums| sums.instrument == slot.instrument);
            if !is_open && self.ordered != Some(slot.instrument) {
                return Some(slot);
            }
        }
    }
}

impl Row {
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub fn settlement(&self) -> usize {
        usize::from(self.settlement)
    }

    pub fn mark(&self) -> Price {
        self.mark
    }

    /// What one lot is worth, in 2^-16 units of the settlement asset, rounded down.
    pub fn floor(&self) -> i64 {
        self.floor
    }

    /// A position as the bound wants it.
    #[inline]
    pub fn position(&self, slot: &Slot) -> GrossPosition {
        GrossPosition {
            instrument: slot.instrument.0,
            lots: slot.lots,
            mark: self.mark,
            confidence: self.confidence,
        }
    }

    /// A position with its orders as the bound wants it. Its profit is in the balances, unless
    /// orders may realise it.
    pub fn leg(&self, slot: &Slot, sides: [GrossOrders; 2]) -> GrossLeg {
        let may_close = !self.is_option && sides[0].count + sides[1].count > 0;
        let realisable = if may_close { self.profit(slot) } else { [0; 2] };
        let [bids, asks] = sides;
        GrossLeg {
            position: self.position(slot),
            profit: Amount::ZERO,
            realisable: realisable.map(Amount::from_units),
            bids,
            asks,
        }
    }

    /// The profit of a position at least and at most, in units of the settlement asset.
    fn profit(&self, slot: &Slot) -> [i128; 2] {
        let [low, high] = self.value(slot.lots);
        [low - slot.cost.units(), high - slot.cost.units()]
    }

    /// The value of some lots at least and at most. The exact one is rounded down by less than one.
    fn value(&self, lots: i64) -> [i128; 2] {
        let (least, most) =
            if lots >= 0 { (self.floor, self.ceil) } else { (self.ceil, self.floor) };
        let lots = i128::from(lots);
        [(lots * i128::from(least)) >> PLACES, -((-lots * i128::from(most)) >> PLACES)]
    }
}

impl Worth {
    /// Nothing yet, for a venue of so many assets.
    fn clear(&mut self, assets: usize) {
        self.profit[..assets].fill([0; 2]);
        self.gross[..assets].fill(0);
        self.options[..assets].fill(0);
        (self.count, self.is_known) = (0, true);
    }

    /// Profits of all legs and option value in an asset by their magnitudes, in units of it.
    pub fn gross(&self, place: usize) -> u128 {
        self.gross[place] + self.options[place].unsigned_abs()
    }

    /// Value of options in an asset, at least, in units of it.
    pub fn options(&self, place: usize) -> i128 {
        self.options[place]
    }

    /// How many units more options may be worth.
    pub fn count(&self) -> i128 {
        self.count
    }

    fn add(&mut self, slot: &Slot, row: &Row) {
        self.is_known &= row.is_known && slot.lots.abs() <= LOTS_MAX;
        let place = usize::from(row.settlement);
        if slot.lots == 0 {
            return;
        }
        if row.is_option {
            self.options[place] += row.value(slot.lots)[0];
            self.count += 1;
        } else {
            self.add_profit(place, row.profit(slot));
        }
    }

    fn add_profit(&mut self, place: usize, [low, high]: [i128; 2]) {
        self.profit[place][0] += low;
        self.profit[place][1] += high;
        self.gross[place] += low.unsigned_abs().max(high.unsigned_abs());
    }
}
