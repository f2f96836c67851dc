//! From a back-up to a data folder, as of any command in it.

use std::fs;
use std::path::{Path, PathBuf};

use engine::State;
use instruments::Timestamp;
use journal::{Batches, Copying, Directory, Disk, Journal, Options, Patience};

use super::error::BackupError;
use super::manifest::Manifest;
use super::meter::{Meter, Metered, Stage, Watch};
use super::{FEED, JOURNAL, RULES, files, state_at};
use crate::auth::{KeyFile, KeyInfo, hexadecimal};
use crate::service::host_ms;

/// Tokens of clients or of operators.
const TOKENS: &str = "tokens.json";

/// Up to where a venue is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// As far as the back-up goes.
    End,
    /// Up to and with a command.
    Command(u64),
    /// Up to and with the last command of this time or before it.
    Time(Timestamp),
}

/// A venue that was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Its last command.
    pub through: u64,
    /// The time of that.
    pub time: Timestamp,
    /// The epoch of the journal from now on: one more than before, so that both lives can be told
    /// apart.
    pub epoch: u64,
    /// The state's record hash, in hexadecimal.
    pub state_hash: String,
    /// Commands of the back-up that come later, and are left out.
    pub left_out: u64,
    /// Keys that were revoked, of clients and of operators: the venue of that time did not have them, or
    /// not their accounts.
    pub revoked: Vec<KeyInfo>,
}

/// Makes a data folder of a back-up. Every file is compared with the manifest, every byte of the journal
/// that is made is checked, and so is the state that it gives.
///
/// The batch that has the last command is written anew, under a new epoch: from there on the chain of
/// hashes differs from the venue's that was backed up, should that one go on elsewhere.
///
/// Where commands are left out, keys that were made later are revoked, and so are those of accounts that
/// were opened later: their numbers go to others. Tokens are left out. `watch` is told how far it is.
///
/// # Errors
/// What is wrong. There is no data folder then.
pub fn restore(
    folder: &Path,
    data: &Path,
    until: Until,
    watch: Watch<'_>,
) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(folder)?;
    let manifest = manifest.ok_or_else(|| BackupError::NoBackup(folder.display().to_string()))?;
    if data.exists() && !(data.is_dir() && files::is_empty(data, "")?) {
        return Err(BackupError::Exists(data.display().to_string()));
    }
    let unfinished = beside(data);
    if unfinished.exists() {
        return Err(BackupError::Exists(unfinished.display().to_string()));
    }
    let bytes = manifest.files.iter().map(|entry| entry.bytes).sum();
    let meter = Meter::new(watch, Stage::Checking, bytes);
    manifest.files.iter().try_for_each(|entry| entry.check(folder, &meter))?;
    let sequence = resolve(folder, &manifest, until, watch)?;
    files::make_private(&unfinished)?;
    let point = Point { sequence, until };
    let restored = fill(folder, &unfinished, &manifest, point, watch).and_then(|restored| {
        let named = fs::rename(&unfinished, data).and_then(|()| {
            files::sync_folder(
                data.parent().filter(|path| *path != Path::new("")).unwrap_or(Path::new(".")),
            )
        });
        named.map_err(BackupError::on(data))?;
        Ok(restored)
    });
    if restored.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(&unfinished);
    }
    restored
}

/// A name for a data folder that is not finished.
fn beside(data: &Path) -> PathBuf {
    let mut name = data.components().as_path().as_os_str().to_owned();
    name.push(".restoring");
    PathBuf::from(name)
}

