//! A node at work: order, release, refusals, views, snapshots, and what stops it.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use engine::command::{Action, OpenAccount};
use engine::{Command, Event, State};
use instruments::Timestamp;
use journal::faulty::Memory;
use ledger::AccountId;
use node::{
    Clock, Committed, JournalLog, JournalOptions, JournalReader, Log, LogReader, ManualClock, Node,
    NodeError, Options, Point, Released, Snapshot, SubmitError, replay,
};
use risk::MarginModel;

use crate::cases;
use crate::world::{LIMITS, Twin, open, options, script};

const OPEN: Action =
    Action::OpenAccount(OpenAccount { owner: None, margin_model: MarginModel::Portfolio });

#[test]
fn a_node_is_its_engine() {
    for seed in 0..cases(20) {
        let memory = Memory::new();
        let world = open(&memory, options()).unwrap();
        let asked = script(seed);
        world.ask(&asked);
        let mut state = world.node.close().unwrap();
        let released = world.released.lock().unwrap();
        assert_eq!(released.len(), asked.len());
        let in_order =
            (1..).zip(released.iter()).all(|(place, (command, _))| command.sequence == place);
        assert!(in_order);
        let mut twin = Twin::of_memory(&memory);
        twin.has_all(&released);
        assert_eq!(state.record_hash(), twin.hash());
        // And from the newest snapshot.
        let reader = JournalReader::new(memory.clone());
        let last = replay(&reader, u64::MAX, true, &mut |_, _| {}).unwrap();
        assert_eq!(last.state.unwrap().record_hash(), twin.hash());
    }
}

#[test]
fn time_never_goes_back() {
    let world = open(&Memory::new(), options()).unwrap();
    for time in [5_000, 3_000, i64::MIN, 9_000, i64::MAX, 0] {
        world.clock.set(Timestamp::from_milliseconds(time));
        world.node.submit(Action::Tick {}).unwrap().wait().unwrap();
    }
    let times: Vec<i64> = world
        .released
        .lock()
        .unwrap()
        .iter()
        .map(|(command, _)| command.time.milliseconds())
        .collect();
    // The end of time is refused by the engine, and does not count.
    assert_eq!(times, [5_000, 5_000, 5_000, 9_000, i64::MAX, 9_000]);
}

#[test]
fn views_are_of_one_command() {
    // When commands get their time depends on how they fall into batches, and with it whether
    // anybody can be margined at the end.
    let margined: u32 = (0..cases(8)).map(views_margined).sum();
    assert!(margined > 0);
}

/// Compares the margin in every view with one computed from the view; gives how many have one.
fn views_margined(seed: u64) -> u32 {
    let world = open(&Memory::new(), options()).unwrap();
    world.ask(&script(seed));
    let mut margined = 0;
    for account in 0..LIMITS.accounts_max {
        let Some(view) = world.node.view(AccountId::new(account)).unwrap() else { continue };
        assert_eq!(view.sequence, world.node.status().released);
        let (Ok(margin), Some(epoch)) = (&view.margin, &view.epoch) else { continue };
        margined += 1;
        let again = match (view.margin_model, &epoch.portfolio, &epoch.position) {
            (MarginModel::Portfolio, Some(epoch), _) => {
                risk::margin(epoch, &view.market, &view.contents)
            }
            (model, _, Some(rules)) => rules.margin(&view.market, &view.contents, model),
            _ => panic!("a margin without a model"),
        };
        let again = again.unwrap();
        assert_eq!((again.initial, again.equity.total), (margin.initial, margin.equity.total));
    }
    assert!(world.node.view(AccountId::new(1_000)).unwrap().is_none());
    let seen = world.node.read(State::sequence).unwrap();
    assert_eq!(seen, world.node.status().released);
    margined
}

