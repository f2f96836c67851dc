//! Deposits, withdrawals and transfers between accounts of one owner.

use engine::Event;
use engine::command::{Action, Transfer};
use engine::event::TransferStep;
use instruments::{Amount, Asset};
use ledger::{AccountId, TransferId};
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::{count, own};
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::account::TransferNow;
use crate::feed::history::Moved;
use crate::history::queries;
use crate::history::record::is_deposit;
use crate::history::span::Span;
use crate::names;
use crate::number::Decimal;
use crate::params::{Number, Whole};
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/get_deposits", Wallet, Request, get_deposits, PageParams => Page, "Deposits in a currency"),
        method!("private/get_withdrawals", Wallet, Request, get_withdrawals, PageParams => Page, "Withdrawals in a currency"),
        method!("private/get_transfers", Wallet, Request, get_transfers, PageParams => TransferPage, "Transfers in a currency"),
        method!("private/withdraw", WalletWrite, Matching, withdraw, WithdrawParams => MovementShape, "Asks for a withdrawal"),
        method!("private/submit_transfer_to_subaccount", WalletWrite, Matching, transfer, TransferParams => TransferShape, "Moves money to an account of the same owner"),
    ]
}

/// Which page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageParams {
    /// In which currency.
    currency: String,
    /// How many: 10 unless said, 1,000 at most.
    count: Option<Whole>,
    /// How many of the newest are passed over.
    offset: Option<Whole>,
}

/// A page, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Page {
    /// How many there are in all.
    count: usize,
    /// They.
    data: Vec<MovementShape>,
}

/// A deposit or withdrawal.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MovementShape {
    /// Its number.
    id: u64,
    /// Of which currency.
    currency: String,
    /// How much.
    amount: Decimal,
    /// How it stands.
    state: &'static str,
    /// Custody knows where it came from or goes.
    address: String,
    /// What a withdrawal costs: nothing. Deposits have no fee to speak of.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Decimal>,
    /// When it was asked for.
    created_timestamp: i64,
    /// The same, by its older name.
    received_timestamp: i64,
    /// When it last changed.
    updated_timestamp: i64,
    /// When custody has done it.
    confirmed_timestamp: Option<i64>,
    /// Custody's own number of it.
    transaction_id: Option<String>,
}

impl MovementShape {
    fn of(one: &TransferNow) -> Self {
        use TransferStep as Step;
        let state = match one.step {
            Step::DepositAnnounced => "pending",
            Step::DepositCredited | Step::WithdrawalConfirmed => "completed",
            Step::DepositVoided => "rejected",
            Step::WithdrawalRequested => "unconfirmed",
            Step::WithdrawalVoided => "cancelled",
            Step::AlreadyDone => "completed",
        };
        let updated = one.updated.milliseconds();
        Self {
            id: one.id.number(),
            currency: one.asset.to_string(),
            amount: one.amount.into(),
            state,
            address: String::new(),
            fee: (!is_deposit(one.step)).then_some(Decimal(0)),
            created_timestamp: one.asked.milliseconds(),
            received_timestamp: one.asked.milliseconds(),
            updated_timestamp: updated,
            confirmed_timestamp: (state == "completed").then_some(updated),
            transaction_id: None,
        }
    }
}

async fn get_deposits(call: &Call, params: PageParams) -> Result<Page, RpcError> {
    page(call, &params, true).await
}

async fn get_withdrawals(call: &Call, params: PageParams) -> Result<Page, RpcError> {
    page(call, &params, false).await
}

async fn page(call: &Call, params: &PageParams, deposits: bool) -> Result<Page, RpcError> {
    let wanted = count(params.count, 10)?;
    let offset = usize::try_from(params.offset.map_or(0, |offset| offset.0)).unwrap_or(0);
    let currency = names::currency_or_any(Some(&params.currency))?;
    let (account, recent, first, through) = {
        let venue = call.service.venue.read();
        let own = own(call, &venue)?;
        let recent = own.transfers.iter().rev().filter(|one| {
            is_deposit(one.step) == deposits
                && currency.is_none_or(|currency| one.asset == currency)
        });
        (own.id, recent.copied().collect(), own.transfers.first(), venue.sequence)
    };
    let read = move |connection: &_, passed_over, span: &_| {
        queries::transfers(connection, account, deposits, currency, passed_over, span)
    };
    let (count, page) = counted(call, recent, (first, through), (offset, wanted), read).await?;
    Ok(Page { count, data: page.iter().map(MovementShape::of).collect() })
}

/// A page of a list, newest first, and how many there are in all: some recent ones, and those before the
/// first of memory.
async fn counted<T: Clone + Send + 'static>(
    call: &Call,
    recent: Vec<T>,
    (first, through): (u64, u64),
    (offset, wanted): (usize, usize),
    read: impl FnOnce(&Connection, usize, &Span) -> Result<(usize, Vec<T>), rusqlite::Error>
    + Send
    + 'static,
) -> Result<(usize, Vec<T>), RpcError> {
    let mut page: Vec<T> = recent.iter().skip(offset).take(wanted).cloned().collect();
    let passed_over = offset.saturating_sub(recent.len());
    let Some(older) = Span::newest(wanted - page.len()).below(first) else {
        return Ok((recent.len(), page));
    };
    let read = move |connection: &_| read(connection, passed_over, &older);
    let (count, older) = call.service.history.ask(through, read).await?;
    page.extend(older);
    Ok((recent.len() + count, page))
}

