//! Back-up of a venue's data folder, also of one that is running, and restore to any command since.
//!
//! A back-up is a folder that looks like the data folder: segments of the journal, the newest snapshots,
//! keys and small files, and a `manifest.json` with the hash of each file. The history is left out: it is
//! made again from the journal.

mod error;
mod files;
mod manifest;
mod meter;
mod restore;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use engine::rules::RULES_VERSION;
use engine::{Command, Event, State};
use instruments::Timestamp;
use journal::{Anchor, Copied, Copying, Directory, Disk, Patience};
use node::{JournalReader, replay};

use crate::auth::hexadecimal;
use crate::service::host_ms;
use meter::{Meter, Metered};

pub use error::BackupError;
pub(crate) use files::{create_private, write_private};
pub use manifest::{Entry, Manifest};
pub use meter::{Progress, Stage, Watch};
pub use restore::{Restored, Until, restore};

/// How long to wait for the batch that shows that what is to be copied is durable: a venue that runs
/// writes one ten times a second.
const SETTLING: Patience = Patience { attempts: 1_000, pause: Duration::from_millis(10) };
/// The newest snapshots are kept, as the venue itself does.
const SNAPSHOTS_KEPT: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");
/// Commands that are replayed from one word about it to the next.
const TOLD_EVERY: u64 = 1_024;
/// Folders with a journal's form, within the data folder.
const JOURNAL: &str = "journal";
/// What clients see, as of each snapshot.
const FEED: &str = "feed";
/// Where small files are kept in a back-up.
const SMALL: &str = "small";

/// What a back-up has done.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// What is in the folder now.
    pub manifest: Manifest,
    /// Files that were copied; the others were there.
    pub copied: usize,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Whether a venue was running on the data folder.
    pub beside_venue: bool,
}

/// Copies a venue to a folder: everything that was acknowledged before this was called. What an earlier
/// back-up has put there stays, and is not copied again. The copy is checked: every byte of what is new,
/// the chain from where the last one ended, and the state that it gives. `watch` is told how far it is.
///
/// # Errors
/// What stands in the way. The folder holds the earlier back-up then, which can be restored.
pub fn back_up(data: &Path, folder: &Path, watch: Watch<'_>) -> Result<BackedUp, BackupError> {
    let source = existing(data)?;
    let _claim = files::claim(folder)?;
    let before = Manifest::read(folder)?;
    if before.is_none() && !files::is_empty(folder, files::LOCK)? {
        return Err(BackupError::NotEmpty(folder.display().to_string()));
    }
    let copy = Disk::create(folder.join(JOURNAL)).map_err(BackupError::on(folder))?;
    // Where no venue runs, none may begin meanwhile.
    let lock = source.lock().map_err(BackupError::on(data))?;
    let until = match &lock {
        Some(_) => u64::MAX,
        None => match journal::settled(&source, RULES, SETTLING)? {
            Some(anchor) => anchor.sequence,
            None => return Err(BackupError::Unsettled(data.display().to_string())),
        },
    };
    let after = before.as_ref().map(Manifest::through);
    let copying = Copying { rules_known: RULES, after: after.transpose()?, until };
    // They are read twice: first it is found out where they end.
    let meter = Meter::new(watch, Stage::Copying, 2 * bytes_from(&source, before.as_ref()));
    let metered = Metered { disk: &source, meter: &meter };
    let copied = journal::copy_batches(&metered, &copy, &copying);
    let copied = copied.map_err(|error| BackupError::not_its_copy(error, folder))?;
    let copied = copied.ok_or_else(|| BackupError::NoVenue(data.display().to_string()))?;
    // Once for the hash, once for the chain.
    let meter = Meter::new(watch, Stage::Checking, 2 * copied.bytes);
    let entries = Vec::new();
    let mut work = Work { data, folder, before, entries, copied: 0, bytes: 0, watch, meter };
    work.segments(&copied)?;
    work.snapshots(&source, &copy, &copied)?;
    work.small_files()?;
    let manifest = work.finish(&copied)?;
    Ok(BackedUp { manifest, copied: work.copied, bytes: work.bytes, beside_venue: lock.is_none() })
}

const RULES: std::ops::RangeInclusive<u32> = 1..=RULES_VERSION;

/// The journal of a data folder that is there.
fn existing(data: &Path) -> Result<Disk, BackupError> {
    let journal = data.join(JOURNAL);
    match journal.is_dir() {
        true => Ok(Disk::existing(journal)),
        false => Err(BackupError::NoVenue(data.display().to_string())),
    }
}

/// Bytes of the segments from the one on with which an earlier back-up ended. They are about as many: the
/// last one has room at its end.
fn bytes_from(source: &Disk, before: Option<&Manifest>) -> u64 {
    let earlier = before.iter().flat_map(|manifest| &manifest.files);
    let last = earlier.filter(|entry| entry.is_segment()).map(|entry| entry.path.as_str()).max();
    let names = source.list().unwrap_or_default().into_iter();
    let wanted =
        names.filter(|name| name.ends_with(".journal") && Some(&*within(JOURNAL, name)) >= last);
    let length =
        |name: String| std::fs::metadata(source.folder().join(name)).map_or(0, |file| file.len());
    wanted.map(length).sum()
}

struct Work<'a> {
    data: &'a Path,
    folder: &'a Path,
    before: Option<Manifest>,
    entries: Vec<Entry>,
    copied: usize,
    bytes: u64,
    watch: Watch<'a>,
    meter: Meter<'a>,
}

