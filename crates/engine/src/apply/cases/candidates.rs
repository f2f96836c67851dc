//! The other side of a leg: who may give up how much, and the giving up.

use instruments::{Amount, Instrument, Price, Quantity, Rounding, SCALE, mul_div};
use ledger::{AccountId, PostingKind};
use risk::waterfall::WaterfallError;
use risk::waterfall::adl::{Candidate, Need, Policy, capacity, charge, refill};
use risk::waterfall::auction::Bundle;
use risk::{Account, MarginModel};

use super::Events;
use crate::event::CaseStep;
use crate::liquidation::{CaseId, LiquidationRules};
use crate::{InstrumentId, State};

const MILLION: i128 = 1_000_000;

/// A position, or a part of one, that is closed against the other side.
#[derive(Clone, Copy)]
pub(super) struct Leg {
    pub instrument: InstrumentId,
    /// Signed lots of the case's account.
    pub lots: i64,
    /// The same, and what closing them lacks in the settlement asset.
    pub need: Need,
    /// Whether accounts give up lots even if it leaves them below their requirement, or in a case.
    pub regardless: bool,
}

/// What somebody on the other side holds, and how it is margined.
struct Holder {
    view: Account,
    model: MarginModel,
}

/// What an account has gained since its positions were opened.
pub(super) struct Gain {
    /// In one leg, in its settlement asset.
    pub leg: i128,
    /// In all of them together, in the same.
    pub net: i128,
    /// What the leg cost when it was opened.
    cost: i128,
}

