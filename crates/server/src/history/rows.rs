//! Records as rows, and rows as records.

use engine::InstrumentId;
use engine::command::Label;
use engine::event::CaseEvent;
use engine::liquidation::CaseId;
use instruments::{Instrument, Price, Timestamp};
use ledger::{AccountId, TransferId};
use rusqlite::{Connection, Error, params};

use super::record::{Record, is_deposit};
use super::schema::insert;
use super::words::{Columns, decimal, json, whole, word};
use crate::feed::account::{LogLine, TransferNow, UserTrade};
use crate::feed::history::{FundingRate, Moved, OwnSettlement, Settled, SettlementKind};
use crate::feed::listing::Trade;
use crate::feed::order::{Order, OrderState};
use crate::names;
use crate::shapes::market::direction;

/// Writes a record.
///
/// # Errors
/// What SQLite says.
pub fn write(connection: &Connection, record: &Record) -> Result<(), Error> {
    match record {
        Record::Listed { id, instrument, time } => listed(connection, *id, instrument, *time),
        Record::Expired { id, time, price } => expired(connection, *id, *time, *price),
        Record::Trade(trade) => write_trade(connection, trade),
        Record::Fill { account, number, own } => write_fill(connection, *account, *number, own),
        Record::Order { number, order } => write_order(connection, *number, order),
        Record::Line { account, line } => write_line(connection, *account, line),
        Record::Transfer { account, number, transfer } => {
            write_transfer(connection, *account, *number, transfer)
        }
        Record::Step { account, id, step, time } => {
            let step_row = "update transfers set step = ?, time = ? \
                            where account = ? and kind = ? and id = ?";
            let place = (account.number(), kind_of(is_deposit(*step)), whole(id.number()));
            let values = params![word(step), time.milliseconds(), place.0, place.1, place.2];
            connection.prepare_cached(step_row)?.execute(values).map(drop)
        }
        Record::Moved { account, number, moved } => {
            write_moved(connection, *account, *number, moved)
        }
        Record::Funding { instrument, number, rate } => insert(
            connection,
            "funding",
            params![
                instrument.0,
                whole(*number),
                rate.time.milliseconds(),
                rate.rate_8h_ppb,
                units(rate.index),
                rate.sum.to_string(),
            ],
        ),
        Record::Settled { number, settled } => insert(
            connection,
            "settlements",
            params![
                whole(*number),
                settled.time.milliseconds(),
                settled.instrument.0,
                settled.kind.name(),
                settled.price.units(),
            ],
        ),
        Record::OwnSettlement { account, number, one } => {
            write_own_settlement(connection, *account, *number, one)
        }
        Record::Case { number, time, event } => insert(
            connection,
            "cases",
            params![
                whole(*number),
                time.milliseconds(),
                whole(event.case.0),
                event.account.number(),
                event.step,
                word(&event.what),
            ],
        ),
    }
}

fn units(price: Option<Price>) -> Option<i64> {
    price.map(Price::units)
}

/// What a transfer is called by which way it goes.
pub const fn kind_of(is_deposit: bool) -> &'static str {
    if is_deposit { "deposit" } else { "withdrawal" }
}

fn listed(
    connection: &Connection,
    id: InstrumentId,
    instrument: &Instrument,
    time: Timestamp,
) -> Result<(), Error> {
    insert(
        connection,
        "instruments",
        params![
            id.0,
            instrument.to_string(),
            names::kind(instrument).name(),
            names::currency(instrument).name(),
            instrument.lot_size(),
            time.milliseconds(),
            None::<i64>,
            None::<i64>,
        ],
    )
}

fn expired(
    connection: &Connection,
    id: InstrumentId,
    time: Timestamp,
    price: Price,
) -> Result<(), Error> {
    let row = "update instruments set expired = ?, delivery_price = ? where id = ?";
    let values = params![time.milliseconds(), price.units(), id.0];
    connection.prepare_cached(row)?.execute(values).map(drop)
}

fn write_trade(connection: &Connection, trade: &Trade) -> Result<(), Error> {
    insert(
        connection,
        "trades",
        params![
            whole(trade.id),
            trade.instrument.0,
            whole(trade.number),
            trade.currency.name(),
            whole(trade.sequence),
            trade.time.milliseconds(),
            trade.price.units(),
            trade.lots,
            direction(trade.side),
            units(trade.mark),
            units(trade.index),
            trade.tick_direction,
            whole(trade.maker.0.0),
            trade.maker.1,
            whole(trade.taker.0.0),
            trade.taker.1,
        ],
    )
}

