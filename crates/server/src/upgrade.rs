//! From one version of the rules to this program's.

use std::path::Path;

use engine::Action;
use engine::rules::RULES_VERSION;
use journal::Disk;
use node::{JournalLog, JournalOptions, Node, Options, SystemClock};

use crate::auth::hexadecimal;
use crate::backup::BackupError;
use crate::feed::Shared;
use crate::feed::kept::Kept;
use crate::history;

/// What an upgrade has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// The last command of the journal.
    pub through: u64,
    /// The last command in the snapshot that the next start begins with.
    pub snapshot: u64,
    /// The version of the rules before.
    pub rules_before: u32,
    /// The version of the rules now.
    pub rules_after: u32,
    /// The state's record hash, in hexadecimal.
    pub state_hash: String,
}

/// Brings a venue that is not running to this program's rules: a snapshot, and where the rules are older
/// the command that changes them.
///
/// # Errors
/// What stands in the way: damage, a venue that runs, rules or a format that this program does not know.
pub fn upgrade(data: &Path) -> Result<Upgraded, BackupError> {
    let journal = history::journal_of(data);
    if !journal.is_dir() {
        return Err(BackupError::NoVenue(data.display().to_string()));
    }
    let (log, _) = JournalLog::open(Disk::existing(journal), JournalOptions::default())?;
    // What clients see is kept with the snapshot, as the venue itself does.
    let feed = data.join("feed");
    let kept = Kept::open(&feed, Shared::default()).map_err(BackupError::on(&feed))?;
    let (kept, options) = (Some(Box::new(kept) as _), Options::default());
    let (node, _) = Node::open_with(log, SystemClock, options, kept, |_| {})?;
    let ended = |_| node::NodeError::Ended;
    let rules = || node.read(|state| state.rules_version()).map_err(ended);
    let rules_before = rules()?;
    if rules_before < RULES_VERSION {
        let command = Action::Upgrade { rules_version: RULES_VERSION };
        let ticket = node.submit(command).map_err(|_| node::NodeError::Ended)?;
        ticket.wait().map_err(ended)?;
    }
    let rules_after = rules()?;
    let snapshot = node.snapshot().map_err(BackupError::Snapshot)?;
    let mut state = node.close()?;
    Ok(Upgraded {
        through: state.sequence(),
        snapshot,
        rules_before,
        rules_after,
        state_hash: hexadecimal(&state.record_hash()),
    })
}
