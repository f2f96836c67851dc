//! Invariants of liquidation: nobody healthy is liquidated and nobody else is missed, forced trades
//! heal, cases end in bounded time, the fund pays no more than what is lacking and the premium, and no
//! deficit is left where nobody sees it.

use std::collections::{BTreeMap, BTreeSet};

use book::OrderId;
use engine::event::{CaseEvent, CaseStep, Stands};
use engine::liquidation::{LiquidationRules, Outcome};
use engine::prices::IndexStatus;
use engine::{Action, CaseId, Command, Event, State};
use instruments::{Amount, Asset, Rounding, Timestamp};
use ledger::{AccountId, LedgerAccount, PostingKind};

use super::{Broken, ensure};

const HEALTHY: &str = "only who is below maintenance is liquidated";
const HEALS: &str = "forced trades heal";
const FEE: &str = "fees leave the target";
const ENDS: &str = "cases end in time";
const FUND: &str = "the fund pays what is lacking";
const MISSED: &str = "nobody is missed";
const DEFICIT: &str = "no unaccounted deficit";

/// The longest that a discount takes to grow.
const DURATION_MOST_MS: i64 = 120_000;
/// Looks that a case may take beyond its stages' times: rounds of deleveraging, and one for each change
/// of stage.
const LOOKS: i64 = 18;
/// What trades at mark, prices and the payments between round, in 10⁻⁸ US dollars: a cent.
const ROUNDING: i128 = 1_000_000;
const BILLION: i128 = 1_000_000_000;
const WHOLE: i128 = 1_000_000_000_000_000_000;

type Counts = BTreeMap<&'static str, u64>;

/// The cases that are open, by what events told.
#[derive(Debug, Default)]
pub(super) struct Cases {
    rules: Option<LiquidationRules>,
    open: BTreeMap<AccountId, OpenCase>,
    /// Until when accounts that nobody bought from wait.
    waiting: BTreeMap<AccountId, Timestamp>,
    stale: BTreeSet<Asset>,
    /// When prices came last.
    looked: Option<Timestamp>,
    /// The command after which everybody was looked at.
    scanned: u64,
}

#[derive(Clone, Copy, Debug)]
struct OpenCase {
    id: CaseId,
    /// When it opened, later by as long as it was paused.
    opened: Timestamp,
    paused: Option<Timestamp>,
    /// The longest time without prices since.
    gap: i64,
    /// Its last order, which its book may have refused.
    sent: Option<OrderId>,
    /// Whether anything was traded by force: it then takes the target to stand again, not maintenance.
    is_traded: bool,
}

impl Cases {
    /// Takes note of a command, and checks what it did.
    pub fn follow(
        &mut self,
        state: &State,
        command: &Command,
        events: &[Event],
        counts: &mut Counts,
    ) -> Result<(), Broken> {
        if let (Action::SetLiquidation(rules), [Event::LiquidationSet]) = (&command.action, events)
        {
            self.rules = Some((**rules).clone());
        }
        let mut trades = Trades::default();
        for event in events {
            match event {
                Event::Index { asset, status: IndexStatus::Fresh, .. } => {
                    self.stale.remove(asset);
                }
                Event::Index { asset, .. } => {
                    self.stale.insert(*asset);
                }
                Event::Case(case) => {
                    self.step(case, command.time, counts)?;
                    trades.step(case)?;
                    if let CaseStep::Fee { amount } = case.what {
                        trades.charged(state, case.account, self.cash(), amount);
                    }
                }
                Event::OrderAccepted { order, account, .. } => self.accepted(*order, *account),
                Event::Balance {
                    account: LedgerAccount::Available(account),
                    asset,
                    kind: PostingKind::Funding | PostingKind::Interest,
                    change,
                    ..
                } => trades.settled(state, *account, *asset, *change),
                _ => {}
            }
        }
        trades.check(state, self.target_ppb(), counts)?;
        self.in_time(state, command, counts)
    }

