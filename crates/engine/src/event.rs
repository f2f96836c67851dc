//! What the engine answers: everything that happened, in order.

mod case;
mod cause;

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Instrument, Price, Timestamp, Underlying};
use ledger::{AccountId, LedgerAccount, PostingKind, TransferId};
use risk::MarginModel;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::command::Label;
use crate::prices::IndexStatus;
use crate::rules::MarketState;
use crate::{InstrumentId, Rejection};
pub use case::{BidEnd, CaseEvent, CaseStep, StageCause, Stands, Taker};
pub use cause::{CancelReason, ReduceCause, TransferStep};

/// Something that happened.
///
/// A variant's place is its tag in the binary encoding: a new one is added at the end.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The command, or one order of it, was refused.
    Rejected(Box<Rejected>),
    /// The request has been answered before.
    Repeated {
        /// The account.
        account: AccountId,
        /// The request.
        request: u64,
        /// The command that answered it.
        sequence: u64,
    },
    /// The venue's limits changed.
    VenueRulesSet,
    /// The engine's rules changed.
    Upgraded {
        /// The version now in force.
        rules_version: u32,
    },
    /// An asset was added.
    AssetAdded {
        /// The asset.
        asset: Asset,
    },
    /// An index has sources.
    SourcesSet {
        /// The asset.
        asset: Asset,
    },
    /// An account was opened.
    AccountOpened {
        /// Its number.
        account: AccountId,
        /// The main account, if it is a subaccount.
        owner: Option<AccountId>,
        /// Its margin model.
        margin_model: MarginModel,
    },
    /// An instrument was listed.
    Listed {
        /// Its number.
        id: InstrumentId,
        /// Its name.
        instrument: Instrument,
    },
    /// An instrument's terms changed.
    TermsSet {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// A market opened or closed.
    MarketStateSet {
        /// The instrument.
        instrument: InstrumentId,
        /// Its state.
        state: MarketState,
        /// Until when, if it opens again by itself.
        until: Option<Timestamp>,
    },
    /// A call period began.
    CallBegan {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// A call period ended.
    Uncrossed {
        /// The instrument.
        instrument: InstrumentId,
        /// The price of all its trades; none if nothing traded.
        price: Option<Price>,
        /// How many lots traded.
        lots: i64,
    },
    /// A methodology was published.
    MethodologySet {
        /// Its name.
        name: String,
        /// Its hash.
        hash: String,
    },
    /// A history was given.
    HistorySet {
        /// How many days it has.
        days: u32,
    },
    /// An index changed.
    Index {
        /// The asset.
        asset: Asset,
        /// Its price.
        price: Price,
        /// Confidence in parts per million.
        confidence_ppm: u32,
        /// Whether it can be relied on.
        status: IndexStatus,
    },
    /// A surface was accepted.
    SurfaceSet {
        /// The underlying.
        underlying: Underlying,
    },
    /// A mark changed.
    Mark {
        /// The instrument.
        instrument: InstrumentId,
        /// Its mark.
        price: Price,
    },
    /// A risk epoch opened.
    EpochOpened {
        /// Its number.
        epoch: u64,
        /// The hash of its arrays.
        arrays_hash: String,
    },
    /// A new risk epoch is due.
    EpochDue,
    /// A move of an index halted markets.
    BreakerTripped {
        /// The asset whose index moved.
        asset: Asset,
        /// Until when they are halted.
        until: Timestamp,
    },
    /// A deposit or withdrawal took a step.
    Transfer {
        /// Its id.
        id: TransferId,
        /// The account.
        account: AccountId,
        /// Which step.
        step: TransferStep,
    },
    /// A ledger account changed.
    Balance {
        /// Which one.
        account: LedgerAccount,
        /// In which asset.
        asset: Asset,
        /// What for.
        kind: PostingKind,
        /// By how much.
        change: Amount,
        /// Its balance now.
        balance: Amount,
    },
    /// What a change of margin model would do, or did.
    MarginModel {
        /// The account.
        account: AccountId,
        /// The model.
        margin_model: MarginModel,
        /// Equity under it.
        equity: Amount,
        /// Initial margin under it.
        initial: Amount,
        /// Maintenance margin under it.
        maintenance: Amount,
        /// Whether it is in force.
        changed: bool,
    },
    /// An order was accepted. If it waits for a price, it waits; else what it does follows.
    OrderAccepted {
        /// The order.
        order: OrderId,
        /// Whose it is.
        account: AccountId,
        /// What it trades.
        instrument: InstrumentId,
        /// Which way.
        side: Side,
        /// How many lots.
        lots: i64,
        /// Its worst price; none while it waits for a trigger.
        limit: Option<Price>,
        /// Whether it waits for a trigger.
        waits: bool,
        /// Its owner's tag.
        label: Option<Label>,
    },
    /// An order rests, at the end of the queue of its price.
    Rested {
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
        /// Its side.
        side: Side,
        /// Where.
        price: Price,
        /// Lots shown.
        displayed: i64,
        /// All its open lots.
        open: i64,
    },
    /// Two orders traded.
    Trade(Trade),
    /// A position changed.
    Position {
        /// Whose.
        account: AccountId,
        /// In what.
        instrument: InstrumentId,
        /// Lots now, signed.
        lots: i64,
        /// What they cost.
        cost: Amount,
        /// Profit that became cash.
        realised: Amount,
    },
    /// An order is gone, with lots untraded.
    Cancelled {
        /// The order.
        order: OrderId,
        /// Whose it was.
        account: AccountId,
        /// What it traded.
        instrument: InstrumentId,
        /// Lots that were open.
        lots: i64,
        /// Why.
        reason: CancelReason,
    },
    /// An order became smaller without a trade.
    Reduced {
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
        /// By how many lots.
        lots: i64,
        /// Open lots now.
        open: i64,
        /// Why.
        reason: ReduceCause,
    },
    /// An order has new terms.
    Amended {
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
        /// Its price now.
        price: Price,
        /// Open lots now.
        open: i64,
        /// Whether it kept its place.
        kept_place: bool,
    },
    /// A post-only order would have taken and has another price.
    Repriced {
        /// The order.
        order: OrderId,
        /// The price that was asked.
        from: Price,
        /// Its price.
        to: Price,
    },
    /// A trigger fired: the order is placed now.
    Triggered {
        /// The order.
        order: OrderId,
    },
    /// Quotes on an underlying are frozen.
    QuotesFrozen {
        /// Whose.
        account: AccountId,
        /// The underlying.
        underlying: Underlying,
        /// Until when; none until they are reset.
        until: Option<Timestamp>,
    },
    /// Market-maker protection was set, taken away, or reset.
    ProtectionSet {
        /// Whose.
        account: AccountId,
        /// The underlying.
        underlying: Underlying,
    },
    /// Whether orders are cancelled on disconnect.
    CancelOnDisconnect {
        /// The account.
        account: AccountId,
        /// Whether they are.
        enabled: bool,
    },
    /// The account is below initial margin.
    MarginCall {
        /// The account.
        account: AccountId,
        /// Its equity in US dollars.
        equity: Amount,
        /// Its initial margin, open orders left out.
        initial: Amount,
        /// Its maintenance margin.
        maintenance: Amount,
        /// What cures it: initial margin less equity.
        cure: Amount,
    },
    /// The account is at or above initial margin again.
    MarginRestored {
        /// The account.
        account: AccountId,
        /// Its equity in US dollars.
        equity: Amount,
        /// Its initial margin.
        initial: Amount,
    },
    /// A perpetual's funding rate changed.
    FundingRate {
        /// The instrument.
        instrument: InstrumentId,
        /// What a long pays over 8 hours, in parts per billion of the notional.
        rate_8h_ppb: i64,
    },
    /// An instrument's profits became cash.
    Settled {
        /// The instrument.
        instrument: InstrumentId,
        /// At this price.
        price: Price,
    },
    /// An instrument expired.
    Expired {
        /// The instrument.
        instrument: InstrumentId,
        /// At this index.
        price: Price,
    },
    /// An instrument should have expired, and there is no index to settle it at.
    ExpiryDelayed {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Liquidation has rules, or others than before.
    LiquidationSet,
    /// Whether an account may bid in auctions.
    LiquidatorSet {
        /// The account.
        account: AccountId,
        /// Whether it may.
        registered: bool,
    },
    /// Something happened in a liquidation case.
    Case(Box<CaseEvent>),
    /// The fund covered a loss that had stayed uncovered.
    DeficitCovered {
        /// In which asset.
        asset: Asset,
        /// How much.
        amount: Amount,
    },
    /// Parameters will change.
    ChangeAnnounced {
        /// The number of the change: that of the command that announced it.
        change: u64,
        /// The first tick at or after it makes the change.
        effective_at: Timestamp,
        /// What changes.
        what: Box<Change>,
    },
    /// An announced change will not be made.
    ChangeWithdrawn {
        /// Its number.
        change: u64,
    },
    /// An announced change was made.
    ChangeMade {
        /// Its number.
        change: u64,
    },
    /// The time of an announced change has come, and it would be refused by now.
    ChangeDropped {
        /// Its number.
        change: u64,
        /// Why.
        reason: Box<Rejection>,
    },
}

/// A refusal with what it was about.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The account that asked, if one did.
    pub account: Option<AccountId>,
    /// The order that it was about, if it has a number.
    pub order: Option<OrderId>,
    /// Why.
    pub reason: Rejection,
}

/// A trade.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// Its number in the instrument, from 1 on.
    pub trade: u64,
    /// What was traded.
    pub instrument: InstrumentId,
    /// The price.
    pub price: Price,
    /// How many lots.
    pub lots: i64,
    /// The order that rested.
    pub maker: OrderId,
    /// Whose it is.
    pub maker_account: AccountId,
    /// What it pays.
    pub maker_fee: Amount,
    /// Open lots of it now.
    pub maker_open: i64,
    /// The order that came.
    pub taker: OrderId,
    /// Whose it is.
    pub taker_account: AccountId,
    /// Which way it traded.
    pub taker_side: Side,
    /// What it pays.
    pub taker_fee: Amount,
    /// Open lots of it now.
    pub taker_open: i64,
}