/// The last command wanted.
fn resolve(
    folder: &Path,
    manifest: &Manifest,
    until: Until,
    watch: Watch<'_>,
) -> Result<u64, BackupError> {
    let (asked, found) = match until {
        Until::End => (String::new(), Some(manifest.through)),
        Until::Command(sequence) => {
            (sequence.to_string(), (1..=manifest.through).contains(&sequence).then_some(sequence))
        }
        Until::Time(time) => {
            let meter = Meter::new(watch, Stage::Checking, bytes_to(manifest, manifest.through));
            let last = last_at(folder, time, &meter)?;
            (time.to_string(), last.map(|last| last.min(manifest.through)))
        }
    };
    if let Some(sequence) = found.filter(|sequence| *sequence > 0) {
        return Ok(sequence);
    }
    let first = first_time(folder)?;
    Err(BackupError::NotInBackup {
        asked,
        last: manifest.through,
        first_time: first.map_or_else(String::new, |time| time.to_string()),
        last_time: manifest.time.clone(),
    })
}

/// Bytes of the segments that have commands up to one.
fn bytes_to(manifest: &Manifest, sequence: u64) -> u64 {
    let last = format!("{JOURNAL}/{sequence:020}.journal");
    let segments = manifest.files.iter().filter(|entry| entry.is_segment());
    segments.filter(|entry| entry.path <= last).map(|entry| entry.bytes).sum()
}

fn batches<D: Directory>(disk: &D, from: u64) -> Result<Batches<'_, D>, BackupError> {
    Ok(Batches::open(disk, from, RULES, Patience::NONE)?)
}

/// The time of a command.
fn time_of(record: &[u8], sequence: u64) -> Result<Timestamp, BackupError> {
    let command = node::command_of(record);
    let command = command.map_err(|problem| node::NodeError::Record { sequence, problem })?;
    Ok(command.time)
}

fn first_time(folder: &Path) -> Result<Option<Timestamp>, BackupError> {
    let disk = Disk::existing(folder.join(JOURNAL));
    let mut batches = batches(&disk, 1)?;
    let Some(batch) = batches.next()? else { return Ok(None) };
    batch.records().next().map(|record| time_of(record, 1)).transpose()
}

/// The last command of a time or before it. Times never fall, so the first that is later ends the search.
fn last_at(folder: &Path, time: Timestamp, meter: &Meter<'_>) -> Result<Option<u64>, BackupError> {
    let disk = Disk::existing(folder.join(JOURNAL));
    let metered = Metered { disk: &disk, meter };
    let mut batches = batches(&metered, 1)?;
    let mut found = None;
    while let Some(batch) = batches.next()? {
        let last = batch.last_sequence();
        let is_before = match batch.records().last() {
            Some(record) => time_of(record, last)? <= time,
            None => true,
        };
        if is_before {
            found = Some(last);
            continue;
        }
        for (sequence, record) in (batch.sequence()..).zip(batch.records()) {
            if time_of(record, sequence)? > time {
                break;
            }
            found = Some(sequence);
        }
        break;
    }
    Ok(found)
}

/// The last command that is restored, and how it was asked for.
#[derive(Clone, Copy)]
struct Point {
    sequence: u64,
    until: Until,
}

