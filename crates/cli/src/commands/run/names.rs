//! Instruments by name and by number, as the events of a run list them.

use std::collections::BTreeMap;

use engine::event::Event;
use engine::{Action, InstrumentId};
use instruments::{Amount, Asset, Instrument, Quantity};

/// Every instrument that was listed.
#[derive(Debug, Default)]
pub struct Names {
    by_id: Vec<(Instrument, String)>,
    by_name: BTreeMap<String, InstrumentId>,
    /// Why those are not listed that were to be.
    refused: BTreeMap<String, String>,
    /// What auctions are paid in.
    cash: Option<Asset>,
}

impl Names {
    /// Takes note of an instrument that was listed, or was not. A name that is listed anew means the
    /// new one.
    pub fn note(&mut self, action: &Action, event: &Event) {
        match (action, event) {
            (_, Event::Listed { id, instrument }) => {
                let name = instrument.to_string();
                debug_assert_eq!(id.0 as usize, self.by_id.len(), "numbers are given in order");
                self.by_id.push((*instrument, name.clone()));
                self.by_name.insert(name, *id);
            }
            (Action::ListInstrument(list), Event::Rejected(rejected)) => {
                self.refused.insert(list.instrument.to_string(), rejected.reason.to_string());
            }
            (Action::SetLiquidation(rules), Event::LiquidationSet) => self.cash = Some(rules.cash),
            _ => {}
        }
    }

    /// An amount of what auctions are paid in: `2.5 USDC`.
    pub fn cash(&self, amount: Amount) -> String {
        let amount = crate::figures::exact(amount.units());
        self.cash.map_or_else(|| amount.clone(), |cash| format!("{amount} {cash}"))
    }

    /// Why a name that was to be listed is not.
    pub fn refusal(&self, name: &str) -> Option<&str> {
        self.refused.get(name).map(String::as_str)
    }

    /// The number and terms of a name.
    pub fn find(&self, name: &str) -> Option<(InstrumentId, Instrument)> {
        let id = *self.by_name.get(name)?;
        Some((id, self.instrument(id)?))
    }

    /// The terms of a number.
    pub fn instrument(&self, id: InstrumentId) -> Option<Instrument> {
        self.by_id.get(id.0 as usize).map(|(instrument, _)| *instrument)
    }

    /// The name of a number; a number that is not listed says so.
    pub fn name(&self, id: InstrumentId) -> String {
        let known = self.by_id.get(id.0 as usize);
        known.map_or_else(|| id.to_string(), |(_, name)| name.clone())
    }

    /// Lots as a size with what it is counted in: `0.5 BTC`.
    pub fn size(&self, id: InstrumentId, lots: i64) -> String {
        match self.instrument(id) {
            Some(instrument) => sized(&instrument, lots),
            None => format!("{lots} lots"),
        }
    }

    /// `0.5 BTC of BTC-27MAR26`.
    pub fn size_of(&self, id: InstrumentId, lots: i64) -> String {
        format!("{} of {}", self.size(id, lots), self.name(id))
    }
}

/// Lots as a size with what it is counted in.
pub fn sized(instrument: &Instrument, lots: i64) -> String {
    let size = instrument.size_of(Quantity::from_lots(lots));
    format!("{} {}", crate::figures::grouped(&size), instrument.lot_asset())
}
