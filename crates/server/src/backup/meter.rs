//! How far a back-up or a restore has come.

use std::cell::Cell;
use std::io;

use journal::{Directory, Disk, File};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The journal is copied; counted in bytes that are read.
    Copying,
    /// Files are read again for their hashes, the journal for its chain; counted in bytes.
    Checking,
    /// Commands are replayed to the state.
    Replaying,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// With what.
    pub stage: Stage,
    /// Bytes or commands that are done.
    pub done: u64,
    /// About how many there are.
    pub of: u64,
}

/// Who is told, again and again.
pub type Watch<'a> = &'a dyn Fn(Progress);

/// Counts what is done in a stage.
pub(super) struct Meter<'a> {
    watch: Watch<'a>,
    stage: Stage,
    done: Cell<u64>,
    of: u64,
}

impl<'a> Meter<'a> {
    /// Nothing is done yet, of about so much.
    pub const fn new(watch: Watch<'a>, stage: Stage, of: u64) -> Self {
        Self { watch, stage, done: Cell::new(0), of }
    }

    /// So much more is done.
    pub fn add(&self, count: u64) {
        let (stage, of) = (self.stage, self.of);
        let done = self.done.get().saturating_add(count);
        self.done.set(done);
        (self.watch)(Progress { stage, done, of });
    }
}

/// A folder on disk, of which is counted what is read.
#[derive(Clone, Copy)]
pub(super) struct Metered<'a> {
    pub disk: &'a Disk,
    pub meter: &'a Meter<'a>,
}

/// A file of it.
pub(super) struct MeteredFile<'a> {
    file: <Disk as Directory>::File,
    meter: &'a Meter<'a>,
}

impl<'a> Metered<'a> {
    fn metered(&self, file: <Disk as Directory>::File) -> MeteredFile<'a> {
        MeteredFile { file, meter: self.meter }
    }
}

impl<'a> Directory for Metered<'a> {
    type File = MeteredFile<'a>;
    type Lock = <Disk as Directory>::Lock;

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Self::File> {
        self.disk.create(name).map(|file| self.metered(file))
    }

    fn open(&self, name: &str) -> io::Result<Self::File> {
        self.disk.open(name).map(|file| self.metered(file))
    }

    fn open_to_write(&self, name: &str) -> io::Result<Self::File> {
        self.disk.open_to_write(name).map(|file| self.metered(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }

    fn lock(&self) -> io::Result<Option<Self::Lock>> {
        self.disk.lock()
    }
}

impl File for MeteredFile<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(offset, buffer)?;
        self.meter.add(count as u64);
        Ok(count)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn preallocate(&mut self, length: u64) -> io::Result<()> {
        self.file.preallocate(length)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}