    fn step(
        &mut self,
        event: &CaseEvent,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<(), Broken> {
        let CaseEvent { case: id, account, .. } = *event;
        let known = self.open.get(&account).copied();
        if let CaseStep::Opened { stands, .. } = event.what {
            *counts.entry(HEALTHY).or_default() += 1;
            ensure(stands.equity < stands.maintenance, HEALTHY, || format!("{event:?}"))?;
            ensure(known.is_none(), "one case per account", || {
                format!("{account} is in {known:?}, and now in {id} too")
            })?;
            let open =
                OpenCase { id, opened: now, paused: None, gap: 0, sent: None, is_traded: false };
            self.open.insert(account, open);
            return Ok(());
        }
        ensure(known.is_some_and(|known| known.id == id), "one case per account", || {
            format!("{account} is in {known:?}, and {event:?} is of another")
        })?;
        let Some(open) = self.open.get_mut(&account) else { return Ok(()) };
        match event.what {
            CaseStep::Paused { .. } => open.paused = Some(now),
            CaseStep::Resumed {} => {
                let paused = open.paused.take().map_or(0, |since| now.since(since));
                open.opened = Timestamp::from_milliseconds(open.opened.milliseconds() + paused);
            }
            CaseStep::Order { order, .. } => open.sent = Some(order),
            CaseStep::Sold { .. } | CaseStep::TakenOver { .. } | CaseStep::Deleveraged { .. } => {
                open.is_traded = true
            }
            CaseStep::Closed { outcome, stands } => {
                let is_traded = open.is_traded;
                self.open.remove(&account);
                self.closed(account, (outcome, is_traded), stands, now, counts)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// An order of a case counts as a forced trade once its book takes it.
    fn accepted(&mut self, order: OrderId, account: AccountId) {
        if let Some(open) = self.open.get_mut(&account).filter(|open| open.sent == Some(order)) {
            open.is_traded = true;
        }
    }

    /// What a case ends with is what its outcome says, whether or not something was traded by force.
    fn closed(
        &mut self,
        account: AccountId,
        (outcome, is_traded): (Outcome, bool),
        stands: Stands,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Result<(), Broken> {
        let [equity, maintenance, value] =
            [stands.equity, stands.maintenance, stands.value].map(Amount::units);
        let target = maintenance * self.target_ppb();
        let at_target = equity * BILLION >= target;
        let stands_again = match is_traded {
            true => equity * BILLION >= target.max(1),
            false => equity >= maintenance.max(1),
        };
        let holds = match outcome {
            Outcome::Recovered => equity >= maintenance,
            Outcome::Restored => at_target || (maintenance == 0 && equity >= 0),
            Outcome::Flat => maintenance == 0 && value >= 0,
            Outcome::Resolved => value >= 0,
            Outcome::Unsold => value >= 0 && !stands_again,
        };
        *counts.entry(DEFICIT).or_default() += 1;
        ensure(holds, DEFICIT, || format!("the case of {account} is {outcome:?} with {stands:?}"))?;
        if let (Outcome::Unsold, Some(rules)) = (outcome, &self.rules) {
            let until = now.milliseconds() + rules.cooldown_ms;
            self.waiting.insert(account, Timestamp::from_milliseconds(until));
        }
        Ok(())
    }

    /// A billion times (1+b).
    fn target_ppb(&self) -> i128 {
        BILLION + self.rules.as_ref().map_or(0, |rules| i128::from(rules.buffer_ppb))
    }

    fn cash(&self) -> Option<Asset> {
        self.rules.as_ref().map(|rules| rules.cash)
    }

    /// No case is older than its stages last, pauses left out, and the rounds in which it is looked at.
    fn in_time(
        &mut self,
        state: &State,
        command: &Command,
        counts: &mut Counts,
    ) -> Result<(), Broken> {
        let Some(rules) = self.rules.as_ref().filter(|_| is_look(command)) else { return Ok(()) };
        let now = state.time();
        let gap = self.looked.map_or(0, |last| now.since(last)).max(rules.clearing_ms);
        self.looked = Some(now);
        let stages = rules.book_ms + DURATION_MOST_MS + rules.insolvent_ms;
        for (account, case) in &mut self.open {
            case.gap = case.gap.max(gap);
            let age = now.since(case.opened);
            *counts.entry(ENDS).or_default() += 1;
            ensure(case.paused.is_some() || age <= stages + LOOKS * case.gap, ENDS, || {
                format!("{} of {account} is open since {}, for {age} ms", case.id, case.opened)
            })?;
        }
        Ok(())
    }

    /// Whether everybody is to be looked at: after prices, so many commands after the last time.
    pub fn is_scan_due(&self, command: &Command, events: &[Event], every: u64) -> bool {
        let is_refused = events.iter().any(|event| matches!(event, Event::Rejected(_)));
        let is_due = command.sequence >= self.scanned + every;
        self.rules.is_some() && is_due && is_look(command) && !is_refused
    }

    /// Everybody who is below maintenance margin at prices to be relied on is in a case, but for those
    /// whom the very command has touched, who are looked at with the next prices.
    pub fn scan(
        &mut self,
        state: &State,
        command: &Command,
        events: &[Event],
        counts: &mut Counts,
    ) -> Result<(), Broken> {
        self.scanned = command.sequence;
        let now = state.time();
        self.waiting.retain(|_, until| *until > now);
        let touched: BTreeSet<AccountId> = events.iter().filter_map(touched_by).collect();
        for account in (0..state.accounts()).map(AccountId::new) {
            if self.open.contains_key(&account) || touched.contains(&account) {
                continue;
            }
            let Ok(stands) = state.stands(account) else { continue };
            if self.depends_on_stale(state, account) {
                continue;
            }
            *counts.entry(MISSED).or_default() += 1;
            let waits = self.waiting.contains_key(&account);
            ensure(stands.equity >= stands.maintenance || waits, MISSED, || {
                format!("{account} is in no case with {stands:?}")
            })?;
            *counts.entry(DEFICIT).or_default() += 1;
            ensure(stands.value >= Amount::ZERO, DEFICIT, || {
                format!("{account} owes {}, and is in no case", stands.value)
            })?;
        }
        Ok(())
    }

    fn depends_on_stale(&self, state: &State, account: AccountId) -> bool {
        if self.stale.is_empty() {
            return false;
        }
        let Some(view) = state.account(account) else { return true };
        let held = view.balances.keys().copied().chain(self.cash());
        let traded = view.positions.keys().flat_map(|instrument| {
            [instrument.base(), instrument.quote(), instrument.settlement_asset()]
        });
        held.chain(traded).any(|asset| self.stale.contains(&asset))
    }
}

/// Whether liquidation is led on after a command.
const fn is_look(command: &Command) -> bool {
    matches!(command.action, Action::Tick {} | Action::ReportPrice(_))
}

fn touched_by(event: &Event) -> Option<AccountId> {
    match event {
        Event::Balance { account: LedgerAccount::Available(account), .. }
        | Event::Position { account, .. } => Some(*account),
        Event::Case(case) => Some(case.account),
        _ => None,
    }
}

/// What one command traded in cases.
#[derive(Debug, Default)]
struct Trades {
    /// How accounts stood before their last forced trade.
    before: BTreeMap<AccountId, Stands>,
    /// Accounts that others' cases have given to or taken from as well, and those whose own case was
    /// deleveraged: at mark, where a loss in coins that becomes a debt counts for more than it did.
    taken_from: BTreeSet<AccountId>,
    /// Accounts that the fund has paid for.
    paid_for: BTreeSet<AccountId>,
    /// Accounts that the fund took its fee from.
    charged: BTreeSet<AccountId>,
    /// Funding and interest that trades settled, and the fund's fees, in 10⁻⁸ US dollars: what has
    /// accrued counts in full, and as a balance it is haircut.
    settled: BTreeMap<AccountId, i128>,
}

impl Trades {
    fn step(&mut self, event: &CaseEvent) -> Result<(), Broken> {
        match &event.what {
            CaseStep::Order { stands, .. } | CaseStep::Sold { stands, .. } => {
                // Whose own case has just closed may take from others'.
                if let CaseStep::Sold { taker, .. } = &event.what {
                    self.taken_from.insert(*taker);
                }
                if let Some(before) = self.before.insert(event.account, *stands) {
                    self.keeps_ratio(event.account, before, *stands)?;
                }
            }
            CaseStep::Deleveraged { counterparty, .. } | CaseStep::Cut { counterparty, .. } => {
                self.taken_from.extend([*counterparty, event.account]);
            }
            CaseStep::TakenOver { stands, units, whole, progress, deficit, premium, .. } => {
                // A premium is a difference of two payments rounded up, and what it may be is rounded here.
                let part = |of: i128| of * i128::from(*units) / i128::from((*whole).max(1)) + 3;
                let lacking = part(-stands.value.units());
                let most = part(stands.maintenance.units() * i128::from(*progress) / WHOLE);
                let holds = deficit.units() <= lacking && premium.units() <= most;
                ensure(holds, FUND, || format!("{event:?}"))?;
            }
            CaseStep::FundPaid { own, shared, .. } if own.max(shared) > &Amount::ZERO => {
                self.paid_for.insert(event.account);
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self, state: &State, target_ppb: i128, counts: &mut Counts) -> Result<(), Broken> {
        for (account, before) in &self.before {
            let Ok(after) = state.stands(*account) else { continue };
            if self.taken_from.contains(account) {
                continue;
            }
            *counts.entry(HEALS).or_default() += 1;
            self.keeps_ratio(*account, *before, after)?;
            let at_target =
                after.equity.units() * BILLION >= after.maintenance.units() * target_ppb;
            if self.charged.contains(account) {
                *counts.entry(FEE).or_default() += 1;
                ensure(at_target, FEE, || {
                    format!(
                        "{account} paid the fund's fee, and is short of its target with {after:?}"
                    )
                })?;
            }
        }
        for account in &self.paid_for {
            let Ok(after) = state.stands(*account) else { continue };
            *counts.entry(FUND).or_default() += 1;
            ensure(after.value.units() <= ROUNDING, FUND, || {
                format!("the fund paid for {account}, which has {} now", after.value)
            })?;
        }
        Ok(())
    }

    fn settled(&mut self, state: &State, account: AccountId, asset: Asset, change: Amount) {
        let price = state.market().price(asset).unwrap_or_default();
        let worth = change.worth(price, Rounding::Floor).unwrap_or_default();
        *self.settled.entry(account).or_default() += worth.units().abs() + 1;
    }

    /// A fee is no trade, and may take from what trades have healed.
    fn charged(&mut self, state: &State, account: AccountId, cash: Option<Asset>, fee: Amount) {
        self.charged.insert(account);
        if let Some(cash) = cash {
            self.settled(state, account, cash, fee);
        }
    }

    /// E/MM does not fall while E is positive, but for what was settled.
    fn keeps_ratio(&self, account: AccountId, before: Stands, after: Stands) -> Result<(), Broken> {
        let [e0, m0, e1, m1] =
            [before.equity, before.maintenance, after.equity, after.maintenance].map(Amount::units);
        let e1 = e1 + self.settled.get(&account).copied().unwrap_or(0);
        ensure(e0 <= 0 || e1 * m0 >= e0 * m1, HEALS, || {
            format!("equity over maintenance of {account} falls from {before:?} to {after:?}")
        })
    }
}

#[cfg(test)]
mod tests;
