//! Which accounts may have fallen below their maintenance requirement, without a look at all.
//!
//! An account that was found healthy is *watched*: what it has above its maintenance requirement is
//! divided among all that could take it away, each by so much. From then on it is healthy as long as
//! each of these is short of its *level*: the index of an asset that it has, the mark of an instrument
//! that it holds, on the side on which it loses, and a clock for what goes slowly. Levels lie in order
//! ([`lanes`]), so that a price wakes the accounts whose levels it has reached and no other. What
//! changes an account otherwise wakes it too ([`Watches::touch`]).
//!
//! Who is woken is watched anew if the [bound](crate::bound) says enough, which holds in later
//! epochs as well. Otherwise it is suspect: looked at exactly, and if healthy watched for as long as
//! the epoch lasts; an account margined by position, which has no bound, for as long as its rules
//! do. `docs/decisions/detection.md` says why none is missed.
//!
//! All of this is derived. No event depends on it, and no snapshot has it: with the first price after
//! one everybody is woken.

mod clocks;
mod lanes;
mod levels;
mod positions;

use std::collections::BTreeMap;
use std::sync::Arc;

use instruments::{Amount, SCALE, Timestamp};
use ledger::AccountId;
use risk::waterfall::Solvency;
use risk::{Account, ByPosition, DenseStanding, Margin, MarginDetail, MarginModel};

use crate::State;
use crate::account::Slot;
use crate::bound::BoundInputs;
use crate::epoch::Gross;
use clocks::Clocks;
use lanes::{Lane, Lanes};
use levels::Part;

/// How long whoever has something that nears its expiry is watched, in milliseconds: its expiry cliff
/// counts as it will be then.
const WHILE: i64 = 15 * 60 * 1_000;

/// Who is watched, and what for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watches {
    /// Whether anybody is: from the first price on that finds rules of liquidation.
    on: bool,
    /// Everybody is looked at exactly instead; for measurements and tests.
    everyone: bool,
    marks: Vec<Watched>,
    /// Accounts that were woken, some more than once.
    woken: Vec<AccountId>,
    /// Accounts that were watched by an exact computation in this epoch, some not any more.
    exact: Vec<AccountId>,
    /// The epoch that clocks have run to, with its table and its position rules.
    epoch: u64,
    gross: Option<Gross>,
    rules: Option<Arc<ByPosition>>,
    lanes: Lanes,
    clocks: Clocks,
    /// Room for one account's levels; empty in between.
    parts: Vec<Part>,
}

/// One account.
#[derive(Clone, Copy, Debug, Default)]
struct Watched {
    /// Changes whenever its levels do: those with another number are of the past.
    stamp: u32,
    is_woken: bool,
    is_exact: bool,
}

/// What time alone does to an account for a while.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    until: Timestamp,
    /// Ticks that its expiry cliff rises by until then.
    rise: i128,
}

impl Watches {
    /// Wakes an account: something has changed that levels say nothing of.
    pub fn touch(&mut self, account: AccountId) {
        if self.on {
            let watched = self.of(account);
            if !watched.is_woken {
                watched.is_woken = true;
                self.woken.push(account);
            }
        }
    }

    fn of(&mut self, account: AccountId) -> &mut Watched {
        let place = account.number() as usize;
        if place >= self.marks.len() {
            self.marks.resize(place + 1, Watched::default());
        }
        &mut self.marks[place]
    }

    /// Watches an account for some levels, and no others.
    fn set(&mut self, account: AccountId, levels: &[(Lane, i64)]) {
        let watched = self.of(account);
        watched.stamp = watched.stamp.wrapping_add(1);
        watched.is_woken = false;
        let stamp = watched.stamp;
        for (lane, level) in levels {
            self.push(*lane, *level, account, stamp);
        }
    }

    /// Has an account that is watched woken at a time, if it still is as it is now.
    fn wake_at(&mut self, account: AccountId, time: Timestamp) {
        let stamp = self.of(account).stamp;
        self.push(Lane::Time, time.milliseconds(), account, stamp);
    }

