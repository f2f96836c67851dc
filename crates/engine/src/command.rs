//! What the engine is told: everything that can change the result is a command.

mod cash;
mod json;
mod liquidation;
mod orders;
mod prices;
mod venue;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Timestamp;
use serde::{Deserialize, Serialize};

pub use cash::{Capital, Transfer, TransferRef, TransferRequest};
pub use liquidation::PlaceBid;
pub use orders::{
    AmendOrder, CancelOrders, Group, Label, MassQuote, OrderTerms, OrderType, PlaceGroup,
    PlaceOrder, ProtectMarketMaker, ProtectionRules, Quote, QuoteSide, TriggerAt, TriggerTerms,
    TriggerThen, WhenFilled,
};
pub use prices::{
    ClosesDay, EpochMarket, HistoryCloses, OpenEpoch, PriceReport, SourceWeight, Surface,
    SurfaceExpiry,
};
pub use venue::{
    AddAsset, Announce, ChangeMarginModel, ListInstrument, MarketScope, OpenAccount,
    SetMarketState, SetMethodology, SetSources,
};

use crate::InstrumentId;
use crate::liquidation::{CaseId, LiquidationRules};
use crate::rules::{InstrumentTerms, VenueRules};
use ledger::AccountId;

/// One command as the sequencer stamped it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Command {
    /// Its place in the journal: one more than that of the command before it.
    pub sequence: u64,
    /// When it was stamped; never earlier than the command before it.
    pub time: Timestamp,
    /// What is asked.
    #[serde(flatten)]
    pub action: Action,
}

/// What a command asks.
///
/// A variant's place is its tag in the binary encoding: a new one is added at the end, and none
/// ever moves.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Time passes: what is due happens.
    Tick {},
    /// Sets the venue's limits.
    SetVenueRules(VenueRules),
    /// Upgrades the engine to a version of its rules.
    Upgrade {
        /// The version.
        rules_version: u32,
    },
    /// Adds an asset.
    AddAsset(AddAsset),
    /// Names the sources of an asset's index.
    SetSources(SetSources),
    /// Opens an account.
    OpenAccount(OpenAccount),
    /// Lists an instrument.
    ListInstrument(ListInstrument),
    /// Changes the terms of a listed instrument.
    SetTerms {
        /// The instrument.
        instrument: InstrumentId,
        /// Its terms from now on.
        terms: InstrumentTerms,
    },
    /// Opens or closes markets.
    SetMarketState(SetMarketState),
    /// Begins a call period: orders collect without matching.
    BeginCall {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Ends a call period with an uncross.
    Uncross {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// Publishes a methodology, in force from the next epoch on.
    SetMethodology(SetMethodology),
    /// Gives the daily closes that scenarios are made of.
    SetHistory(HistoryCloses),
    /// A source reports a price.
    ReportPrice(PriceReport),
    /// Gives forwards and volatilities of an underlying.
    SetSurface(Surface),
    /// Opens a risk epoch.
    OpenEpoch(Box<OpenEpoch>),
    /// Compares accounts with their margin.
    Review {
        /// The first account.
        from: AccountId,
        /// How many.
        count: u32,
    },
    /// Custody has seen a deposit.
    AnnounceDeposit(TransferRequest),
    /// A deposit is confirmed.
    CreditDeposit(TransferRef),
    /// A deposit did not come.
    VoidDeposit(TransferRef),
    /// A client asks for money.
    RequestWithdrawal(TransferRequest),
    /// A withdrawal has left custody.
    ConfirmWithdrawal(TransferRef),
    /// A withdrawal will not be made.
    VoidWithdrawal(TransferRef),
    /// Moves money between accounts of one owner.
    Transfer(Transfer),
    /// The venue brings capital in, or takes it out.
    MoveCapital(Capital),
    /// Changes an account's margin model, or says what the change would do.
    ChangeMarginModel(ChangeMarginModel),
    /// A new order.
    PlaceOrder(PlaceOrder),
    /// Orders that depend on each other.
    PlaceGroup(Box<PlaceGroup>),
    /// New price or size of an order.
    AmendOrder(AmendOrder),
    /// Cancels an order.
    CancelOrder {
        /// Whose it is.
        account: AccountId,
        /// The order.
        order: book::OrderId,
        /// Makes a retry harmless.
        #[serde(default)]
        request: Option<u64>,
    },
    /// Cancels many orders.
    CancelOrders(CancelOrders),
    /// Replaces an account's quotes.
    MassQuote(MassQuote),
    /// Sets, or takes away, the protection of a market maker's quotes.
    ProtectMarketMaker(ProtectMarketMaker),
    /// Ends a freeze of quotes before its time.
    ResetProtection {
        /// The account.
        account: AccountId,
        /// The underlying whose quotes are frozen.
        underlying: instruments::Underlying,
    },
    /// Whether an account's orders are cancelled when its connection is lost.
    SetCancelOnDisconnect {
        /// The account.
        account: AccountId,
        /// Whether they are.
        enabled: bool,
    },
    /// An account's connection is lost.
    Disconnect {
        /// The account.
        account: AccountId,
    },
    /// Sets the rules of liquidation; before the first there is none.
    SetLiquidation(Box<LiquidationRules>),
    /// Whether an account may bid in auctions.
    RegisterLiquidator {
        /// The account.
        account: AccountId,
        /// Whether it may.
        registered: bool,
    },
    /// A sealed bid in an auction.
    PlaceBid(PlaceBid),
    /// Takes a bid back.
    CancelBid {
        /// Whose it is.
        account: AccountId,
        /// In which case.
        case: CaseId,
        /// Makes a retry harmless.
        #[serde(default)]
        request: Option<u64>,
    },
    /// Announces a change of parameters.
    Announce(Box<Announce>),
    /// Withdraws a change before its time.
    WithdrawChange {
        /// The number of the command that announced it.
        change: u64,
    },
}