impl State {
    /// Closes a leg of a case's account against those on the other side, each at mark, who pay what it
    /// lacks in proportion to the lots that they give up. Gives the lots that nobody could give up.
    pub(super) fn close_leg(
        &mut self,
        id: CaseId,
        leg: &Leg,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> u64 {
        let account = self.case(id).account;
        let instrument = self.listings[leg.instrument.place()].instrument;
        let Ok(mark) = self.market.mark(&instrument) else { return leg.need.lots };
        let policy = rules.adl.policy();
        let candidates = self.other_side(account, leg, mark, policy);
        let most = |account: &AccountId, lots| {
            Ok::<u64, WaterfallError>(self.most_given_up(*account, leg, mark, lots))
        };
        let allocation = refill(policy, leg.need.lots, &candidates, most)
            .expect("accounts are distinct, and lots and leverage have 72 bits");
        let taken = allocation.lots.iter().sum::<u64>();
        assert!(taken + allocation.unmet == leg.need.lots, "as many lots are taken as are needed");
        let given: Vec<(AccountId, u64)> = candidates
            .iter()
            .zip(&allocation.lots)
            .map(|(candidate, lots)| (candidate.account, *lots))
            .collect();
        let costs = charge(&leg.need, &given).expect("no more is given up than needed");
        for ((counterparty, lots), cost) in given.into_iter().zip(costs) {
            if lots > 0 {
                let lots = leg.lots.signum() * i64::try_from(lots).expect("lots that are held");
                let cost = i128::try_from(cost).expect("no more than a profit");
                let cost = Amount::from_units(cost);
                self.deleverage(id, counterparty, leg.instrument, (lots, mark, cost), events);
            }
        }
        allocation.unmet
    }

    /// A counterparty closes lots against a case's account at mark, and pays for it.
    fn deleverage(
        &mut self,
        id: CaseId,
        counterparty: AccountId,
        instrument: InstrumentId,
        (lots, mark, cost): (i64, Price, Amount),
        events: &mut Events,
    ) {
        let account = self.case(id).account;
        let told = CaseStep::Deleveraged { counterparty, instrument, lots: -lots, mark, cost };
        self.tell(id, told, events);
        let gained = self.gain_of_part(counterparty, instrument, lots);
        self.move_lots(account, counterparty, instrument, lots, mark, events);
        let place = self.listings[instrument.place()].settlement;
        let kind = PostingKind::Deleveraging;
        self.pay_between(counterparty, account, place, kind, cost, events);
        // What it has paid is gained no more, whoever asks next; and a loss that it was made to take still
        // stands against what its other positions have gained.
        self.account_mut(counterparty).add_settled(instrument, -cost);
        self.take_from_gains(counterparty, (-gained).max(0));
        self.case_mut(id).traded = true;
        if let Some(other) = self.account_ref(counterparty).case {
            self.count_step(other);
        }
    }

    /// Those on the other side of a leg who may give up anything, by account.
    fn other_side(
        &self,
        account: AccountId,
        leg: &Leg,
        mark: Price,
        policy: Policy,
    ) -> Vec<Candidate<AccountId>> {
        let id = leg.instrument;
        let others = (0..self.accounts()).map(AccountId::new).filter(|other| {
            let state = self.account_ref(*other);
            let opposite = state.lots(id).signum() * leg.lots.signum() < 0;
            let free = state.case.is_none() && self.stale_for(*other).is_none();
            opposite && *other != account && (free || leg.regardless)
        });
        others.filter_map(|other| self.who_gives_up(other, id, &leg.need, mark, policy)).collect()
    }

    /// What an account may give up of a position; `None` for nothing.
    pub(super) fn who_gives_up(
        &self,
        account: AccountId,
        id: InstrumentId,
        need: &Need,
        mark: Price,
        policy: Policy,
    ) -> Option<Candidate<AccountId>> {
        let instrument = self.listings[id.place()].instrument;
        let lots = self.account_ref(account).lots(id).unsigned_abs();
        let gain = self.gain(account, id);
        let capacity = match (&gain, need.deficit) {
            (_, 0) => lots,
            (Some(gain), _) => capacity(need, lots, gain.leg, gain.net).ok()?,
            (None, _) => 0,
        };
        if capacity == 0 {
            return None;
        }
        let model = self.account_ref(account).model;
        let holder = Holder { view: self.held_by(account), model };
        let unhedged = match policy {
            Policy::HedgesLast { .. } => self.unhedged(&holder, &instrument, mark),
            _ => lots,
        };
        let by_leverage =
            matches!(policy, Policy::Queue | Policy::HedgesLast { by_leverage: true, .. });
        let leverage_ppm = if by_leverage { self.leverage_ppm(&holder) } else { 0 };
        let return_ppm = gain.map_or(0, |gain| gain.return_ppm());
        Some(Candidate { account, lots, capacity, unhedged, return_ppm, leverage_ppm })
    }

    /// The most lots, no more than `lots`, that an account can give up of a leg and still meet its
    /// maintenance requirement. Nothing if it does not meet it now.
    fn most_given_up(&self, account: AccountId, leg: &Leg, mark: Price, lots: u64) -> u64 {
        if leg.regardless {
            return lots;
        }
        let instrument = self.listings[leg.instrument.place()].instrument;
        let model = self.account_ref(account).model;
        let holder = Holder { view: self.held_by(account), model };
        let stands = |closed: u64| {
            let cost = leg.need.cost(closed).ok().and_then(|cost| i128::try_from(cost).ok());
            let after = cost.and_then(|cost| closed_by(&holder, &instrument, mark, closed, cost));
            let after = after.and_then(|after| self.solvency_of(&after, model));
            after.is_some_and(|after| after.health() >= 0)
        };
        match (stands(lots), stands(0)) {
            (true, _) => lots,
            (false, false) => 0,
            (false, true) => {
                let (mut can, mut cannot) = (0, lots);
                while cannot - can > 1 {
                    let middle = can + (cannot - can) / 2;
                    *(if stands(middle) { &mut can } else { &mut cannot }) = middle;
                }
                can
            }
        }
    }

    /// u: lots whose closing lowers the holder's maintenance margin, which is convex along the way.
    fn unhedged(&self, holder: &Holder, instrument: &Instrument, mark: Price) -> u64 {
        let held = holder.lots(instrument);
        if holder.view.positions.len() == 1 {
            return held;
        }
        let maintenance = |closed: u64| {
            let after = closed_by(holder, instrument, mark, closed, 0)?;
            self.solvency_of(&after, holder.model).map(|stands| stands.maintenance)
        };
        let falls_after = |closed: u64| match (maintenance(closed), maintenance(closed + 1)) {
            (Some(before), Some(after)) => after < before,
            _ => false,
        };
        if held == 0 || !falls_after(0) {
            return 0;
        }
        if falls_after(held - 1) {
            return held;
        }
        let (mut falls, mut rises) = (0, held - 1);
        while rises - falls > 1 {
            let middle = falls + (rises - falls) / 2;
            *(if falls_after(middle) { &mut falls } else { &mut rises }) = middle;
        }
        rises
    }

    /// What an account has gained since its positions were opened, settled or not; `None` where a mark
    /// is missing or it has no such position.
    pub(super) fn gain(&self, account: AccountId, id: InstrumentId) -> Option<Gain> {
        let state = self.account_ref(account);
        let slot = state.slot(id)?;
        let settlement = self.assets[self.listings[id.place()].settlement].asset;
        let net = self.net_gain(account)?;
        let price = self.market.price(settlement).ok()?.units();
        let net = mul_div(net, SCALE.into(), price.into(), Rounding::Floor)?;
        let settled = state.settled(id).units();
        let leg = self.unsettled(slot)? + settled;
        Some(Gain { leg, net, cost: slot.cost.units() - settled })
    }

    /// What a part of a position has gained since it was opened, in US dollars, rounded down.
    fn gain_of_part(&self, account: AccountId, id: InstrumentId, lots: i64) -> i128 {
        let state = self.account_ref(account);
        let gain = state.slot(id).and_then(|slot| {
            let gain = self.unsettled(slot)? + state.settled(id).units();
            let part = i128::from(lots).abs();
            let part = mul_div(gain, part, i128::from(slot.lots).abs(), Rounding::Floor)?;
            self.in_dollars(id, part)
        });
        gain.unwrap_or_default()
    }

    /// Takes what was paid out of gains, in US dollars, from the position that gained most, ties to the
    /// first: it is gained no more, whoever asks next.
    pub(super) fn take_from_gains(&mut self, account: AccountId, dollars: i128) {
        if dollars == 0 {
            return;
        }
        let state = self.account_ref(account);
        let mut best: Option<(i128, InstrumentId)> = None;
        for slot in &state.slots {
            let gain = self.gain_of_part(account, slot.instrument, slot.lots);
            if best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, slot.instrument));
            }
        }
        let Some((_, id)) = best else { return };
        let settlement = self.assets[self.listings[id.place()].settlement].asset;
        let taken = Bundle::cash_for(&self.market, settlement, dollars).unwrap_or_default();
        self.account_mut(account).add_settled(id, -taken);
        self.touch_account(account);
    }

    /// The net profit of all an account's positions since they were opened, in US dollars, rounded down.
    pub(super) fn net_gain(&self, account: AccountId) -> Option<i128> {
        let state = self.account_ref(account);
        let gains = state.slots.iter().map(|slot| {
            let gain = self.unsettled(slot)? + state.settled(slot.instrument).units();
            self.in_dollars(slot.instrument, gain)
        });
        gains.sum()
    }

    /// Profit of a position that has not become cash, in its settlement asset: value at mark less cost.
    pub(super) fn unsettled(&self, slot: &crate::account::Slot) -> Option<i128> {
        let instrument = self.listings[slot.instrument.place()].instrument;
        let mark = self.market.mark(&instrument).ok()?;
        let lots = Quantity::from_lots(slot.lots);
        let value = instrument.value(lots, mark, Rounding::Floor).ok()?;
        Some(value.units() - slot.cost.units())
    }

    /// An amount of an instrument's settlement asset in US dollars, rounded down.
    pub(super) fn in_dollars(&self, id: InstrumentId, units: i128) -> Option<i128> {
        let settlement = self.assets[self.listings[id.place()].settlement].asset;
        let price = self.market.price(settlement).ok()?;
        Some(Amount::from_units(units).worth(price, Rounding::Floor).ok()?.units())
    }

    /// What all positions are on, at their indices, as a part of equity; the most there is without
    /// equity.
    fn leverage_ppm(&self, holder: &Holder) -> u32 {
        let positions = holder.view.positions.iter();
        let notional = positions.map(|(instrument, position)| {
            let index = self.market.price(instrument.base()).ok()?;
            let size = instrument.base_size(position.quantity, index).ok()?;
            Some(Amount::from_units(size.abs()).worth(index, Rounding::Floor).ok()?.units())
        });
        let notional: i128 = notional.flatten().sum();
        let stands = self.solvency_of(&holder.view, holder.model);
        let equity = stands.map(|stands| stands.equity).filter(|equity| *equity > 0);
        let leverage =
            equity.and_then(|equity| mul_div(notional, MILLION, equity, Rounding::Floor));
        leverage.and_then(|leverage| u32::try_from(leverage).ok()).unwrap_or(u32::MAX)
    }

    /// The maintenance requirement of one position alone.
    pub(super) fn maintenance_of_one(
        &self,
        view: &Account,
        model: MarginModel,
        instrument: Instrument,
    ) -> i128 {
        let position = view.positions.get(&instrument).copied().unwrap_or_default();
        let positions = [(instrument, position)].into();
        let alone = Account { positions, ..Account::default() };
        self.solvency_of(&alone, model).map_or(0, |stands| stands.maintenance)
    }
}