    fn push(&mut self, lane: Lane, level: i64, account: AccountId, stamp: u32) {
        self.lanes.push(lane, level, account, stamp, |entry| {
            let mark = self.marks.get(entry.account as usize);
            mark.is_some_and(|mark| mark.stamp == entry.stamp)
        });
    }

    /// Takes out those who were woken, each once.
    fn take_woken(&mut self) -> Vec<AccountId> {
        let mut woken = std::mem::take(&mut self.woken);
        woken.retain(|account| std::mem::take(&mut self.marks[account.number() as usize].is_woken));
        woken
    }

    /// Forgets everything: who is to be watched is begun with anew.
    fn clear(&mut self) {
        *self = Self { everyone: self.everyone, ..Self::default() };
    }
}

impl State {
    /// Looks at every account exactly to find those to be liquidated. No event depends on it: for
    /// measurements and tests.
    pub fn scan_everyone(&mut self, everyone: bool) {
        self.watches = Watches { everyone, ..Watches::default() };
    }

    /// Accounts that may be below their maintenance requirement, ascending. They stay woken until
    /// they are found healthy.
    pub(crate) fn suspects(&mut self) -> Vec<AccountId> {
        if self.watches.everyone {
            return self.exposed();
        }
        if !self.can_watch() {
            self.watches.clear();
            let mut suspects = self.exposed();
            suspects.retain(|account| self.credit_of(*account).is_none_or(|credit| credit < 0));
            return suspects;
        }
        if !self.watches.on {
            self.watches.on = true;
            self.wake_everyone();
        }
        self.run_clocks();
        self.wake_whose_levels_are_reached();
        let mut suspects = Vec::new();
        for account in self.watches.take_woken() {
            let state = self.account_ref(account);
            let free = state.case.is_none() && self.is_exposed(account);
            if free && !self.watch_by_bound(account) {
                self.watches.touch(account);
                suspects.push(account);
            }
        }
        suspects.sort_unstable();
        suspects
    }

    /// How an account stands by the exact computation, unless that shows at once that it is healthy. One
    /// that is healthy is watched from then on, if what it has can be.
    pub(crate) fn look_at(&mut self, account: AccountId) -> Option<Solvency> {
        let (standing, ahead) = self.standing_by_number(account);
        if standing.is_some_and(|standing| self.is_surely_healthy(account, standing, ahead)) {
            return None;
        }
        let model = self.account_ref(account).model;
        let view = self.held_by(account);
        let (margin, stands) = self.assessed(&view, model).ok()?;
        if stands.health() >= 0 && self.watches.on {
            self.watch_exactly(account, &view, &margin, ahead);
        }
        Some(stands)
    }

    /// How a `portfolio` account stands by number, if that is computed, and what time alone does to it for
    /// a while, if that is known.
    fn standing_by_number(&mut self, account: AccountId) -> (Option<DenseStanding>, Option<Ahead>) {
        if self.watches.everyone || self.account_ref(account).model != MarginModel::Portfolio {
            return (None, None);
        }
        let until = self.steady_until(account);
        let standing = self.dense_standing(account, until.unwrap_or(self.market.time));
        let rise = match standing {
            Some(standing) => Some(standing.rise),
            None => self.is_steady(account).then_some(0),
        };
        (standing, until.zip(rise).map(|(until, rise)| Ahead { until, rise }))
    }

    /// Whether equity covers what initial margin is computed from, less its part beyond maintenance:
    /// charges are in it that maintenance leaves out. Whom it clears needs no whole computation.
    fn is_surely_healthy(
        &mut self,
        account: AccountId,
        standing: DenseStanding,
        ahead: Option<Ahead>,
    ) -> bool {
        let DenseStanding { equity, uncapped, .. } = standing;
        let is_healthy = self.headroom_above(equity, uncapped).is_some_and(|left| left >= 0);
        if is_healthy && self.watches.on {
            self.watch_in_epoch(account, equity, uncapped, ahead);
        }
        is_healthy
    }

