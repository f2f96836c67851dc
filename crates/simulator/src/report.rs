//! What happened, in figures.

mod waterfall;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::prices::IndexStatus;
use engine::record_tree::Hash;
use engine::rules::MarketState;
use engine::{Action, Command, Event};
use instruments::{Asset, SCALE, Timestamp};
use ledger::{LedgerAccount, PostingKind};

use crate::invariants::MarginUse;
use crate::market::coin_of;
use crate::venue::Listings;
pub use waterfall::{Layer, LayerCases, Waterfall};

/// What a simulation did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// From when to when, in simulated time.
    pub from: Option<Timestamp>,
    /// The last step's time.
    pub until: Option<Timestamp>,
    /// Commands of any kind.
    pub commands: u64,
    /// Accounts of those who trade.
    pub accounts: u64,
    /// Instruments that were listed, and those that expired.
    pub listed: u64,
    /// Expiries.
    pub expired: u64,
    /// Orders accepted.
    pub orders: u64,
    /// Trades.
    pub fills: u64,
    /// What they were of, in US dollars of the underlying.
    pub volume: f64,
    /// Fees less rebates, in US dollars.
    pub fees: f64,
    /// Funding paid, in US dollars.
    pub funding: f64,
    /// Deposits credited and withdrawals confirmed, by number.
    pub deposits: u64,
    /// Withdrawals that left.
    pub withdrawals: u64,
    /// Risk epochs.
    pub epochs: u64,
    /// Times that a circuit breaker tripped.
    pub breakers: u64,
    /// Instruments that it halted, each time.
    pub halted: u64,
    /// Times that an index was left without a fresh source.
    pub stale: u64,
    /// Triggers that fired.
    pub triggered: u64,
    /// Accounts that fell below initial margin, each time.
    pub margin_calls: u64,
    /// And came back.
    pub margin_restored: u64,
    /// Orders cancelled for want of margin.
    pub restricted: u64,
    /// Market makers' quotes frozen.
    pub frozen: u64,
    /// What was refused, by reason.
    pub rejections: BTreeMap<String, u64>,
    /// Requests that had been answered before.
    pub repeated: u64,
    /// The lowest and highest index of each coin.
    pub ranges: BTreeMap<Asset, (f64, f64)>,
    /// What liquidation took from whom.
    pub waterfall: Waterfall,
    /// How much of equity was in use.
    pub margin_use: MarginUse,
    /// Checks by invariant.
    pub checks: BTreeMap<&'static str, u64>,
    /// What went wrong, on purpose.
    pub faults: FaultCounts,
    /// Commands of the journal that were replayed at the end, and how long that took.
    pub replayed: Option<(u64, Duration)>,
    /// The record hash at the end.
    pub state_hash: Hash,
    /// Indices that have no fresh source now.
    pub(crate) stale_now: BTreeSet<Asset>,
}

/// What went wrong, on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Times that the node ended: at some byte of some write.
    pub crashes: u64,
    /// By a sync that failed.
    pub failing_syncs: u64,
    /// By a disk that was full.
    pub full_disks: u64,
    /// After which the power was cut, so that what was not synced was lost, wholly or in part.
    pub power_cuts: u64,
    /// While recovering from another.
    pub in_recovery: u64,
    /// Commands that were durable and had not been answered.
    pub unanswered: u64,
    /// Commands that were lost, and sent again.
    pub lost: u64,
    /// Messages that came twice.
    pub doubled: u64,
    /// Messages that came in another order.
    pub reordered: u64,
    /// Times that the clock jumped.
    pub clock_jumps: u64,
    /// Times that a source froze or lied.
    pub bad_sources: u64,
    /// Snapshots written.
    pub snapshots: u64,
}

impl Report {
    /// Checks of all invariants.
    #[must_use]
    pub fn checks_made(&self) -> u64 {
        self.checks.values().sum()
    }

    /// Takes note of a command and what came of it.
    pub(crate) fn note(
        &mut self,
        command: &Command,
        events: &[Event],
        listings: &Listings,
        prices: &[f64],
    ) {
        self.commands += 1;
        match &command.action {
            Action::CreditDeposit(_) => self.deposits += 1,
            Action::ConfirmWithdrawal(_) => self.withdrawals += 1,
            _ => {}
        }
        let worth = |asset: Asset, units: i128| {
            let price = coin_of(asset).map_or(1.0, |coin| prices[coin]);
            units as f64 / SCALE as f64 * price
        };
        self.waterfall.note(command.time, events, listings, prices);
        for event in events {
            match event {
                Event::Rejected(rejected) => {
                    *self.rejections.entry(word(&rejected.reason)).or_default() += 1;
                }
                Event::Repeated { .. } => self.repeated += 1,
                Event::AccountOpened { .. } => self.accounts += 1,
                Event::Listed { .. } => self.listed += 1,
                Event::Expired { .. } => self.expired += 1,
                Event::OrderAccepted { .. } => self.orders += 1,
                Event::Trade(trade) => {
                    self.fills += 1;
                    if let Some(traded) = listings.get(trade.instrument) {
                        let lot = traded.lot_dollars(prices[traded.coin]);
                        self.volume += trade.lots as f64 * lot;
                        let asset = traded.instrument.settlement_asset();
                        let fees = trade.maker_fee.units() + trade.taker_fee.units();
                        self.fees += worth(asset, fees);
                    }
                }
                Event::Balance {
                    account: LedgerAccount::Available(_),
                    asset,
                    kind: PostingKind::Funding,
                    change,
                    ..
                } => self.funding += worth(*asset, (-change.units()).max(0)),
                Event::Index { asset, price, status, .. } if coin_of(*asset).is_some() => {
                    self.note_status(*asset, *status);
                    let price = price.units() as f64 / SCALE as f64;
                    let (least, most) = self.ranges.entry(*asset).or_insert((price, price));
                    (*least, *most) = (least.min(price), most.max(price));
                }
                Event::EpochOpened { .. } => self.epochs += 1,
                Event::BreakerTripped { .. } => self.breakers += 1,
                // Operators halt without an end.
                Event::MarketStateSet { state: MarketState::Halted, until: Some(_), .. } => {
                    self.halted += 1;
                }
                Event::Triggered { .. } => self.triggered += 1,
                Event::MarginCall { .. } => self.margin_calls += 1,
                Event::MarginRestored { .. } => self.margin_restored += 1,
                Event::Cancelled { reason: engine::event::CancelReason::Restricted, .. } => {
                    self.restricted += 1;
                }
                Event::QuotesFrozen { .. } => self.frozen += 1,
                _ => {}
            }
        }
    }

    fn note_status(&mut self, asset: Asset, status: IndexStatus) {
        if status != IndexStatus::Stale {
            self.stale_now.remove(&asset);
        } else if self.stale_now.insert(asset) {
            self.stale += 1;
        }
    }
}

/// The word for a reason in JSON; where a part of the venue refused, with its own word.
fn word(reason: &engine::Rejection) -> String {
    let value = serde_json::to_value(reason).unwrap_or_default();
    let word = match &value {
        serde_json::Value::String(word) => word.clone(),
        serde_json::Value::Object(object) => match object.iter().next() {
            Some((outer, inner)) if outer == "book" || outer == "ledger" => match inner {
                serde_json::Value::String(inner) => format!("{outer}: {inner}"),
                serde_json::Value::Object(inner) => {
                    format!("{outer}: {}", inner.keys().next().map_or("", String::as_str))
                }
                _ => outer.clone(),
            },
            Some((word, _)) => word.clone(),
            None => String::new(),
        },
        other => other.to_string(),
    };
    word.replace('_', " ")
}
