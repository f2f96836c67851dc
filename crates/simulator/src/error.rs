//! What can go wrong.

use std::io;

use instruments::Timestamp;

use crate::Shrunk;

/// Why a simulation did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// What is asked makes no simulation.
    #[error("{0}")]
    Usage(String),
    /// A file or folder can't be opened.
    #[error("{path}: cannot be opened: {source}; check the path and that you may read it")]
    Open {
        /// The path.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A data file is wrong.
    #[error(transparent)]
    File(#[from] marketdata::FileError),
    /// The prices do not cover the time.
    #[error(
        "{coin}_hourly.csv has {first} to {last}, and {from} to {until} is asked for (choose \
         another start, or fewer hours)"
    )]
    OutsidePrices {
        /// The coin.
        coin: &'static str,
        /// The start.
        from: Timestamp,
        /// The end.
        until: Timestamp,
        /// The first hour of the file.
        first: Timestamp,
        /// The last.
        last: Timestamp,
    },
    /// No chain is near the start.
    #[error("{folder} has no option chain within a day of {from} (choose another start)")]
    NoChain {
        /// The folder.
        folder: String,
        /// The start.
        from: Timestamp,
    },
    /// The folder for the journal has one already.
    #[error("{0} holds a journal already; a simulation begins its own (name an empty folder)")]
    JournalThere(String),
    /// The journal can't be begun.
    #[error("{path}: {source}")]
    Journal {
        /// The folder.
        path: String,
        /// Why not.
        source: node::NodeError,
    },
    /// A venue is there that a live market can't go on with.
    #[error(
        "the venue was not founded by a demo with {accounts} accounts and {coins} coins (name an \
         empty folder, or the options that it was founded with)"
    )]
    OtherVenue {
        /// Accounts that are asked for.
        accounts: u32,
        /// Coins that are asked for.
        coins: usize,
    },
    /// The node has ended, or does not start.
    #[error("{0}")]
    Node(#[from] node::NodeError),
    /// An invariant is broken.
    #[error("after command {sequence}, invariant {}", shrunk.broken)]
    Broken {
        /// The command after which it was found.
        sequence: u64,
        /// What is broken, with a short script that breaks it.
        shrunk: Box<Shrunk>,
    },
    /// What the node does differs from what it should, in a way that no script of commands shows.
    #[error("{0}")]
    Differs(String),
}