/// What is withdrawn.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawParams {
    /// Of which currency.
    currency: String,
    /// Where to, as custody reads it; it is not looked at here.
    #[serde(rename = "address")]
    _address: String,
    /// How much.
    amount: Number,
    /// How fast; it is not looked at.
    #[serde(rename = "priority")]
    _priority: Option<String>,
    /// The withdrawal's number, which makes a retry harmless; the venue takes the next one without.
    x_id: Option<Whole>,
}

fn asset(call: &Call, currency: &str) -> Result<Asset, RpcError> {
    let asset = names::currency_or_any(Some(currency))?;
    let venue = call.service.venue.read();
    let known = asset.filter(|asset| venue.assets.contains(asset));
    known.ok_or_else(|| RpcError::invalid("currency", "invalid currency"))
}

fn positive(amount: Number) -> Result<Amount, RpcError> {
    let units = amount.0.0;
    match units > 0 {
        true => Ok(Amount::from_units(units)),
        false => Err(RpcError::invalid("amount", "must be above zero")),
    }
}

async fn withdraw(call: &Call, params: WithdrawParams) -> Result<MovementShape, RpcError> {
    let account = call.account()?;
    let (asset, amount) = (asset(call, &params.currency)?, positive(params.amount)?);
    let id = match params.x_id {
        Some(Whole(id)) => {
            u64::try_from(id).map_err(|_| RpcError::invalid("x_id", "must not be negative"))?
        }
        None => call.service.next_withdrawal(),
    };
    let id = TransferId::new(id);
    let request = engine::command::TransferRequest { id, account, asset, amount };
    call.submit(Action::RequestWithdrawal(request)).await?;
    let venue = call.service.venue.read();
    let transfers = own(call, &venue)?.transfers.iter().rev();
    let mut withdrawals = transfers.filter(|one| !is_deposit(one.step));
    let found = withdrawals.find(|one| one.id == id);
    found.map(MovementShape::of).ok_or_else(|| RpcError::new(11094, "internal_server_error"))
}

/// What is moved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferParams {
    /// Of which currency.
    currency: String,
    /// How much.
    amount: Number,
    /// To which account.
    destination: Whole,
    /// From which account: the caller's unless said.
    #[serde(rename = "source")]
    _source: Option<Whole>,
}

/// A transfer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransferShape {
    /// The command that made it.
    id: u64,
    /// Of which currency.
    currency: String,
    /// How much.
    amount: Decimal,
    /// `confirmed`.
    state: &'static str,
    /// `subaccount`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `payment` or `income`: which way, seen from the caller.
    direction: &'static str,
    /// The other account.
    other_side: String,
    /// When.
    created_timestamp: i64,
    /// When.
    updated_timestamp: i64,
}

async fn transfer(call: &Call, params: TransferParams) -> Result<TransferShape, RpcError> {
    let from = call.account()?;
    let wrong = || RpcError::invalid("destination", "there is no such account");
    let to = u32::try_from(params.destination.0).map(AccountId::new).map_err(|_| wrong())?;
    let (asset, amount) = (asset(call, &params.currency)?, positive(params.amount)?);
    let transfer = Transfer { from, to, asset, amount, request: None };
    let answer = call.submit(Action::Transfer(transfer)).await?;
    let is_done = answer.events.iter().any(|event| matches!(event, Event::Balance { .. }));
    let (sequence, time) = (answer.sequence, answer.time);
    let amount = Amount::from_units(-amount.units());
    let shape = TransferShape::of(&Moved { sequence, time, other: to, asset, amount });
    Ok(TransferShape { state: if is_done { "confirmed" } else { "cancelled" }, ..shape })
}

impl TransferShape {
    fn of(moved: &Moved) -> Self {
        let time = moved.time.milliseconds();
        let units = moved.amount.units();
        Self {
            id: moved.sequence,
            currency: moved.asset.to_string(),
            amount: Decimal(units.abs()),
            state: "confirmed",
            kind: "subaccount",
            direction: if units < 0 { "payment" } else { "income" },
            other_side: format!("account-{}", moved.other.number()),
            created_timestamp: time,
            updated_timestamp: time,
        }
    }
}

/// A page, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransferPage {
    /// How many there are in all.
    count: usize,
    /// They.
    data: Vec<TransferShape>,
}

async fn get_transfers(call: &Call, params: PageParams) -> Result<TransferPage, RpcError> {
    let wanted = count(params.count, 10)?;
    let offset = usize::try_from(params.offset.map_or(0, |offset| offset.0)).unwrap_or(0);
    let currency = names::currency_or_any(Some(&params.currency))?;
    let (account, recent, first, through) = {
        let venue = call.service.venue.read();
        let own = own(call, &venue)?;
        let recent = own.moved.iter().rev();
        let recent = recent.filter(|one| currency.is_none_or(|currency| one.asset == currency));
        (own.id, recent.copied().collect(), own.moved.first(), venue.sequence)
    };
    let read = move |connection: &_, passed_over, span: &_| {
        queries::moves(connection, account, currency, passed_over, span)
    };
    let (count, page) = counted(call, recent, (first, through), (offset, wanted), read).await?;
    Ok(TransferPage { count, data: page.iter().map(TransferShape::of).collect() })
}
