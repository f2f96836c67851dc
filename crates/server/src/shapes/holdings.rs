//! What an account holds, as summaries want it.

use std::collections::BTreeMap;

use engine::InstrumentId;
use instruments::{Amount, Asset, Instrument, Price};

use crate::feed::account::{Account, Position};
use crate::feed::venue::Venue;

/// What summaries are made from beside a view: taken from the venue at once, so that nobody waits while
/// margins are computed.
#[derive(Clone, Debug)]
pub struct Holdings {
    /// What the account may use, by asset.
    pub balances: BTreeMap<Asset, Amount>,
    /// What its withdrawals reserve, by asset.
    pub held: BTreeMap<Asset, Amount>,
    /// Its positions, with their marks.
    pub positions: Vec<(Instrument, Price, Position)>,
}

impl Holdings {
    /// Those of an account.
    #[must_use]
    pub fn of(venue: &Venue, account: &Account) -> Self {
        let position = |(id, position): (&InstrumentId, &Position)| {
            let listing = venue.at(*id);
            (listing.instrument, listing.mark.unwrap_or_default(), *position)
        };
        Self {
            balances: account.balances.clone(),
            held: account.held.clone(),
            positions: account.positions.iter().map(position).collect(),
        }
    }
}
