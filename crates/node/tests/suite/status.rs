//! A snapshot that fails is told by the node's status, and the node goes on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::command::Action;
use engine::record_tree::Hash;
use instruments::Timestamp;
use journal::faulty::Memory;
use node::{
    Committed, JournalLog, JournalOptions, JournalReader, Log, LogReader, ManualClock, Node,
    NodeError, Options, Point, Snapshot,
};

use crate::world::{open, options, script};

/// What is wrong with the storage of snapshots, and with nothing else.
#[derive(Clone, Default)]
struct Trouble {
    full: Arc<AtomicBool>,
    unreadable: Arc<AtomicBool>,
}

impl Trouble {
    fn check(trouble: &AtomicBool, kind: io::ErrorKind) -> Result<(), NodeError> {
        match trouble.load(Ordering::SeqCst) {
            true => Err(NodeError::SnapshotWrite(kind.into())),
            false => Ok(()),
        }
    }
}

struct Troubled<L>(L, Trouble);

impl<L: Log> Log for Troubled<L> {
    type Reader = Troubled<L::Reader>;

    fn commit(
        &mut self,
        records: &mut dyn Iterator<Item = &[u8]>,
        time_ms: u64,
    ) -> Result<u64, NodeError> {
        self.0.commit(records, time_ms)
    }

    fn last(&self) -> u64 {
        self.0.last()
    }

    fn reader(&self) -> Self::Reader {
        Troubled(self.0.reader(), self.1.clone())
    }
}

impl<R: LogReader> LogReader for Troubled<R> {
    fn replay(
        &self,
        after: u64,
        until: u64,
        each: &mut dyn FnMut(Committed<'_>) -> Result<(), NodeError>,
    ) -> Result<Option<Point>, NodeError> {
        self.0.replay(after, until, each)
    }

    fn newest_snapshot(&self, until: u64) -> Result<(Option<Snapshot>, Vec<String>), NodeError> {
        Trouble::check(&self.1.unreadable, io::ErrorKind::PermissionDenied)?;
        self.0.newest_snapshot(until)
    }

    fn keep_snapshot(
        &self,
        point: Point,
        state: Hash,
        write: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<u64, NodeError> {
        Trouble::check(&self.1.full, io::ErrorKind::StorageFull)?;
        self.0.keep_snapshot(point, state, write)
    }
}

/// A journal without a snapshot; the last record in it.
fn journal() -> (Memory, u64) {
    let memory = Memory::new();
    let world = open(&memory, Options { snapshot_every: 0, ..options() }).unwrap();
    world.ask(&script(7)[..40]);
    let last = world.node.close().unwrap().sequence();
    (memory, last)
}

fn open_troubled(memory: &Memory, trouble: &Trouble, snapshot_every: u64) -> Node {
    let journal = JournalOptions { segment_bytes: 1 << 15, epoch: 1 };
    let (log, _) = JournalLog::open(memory.clone(), journal).unwrap();
    let log = Troubled(log, trouble.clone());
    let clock = ManualClock::at(Timestamp::from_milliseconds(1 << 42));
    let options = Options { snapshot_every, ..options() };
    Node::open(log, clock, options, |_| {}).unwrap().0
}

fn tick(node: &Node) -> u64 {
    node.submit(Action::Tick {}).unwrap().wait().unwrap().sequence
}

#[test]
fn a_recovery_snapshot_that_fails_is_told_and_the_node_goes_on() {
    let (memory, last) = journal();
    let trouble = Trouble::default();
    trouble.full.store(true, Ordering::SeqCst);
    let node = open_troubled(&memory, &trouble, last);
    // Before anybody has asked anything.
    let status = node.status();
    assert_eq!((status.released, status.snapshot), (last, 0));
    let full = io::Error::from(io::ErrorKind::StorageFull).to_string();
    assert!(
        status.snapshot_error.as_ref().is_some_and(|error| error.contains(&full)),
        "{status:?}"
    );
    assert_eq!(journal::list_snapshots(&memory).unwrap(), [0; 0]);
    assert_eq!(tick(&node), last + 1);

    // It is due still, so that tick has had it tried again, which may go on. With room again one is
    // written, and nothing more is told.
    trouble.full.store(false, Ordering::SeqCst);
    while node.snapshot().is_err() {
        std::thread::yield_now();
    }
    let status = node.status();
    assert_eq!((status.snapshot, status.snapshot_error), (last + 1, None));
    drop(node);
    let reader = JournalReader::new(memory);
    let (newest, damaged) = reader.newest_snapshot(u64::MAX).unwrap();
    assert_eq!((newest.unwrap().point.sequence, damaged.len()), (last + 1, 0));
}

#[test]
fn a_shadow_that_cannot_begin_is_told_and_begins_again() {
    let (memory, last) = journal();
    let trouble = Trouble::default();
    let node = open_troubled(&memory, &trouble, 0);
    assert_eq!(node.status().snapshot_error, None);
    // The shadow begins with the newest snapshot: it can't look for one.
    trouble.unreadable.store(true, Ordering::SeqCst);
    let refused = node.snapshot().unwrap_err();
    let status = node.status();
    assert_eq!((status.snapshot, status.snapshot_error), (0, Some(refused)));
    assert_eq!(tick(&node), last + 1);
    trouble.unreadable.store(false, Ordering::SeqCst);
    assert_eq!(node.snapshot(), Ok(last + 1));
    assert_eq!(node.status().snapshot_error, None);
}
