//! What the venue decides about liquidation.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Underlying};
use ledger::AccountId;
use risk::waterfall::Share;
use risk::waterfall::adl::Policy;
use risk::waterfall::fund::EarlyDeleveraging;
use serde::{Deserialize, Serialize};

use crate::Rejection;
use crate::rules::within;

const BILLION: i64 = 1_000_000_000;

/// The rules of liquidation. Shares are in parts per billion, times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiquidationRules {
    /// Auctions are paid in it, and the fund pays in it.
    pub cash: Asset,
    /// The account of the backstop vault. It has its own capital, and takes no more than its own
    /// initial margin allows.
    #[serde(default)]
    pub vault: Option<AccountId>,
    /// b: a case ends at (1+b)·MM once anything was traded.
    #[serde(default = "buffer_ppb")]
    pub buffer_ppb: u32,
    /// CM/MM: below this part of the requirement the vault is asked at once.
    #[serde(default = "close_out_ppb")]
    pub close_out_ppb: u32,
    /// How long a case trades in the book.
    #[serde(default = "book_ms")]
    pub book_ms: i64,
    /// Time between its slices there.
    #[serde(default = "slice_ms")]
    pub slice_ms: i64,
    /// A slice is at most this part of what traded within the last minute or two, and at least a lot.
    #[serde(default = "volume_share_ppb")]
    pub volume_share_ppb: u32,
    /// Time between clearings of an auction.
    #[serde(default = "clearing_ms")]
    pub clearing_ms: i64,
    /// The reserve discount when an auction begins.
    #[serde(default)]
    pub discount_start_ppb: u32,
    /// The reserve discount when its time is over.
    #[serde(default = "discount_end_ppb")]
    pub discount_end_ppb: u32,
    /// At or below this volatility the discount takes 120 s to grow.
    #[serde(default = "calm_ppb")]
    pub calm_ppb: u32,
    /// At or above this one, 60 s.
    #[serde(default = "wild_ppb")]
    pub wild_ppb: u32,
    /// The fund's fee on the maintenance margin that a slice releases; at most a tenth.
    #[serde(default = "fee_ppb")]
    pub fee_ppb: u32,
    /// How long the premium of an insolvent auction takes to grow from nothing to MM.
    #[serde(default = "insolvent_ms")]
    pub insolvent_ms: i64,
    /// The most bids that may wait in one auction.
    #[serde(default = "bids_max")]
    pub bids_max: u32,
    /// Who gives up positions in deleveraging.
    #[serde(default)]
    pub adl: AdlPolicy,
    /// Fall of the fund from its 8-hour peak at which deleveraging begins early.
    #[serde(default = "early_start_ppb")]
    pub early_start_ppb: u32,
    /// Fall at which that ends.
    #[serde(default = "early_stop_ppb")]
    pub early_stop_ppb: u32,
    /// The most that is cut from anybody's unsettled profit.
    #[serde(default = "cut_cap_ppb")]
    pub cut_cap_ppb: u32,
    /// After a case that nobody bought from, no other opens for the account for so long.
    #[serde(default = "cooldown_ms")]
    pub cooldown_ms: i64,
    /// Layers of the fund by risk group; the rest is shared.
    #[serde(default)]
    pub groups: Vec<FundGroup>,
}

/// One risk group's layer of the fund.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct FundGroup {
    /// The group: cases whose largest requirement is on this underlying.
    pub underlying: Underlying,
    /// What it holds at most, in cash.
    pub balance_max: Amount,
    /// What it may draw from the shared layer at most, in cash.
    pub shared_max: Amount,
}

/// Who gives up positions in deleveraging.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AdlPolicy {
    /// One after another, by return times leverage. For comparison.
    Queue {},
    /// In proportion to lots held. For comparison.
    ProRata {},
    /// In proportion to lots held, those that hedge something last.
    HedgesLast {
        /// η, between nothing and one.
        hedge_weight_ppb: u32,
        /// Whether weights are multiplied with leverage.
        by_leverage: bool,
    },
}

impl Default for AdlPolicy {
    fn default() -> Self {
        Self::HedgesLast { hedge_weight_ppb: 50_000_000, by_leverage: false }
    }
}

