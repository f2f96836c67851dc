//! The thread that writes the history down.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use node::Breaks;
use tokio::sync::watch;

use super::catch_up::{CatchUp, ROWS};
use super::error::HistoryError;
use super::inlet::{Outlet, Portion};
use super::reader::{History, Shared};
use super::store::Store;

/// How long records wait to be written together: the same pages are written again for each.
const TOGETHER: Duration = Duration::from_millis(200);
/// How long they wait where somebody asks for them.
const AWAITED: Duration = Duration::from_millis(50);
/// When what could not be done is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a history begins with.
pub struct Begin {
    /// Where the database is.
    pub path: PathBuf,
    /// Where the journal is.
    pub journal: PathBuf,
    /// The last command of the journal.
    pub last: u64,
    /// What is done before each time something is written: for tests, which delay it.
    pub before_write: Option<Box<dyn FnMut() + Send>>,
}

/// Starts the thread. It ends with the feed.
///
/// # Errors
/// If the system gives no thread.
pub fn begin(begin: Begin, outlet: Outlet) -> io::Result<History> {
    let (through, reached) = watch::channel(0);
    let state = Arc::new(Shared::default());
    let history = History::new(&begin.path, reached, Arc::clone(&state));
    let mut writer = Writer {
        begin,
        state,
        through,
        store: None,
        catch_up: None,
        waiting: Vec::new(),
        told: None,
    };
    std::thread::Builder::new().name("history".into()).spawn(move || writer.run(&outlet))?;
    Ok(history)
}

struct Writer {
    begin: Begin,
    state: Arc<Shared>,
    through: watch::Sender<u64>,
    store: Option<Store>,
    /// A second engine while something is missing.
    catch_up: Option<CatchUp>,
    /// What came and is not written.
    waiting: Vec<Portion>,
    /// The last trouble, so that it is told once.
    told: Option<String>,
}

impl Writer {
    fn run(&mut self, outlet: &Outlet) {
        node::give_way();
        let mut goes_on = true;
        loop {
            // What was there before is known at once.
            let records = self.waiting.iter().map(|portion| portion.records.len()).sum();
            let written = self.write();
            match &written {
                Ok(()) => {
                    self.told = None;
                    self.waiting.clear();
                    outlet.done(records);
                }
                Err(error) => self.trouble(error),
            }
            if !goes_on {
                self.end();
                return;
            }
            if written.is_err() {
                std::thread::sleep(AGAIN);
            }
            goes_on = self.gather(outlet, written.is_ok());
        }
    }

    /// Nothing more comes.
    fn end(&mut self) {
        if let Some(Err(error)) = self.store.take().map(Store::close) {
            self.trouble(&error);
        }
    }

    /// Takes what comes for a while, which may begin when something does. Gives false when nothing will
    /// come any more.
    fn gather(&mut self, outlet: &Outlet, may_wait: bool) -> bool {
        if may_wait {
            match outlet.portions.recv() {
                Ok(portion) => self.waiting.push(portion),
                Err(_) => return false,
            }
        }
        let begun = Instant::now();
        let left = |of: Duration| of.saturating_sub(begun.elapsed());
        let mut is_awaited = false;
        let mut rows: usize = self.waiting.iter().map(|portion| portion.records.len()).sum();
        while rows < ROWS {
            is_awaited |= self.state.is_awaited.swap(false, Ordering::AcqRel);
            if left(if is_awaited { AWAITED } else { TOGETHER }).is_zero() {
                return true;
            }
            match outlet.portions.recv_timeout(left(TOGETHER).min(AWAITED)) {
                Ok(portion) => {
                    rows += portion.records.len();
                    self.waiting.push(portion);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }

    /// Writes what waits, and what is missing before it.
    fn write(&mut self) -> Result<(), HistoryError> {
        if self.state.is_damaged.load(Ordering::Acquire) {
            self.begin_anew()?;
        }
        if let Some(delay) = &mut self.begin.before_write {
            delay();
        }
        self.opened()?;
        let written = self.write_opened();
        match &written {
            Err(error) if error.is_damage() => self.begin_anew()?,
            Err(HistoryError::InUse(_)) => (self.store, self.catch_up) = (None, None),
            _ => {}
        }
        written
    }

    fn write_opened(&mut self) -> Result<(), HistoryError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let mut rows = Vec::new();
        let mut reached = store.through();
        let mut is_behind = false;
        for portion in &self.waiting {
            if portion.through <= reached {
                continue;
            }
            if portion.is_whole && portion.from <= reached + 1 {
                rows.extend(&portion.records);
                reached = portion.through;
                continue;
            }
            store.write(rows.drain(..), reached)?;
            is_behind = true;
            let catch_up = self.catch_up.get_or_insert_with(|| CatchUp::new(&self.begin.journal));
            let through = &self.through;
            let progress = &mut |sequence| {
                through.send_replace(sequence);
            };
            reached = match catch_up.bring(store, portion.through, progress) {
                Ok(reached) => reached,
                Err(error) => {
                    self.catch_up = None;
                    return Err(error);
                }
            };
        }
        // Others come first, but for one who falls behind.
        let (hurries, mut breaks) = (rows.len() >= ROWS, Breaks::default());
        let rest = |_: &_| {
            if !hurries {
                breaks.take()
            }
        };
        store.write(rows.into_iter().inspect(rest), reached)?;
        if !is_behind {
            self.catch_up = None;
        }
        self.through.send_replace(store.through());
        Ok(())
    }

    /// Opens the database, or begins one where there is none that will do.
    fn opened(&mut self) -> Result<(), HistoryError> {
        if self.store.is_some() {
            return Ok(());
        }
        let store = match Store::open(&self.begin.path) {
            Err(error) if error.is_damage() => {
                self.trouble(&error);
                Store::begin_anew(&self.begin.path)?
            }
            Ok(store) if store.through() > self.begin.last => {
                let what = format!(
                    "it goes on to command {}, and the journal ends with {}",
                    store.through(),
                    self.begin.last
                );
                let path = self.begin.path.display().to_string();
                self.trouble(&HistoryError::Other { path, what });
                drop(store);
                Store::begin_anew(&self.begin.path)?
            }
            opened => opened?,
        };
        self.state.begin_anew();
        self.through.send_replace(store.through());
        self.store = Some(store);
        Ok(())
    }

    fn begin_anew(&mut self) -> Result<(), HistoryError> {
        (self.store, self.catch_up) = (None, None);
        self.through.send_replace(0);
        self.state.begin_anew();
        super::store::remove(&self.begin.path)
    }

    /// Says what is wrong, once.
    fn trouble(&mut self, error: &HistoryError) {
        let text = error.to_string();
        if self.told.as_ref() != Some(&text) {
            tracing::warn!(
                why = text,
                "the history; trading goes on, and what is missing is made again"
            );
            self.told = Some(text);
        }
    }
}
