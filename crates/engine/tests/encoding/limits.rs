//! What is too long to be read is not written either, and the engine says nothing that is.

use plimsoll_engine::codec::{
    self, COMMAND_BYTES_MAX, EVENT_BYTES_MAX, EncodeError, decode, encode_into,
};
use plimsoll_engine::{Command, Event, Limits, State, apply};

use crate::examples::{encode, read};

/// A command that publishes a text.
fn publishing(text: &str) -> Command {
    let text = serde_json::to_string(text).unwrap();
    let what = format!("\"set_methodology\":{{\"text\":{text},\"notice_ends\":60000}}");
    read(&format!("{{\"sequence\":1,\"time\":1,{what}}}"))
}

#[test]
fn what_is_written_can_be_read() {
    let around = encode(&publishing("")).len();
    let longest = publishing(&"x".repeat(COMMAND_BYTES_MAX - around));
    let bytes = encode(&longest);
    assert_eq!(bytes.len(), COMMAND_BYTES_MAX);
    assert_eq!(decode::<Command>(&bytes), Ok(longest));

    let too_long = publishing(&"x".repeat(COMMAND_BYTES_MAX - around + 1));
    let expected = EncodeError { what: "command", most: COMMAND_BYTES_MAX };
    assert_eq!(codec::encode(&too_long), Err(expected));
    let mut log = vec![1, 2, 3];
    assert_eq!(encode_into(&too_long, &mut log), Err(expected));
    assert_eq!(log, [1, 2, 3]);
    let said = "a command of more than 4194304 bytes can't be encoded: send less at once";
    assert_eq!(expected.to_string(), said);
}

/// Refusals that quote the longest commands there are.
#[test]
fn no_event_is_too_long() {
    let long = |what: &str| what.repeat((COMMAND_BYTES_MAX - 200) / what.len());
    let claim = format!("\"open_epoch\":{{\"arrays_hash\":\"{}\"}}", long("0"));
    for command in [
        publishing(&long("x")),
        publishing(&long("é = 'é'\n")),
        publishing(&format!("kind = \"{}\"", long("é"))),
        publishing(&format!("kind = '{}'", long("\u{7}"))),
        read(&format!("{{\"sequence\":1,\"time\":1,{claim}}}")),
    ] {
        assert!(encode(&command).len() > COMMAND_BYTES_MAX - 200);
        let (mut state, mut events) = (State::new(Limits::default()).unwrap(), Vec::new());
        apply(&mut state, &command, &mut events);
        let [event @ Event::Rejected(_)] = &events[..] else { panic!("accepted") };
        let bytes = encode(event);
        assert!(bytes.len() < 2_000 && bytes.len() < EVENT_BYTES_MAX);
        assert_eq!(decode::<Event>(&bytes).as_ref(), Ok(event));
    }
}