#[test]
fn snapshots_are_written_beside() {
    let memory = Memory::new();
    let world = open(&memory, Options { snapshot_every: 0, ..options() }).unwrap();
    let asked = script(5);
    for part in asked.chunks(30) {
        world.ask(part);
        let kept = world.node.snapshot().unwrap();
        assert_eq!(kept, world.node.status().released);
        assert_eq!(world.node.status().snapshot, kept);
    }
    // Two are kept.
    let snapshots = journal::list_snapshots(&memory).unwrap();
    assert_eq!(snapshots.len(), 2);
    let hash = world.node.record_hash().unwrap();
    drop(world);
    let world = open(&memory, options()).unwrap();
    assert_eq!(world.report.snapshot, snapshots.last().copied());
    assert_eq!((world.report.commands, world.node.record_hash().unwrap()), (0, hash));
    drop(world);
    // A damaged one is passed over, and named.
    let name = format!("{:020}.snapshot", snapshots[1]);
    let mut bytes = memory.bytes(&name).unwrap();
    bytes[200] ^= 1;
    memory.put(&name, bytes);
    let world = open(&memory, options()).unwrap();
    assert_eq!(world.report.snapshot, Some(snapshots[0]));
    assert!(world.report.damaged[0].contains(&name));
    assert_eq!(world.node.record_hash().unwrap(), hash);
}

#[test]
fn a_due_snapshot_is_written_before_a_recovered_node_takes_anything() {
    let memory = Memory::new();
    let never = Options { snapshot_every: 0, ..options() };
    let world = open(&memory, never.clone()).unwrap();
    world.ask(&script(7));
    let mut state = world.node.close().unwrap();
    let (last, hash) = (state.sequence(), state.record_hash());
    let open_every = |snapshot_every| {
        let world = open(&memory, Options { snapshot_every, ..never.clone() }).unwrap();
        (world.report.clone(), world.node.status())
    };
    // One command short of it, none is due.
    let (report, status) = open_every(last + 1);
    assert_eq!((report.commands, status.snapshot), (last, 0));
    // It is there before anybody has asked anything, and nothing is done twice.
    let (report, status) = open_every(last);
    assert_eq!((report.commands, status.snapshot, status.snapshot_error), (last, last, None));
    assert_eq!(journal::list_snapshots(&memory).unwrap(), [last]);
    let (report, status) = open_every(1);
    assert_eq!((report.snapshot, report.commands, status.snapshot), (Some(last), 0, last));
    let world = open(&memory, never).unwrap();
    assert_eq!(world.node.record_hash().unwrap(), hash);
}

#[test]
fn replay_stops_at_any_record() {
    let memory = Memory::new();
    let world = open(&memory, options()).unwrap();
    world.ask(&script(4)[..60]);
    world.node.close().unwrap();
    let reader = JournalReader::new(memory);
    let ignored = &mut |_: &Command, _: &[Event]| {};
    // Batches have eight commands: most of these stop within one, and go on from there.
    let mut walker = replay(&reader, 0, false, ignored).unwrap();
    assert!(walker.state.is_none() && walker.point.is_none());
    for until in 1..=60 {
        walker.go_on(&reader, until, ignored).unwrap();
        let walked = walker.state.as_mut().unwrap();
        for snapshots in [false, true] {
            let jumped = replay(&reader, until, snapshots, ignored).unwrap();
            let mut state = jumped.state.unwrap();
            assert_eq!(state.sequence(), until);
            assert_eq!(state.record_hash(), walked.record_hash());
            assert!(jumped.report.snapshot.is_none_or(|snapshot| snapshot <= until));
            assert_eq!(jumped.point, walker.point);
        }
    }
    assert_eq!(walker.report.commands, 60);
    assert_eq!(walker.point.map(|point| point.sequence), Some(60));
}

#[test]
fn another_state_at_a_checkpoint_stops_with_place_and_remedy() {
    let memory = Memory::new();
    let (mut log, _) = JournalLog::open(memory.clone(), JournalOptions::default()).unwrap();
    let world = Memory::new();
    // The records of a node, one checkpoint of them changed, written by hand.
    let node = open(&world, options()).unwrap();
    node.ask(&script(2)[..40]);
    node.node.close().unwrap();
    let reader = JournalReader::new(world);
    let mut changed = false;
    reader
        .replay(0, u64::MAX, &mut |batch| {
            let mut records: Vec<Vec<u8>> = batch.records.map(<[u8]>::to_vec).collect();
            if let Some(record) = records.iter_mut().find(|record| record[0] == 2) {
                record[7] ^= 1;
                changed = true;
            }
            log.commit(&mut records.iter().map(Vec::as_slice), 0).map(|_| ())
        })
        .unwrap();
    assert!(changed);
    drop(log);
    let error = open(&memory, options()).err().unwrap().to_string();
    assert!(error.starts_with("checkpoint before record "), "{error}");
    assert!(error.contains("replay with the program that wrote the journal"), "{error}");
}

