//! Markets that halt and open again: circuit breakers and call periods.

use instruments::{Timestamp, Underlying};

use super::Events;
use crate::event::Event;
use crate::rules::MarketState;
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn begin_call(
        &mut self,
        id: InstrumentId,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_listing(id)?;
        let mut answers = Vec::new();
        self.listings[id.place()].book.begin_call(&mut answers);
        self.take_in_unless_refused(id, answers, events)
    }

    pub(crate) fn uncross(
        &mut self,
        id: InstrumentId,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_trading(id)?;
        let listing = &mut self.listings[id.place()];
        let mark = listing.mark.unwrap_or(listing.terms.tick);
        let reference = listing.ticks_down(mark);
        let mut answers = Vec::new();
        listing.book.uncross(reference, &mut answers);
        self.take_in_unless_refused(id, answers, events)?;
        self.set_off_by_trades(None, id, events);
        Ok(())
    }

    fn take_in_unless_refused(
        &mut self,
        id: InstrumentId,
        answers: Vec<book::Event>,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        if let [book::Event::Refused { refusal, .. }] = answers[..] {
            return Err(Rejection::Book(refusal));
        }
        self.work.book = answers;
        self.take_in(id, events);
        Ok(())
    }

    /// Halts every instrument that depends on an asset, because its index has moved too far.
    pub(crate) fn halt(&mut self, place: usize, until: Timestamp, events: &mut Events) {
        let asset = self.assets[place].asset;
        events.push(Event::BreakerTripped { asset, until });
        for listing in &mut self.listings {
            if listing.instrument.underlying() == Underlying::of(asset) && !listing.expired {
                listing.halted_until = Some(until);
                self.records.mark_dirty(crate::record_tree::Kind::Instrument, listing.id.0);
                events.push(Event::MarketStateSet {
                    instrument: listing.id,
                    state: MarketState::Halted,
                    until: Some(until),
                });
            }
        }
    }

    /// Opens markets whose halt is over.
    pub(crate) fn end_halts(&mut self, events: &mut Events) {
        let now = self.time;
        for listing in &mut self.listings {
            if !listing.expired && listing.halted_until.is_some_and(|until| until <= now) {
                listing.halted_until = None;
                self.records.mark_dirty(crate::record_tree::Kind::Instrument, listing.id.0);
                let (instrument, state) = (listing.id, listing.state);
                events.push(Event::MarketStateSet { instrument, state, until: None });
            }
        }
    }
}
