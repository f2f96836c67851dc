//! Announced changes as clients see them.

use engine::change::{Announced, Change};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::feed::venue::Venue;

/// A change of parameters that is announced.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AnnouncementShape {
    /// Its number.
    change: u64,
    /// `terms` of an instrument, `venue_rules` or `liquidation`.
    of: &'static str,
    /// The instrument, if it is of terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument_name: Option<String>,
    /// When it was announced, in milliseconds.
    announced_timestamp: i64,
    /// From when on it holds, in milliseconds.
    effective_timestamp: i64,
    /// The parameters that change, with their new values.
    parameters: Value,
}

impl AnnouncementShape {
    /// All that wait, the earliest first.
    pub fn all(venue: &Venue) -> Vec<Self> {
        let mut all: Vec<(&u64, &Announced)> = venue.changes.iter().collect();
        all.sort_by_key(|(number, known)| (known.effective_at, **number));
        all.into_iter().map(|(number, known)| Self::of(venue, *number, known)).collect()
    }

    fn of(venue: &Venue, change: u64, known: &Announced) -> Self {
        let (of, instrument, parameters) = match &known.change {
            Change::Terms { instrument, changes } => ("terms", Some(instrument), json(changes)),
            Change::VenueRules(changes) => ("venue_rules", None, json(changes)),
            Change::Liquidation(changes) => ("liquidation", None, json(changes)),
        };
        Self {
            change,
            of,
            instrument_name: instrument.map(|id| venue.at(*id).name.clone()),
            announced_timestamp: known.announced.milliseconds(),
            effective_timestamp: known.effective_at.milliseconds(),
            parameters,
        }
    }
}

fn json(changes: &impl Serialize) -> Value {
    serde_json::to_value(changes).expect("plain records are JSON")
}