impl Work<'_> {
    /// Segments that were written are read again for their hashes; the others have them already.
    fn segments(&mut self, copied: &Copied) -> Result<(), BackupError> {
        let earlier = self.before.iter().flat_map(|manifest| &manifest.files);
        let written = |path: &str| copied.segments.iter().any(|name| path == within(JOURNAL, name));
        let kept = earlier.filter(|entry| entry.is_segment() && !written(&entry.path));
        self.entries.extend(kept.cloned());
        self.entries.iter().try_for_each(|entry| entry.is_there(self.folder))?;
        for name in &copied.segments {
            self.note(&within(JOURNAL, name))?;
        }
        Ok(())
    }

    /// The newest snapshots of the engine and of what clients see. The venue may let one go meanwhile:
    /// then a newer one is there.
    fn snapshots(
        &mut self,
        source: &Disk,
        copy: &Disk,
        copied: &Copied,
    ) -> Result<(), BackupError> {
        self.folder_of_snapshots(JOURNAL, source, copy, copied.through.sequence)?;
        let feed = self.data.join(FEED);
        if feed.is_dir() {
            let to = Disk::create(self.folder.join(FEED)).map_err(BackupError::on(self.folder))?;
            self.folder_of_snapshots(FEED, &Disk::existing(feed), &to, copied.through.sequence)?;
        }
        Ok(())
    }

    fn folder_of_snapshots(
        &mut self,
        name: &str,
        from: &Disk,
        to: &Disk,
        until: u64,
    ) -> Result<(), BackupError> {
        let there = journal::list_snapshots(to)?;
        let mut kept = 0;
        for sequence in journal::list_snapshots(from)?.into_iter().rev() {
            if sequence > until || kept == SNAPSHOTS_KEPT.get() {
                continue;
            }
            if !there.contains(&sequence) {
                match journal::copy_snapshot(from, to, sequence) {
                    Ok(_) => {}
                    Err(_) if !journal::list_snapshots(from)?.contains(&sequence) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            kept += 1;
        }
        let all = journal::list_snapshots(to)?;
        let all = all.into_iter().filter(|sequence| *sequence <= until);
        for sequence in all.rev().take(SNAPSHOTS_KEPT.get()) {
            let path = within(name, &format!("{sequence:020}.snapshot"));
            let mut earlier = self.before.iter().flat_map(|manifest| &manifest.files);
            match earlier.find(|entry| entry.path == path && there.contains(&sequence)) {
                Some(entry) => self.entries.push(entry.clone()),
                None => self.note(&path)?,
            }
        }
        Ok(())
    }

    /// Keys, tokens, settings.
    fn small_files(&mut self) -> Result<(), BackupError> {
        for path in files::small_files(self.data)? {
            let (sha256, bytes, is_new) = files::keep_small(&self.data.join(&path), self.folder)?;
            if is_new {
                self.copied += 1;
                self.bytes += bytes;
            }
            self.entries.push(Entry { path, bytes, sha256 });
        }
        Ok(())
    }

    /// Takes down a file that was copied, as it is on the disk.
    fn note(&mut self, path: &str) -> Result<(), BackupError> {
        let entry = Entry::of(self.folder, path, &self.meter)?;
        self.copied += 1;
        self.bytes += entry.bytes;
        self.entries.push(entry);
        Ok(())
    }

    /// Checks chain and state, and writes the manifest.
    fn finish(&mut self, copied: &Copied) -> Result<Manifest, BackupError> {
        let after = self.before.as_ref().map(Manifest::through).transpose()?;
        let options =
            journal::VerifyOptions { rules_known: RULES, anchor: after, patience: Patience::NONE };
        let copy = self.folder.join(JOURNAL);
        let disk = Disk::existing(&copy);
        let metered = Metered { disk: &disk, meter: &self.meter };
        let read = journal::verify(&metered, &options)?.read;
        let through = Anchor { sequence: read.last, hash: read.hash };
        if through != copied.through {
            return Err(BackupError::Differs { what: "the end of the journal" });
        }
        let mut state = state_at(&copy, through.sequence, self.watch)?;
        self.entries.sort_by(|one, other| one.path.cmp(&other.path));
        let manifest = Manifest {
            version: manifest::VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            taken: Timestamp::from_milliseconds(host_ms()).to_string(),
            through: through.sequence,
            time: state.time().to_string(),
            chain: hexadecimal(&through.hash),
            epoch: copied.epoch,
            state_hash: hexadecimal(&state.record_hash()),
            files: std::mem::take(&mut self.entries),
        };
        manifest.write(self.folder)?;
        // What only the earlier manifest named is needed no longer.
        files::remove_others(self.folder, &manifest)?;
        for name in [JOURNAL, FEED] {
            let folder = self.folder.join(name);
            if folder.is_dir() {
                journal::prune_snapshots(&Disk::existing(folder), SNAPSHOTS_KEPT)?;
            }
        }
        Ok(manifest)
    }
}

/// The state after a command, from the newest snapshot before it.
fn state_at(journal: &Path, sequence: u64, watch: Watch<'_>) -> Result<State, BackupError> {
    let reader = JournalReader::new(Disk::existing(journal));
    let mut before = None;
    let mut seen = |command: &Command, _: &[Event]| {
        let before = *before.get_or_insert(command.sequence - 1);
        if command.sequence.is_multiple_of(TOLD_EVERY) || command.sequence == sequence {
            let (done, of) = (command.sequence - before, sequence - before);
            watch(Progress { stage: Stage::Replaying, done, of });
        }
    };
    let replayed = replay(&reader, sequence, true, &mut seen)?;
    replayed.state.ok_or_else(|| BackupError::NoVenue(journal.display().to_string()))
}

fn within(folder: &str, name: &str) -> String {
    format!("{folder}/{name}")
}
