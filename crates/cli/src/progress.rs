//! A bar on standard error for work that takes more than a second.

use std::cell::RefCell;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress over a known number of steps; shown on a terminal only.
pub struct Progress {
    started: Instant,
    what: String,
    length: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts the clock; `length` steps are to come.
    pub fn of(what: impl Into<String>, length: u64) -> Self {
        Self { started: Instant::now(), what: what.into(), length, done: 0, bar: None }
    }

    /// Takes note of some steps done.
    pub fn advance(&mut self, steps: u64) {
        self.reach(self.done + steps);
    }

    /// Takes note of how many steps are done in all.
    pub fn reach(&mut self, done: u64) {
        self.done = done;
        if self.bar.is_none() && self.started.elapsed() > PATIENCE {
            let bar = ProgressBar::new(self.length);
            if let Ok(style) =
                ProgressStyle::with_template("{msg} [{bar:30}] {percent} %, {eta} left")
            {
                bar.set_style(style);
            }
            bar.set_message(self.what.clone());
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done.min(self.length));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bars for stages of work that follow each other.
#[derive(Default)]
pub struct Stages(RefCell<Option<Progress>>);

impl Stages {
    /// Takes note of how much of a stage is done.
    pub fn reach(&self, what: &str, done: u64, length: u64) {
        let mut shown = self.0.borrow_mut();
        match &mut *shown {
            Some(progress) if progress.what == what && progress.length == length => {
                progress.reach(done);
            }
            _ => *shown = Some(Progress::of(what, length)),
        }
    }
}

/// A reader that shows how far it has come.
pub struct WatchedRead<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> WatchedRead<R> {
    /// Watches a source of `length` bytes.
    pub fn of(inner: R, what: &str, length: u64) -> Self {
        Self { inner, progress: Progress::of(format!("reading {what}"), length) }
    }
}

impl<R: Read> Read for WatchedRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}