    /// Checks that whoever is below its maintenance requirement would be found. Gives how many have
    /// something to liquidate and would not be looked at, by margin model.
    ///
    /// # Errors
    /// Which account would not be found.
    pub fn audit_watches(&self) -> Result<BTreeMap<MarginModel, u32>, String> {
        if self.liquidation.rules.is_none() {
            return Ok(BTreeMap::new());
        }
        let suspects = self.clone().suspects();
        let mut passed_over = BTreeMap::new();
        for account in self.exposed() {
            let state = self.account_ref(account);
            if state.case.is_some() || suspects.binary_search(&account).is_ok() {
                continue;
            }
            *passed_over.entry(state.model).or_default() += 1;
            if self.solvency(account).is_some_and(|stands| stands.health() < 0) {
                return Err(format!("{account} is below its maintenance requirement, unseen"));
            }
        }
        Ok(passed_over)
    }

    /// Whether it has anything that could need margin: a position or a debt.
    pub(crate) fn is_exposed(&self, account: AccountId) -> bool {
        !self.account_ref(account).slots.is_empty() || self.owes(account)
    }

    fn exposed(&self) -> Vec<AccountId> {
        let all = (0..self.accounts()).map(AccountId::new);
        all.filter(|account| self.is_exposed(*account)).collect()
    }

    fn wake_everyone(&mut self) {
        for account in self.exposed() {
            self.watches.touch(account);
        }
    }

    /// Whether levels say anything now: there is an epoch with a bound, not a day old, whose charges
    /// for maintenance follow from positions, and no coin needs more than it is worth; or one that has
    /// no `portfolio` accounts.
    fn can_watch(&self) -> bool {
        let Some(epoch) = &self.risk.epoch else { return false };
        if epoch.portfolio.is_none() {
            return true;
        }
        let Some(Gross { table, assets, tick, .. }) = &epoch.gross else { return false };
        let age = self.market.time.since(epoch.opened);
        let is_tame = |(known, (place, _)): (usize, &(usize, risk::Haircut))| {
            let need = maintenance_of_coin(table, known, *tick)?;
            Some(need <= i128::from(self.assets[*place].price?.units()))
        };
        (0..=Timestamp::DAY).contains(&age)
            && !table.charges_follow_marks()
            && assets.iter().enumerate().all(|asset| is_tame(asset) == Some(true))
    }

    fn wake_whose_levels_are_reached(&mut self) {
        let mut reached = Vec::new();
        self.watches.lanes.reach_time(self.market.time, &mut reached);
        for (place, asset) in self.assets.iter().enumerate() {
            let clock = self.watches.clocks.of(place);
            self.watches.lanes.reach_asset(place, asset.price, clock, &mut reached);
        }
        for listing in self.listings.iter().filter(|listing| !listing.expired) {
            if let Some(mark) = listing.mark {
                self.watches.lanes.reach_mark(listing.id, mark, &mut reached);
            }
        }
        for entry in reached {
            let account = AccountId::new(entry.account);
            if self.watches.of(account).stamp == entry.stamp {
                self.watches.touch(account);
            }
        }
    }

    /// Watches an account by the bound, if that leaves anything.
    fn watch_by_bound(&mut self, account: AccountId) -> bool {
        let Some(headroom) = self.headroom_by_bound(account) else { return false };
        self.watch_with(account, headroom)
    }

