//! Terms as they are, and changes that are announced.

use engine::change::{Announced, Change, Part};
use engine::command::Action;
use engine::{Command, Event};

use super::update::Update;
use super::venue::Venue;

impl Venue {
    /// Events of terms and of changes with notice.
    pub(super) fn take_in_change(
        &mut self,
        command: &Command,
        event: &Event,
        updates: &mut Vec<Update>,
    ) {
        match event {
            Event::TermsSet { instrument } => {
                // Those of an announced change come with `change_made`.
                if let Action::SetTerms { terms, .. } = &command.action {
                    self.listing_mut(*instrument).terms = *terms;
                }
            }
            Event::ChangeAnnounced { change, effective_at, what } => {
                let (announced, effective_at) = (self.time, *effective_at);
                let change_to = (**what).clone();
                let known = Announced { announced, effective_at, change: change_to };
                self.changes.insert(*change, known);
                updates.push(Update::Changes);
            }
            Event::ChangeMade { change } => {
                if let Some(known) = self.changes.remove(change)
                    && let Change::Terms { instrument, changes } = &known.change
                {
                    changes.put_on(&mut self.listing_mut(*instrument).terms);
                }
                updates.push(Update::Changes);
            }
            Event::ChangeWithdrawn { change } | Event::ChangeDropped { change, .. } => {
                self.changes.remove(change);
                updates.push(Update::Changes);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::rules::InstrumentTerms;
    use engine::{InstrumentId, Limits, State};
    use serde_json::{Value, json};

    use super::*;
    use crate::shapes::notice::AnnouncementShape;

    /// An engine and what clients see of it.
    struct Pair {
        state: State,
        venue: Venue,
    }

    impl Pair {
        fn act(&mut self, time: i64, action: Value) -> usize {
            let mut line = action;
            line["time"] = (1_770_000_000_000 + time).into();
            line["sequence"] = (self.state.sequence() + 1).into();
            let command: Command = serde_json::from_value(line).unwrap();
            let (mut events, mut updates) = (Vec::new(), Vec::new());
            engine::apply(&mut self.state, &command, &mut events);
            self.venue.take_in(&command, &events, &mut updates);
            updates.iter().filter(|update| matches!(update, Update::Changes)).count()
        }

        fn terms(&self) -> InstrumentTerms {
            let terms = self.venue.at(InstrumentId(0)).terms;
            assert_eq!(self.state.instrument_terms(InstrumentId(0)), Some(&terms));
            terms
        }

        fn told(&self) -> Value {
            serde_json::to_value(AnnouncementShape::all(&self.venue)).unwrap()
        }
    }

    fn fees(at: i64, taker_ppm: i32) -> Value {
        let changes = json!({ "fees": { "taker_ppm": taker_ppm } });
        let change = json!({ "terms": { "instrument": 0, "changes": changes } });
        json!({ "announce": { "effective_at": 1_770_000_000_000 + at, "change": change } })
    }

    #[test]
    fn clients_see_what_is_announced_until_it_is_made() {
        let state = State::new(Limits::default()).unwrap();
        let mut pair = Pair { state, venue: Venue::default() };
        for asset in ["USD", "BTC"] {
            pair.act(0, json!({ "add_asset": { "asset": asset } }));
        }
        let list = json!({ "instrument": "BTC-PERPETUAL", "terms": { "tick": "0.5" } });
        pair.act(0, json!({ "list_instrument": list }));
        assert_eq!(pair.act(0, fees(2_000, 300)), 1);
        let rules = json!({ "venue_rules": { "quotes_max": 9 } });
        let rules = json!({ "effective_at": 1_770_000_001_000_i64, "change": rules });
        assert_eq!(pair.act(0, json!({ "announce": rules })), 1);
        assert_eq!(pair.act(0, fees(3_000, 200)), 0, "it is refused");
        assert_eq!(
            pair.told(),
            json!([
                {
                    "change": 5,
                    "of": "venue_rules",
                    "announced_timestamp": 1_770_000_000_000_i64,
                    "effective_timestamp": 1_770_000_001_000_i64,
                    "parameters": { "quotes_max": 9 },
                },
                {
                    "change": 4,
                    "of": "terms",
                    "instrument_name": "BTC-PERPETUAL",
                    "announced_timestamp": 1_770_000_000_000_i64,
                    "effective_timestamp": 1_770_000_002_000_i64,
                    "parameters": { "fees": { "taker_ppm": 300 } },
                },
            ])
        );
        // Terms that are refused are none.
        pair.act(0, json!({ "set_terms": { "instrument": 0, "terms": { "tick": "1" } } }));
        let set = json!({ "instrument": 0, "terms": { "tick": "0.5", "band_ppm": 7 } });
        pair.act(1, json!({ "set_terms": set }));
        assert_eq!((pair.terms().band_ppm, pair.terms().fees.taker_ppm), (7, 500));
        assert_eq!(pair.act(2, json!({ "withdraw_change": { "change": 5 } })), 1);
        assert_eq!(pair.act(2_000, json!({ "tick": {} })), 1);
        assert_eq!((pair.terms().band_ppm, pair.terms().fees.taker_ppm), (7, 300));
        assert_eq!(pair.told(), json!([]));
        // A maker's rebate that the taker's fee does not pay any more is dropped.
        let rebate =
            json!({ "terms": { "instrument": 0, "changes": { "fees": { "maker_ppm": -250 } } } });
        pair.act(
            3_000,
            json!({ "announce": { "effective_at": 1_770_000_004_000_i64, "change": rebate } }),
        );
        let set =
            json!({ "instrument": 0, "terms": { "tick": "0.5", "fees": { "taker_ppm": 200 } } });
        pair.act(3_000, json!({ "set_terms": set }));
        assert_eq!(pair.act(4_000, json!({ "tick": {} })), 1);
        assert_eq!((pair.terms().fees.maker_ppm, pair.told()), (0, json!([])));
    }
}
