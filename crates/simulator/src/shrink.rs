//! A script that breaks an invariant made small: commands are dropped as long as it breaks still.

mod renumber;

use std::collections::BTreeSet;

use engine::event::{CaseEvent, CaseStep};
use engine::{Action, Command, Event, Limits};
use ledger::AccountId;

use crate::invariants::{Broken, Cadence, ExtraCheck};
use crate::script::Script;
use crate::twin::Checked;

/// Commands that may be played again in all while a script is made smaller.
const PLAYED_MAX: usize = 12_000_000;
/// Commands of clients at the end that are tried alone.
const TAIL: usize = 2_000;

/// A short script that breaks an invariant with its last command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// What is broken.
    pub broken: Broken,
    /// The commands, numbered from 1 on.
    pub commands: Vec<Command>,
    /// How many commands there were before.
    pub from: usize,
}

impl Shrunk {
    /// The script as lines of JSON, as `plimsoll run` reads them.
    #[must_use]
    pub fn lines(&self) -> String {
        let line = |command: &Command| {
            let line = serde_json::to_string(command);
            line.expect("commands can be written as JSON") + "\n"
        };
        self.commands.iter().map(line).collect()
    }
}

/// Makes commands that break an invariant few. What does not break it when played again, as it
/// would if the node were at fault and not the engine, is given back as it is.
pub(crate) fn shrink(
    script: &Script,
    broken: Broken,
    touched: &[Event],
    limits: Limits,
    mut extra: Option<&mut ExtraCheck>,
) -> Shrunk {
    let from = script.len();
    let all: Vec<Command> = (0..from).map(|place| script.get(place)).collect();
    let mut player = Player { limits, invariant: broken.invariant, played: 0, extra: &mut extra };
    let Some(mut best) = player.fails(all.clone()) else {
        return Shrunk { broken, commands: all, from };
    };
    let last = best.0.last().cloned();
    let concerned = concerned(last.as_ref(), touched);
    player.attempt(&mut best, plain_epochs);
    player.attempt(&mut best, |commands| only_of(commands, &concerned));
    player.attempt(&mut best, tail);
    player.drop_runs(&mut best);
    player.attempt(&mut best, renumber::without_idle);
    player.drop_runs(&mut best);
    let (commands, broken) = best;
    Shrunk { broken, commands, from }
}

/// Plays scripts from the beginning.
struct Player<'e, 'x> {
    limits: Limits,
    invariant: &'static str,
    played: usize,
    extra: &'e mut Option<&'x mut ExtraCheck>,
}

impl Player<'_, '_> {
    /// Takes other commands in place of the best so far, if they break the invariant too.
    fn attempt(
        &mut self,
        best: &mut (Vec<Command>, Broken),
        change: impl FnOnce(&[Command]) -> Vec<Command>,
    ) {
        if let Some(found) = self.fails(change(&best.0)) {
            *best = found;
        }
    }

    /// Drops ever smaller runs of commands.
    fn drop_runs(&mut self, best: &mut (Vec<Command>, Broken)) {
        let mut run = best.0.len() / 2;
        while run > 0 && self.played < PLAYED_MAX {
            let mut start = 0;
            while start < best.0.len() && self.played < PLAYED_MAX {
                let mut fewer = best.0.clone();
                fewer.drain(start..(start + run).min(fewer.len()));
                match self.fails(fewer) {
                    Some(found) => *best = found,
                    None => start += run,
                }
            }
            run /= 2;
        }
    }

    /// Plays commands with their numbers made to follow; if the invariant breaks, the commands up to
    /// there. What costs much is checked after the last one.
    fn fails(&mut self, mut commands: Vec<Command>) -> Option<(Vec<Command>, Broken)> {
        let last = commands.len() as u64;
        let last = last.max(1);
        let cadence = Cadence { margins_every: last, all_every: last, scan_every: last };
        let mut checked = Checked::new(self.limits, cadence).ok()?;
        for place in 0..commands.len() {
            commands[place].sequence = place as u64 + 1;
            self.played += 1;
            let extra: Option<&mut ExtraCheck> = match self.extra {
                Some(extra) => Some(&mut **extra),
                None => None,
            };
            if let Err(broken) = checked.step(&commands[place], extra) {
                commands.truncate(place + 1);
                return (broken.invariant == self.invariant).then_some((commands, broken));
            }
        }
        None
    }
}

/// The accounts that a command and its events are about.
fn concerned(command: Option<&Command>, events: &[Event]) -> BTreeSet<AccountId> {
    let mut accounts: BTreeSet<AccountId> = command.and_then(client_of).into_iter().collect();
    for event in events {
        match event {
            Event::Position { account, .. }
            | Event::OrderAccepted { account, .. }
            | Event::Cancelled { account, .. }
            | Event::MarginCall { account, .. } => {
                accounts.insert(*account);
            }
            Event::Case(case) => accounts.extend(parties(case)),
            _ => {}
        }
    }
    accounts
}

/// Whose a case is, and who else has a part in what happened.
fn parties(case: &CaseEvent) -> Vec<AccountId> {
    let other = match &case.what {
        CaseStep::Bid { bidder: other, .. }
        | CaseStep::BidEnded { bidder: other, .. }
        | CaseStep::Sold { taker: other, .. }
        | CaseStep::TakenOver { taker: other, .. }
        | CaseStep::Deleveraged { counterparty: other, .. }
        | CaseStep::Cut { counterparty: other, .. } => Some(*other),
        _ => None,
    };
    [case.account].into_iter().chain(other).collect()
}

/// The account that a command is of; none for the venue's own, deposits and new accounts.
fn client_of(command: &Command) -> Option<AccountId> {
    match &command.action {
        Action::PlaceOrder(place) => Some(place.account),
        Action::PlaceGroup(group) => Some(group.account),
        Action::AmendOrder(amend) => Some(amend.account),
        Action::CancelOrder { account, .. }
        | Action::SetCancelOnDisconnect { account, .. }
        | Action::ResetProtection { account, .. }
        | Action::Disconnect { account }
        | Action::RegisterLiquidator { account, .. }
        | Action::CancelBid { account, .. } => Some(*account),
        Action::PlaceBid(bid) => Some(bid.account),
        Action::CancelOrders(cancel) => Some(cancel.account),
        Action::MassQuote(quote) => Some(quote.account),
        Action::ProtectMarketMaker(protect) => Some(protect.account),
        Action::RequestWithdrawal(request) => Some(request.account),
        Action::Transfer(transfer) => Some(transfer.from),
        Action::ChangeMarginModel(change) => Some(change.account),
        _ => None,
    }
}

/// With epochs on the engine's own market: one that was prepared elsewhere fits no other script.
fn plain_epochs(commands: &[Command]) -> Vec<Command> {
    let plain = |command: &Command| {
        let mut command = command.clone();
        if let Action::OpenEpoch(open) = &mut command.action {
            (open.market, open.arrays_hash) = (None, None);
        }
        command
    };
    commands.iter().map(plain).collect()
}

/// Without the commands of other clients.
fn only_of(commands: &[Command], accounts: &BTreeSet<AccountId>) -> Vec<Command> {
    let is_kept =
        |command: &&Command| client_of(command).is_none_or(|account| accounts.contains(&account));
    commands.iter().filter(is_kept).cloned().collect()
}

/// With the last commands of clients only.
fn tail(commands: &[Command]) -> Vec<Command> {
    let start = commands.len().saturating_sub(TAIL);
    let numbered = commands.iter().enumerate();
    let kept = numbered.filter(|(place, command)| *place >= start || client_of(command).is_none());
    kept.map(|(_, command)| command.clone()).collect()
}