fn fill(
    folder: &Path,
    data: &Path,
    manifest: &Manifest,
    point: Point,
    watch: Watch<'_>,
) -> Result<Restored, BackupError> {
    let until = point.sequence;
    let from = Disk::existing(folder.join(JOURNAL));
    let to = Disk::create(data.join(JOURNAL)).map_err(BackupError::on(data))?;
    let mut batches = batches(&from, until)?;
    let batch = batches.next()?.ok_or(BackupError::Differs { what: "the end of the journal" })?;
    let (first, epoch) = (batch.sequence(), batch.epoch() + 1);
    let copying = Copying { rules_known: RULES, after: None, until: first - 1 };
    // Read twice: first it is found out where they end.
    let meter = Meter::new(watch, Stage::Copying, 2 * bytes_to(manifest, until));
    let copied = journal::copy_batches(&Metered { disk: &from, meter: &meter }, &to, &copying)?;
    for (name, from, to) in
        [(JOURNAL, from.clone(), Some(to.clone())), (FEED, Disk::existing(folder.join(FEED)), None)]
    {
        copy_snapshots(name, data, (&from, to), first)?;
    }
    let is_early = until < manifest.through;
    for entry in manifest.files.iter().filter(|entry| entry.is_small()) {
        let path = data.join(&entry.path);
        if is_early && path.ends_with(TOKENS) {
            continue;
        }
        if let Some(parent) = path.parent() {
            files::make_private(parent)?;
        }
        files::copy_private(&entry.place(folder), &path)?;
    }
    let anchor = copied.map(|copied| copied.through);
    let rules = batch.rules();
    let options = Options { epoch, rules, rules_known: RULES, anchor, ..Options::default() };
    let wanted = usize::try_from(until + 1 - first).unwrap_or(usize::MAX);
    let mut journal = Journal::open(to, options).map_err(node::NodeError::from)?.0;
    let written = journal.append(batch.records().take(wanted), batch.time_ms());
    written.map_err(node::NodeError::from)?;
    journal.sync().map_err(node::NodeError::from)?;
    drop(journal);
    let (mut restored, state) = checked(data, manifest, (until, epoch), watch)?;
    if is_early {
        let last = match point.until {
            Until::Time(time) => time.max(restored.time),
            Until::End | Until::Command(_) => restored.time,
        };
        restored.revoked = revoke_later(data, last, &state)?;
    }
    Ok(restored)
}

/// Revokes keys that were made after a time, and clients' keys of accounts that are not open. Those of
/// operators are for no account.
fn revoke_later(data: &Path, last: Timestamp, state: &State) -> Result<Vec<KeyInfo>, BackupError> {
    let mut revoked = Vec::new();
    for (folder, accounts) in [(data.to_owned(), state.accounts()), (data.join("admin"), u32::MAX)]
    {
        let keys = KeyFile::of(&folder);
        for key in keys.list()?.into_iter().filter(|key| key.revoked_ms.is_none()) {
            if key.created_ms > last.milliseconds() || key.account.number() >= accounts {
                revoked.push(keys.revoke(&key.client_id, host_ms())?);
            }
        }
    }
    Ok(revoked)
}

/// Snapshots from before the batch that is written anew; later ones belong to the other life.
fn copy_snapshots(
    name: &str,
    data: &Path,
    (from, to): (&Disk, Option<Disk>),
    first: u64,
) -> Result<(), BackupError> {
    if !from.folder().is_dir() {
        return Ok(());
    }
    let to = match to {
        Some(to) => to,
        None => Disk::create(data.join(name)).map_err(BackupError::on(data))?,
    };
    for sequence in journal::list_snapshots(from)? {
        if sequence < first {
            journal::copy_snapshot(from, &to, sequence)?;
        }
    }
    Ok(())
}

/// Reads what was made, from its first byte to the state.
fn checked(
    data: &Path,
    manifest: &Manifest,
    (until, epoch): (u64, u64),
    watch: Watch<'_>,
) -> Result<(Restored, State), BackupError> {
    let journal = data.join(JOURNAL);
    let options =
        journal::VerifyOptions { rules_known: RULES, anchor: None, patience: Patience::NONE };
    let disk = Disk::existing(&journal);
    let meter = Meter::new(watch, Stage::Checking, bytes_to(manifest, until));
    let read = journal::verify(&Metered { disk: &disk, meter: &meter }, &options)?.read;
    if read.last != until {
        return Err(BackupError::Differs { what: "the end of the journal" });
    }
    let mut state = state_at(&journal, until, watch)?;
    let state_hash = hexadecimal(&state.record_hash());
    if until == manifest.through && state_hash != manifest.state_hash {
        return Err(BackupError::Differs { what: "the state" });
    }
    let left_out = manifest.through - until;
    let (time, revoked) = (state.time(), Vec::new());
    let restored = Restored { through: until, time, epoch, state_hash, left_out, revoked };
    Ok((restored, state))
}
