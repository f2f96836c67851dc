//! Attacks on auctions.

use engine::event::{BidEnd, CaseStep, Taker};
use simulator::bots::Strategy;

use crate::venue::{BITCOIN, Venue, dollars};

/// A long of one coin in auction, sold by nobody in the book.
fn in_auction(deposit: &str, price: f64) -> (Venue, u32) {
    let mut venue = Venue::new("", "100000", "1");
    let (long, short) = (venue.account(deposit), venue.account("1000000"));
    venue.trade(long, short, BITCOIN, 1_000, 50_000.0);
    venue.moves("BTC", price);
    assert_eq!(venue.open_cases(), 1);
    (venue, long)
}

fn sold(venue: &Venue) -> Vec<(u32, f64)> {
    venue.told(|step| match step {
        CaseStep::Sold { taker, paid, to: Taker::Bidder, .. } => {
            Some((taker.number(), dollars(*paid)))
        }
        _ => None,
    })
}

/// Bids for the whole at no discount, and then takes away what it would pay with. What a bid sets aside
/// can't be taken away, and a bid that is not carried any more makes way for the next.
#[test]
fn who_bids_pays() {
    let (mut venue, long) = in_auction("10000", 46_000.0);
    let attacker = venue.liquidator("15000");
    assert_eq!(venue.bid(attacker, 1, 1.0, 0.0), None);
    let withdrawn = venue.withdraw_all(attacker);
    assert!(withdrawn < 13_000.0, "{withdrawn}");
    venue.bidder(Strategy::Patient, "200000");
    venue.pass(130_000);
    assert_eq!(venue.open_cases(), 0);
    assert!(venue.value(long) > 0.0 && venue.health(long).0 >= venue.health(long).1);
    // The attacker has what it bid for, or lost its place; at no discount it gains nothing.
    let profit = withdrawn + venue.value(attacker) - 15_000.0;
    assert!(profit <= 0.01, "{profit}");
    let dropped = venue.told(|step| match step {
        CaseStep::BidEnded { cause, bidder, .. } if bidder.number() == attacker => Some(*cause),
        _ => None,
    });
    assert!(matches!(dropped[..], [BidEnd::Filled | BidEnd::Margin | BidEnd::AuctionOver]));
}

/// Deposits of a hundred-millionth, again and again while a case is open: bids stand, and the case takes
/// the course that it takes without.
#[test]
fn dust_changes_nothing() {
    let run = |dust: bool| {
        let (mut venue, long) = in_auction("10000", 46_000.0);
        venue.bidder(Strategy::Patient, "500000");
        for _ in 0..60 {
            if dust && venue.open_cases() > 0 {
                venue.deposit(long, "USDC", "0.00000001");
            }
            venue.pass(2_000);
        }
        assert_eq!(venue.open_cases(), 0);
        let sales = sold(&venue);
        let invalid = venue.told(|step| match step {
            CaseStep::BidEnded { cause: BidEnd::Margin | BidEnd::AuctionOver, .. } => Some(()),
            _ => None,
        });
        assert!(invalid.is_empty() && sales.len() == 1, "{sales:?}");
        sales
    };
    let [with, without] = [run(true), run(false)];
    assert_eq!(with[0].0, without[0].0);
    assert!((with[0].1 - without[0].1).abs() < 1.0, "{with:?}, {without:?}");
}

/// An owner lets an account be liquidated, and bids for it from another under another name. Against a
/// bidder who asks for what unwinding costs, the accomplice gets nothing unless it asks for less; what it
/// gets comes from its friend, and the fund's fee beside.
#[test]
fn buying_ones_own_account_at_a_discount_gains_nothing() {
    for least in [0.0, 0.002, 0.05, 0.25] {
        let (mut venue, long) = in_auction("10000", 46_000.0);
        let friend = venue.liquidator("100000");
        let honest = venue.bidder(Strategy::Patient, "500000");
        assert_eq!(venue.bid(friend, 1, 1.0, least), None);
        venue.pass(130_000);
        assert_eq!(venue.open_cases(), 0);
        // Both were worth so much when the case opened.
        let profit = venue.value(long) + venue.value(friend) - 6_000.0 - 100_000.0;
        assert!(profit <= 0.01, "least {least}: {profit}");
        if least >= 0.25 {
            assert!(sold(&venue).iter().all(|(taker, _)| *taker == honest), "{:?}", sold(&venue));
        }
    }
}

/// The same of an account that is worth less than nothing, whose taker is paid by the fund: the premium is
/// what the next bidder would do it for, and not what the accomplice asks.
#[test]
fn the_premium_is_what_the_next_bidder_asks() {
    let (mut venue, _) = in_auction("10000", 39_900.0);
    let friend = venue.liquidator("100000");
    venue.bidder(Strategy::Patient, "500000");
    assert_eq!(venue.bid(friend, 1, 1.0, 0.95), None);
    venue.pass(130_000);
    assert_eq!(venue.open_cases(), 0);
    let takers = venue.told(|step| match step {
        CaseStep::TakenOver { taker, .. } => Some(taker.number()),
        _ => None,
    });
    assert!(!takers.is_empty() && !takers.contains(&friend), "{takers:?}");
    let profit = venue.value(friend) - 100_000.0;
    assert!(profit <= 0.0, "{profit}");
}
