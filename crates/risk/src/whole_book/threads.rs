//! Chunks of accounts over several threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{RunSettings, SparseLots, Tally, WholeBookError};

/// Accounts that one thread takes at a time: their positions and candidates stay in its caches while
/// block after block of scenarios passes.
const CHUNK_ACCOUNTS: usize = 1_024;
/// A chunk of accounts with more positions than this is cut.
const CHUNK_POSITIONS: usize = 1 << 20;

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
            let others: Vec<_> = (1..settings.threads.get()).map(|_| scope.spawn(worker)).collect();
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

/// Hands out chunks in order.
struct Queue<'a, T> {
    book: &'a SparseLots,
    rest: Places<'a, T>,
    thresholds_each: usize,
    index: usize,
    begun: usize,
}

impl<'a, T> Queue<'a, T> {
    fn of(book: &'a SparseLots, rest: Places<'a, T>) -> Self {
        let accounts = rest.results.len();
        let thresholds_each = rest.thresholds.len().checked_div(accounts).unwrap_or(0);
        Self { book, rest, thresholds_each, index: 0, begun: 0 }
    }

    fn next(&mut self) -> Option<(usize, Chunk<'a, T>)> {
        let accounts = self.rest.results.len().min(CHUNK_ACCOUNTS);
        if accounts == 0 {
            return None;
        }
        let first = self.begun;
        let most = self.book.positions_before(first) + CHUNK_POSITIONS;
        let mut count = accounts;
        while count > 1 && self.book.positions_before(first + count) > most {
            count /= 2;
        }
        let results = self.rest.results.split_off_mut(..count)?;
        let thresholds = self.rest.thresholds.split_off_mut(..count * self.thresholds_each)?;
        let index = self.index;
        self.index += 1;
        self.begun += count;
        Some((index, Chunk { accounts: first..first + count, results, thresholds }))
    }
}
