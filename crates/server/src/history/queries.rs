//! What is looked up in the history.

use book::OrderId;
use engine::InstrumentId;
use engine::event::CaseEvent;
use instruments::{Asset, Timestamp};
use ledger::{AccountId, PostingKind};
use rusqlite::{Connection, Error, OptionalExtension, Row, ToSql, params};

use super::rows;
use super::schema::table;
use super::span::{Span, time_of};
use super::tally::candle;
use super::words::{Columns, whole};
use crate::feed::account::{LogLine, TransferNow, UserTrade};
use crate::feed::candles::Candle;
use crate::feed::history::{FundingRate, Moved, OwnSettlement, Settled};
use crate::feed::listing::Trade;
use crate::feed::order::Order;

/// Which instruments.
#[derive(Clone, Debug)]
pub enum Which {
    /// All.
    All,
    /// One.
    One(InstrumentId),
    /// These. If all of one currency are, and none else, it is named.
    These(Vec<InstrumentId>, Option<Asset>),
}

impl Which {
    /// Numbers as JSON; none for all.
    fn list(&self) -> Option<String> {
        let list = |ids: &[InstrumentId]| {
            let numbers: Vec<u32> = ids.iter().map(|id| id.0).collect();
            super::words::json(&numbers)
        };
        match self {
            Self::All => None,
            Self::One(id) => Some(list(&[*id])),
            Self::These(ids, _) => Some(list(ids)),
        }
    }
}

/// Rows that a query gives.
fn all<T>(
    connection: &Connection,
    query: &str,
    values: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    connection.prepare_cached(query)?.query_map(values, read)?.collect()
}

/// Numbers as SQLite has them.
fn bounds(span: &Span) -> (i64, i64, i64) {
    let count = i64::try_from(span.count).unwrap_or(i64::MAX);
    (whole(span.numbers.0), whole(span.numbers.1), count)
}

/// Trades of an instrument, by their numbers in it.
///
/// # Errors
/// What SQLite says.
pub fn trades_of(
    connection: &Connection,
    instrument: InstrumentId,
    span: &Span,
) -> Result<Vec<Trade>, Error> {
    let read = "select time from trades where instrument = ? and number = ?";
    let time = |number| time_of(connection, read, params![instrument.0, whole(number)]);
    let Some(span) = span.by_number(time)? else { return Ok(Vec::new()) };
    let (from, to, count) = bounds(&span);
    let query = format!(
        "select * from trades where instrument = ? and number between ? and ? \
         order by number {} limit ?",
        span.order()
    );
    let values = params![instrument.0, from, to, count];
    all(connection, &query, values, |row| rows::trade(&mut Columns::of(row, 0)))
}

/// Trades of some instruments, by their ids.
///
/// # Errors
/// What SQLite says.
pub fn trades(connection: &Connection, which: &Which, span: &Span) -> Result<Vec<Trade>, Error> {
    let read = "select time from trades where id = ?";
    let time = |id| time_of(connection, read, params![whole(id)]);
    let Some(span) = span.by_number(time)? else { return Ok(Vec::new()) };
    let (from, to, count) = bounds(&span);
    let currency = match which {
        Which::These(_, Some(currency)) => Some(currency.name().to_owned()),
        _ => None,
    };
    // Without a currency the rows are gone through by their ids.
    let of = if currency.is_some() { "currency = ?5" } else { "?5 is null" };
    let query = format!(
        "select * from trades where id between ?1 and ?2 and {of} \
         and (?4 is null or +instrument in (select value from json_each(?4))) \
         order by id {} limit ?3",
        span.order()
    );
    let values = params![from, to, count, which.list(), currency];
    all(connection, &query, values, |row| rows::trade(&mut Columns::of(row, 0)))
}

/// The id of a trade by its number in its instrument.
///
/// # Errors
/// What SQLite says.
pub fn trade_id(
    connection: &Connection,
    instrument: InstrumentId,
    number: u64,
) -> Result<Option<u64>, Error> {
    let read = "select id from trades where instrument = ? and number = ?";
    let mut read = connection.prepare_cached(read)?;
    read.query_row(params![instrument.0, whole(number)], |row| Columns::of(row, 0).number())
        .optional()
}

const FILL: &str = "select f.order_id, f.maker, f.fee, f.realised, t.* \
                    from fills f join trades t on t.id = f.trade";

