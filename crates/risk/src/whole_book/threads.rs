//! Chunks of accounts over several threads.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::{RunSettings, SparseLots, Tally, WholeBookError};

/// Most threads that a run takes, however many are asked for.
pub const THREADS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is not zero");

/// Accounts that one thread takes at a time: their positions and candidates stay in its caches while
/// block after block of scenarios passes.
const CHUNK_ACCOUNTS: usize = 1_024;
/// A chunk of accounts with more positions than this is cut.
const CHUNK_POSITIONS: usize = 1 << 20;

/// How many threads a run takes of those asked for: one for each chunk of about a thousand accounts at
/// most, and [`THREADS_MAX`]. Where the system has fewer to give, the run does with those.
#[must_use]
pub fn threads_for(book: &SparseLots, wanted: NonZeroUsize) -> NonZeroUsize {
    let chunks = NonZeroUsize::new(chunks(book).len()).unwrap_or(NonZeroUsize::MIN);
    wanted.min(THREADS_MAX).min(chunks)
}

/// A part of the book with the places of its results.
pub(super) struct Chunk<'a, T> {
    /// Which accounts.
    pub accounts: Range<usize>,
    /// A result for each.
    pub results: &'a mut [T],
    /// Thresholds of each, account after account.
    pub thresholds: &'a mut [f64],
}

/// Results of a run before they are computed.
pub(super) struct Places<'a, T> {
    /// A result for each account.
    pub results: &'a mut [T],
    /// Thresholds, as many for each account.
    pub thresholds: &'a mut [f64],
}

/// Does `work` on chunk after chunk, each on any thread, and adds up their tallies.
///
/// Results don't depend on which thread does what. Of several errors the one of the first chunk is
/// returned: chunks are begun in order, so that all before it are finished.
pub(super) fn in_chunks<T: Send, S>(
    book: &SparseLots,
    places: Places<'_, T>,
    settings: &RunSettings<'_>,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, Chunk<'_, T>) -> Result<Tally, WholeBookError> + Sync,
) -> Result<Tally, WholeBookError> {
    let threads = threads_for(book, settings.threads).get();
    let queue = Mutex::new(Queue::of(book, places));
    let failed = AtomicBool::new(false);
    let worker = || {
        let mut scratch = scratch();
        let mut tally = Tally::default();
        loop {
            let next = queue.lock().expect("no thread panics while it holds the queue").next();
            let Some((index, chunk)) = next.filter(|_| !failed.load(Ordering::Relaxed)) else {
                return Ok(tally);
            };
            let accounts = chunk.accounts.len();
            match work(&mut scratch, chunk) {
                Ok(done) => tally.add(done),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err((index, error));
                }
            }
            (settings.progress)(accounts);
        }
    };
    let outcomes: Vec<_> =
        std::thread::scope(|scope| {
            let others = spawned(scope, threads - 1, &worker);
            let mut outcomes = vec![worker()];
            outcomes.extend(others.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }));
            outcomes
        });
    let mut total = Tally::default();
    let mut first_error: Option<(usize, WholeBookError)> = None;
    for outcome in outcomes {
        match outcome {
            Ok(tally) => total.add(tally),
            Err(error) if first_error.as_ref().is_none_or(|first| error.0 < first.0) => {
                first_error = Some(error);
            }
            Err(_) => {}
        }
    }
    first_error.map_or(Ok(total), |(_, error)| Err(error))
}

/// So many threads at work, or as many as the system gives: what the others would have done is left
/// to these.
fn spawned<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    threads: usize,
    worker: &'s (impl Fn() -> T + Sync),
) -> Vec<ScopedJoinHandle<'s, T>> {
    (0..threads).map_while(|_| Builder::new().spawn_scoped(scope, worker).ok()).collect()
}

/// The accounts of each chunk.
fn chunks(book: &SparseLots) -> Vec<Range<usize>> {
    let mut chunks = Vec::with_capacity(book.accounts().div_ceil(CHUNK_ACCOUNTS));
    let mut first = 0;
    while first < book.accounts() {
        let most = book.positions_before(first) + CHUNK_POSITIONS;
        let mut count = CHUNK_ACCOUNTS.min(book.accounts() - first);
        while count > 1 && book.positions_before(first + count) > most {
            count /= 2;
        }
        chunks.push(first..first + count);
        first += count;
    }
    chunks
}

/// Hands out chunks in order.
struct Queue<'a, T> {
    chunks: std::iter::Enumerate<std::vec::IntoIter<Range<usize>>>,
    rest: Places<'a, T>,
    thresholds_each: usize,
}

impl<'a, T> Queue<'a, T> {
    fn of(book: &SparseLots, rest: Places<'a, T>) -> Self {
        let thresholds_each = rest.thresholds.len().checked_div(rest.results.len()).unwrap_or(0);
        Self { chunks: chunks(book).into_iter().enumerate(), rest, thresholds_each }
    }

    fn next(&mut self) -> Option<(usize, Chunk<'a, T>)> {
        let (index, accounts) = self.chunks.next()?;
        let results = self.rest.results.split_off_mut(..accounts.len())?;
        let thresholds =
            self.rest.thresholds.split_off_mut(..accounts.len() * self.thresholds_each)?;
        Some((index, Chunk { accounts, results, thresholds }))
    }
}
