//! Changes of parameters with notice: announced, withdrawn, and made when their time has come.

use instruments::Timestamp;

use super::Events;
use crate::change::{Announced, CHANGES_MAX, Change, Part};
use crate::command::Announce;
use crate::event::Event;
use crate::liquidation::LiquidationRules;
use crate::record_tree::Kind;
use crate::rules::{InstrumentTerms, VenueRules};
use crate::{InstrumentId, Rejection, State};

/// A record with a change made.
enum Changed {
    VenueRules(VenueRules),
    Terms(InstrumentId, InstrumentTerms),
    Liquidation(Box<LiquidationRules>),
}

impl State {
    /// Changes that are announced and wait, by the number of the command that announced them.
    pub fn announced(&self) -> impl Iterator<Item = (u64, &Announced)> {
        self.changes.iter().map(|(number, announced)| (*number, announced))
    }

    pub(crate) fn announce(
        &mut self,
        announce: &Announce,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let Announce { effective_at, change } = announce;
        let effective_at = *effective_at;
        if !self.is_ahead(effective_at) {
            return Err(Rejection::NoticeInPast(effective_at));
        }
        if change.is_empty() {
            return Err(Rejection::EmptyChange);
        }
        for (number, known) in &self.changes {
            if let Some(field) = change.shared_with(&known.change) {
                return Err(Rejection::ChangeAnnounced { change: *number, field });
            }
        }
        if self.changes.len() >= CHANGES_MAX as usize {
            return Err(Rejection::TooManyChanges(CHANGES_MAX));
        }
        self.check_changed(&self.changed(change)?)?;
        let (number, announced) = (self.sequence, self.time);
        let change = change.clone();
        let what = Box::new(change.clone());
        self.changes.insert(number, Announced { announced, effective_at, change });
        self.touch(Kind::Venue, 0);
        events.push(Event::ChangeAnnounced { change: number, effective_at, what });
        Ok(())
    }

    pub(crate) fn withdraw_change(
        &mut self,
        change: u64,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.changes.remove(&change).ok_or(Rejection::UnknownChange(change))?;
        self.touch(Kind::Venue, 0);
        events.push(Event::ChangeWithdrawn { change });
        Ok(())
    }

    /// Makes the changes whose time has come, by time and then number. One that would be refused by
    /// now is dropped.
    pub(crate) fn make_due_changes(&mut self, events: &mut Events) {
        let is_due = |(_, known): &(&u64, &Announced)| known.effective_at <= self.time;
        let due = self.changes.iter().filter(is_due);
        let mut due: Vec<(Timestamp, u64)> =
            due.map(|(number, known)| (known.effective_at, *number)).collect();
        due.sort_unstable();
        for (_, change) in due {
            let Some(known) = self.changes.remove(&change) else { continue };
            self.touch(Kind::Venue, 0);
            let changed = self.changed(&known.change);
            let made = changed.and_then(|changed| self.set_changed(&changed, events));
            events.push(match made {
                Ok(()) => Event::ChangeMade { change },
                Err(reason) => {
                    Event::ChangeDropped { change, reason: Box::new(reason.shortened()) }
                }
            });
        }
    }

    /// What a record would be if a change were made now.
    fn changed(&self, change: &Change) -> Result<Changed, Rejection> {
        Ok(match change {
            Change::VenueRules(changes) => {
                let mut rules = self.rules;
                changes.put_on(&mut rules);
                Changed::VenueRules(rules)
            }
            Change::Terms { instrument, changes } => {
                self.check_listing(*instrument)?;
                let mut terms = self.listings[instrument.place()].terms;
                changes.put_on(&mut terms);
                Changed::Terms(*instrument, terms)
            }
            Change::Liquidation(changes) => {
                let rules = self.liquidation.rules.clone();
                let mut rules = rules.ok_or_else(|| {
                    let problem = "there are none that could change: send set_liquidation first";
                    Rejection::LiquidationRules(problem.into())
                })?;
                changes.put_on(&mut rules);
                Changed::Liquidation(Box::new(rules))
            }
        })
    }

    fn check_changed(&self, changed: &Changed) -> Result<(), Rejection> {
        match changed {
            Changed::VenueRules(rules) => rules.check(),
            Changed::Terms(instrument, terms) => self.check_new_terms(*instrument, terms),
            Changed::Liquidation(rules) => self.check_liquidation(rules),
        }
    }

    fn set_changed(&mut self, changed: &Changed, events: &mut Events) -> Result<(), Rejection> {
        match changed {
            Changed::VenueRules(rules) => self.set_venue_rules(rules, events),
            Changed::Terms(instrument, terms) => self.set_terms(*instrument, terms, events),
            Changed::Liquidation(rules) => self.set_liquidation(rules, events),
        }
    }
}
