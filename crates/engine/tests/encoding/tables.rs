//! The tables of `docs/concepts/encoding.md`: tags and fields are part of the format.

use std::fmt::Write;
use std::path::Path;

use plimsoll_engine::event::CaseStep;
use plimsoll_engine::{Action, Command, Event};
use serde::Deserialize;

use crate::examples::{COMMANDS, EVENTS, encode, read};
use crate::outline::{fields, variants};

/// Where the tag stands in a command: behind the sequence number and the time.
const COMMAND_TAG: usize = 16;
/// Where the tag of its step stands in an event of a case: behind its own, the case, the account and the
/// count of steps.
const STEP_TAG: usize = 17;

#[test]
fn the_tables_are_as_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/concepts/encoding.md");
    let page = std::fs::read_to_string(page).unwrap();
    let tag_of_command = |line: &str| encode(&read::<Command>(line))[COMMAND_TAG];
    let tag_of_event = |line: &str| encode(&read::<Event>(line))[0];
    let tag_of_step = |line: &str| encode(&read::<Event>(line))[STEP_TAG];
    for table in [
        table::<Action>("command", COMMANDS, kind, tag_of_command),
        table::<Event>("event", EVENTS, kind, tag_of_event),
        table::<CaseStep>("step", EVENTS, kind_of_step, tag_of_step),
    ] {
        assert!(page.contains(&table), "docs/concepts/encoding.md should have\n\n{table}");
    }
}

/// A row for each variant, with its tag as its first example has it.
fn table<T>(
    what: &str,
    examples: &str,
    kind: impl Fn(&str) -> &str,
    tag: impl Fn(&str) -> u8,
) -> String
where
    T: for<'de> Deserialize<'de>,
{
    let mut table = format!("| tag | {what} | fields |\n|---|---|---|\n");
    for name in variants::<T>() {
        let key = format!("\"{name}\"");
        let example = examples.lines().find(|line| kind(line).contains(&key)).unwrap();
        let fields = fields::<T>(name).join(", ");
        writeln!(table, "| {} | `{name}` | {fields} |", tag(example)).unwrap();
    }
    table
}

/// The part of a line that names its kind.
fn kind(line: &str) -> &str {
    let from = line.find("\"time\":").and_then(|time| line[time..].find(',').map(|end| time + end));
    let line = &line[from.unwrap_or_default()..];
    &line[..line.find(':').unwrap_or(line.len())]
}

/// The part of an event of a case that names its step; nothing of other lines.
fn kind_of_step(line: &str) -> &str {
    let what = line.split_once("\"what\":{").map_or("", |(_, what)| what);
    what.split(':').next().unwrap_or_default()
}
