//! The records that the state's hash is made of.
//!
//! A record is the borsh encoding of what is known of one thing, in the order in which it stands
//! here; `docs/concepts/encoding.md` draws it. What replay rebuilds from other records, such as
//! vectors and lists of orders, is left out.

use borsh::BorshSerialize;
use instruments::Instrument;
use ledger::{AccountId, TransferKind};

use crate::State;
use crate::account::AccountState;
use crate::asset::AssetState;
use crate::listing::Listing;
use crate::orders::Order;
use crate::record_tree::{Hash, Kind, root_from_scratch};
use crate::state::asset_index;

impl State {
    /// The hash of all records. Two states with the same hash have the same records.
    ///
    /// Only records that have changed since the last call are hashed again.
    pub fn record_hash(&mut self) -> Hash {
        let mut records = std::mem::take(&mut self.records);
        let hash = records.root(|kind, slot, bytes| self.write_record(kind, slot, bytes));
        self.records = records;
        hash
    }

    /// [`State::record_hash`], computed from every record.
    #[must_use]
    pub fn record_hash_from_scratch(&self) -> Hash {
        root_from_scratch(
            |kind| match kind {
                Kind::Venue => 1,
                Kind::Asset => u32::try_from(self.assets.len()).expect("at most 1024"),
                Kind::Account => self.accounts(),
                Kind::Instrument => self.instruments(),
                Kind::Order => self.orders.slots(),
                Kind::Liquidation => 1,
            },
            |kind, slot, bytes| self.write_record(kind, slot, bytes),
        )
    }

    /// Appends the record in a slot; `false` if there is none.
    pub fn write_record(&self, kind: Kind, slot: u32, bytes: &mut Vec<u8>) -> bool {
        let place = slot as usize;
        match kind {
            Kind::Venue => {
                self.write_venue(bytes);
                slot == 0
            }
            Kind::Asset => self.assets.get(place).is_some_and(|state| {
                self.write_asset(place, state, bytes);
                true
            }),
            Kind::Account => self.accounts.get(place).is_some_and(|state| {
                self.write_account(AccountId::new(slot), state, bytes);
                true
            }),
            Kind::Instrument => self.listings.get(place).is_some_and(|listing| {
                write_listing(listing, bytes);
                true
            }),
            Kind::Order => self.orders.in_slot(slot).is_some_and(|order| {
                self.write_order(order, bytes);
                true
            }),
            Kind::Liquidation => {
                put(&self.liquidation, bytes);
                slot == 0
            }
        }
    }

    fn write_venue(&self, bytes: &mut Vec<u8>) {
        put(&(self.rules_version, self.rules, self.orders.last, self.risk.epochs), bytes);
        let history = self.risk.history.as_ref();
        put(&history.map_or([0; 32], |history| history.hash), bytes);
        for published in [&self.risk.portfolio, &self.risk.position] {
            let record = published.as_ref().map(|published| {
                let before = published.before.iter();
                let before: Vec<_> = before.map(|(old, ends)| (old.hash(), *ends)).collect();
                (published.methodology.hash(), published.in_force, before)
            });
            put(&record, bytes);
        }
        let epoch = self.risk.epoch.as_ref();
        let epoch = epoch.map(|epoch| {
            (epoch.opened, &epoch.arrays_hash, &epoch.holdings, &epoch.covered, epoch.due_announced)
        });
        put(&epoch, bytes);
        put(&(self.market.time, self.review_next), bytes);
        if !self.changes.is_empty() {
            put(&self.changes, bytes);
        }
    }

    fn write_asset(&self, place: usize, state: &AssetState, bytes: &mut Vec<u8>) {
        put(&(state.asset, state.index_rules, state.breaker_rules, state.interest_rules), bytes);
        put(&(&state.sources, &state.reports), bytes);
        put(&(state.price, state.confidence_ppm, state.status), bytes);
        put(&(state.breaker, state.interest.steps(), state.interest_until), bytes);
        let expiries: Vec<_> = state
            .expiries
            .iter()
            .map(|(expiry, at)| (*expiry, at.basis, &at.curve, at.average))
            .collect();
        put(&expiries, bytes);
        self.ledger.write_venue(asset_index(place), bytes);
        for kind in [TransferKind::Deposit, TransferKind::Withdrawal] {
            for transfer in self.ledger.transfers(kind) {
                if transfer.request.asset == asset_index(place) {
                    bytes.extend_from_slice(&transfer.to_bytes(kind));
                }
            }
        }
    }

    fn write_account(&self, account: AccountId, state: &AccountState, bytes: &mut Vec<u8>) {
        put(&(account, state.owner, state.model), bytes);
        put(&(state.restricted, state.cancel_on_disconnect), bytes);
        put(&(state.case, state.case_after, state.liquidator), bytes);
        put(&u32::try_from(state.slots.len()).expect("fewer than 2^32"), bytes);
        for slot in &state.slots {
            put(&(slot.instrument, slot.lots, slot.cost), bytes);
        }
        put(&u32::try_from(state.funding.len()).expect("fewer than 2^32"), bytes);
        for (instrument, funding) in &state.funding {
            put(instrument, bytes);
            bytes.extend_from_slice(&funding.to_bytes());
        }
        for own in &state.assets {
            bytes.extend_from_slice(&own.interest.to_bytes());
            put(&(own.fresh, own.principal), bytes);
        }
        put(&state.settled, bytes);
        let protections: Vec<_> = state.protections.iter().collect();
        put(&protections, bytes);
        self.ledger.write_account(account, bytes);
    }

    fn write_order(&self, order: &Order, bytes: &mut Vec<u8>) {
        put(&(order.id.0, order.account, &order.terms), bytes);
        put(&(order.open, order.filled, order.limit.0, order.fee), bytes);
        put(&(order.stage as u8, order.partner.map(|id| id.0)), bytes);
        put(&(order.then.orders.map(|id| id.map(|id| id.0)), order.then.when), bytes);
        let listing = &self.listings[order.terms.instrument.place()];
        if let Some(resting) = listing.book.order(order.id) {
            bytes.extend_from_slice(&resting.to_bytes());
        }
        if let Some(trigger) = listing.triggers.record(order.id) {
            bytes.extend_from_slice(&trigger);
        }
    }
}

fn write_listing(listing: &Listing, bytes: &mut Vec<u8>) {
    let instrument: Instrument = listing.instrument;
    put(&(listing.id, instrument, listing.terms, listing.state), bytes);
    put(&(listing.halted_until, listing.expired, listing.delayed), bytes);
    put(&(listing.mark, listing.last, listing.trades, listing.open_interest), bytes);
    put(&(listing.basis, listing.funding.steps(), listing.rate_8h_ppb), bytes);
    put(&(listing.funded_until, listing.residue.steps(), listing.settled), bytes);
    put(&listing.volume, bytes);
    bytes.extend_from_slice(&listing.book.state_bytes());
    put(&listing.triggers.stamp(), bytes);
}

fn put(record: &impl BorshSerialize, bytes: &mut Vec<u8>) {
    borsh::to_writer(bytes, record).expect("memory takes every byte");
}