/// An account's trades, of some instruments, and with ids and numbers in their instruments between two.
///
/// # Errors
/// What SQLite says.
pub fn fills(
    connection: &Connection,
    account: AccountId,
    which: &Which,
    ids: (u64, u64),
    numbers: (u64, u64),
    span: &Span,
) -> Result<Vec<UserTrade>, Error> {
    let read = "select time from fills where account = ? and number = ?";
    let time = |number| time_of(connection, read, params![account.number(), whole(number)]);
    let Some(span) = span.by_number(time)? else { return Ok(Vec::new()) };
    let (from, to, count) = bounds(&span);
    let of = match which {
        Which::One(_) => "f.instrument = (select value from json_each(?5))",
        _ => "(?5 is null or +f.instrument in (select value from json_each(?5)))",
    };
    let query = format!(
        "{FILL} where f.account = ?1 and f.number between ?2 and ?3 and {of} \
         and +f.trade between ?6 and ?7 and +t.number between ?8 and ?9 \
         order by f.number {} limit ?4",
        span.order()
    );
    let (account, list) = (account.number(), which.list());
    let [first, last, low, high] = [ids.0, ids.1, numbers.0, numbers.1].map(whole);
    let values = params![account, from, to, count, list, first, last, low, high];
    all(connection, &query, values, |row| rows::fill(&mut Columns::of(row, 0)))
}

/// The trades of an order of an account.
///
/// # Errors
/// What SQLite says.
pub fn fills_of(
    connection: &Connection,
    account: AccountId,
    order: OrderId,
    span: &Span,
) -> Result<Vec<UserTrade>, Error> {
    let (from, to, count) = bounds(span);
    let query = format!(
        "{FILL} where f.order_id = ? and f.account = ? and f.number between ? and ? \
         order by f.number {} limit ?",
        span.order()
    );
    let values = params![whole(order.0), account.number(), from, to, count];
    all(connection, &query, values, |row| rows::fill(&mut Columns::of(row, 0)))
}

/// Orders by their numbers; those that are not there are left out.
///
/// # Errors
/// What SQLite says.
pub fn orders(connection: &Connection, ids: &[OrderId]) -> Result<Vec<Order>, Error> {
    let mut read = connection.prepare_cached("select * from orders where order_id = ?")?;
    let mut found = Vec::new();
    for id in ids {
        let order = read
            .query_row(params![whole(id.0)], |row| rows::order(&mut Columns::of(row, 0)))
            .optional()?;
        found.extend(order);
    }
    Ok(found)
}

/// An account's orders that ended, of some instruments; perhaps only those of which something traded.
///
/// # Errors
/// What SQLite says.
pub fn ended(
    connection: &Connection,
    account: AccountId,
    which: &Which,
    unfilled: bool,
    passed_over: usize,
    span: &Span,
) -> Result<Vec<Order>, Error> {
    let (from, to, count) = bounds(span);
    let filled = if unfilled { "" } else { "and filled > 0" };
    let query = format!(
        "select * from orders where account = ?1 and number between ?2 and ?3 {filled} \
         and (?5 is null or +instrument in (select value from json_each(?5))) \
         order by number {} limit ?4 offset ?6",
        span.order()
    );
    let offset = i64::try_from(passed_over).unwrap_or(i64::MAX);
    let values = params![account.number(), from, to, count, which.list(), offset];
    all(connection, &query, values, |row| rows::order(&mut Columns::of(row, 0)))
}

/// An account's orders that ended, with a label; all without one.
///
/// # Errors
/// What SQLite says.
pub fn labelled(
    connection: &Connection,
    account: AccountId,
    which: &Which,
    label: Option<&str>,
    span: &Span,
) -> Result<Vec<Order>, Error> {
    let Some(label) = label else {
        return ended(connection, account, which, true, 0, span);
    };
    let (from, to, count) = bounds(span);
    let query = format!(
        "select * from orders where account = ?1 and label = ?6 and number between ?2 and ?3 \
         and (?5 is null or +instrument in (select value from json_each(?5))) \
         order by number {} limit ?4",
        span.order()
    );
    let values = params![account.number(), from, to, count, which.list(), label];
    all(connection, &query, values, |row| rows::order(&mut Columns::of(row, 0)))
}