/// A log that waits to be let on.
struct Slow<L>(L, std::sync::mpsc::Receiver<()>);

impl<L: Log> Log for Slow<L> {
    type Reader = L::Reader;

    fn commit(
        &mut self,
        records: &mut dyn Iterator<Item = &[u8]>,
        time_ms: u64,
    ) -> Result<u64, NodeError> {
        self.1.recv_timeout(Duration::from_secs(60)).expect("the test lets it on");
        self.0.commit(records, time_ms)
    }

    fn last(&self) -> u64 {
        self.0.last()
    }

    fn reader(&self) -> L::Reader {
        self.0.reader()
    }
}

#[test]
fn nothing_is_released_before_it_is_durable_and_a_full_queue_says_so() {
    let (log, _) = JournalLog::open(Memory::new(), JournalOptions::default()).unwrap();
    let (on, waits) = sync_channel(100);
    let (released, seen) = sync_channel(100);
    let options = Options { queue_max: 4, ..options() };
    let clock = ManualClock::at(Timestamp::from_milliseconds(0));
    let publish = move |command: Released<'_>| released.send(command.command.sequence).unwrap();
    let (node, _) = Node::open(Slow(log, waits), clock, options, publish).unwrap();
    let mut tickets = Vec::new();
    let refused = loop {
        match node.submit(OPEN) {
            Ok(ticket) => tickets.push(ticket),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, SubmitError::Full(4));
    assert!(refused.to_string().contains("try again"));
    // The queue, and what the sequencer has taken from it already.
    assert!((4..=20).contains(&tickets.len()), "{}", tickets.len());
    assert!(seen.recv_timeout(Duration::from_millis(20)).is_err(), "nothing is durable yet");
    for _ in 0..100 {
        // As often as there may be batches.
        let _ = on.try_send(());
    }
    for (sequence, ticket) in (1..).zip(tickets) {
        let answer = ticket.wait().unwrap();
        assert_eq!(answer.sequence, sequence);
        assert!(matches!(answer.events[..], [Event::AccountOpened { .. } | Event::Rejected(_)]));
        assert_eq!(seen.recv().unwrap(), sequence);
    }
}

/// A log that takes nothing.
struct Broken<L>(L);

impl<L: Log> Log for Broken<L> {
    type Reader = NoReader;

    fn commit(&mut self, _: &mut dyn Iterator<Item = &[u8]>, _: u64) -> Result<u64, NodeError> {
        Err(NodeError::Ended)
    }

    fn last(&self) -> u64 {
        0
    }

    fn reader(&self) -> NoReader {
        NoReader
    }
}

/// A reader of nothing.
struct NoReader;

impl LogReader for NoReader {
    fn replay(
        &self,
        _: u64,
        _: u64,
        _: &mut dyn FnMut(Committed<'_>) -> Result<(), NodeError>,
    ) -> Result<Option<Point>, NodeError> {
        Ok(None)
    }

    fn newest_snapshot(&self, _: u64) -> Result<(Option<Snapshot>, Vec<String>), NodeError> {
        Ok((None, Vec::new()))
    }

    fn keep_snapshot(
        &self,
        _: Point,
        _: engine::record_tree::Hash,
        _: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Result<u64, NodeError> {
        Err(NodeError::Ended)
    }
}

#[test]
fn a_log_that_fails_ends_the_node_without_an_answer() {
    let (log, _) = JournalLog::open(Memory::new(), JournalOptions::default()).unwrap();
    let fatal = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let told = std::sync::Arc::clone(&fatal);
    let on_fatal = std::sync::Arc::new(move |_: &NodeError| {
        told.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    let clock = ManualClock::at(Timestamp::from_milliseconds(0));
    assert_eq!(clock.now().milliseconds(), 0);
    let publish = |_: Released<'_>| panic!("nothing is durable");
    let (node, _) =
        Node::open(Broken(log), clock, Options { on_fatal, ..options() }, publish).unwrap();
    let unanswered = node.submit(OPEN).unwrap().wait().unwrap_err();
    assert!(unanswered.to_string().contains("same request id"));
    assert!(node.close().is_err());
    assert_eq!(fatal.load(std::sync::atomic::Ordering::SeqCst), 1);
}
