//! Commands about orders.

use std::fmt;

use book::{Crossing, Direction, OrderId, PriceSource, SelfTrade, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Price, Timestamp, Underlying};
use ledger::AccountId;
use serde::{Deserialize, Serialize};

use crate::InstrumentId;

/// Places an order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// Whose it is.
    pub account: AccountId,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
    /// Its terms.
    pub order: OrderTerms,
}

/// The terms of an order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderTerms {
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How many lots.
    pub lots: i64,
    /// How it trades.
    #[serde(rename = "type")]
    pub order_type: OrderType,
    /// A price to wait for first.
    #[serde(default)]
    pub trigger: Option<TriggerTerms>,
    /// May only close.
    #[serde(default)]
    pub reduce_only: bool,
    /// The most lots that are shown at once.
    #[serde(default)]
    pub display: Option<i64>,
    /// When it is cancelled.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// What happens where it meets an order of its own account.
    #[serde(default)]
    pub self_trade: SelfTrade,
    /// Whether the account's market-maker protection counts and cancels it.
    #[serde(default)]
    pub protected: bool,
    /// A tag for its owner; need not be unique.
    #[serde(default)]
    pub label: Option<Label>,
}

/// How an order trades.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OrderType {
    /// Up to a price; the rest rests.
    Limit {
        /// The worst price.
        price: Price,
    },
    /// Rests at a price and never takes.
    PostOnly {
        /// The worst price.
        price: Price,
        /// What happens if it would take.
        crossing: Crossing,
    },
    /// Up to a price at once; the rest is cancelled.
    ImmediateOrCancel {
        /// The worst price.
        price: Price,
    },
    /// All of it up to a price at once, or nothing.
    FillOrKill {
        /// The worst price.
        price: Price,
    },
    /// At once at any price within the band; the rest is cancelled.
    Market {},
    /// At once at any price within the band; the rest rests at the price of its last fill.
    MarketLimit {},
}

/// A price that an order waits for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct TriggerTerms {
    /// Which price is watched.
    pub source: PriceSource,
    /// Whether it must rise or fall.
    pub direction: Direction,
    /// How far.
    pub at: TriggerAt,
}

/// Where a trigger fires.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TriggerAt {
    /// At a price: a stop or a take.
    Price(Price),
    /// So far from the best price seen since: a trailing stop.
    Trail(Price),
}

/// New price or size of an order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AmendOrder {
    /// Whose it is.
    pub account: AccountId,
    /// The order.
    pub order: OrderId,
    /// Its limit from now on; none leaves it.
    #[serde(default)]
    pub price: Option<Price>,
    /// What is open of it from now on, in lots; none leaves it.
    #[serde(default)]
    pub lots: Option<i64>,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
}

/// Cancels an account's orders that match all that is said.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelOrders {
    /// Whose.
    pub account: AccountId,
    /// On this instrument.
    #[serde(default)]
    pub instrument: Option<InstrumentId>,
    /// On this underlying.
    #[serde(default)]
    pub underlying: Option<Underlying>,
    /// Of this side.
    #[serde(default)]
    pub side: Option<Side>,
    /// With this label.
    #[serde(default)]
    pub label: Option<Label>,
    /// Only quotes: orders under market-maker protection.
    #[serde(default)]
    pub protected: bool,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
}

/// Replaces an account's quotes in the instruments named.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MassQuote {
    /// Whose.
    pub account: AccountId,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
    /// The quotes, each instrument at most once.
    pub quotes: Vec<Quote>,
}

/// A bid and an offer. A side that is left out is cancelled.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// What is quoted.
    pub instrument: InstrumentId,
    /// The bid.
    #[serde(default)]
    pub bid: Option<QuoteSide>,
    /// The offer.
    #[serde(default)]
    pub ask: Option<QuoteSide>,
}

/// One side of a quote. It never takes: one that would is repriced behind the best price.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct QuoteSide {
    /// Its price.
    pub price: Price,
    /// Its size in lots.
    pub lots: i64,
}

/// Market-maker protection of an account's quotes on an underlying.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ProtectMarketMaker {
    /// The account.
    pub account: AccountId,
    /// The underlying.
    pub underlying: Underlying,
    /// The protection; none takes it away.
    pub rules: Option<ProtectionRules>,
}

/// When more than so much of an account's quotes trades within a window, the rest is cancelled and
/// new ones are refused for a while.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ProtectionRules {
    /// The window in milliseconds.
    pub window_ms: u32,
    /// How long quotes are frozen, in milliseconds; 0 until they are reset.
    pub frozen_ms: u32,
    /// The most that may trade within a window, in 10⁻⁸ of the underlying.
    pub base_max: i64,
}

/// Orders that depend on each other.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceGroup {
    /// Whose they are.
    pub account: AccountId,
    /// Makes a retry harmless.
    #[serde(default)]
    pub request: Option<u64>,
    /// Which, and how they depend.
    pub group: Group,
}

/// How orders of a group depend on each other.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Group {
    /// When one of them trades or ends, the other is cancelled.
    OneCancelsOther([OrderTerms; 2]),
    /// The second is placed when the first has traded.
    OneTriggersOther {
        /// The first.
        first: OrderTerms,
        /// What it triggers.
        then: TriggerThen,
        /// How much of it must trade.
        when: WhenFilled,
    },
}

/// What an order triggers: one order, or two of which one cancels the other.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerThen {
    /// One.
    One(OrderTerms),
    /// Two, one cancelling the other.
    OneCancelsOther([OrderTerms; 2]),
}

/// How much of an order must trade before it triggers others.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WhenFilled {
    /// Any part.
    First,
    /// All of it.
    Complete,
}

/// A client's tag: at most 64 bytes of printable ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct Label(Box<str>);

impl Label {
    /// Most bytes of a label.
    pub const BYTES_MAX: usize = 64;

    /// A label of this text; `None` if it is empty, too long, or has more than printable ASCII.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        (printable && fits).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const LABEL: &str = "a label is 1 to 64 bytes of printable ASCII";

impl BorshDeserialize for Label {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let text = String::deserialize_reader(reader)?;
        let wrong = || std::io::Error::new(std::io::ErrorKind::InvalidData, LABEL);
        Self::new(&text).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom(LABEL))
    }
}
