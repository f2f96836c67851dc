//! Journals in folders, as commands find them.

use std::path::Path;

use journal::{Disk, End};
use node::{JournalReader, LogReader, NodeError};

use crate::failure::Failure;

/// What segments' names end in.
const SEGMENT_SUFFIX: &str = ".journal";

/// A journal that is there.
pub struct JournalFolder {
    /// The folder as given.
    pub path: String,
    /// Reads it, beside its writer if there is one.
    pub reader: JournalReader<Disk>,
    /// The number in the name of its last segment: its first record.
    last_segment: u64,
}

impl JournalFolder {
    /// Finds the journal in a folder, and writes nothing.
    pub fn of(path: &str) -> Result<Self, Failure> {
        let failure = |source| Failure::Open { path: path.to_owned(), source };
        let mut last_segment = None;
        for entry in Path::new(path).read_dir().map_err(failure)? {
            let name = entry.map_err(failure)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SEGMENT_SUFFIX));
            last_segment = last_segment.max(number.and_then(|number| number.parse().ok()));
        }
        let Some(last_segment) = last_segment else {
            return Err(Failure::Usage(format!(
                "{path}: no journal is here (its files are named like \
                 00000000000000000001{SEGMENT_SUFFIX}); name the folder that a node writes to"
            )));
        };
        let reader = JournalReader::new(Disk::existing(path));
        Ok(Self { path: path.to_owned(), reader, last_segment })
    }

    /// The last record there is now; 0 if there is none.
    pub fn last(&self) -> Result<u64, Failure> {
        let before = self.last_segment.saturating_sub(1);
        let reached = self.reader.replay(before, u64::MAX, &mut |_| Ok(()));
        let reached = reached.map_err(|error| self.failure(error))?;
        Ok(reached.map_or(before, |point| point.sequence))
    }

    /// What stands behind the last record, in words; nothing where that is nothing.
    pub fn unfinished(&self) -> Result<Option<String>, Failure> {
        let end = self.reader.end(self.last_segment).map_err(|error| self.failure(error))?;
        Ok(end_words(&end))
    }

    /// The last record of a range that begins with `from`: `to` if that is given.
    pub fn until(&self, from: u64, to: Option<u64>) -> Result<u64, Failure> {
        let last = self.last()?;
        let until = to.unwrap_or(last);
        if until > last {
            let ends = format!("--to {until}: the journal ends with command {last}");
            return Err(Failure::Usage(ends));
        }
        if from > until && from > 1 {
            let text = match to {
                Some(to) => format!("--from {from} is after --to {to}"),
                None => format!("--from {from}: the journal ends with command {last}"),
            };
            return Err(Failure::Usage(text));
        }
        Ok(until)
    }

    /// What is wrong with it.
    pub fn failure(&self, source: NodeError) -> Failure {
        Failure::Journal { path: self.path.clone(), source: Box::new(source) }
    }
}

/// What stands behind the last record of a journal, if anything does.
pub fn end_words(end: &End) -> Option<String> {
    match end {
        End::Clean => None,
        End::Unfinished { file, offset, bytes } => Some(format!(
            "{bytes} bytes of a batch that was never acknowledged: {file}, byte {offset}"
        )),
    }
}
