//! What a script may see.

use super::{Model, Stage};
use crate::script::{InstrumentView, OrderView, View};

impl Model {
    pub fn view(&self) -> View {
        let instruments = self.listings.iter().map(|listing| InstrumentView {
            instrument: listing.instrument,
            tick: listing.terms.tick.units(),
            mark: listing.mark,
            expired: listing.expired,
            in_call: listing.in_call(),
        });
        let orders = self.orders.values().map(|order| OrderView {
            id: order.id.0,
            account: order.account.number(),
            instrument: order.terms.instrument.0,
            price: self.listing(order.terms.instrument).price(order.limit).units(),
            open: order.open,
            buys: order.terms.side == book::Side::Buy,
            waits: order.stage != Stage::Resting,
        });
        let positions = (0_u32..).zip(&self.accounts).flat_map(|(number, account)| {
            account.positions.iter().map(move |(id, held)| (number, id.0, held.lots))
        });
        let price = |name: &str| {
            let asset = self.assets.iter().find(|known| known.asset.name() == name);
            asset.and_then(|asset| asset.price)
        };
        let frozen = (0_u32..).zip(&self.accounts).filter(|(_, account)| {
            account.protections.values().any(|protection| protection.frozen.is_some())
        });
        let frozen = frozen.map(|(number, _)| number);
        View {
            sequence: self.sequence,
            time: self.time,
            accounts: u32::try_from(self.accounts.len()).unwrap(),
            instruments: instruments.collect(),
            orders: orders.collect(),
            positions: positions.collect(),
            prices: ["USDC", "BTC", "ETH"].map(price),
            arrays_hash: self.epoch.as_ref().map(|epoch| epoch.arrays_hash.clone()),
            frozen: frozen.collect(),
            changes: self.changes.keys().copied().collect(),
        }
    }
}