/// Lines of an account's log, in an asset and of kinds, if these are given.
///
/// # Errors
/// What SQLite says.
pub fn lines(
    connection: &Connection,
    account: AccountId,
    asset: Option<Asset>,
    kinds: Option<&[PostingKind]>,
    span: &Span,
) -> Result<Vec<LogLine>, Error> {
    let read = "select time from log where account = ? and number = ?";
    let time = |number| time_of(connection, read, params![account.number(), whole(number)]);
    let Some(span) = span.by_number(time)? else { return Ok(Vec::new()) };
    let (from, to, count) = bounds(&span);
    let query = format!(
        "select {} from log where account = ?1 and number between ?2 and ?3 \
         and (?5 is null or asset = ?5) \
         and (?6 is null or kind in (select value from json_each(?6))) \
         order by number {} limit ?4",
        from_number("log"),
        span.order()
    );
    let asset = asset.map(|asset| asset.name().to_owned());
    let kinds = kinds.map(|kinds| super::words::json(&kinds));
    let values = params![account.number(), from, to, count, asset, kinds];
    all(connection, &query, values, |row| rows::line(&mut Columns::of(row, 0)))
}

/// The columns of a table from `number` on.
fn from_number(name: &str) -> String {
    let names = table(name).expect("it is one of ours").names();
    let place = names.find("number").unwrap_or(0);
    names[place..].to_owned()
}

/// The funding rates that held at some times, and the time of the first one.
///
/// # Errors
/// What SQLite says.
pub fn rates_at(
    connection: &Connection,
    instrument: InstrumentId,
    times: &[i64],
    below: u64,
) -> Result<(Option<i64>, Vec<Option<FundingRate>>), Error> {
    let read = "select time from funding where instrument = ? and number = ?";
    let time = |number| time_of(connection, read, params![instrument.0, whole(number)]);
    let first = time(1)?;
    let row = "select time, rate_8h_ppb, index_price, sum from funding \
               where instrument = ? and number = ?";
    let mut row = connection.prepare_cached(row)?;
    let mut found = Vec::new();
    for at in times {
        let span = Span { times: (i64::MIN, *at), ..Span::newest(1) }.below(below);
        let span = span.map(|span| span.by_number(time)).transpose()?.flatten();
        let rate = span.map(|span| {
            let values = params![instrument.0, whole(span.numbers.1)];
            row.query_row(values, |row| rows::funding(&mut Columns::of(row, 0)))
        });
        found.push(rate.transpose()?);
    }
    Ok((first, found))
}

/// Settlements of some instruments, of one kind or of all, with their numbers.
///
/// # Errors
/// What SQLite says.
pub fn settlements(
    connection: &Connection,
    which: &Which,
    kind: Option<&str>,
    span: &Span,
) -> Result<Vec<(u64, Settled)>, Error> {
    let (from, to, count) = bounds(span);
    let query = format!(
        "select * from settlements where number between ?1 and ?2 and time <= ?6 \
         and (?4 is null or +instrument in (select value from json_each(?4))) \
         and (?5 is null or kind = ?5) order by number {} limit ?3",
        span.order()
    );
    let values = params![from, to, count, which.list(), kind, span.times.1];
    all(connection, &query, values, |row| {
        let mut row = Columns::of(row, 0);
        Ok((row.number()?, rows::settled(&mut row)?))
    })
}

/// What settlements made of an account's positions in some instruments, with their numbers.
///
/// # Errors
/// What SQLite says.
pub fn own_settlements(
    connection: &Connection,
    account: AccountId,
    which: &Which,
    kind: Option<&str>,
    span: &Span,
) -> Result<Vec<(u64, OwnSettlement)>, Error> {
    let (from, to, count) = bounds(span);
    let query = format!(
        "select * from account_settlements where account = ?7 and number between ?1 and ?2 \
         and time <= ?6 and (?4 is null or +instrument in (select value from json_each(?4))) \
         and (?5 is null or kind = ?5) order by number {} limit ?3",
        span.order()
    );
    let values = params![from, to, count, which.list(), kind, span.times.1, account.number()];
    all(connection, &query, values, |row| {
        let mut row = Columns::of(row, 1);
        Ok((row.number()?, rows::own_settlement(&mut row)?))
    })
}

