//! Liquidation in a simulated venue: who bids, what capital there is, and the rules.

use engine::command::Action;
use engine::{Rejection, State};
use ledger::AccountId;
use risk::MarginModel;

use crate::bots::{Bot, Liquidator, Strategy, offers};
use crate::options::{Bidding, LiquidationSetup};
use crate::people::{Person, Role};

/// One liquidator of each strategy for so many accounts, and the most of each.
const ACCOUNTS_EACH: u32 = 250;
const EACH_MOST: u32 = 8;

/// Somebody who acts by itself in every step.
pub(crate) struct Seat {
    pub account: AccountId,
    pub bot: Box<dyn Bot>,
}

/// Makes a bot for an account.
pub type MakeBot = dyn FnMut(AccountId) -> Box<dyn Bot>;

/// The bots of a venue with so many accounts of others: liquidators, a guest if there is one, and the
/// vault.
pub(crate) fn seats(
    accounts: u32,
    setup: &LiquidationSetup,
    guest: Option<&mut MakeBot>,
) -> Vec<Seat> {
    let strategies = match setup.bidding {
        Bidding::Sealed => [Strategy::Patient, Strategy::Eager, Strategy::Sniper],
        Bidding::FixedFee => [Strategy::FixedFee(setup.rules.discount_end_ppb); 3],
        Bidding::Dutch => [Strategy::Dutch; 3],
    };
    let each = accounts.div_ceil(ACCOUNTS_EACH).min(EACH_MOST) as usize;
    let all = strategies.into_iter().cycle().take(strategies.len() * each);
    let seat = |(number, strategy): (u32, Strategy)| {
        let account = AccountId::new(accounts + number);
        Seat { account, bot: Box::new(Liquidator::new(account, strategy)) }
    };
    let mut seats: Vec<Seat> = (0..).zip(all).map(seat).collect();
    let next = |seats: &[Seat]| AccountId::new(seats.last().map_or(0, |s| s.account.number()) + 1);
    if let Some(make) = guest {
        let account = next(&seats);
        seats.push(Seat { account, bot: make(account) });
    }
    let account = next(&seats);
    seats.push(Seat { account, bot: Box::new(Liquidator::new(account, Strategy::Vault)) });
    seats
}

/// The liquidators as people of the venue, and the vault after them.
pub(crate) fn people(accounts: u32, seats: &[Seat], setup: &LiquidationSetup) -> Vec<Person> {
    let all = i64::from(accounts);
    let Some((vault, liquidators)) = seats.split_last() else { return Vec::new() };
    let each = (setup.liquidators * all) as f64 / liquidators.len().max(1) as f64;
    let liquidator = |seat: &Seat| person(seat.account, Role::Liquidator, each);
    let mut people: Vec<Person> = liquidators.iter().map(liquidator).collect();
    people.push(person(vault.account, Role::Vault, (setup.vault * all) as f64));
    people
}

fn person(account: AccountId, role: Role, bankroll: f64) -> Person {
    Person {
        account,
        role,
        model: MarginModel::Portfolio,
        bankroll,
        leverage: 1.0,
        appetite: 1.0,
        bias: 0.0,
        owner: None,
        request: 0,
        cursor: 0,
    }
}

/// Registers liquidators, and turns liquidation on.
pub(crate) fn rules(setup: &LiquidationSetup, people: &[Person]) -> Vec<Action> {
    let register = |person: &Person| {
        let account = person.account;
        Action::RegisterLiquidator { account, registered: true }
    };
    let liquidators = people.iter().filter(|person| person.role == Role::Liquidator);
    let mut actions: Vec<Action> = liquidators.map(register).collect();
    let mut rules = setup.rules.clone();
    let vault = people.iter().find(|person| person.role == Role::Vault);
    rules.vault = vault.map(|person| person.account);
    actions.push(Action::SetLiquidation(Box::new(rules)));
    actions
}

/// What bots ask for in one step.
pub(crate) fn act(seats: &mut [Seat], state: &State) -> Vec<Action> {
    let offers = offers(state);
    seats.iter_mut().flat_map(|seat| seat.bot.act(state, &offers)).collect()
}

/// Tells a bot that what it asked for is refused.
pub(crate) fn refused(seats: &mut [Seat], account: AccountId, action: &Action, reason: &Rejection) {
    if let Some(seat) = seats.iter_mut().find(|seat| seat.account == account) {
        seat.bot.refused(action, reason);
    }
}
