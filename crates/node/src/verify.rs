//! Verifying a journal from its first byte to the state that it gives.

use engine::State;
use journal::{
    Anchor, Batches, Directory, Patience, ReadError, SnapshotHeader, Verified, VerifyOptions,
    check_names, list_snapshots, verify_snapshot,
};

use crate::NodeError;
use crate::journal_log::{JournalReader, RULES_KNOWN};
use crate::log::Point;
use crate::replay::{Replayed, Report, hexadecimal};

/// How often the state is audited while it is replayed, apart from snapshots and the end.
const AUDITS: u64 = 16;

/// What verifying a journal has found.
#[derive(Default)]
pub struct Verification {
    /// Segments and batches; `None` if the chain is broken.
    pub journal: Option<Verified>,
    /// Snapshots of which every byte is good and the state is that of the journal.
    pub snapshots: Vec<SnapshotHeader>,
    /// The replay: commands applied, checkpoints compared.
    pub report: Report,
    /// How often the state was audited.
    pub audits: u64,
    /// The state at the end; `None` if the journal is empty or replay did not get there.
    pub state: Option<State>,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<NodeError>,
}

/// Reads a whole journal beside a writer or without one, and writes nothing. Checked are
///
/// - every byte of segments and snapshots, and the chain of hashes;
/// - that replay from the first record on agrees with every checkpoint and every snapshot;
/// - now and then, at snapshots and at the end, all that [`State::audit`] checks: conservation by
///   asset and by instrument, holds, books, and what is kept beside the records.
///
/// A journal whose first segments are gone is replayed from the oldest good snapshot on.
///
/// `watch` is told how many commands there are in all, and then of each that was applied.
///
/// # Errors
/// What the file system says. What is wrong with the journal is in [`Verification::problems`].
pub fn verify<D>(
    reader: &JournalReader<D>,
    watch: &mut dyn FnMut(Watched),
) -> Result<Verification, NodeError>
where
    D: Directory + Send + Sync + 'static,
    D::File: Send + 'static,
{
    let directory = reader.directory();
    let mut found = Verification::default();
    // A writer may add to both meanwhile: first those that must be in the journal that is read then.
    let mut snapshots = Vec::new();
    for sequence in list_snapshots(directory)? {
        match verify_snapshot(directory, sequence, &RULES_KNOWN) {
            Ok(header) => snapshots.push(header),
            Err(_) if reader.let_go(sequence)? => {}
            Err(error) => found.problem(error.into())?,
        }
    }
    // Before anything that a misplaced segment would make look wrong.
    let names = check_names(directory);
    let begins = match names.and_then(|()| begins_with(directory, &snapshots)) {
        Ok(begins) => begins,
        Err(error) => {
            found.problem(error.into())?;
            return Ok(found);
        }
    };
    let options = VerifyOptions {
        rules_known: RULES_KNOWN,
        anchor: begins.map(|header| header.anchor()),
        patience: Patience::BESIDE_WRITER,
    };
    match journal::verify(directory, &options) {
        Ok(verified) => found.journal = Some(verified),
        Err(error) => {
            found.problem(error.into())?;
            return Ok(found);
        }
    }
    if let Err(error) = found.replay(reader, begins, &snapshots, watch) {
        found.problem(error)?;
    }
    Ok(found)
}

/// What [`verify`] tells while it is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// So many commands are to be applied.
    Length(u64),
    /// One was.
    Applied,
}

/// The snapshot to begin with, if the journal does not begin with the first record.
fn begins_with<D: Directory>(
    directory: &D,
    snapshots: &[SnapshotHeader],
) -> Result<Option<SnapshotHeader>, ReadError> {
    match Batches::open(directory, 1, RULES_KNOWN, Patience::BESIDE_WRITER) {
        Err(ReadError::TooEarly { sequence, first }) => {
            let begins = snapshots.iter().find(|header| header.sequence + 1 >= first).copied();
            begins.map(Some).ok_or(ReadError::TooEarly { sequence, first })
        }
        // Anything else is found again where the journal is verified.
        _ => Ok(None),
    }
}

impl Verification {
    fn problem(&mut self, error: NodeError) -> Result<(), NodeError> {
        match error {
            NodeError::Read(ReadError::Storage(_)) | NodeError::Storage(_) => Err(error),
            error => {
                self.problems.push(error);
                Ok(())
            }
        }
    }

    fn replay<D>(
        &mut self,
        reader: &JournalReader<D>,
        begins: Option<SnapshotHeader>,
        snapshots: &[SnapshotHeader],
        watch: &mut dyn FnMut(Watched),
    ) -> Result<(), NodeError>
    where
        D: Directory + Send + Sync + 'static,
        D::File: Send + 'static,
    {
        let last = self.journal.as_ref().map_or(0, |verified| verified.read.last);
        let mut replayed = Replayed::empty();
        let mut done = 0;
        if let Some(header) = begins {
            replayed = Replayed::begin(reader.snapshot(&header)?)?;
            done = header.sequence;
        }
        if let Some(header) = snapshots.iter().find(|header| header.sequence > last) {
            let (anchor, next) = (header.anchor(), last + 1);
            return Err(ReadError::Behind { anchor, next }.into());
        }
        watch(Watched::Length(last - done));
        let later = snapshots.iter().filter(|header| header.sequence > done);
        let stride = ((last - done) / AUDITS).max(1);
        let strides = (1..=AUDITS).map(|audit| done.saturating_add(audit * stride).min(last));
        let mut stops: Vec<u64> = later.map(|header| header.sequence).chain(strides).collect();
        stops.push(last);
        stops.sort_unstable();
        stops.dedup();
        for stop in stops.into_iter().filter(|stop| *stop > done) {
            replayed.go_on(reader, stop, &mut |_, _| watch(Watched::Applied))?;
            self.audit(&replayed)?;
            if let Some(header) = snapshots.iter().find(|header| header.sequence == stop) {
                compare(&mut replayed, header)?;
                match reader.snapshot(header).and_then(Replayed::begin) {
                    Err(error) if !reader.let_go(stop)? => return Err(error),
                    _ => self.snapshots.push(*header),
                }
            }
        }
        self.snapshots.extend(begins);
        self.report = replayed.report;
        self.state = replayed.state;
        Ok(())
    }

    fn audit(&mut self, replayed: &Replayed) -> Result<(), NodeError> {
        let Some(state) = &replayed.state else { return Ok(()) };
        let broken = |what| NodeError::Invariant { sequence: state.sequence(), what };
        state.audit().map_err(broken)?;
        self.audits += 1;
        Ok(())
    }
}

/// Whether the state and the chain are what a snapshot says.
fn compare(replayed: &mut Replayed, header: &SnapshotHeader) -> Result<(), NodeError> {
    let Anchor { sequence, hash } = header.anchor();
    if replayed.point != Some(Point { sequence, chain: hash }) {
        return Err(ReadError::Anchor { anchor: header.anchor() }.into());
    }
    let computed = replayed.state.as_mut().map(State::record_hash).unwrap_or_default();
    if computed != header.state {
        let [computed, recorded] = [computed, header.state].map(|hash| hexadecimal(&hash));
        return Err(NodeError::SnapshotState { sequence, computed, recorded });
    }
    Ok(())
}
