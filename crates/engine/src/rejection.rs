//! Why a command was not done.

use book::OrderId;
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Instrument, Price, Timestamp, Underlying};
use ledger::AccountId;
use serde::{Deserialize, Serialize};

use crate::InstrumentId;
use crate::liquidation::CaseId;
use crate::rules::{MarketState, RULES_VERSION};

/// Why a command, or one order of it, was not done. Nothing of it has happened then.
///
/// A variant's place is its tag in the binary encoding: a new one is added at the end.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rejection {
    /// A sequence number that is not the next.
    #[error("command {found} came where {expected} was due: the journal has a gap or a repeat")]
    Sequence {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A time before the last one.
    #[error("stamped {found}, after a command of {last}: time does not go back")]
    TimeBackwards {
        /// The time of the last command.
        last: Timestamp,
        /// The time that came.
        found: Timestamp,
    },
    /// A time that no calendar has.
    #[error("stamped outside the years 1970 to 9999")]
    TimeOutOfRange,
    /// Rules that this engine does not know.
    #[error(
        "rules version {0} is not known here; this engine knows {known}: run the engine that \
         knows it", known = RULES_VERSION
    )]
    UnknownRules(u32),
    /// A number outside its range.
    #[error("{what} is {found}: it must be {least} to {most}")]
    OutOfRange {
        /// Which number.
        what: String,
        /// What it is.
        found: i64,
        /// The least it may be.
        least: i64,
        /// The most it may be.
        most: i64,
    },
    /// An account that is not open.
    #[error("{0} is not open: open it first")]
    UnknownAccount(AccountId),
    /// A subaccount can't have subaccounts.
    #[error("{0} is a subaccount: name the main account as owner")]
    OwnerIsSubaccount(AccountId),
    /// An asset that the ledger does not have.
    #[error("{0} is not an asset of this venue: add it first")]
    UnknownAsset(Asset),
    /// An instrument number that is not listed.
    #[error("{0} is not listed: list it first")]
    UnknownInstrument(InstrumentId),
    /// An instrument that has expired.
    #[error("{0} has expired")]
    Expired(Instrument),
    /// The instrument is listed already.
    #[error("{0} is listed already")]
    AlreadyListed(Instrument),
    /// An instrument that can't be traded here.
    #[error("{instrument} cannot be listed: {problem}")]
    NotListable {
        /// The instrument.
        instrument: Instrument,
        /// Why.
        problem: String,
    },
    /// There is no surface for the expiry.
    #[error("{0} has no forward and volatilities yet: send a surface with its expiry first")]
    NoSurface(Instrument),
    /// The methodology can't be read, or is of a kind that no margin model uses.
    #[error("the methodology is refused: {0}")]
    Methodology(String),
    /// A history that can't be used.
    #[error("the history is refused: {0}")]
    History(String),
    /// Notice that has ended before it began.
    #[error("the notice ends at {0}, which is not in the future")]
    NoticeInPast(Timestamp),
    /// A source that an index does not have.
    #[error("source {source_number} is not one of {asset}'s index: name it with set_sources")]
    UnknownSource {
        /// The asset.
        asset: Asset,
        /// The source.
        source_number: u16,
    },
    /// The sources of an index make no sense.
    #[error("the sources of {asset} are refused: {problem}")]
    Sources {
        /// The asset.
        asset: Asset,
        /// Why.
        problem: String,
    },
    /// A report from the future, or older than the source's last one.
    #[error("the report was observed at {observed}: it must lie between {after} and {until}")]
    ReportTime {
        /// When it was observed.
        observed: Timestamp,
        /// The source's last one.
        after: Timestamp,
        /// Now.
        until: Timestamp,
    },
    /// A price that is not above zero, or beyond any real one.
    #[error("a price of {0} is out of range")]
    PriceOutOfRange(Price),
    /// A surface that can't be used.
    #[error("the surface of {underlying} is refused: {problem}")]
    Surface {
        /// The underlying.
        underlying: Underlying,
        /// Why.
        problem: String,
    },
    /// An index that is needed has no value.
    #[error("{0} has no index price yet: its sources must report first")]
    NoIndex(Asset),
    /// An epoch that can't be opened.
    #[error("the epoch is refused: {0}")]
    Epoch(String),
    /// The arrays are not those that the inputs give.
    #[error("the epoch's arrays have the hash {computed}, not {claimed}")]
    ArraysHash {
        /// What the engine computed.
        computed: String,
        /// What the command said.
        claimed: String,
    },
    /// The epoch's market is not near the live one.
    #[error("the epoch's market is refused: {0}")]
    EpochMarket(String),
    /// The ledger refuses.
    #[error("{0}")]
    Ledger(ledger::Refusal),
    /// The withdrawal is stopped.
    #[error("withdrawals of this account are stopped: the index of {0} is stale or uncertain")]
    WithdrawalsStopped(Asset),
    /// A withdrawal or transfer of more than margin lets go.
    #[error("{asked} was asked for; {allowed} may leave the account now")]
    Withdrawable {
        /// What was asked for.
        asked: Amount,
        /// What may leave.
        allowed: Amount,
    },
    /// A transfer between owners.
    #[error("{from} and {to} have different owners: money moves between accounts of one owner")]
    OwnersDiffer {
        /// Who gives.
        from: AccountId,
        /// Who gets.
        to: AccountId,
    },
    /// The account of the venue takes no capital.
    #[error("capital goes into fees, interest or insurance only")]
    NotACapitalAccount,
    /// A request id that was used for another command.
    #[error("request {0} was used for another command: take a new id")]
    RequestReused(u64),
    /// A request id that may have been used and is no longer remembered.
    #[error("request {request} is too old to be told apart from a repeat: ids go above {above}")]
    RequestForgotten {
        /// The id.
        request: u64,
        /// Ids above this are certainly new.
        above: u64,
    },
    /// The market does not take this order now.
    #[error("the market of {instrument} is {state:?}")]
    Market {
        /// The instrument.
        instrument: InstrumentId,
        /// Its state.
        state: MarketState,
    },
    /// Only closing orders are taken while the index is stale.
    #[error("the index of {0} is stale or rests on too few sources: only closing orders are taken")]
    StaleIndex(Asset),
    /// No risk epoch is open.
    #[error("no risk epoch is open: nothing can be margined yet")]
    NoEpoch,
    /// The epoch is too old, or the market has moved too far from it.
    #[error("the risk epoch is overdue: only closing orders are taken until the next one")]
    EpochOverdue,
    /// The instrument is not part of the open epoch.
    #[error("{0} is not part of the risk epoch: it trades from the next one on")]
    NotInEpoch(Instrument),
    /// No methodology of the kind that the margin model needs.
    #[error("no methodology for this margin model is in force: publish one and open an epoch")]
    NoMethodology,
    /// A size out of range.
    #[error("the size is {found} lots: it must be 1 to {most}")]
    Lots {
        /// What was asked.
        found: i64,
        /// The most.
        most: i64,
    },
    /// A price between ticks.
    #[error("{price} is not a multiple of the tick {tick}")]
    Tick {
        /// The price.
        price: Price,
        /// The tick.
        tick: Price,
    },
    /// A price outside the band.
    #[error("{price} is outside the price band: trade between {low} and {high}")]
    Band {
        /// The price.
        price: Price,
        /// The lowest at which one may sell.
        low: Price,
        /// The highest at which one may buy.
        high: Price,
    },
    /// An order that has expired before it came.
    #[error("the order expires at {0}, which is not in the future")]
    ExpiresInPast(Timestamp),
    /// A term that does not go with the others.
    #[error("{0}")]
    Terms(String),
    /// A reduce-only order that would not reduce.
    #[error("reduce-only, and nothing is held that it would close")]
    NothingToReduce,
    /// Too many orders of the account.
    #[error("the account has {0} orders, its limit: cancel some")]
    TooManyOrders(u32),
    /// Too many instruments of the account.
    #[error("the account has positions or orders in {0} instruments, its limit")]
    TooManyInstruments(u32),
    /// The position could become larger than allowed.
    #[error("the position could reach {would} lots, above the limit of {most}")]
    PositionLimit {
        /// What it could reach.
        would: i64,
        /// The limit.
        most: i64,
    },
    /// The instrument's open interest could become larger than allowed.
    #[error("open interest could reach {would} lots, above the limit of {most}")]
    OpenInterest {
        /// What it could reach.
        would: i64,
        /// The limit.
        most: i64,
    },
    /// Not enough margin.
    #[error("initial margin would be {needed}, and equity is {available}; {binding} binds")]
    Margin {
        /// Initial margin with the order, in US dollars.
        needed: Amount,
        /// Equity.
        available: Amount,
        /// The binding term and scenario, or position, with the largest add-on.
        binding: String,
    },
    /// Margin can't be computed.
    #[error("the account cannot be margined: {0}")]
    Unmargined(String),
    /// The book refuses.
    #[error("{0}")]
    Book(book::Refusal),
    /// No such order of this account.
    #[error("order {0} is not open: it was filled or cancelled, or is not of this account")]
    UnknownOrder(OrderId),
    /// An order that can't be amended that way.
    #[error("the order cannot be amended: {0}")]
    NotAmendable(String),
    /// Too many quotes.
    #[error("{found} quotes in one command; {most} are allowed")]
    TooManyQuotes {
        /// How many came.
        found: u64,
        /// The limit.
        most: u32,
    },
    /// Quotes are frozen by market-maker protection.
    #[error("quotes on {0} are frozen by market-maker protection: reset it, or wait")]
    QuotesFrozen(Underlying),
    /// A group or quote that makes no sense.
    #[error("the group is refused: {0}")]
    Group(String),
    /// A command set off more orders than one command may.
    #[error("the command set off {0} orders, the limit: this one is cancelled")]
    TooManyActivations(u32),
    /// The account can't be margined by the new model.
    #[error("under {model} the account would need {needed} and have {available}")]
    ModelMargin {
        /// The model.
        model: String,
        /// Initial margin under it.
        needed: Amount,
        /// Equity under it.
        available: Amount,
    },
    /// The engine has all the orders it may.
    #[error("the venue has {0} open orders, its limit")]
    VenueFull(u32),
    /// Rules of liquidation that make no sense.
    #[error("the rules of liquidation are refused: {0}")]
    LiquidationRules(String),
    /// The account is in a case.
    #[error("the account is being liquidated ({0}): only deposits are taken until that is over")]
    InLiquidation(CaseId),
    /// A case that is not open.
    #[error("{0} is not open: it has ended, or never was")]
    UnknownCase(CaseId),
    /// The account may not bid.
    #[error("{0} is not registered as a liquidator")]
    NotALiquidator(AccountId),
    /// An account may not bid for what its owner has.
    #[error("{account} and {bidder} have the same owner: nobody bids for their own")]
    OwnCase {
        /// Whose case it is.
        account: AccountId,
        /// Who bids.
        bidder: AccountId,
    },
    /// The case has no auction now.
    #[error("{0} has no auction now")]
    NoAuction(CaseId),
    /// The case has gone on.
    #[error("{case} has taken {found} steps, not {expected}: look at it again")]
    CaseStep {
        /// Which case.
        case: CaseId,
        /// What the bid expected.
        expected: u32,
        /// Where it is.
        found: u32,
    },
    /// Too many bids wait.
    #[error("{0} bids wait in this auction, its limit")]
    TooManyBids(u32),
    /// No bid of this account waits.
    #[error("no bid of this account waits in {0}")]
    UnknownBid(CaseId),
    /// A change that names no parameter.
    #[error("the change names nothing that would change")]
    EmptyChange,
    /// A parameter whose change is announced already.
    #[error("{field} is to be changed by change {change} already: withdraw that first")]
    ChangeAnnounced {
        /// The number of the change that waits.
        change: u64,
        /// The first parameter that both name.
        field: String,
    },
    /// Too many changes wait.
    #[error("{0} announced changes wait, the limit: withdraw one, or wait until one is made")]
    TooManyChanges(u32),
    /// No such change waits.
    #[error("change {0} does not wait: it was made or withdrawn, or never announced")]
    UnknownChange(u64),
}