/// A trade from its id on.
///
/// # Errors
/// If a column holds what it can't.
pub fn trade(row: &mut Columns<'_, '_>) -> Result<Trade, Error> {
    Ok(Trade {
        id: row.number()?,
        instrument: InstrumentId(row.small()?),
        number: row.number()?,
        currency: row.asset()?,
        sequence: row.number()?,
        time: row.time()?,
        price: row.price()?,
        lots: row.take()?,
        side: row.word()?,
        mark: row.may_price()?,
        index: row.may_price()?,
        tick_direction: row.take()?,
        maker: (book::OrderId(row.number()?), row.take()?),
        taker: (book::OrderId(row.number()?), row.take()?),
    })
}

fn write_fill(
    connection: &Connection,
    account: AccountId,
    number: u64,
    own: &UserTrade,
) -> Result<(), Error> {
    insert(
        connection,
        "fills",
        params![
            account.number(),
            whole(number),
            whole(own.trade.id),
            own.trade.instrument.0,
            own.trade.time.milliseconds(),
            whole(own.order.0),
            own.is_maker,
            decimal(own.fee.units()),
            decimal(own.realised.units()),
        ],
    )
}

/// A fill from its order on, with its trade after it.
///
/// # Errors
/// If a column holds what it can't.
pub fn fill(row: &mut Columns<'_, '_>) -> Result<UserTrade, Error> {
    Ok(UserTrade {
        order: book::OrderId(row.number()?),
        is_maker: row.take()?,
        fee: row.amount()?,
        realised: row.amount()?,
        trade: trade(row)?,
    })
}

fn write_order(connection: &Connection, number: u64, order: &Order) -> Result<(), Error> {
    let links = (order.links != Default::default()).then(|| json(&order.links));
    insert(
        connection,
        "orders",
        params![
            order.account.number(),
            whole(number),
            whole(order.id.0),
            order.instrument.0,
            direction(order.side),
            if order.state == OrderState::Filled { "filled" } else { "cancelled" },
            order.label.as_ref().map(|label| label.text()),
            order.lots,
            order.filled,
            decimal(order.traded_value),
            units(order.price),
            order.triggered,
            order.replaced,
            order.liquidation,
            order.reason.as_ref().map(word),
            decimal(order.fees.units()),
            decimal(order.realised.units()),
            order.created.milliseconds(),
            order.updated.milliseconds(),
            order.terms.as_ref().map(json),
            links,
        ],
    )
}

/// An order from its account on.
///
/// # Errors
/// If a column holds what it can't.
pub fn order(row: &mut Columns<'_, '_>) -> Result<Order, Error> {
    let account = AccountId::new(row.small()?);
    let _number = row.number()?;
    Ok(Order {
        account,
        id: book::OrderId(row.number()?),
        instrument: InstrumentId(row.small()?),
        side: row.word()?,
        state: match row.take::<String>()?.as_str() {
            "filled" => OrderState::Filled,
            _ => OrderState::Cancelled,
        },
        label: row.take::<Option<String>>()?.and_then(|text| Label::new(&text)),
        lots: row.take()?,
        filled: row.take()?,
        traded_value: row.decimal()?,
        price: row.may_price()?,
        shown: 0,
        triggered: row.take()?,
        replaced: row.take()?,
        liquidation: row.take()?,
        reason: row.may_word()?,
        fees: row.amount()?,
        realised: row.amount()?,
        created: row.time()?,
        updated: row.time()?,
        terms: row.may_word()?,
        links: row.may_word()?.unwrap_or_default(),
    })
}

fn write_line(connection: &Connection, account: AccountId, line: &LogLine) -> Result<(), Error> {
    let trade = line.trade;
    insert(
        connection,
        "log",
        params![
            account.number(),
            whole(line.number),
            whole(line.sequence),
            line.time.milliseconds(),
            line.asset.name(),
            word(&line.kind),
            decimal(line.change.units()),
            decimal(line.balance.units()),
            trade.map(|(instrument, ..)| instrument.0),
            trade.map(|(_, number, ..)| whole(number)),
            trade.map(|(_, _, price, _)| price.units()),
            trade.map(|(.., lots)| lots),
        ],
    )
}

