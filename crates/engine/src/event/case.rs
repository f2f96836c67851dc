//! What happens in a case.

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Price, Underlying};
use ledger::AccountId;
use serde::{Deserialize, Serialize};

use crate::InstrumentId;
use crate::liquidation::{CaseId, Outcome, Stage};

/// Something that happened in a case. Amounts without an asset are US dollars.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseEvent {
    /// The case.
    pub case: CaseId,
    /// Whose it is.
    pub account: AccountId,
    /// How many steps it had taken.
    pub step: u32,
    /// What happened.
    pub what: CaseStep,
}

/// What happened in a case.
///
/// A variant's place is its tag in the binary encoding: a new one is added at the end.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CaseStep {
    /// It opened: equity is below the maintenance requirement.
    Opened {
        /// How the account stands.
        stands: Stands,
        /// The risk group whose layer of the fund would pay.
        group: Underlying,
    },
    /// It goes on in another stage.
    Stage {
        /// Which.
        stage: Stage,
        /// Why.
        cause: StageCause,
        /// How the account stands.
        stands: Stands,
    },
    /// It waits: an index that it depends on is not fresh.
    Paused {
        /// Whose index.
        asset: Asset,
    },
    /// It goes on.
    Resumed {},
    /// An order of its own goes to the book; its trades follow.
    Order {
        /// How the account stood before.
        stands: Stands,
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
        /// Which way.
        side: Side,
        /// How many lots.
        lots: i64,
        /// Its worst price: there equity over requirement would be what it is.
        limit: Price,
        /// The mark.
        mark: Price,
        /// What it may lose against mark, fees included.
        allowed_loss: Amount,
        /// What it loses at the prices in the book.
        expected_loss: Amount,
        /// The maintenance requirement with it done.
        maintenance_after: Amount,
    },
    /// A bid waits.
    Bid {
        /// Who bids.
        bidder: AccountId,
        /// For which part, in parts per billion.
        share_ppb: u32,
        /// At which least discount, or part of the premium.
        least_ppb: u32,
        /// What is paid at most.
        limit: Amount,
        /// Cash set aside for its margin.
        held: Amount,
    },
    /// A bid waits no more.
    BidEnded {
        /// Who bid.
        bidder: AccountId,
        /// Why.
        cause: BidEnd,
        /// Cash that is free again.
        held: Amount,
    },
    /// A part of the portfolio is sold; its legs and coins follow.
    Sold {
        /// How the account stood before.
        stands: Stands,
        /// Who takes it.
        taker: AccountId,
        /// Whether bidders or the vault took it.
        to: Taker,
        /// How many parts.
        units: u64,
        /// Of how many.
        whole: u64,
        /// The discount, in 10⁻¹⁸.
        discount: u64,
        /// The reserve discount at that time, in 10⁻¹⁸.
        reserve: u64,
        /// What it costs the taker: f·(1−δ)·(V−R).
        cost: Amount,
        /// What the owner pays the taker for it: f·δ·(V−R).
        paid: Amount,
        /// What the owner keeps because the discount is below the reserve.
        improvement: Amount,
    },
    /// The fund pays for a part of a portfolio that is worth less than nothing; its legs follow.
    TakenOver {
        /// How the account stood before.
        stands: Stands,
        /// Who takes it.
        taker: AccountId,
        /// How many parts.
        units: u64,
        /// Of how many.
        whole: u64,
        /// The way from −V to −V + MM that is gone, in 10⁻¹⁸.
        progress: u64,
        /// What the account lacked in it, which the fund pays.
        deficit: Amount,
        /// What the taker is paid beyond it.
        premium: Amount,
    },
    /// Lots change hands at mark.
    Leg {
        /// Whoever has them now.
        taker: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// Signed lots that the taker gets.
        lots: i64,
        /// The mark.
        mark: Price,
    },
    /// A balance changes hands at its index.
    Coin {
        /// Whoever has it now.
        taker: AccountId,
        /// Which asset.
        asset: Asset,
        /// How much; negative is a debt.
        amount: Amount,
    },
    /// The fund takes its fee on the margin released.
    Fee {
        /// In cash.
        amount: Amount,
    },
    /// The fund pays, in cash: from the group's layer and from what is shared.
    FundPaid {
        /// The group.
        group: Underlying,
        /// From its own layer.
        own: Amount,
        /// From the shared one.
        shared: Amount,
        /// What was asked for and is not there.
        unpaid: Amount,
    },
    /// Somebody who gained closes lots against the account at mark, and pays for what it lacks.
    Deleveraged {
        /// Who.
        counterparty: AccountId,
        /// In what.
        instrument: InstrumentId,
        /// Signed lots that the counterparty gives up.
        lots: i64,
        /// The mark.
        mark: Price,
        /// What it costs, in the settlement asset.
        cost: Amount,
    },
    /// A part of somebody's unsettled profit is cut.
    Cut {
        /// Whose.
        counterparty: AccountId,
        /// The profit, in cash.
        profit: Amount,
        /// What is cut, in cash.
        amount: Amount,
    },
    /// A loss stays uncovered.
    Outstanding {
        /// In which asset.
        asset: Asset,
        /// How much of it.
        amount: Amount,
    },
    /// It is over.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// How the account stands.
        stands: Stands,
    },
}

/// How an account stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Stands {
    /// Equity after haircuts.
    pub equity: Amount,
    /// The maintenance requirement.
    pub maintenance: Amount,
    /// Value at mark.
    pub value: Amount,
}

/// Why a case goes on in another stage.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum StageCause {
    /// The stage's time is up.
    TimeUp,
    /// No trade in the book heals it.
    NoTrade,
    /// Equity is below the close-out requirement.
    CloseOut,
    /// The account is worth less than nothing.
    Insolvent,
    /// It is worth something again.
    Solvent,
    /// Neither bidders nor the vault took it.
    Declined,
    /// The fund has fallen too far from its peak.
    EarlyDeleveraging,
    /// The fund can't pay.
    FundEmpty,
}

/// Who takes over a part of a portfolio.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Taker {
    /// A bidder.
    Bidder,
    /// The backstop vault.
    Vault,
}

/// Why a bid waits no more.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum BidEnd {
    /// It was filled.
    Filled,
    /// Its bidder took it back.
    Cancelled,
    /// Its bidder made another.
    Replaced,
    /// Its bidder's margin does not carry it any more.
    Margin,
    /// The auction is over.
    AuctionOver,
    /// Its part could not be sold at the discount that it asks for.
    NotSold,
}
