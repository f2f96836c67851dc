//! Looks at the engine, and arithmetic beside it: neither it nor other calls wait for them.

use std::sync::Arc;
use std::time::Duration;

use engine::State;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::error::RpcError;
use crate::methods::auctions::AuctionShape;
use crate::methods::extensions::FundShape;
use crate::ranks::Ranks;
use crate::service::Service;

/// How old an answer that is the same for everybody may be.
const AGE_MAX: Duration = Duration::from_millis(250);

/// What looks share.
#[derive(Debug)]
pub struct Looks {
    /// Open auctions.
    pub auctions: Kept<Vec<AuctionShape>>,
    /// The insurance fund.
    pub fund: Kept<FundShape>,
    /// What deleveraging would do.
    pub deleveraging: Ranks,
    /// Calls that compute much at once.
    heavy: Arc<Semaphore>,
}

impl Default for Looks {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            auctions: Kept::default(),
            fund: Kept::default(),
            deleveraging: Ranks::default(),
            heavy: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }
}

/// An answer that is given again for a while, so that many who ask cost no more than one.
#[derive(Debug)]
pub struct Kept<T>(Mutex<Option<Answer<T>>>);

#[derive(Debug)]
struct Answer<T> {
    time: Instant,
    /// Counts what makes it an old one.
    version: u64,
    content: T,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Kept<T> {
    /// The last answer, or a new one if it is too old or of another version: who has heard that
    /// something happened finds it in the answer.
    ///
    /// # Errors
    /// Why there is no new one.
    pub async fn get(
        &self,
        version: u64,
        make: impl AsyncFnOnce() -> Result<T, RpcError>,
    ) -> Result<T, RpcError> {
        let mut kept = self.0.lock().await;
        if let Some(answer) = &*kept
            && answer.version == version
            && answer.time.elapsed() < AGE_MAX
        {
            return Ok(answer.content.clone());
        }
        let content = make().await?;
        *kept = Some(Answer { time: Instant::now(), version, content: content.clone() });
        Ok(content)
    }
}

impl Service {
    /// Looks at the state between two commands; the engine waits meanwhile, so this is for short looks.
    ///
    /// # Errors
    /// If the venue is being stopped.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, RpcError> {
        let node = self.node.clone();
        let seen = spawn_blocking(move || node.read(look)).await;
        seen.map_err(|_| RpcError::closing())?.map_err(|_| RpcError::closing())
    }

    /// Looks at the second state, that of snapshots, for as long as it takes.
    ///
    /// # Errors
    /// If the venue is being stopped, or that state can't be had now.
    pub async fn study<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, RpcError> {
        let node = self.node.clone();
        let seen = spawn_blocking(move || node.study(look)).await;
        let unavailable = |why| RpcError::new(13028, "temporarily_unavailable").because(why);
        seen.map_err(|_| RpcError::closing())?.map_err(unavailable)
    }

    /// Computes on a thread of its own, as soon as few enough others do.
    ///
    /// # Errors
    /// As `work`.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let turn = Arc::clone(&self.looks.heavy).acquire_owned().await;
        let turn = turn.map_err(|_| RpcError::closing())?;
        let done = spawn_blocking(move || {
            // Kept to the end of the work, even if who asked has gone.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| RpcError::new(11094, "internal_server_error"))?
    }
}
