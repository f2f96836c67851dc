//! The designs, all with the same fund, vault and liquidators.

use plimsoll_simulator::{Bidding, LiquidationSetup};

/// The discounts of take-overs that are compared, as parts of a portfolio's value: about 1 % and 2 % of the
/// notional of a position that is opened at its maintenance requirement of 5 %.
const FEES_PPB: [(u32, &str, &str); 2] = [
    (200_000_000, "take-over at 20 % of value", "take-over-20"),
    (400_000_000, "take-over at 40 % of value", "take-over-40"),
];
/// The largest target that there is: nearly the whole is taken.
const BUFFER_MOST_PPB: u32 = 1_000_000_000;
/// A shorter stage in the book than the rules have.
const SHORT_BOOK_MS: i64 = 3_000;

/// A design of liquidation.
pub struct Design {
    /// Its name in tables.
    pub name: &'static str,
    /// Its name in files.
    pub file: &'static str,
    /// What is different in it.
    pub setup: LiquidationSetup,
}

/// All designs; the first one is the venue's own, which the others are compared with.
pub fn designs() -> Vec<Design> {
    let ours = LiquidationSetup { fund: 200, vault: 100, liquidators: 2_000, ..Default::default() };
    let mut short_book = ours.clone();
    short_book.rules.book_ms = SHORT_BOOK_MS;
    let mut without_book = ours.clone();
    without_book.rules.book_ms = 0;
    let take_over = |(fee, name, file)| {
        let mut setup = LiquidationSetup { bidding: Bidding::FixedFee, ..without_book.clone() };
        setup.rules.discount_start_ppb = fee;
        setup.rules.discount_end_ppb = fee;
        setup.rules.buffer_ppb = BUFFER_MOST_PPB;
        Design { name, file, setup }
    };
    let mut dutch = LiquidationSetup { bidding: Bidding::Dutch, ..without_book.clone() };
    dutch.rules.buffer_ppb = BUFFER_MOST_PPB;
    let [cheap, dear] = FEES_PPB.map(take_over);
    let design = |name, file, setup| Design { name, file, setup };
    vec![
        design("sealed auction after the book", "ours", ours),
        design("sealed auction after 3 s in the book", "short-book", short_book),
        design("sealed auction alone", "auction", without_book),
        cheap,
        dear,
        design("Dutch auction, first taker", "dutch", dutch),
    ]
}
