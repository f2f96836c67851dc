//! What changed balances.

use engine::InstrumentId;
use ledger::{AccountId, PostingKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::chosen;
use super::orders::count;
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::account::LogLine;
use crate::feed::venue::Venue;
use crate::history::queries;
use crate::history::reader::Memory;
use crate::history::span::Span;
use crate::names;
use crate::number::Decimal;
use crate::params::Whole;
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/get_transaction_log", Account, Request, get_log, LogParams => LogPage, "What changed balances"),
    ]
}

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogParams {
    /// In this currency; `any` for all.
    currency: String,
    /// From this time on, in milliseconds.
    start_timestamp: Whole,
    /// Up to this time, in milliseconds.
    end_timestamp: Whole,
    /// Only lines of this type: `trade`, `fee`, `settlement`, `deposit`, …
    query: Option<String>,
    /// How many: 100 unless said, 1,000 at most.
    count: Option<Whole>,
    /// Where the page before ended.
    continuation: Option<Whole>,
    /// Another account's: it must be the caller's own.
    subaccount_id: Option<Whole>,
}

/// Lines of the log, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LogPage {
    /// The lines.
    logs: Vec<LogShape>,
    /// Where the next page begins; none on the last.
    continuation: Option<u64>,
}

/// A line of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LogShape {
    /// Its number in the account.
    id: u64,
    /// The command that made it.
    user_seq: u64,
    /// When.
    timestamp: i64,
    /// Of which currency.
    currency: String,
    /// What for.
    #[serde(rename = "type")]
    kind: &'static str,
    /// By how much.
    change: Decimal,
    /// By how much in cash: the same.
    cashflow: Decimal,
    /// The balance after it.
    balance: Decimal,
    /// The same.
    equity: Decimal,
    /// What was traded, of trades.
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument_name: Option<String>,
    /// The trade.
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_id: Option<String>,
    /// Its price.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Decimal>,
    /// Its amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Decimal>,
    /// Who did it.
    user_id: u32,
    /// The same by name.
    username: String,
}

impl LogShape {
    fn of(venue: &Venue, account: AccountId, line: &LogLine) -> Self {
        let trade = line.trade.filter(|_| {
            matches!(line.kind, PostingKind::Fee | PostingKind::Settlement | PostingKind::Premium)
        });
        let listing = |id: InstrumentId| venue.at(id);
        Self {
            id: line.number,
            user_seq: line.sequence,
            timestamp: line.time.milliseconds(),
            currency: line.asset.to_string(),
            kind: kind_name(line.kind),
            change: line.change.into(),
            cashflow: line.change.into(),
            balance: line.balance.into(),
            equity: line.balance.into(),
            instrument_name: trade.map(|(id, ..)| listing(id).name.clone()),
            trade_id: trade.map(|(id, number, ..)| format!("{}-{number}", id.0 + 1)),
            price: trade.map(|(_, _, price, _)| price.into()),
            amount: trade.map(|(id, _, _, lots)| crate::shapes::market::amount(listing(id), lots)),
            user_id: account.number(),
            username: format!("account-{}", account.number()),
        }
    }
}

/// All kinds of postings.
const KINDS: [PostingKind; 21] = {
    use PostingKind as Kind;
    [
        Kind::DepositAnnounced,
        Kind::DepositCredited,
        Kind::DepositVoided,
        Kind::WithdrawalRequested,
        Kind::WithdrawalConfirmed,
        Kind::WithdrawalVoided,
        Kind::Fee,
        Kind::Funding,
        Kind::Settlement,
        Kind::Premium,
        Kind::Interest,
        Kind::Transfer,
        Kind::Rounding,
        Kind::Insurance,
        Kind::Conversion,
        Kind::SocialisedLoss,
        Kind::Capital,
        Kind::Reservation,
        Kind::Liquidation,
        Kind::Deleveraging,
        Kind::Deficit,
    ]
};

/// What a line is for.
const fn kind_name(kind: PostingKind) -> &'static str {
    use PostingKind as Kind;
    match kind {
        Kind::DepositAnnounced | Kind::DepositCredited | Kind::DepositVoided => "deposit",
        Kind::WithdrawalRequested | Kind::WithdrawalConfirmed | Kind::WithdrawalVoided => {
            "withdrawal"
        }
        Kind::Fee => "fee",
        Kind::Funding => "funding",
        Kind::Settlement => "settlement",
        Kind::Premium => "trade",
        Kind::Interest => "interest",
        Kind::Transfer => "transfer",
        Kind::Rounding => "rounding",
        Kind::Insurance => "insurance",
        Kind::Conversion => "conversion",
        Kind::SocialisedLoss => "socialized_loss",
        Kind::Capital => "capital",
        Kind::Reservation => "reservation",
        Kind::Liquidation => "liquidation",
        Kind::Deleveraging => "deleveraging",
        Kind::Deficit => "deficit",
    }
}

async fn get_log(call: &Call, params: LogParams) -> Result<LogPage, RpcError> {
    let currency = names::currency_or_any(Some(&params.currency))?;
    let wanted = count(params.count, 100)?;
    let last = params
        .continuation
        .map_or(u64::MAX, |id| u64::try_from(id.0).unwrap_or(0).saturating_sub(1));
    let times = (params.start_timestamp.0, params.end_timestamp.0);
    let span = Span { numbers: (1, last), times, ..Span::newest(wanted) };
    let kinds = params.query.as_deref().map(kinds_named);
    let (account, recent, memory) = {
        let venue = call.service.venue.read();
        let account = chosen(call, &venue, params.subaccount_id)?;
        let known = venue.account(account).ok_or_else(|| RpcError::forbidden("it is not open"))?;
        let is_wanted = |line: &&LogLine| {
            span.has(line.number, line.time.milliseconds())
                && currency.is_none_or(|currency| line.asset == currency)
                && kinds.as_ref().is_none_or(|kinds| kinds.contains(&line.kind))
        };
        let recent = known.log.iter().filter(is_wanted).copied().collect();
        let since = known.log.front().map_or(i64::MAX, |line| line.time.milliseconds());
        (account, recent, Memory { first: known.log.first(), since, through: venue.sequence })
    };
    let read = move |connection: &_, span: &_| {
        queries::lines(connection, account, currency, kinds.as_deref(), span)
    };
    let (lines, has_more) = call.service.history.page(span, recent, memory, read).await?;
    let continuation = lines.last().filter(|_| has_more).map(|last| last.number);
    let venue = call.service.venue.read();
    let logs = lines.iter().map(|line| LogShape::of(&venue, account, line)).collect();
    Ok(LogPage { logs, continuation })
}

/// The kinds of postings that the dialect calls so.
fn kinds_named(name: &str) -> Vec<PostingKind> {
    KINDS.iter().copied().filter(|kind| kind_name(*kind) == name).collect()
}
