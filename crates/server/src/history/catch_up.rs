//! Records made again from the journal.

use std::path::{Path, PathBuf};

use journal::Disk;
use node::{JournalReader, Replayed, replay};

use super::error::HistoryError;
use super::record::Record;
use super::store::Store;
use crate::feed::venue::Venue;

/// Rows that are written at once.
pub const ROWS: usize = 20_000;
/// Commands after which what there is is written.
const COMMANDS: u64 = 50_000;

/// A second engine, which does again what the journal says.
pub struct CatchUp {
    journal: PathBuf,
    reader: JournalReader<Disk>,
    replayed: Option<Replayed>,
    venue: Venue,
}

impl CatchUp {
    /// Before the first command of a journal.
    #[must_use]
    pub fn new(journal: &Path) -> Self {
        let reader = JournalReader::new(Disk::existing(journal));
        Self { journal: journal.to_owned(), reader, replayed: None, venue: Venue::default() }
    }

    /// Writes what a database lacks, up to a command or the end of the journal. `progress` is told where
    /// it is.
    ///
    /// # Errors
    /// If the journal can't be read or the database not be written.
    pub fn bring(
        &mut self,
        store: &mut Store,
        until: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, HistoryError> {
        let mut rows: Vec<(u64, Record)> = Vec::new();
        let mut failed = None;
        let mut reached = self.venue.sequence;
        let venue = &mut self.venue;
        let mut seen = |command: &engine::Command, events: &[engine::Event]| {
            let sequence = command.sequence;
            venue.notes.are_wanted = sequence > store.through() && failed.is_none();
            venue.take_in(command, events, &mut Vec::new());
            rows.extend(venue.notes.drain().map(|record| (sequence, record)));
            reached = sequence;
            if rows.len() >= ROWS || sequence.is_multiple_of(COMMANDS) {
                failed = failed.take().or_else(|| store.write(&rows, sequence).err());
                rows.clear();
                progress(store.through());
            }
        };
        let gone_on = match &mut self.replayed {
            Some(replayed) => replayed.go_on(&self.reader, until, &mut seen),
            None => replay(&self.reader, until, false, &mut seen)
                .map(|replayed| self.replayed = Some(replayed)),
        };
        if let Some(failed) = failed {
            return Err(failed);
        }
        gone_on.map_err(HistoryError::journal(&self.journal))?;
        store.write(&rows, reached)?;
        progress(store.through());
        Ok(reached)
    }
}
