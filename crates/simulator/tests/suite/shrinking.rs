//! A broken invariant becomes a short script.

use engine::{Action, Command, Event, Limits, State, apply};
use simulator::{Broken, Options, SimulationError, Told, simulate};

/// A rule that no venue has: nobody trades more than so many lots at once.
fn small_trades(_: &State, _: &Command, events: &[Event]) -> Result<(), Broken> {
    let large = events.iter().find_map(|event| match event {
        Event::Trade(trade) if trade.lots > 40 => Some(trade.lots),
        _ => None,
    });
    match large {
        None => Ok(()),
        Some(lots) => Err(Broken::new("small trades", format!("{lots} lots traded"))),
    }
}

#[test]
fn what_breaks_is_told_as_a_short_script() {
    let options =
        Options { seed: 4, hours: 1, accounts: 40, commands: Some(6_000), ..Options::default() };
    let mut at_once = None;
    let mut tell = |told: Told<'_>| match told {
        Told::Step(_) => assert_eq!(at_once, None),
        Told::Broken { sequence, broken } => at_once = Some((sequence, broken.clone())),
    };
    let error = simulate(&options, &mut tell, Some(&mut small_trades)).unwrap_err();
    let SimulationError::Broken { sequence, shrunk } = error else { panic!("{error}") };
    let (told, broken) = at_once.unwrap();
    assert_eq!((told, broken.invariant), (sequence, "small trades"));
    assert_eq!(shrunk.broken.invariant, "small trades");
    assert_eq!(shrunk.from as u64, sequence);
    let few = shrunk.commands.len();
    assert!(few < 40, "{few} of {sequence} commands:\n{}", shrunk.lines());

    // The lines are commands that do it again.
    let mut state = State::new(Limits::default()).unwrap();
    let mut broken = Ok(());
    for (number, line) in (1..).zip(shrunk.lines().lines()) {
        let command: Command = serde_json::from_str(line).unwrap();
        assert_eq!(command.sequence, number);
        assert!(broken.is_ok(), "only the last one breaks it");
        let mut events = Vec::new();
        apply(&mut state, &command, &mut events);
        broken = small_trades(&state, &command, &events);
    }
    assert_eq!(broken, Err(shrunk.broken.clone()));
    let last = &shrunk.commands.last().unwrap().action;
    assert!(matches!(last, Action::PlaceOrder(_) | Action::PlaceGroup(_)), "{last:?}");
}
