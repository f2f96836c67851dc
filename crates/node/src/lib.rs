//! A running engine: commands come in, are numbered, timed and made durable, and what happened is
//! released.
//!
//! A [`Node`] has one engine behind one queue. Its sequencer takes what waits as a batch, stamps
//! each command with number and time, hands the batch to the log and applies it meanwhile. Events
//! are released when their command is durable, never before. Whoever opens the node again after a
//! crash finds every command that was released, none twice, and the same state.
//!
//! ```
//! use plimsoll_node::{JournalLog, JournalOptions, ManualClock, Node, Options};
//! # use engine::command::{Action, AddAsset};
//! # use engine::Event;
//! # let action = || Action::AddAsset(AddAsset {
//! #     asset: "USDC".parse().unwrap(), interest: Default::default(), breaker: Default::default(),
//! # });
//!
//! let memory = journal::faulty::Memory::new();
//! let open = || {
//!     let (log, _) = JournalLog::open(memory.clone(), JournalOptions::default())?;
//!     let clock = ManualClock::at("2026-02-05T16:00:00Z".parse().expect("a time"));
//!     Node::open(log, clock, Options::default(), |_| {})
//! };
//! let (node, _) = open()?;
//! let answer = node.submit(action())?.wait()?;
//! assert_eq!(answer.sequence, 1);
//! assert!(matches!(answer.events[..], [Event::AssetAdded { .. }]));
//! let hash = node.record_hash()?;
//! drop(node);
//!
//! let (node, report) = open()?;
//! assert_eq!(report.commands, 1);
//! assert_eq!(node.record_hash()?, hash);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Log`] and [`Clock`] are its seams to the world: [`JournalLog`] is a log on this machine.
//! [`replay`] makes a state from a log without a node. How it all fits together is told in the book,
//! in `docs/concepts/node.md`.

#![deny(missing_docs)]

mod clock;
mod epochs_ahead;
mod error;
mod handle;
mod journal_log;
mod log;
mod meter;
mod node;
mod priority;
mod read_ahead;
mod record;
mod replay;
mod sequencer;
mod shadow;
mod verify;
mod view;
mod writer;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{NodeError, SubmitError, Unanswered};
pub use handle::{Answer, Handle, Ticket};
pub use journal_log::{JournalLog, JournalOptions, JournalReader};
pub use log::{Committed, Log, LogReader, Point, Snapshot};
pub use meter::{Meter, Spread};
pub use node::{Node, OnFatal, Options, Released, Status};
pub use priority::{Breaks, give_way};
pub use record::command_of;
pub use replay::{Replayed, Report, replay};
pub use shadow::Companion;
pub use verify::{Verification, Watched, verify};
pub use view::AccountView;