impl Gain {
    /// Profit as a part of what the position cost.
    fn return_ppm(&self) -> i64 {
        let most = if self.leg < 0 { i64::MIN } else { i64::MAX };
        let part = mul_div(self.leg, MILLION, self.cost.abs().max(1), Rounding::Floor);
        part.and_then(|part| i64::try_from(part).ok()).unwrap_or(most)
    }
}

impl Holder {
    fn lots(&self, instrument: &Instrument) -> u64 {
        let position = self.view.positions.get(instrument);
        position.map_or(0, |position| position.quantity.lots().unsigned_abs())
    }
}

/// A holder that has closed so many lots at mark and paid for it in the settlement asset.
fn closed_by(
    holder: &Holder,
    instrument: &Instrument,
    mark: Price,
    lots: u64,
    cost: i128,
) -> Option<Account> {
    let mut after = holder.view.clone();
    let held = after.positions.get(instrument)?.quantity.lots();
    let lots = i64::try_from(lots).ok()? * held.signum();
    after.trade(*instrument, Quantity::from_lots(-lots), mark).ok()?;
    if cost != 0 {
        let balance = after.balances.entry(instrument.settlement_asset()).or_default();
        *balance = balance.checked_sub(Amount::from_units(cost))?;
    }
    Some(after)
}
