//! Changes with notice, put together field by field from their JSON.

use engine::change::{Announced, CHANGES_MAX, Change};
use engine::command::Announce;
use engine::event::Event;
use engine::rules::{InstrumentTerms, VenueRules};
use engine::{InstrumentId, Rejection};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::venue::bounded;
use super::{Model, Outcome};

impl Model {
    pub(super) fn announce(&mut self, announce: &Announce) -> Outcome {
        let Announce { effective_at, change } = announce.clone();
        if !self.is_ahead(effective_at) {
            return Err(Rejection::NoticeInPast(effective_at));
        }
        let (record, fields) = named(&change);
        if fields.is_empty() {
            return Err(Rejection::EmptyChange);
        }
        for (number, known) in &self.changes {
            let (other, others) = named(&known.change);
            let field = fields.iter().find(|field| record == other && others.contains(field));
            if let Some(field) = field.cloned() {
                return Err(Rejection::ChangeAnnounced { change: *number, field });
            }
        }
        if self.changes.len() == CHANGES_MAX as usize {
            return Err(Rejection::TooManyChanges(CHANGES_MAX));
        }
        match &change {
            Change::VenueRules(changes) => merged::<VenueRules>(&self.rules, changes).check()?,
            Change::Terms { instrument, changes } => {
                let terms = self.changed_terms(*instrument, changes)?;
                terms.check()?;
                bounded(self.listing(*instrument).instrument, &terms)?;
            }
            Change::Liquidation(_) => return Err(no_rules()),
        }
        let (number, announced, what) = (self.sequence, self.now(), Box::new(change.clone()));
        self.changes.insert(number, Announced { announced, effective_at, change });
        self.events.push(Event::ChangeAnnounced { change: number, effective_at, what });
        Ok(())
    }

    pub(super) fn withdraw_change(&mut self, change: u64) -> Outcome {
        if self.changes.remove(&change).is_none() {
            return Err(Rejection::UnknownChange(change));
        }
        self.events.push(Event::ChangeWithdrawn { change });
        Ok(())
    }

    /// Makes what is due, the earliest first.
    pub(super) fn make_due_changes(&mut self) {
        loop {
            let now = self.now();
            let due = self.changes.iter().filter(|(_, known)| known.effective_at <= now);
            let next = due.min_by_key(|(number, known)| (known.effective_at, **number));
            let Some(number) = next.map(|(number, _)| *number) else { return };
            let known = self.changes.remove(&number).unwrap();
            let made = match &known.change {
                Change::VenueRules(changes) => self.set_venue_rules(&merged(&self.rules, changes)),
                Change::Terms { instrument, changes } => self
                    .changed_terms(*instrument, changes)
                    .and_then(|terms| self.set_terms(*instrument, &terms)),
                Change::Liquidation(_) => Err(no_rules()),
            };
            self.events.push(match made {
                Ok(()) => Event::ChangeMade { change: number },
                Err(reason) => Event::ChangeDropped { change: number, reason: Box::new(reason) },
            });
        }
    }

    fn changed_terms(
        &self,
        id: InstrumentId,
        changes: &impl Serialize,
    ) -> Result<InstrumentTerms, Rejection> {
        self.check_listing(id)?;
        Ok(merged(&self.listing(id).terms, changes))
    }
}

fn no_rules() -> Rejection {
    let problem = "there are none that could change: send set_liquidation first";
    Rejection::LiquidationRules(problem.into())
}

/// A record in which some fields have other values.
fn merged<T: Serialize + DeserializeOwned>(record: &impl Serialize, changes: &impl Serialize) -> T {
    fn merge(into: &mut Value, changes: Value) {
        match (into, changes) {
            (Value::Object(into), Value::Object(changes)) => {
                changes.into_iter().for_each(|(name, value)| merge(&mut into[&name], value));
            }
            (into, changes) => *into = changes,
        }
    }
    let mut value = serde_json::to_value(record).unwrap();
    merge(&mut value, serde_json::to_value(changes).unwrap());
    serde_json::from_value(value).unwrap()
}

/// What record a change is of, and the fields that it names, in the record's order.
fn named(change: &Change) -> (String, Vec<String>) {
    let (record, changes) = match change {
        Change::VenueRules(changes) => ("venue".to_owned(), serde_json::to_string(changes)),
        Change::Terms { instrument, changes } => {
            (instrument.to_string(), serde_json::to_string(changes))
        }
        Change::Liquidation(changes) => ("liquidation".to_owned(), serde_json::to_string(changes)),
    };
    let text = changes.unwrap();
    let mut fields = Vec::new();
    let Value::Object(values) = serde_json::from_str(&text).unwrap() else { unreachable!() };
    for (name, value) in values {
        match value {
            Value::Object(within) => {
                fields.extend(within.keys().map(|field| format!("{name}.{field}")));
            }
            _ => fields.push(name),
        }
    }
    let place = |field: &String| {
        field
            .split('.')
            .fold(0, |from, name| from + text[from..].find(&format!("\"{name}\":")).unwrap())
    };
    fields.sort_by_key(place);
    (record, fields)
}
