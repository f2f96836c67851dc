//! What must hold after every command.

use engine::{Command, Event, State};

use crate::model::Model;

/// What is remembered of the state before a command.
pub struct Before {
    pub hash: engine::record_tree::Hash,
    state: Option<Box<State>>,
}

impl Before {
    pub fn of(state: &mut State, _command: &Command) -> Self {
        let hash = state.record_hash();
        Self { hash, state: std::env::var("PLIMSOLL_RECORDS").ok().map(|_| Box::new(state.clone())) }
    }
}

pub fn check(
    state: &mut State,
    _model: &Model,
    before: &Before,
    _command: &Command,
    events: &[Event],
) -> Result<(), String> {
    let hash = state.record_hash();
    if hash != state.record_hash_from_scratch() {
        let mut found = String::new();
        if let Some(earlier) = &before.state {
            use engine::record_tree::Kind;
            for kind in [Kind::Venue, Kind::Asset, Kind::Account, Kind::Instrument, Kind::Order] {
                for slot in 0..30 {
                    if kind == Kind::Venue && slot > 0 { continue; }
                    let (mut a, mut b) = (Vec::new(), Vec::new());
                    let x = earlier.write_record(kind, slot, &mut a);
                    let y = state.write_record(kind, slot, &mut b);
                    if (x, &a) != (y, &b) { found += &format!("{kind:?} {slot} "); }
                }
            }
        }
        return Err(format!("the record hash is not that of the records {found}"));
    }
    state.audit()?;
    if let [Event::Rejected(_)] = events
        && hash != before.hash
    {
        return Err("a refusal changed a record".into());
    }
    Ok(())
}
