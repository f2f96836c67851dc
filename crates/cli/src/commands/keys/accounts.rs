//! Whether a key's account is open, as far as the journal tells.

use std::path::Path;

use engine::Action;
use journal::Disk;
use ledger::AccountId;
use node::{JournalReader, LogReader, NodeError, command_of};

/// Commands that are read at most: accounts are opened early, and nobody waits long.
const COMMANDS_MAX: u64 = 1 << 21;

/// Commands that are read at first; twice as many each time.
const COMMANDS_MIN: u64 = 1 << 12;

/// What to say about an account of the venue in a folder; nothing if it is open.
pub fn note(folder: &str, account: AccountId) -> Option<String> {
    let (path, number) = (Path::new(folder), account.number());
    let journal = path.join("journal");
    if !journal.is_dir() {
        // Operators' keys are for no account.
        let is_admin = path.canonicalize().is_ok_and(|path| path.ends_with("admin"));
        return (!is_admin).then(|| {
            format!(
                "No venue has begun in {folder}: the key is good once account {number} is open."
            )
        });
    }
    match opened(&journal, u64::from(number) + 1) {
        Ok(Some(all)) if all <= u64::from(number) => Some(format!(
            "Account {number} is not open in {folder}, which has opened {}: the key is good once it \
             is. An operator opens accounts by admin/submit with open_account.",
            match all {
                0 => "none".to_owned(),
                all => format!("0 to {}", all - 1),
            },
        )),
        Ok(Some(_)) => None,
        Ok(None) => Some(format!(
            "Account {number} is not opened by the first {COMMANDS_MAX} commands of {folder}; \
             private/get_account_summary with the key tells whether it is open."
        )),
        Err(error) => Some(format!("Whether account {number} is open can't be told: {error}")),
    }
}

/// How many accounts the journal's commands have opened, counted up to `wanted`; none if not all
/// commands were read. Refused commands count too.
fn opened(journal: &Path, wanted: u64) -> Result<Option<u64>, NodeError> {
    let reader = JournalReader::new(Disk::existing(journal));
    let (mut count, mut after, mut until) = (0, 0, COMMANDS_MIN);
    while until <= COMMANDS_MAX {
        let reached = reader.replay(after, until, &mut |committed| {
            let commands = committed.records.filter_map(|record| command_of(record).ok());
            let opens = commands.filter(|one| matches!(one.action, Action::OpenAccount(_)));
            count += opens.count() as u64;
            Ok(())
        })?;
        // A batch is read whole, and may go beyond.
        let last = reached.map_or(after, |point| point.sequence);
        if count >= wanted || last < until {
            return Ok(Some(count));
        }
        (after, until) = (last, 2 * last);
    }
    Ok(None)
}
