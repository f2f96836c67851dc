//! An example of every kind of command and event, one a line.

use plimsoll_engine::codec::{self, COMMAND_BYTES_MAX, DecodeError, Encoded, decode};
use plimsoll_engine::event::{BidEnd, CaseStep, StageCause, Taker};
use plimsoll_engine::liquidation::{Outcome, Stage};
use plimsoll_engine::{Action, Command, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::outline::variants;

pub const COMMANDS: &str = include_str!("commands.jsonl");
pub const EVENTS: &str = include_str!("events.jsonl");

/// The encoding of what is short enough to have one.
pub fn encode<T: Encoded>(value: &T) -> Vec<u8> {
    codec::encode(value).unwrap()
}

/// The value of a line.
pub fn read<T: DeserializeOwned>(line: &str) -> T {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}\n{error}"))
}

fn round_trips<T>(lines: &str)
where
    T: std::fmt::Debug + PartialEq + Encoded + Serialize + DeserializeOwned,
{
    for line in lines.lines() {
        let value: T = read(line);
        assert_eq!(decode::<T>(&encode(&value)).as_ref(), Ok(&value));
        assert_eq!(read::<T>(&serde_json::to_string(&value).unwrap()), value);
    }
}

#[test]
fn every_example_is_read_back() {
    round_trips::<Command>(COMMANDS);
    round_trips::<Event>(EVENTS);
    // Events are printed by us alone, so the examples are what we print.
    for line in EVENTS.lines() {
        assert_eq!(serde_json::to_string(&read::<Event>(line)).unwrap(), line);
    }
}

#[test]
fn every_kind_has_an_example() {
    let named = |lines: &str, name: &str| lines.contains(&format!("\"{name}\""));
    for name in variants::<Action>() {
        assert!(named(COMMANDS, name), "commands.jsonl has no {name}");
    }
    let of_cases = [
        variants::<CaseStep>(),
        variants::<Stage>(),
        variants::<StageCause>(),
        variants::<Taker>(),
        variants::<BidEnd>(),
        variants::<Outcome>(),
    ];
    for name in variants::<Event>().into_iter().chain(of_cases.into_iter().flatten()) {
        assert!(named(EVENTS, name), "events.jsonl has no {name}");
    }
}

#[test]
fn the_layout_of_a_command() {
    let line = r#"{"sequence":7,"time":"2026-02-05T16:00:00Z","upgrade":{"rules_version":1}}"#;
    let (sequence, time) = (7_u64.to_le_bytes(), 1_770_307_200_000_i64.to_le_bytes());
    let expected = [&sequence[..], &time, &[2], &1_u32.to_le_bytes()].concat();
    assert_eq!(encode(&read::<Command>(line)), expected);
}

#[test]
fn bytes_that_are_no_command() {
    let check = |bytes: &[u8], expected: &str| {
        let error = decode::<Command>(bytes).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let tick = encode(&read::<Command>(COMMANDS.lines().next().unwrap()));
    check(&[], "not a command: before byte 0 of 0: Unexpected length of input");
    check(
        &[tick.as_slice(), &[0]].concat(),
        "the command ends at byte 17 of 18: cut the bytes there",
    );
    check(
        &[&tick[..16], &[255]].concat(),
        "not a command: before byte 17 of 17: Unexpected variant tag: 255",
    );
    let too_long = decode::<Command>(&vec![0; COMMAND_BYTES_MAX + 1]);
    let (what, most) = ("command", COMMAND_BYTES_MAX);
    assert_eq!(too_long, Err(DecodeError::TooLong { what, most, found: most + 1 }));
}

#[test]
fn json_that_is_no_command() {
    let check = |text: &str, reason: &str| {
        let error = serde_json::from_str::<Command>(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    check("7", "expected a command, like");
    check("{}", "missing field `time`");
    check(r#"{"time":0}"#, "a member that says what is asked");
    check(r#"{"tick":{}}"#, "missing field `time`");
    check(r#"{"time":0,"time":0,"tick":{}}"#, "duplicate field `time`");
    check(r#"{"time":0,"tock":{}}"#, "unknown variant `tock`, expected one of `tick`, ");
    check(r#"{"time":0,"tick":{},"tick":{}}"#, "`tick` is too much: one line is one command");
    check(r#"{"time":0,"tick":{},"note":1}"#, "`note` is too much: one line is one command");
    check(r#"{"time":0,"tick":{"tock":1}}"#, "unknown field `tock`");
    check(r#"{"time":0,"sequence":-1,"tick":{}}"#, "expected u64");
    check(r#"{"time":0,"review":{"from":0}}"#, "missing field `count`");
}