/// Steps of cases by their numbers, of one case if it is given, that `is_told` picks.
///
/// # Errors
/// What SQLite says.
pub fn cases(
    connection: &Connection,
    case: Option<u64>,
    is_told: impl Fn(&CaseEvent) -> bool,
    span: &Span,
) -> Result<Vec<(Timestamp, CaseEvent)>, Error> {
    let (from, to, _) = bounds(span);
    let of = if case.is_some() { "case_id = ?3" } else { "?3 is null" };
    let query = format!(
        "select * from cases where number between ?1 and ?2 and {of} order by number {}",
        span.order()
    );
    let mut query = connection.prepare_cached(&query)?;
    let steps = query.query_map(params![from, to, case.map(whole)], |row| {
        rows::case(&mut Columns::of(row, 1))
    })?;
    let is_wanted = |step: &Result<(Timestamp, CaseEvent), Error>| {
        step.as_ref().map_or(true, |(_, event)| is_told(event))
    };
    steps.filter(is_wanted).take(span.count).collect()
}

/// Candles of a stored length that begin from a time on and before another, and the close before them.
///
/// # Errors
/// What SQLite says.
pub fn candles(
    connection: &Connection,
    instrument: InstrumentId,
    minutes: i64,
    (from_ms, before_ms): (i64, i64),
) -> Result<(Option<instruments::Price>, Vec<Candle>), Error> {
    let before = "select close from candles where instrument = ? and minutes = ? and time < ? \
                  order by time desc limit 1";
    let mut before = connection.prepare_cached(before)?;
    let values = params![instrument.0, minutes, from_ms.min(before_ms)];
    let close = before.query_row(values, |row| Columns::of(row, 0).price()).optional()?;
    let query = "select time, open, high, low, close, lots, value from candles \
                 where instrument = ? and minutes = ? and time >= ? and time < ? order by time";
    let values = params![instrument.0, minutes, from_ms, before_ms];
    let found = all(connection, query, values, |row| candle(&mut Columns::of(row, 0)))?;
    Ok((close, found))
}

/// An account's deposits or withdrawals, in an asset if one is given; and how many there are in all.
///
/// # Errors
/// What SQLite says.
pub fn transfers(
    connection: &Connection,
    account: AccountId,
    is_deposit: bool,
    asset: Option<Asset>,
    passed_over: usize,
    span: &Span,
) -> Result<(usize, Vec<TransferNow>), Error> {
    let kind = rows::kind_of(is_deposit);
    let wanted = "from transfers where account = ?1 and number between ?2 and ?3 and kind = ?4 \
                  and (?5 is null or asset = ?5)";
    let asset = asset.map(|asset| asset.name().to_owned());
    let (from, to, count) = bounds(span);
    let offset = i64::try_from(passed_over).unwrap_or(i64::MAX);
    let values = params![account.number(), from, to, kind, asset];
    let query = format!("select count(*) {wanted}");
    let all_of = connection.prepare_cached(&query)?.query_row(values, |row| {
        Ok(usize::try_from(Columns::of(row, 0).number()?).unwrap_or(usize::MAX))
    })?;
    let query = format!("select * {wanted} order by number desc limit ?6 offset ?7");
    let values = params![account.number(), from, to, kind, asset, count, offset];
    let read = |row: &Row<'_>| rows::transfer(&mut Columns::of(row, 2));
    Ok((all_of, all(connection, &query, values, read)?))
}

/// An account's transfers from and to others, in an asset if one is given; and how many there are in all.
///
/// # Errors
/// What SQLite says.
pub fn moves(
    connection: &Connection,
    account: AccountId,
    asset: Option<Asset>,
    passed_over: usize,
    span: &Span,
) -> Result<(usize, Vec<Moved>), Error> {
    let wanted = "from moves where account = ?1 and number between ?2 and ?3 \
                  and (?4 is null or asset = ?4)";
    let asset = asset.map(|asset| asset.name().to_owned());
    let (from, to, count) = bounds(span);
    let offset = i64::try_from(passed_over).unwrap_or(i64::MAX);
    let query = format!("select count(*) {wanted}");
    let values = params![account.number(), from, to, asset];
    let all_of = connection.prepare_cached(&query)?.query_row(values, |row| {
        Ok(usize::try_from(Columns::of(row, 0).number()?).unwrap_or(usize::MAX))
    })?;
    let query = format!("select * {wanted} order by number desc limit ?5 offset ?6");
    let values = params![account.number(), from, to, asset, count, offset];
    let read = |row: &Row<'_>| rows::moved(&mut Columns::of(row, 2));
    Ok((all_of, all(connection, &query, values, read)?))
}
