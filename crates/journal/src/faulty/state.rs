//! What a folder in memory has: now, and durably.

use std::collections::BTreeMap;
use std::io;

use super::{Faults, Luck};
use crate::sector::SECTOR_BYTES;

/// A folder's files and faults.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub names: BTreeMap<String, u64>,
    names_durable: BTreeMap<String, u64>,
    /// What was done to names and is not durable; each entry happens wholly or not at all.
    name_changes: Vec<Vec<NameChange>>,
    pub files: BTreeMap<u64, Contents>,
    files_made: u64,
    faults: Faults,
    pub steps: u64,
    syncs: u64,
    pub crashed: bool,
    pub locked: bool,
}

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    pub now: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
}

/// A name is given to a file, or taken away.
#[derive(Clone, Debug)]
pub struct NameChange {
    pub name: String,
    pub to: Option<u64>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

impl State {
    pub fn inject(&mut self, faults: Faults) {
        self.faults = faults;
        self.steps = 0;
        self.syncs = 0;
    }

    pub fn check(&self) -> io::Result<()> {
        if self.crashed { Err(io::Error::other("the process has ended")) } else { Ok(()) }
    }

    pub fn find(&self, name: &str) -> io::Result<u64> {
        self.check()?;
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn create(&mut self, name: &str) -> io::Result<u64> {
        let id = self.files_made;
        self.change_names(vec![NameChange { name: name.to_owned(), to: Some(id) }])?;
        self.files_made += 1;
        self.files.insert(id, Contents::default());
        Ok(id)
    }

    pub fn change_names(&mut self, changes: Vec<NameChange>) -> io::Result<()> {
        self.spend_one()?;
        apply_names(&mut self.names, &changes);
        self.name_changes.push(changes);
        Ok(())
    }

    pub fn sync_names(&mut self) -> io::Result<()> {
        self.spend_one()?;
        let failed = self.sync_fails();
        let changes = std::mem::take(&mut self.name_changes);
        failed?;
        changes.iter().for_each(|changes| apply_names(&mut self.names_durable, changes));
        Ok(())
    }

    pub fn write(&mut self, id: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let end = offset + bytes.len();
        let room = self.room_to(id, end)?.saturating_sub(offset).min(bytes.len());
        let written = self.spend(room);
        let change = Change::Write { offset, bytes: bytes[..written].to_vec() };
        self.file(id).change(change);
        self.check()?;
        if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub fn set_length(&mut self, id: u64, length: u64) -> io::Result<()> {
        self.spend_one()?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        if self.room_to(id, length)? < length {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file(id).change(Change::Length(length));
        Ok(())
    }

    pub fn sync_file(&mut self, id: u64) -> io::Result<()> {
        self.spend_one()?;
        let failed = self.sync_fails();
        let file = self.file(id);
        let changes = std::mem::take(&mut file.changes);
        failed?;
        changes.iter().for_each(|change| change.apply(&mut file.durable));
        Ok(())
    }

    pub fn put(&mut self, name: &str, bytes: Vec<u8>) {
        let contents = Contents { now: bytes.clone(), durable: bytes, changes: Vec::new() };
        let id = self.names.get(name).copied().unwrap_or(self.files_made);
        self.files_made = self.files_made.max(id + 1);
        self.files.insert(id, contents);
        self.names.insert(name.to_owned(), id);
        self.names_durable.insert(name.to_owned(), id);
    }

    pub fn take(&mut self, name: &str) {
        self.names.remove(name);
        self.names_durable.remove(name);
    }

    pub fn killed(&self) -> Self {
        let mut state = Self { crashed: false, locked: false, ..self.clone() };
        state.inject(Faults::default());
        state
    }

    pub fn after_power_cut(&self, luck: Luck) -> Self {
        let mut state = self.killed();
        let mut chance = Chance::new(luck);
        let kept = chance.below(state.name_changes.len() + 1);
        for changes in &state.name_changes[..kept] {
            apply_names(&mut state.names_durable, changes);
        }
        state.name_changes.clear();
        state.names.clone_from(&state.names_durable);
        state.files.values_mut().for_each(|file| file.lose_power(&mut chance));
        state
    }

    fn file(&mut self, id: u64) -> &mut Contents {
        self.files.get_mut(&id).expect("files stay for as long as they may be open")
    }

    fn spend_one(&mut self) -> io::Result<()> {
        self.check()?;
        self.spend(1);
        self.check()
    }

    /// Takes up to so many steps, and says how many were taken before the process ended.
    fn spend(&mut self, steps: usize) -> usize {
        let left = self.faults.crash_after_steps.map_or(u64::MAX, |limit| limit - self.steps);
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(steps);
        self.crashed = taken < steps;
        self.steps += taken as u64;
        taken
    }

    fn sync_fails(&mut self) -> io::Result<()> {
        let fails = self.faults.failing_sync == Some(self.syncs);
        self.syncs += 1;
        if fails { Err(io::Error::other("the device did not write")) } else { Ok(()) }
    }

    /// How far a file may grow towards `end`.
    fn room_to(&mut self, id: u64, end: usize) -> io::Result<usize> {
        let Some(capacity) = self.faults.capacity_bytes else { return Ok(end) };
        let used: usize = self.names.values().map(|id| self.files[id].now.len()).sum();
        let capacity = usize::try_from(capacity).map_err(io::Error::other)?;
        let length = self.file(id).now.len();
        Ok(end.min(length + capacity.saturating_sub(used)))
    }
}

fn apply_names(names: &mut BTreeMap<String, u64>, changes: &[NameChange]) {
    for change in changes {
        match change.to {
            Some(id) => names.insert(change.name.clone(), id),
            None => names.remove(&change.name),
        };
    }
}

impl Contents {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }

    fn lose_power(&mut self, chance: &mut Chance) {
        for change in self.changes.drain(..) {
            match change {
                Change::Write { offset, bytes } => {
                    for (offset, sector) in by_sector(offset, &bytes) {
                        let kept = chance.kept(sector.len());
                        write(&mut self.durable, offset, &sector[..kept]);
                    }
                }
                Change::Length(_) if chance.below(2) == 0 => {}
                Change::Length(length) => self.durable.resize(length, 0),
            }
        }
        self.now.clone_from(&self.durable);
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write(file, *offset, bytes),
            Self::Length(length) => file.resize(*length, 0),
        }
    }
}

fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if !bytes.is_empty() && file.len() < end {
        file.resize(end, 0);
    }
    if !bytes.is_empty() {
        file[offset..end].copy_from_slice(bytes);
    }
}

/// The parts of a write that lie in one sector each.
fn by_sector(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = offset + at;
        let length = (SECTOR_BYTES - start % SECTOR_BYTES).min(bytes.len() - at);
        let part = &bytes[at..at + length];
        at += length;
        (length > 0).then_some((start, part))
    })
}

/// Decides what is left.
struct Chance {
    luck: Luck,
    state: u64,
}

impl Chance {
    fn new(luck: Luck) -> Self {
        let state = if let Luck::Seed(seed) = luck { seed } else { 0 };
        Self { luck, state }
    }

    /// One of `0..count`: the last with all the luck, the first without.
    fn below(&mut self, count: usize) -> usize {
        match self.luck {
            Luck::Everything => count - 1,
            Luck::Nothing => 0,
            Luck::Seed(_) => (self.random() % count as u64) as usize,
        }
    }

    /// How much of a sector is written: often all of it, often nothing, and sometimes a part.
    fn kept(&mut self, length: usize) -> usize {
        match self.below(8) {
            0..4 => 0,
            4 => self.below(length + 1),
            _ => length,
        }
    }

    /// The `SplitMix64` generator (Steele, Lea and Flood, 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
