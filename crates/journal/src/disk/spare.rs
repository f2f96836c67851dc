//! The next segment's file, filled with zeros by a thread while the one before it is written.
//!
//! Room that is only reserved has to be marked as written by each sync, which waits for what the file
//! system has under way for other files. Where zeros were written before, a sync writes the data alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::format::SPARE_NAME;

/// Bytes that are written at once.
const PART: usize = 1 << 20;
/// The pause between two parts, so that the journal's own syncs find the disk free.
const PAUSE: Duration = Duration::from_millis(5);

/// A file that is prepared, or will be.
#[derive(Debug, Default)]
pub struct Spare {
    work: Mutex<Option<Work>>,
}

/// A thread that prepares a file.
#[derive(Debug)]
struct Work {
    path: PathBuf,
    length: u64,
    thread: JoinHandle<io::Result<()>>,
    is_wanted: Arc<AtomicBool>,
}

impl Spare {
    /// Has a file of `length` zeros made in a folder, if there is none yet.
    pub fn prepare(&self, folder: &Path, length: u64) {
        let mut work = self.work();
        if work.is_some() {
            return;
        }
        let path = folder.join(SPARE_NAME);
        let is_wanted = Arc::new(AtomicBool::new(true));
        let make = {
            let (path, is_wanted) = (path.clone(), Arc::clone(&is_wanted));
            move || make(&path, length, &is_wanted)
        };
        // Without it segments are made as they are needed.
        let thread = thread::Builder::new().name("spare".to_owned()).spawn(make);
        *work = thread.ok().map(|thread| Work { path, length, thread, is_wanted });
    }

    /// Gives the file another name; says whether one of that length was ready.
    pub fn take(&self, path: &Path, length: u64) -> bool {
        let mut work = self.work();
        let ready = work.take_if(|work| work.length == length && work.thread.is_finished());
        ready.is_some_and(|ready| {
            let made = ready.thread.join().is_ok_and(|made| made.is_ok());
            made && fs::rename(&ready.path, path).is_ok()
        })
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(work) = self.work().take() {
            work.is_wanted.store(false, Ordering::Relaxed);
            // If the file stays, the next opening does away with it.
            let _ = work.thread.join();
            let _ = fs::remove_file(work.path);
        }
    }
}

/// Makes the file; if that fails, none is left.
fn make(path: &Path, length: u64, is_wanted: &AtomicBool) -> io::Result<()> {
    fill(path, length, is_wanted).inspect_err(|_| drop(fs::remove_file(path)))
}

fn fill(path: &Path, length: u64, is_wanted: &AtomicBool) -> io::Result<()> {
    let mut file = File::create(path)?;
    super::reserve(&file, length)?;
    let zeros = vec![0; PART];
    let mut left = length;
    while left > 0 {
        if !is_wanted.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let part = usize::try_from(left).map_or(PART, |left| left.min(PART));
        file.write_all(&zeros[..part])?;
        file.sync_data()?;
        left -= part as u64;
        thread::sleep(PAUSE);
    }
    file.sync_all()
}