/// The longest text of a refusal in bytes. Commands are long at times, and what quotes them need
/// not be.
const TEXT_BYTES_MAX: usize = 1_024;

impl Rejection {
    /// The same with its text cut to [`TEXT_BYTES_MAX`].
    pub(crate) fn shortened(mut self) -> Self {
        match &mut self {
            Self::OutOfRange { what: text, .. }
            | Self::NotListable { problem: text, .. }
            | Self::Methodology(text)
            | Self::History(text)
            | Self::Sources { problem: text, .. }
            | Self::Surface { problem: text, .. }
            | Self::Epoch(text)
            | Self::ArraysHash { claimed: text, .. }
            | Self::EpochMarket(text)
            | Self::Terms(text)
            | Self::Margin { binding: text, .. }
            | Self::Unmargined(text)
            | Self::NotAmendable(text)
            | Self::Group(text)
            | Self::LiquidationRules(text)
            | Self::ModelMargin { model: text, .. } => shorten(text),
            _ => {}
        }
        self
    }
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let cut = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(cut.unwrap_or_default());
        text.push('…');
    }
}

impl From<crate::prices::RulesError> for Rejection {
    fn from(error: crate::prices::RulesError) -> Self {
        let crate::prices::RulesError::OutOfBounds { field, found, least, most } = error;
        Self::OutOfRange { what: field.into(), found, least, most }
    }
}
