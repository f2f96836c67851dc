//! One instrument in a snapshot.

use book::{Book, RECORD_LEN, Side, TRIGGER_RECORD_LEN, Triggers};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Instrument, Price, Timestamp};
use ledger::{Index, Residue};

use super::{SnapshotError, contradicts};
use crate::InstrumentId;
use crate::listing::{Listing, RecentVolume};
use crate::prices::Basis;
use crate::rules::{InstrumentTerms, MarketState};

/// A [`Listing`] without what follows from the rest.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct ListingParts {
    pub instrument: Instrument,
    pub terms: InstrumentTerms,
    state: MarketState,
    halted_until: Option<Timestamp>,
    expired: bool,
    delayed: bool,
    mark: Option<Price>,
    last: Option<Price>,
    trades: u64,
    open_interest: i64,
    basis: Basis,
    funding: Index,
    rate_8h_ppb: i64,
    funded_until: Timestamp,
    residue: Residue,
    settled: i64,
    volume: RecentVolume,
    book: [u8; RECORD_LEN],
    /// Bids, then asks, each as they would trade.
    orders: Vec<[u8; RECORD_LEN]>,
    stamp: u64,
    triggers: Vec<[u8; TRIGGER_RECORD_LEN]>,
}

impl ListingParts {
    pub fn of(listing: &Listing) -> Self {
        let orders = Side::BOTH.into_iter().flat_map(|side| listing.book.orders(side));
        Self {
            instrument: listing.instrument,
            terms: listing.terms,
            state: listing.state,
            halted_until: listing.halted_until,
            expired: listing.expired,
            delayed: listing.delayed,
            mark: listing.mark,
            last: listing.last,
            trades: listing.trades,
            open_interest: listing.open_interest,
            basis: listing.basis,
            funding: listing.funding,
            rate_8h_ppb: listing.rate_8h_ppb,
            funded_until: listing.funded_until,
            residue: listing.residue,
            settled: listing.settled,
            volume: listing.volume,
            book: listing.book.state_bytes(),
            orders: orders.map(|order| order.to_bytes()).collect(),
            stamp: listing.triggers.stamp(),
            triggers: listing.triggers.records().collect(),
        }
    }

    /// The listing with this number. The terms were checked.
    pub fn listing(
        &self,
        id: InstrumentId,
        places: [usize; 3],
        now: Timestamp,
    ) -> Result<Listing, SnapshotError> {
        let empty = Listing::new(id, self.instrument, self.terms, places, now);
        let limits = *empty.book.limits();
        Ok(Listing {
            state: self.state,
            halted_until: self.halted_until,
            expired: self.expired,
            delayed: self.delayed,
            book: Book::restore(limits, &self.book, &self.orders).map_err(contradicts)?,
            triggers: Triggers::restore(limits, self.stamp, &self.triggers).map_err(contradicts)?,
            mark: self.mark,
            last: self.last,
            trades: self.trades,
            open_interest: self.open_interest,
            basis: self.basis,
            funding: self.funding,
            rate_8h_ppb: self.rate_8h_ppb,
            funded_until: self.funded_until,
            residue: self.residue,
            settled: self.settled,
            volume: self.volume,
            ..empty
        })
    }
}
