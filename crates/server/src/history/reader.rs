//! Questions to the history, off the threads that answer clients.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::is_damage;
use super::span::Span;
use crate::error::RpcError;

/// How long one who asks waits for what is being written.
const BEHIND_MAX: Duration = Duration::from_secs(2);
/// How long one who stops the venue waits for the one who writes.
const END_MAX: Duration = Duration::from_secs(10);
/// How long a question may be looked for.
const SEARCH_MAX: Duration = Duration::from_secs(5);
/// Steps of SQLite between two looks at the clock.
const STEPS: i32 = 20_000;
/// Questions that are looked for at once.
const AT_ONCE: usize = 4;

/// What is kept of a list in memory.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The number of its oldest entry: older ones are in the history alone.
    pub first: u64,
    /// That entry's time.
    pub since: i64,
    /// The venue's last command then.
    pub through: u64,
}

/// The history for those who ask.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    through: watch::Receiver<u64>,
    state: Arc<Shared>,
    turns: Arc<Semaphore>,
}

/// What those who ask share with the one who writes.
#[derive(Debug, Default)]
pub struct Shared {
    /// Counts databases: another one is begun if one is damaged.
    pub generation: AtomicU64,
    /// Whether somebody found damage.
    pub is_damaged: AtomicBool,
    /// Whether somebody waits for what is not stored yet.
    pub is_awaited: AtomicBool,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<(u64, Connection)>>,
}

impl History {
    pub(super) fn new(path: &Path, through: watch::Receiver<u64>, state: Arc<Shared>) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { path: path.to_owned(), through, state, turns }
    }

    /// The last command whose records are stored.
    pub fn through(&self) -> u64 {
        *self.through.borrow()
    }

    /// Whether somebody still writes.
    pub fn is_kept(&self) -> bool {
        self.through.has_changed().is_ok()
    }

    /// Waits until the records of a command are stored, but not forever.
    pub async fn reaches(&self, sequence: u64) -> bool {
        let mut through = self.through.clone();
        if *through.borrow() < sequence {
            self.state.is_awaited.store(true, Ordering::Release);
        }
        let reached = timeout(BEHIND_MAX, through.wait_for(|through| *through >= sequence)).await;
        matches!(reached, Ok(Ok(_)))
    }

    /// Waits until the one who writes has written all and ended, but not forever.
    pub async fn ends(&self) {
        let mut through = self.through.clone();
        // What is not written by then is made from the journal at the next start.
        let _ = timeout(END_MAX, async { while through.changed().await.is_ok() {} }).await;
    }

    /// Looks something up, once everything up to a command is there.
    ///
    /// # Errors
    /// That it should be tried again, because the history is behind; or that it takes too long.
    pub async fn ask<T: Send + 'static>(
        &self,
        through: u64,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, RpcError> {
        if !self.reaches(through).await {
            return Err(retry("what is older is still being written: try again"));
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| RpcError::closing())?;
        let (path, state) = (self.path.clone(), Arc::clone(&self.state));
        let found = spawn_blocking(move || {
            let _turn = turn;
            state.look(&path, read)
        });
        let found = found.await.map_err(|_| RpcError::new(11094, "internal_server_error"))?;
        found.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                retry("that is too much to look through: ask for less time, or for fewer")
            }
            _ => retry("the history can't be read now: try again"),
        })
    }

    /// A page of a list: what of it is in memory, oldest first, and what is older from the database.
    /// Says too whether there is more.
    ///
    /// # Errors
    /// As [`History::ask`].
    pub async fn page<T: Send + 'static>(
        &self,
        span: Span,
        recent: Vec<T>,
        memory: Memory,
        read: impl FnOnce(&Connection, &Span) -> Result<Vec<T>, Error> + Send + 'static,
    ) -> Result<(Vec<T>, bool), RpcError> {
        let wanted = span.count + 1;
        let missing = match span.ascending {
            true => wanted,
            false => wanted.saturating_sub(recent.len()),
        };
        let older =
            span.below(memory.first).filter(|_| missing > 0 && span.times.0 <= memory.since);
        let older = match older {
            None => Vec::new(),
            Some(older) => {
                let older = Span { count: missing, ..older };
                self.ask(memory.through, move |connection| read(connection, &older)).await?
            }
        };
        let mut page: Vec<T> = match span.ascending {
            true => older.into_iter().chain(recent).take(wanted).collect(),
            false => recent.into_iter().rev().chain(older).take(wanted).collect(),
        };
        let has_more = page.len() > span.count;
        page.truncate(span.count);
        Ok((page, has_more))
    }
}

impl Shared {
    fn look<T>(
        &self,
        path: &Path,
        read: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let generation = self.generation.load(Ordering::Acquire);
        let known = self.idle().pop().filter(|(of, _)| *of == generation);
        let mut connection = match known {
            Some((_, connection)) => connection,
            None => open(path)?,
        };
        let until = Instant::now() + SEARCH_MAX;
        connection.progress_handler(STEPS, Some(move || Instant::now() > until))?;
        let found = read(&connection);
        match &found {
            Err(error) if is_damage(error) => self.is_damaged.store(true, Ordering::Release),
            _ => self.idle().push((generation, connection)),
        }
        found
    }

    /// Lets go of all connections, since another database takes the place of theirs.
    pub fn begin_anew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.is_damaged.store(false, Ordering::Release);
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a database so that nothing can be changed in it.
///
/// # Errors
/// What SQLite says.
pub fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn retry(why: &'static str) -> RpcError {
    let mut error = RpcError::new(10040, "retry").because(why);
    error.data.wait = Some(500);
    error
}