    /// At least what an account has above its maintenance requirement, in 10⁻⁸ US dollars; `None`
    /// where there is no bound.
    fn headroom_by_bound(&self, account: AccountId) -> Option<i128> {
        let mut inputs = BoundInputs::default();
        self.bound_inputs(account, &mut inputs)?;
        let BoundInputs { balances, worth } = &inputs;
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let slots = self.account_ref(account).slots.iter();
        // What is charged on delta may rise by more than delta does with another epoch's prices, where
        // an account has much of it.
        let size = |slot: &Slot| {
            let notional = gross.table.unit(slot.instrument.0)?.notional;
            Some(u128::from(notional) * u128::from(slot.lots.unsigned_abs()) * 2)
        };
        let delta: u128 = slots.clone().map(size).sum::<Option<u128>>()?;
        if delta > u128::from(gross.table.delta_max()) {
            return None;
        }
        let positions = slots.map(|slot| self.rows[slot.instrument.place()].position(slot));
        let known = &balances[..gross.assets.len()];
        let bound = gross.table.bound(self.market.time, known, positions, [])?;
        let maintenance = gross.table.maintenance(bound)?;
        Some(self.equity(gross, known, worth)? - maintenance * gross.tick)
    }

    /// Watches an account by its exact margin without orders, before any cap and whatever notice runs.
    fn watch_exactly(
        &mut self,
        account: AccountId,
        view: &Account,
        margin: &Margin,
        ahead: Option<Ahead>,
    ) {
        if margin.model != MarginModel::Portfolio {
            self.watch_by_position(account, view, margin);
            return;
        }
        let MarginDetail::Scenario(detail) = &margin.detail else { return };
        if self.account_ref(account).model == MarginModel::Portfolio {
            let kept = detail.add_ons_of_positions.iter().filter(|add_on| add_on.maintenance);
            let charged: i128 = kept.map(|kept| kept.ticks).sum();
            let needed = detail.requirement_of_positions + charged;
            self.watch_in_epoch(account, margin.equity.total, needed, ahead);
        }
    }

    /// Watches an account that has so much equity and needs so many ticks, for a while in this epoch.
    fn watch_in_epoch(
        &mut self,
        account: AccountId,
        equity: Amount,
        needed: i128,
        ahead: Option<Ahead>,
    ) {
        let Some(Ahead { until, rise }) = ahead else { return };
        let Some(headroom) = self.headroom_above(equity, needed + rise) else { return };
        if self.watch_with(account, headroom) {
            self.watches.wake_at(account, until);
            let watched = self.watches.of(account);
            if !std::mem::replace(&mut watched.is_exact, true) {
                self.watches.exact.push(account);
            }
        }
    }

    /// Until when time alone raises no charge of an account but the expiry cliff, and that for a while
    /// only.
    fn steady_until(&self, account: AccountId) -> Option<Timestamp> {
        let table = &self.risk.epoch.as_ref()?.gross.as_ref()?.table;
        let now = self.market.time;
        let soon = Timestamp::from_milliseconds(now.milliseconds() + WHILE);
        let slots = self.account_ref(account).slots.iter();
        let each = slots.map(|slot| {
            let stays = table.stays_until(slot.instrument.0, now)?;
            Some(if table.is_steady(slot.instrument.0) { stays } else { stays.min(soon) })
        });
        each.min().unwrap_or(Some(soon))
    }

    /// Whether time alone raises no charge of an account while the epoch is open.
    fn is_steady(&self, account: AccountId) -> bool {
        let Some(epoch) = &self.risk.epoch else { return false };
        let Some(Gross { table, .. }) = &epoch.gross else { return false };
        self.account_ref(account).slots.iter().all(|slot| table.is_steady(slot.instrument.0))
    }

    /// What equity leaves above the maintenance requirement of so many ticks, in 10⁻⁸ US dollars.
    fn headroom_above(&self, equity: Amount, ticks: i128) -> Option<i128> {
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let maintenance = gross.table.maintenance(ticks)?;
        Some(equity.units() - maintenance * gross.tick)
    }
}

/// At most what one whole unit of an asset needs for maintenance, in 10⁻⁸ US dollars.
fn maintenance_of_coin(table: &risk::GrossTable, known: usize, tick: i128) -> Option<i128> {
    const UNITS: i128 = 1 << 40;
    let ticks = table.coin_need(known, UNITS.unsigned_abs())?;
    let needs = table.maintenance(ticks.cast_signed())?.checked_mul(tick)?;
    Some(needs.checked_mul(i128::from(SCALE))? / UNITS + 1)
}