/// A line of the log from its number on.
///
/// # Errors
/// If a column holds what it can't.
pub fn line(row: &mut Columns<'_, '_>) -> Result<LogLine, Error> {
    Ok(LogLine {
        number: row.number()?,
        sequence: row.number()?,
        time: row.time()?,
        asset: row.asset()?,
        kind: row.word()?,
        change: row.amount()?,
        balance: row.amount()?,
        trade: {
            let instrument: Option<u32> = row.take()?;
            let (number, price, lots): (Option<i64>, _, Option<i64>) =
                (row.take()?, row.may_price()?, row.take()?);
            let number = number.and_then(|number| u64::try_from(number).ok());
            instrument.zip(number).zip(price).zip(lots).map(
                |(((instrument, number), price), lots)| {
                    (InstrumentId(instrument), number, price, lots)
                },
            )
        },
    })
}

fn write_transfer(
    connection: &Connection,
    account: AccountId,
    number: u64,
    one: &TransferNow,
) -> Result<(), Error> {
    insert(
        connection,
        "transfers",
        params![
            account.number(),
            whole(number),
            whole(one.id.number()),
            kind_of(is_deposit(one.step)),
            word(&one.step),
            one.asset.name(),
            decimal(one.amount.units()),
            one.asked.milliseconds(),
            one.updated.milliseconds(),
        ],
    )
}

/// A deposit or withdrawal from its id on.
///
/// # Errors
/// If a column holds what it can't.
pub fn transfer(row: &mut Columns<'_, '_>) -> Result<TransferNow, Error> {
    let id = TransferId::new(row.number()?);
    let _kind: String = row.take()?;
    Ok(TransferNow {
        id,
        step: row.word()?,
        asset: row.asset()?,
        amount: row.amount()?,
        asked: row.time()?,
        updated: row.time()?,
    })
}

fn write_moved(
    connection: &Connection,
    account: AccountId,
    number: u64,
    moved: &Moved,
) -> Result<(), Error> {
    insert(
        connection,
        "moves",
        params![
            account.number(),
            whole(number),
            whole(moved.sequence),
            moved.time.milliseconds(),
            moved.other.number(),
            moved.asset.name(),
            decimal(moved.amount.units()),
        ],
    )
}

/// A transfer between accounts from its command on.
///
/// # Errors
/// If a column holds what it can't.
pub fn moved(row: &mut Columns<'_, '_>) -> Result<Moved, Error> {
    Ok(Moved {
        sequence: row.number()?,
        time: row.time()?,
        other: AccountId::new(row.small()?),
        asset: row.asset()?,
        amount: row.amount()?,
    })
}

/// A funding rate from its time on.
///
/// # Errors
/// If a column holds what it can't.
pub fn funding(row: &mut Columns<'_, '_>) -> Result<FundingRate, Error> {
    Ok(FundingRate {
        time: row.time()?,
        rate_8h_ppb: row.take()?,
        index: row.may_price()?,
        sum: row.large()?,
    })
}

fn settlement_kind(row: &mut Columns<'_, '_>) -> Result<SettlementKind, Error> {
    Ok(match row.take::<String>()?.as_str() {
        "delivery" => SettlementKind::Delivery,
        _ => SettlementKind::Settlement,
    })
}

/// A settlement from its time on.
///
/// # Errors
/// If a column holds what it can't.
pub fn settled(row: &mut Columns<'_, '_>) -> Result<Settled, Error> {
    Ok(Settled {
        time: row.time()?,
        instrument: InstrumentId(row.small()?),
        kind: settlement_kind(row)?,
        price: row.price()?,
    })
}

fn write_own_settlement(
    connection: &Connection,
    account: AccountId,
    number: u64,
    one: &OwnSettlement,
) -> Result<(), Error> {
    insert(
        connection,
        "account_settlements",
        params![
            account.number(),
            whole(number),
            one.time.milliseconds(),
            one.instrument.0,
            one.kind.name(),
            one.price.units(),
            units(one.index),
            one.lots,
            decimal(one.realised.units()),
        ],
    )
}

/// What a settlement made of a position, from its time on.
///
/// # Errors
/// If a column holds what it can't.
pub fn own_settlement(row: &mut Columns<'_, '_>) -> Result<OwnSettlement, Error> {
    Ok(OwnSettlement {
        time: row.time()?,
        instrument: InstrumentId(row.small()?),
        kind: settlement_kind(row)?,
        price: row.price()?,
        index: row.may_price()?,
        lots: row.take()?,
        realised: row.amount()?,
    })
}

/// An event of a case, from its time on.
///
/// # Errors
/// If a column holds what it can't.
pub fn case(row: &mut Columns<'_, '_>) -> Result<(Timestamp, CaseEvent), Error> {
    let time = row.time()?;
    let event = CaseEvent {
        case: CaseId(row.number()?),
        account: AccountId::new(row.small()?),
        step: row.small()?,
        what: row.word()?,
    };
    Ok((time, event))
}
