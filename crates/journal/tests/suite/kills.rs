//! A writing process is killed, again and again, and whoever comes next finds all that it had
//! acknowledged.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use plimsoll_journal::{Disk, Journal};

use crate::world::{check, options, read, scale};

/// Tells the test that it is the process to be killed, and where it writes.
const FOLDER: &str = "PLIMSOLL_JOURNAL_KILLED_IN";

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return write_on(&Disk::existing(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    let mut least = 0;
    for kill in 0..20 * u64::from(scale()) {
        // Until so many batches are acknowledged, at a time that differs from kill to kill.
        let acknowledged = killed_after(&disk, kill * 7 % 23 + 1);
        assert!(acknowledged >= least, "kill {kill}");
        let verified = check(&disk).unwrap();
        assert!(verified.read.last >= acknowledged, "kill {kill}");
        least = verified.read.last;
    }
    for (sequence, (time_ms, records)) in (1..).zip(read(&disk).unwrap()) {
        assert_eq!((time_ms, records), (sequence, vec![record(sequence)]));
    }
}

/// Has another process write, kills it, and returns the last record that it acknowledged.
fn killed_after(disk: &Disk, lines: u64) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kills::what_a_killed_process_acknowledged_is_there", "--nocapture"]);
    command.env(FOLDER, disk.folder()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut acknowledged = 0;
    let mut seen = 0;
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        // The last line may be cut short by the kill.
        acknowledged = acknowledged.max(line.unwrap().parse().unwrap_or_default());
        seen += 1;
        if seen == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= lines, "the writer ended by itself");
    acknowledged
}

/// Writes until it is killed, and tells on standard error what is durable.
fn write_on(disk: &Disk) {
    let mut journal = Journal::open(disk.clone(), options()).unwrap().0;
    loop {
        let sequence = journal.durable().sequence + 1;
        journal.append([record(sequence)], sequence).unwrap();
        let durable = journal.sync().unwrap();
        eprintln!("{:020}", durable.sequence);
    }
}

fn record(sequence: u64) -> Vec<u8> {
    vec![sequence as u8; (sequence * 97 % 1200) as usize]
}
