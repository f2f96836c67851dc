//! The twin: a second engine that is never interrupted. It takes the commands that the node has
//! released, must answer as the node did, and all invariants are checked on it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::{Command, Event, Limits, State, apply};

use crate::SimulationError;
use crate::invariants::{Broken, Cadence, ExtraCheck, Invariants, ensure};
use crate::script::Script;

/// An engine with its checks.
pub(crate) struct Checked {
    pub state: State,
    pub invariants: Invariants,
    pub events: Vec<Event>,
}

impl Checked {
    /// A venue that has had no command yet.
    pub fn new(limits: Limits, cadence: Cadence) -> Result<Self, SimulationError> {
        let state = State::new(limits)
            .map_err(|refusal| SimulationError::Usage(format!("{refusal} (ask for less)")))?;
        Ok(Self { state, invariants: Invariants::new(cadence), events: Vec::new() })
    }

    /// Applies a command and checks what must hold after it.
    pub fn step(
        &mut self,
        command: &Command,
        extra: Option<&mut ExtraCheck>,
    ) -> Result<(), Broken> {
        let Self { state, invariants, events } = self;
        invariants.before(state, command);
        events.clear();
        let applied = catch_unwind(AssertUnwindSafe(|| apply(state, command, events)));
        applied.map_err(|panic| Broken::new("the engine's assertions", words(&*panic)))?;
        invariants.after(state, command, events)?;
        extra.map_or(Ok(()), |extra| extra(state, command, events))
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it stopped".to_owned())
}

/// The twin of a node.
pub(crate) struct Twin {
    pub checked: Checked,
    pub script: Script,
}

impl Twin {
    /// The twin of a node that is new.
    pub fn new(limits: Limits, cadence: Cadence) -> Result<Self, SimulationError> {
        Ok(Self { checked: Checked::new(limits, cadence)?, script: Script::default() })
    }

    /// Takes a command that the node has released, with what it answered.
    pub fn take(
        &mut self,
        command: &Command,
        answered: &[Event],
        extra: Option<&mut ExtraCheck>,
    ) -> Result<(), Broken> {
        self.script.push(command);
        self.checked.step(command, extra)?;
        let events = &self.checked.events;
        ensure(events == answered, "replay", || {
            format!("the node answered {answered:?}, its twin {events:?}")
        })
    }
}
