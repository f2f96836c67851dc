//! The few file operations that the journal needs, as a seam: [`Disk`](crate::Disk) does them for
//! real, [`faulty::Memory`](crate::faulty::Memory) with crashes.

use std::io;

/// A folder of files.
///
/// Names are plain file names. What an operation changes of the folder itself, which names there are
/// and what they mean, is durable only after [`Directory::sync`].
pub trait Directory {
    /// An open file.
    type File: File;
    /// What keeps others out while it lives.
    type Lock;

    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file, empty, to read and write; one of that name is emptied.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Says that a file of `length` bytes will be made before long, so that it may be made ready.
    fn foresee(&self, length: u64) {
        let _ = length;
    }

    /// Makes a file of `length` zeros of what was foreseen, in place of one of that name; nothing if it
    /// is not ready.
    fn create_foreseen(&self, name: &str, length: u64) -> Option<Self::File> {
        let _ = (name, length);
        None
    }

    /// Opens a file to read.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file to read and write.
    fn open_to_write(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, and does away with one that has that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Does away with a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes durable which files there are.
    fn sync(&self) -> io::Result<()>;

    /// Claims the folder for one writer; `None` if another has it.
    fn lock(&self) -> io::Result<Option<Self::Lock>>;
}

/// An open file. What is written is durable only after a sync.
pub trait File {
    /// Reads up to as many bytes as fit, from `offset` on; fewer only at the end of the file.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes from `offset` on.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Bytes in the file.
    fn length(&self) -> io::Result<u64>;

    /// Makes the file at least `length` bytes long, with zeros at the end, and reserves the room.
    fn preallocate(&mut self, length: u64) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes durable what was written, and as much about the file as is needed to read it.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Makes durable what was written and everything about the file.
    fn sync_all(&mut self) -> io::Result<()>;
}
