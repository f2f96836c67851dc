//! A process is killed under load, again and again, and whoever comes next finds all that it had
//! acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use engine::{Command, Event, codec};
use instruments::Timestamp;
use journal::Disk;
use node::{JournalLog, JournalOptions, JournalReader, Node, Options, SystemClock, replay};

use crate::cases;
use crate::world::{LIMITS, script};

/// Tells the test that it is the process to be killed, and where it writes.
const FOLDER: &str = "PLIMSOLL_NODE_KILLED_IN";
/// Kills in a usual run.
const KILLS: u64 = 50;

fn options() -> Options {
    Options {
        limits: LIMITS,
        batch_max: 32,
        tick_ms: 5,
        checkpoint_every: 50,
        snapshot_every: 200,
        ..Options::default()
    }
}

const JOURNAL: JournalOptions = JournalOptions { segment_bytes: 1 << 20, epoch: 1 };

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return run_on(&Disk::existing(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let reader = JournalReader::new(disk.clone());
    let ignored = &mut |_: &Command, _: &[Event]| {};
    let mut twin = replay(&reader, 0, false, ignored).unwrap();
    let mut from_snapshots = 0;
    for kill in 0..cases(KILLS) {
        let acknowledged = killed_after(&disk, kill, kill * 37 % 211 + 1);
        let (log, _) = JournalLog::open(disk.clone(), JOURNAL).unwrap();
        let (node, report) =
            Node::open(log, SystemClock, Options { tick_ms: 0, ..options() }, |_| {})
                .unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        from_snapshots += u64::from(report.snapshot.is_some());
        let mut happened = Vec::new();
        let before = twin.report.commands;
        let seen = &mut |command: &Command, events: &[Event]| happened.push(line(command, events));
        twin.go_on(&reader, u64::MAX, seen).unwrap();
        for told in acknowledged {
            let sequence: u64 = told[..20].parse().unwrap();
            let place = usize::try_from(sequence - before - 1).unwrap();
            assert_eq!(happened.get(place), Some(&told), "kill {kill}");
        }
        let state = twin.state.as_mut().expect("something was acknowledged");
        assert_eq!(node.record_hash().unwrap(), state.record_hash(), "kill {kill}");
    }
    assert!(twin.report.checkpoints > 0 && from_snapshots > 0);
    twin.state.unwrap().audit().unwrap();
}

/// Has another process run a node, kills it, and returns what it has acknowledged.
fn killed_after(disk: &Disk, kill: u64, lines: u64) -> Vec<String> {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", "kills::what_a_killed_process_acknowledged_is_there", "--nocapture"]);
    process.env(FOLDER, disk.folder()).env("PLIMSOLL_NODE_KILL", kill.to_string());
    let mut child = process.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut acknowledged = Vec::new();
    let mut seen = 0;
    for told in BufReader::new(child.stderr.take().unwrap()).lines() {
        let told = told.unwrap();
        // The last line may be cut short by the kill.
        if told.len() == LINE {
            acknowledged.push(told);
        } else {
            assert!(seen >= lines, "the node says: {told}");
        }
        seen += 1;
        if seen == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= lines, "the node ended by itself");
    acknowledged
}

/// Runs a node under load until it is killed, and tells on standard error what it has released.
fn run_on(disk: &Disk) {
    let (log, _) = JournalLog::open(disk.clone(), JOURNAL).unwrap();
    let (node, _) = Node::open(log, SystemClock, options(), |released| {
        let mut told = line(released.command, released.events);
        told.push('\n');
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    })
    .unwrap();
    let first: u64 = std::env::var("PLIMSOLL_NODE_KILL").unwrap().parse().unwrap();
    for seed in first.. {
        for (_, action) in script(seed) {
            node.send_when_free(action).unwrap();
        }
    }
}

/// Characters of a line.
const LINE: usize = 20 + 1 + 16;

/// A command's number, and a checksum of it with its events.
fn line(command: &Command, events: &[Event]) -> String {
    let mut bytes = codec::encode(command).unwrap();
    for event in events {
        codec::encode_into(event, &mut bytes).unwrap();
    }
    let sum = bytes.iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    format!("{:020} {sum:016x}", command.sequence)
}

#[test]
fn time_comes_from_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let (log, _) = JournalLog::open(disk, JOURNAL).unwrap();
    let (node, _) = Node::open(log, SystemClock, options(), |_| {}).unwrap();
    // Ticks come without anybody asking.
    while node.status().released < 3 {
        std::thread::yield_now();
    }
    let state = node.close().unwrap();
    assert!(state.time() > Timestamp::from_milliseconds(1_700_000_000_000));
}
