//! From commands and events to rows.

use std::borrow::Cow;

use engine::command::TransferRequest;
use engine::event::{Rejected, Trade};
use engine::{Action, Command, Event, InstrumentId, Rejection, State};
use instruments::{Amount, Instrument, Price};
use ledger::{AccountId, LedgerAccount};
use serde::Serialize;

use super::tables::{Table, Value};
use crate::commands::run::choice;
use crate::failure::Failure;

/// Takes a row of a table.
pub type Sink<'a> = dyn FnMut(Table, &[Value<'_>]) -> Result<(), Failure> + 'a;

/// Tells what happened, row by row.
pub struct Teller {
    /// Every instrument by its number, with its name.
    instruments: Vec<(Instrument, String)>,
}

/// The columns that all rows of a command begin with, and where rows go.
pub(super) struct Place<'a, 'b> {
    command: &'a Command,
    event: u64,
    sink: &'a mut Sink<'b>,
}

impl Teller {
    /// One that knows the instruments of a state.
    pub fn of(state: Option<&State>) -> Self {
        let listed = state.into_iter().flat_map(|state| {
            (0..state.instruments()).filter_map(|id| state.instrument(InstrumentId(id)))
        });
        Self {
            instruments: listed.map(|instrument| (instrument, instrument.to_string())).collect(),
        }
    }

    /// Tells of a command and its events.
    pub fn tell(
        &mut self,
        command: &Command,
        events: &[Event],
        sink: &mut Sink<'_>,
    ) -> Result<(), Failure> {
        let (kind, body) = tagged(&command.action);
        let account = account_of(&command.action);
        let mut place = Place { command, event: 0, sink };
        place.row(Table::Commands, [text(kind), optional(account, number), text(body)])?;
        for event in events {
            place.event += 1;
            if let Event::Listed { instrument, .. } = event {
                self.instruments.push((*instrument, instrument.to_string()));
            }
            self.event(event, &mut place)?;
        }
        Ok(())
    }

    fn event(&self, event: &Event, place: &mut Place<'_, '_>) -> Result<(), Failure> {
        match event {
            Event::Trade(trade) => self.fills(trade, place),
            Event::Balance { account, asset, kind, change, balance } => {
                let (account, part) = holder(*account);
                let (change, balance) = (amount(*change), amount(*balance));
                let row = [account, part, text(asset.to_string()), word(kind), change, balance];
                place.row(Table::Balances, row)
            }
            Event::Transfer { id, account, step } => {
                let request = requested(&place.command.action);
                let row = [
                    Value::Number(id.number()),
                    number(*account),
                    word(step),
                    optional(request, |request| text(request.asset.to_string())),
                    optional(request, |request| amount(request.amount)),
                ];
                place.row(Table::Transfers, row)
            }
            Event::Position { account, instrument, lots, cost, realised } => {
                let row = [
                    number(*account),
                    self.name(*instrument),
                    Value::Integer(*lots),
                    self.size(*instrument, *lots),
                    amount(*cost),
                    amount(*realised),
                    self.asset(*instrument),
                ];
                place.row(Table::Positions, row)
            }
            Event::Rejected(rejected) => rejection(rejected, place),
            Event::Case(case) => self.case(case, place),
            Event::MarginCall { .. } | Event::MarginRestored { .. } | Event::MarginModel { .. } => {
                margin(event, place)
            }
            Event::Index { .. }
            | Event::Mark { .. }
            | Event::FundingRate { .. }
            | Event::Settled { .. }
            | Event::Expired { .. }
            | Event::Uncrossed { .. } => self.price(event, place),
            Event::OrderAccepted { .. }
            | Event::Rested { .. }
            | Event::Cancelled { .. }
            | Event::Reduced { .. }
            | Event::Amended { .. }
            | Event::Repriced { .. }
            | Event::Triggered { .. } => self.order(event, place),
            other => {
                let (what, body) = tagged(other);
                place.row(Table::Venue, [text(what), text(body)])
            }
        }
    }

    /// Both sides of a trade, the maker's first.
    fn fills(&self, trade: &Trade, place: &mut Place<'_, '_>) -> Result<(), Failure> {
        let maker_side = trade.taker_side.opposite();
        let maker =
            (trade.maker, trade.maker_account, maker_side, trade.maker_fee, trade.maker_open);
        let taker =
            (trade.taker, trade.taker_account, trade.taker_side, trade.taker_fee, trade.taker_open);
        for (liquidity, (order, account, side, fee, open)) in [("maker", maker), ("taker", taker)] {
            let row = [
                self.name(trade.instrument),
                Value::Number(trade.trade),
                text(liquidity),
                number(account),
                Value::Number(order.0),
                word(&side),
                price(trade.price),
                Value::Integer(trade.lots),
                self.size(trade.instrument, trade.lots),
                amount(fee),
                self.asset(trade.instrument),
                Value::Integer(open),
            ];
            place.row(Table::Fills, row)?;
        }
        Ok(())
    }

