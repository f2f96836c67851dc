//! A whole book at once: worst loss, value at risk, expected shortfall and requirement of every
//! account, in one pass over the positions for each block of scenarios.
//!
//! [`tails`] is the pass by itself: integer rows of any origin ([`Panel`]) against positions in
//! compressed sparse rows ([`SparseLots`]). [`book_margin`] is the requirement of a [`Book`] in a
//! risk [`Epoch`](crate::Epoch), the same to the tick as [`margin`](crate::margin()) finds for each
//! account. No vector of profits is written: memory is in proportion to positions.
//!
//! Sums are exact, so results are the same for any number of threads, any vector width, and any
//! thresholds kept from an earlier run. An account whose sums doubles don't hold exactly goes
//! through the full computation by itself; [`Tally`] counts these.
//!
//! ```
//! use plimsoll_risk::whole_book::{Panel, RunSettings, SparseLots, TailRanks, tails};
//!
//! // Two instruments in four scenarios; one account is long both, one is short the first.
//! let panel = Panel::of(4, &[&[-30.0, -10.0, 10.0, 30.0], &[20.0, 0.0, 0.0, -5.0]])?;
//! let mut book = SparseLots::new();
//! book.push([(0, 2), (1, 1)]);
//! book.push([(0, -1)]);
//! let ranks = TailRanks { sum: 2, value: 2 };
//! let mut thresholds = vec![f64::INFINITY; book.accounts()];
//! let (found, _) = tails(&panel, &book, ranks, &RunSettings::default(), &mut thresholds)?;
//! assert_eq!((found[0].least, found[0].value, found[0].sum), (-40, -20, -60));
//! assert_eq!((found[1].least, found[1].value, found[1].sum), (-30, -10, -40));
//! # Ok::<(), plimsoll_risk::whole_book::WholeBookError>(())
//! ```

use std::num::NonZeroUsize;
use std::ops::Range;

use numerics::{Level, LevelUnavailable};

use crate::RiskError;

mod book;
mod lots;
mod panel;
mod pass;
mod plan;
mod requirement;
mod tails;
mod threads;

pub use book::{Book, BookAmount, unrealised_profit};
pub use lots::SparseLots;
pub use numerics::fused::TailRanks;
pub use panel::Panel;
pub use requirement::{BookLine, BookMargin, book_margin, thresholds_per_account};
pub use tails::{BookTail, tails};
pub use threads::{THREADS_MAX, threads_for};

/// How a run is done; results don't depend on it.
#[derive(Clone, Copy)]
pub struct RunSettings<'a> {
    /// How many threads work; [`threads_for`] says how many of them a book has work for.
    pub threads: NonZeroUsize,
    /// How wide their vectors are.
    pub level: Level,
    /// Called, on any of the threads, with the number of accounts just done.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

impl Default for RunSettings<'_> {
    /// One thread, the widest vectors, and nobody told.
    fn default() -> Self {
        Self { threads: NonZeroUsize::MIN, level: Level::best(), progress: &|_| () }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accounts.
    pub accounts: u64,
    /// Their positions.
    pub positions: u64,
    /// Tails computed again because the threshold given for them was too low.
    pub recomputed: u64,
    /// Times that there were too many candidates for a tail, so that they were narrowed down; usual
    /// where no threshold was given.
    pub narrowed: u64,
    /// Accounts with sums beyond what doubles hold exactly, computed one by one.
    pub wide: u64,
}

impl Tally {
    fn of(accounts: &Range<usize>, book: &SparseLots) -> Self {
        let positions = book.positions_before(accounts.end) - book.positions_before(accounts.start);
        Self { accounts: accounts.len() as u64, positions: positions as u64, ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        self.accounts += other.accounts;
        self.positions += other.positions;
        self.recomputed += other.recomputed;
        self.narrowed += other.narrowed;
        self.wide += other.wide;
    }
}

/// Why a whole book could not be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WholeBookError {
    /// Parts of compressed sparse rows contradict each other.
    #[error(
        "the parts of the book don't fit together: offsets must rise from 0 to the number of \
         columns, of which there are as many as lots"
    )]
    Shape,
    /// A position's column has no row.
    #[error("account {account} holds column {column}, but there are {rows} rows: add its row")]
    Column {
        /// The account's index.
        account: usize,
        /// The column.
        column: u32,
        /// How many rows there are.
        rows: usize,
    },
    /// A row of a panel can't be used.
    #[error(
        "row {row} does not hold {scenarios} integers of magnitude at most 2^52: round it to ticks"
    )]
    Row {
        /// The row's index.
        row: usize,
        /// How many scenarios the panel has.
        scenarios: usize,
    },
    /// Ranks that a panel does not have.
    #[error(
        "ranks {0} and {1} of {scenarios} scenarios: they count from 1, the value's up to the sum's \
         and that up to the number of scenarios", ranks.value, ranks.sum
    )]
    Ranks {
        /// The ranks.
        ranks: TailRanks,
        /// How many scenarios there are.
        scenarios: usize,
    },
    /// Thresholds of another number of accounts.
    #[error("{found} thresholds for {wanted}: give one for each, infinite where nothing is known")]
    Thresholds {
        /// How many there are.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// An account has open orders.
    #[error("account {account} has open orders, which a whole book leaves out: remove them")]
    Orders {
        /// The account's index.
        account: usize,
    },
    /// An account's lots of one instrument are more than a position can have.
    #[error(
        "the lots that account {account} holds of one instrument add up to more than 64 bits hold: \
         they are beyond any real ones"
    )]
    LotsTooLarge {
        /// The account's index.
        account: usize,
    },
    /// An account is larger than any arithmetic here.
    #[error("the sums of account {account} don't fit 128 bits: its sizes are beyond any real ones")]
    TooLarge {
        /// The account's index.
        account: usize,
    },
    /// The market, the methodology or the epoch lacks something.
    #[error(transparent)]
    Risk(#[from] RiskError),
    /// The vector width asked for.
    #[error(transparent)]
    Level(#[from] LevelUnavailable),
}
