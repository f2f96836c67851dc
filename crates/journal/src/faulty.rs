//! Files in memory that fail as real ones do, for tests and simulation.
//!
//! [`Memory`] keeps apart what is durable and what only its cache has. Faults are injected by
//! [`Faults`]: the process ends at any byte of any write or before any other operation, the disk is
//! full, a sync fails. What is left is looked at by [`Memory::kill`], where the cache survives the
//! process, and by [`Memory::cut_power`], where of the cache only what luck decides is left.
//!
//! ```
//! use plimsoll_journal::faulty::{Faults, Luck, Memory};
//! use plimsoll_journal::{Journal, Options};
//!
//! let memory = Memory::new();
//! let (mut journal, _) = Journal::open(memory.clone(), Options::default())?;
//! journal.append(["acknowledged"], 0)?;
//! journal.sync()?;
//! memory.inject(Faults { crash_after_steps: Some(100), ..Faults::default() });
//! assert!(journal.append(["cut off after 100 bytes"], 0).is_err());
//!
//! let rebooted = memory.cut_power(Luck::Seed(1));
//! let (journal, _) = Journal::open(rebooted, Options::default())?;
//! assert_eq!(journal.durable().sequence, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod state;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::{Directory, File};
use state::{NameChange, State};

/// What is to go wrong, counted from when it is injected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The process ends after so many steps. A byte that is written is a step, and so is every other
    /// operation that changes something.
    pub crash_after_steps: Option<u64>,
    /// The sync that fails, from 0 on; what it should have written stays in the cache for reading
    /// and is never written, as on Linux.
    pub failing_sync: Option<u64>,
    /// Bytes that all files together may have.
    pub capacity_bytes: Option<u64>,
}

/// What is left of the cache when the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// All of it.
    Everything,
    /// Nothing.
    Nothing,
    /// By chance: some sectors, some of them cut short, and some of the operations on files.
    Seed(u64),
}

/// A folder in memory. Clones are the same folder.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

impl Memory {
    /// An empty folder without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has things go wrong from now on, and counts steps from here.
    pub fn inject(&self, faults: Faults) {
        self.state().inject(faults);
    }

    /// Steps taken since faults were last injected.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Whether the process has ended by a fault; every operation fails then.
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        self.state().crashed
    }

    /// The folder as the next process finds it, on a machine that ran on.
    #[must_use]
    pub fn kill(&self) -> Self {
        Self::with(self.state().killed())
    }

    /// The folder as it is found when the machine is back.
    #[must_use]
    pub fn cut_power(&self, luck: Luck) -> Self {
        Self::with(self.state().after_power_cut(luck))
    }

    /// The bytes of a file; `None` if there is none of that name.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let id = state.names.get(name)?;
        Some(state.files[id].now.clone())
    }

    /// Puts a durable file there, whatever was there before: damage, or a copy.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.state().put(name, bytes);
    }

    /// Takes a file away, durably.
    pub fn take(&self, name: &str) {
        self.state().take(name);
    }

    fn with(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere has no half-done operation here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, id: u64) -> MemoryFile {
        MemoryFile { memory: self.clone(), id }
    }
}

impl Directory for Memory {
    type File = MemoryFile;
    type Lock = MemoryLock;

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let id = self.state().create(name)?;
        Ok(self.file(id))
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let id = self.state().find(name)?;
        Ok(self.file(id))
    }

    fn open_to_write(&self, name: &str) -> io::Result<MemoryFile> {
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let id = state.find(from)?;
        state.change_names(vec![
            NameChange { name: from.to_owned(), to: None },
            NameChange { name: to.to_owned(), to: Some(id) },
        ])
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.find(name)?;
        state.change_names(vec![NameChange { name: name.to_owned(), to: None }])
    }

    fn sync(&self) -> io::Result<()> {
        self.state().sync_names()
    }

    fn lock(&self) -> io::Result<Option<MemoryLock>> {
        let mut state = self.state();
        state.check()?;
        if state.locked {
            return Ok(None);
        }
        state.locked = true;
        Ok(Some(MemoryLock { memory: self.clone() }))
    }
}

/// Keeps others out while it lives.
#[derive(Debug)]
pub struct MemoryLock {
    memory: Memory,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.memory.state().locked = false;
    }
}

/// A file in memory.
#[derive(Debug)]
pub struct MemoryFile {
    memory: Memory,
    id: u64,
}

impl File for MemoryFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.memory.state();
        state.check()?;
        let bytes = &state.files[&self.id].now;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buffer.len().min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.memory.state().write(self.id, offset, bytes)
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.memory.state();
        state.check()?;
        Ok(state.files[&self.id].now.len() as u64)
    }

    fn preallocate(&mut self, length: u64) -> io::Result<()> {
        let now = self.length()?;
        if now < length {
            self.memory.state().set_length(self.id, length)?;
        }
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.memory.state().set_length(self.id, length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.memory.state().sync_file(self.id)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.memory.state().sync_file(self.id)
    }
}