    fn order(&self, event: &Event, place: &mut Place<'_, '_>) -> Result<(), Failure> {
        let mut row = OrderRow::default();
        let mut on = None;
        match event {
            Event::OrderAccepted {
                order,
                account,
                instrument,
                side,
                lots,
                limit,
                waits,
                label,
            } => {
                (row.what, row.order, on) = ("accepted", order.0, Some((*instrument, Some(*lots))));
                (row.account, row.side) = (number(*account), word(side));
                (row.price, row.open) = (optional(*limit, price), Value::Integer(*lots));
                row.waits = Value::Flag(*waits);
                row.label = optional(label.as_ref(), |label| text(label.text().to_owned()));
            }
            Event::Rested { order, instrument, side, price: at, open, .. } => {
                (row.what, row.order, on) = ("rested", order.0, Some((*instrument, None)));
                (row.side, row.price, row.open) = (word(side), price(*at), Value::Integer(*open));
            }
            Event::Cancelled { order, account, instrument, lots, reason } => {
                (row.what, row.order, on) =
                    ("cancelled", order.0, Some((*instrument, Some(*lots))));
                (row.account, row.open, row.reason) =
                    (number(*account), Value::Integer(0), word(reason));
            }
            Event::Reduced { order, instrument, lots, open, reason } => {
                (row.what, row.order, on) = ("reduced", order.0, Some((*instrument, Some(*lots))));
                (row.open, row.reason) = (Value::Integer(*open), word(reason));
            }
            Event::Amended { order, instrument, price: at, open, .. } => {
                (row.what, row.order, on) = ("amended", order.0, Some((*instrument, None)));
                (row.price, row.open) = (price(*at), Value::Integer(*open));
            }
            Event::Repriced { order, to, .. } => {
                (row.what, row.order, row.price) = ("repriced", order.0, price(*to));
            }
            Event::Triggered { order } => (row.what, row.order) = ("triggered", order.0),
            _ => return Ok(()),
        }
        let instrument = optional(on, |(id, _)| self.name(id));
        let lots = on.and_then(|(id, lots)| Some((id, lots?)));
        let size = optional(lots, |(id, lots)| self.size(id, lots));
        let lots = optional(lots, |(_, lots)| Value::Integer(lots));
        let (what, order) = (text(row.what), Value::Number(row.order));
        let OrderRow { account, side, price, open, reason, waits, label, .. } = row;
        let row =
            [what, order, account, instrument, side, price, lots, size, open, reason, waits, label];
        place.row(Table::Orders, row)
    }

    fn price(&self, event: &Event, place: &mut Place<'_, '_>) -> Result<(), Failure> {
        let none = || Value::Missing;
        let instrument_price = |what, instrument: &InstrumentId, at: Option<Price>| {
            let at = optional(at, price);
            [text(what), none(), self.name(*instrument), at, none(), none(), none(), none()]
        };
        let row = match event {
            Event::Index { asset, price: at, confidence_ppm, status } => {
                let confidence = Value::Number(u64::from(*confidence_ppm));
                let asset = text(asset.to_string());
                let status = word(status);
                [text("index"), asset, none(), price(*at), none(), confidence, status, none()]
            }
            Event::Mark { instrument, price } => instrument_price("mark", instrument, Some(*price)),
            Event::Settled { instrument, price } => {
                instrument_price("settled", instrument, Some(*price))
            }
            Event::Expired { instrument, price } => {
                instrument_price("expired", instrument, Some(*price))
            }
            Event::Uncrossed { instrument, price, lots } => {
                let mut row = instrument_price("uncrossed", instrument, *price);
                row[4] = Value::Integer(*lots);
                row
            }
            Event::FundingRate { instrument, rate_8h_ppb } => {
                let mut row = instrument_price("funding_rate", instrument, None);
                row[7] = Value::Integer(*rate_8h_ppb);
                row
            }
            _ => return Ok(()),
        };
        place.row(Table::Prices, row)
    }

    pub(super) fn name(&self, id: InstrumentId) -> Value<'_> {
        match self.instruments.get(id.0 as usize) {
            Some((_, name)) => Value::Text(Cow::Borrowed(name)),
            None => text(id.to_string()),
        }
    }

    /// Lots in what the instrument is counted in.
    pub(super) fn size(&self, id: InstrumentId, lots: i64) -> Value<'static> {
        let instrument = self.instruments.get(id.0 as usize);
        optional(instrument, |(instrument, _)| {
            Value::Decimal(i128::from(lots) * i128::from(instrument.lot_size()))
        })
    }

    fn asset(&self, id: InstrumentId) -> Value<'static> {
        let instrument = self.instruments.get(id.0 as usize);
        optional(instrument, |(instrument, _)| text(instrument.settlement_asset().to_string()))
    }
}

/// A row of orders, as far as it goes.
#[derive(Default)]
struct OrderRow {
    what: &'static str,
    order: u64,
    account: Value<'static>,
    side: Value<'static>,
    price: Value<'static>,
    open: Value<'static>,
    reason: Value<'static>,
    waits: Value<'static>,
    label: Value<'static>,
}

