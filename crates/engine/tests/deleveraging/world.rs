//! A venue on which a bankrupt account goes straight to deleveraging.

use instruments::Amount;
use ledger::{AccountId, LedgerAccount, VenueAccount};
use plimsoll_engine::event::CaseStep;

use crate::venue::{PERPETUAL, Venue};

/// No time in the book, none for bids on what is worth less than nothing.
pub const AT_ONCE: &str = r#""book_ms":0,"insolvent_ms":0"#;
/// A coin in lots of [`PERPETUAL`].
pub const COIN: i64 = 1_000;

/// USDC in its smallest unit.
pub const fn usdc(whole: i128) -> Amount {
    Amount::from_units(whole * 100_000_000)
}

pub trait Looks {
    fn of_case(&self, account: u32) -> Vec<&CaseStep>;
    fn balance(&self, account: u32, asset: &str) -> Amount;
    fn of_venue(&self, account: VenueAccount, asset: &str) -> Amount;
    /// Who gave up how many lots of what, and what it cost.
    fn given_up(&self) -> Vec<(u32, String, i64, Amount)>;
    fn costs(&self) -> Amount;
}

impl Looks for Venue {
    fn of_case(&self, account: u32) -> Vec<&CaseStep> {
        let own = self.story.iter().filter(|event| event.account.number() == account);
        own.map(|event| &event.what).collect()
    }

    fn balance(&self, account: u32, asset: &str) -> Amount {
        let index = self.state.ledger().index_of(asset.parse().unwrap()).unwrap();
        self.state.ledger().available(AccountId::new(account), index)
    }

    fn of_venue(&self, account: VenueAccount, asset: &str) -> Amount {
        let index = self.state.ledger().index_of(asset.parse().unwrap()).unwrap();
        self.state.ledger().balance_of(LedgerAccount::Venue(account), index)
    }

    fn given_up(&self) -> Vec<(u32, String, i64, Amount)> {
        let step = |step: &CaseStep| match step {
            CaseStep::Deleveraged { counterparty, instrument, lots, cost, .. } => {
                let name = self.state.instrument(*instrument).unwrap().to_string();
                Some((counterparty.number(), name, *lots, *cost))
            }
            _ => None,
        };
        self.story.iter().filter_map(|event| step(&event.what)).collect()
    }

    fn costs(&self) -> Amount {
        self.given_up().into_iter().map(|(_, _, _, cost)| cost).sum()
    }
}

/// A long of one coin with 10,000, bought at 50,000 from those who are named with their lots, each of
/// whom has 100,000.
pub fn venue_with(rules: &str, sellers: &[i64]) -> (Venue, u32, Vec<u32>) {
    let mut venue = Venue::new();
    let more = if rules.is_empty() { AT_ONCE.into() } else { format!("{AT_ONCE},{rules}") };
    venue.liquidating(&more);
    let long = venue.account("10000");
    let shorts: Vec<u32> = sellers.iter().map(|_| venue.account("100000")).collect();
    for (short, lots) in shorts.iter().zip(sellers) {
        venue.trade(long, *short, PERPETUAL, *lots, 50_000.0);
    }
    (venue, long, shorts)
}

/// Time passes until no market is halted any more, and a new epoch opens.
pub fn quiet(venue: &mut Venue) {
    venue.time += 310_000;
    venue.report_all();
    venue.must(r#""tick":{}"#);
    venue.open_epoch();
}