impl AdlPolicy {
    pub(crate) const fn policy(self) -> Policy {
        match self {
            Self::Queue {} => Policy::Queue,
            Self::ProRata {} => Policy::ProRata,
            Self::HedgesLast { hedge_weight_ppb, by_leverage } => {
                Policy::HedgesLast { hedge_weight_ppb, by_leverage }
            }
        }
    }
}

impl LiquidationRules {
    /// # Errors
    /// The first rule that makes no sense.
    pub fn check(&self) -> Result<(), Rejection> {
        let shares = [
            ("close_out_ppb", self.close_out_ppb, 1, BILLION - 1),
            ("buffer_ppb", self.buffer_ppb, 1, BILLION),
            ("volume_share_ppb", self.volume_share_ppb, 1, BILLION),
            ("discount_end_ppb", self.discount_end_ppb, 1, BILLION),
            ("discount_start_ppb", self.discount_start_ppb, 0, self.discount_end_ppb.into()),
            ("wild_ppb", self.wild_ppb, 1, i64::from(u32::MAX)),
            ("calm_ppb", self.calm_ppb, 0, i64::from(self.wild_ppb) - 1),
            ("fee_ppb", self.fee_ppb, 0, BILLION / 10),
            ("bids_max", self.bids_max, 1, 1_000),
            ("early_start_ppb", self.early_start_ppb, 2, BILLION),
            ("early_stop_ppb", self.early_stop_ppb, 1, i64::from(self.early_start_ppb) - 1),
            ("cut_cap_ppb", self.cut_cap_ppb, 0, BILLION),
        ];
        for (what, found, least, most) in shares {
            within(what, found.into(), least, most)?;
        }
        let hour = 3_600_000;
        within("book_ms", self.book_ms, 0, hour)?;
        within("slice_ms", self.slice_ms, 1, hour)?;
        within("clearing_ms", self.clearing_ms, 1, 60_000)?;
        within("insolvent_ms", self.insolvent_ms, 0, hour)?;
        within("cooldown_ms", self.cooldown_ms, 1, 24 * hour)?;
        if let AdlPolicy::HedgesLast { hedge_weight_ppb, .. } = self.adl {
            within("hedge_weight_ppb", hedge_weight_ppb.into(), 1, BILLION - 1)?;
        }
        let most = ledger::BALANCE_MAX;
        for group in &self.groups {
            for (what, amount) in
                [("balance_max", group.balance_max), ("shared_max", group.shared_max)]
            {
                if !(Amount::ZERO..=most).contains(&amount) {
                    let problem = format!("{what} of {} is {amount}", group.underlying);
                    return Err(Rejection::LiquidationRules(problem));
                }
            }
        }
        let mut names: Vec<_> = self.groups.iter().map(|group| group.underlying).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Rejection::LiquidationRules(format!("{} has two groups", pair[0]))),
            None => Ok(()),
        }
    }

    pub(crate) fn early(&self) -> EarlyDeleveraging {
        EarlyDeleveraging {
            start: Share::from_ppb(self.early_start_ppb),
            stop: Share::from_ppb(self.early_stop_ppb),
        }
    }

    /// (1+b) in parts per billion.
    pub(crate) fn target_ppb(&self) -> u64 {
        1_000_000_000 + u64::from(self.buffer_ppb)
    }
}

const fn buffer_ppb() -> u32 {
    150_000_000
}

const fn close_out_ppb() -> u32 {
    666_666_667
}

const fn book_ms() -> i64 {
    10_000
}

const fn slice_ms() -> i64 {
    500
}

const fn volume_share_ppb() -> u32 {
    100_000_000
}

const fn clearing_ms() -> i64 {
    500
}

const fn discount_end_ppb() -> u32 {
    300_000_000
}

const fn calm_ppb() -> u32 {
    500_000_000
}

const fn wild_ppb() -> u32 {
    1_500_000_000
}

const fn fee_ppb() -> u32 {
    20_000_000
}

const fn insolvent_ms() -> i64 {
    30_000
}

const fn bids_max() -> u32 {
    64
}

const fn early_start_ppb() -> u32 {
    300_000_000
}

const fn early_stop_ppb() -> u32 {
    200_000_000
}

const fn cut_cap_ppb() -> u32 {
    200_000_000
}

const fn cooldown_ms() -> i64 {
    60_000
}