fn margin(event: &Event, place: &mut Place<'_, '_>) -> Result<(), Failure> {
    let none = Value::Missing;
    let row = match event {
        Event::MarginCall { account, equity, initial, maintenance, cure } => {
            let [equity, initial, maintenance, cure] =
                [equity, initial, maintenance, cure].map(|figure| amount(*figure));
            let call = text("margin_call");
            [call, number(*account), none.clone(), equity, initial, maintenance, cure, none]
        }
        Event::MarginRestored { account, equity, initial } => {
            let [equity, initial] = [equity, initial].map(|figure| amount(*figure));
            let (what, account) = (text("margin_restored"), number(*account));
            [what, account, none.clone(), equity, initial, none.clone(), none.clone(), none]
        }
        Event::MarginModel { account, margin_model, equity, initial, maintenance, changed } => {
            let [equity, initial, maintenance] =
                [equity, initial, maintenance].map(|figure| amount(*figure));
            let (what, model) = (text("margin_model"), text(margin_model.name()));
            let changed = Value::Flag(*changed);
            [what, number(*account), model, equity, initial, maintenance, none, changed]
        }
        _ => return Ok(()),
    };
    place.row(Table::Margin, row)
}

fn rejection(rejected: &Rejected, place: &mut Place<'_, '_>) -> Result<(), Failure> {
    let reason = match &rejected.reason {
        Rejection::Ledger(refusal) => format!("ledger_{}", choice(refusal)),
        Rejection::Book(refusal) => format!("book_{}", choice(refusal)),
        reason => tagged(reason).0,
    };
    let row = [
        optional(rejected.account, number),
        optional(rejected.order, |order| Value::Number(order.0)),
        text(reason),
        text(rejected.reason.to_string()),
    ];
    place.row(Table::Rejections, row)
}

impl Place<'_, '_> {
    pub(super) fn row<const N: usize>(
        &mut self,
        table: Table,
        own: [Value<'_>; N],
    ) -> Result<(), Failure> {
        let mut row = vec![Value::Number(self.command.sequence), Value::Time(self.command.time)];
        if self.event > 0 {
            row.push(Value::Number(self.event));
        }
        row.extend(own);
        (self.sink)(table, &row)
    }
}

/// Who has a ledger account, and which part of what is theirs; the venue's own have no number.
fn holder(account: LedgerAccount) -> (Value<'static>, Value<'static>) {
    match account {
        LedgerAccount::Available(account) => (number(account), text("available")),
        LedgerAccount::Held(account) => (number(account), text("held")),
        LedgerAccount::Pending(account) => (number(account), text("pending")),
        LedgerAccount::Venue(account) => (Value::Missing, word(&account)),
    }
}

/// The account that a command is of, if it is of one.
const fn account_of(action: &Action) -> Option<AccountId> {
    Some(match action {
        Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => request.account,
        Action::CreditDeposit(transfer)
        | Action::VoidDeposit(transfer)
        | Action::ConfirmWithdrawal(transfer)
        | Action::VoidWithdrawal(transfer) => transfer.account,
        Action::Transfer(transfer) => transfer.from,
        Action::ChangeMarginModel(change) => change.account,
        Action::PlaceOrder(place) => place.account,
        Action::PlaceGroup(place) => place.account,
        Action::AmendOrder(amend) => amend.account,
        Action::CancelOrders(cancel) => cancel.account,
        Action::MassQuote(quote) => quote.account,
        Action::ProtectMarketMaker(protect) => protect.account,
        Action::CancelOrder { account, .. }
        | Action::ResetProtection { account, .. }
        | Action::SetCancelOnDisconnect { account, .. }
        | Action::Disconnect { account }
        | Action::RegisterLiquidator { account, .. }
        | Action::CancelBid { account, .. } => *account,
        Action::PlaceBid(bid) => bid.account,
        _ => return None,
    })
}

/// What a transfer's first step asks for.
const fn requested(action: &Action) -> Option<&TransferRequest> {
    match action {
        Action::AnnounceDeposit(request) | Action::RequestWithdrawal(request) => Some(request),
        _ => None,
    }
}

/// The tag of a choice in JSON, and what stands under it.
pub(super) fn tagged(choice: &impl Serialize) -> (String, String) {
    let json = serde_json::to_string(choice).expect("choices are strings or objects in JSON");
    let tag = json.split('"').nth(1).unwrap_or_default().to_owned();
    let start = r#"{"":"#.len() + tag.len();
    let body = json.get(start..json.len() - 1).filter(|_| json.starts_with('{'));
    let body = body.unwrap_or("{}").to_owned();
    (tag, body)
}

pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Value<'static> {
    Value::Text(text.into())
}

fn word(choice: &impl Serialize) -> Value<'static> {
    text(self::choice(choice))
}

pub(super) fn number(account: AccountId) -> Value<'static> {
    Value::Number(u64::from(account.number()))
}

pub(super) fn price(price: Price) -> Value<'static> {
    Value::Decimal(i128::from(price.units()))
}

pub(super) fn amount(amount: Amount) -> Value<'static> {
    Value::Decimal(amount.units())
}

pub(super) fn optional<'a, T>(there: Option<T>, value: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    there.map_or(Value::Missing, value)
}
