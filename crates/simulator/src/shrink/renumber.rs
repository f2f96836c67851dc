//! Accounts and instruments that no command needs are taken out, and the others numbered anew.

use std::collections::BTreeMap;

use engine::command::{Group, OrderTerms, TriggerThen};
use engine::{Action, Command, InstrumentId};
use ledger::AccountId;

/// The commands without accounts that nobody uses and instruments that nobody trades.
pub(super) fn without_idle(commands: &[Command]) -> Vec<Command> {
    let mut all = commands.to_vec();
    let (mut accounts, mut instruments) = (BTreeMap::new(), BTreeMap::new());
    for command in &mut all {
        accounts_of(&mut command.action, &mut |account| {
            accounts.insert(account.number(), 0);
        });
        instruments_of(&mut command.action, &mut |instrument| {
            instruments.insert(instrument.0, 0);
        });
    }
    let (mut opened, mut listed) = (0, 0);
    all.retain(|command| match &command.action {
        Action::OpenAccount(_) => {
            opened += 1;
            accounts.contains_key(&(opened - 1))
        }
        Action::ListInstrument(_) => {
            listed += 1;
            instruments.contains_key(&(listed - 1))
        }
        _ => true,
    });
    for (place, number) in (0..).zip(accounts.values_mut()) {
        *number = place;
    }
    for (place, number) in (0..).zip(instruments.values_mut()) {
        *number = place;
    }
    for command in &mut all {
        accounts_of(&mut command.action, &mut |account| {
            *account = AccountId::new(accounts[&account.number()]);
        });
        instruments_of(&mut command.action, &mut |instrument| {
            *instrument = InstrumentId(instruments[&instrument.0]);
        });
    }
    all
}

/// Shows each account that an action names; an account that is opened has no name yet.
fn accounts_of(action: &mut Action, each: &mut dyn FnMut(&mut AccountId)) {
    match action {
        Action::OpenAccount(open) => open.owner.iter_mut().for_each(each),
        Action::PlaceOrder(place) => each(&mut place.account),
        Action::PlaceGroup(group) => each(&mut group.account),
        Action::AmendOrder(amend) => each(&mut amend.account),
        Action::CancelOrder { account, .. }
        | Action::SetCancelOnDisconnect { account, .. }
        | Action::ResetProtection { account, .. }
        | Action::Disconnect { account }
        | Action::RegisterLiquidator { account, .. }
        | Action::CancelBid { account, .. } => each(account),
        Action::PlaceBid(bid) => each(&mut bid.account),
        Action::SetLiquidation(rules) => rules.vault.iter_mut().for_each(each),
        Action::CancelOrders(cancel) => each(&mut cancel.account),
        Action::MassQuote(quote) => each(&mut quote.account),
        Action::ProtectMarketMaker(protect) => each(&mut protect.account),
        Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => {
            each(&mut request.account);
        }
        Action::CreditDeposit(transfer)
        | Action::VoidDeposit(transfer)
        | Action::ConfirmWithdrawal(transfer)
        | Action::VoidWithdrawal(transfer) => each(&mut transfer.account),
        Action::Transfer(transfer) => {
            each(&mut transfer.from);
            each(&mut transfer.to);
        }
        Action::ChangeMarginModel(change) => each(&mut change.account),
        _ => {}
    }
}

/// Shows each instrument that an action names; one that is listed has no number yet.
fn instruments_of(action: &mut Action, each: &mut dyn FnMut(&mut InstrumentId)) {
    let mut of_order = |order: &mut OrderTerms| each(&mut order.instrument);
    match action {
        Action::PlaceOrder(place) => of_order(&mut place.order),
        Action::PlaceGroup(group) => match &mut group.group {
            Group::OneCancelsOther(orders) => orders.iter_mut().for_each(of_order),
            Group::OneTriggersOther { first, then, .. } => {
                of_order(first);
                match then {
                    TriggerThen::One(order) => of_order(order),
                    TriggerThen::OneCancelsOther(orders) => orders.iter_mut().for_each(of_order),
                }
            }
        },
        Action::CancelOrders(cancel) => cancel.instrument.iter_mut().for_each(each),
        Action::MassQuote(quotes) => {
            quotes.quotes.iter_mut().for_each(|quote| each(&mut quote.instrument));
        }
        Action::SetTerms { instrument, .. }
        | Action::BeginCall { instrument }
        | Action::Uncross { instrument } => each(instrument),
        _ => {}
    }
}
