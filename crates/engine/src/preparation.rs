//! Epochs computed beside the engine, from the commands that will open them.

use std::collections::BTreeMap;
use std::sync::Arc;

use instruments::{Amount, Asset, Instrument};
use risk::{EpochInputs, Market, Methodology};

use crate::State;
use crate::command::OpenEpoch;
use crate::epoch::{PreparedEpoch, PublishedHistory, Risk, SettlementPoint};
use crate::listing::Listing;

/// What a command that opens an epoch computes from, to be computed on another thread.
#[derive(Debug)]
pub struct EpochWork {
    methodology: Methodology,
    market: Market,
    averages: Vec<SettlementPoint>,
    history: Option<Arc<PublishedHistory>>,
    holdings: BTreeMap<Asset, Amount>,
    covered: Vec<Instrument>,
    listed: Vec<Instrument>,
}

impl State {
    /// What a command that will open an epoch has to compute, as things are now. `None` if the
    /// command does not say from what market and with what result, or if nothing can be computed.
    #[must_use]
    pub fn epoch_work(&self, open: &OpenEpoch) -> Option<EpochWork> {
        open.arrays_hash.as_ref()?;
        let source = self.epoch_source(open.market.clone()?);
        let market = self.market_of(&source).ok()?;
        Some(EpochWork {
            covered: self.covered_by(&market),
            market,
            methodology: source.portfolio?,
            averages: source.averages,
            history: source.history,
            holdings: open.holdings.iter().copied().collect(),
            listed: self.listed(),
        })
    }

    /// Whether the command, if it comes now, has the same to compute as it had when the work was
    /// taken.
    #[must_use]
    pub fn is_as_it_was(&self, work: &EpochWork, open: &OpenEpoch) -> bool {
        let methodology = self.risk.portfolio.as_ref().map(|published| &published.methodology);
        let history = (&self.risk.history, &work.history);
        methodology.is_some_and(|methodology| methodology.hash() == work.methodology.hash())
            && match history {
                (Some(now), Some(then)) => Arc::ptr_eq(now, then),
                (now, then) => now.is_none() && then.is_none(),
            }
            && open.market.as_ref().is_some_and(|given| {
                self.settlement_points(given) == work.averages
                    && self.covered_by(&work.market) == work.covered
            })
            && self.listed() == work.listed
    }

    /// Whether a new epoch should be opened: there is none, it is past half of what makes it overdue, it
    /// lacks an instrument that has a mark, or a methodology or closes were published since.
    #[must_use]
    pub fn epoch_is_due(&self) -> bool {
        let Risk { portfolio, position, history, epoch, .. } = &self.risk;
        let published = || [portfolio, position].into_iter().flatten();
        let marked = |listing: &Listing| listing.mark.is_some() && !listing.expired;
        if published().next().is_none() || !self.listings.iter().any(marked) {
            return false;
        }
        let Some(epoch) = epoch else { return true };
        let is_covered = |listing: &Listing| {
            let covered = epoch.covered.get(listing.id.place()).copied().unwrap_or(false);
            let expires = listing.instrument.expiry();
            covered || expires.is_some_and(|expiry| expiry <= self.market.time)
        };
        let same_closes = match (history, &epoch.source.history) {
            (Some(now), Some(then)) => now.hash == then.hash,
            (now, then) => now.is_none() && then.is_none(),
        };
        self.epoch_is_beyond(2)
            || !same_closes
            || published().any(|published| !published.in_force)
            || self.listings.iter().any(|listing| marked(listing) && !is_covered(listing))
    }

    /// What opens an epoch on the market of now, with what accounts held when the last one was opened:
    /// the command, and what is to be computed for it if portfolios are margined. [`PreparedEpoch`] gives
    /// the hash that the command lacks.
    #[must_use]
    pub fn next_epoch(&self) -> (OpenEpoch, Option<EpochWork>) {
        let holdings = self.risk.epoch.as_ref().map(|epoch| epoch.holdings.clone());
        let holdings = holdings.unwrap_or_default();
        let (market, arrays_hash) = (Some(self.epoch_market()), Some(String::new()));
        let mut open = OpenEpoch { market, arrays_hash, holdings };
        let work = self.epoch_work(&open);
        open.arrays_hash = None;
        (open, work)
    }

    fn listed(&self) -> Vec<Instrument> {
        self.listings.iter().map(|listing| listing.instrument).collect()
    }
}

impl EpochWork {
    /// Computes it, for [`State::offer_epoch`]. `None` if the engine will refuse the command.
    #[must_use]
    pub fn prepare(&self) -> Option<PreparedEpoch> {
        let history = self.history.as_ref().map(|published| &published.history);
        let inputs = EpochInputs { market: &self.market, history, venue_balances: &self.holdings };
        let epoch = risk::Epoch::open(&self.methodology, inputs, &self.covered).ok()?;
        Some(PreparedEpoch::new(epoch, self.listed.clone()))
    }
}
