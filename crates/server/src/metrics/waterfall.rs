//! What liquidation has done, layer by layer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use engine::InstrumentId;
use engine::event::CaseStep;
use instruments::{Amount, Asset, Rounding};

use super::page::Page;
use crate::feed::venue::Venue;

/// The layers, from the mildest to the last.
const LAYERS: [&str; 9] = [
    "opened",
    "order",
    "slice",
    "take_over",
    "fund",
    "fund_unpaid",
    "deleveraging",
    "cut",
    "outstanding",
];

/// How often each layer was reached, and for how much.
#[derive(Debug, Default)]
pub struct Waterfall([Layer; LAYERS.len()]);

#[derive(Debug, Default)]
struct Layer {
    times: AtomicU64,
    /// In 10⁻⁸ US dollars.
    dollars: AtomicU64,
}

impl Waterfall {
    /// Counts what happened in a case.
    pub fn note(&self, venue: &Venue, step: &CaseStep) {
        match step {
            CaseStep::Opened { .. } => self.add("opened", 0),
            CaseStep::Order { expected_loss, .. } => self.add("order", expected_loss.units()),
            CaseStep::Sold { cost, .. } => self.add("slice", cost.units()),
            CaseStep::TakenOver { deficit, premium, .. } => {
                self.add("take_over", deficit.units() + premium.units());
            }
            CaseStep::FundPaid { own, shared, unpaid, .. } => {
                self.add("fund", own.units() + shared.units());
                if *unpaid > Amount::ZERO {
                    self.add("fund_unpaid", unpaid.units());
                }
            }
            CaseStep::Deleveraged { instrument, cost, .. } => {
                self.add("deleveraging", dollars(venue, settled_in(venue, *instrument), *cost));
            }
            CaseStep::Cut { amount, .. } => self.add("cut", amount.units()),
            CaseStep::Outstanding { asset, amount } => {
                self.add("outstanding", dollars(venue, *asset, *amount));
            }
            _ => {}
        }
    }

    fn add(&self, layer: &str, units: i128) {
        let place = LAYERS.iter().position(|name| *name == layer).expect("it is one of them");
        self.0[place].times.fetch_add(1, Relaxed);
        let units = u64::try_from(units).unwrap_or(0);
        self.0[place].dollars.fetch_add(units, Relaxed);
    }

    /// Writes it down.
    pub fn write(&self, page: &mut Page<'_>) -> Result<(), std::fmt::Error> {
        let each = |value: fn(&Layer) -> f64| {
            let layers = LAYERS.iter().zip(&self.0);
            layers.map(move |(name, layer)| ([("layer", (*name).to_owned())], value(layer)))
        };
        page.counters(
            "plimsoll_waterfall",
            "Steps of liquidation cases by layer",
            each(|layer| layer.times.load(Relaxed) as f64),
        )?;
        page.counters(
            "plimsoll_waterfall_dollars",
            "What these steps were about, in US dollars",
            each(|layer| layer.dollars.load(Relaxed) as f64 / 1e8),
        )
    }
}

fn settled_in(venue: &Venue, instrument: InstrumentId) -> Asset {
    venue.at(instrument).instrument.settlement_asset()
}

/// What an amount is worth, in 10⁻⁸ US dollars; nothing if nobody knows.
fn dollars(venue: &Venue, asset: Asset, amount: Amount) -> i128 {
    let price = venue.index(asset);
    let worth = price.and_then(|price| amount.worth(price, Rounding::Floor).ok());
    worth.map_or(0, Amount::units)
}
