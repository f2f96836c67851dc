//! Who would be deleveraged first, by position. It is computed from everybody on a side at once, on the
//! second state, and given to all who ask for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use engine::liquidation::{AdlOutlook, AdlOutlooks};
use engine::{InstrumentId, State};
use instruments::Timestamp;
use ledger::AccountId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::RpcError;
use crate::service::Service;

/// How long a ranking is given at least.
const AGE_MIN: Duration = Duration::from_secs(1);
/// And so many times as long as it took, so that rankings take little of the second state's time.
const AGE_COSTS: u32 = 10;
/// A ranking that nobody has asked for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A side of an instrument: whether it is the long one.
type Side = (InstrumentId, bool);

/// Rankings by side, each made by whoever asks first.
#[derive(Debug, Default)]
pub struct Ranks(StdMutex<BTreeMap<Side, Arc<Mutex<Option<Ranking>>>>>);

/// A ranking.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// The time of the state that it is of.
    pub time: Timestamp,
    made: Instant,
    cost: Duration,
    outlooks: Option<Arc<AdlOutlooks>>,
}

impl Ranking {
    /// What it says of an account that has a position on its side; nothing without rules of liquidation.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Option<AdlOutlook> {
        let outlooks = self.outlooks.as_ref()?;
        let place = outlooks.ranked.binary_search_by_key(&account, |(ranked, _)| *ranked);
        Some(place.map_or(outlooks.unranked, |place| outlooks.ranked[place].1))
    }

    fn age(&self) -> Duration {
        self.made.elapsed()
    }
}

impl Service {
    /// The ranking of a side, which may be a little old.
    ///
    /// # Errors
    /// If the second state can't be had.
    pub async fn ranking(&self, id: InstrumentId, long: bool) -> Result<Ranking, RpcError> {
        let place = self.looks.deleveraging.place((id, long));
        let mut kept = place.lock().await;
        let is_new = |known: &&Ranking| known.age() < AGE_MIN.max(known.cost * AGE_COSTS);
        if let Some(known) = kept.as_ref().filter(is_new) {
            return Ok(known.clone());
        }
        let rank = move |state: &State| {
            let begun = Instant::now();
            let outlooks = state.adl_outlooks_in(id, long).map(Arc::new);
            Ranking { time: state.time(), made: Instant::now(), cost: begun.elapsed(), outlooks }
        };
        Ok(kept.insert(self.study(rank).await?).clone())
    }
}

impl Ranks {
    fn place(&self, side: Side) -> Arc<Mutex<Option<Ranking>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is being made now is locked.
        all.retain(|_, kept| {
            let kept = kept.try_lock();
            kept.map_or(true, |kept| kept.as_ref().is_none_or(|known| known.age() < FORGOTTEN))
        });
        Arc::clone(all.entry(side).or_default())
    }
}
