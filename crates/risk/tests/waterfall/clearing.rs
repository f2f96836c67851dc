//! Clearing sealed bids, against a search through every discount that could clear.

use plimsoll_risk::waterfall::auction::{AuctionTerms, Bid, Cleared, clear, slice_cost};
use plimsoll_risk::waterfall::{Share, WaterfallError};
use proptest::prelude::*;

use crate::cases;

fn percent(percent: u32) -> Share {
    Share::from_ppb(percent * 10_000_000)
}

/// A bid of `units` at a least discount in percent, with a limit.
fn bid(bidder: usize, units: u64, least: u32, limit: u128) -> Bid<usize> {
    Bid { bidder, units, least_discount: percent(least), limit }
}

/// What must be sold at a discount: `base` units, and one more for each so many percent.
fn needed(base: u64, each: u32) -> impl Fn(Share) -> Result<u64, WaterfallError> {
    move |discount| Ok(base + discount.units() / percent(each.max(1)).units())
}

/// The most units that a bid can take at a discount, counted up one by one.
fn afforded(terms: &AuctionTerms, bid: &Bid<usize>, discount: Share) -> u64 {
    let pays = |units: u64| {
        let cost = slice_cost(terms.for_sale, discount, units, terms.whole).unwrap();
        u128::try_from(cost).unwrap() <= bid.limit
    };
    let asked = if bid.least_discount > discount { 0 } else { bid.units.min(terms.whole) };
    (0..=asked).rev().find(|units| pays(*units)).unwrap()
}

/// The least discount that clears, of all that are asked for and the reserve.
fn least(terms: &AuctionTerms, bids: &[Bid<usize>], need: &dyn Fn(Share) -> u64) -> Option<Share> {
    let asked = bids.iter().map(|bid| bid.least_discount).filter(|least| *least <= terms.reserve);
    let covers = |discount: &Share| {
        let wanted: u64 = bids.iter().map(|bid| afforded(terms, bid, *discount)).sum();
        wanted >= need(*discount).min(terms.whole)
    };
    asked.chain([terms.reserve]).filter(covers).min()
}

fn check(terms: &AuctionTerms, bids: &[Bid<usize>], base: u64, each: u32) -> Cleared {
    let need = |discount| needed(base, each)(discount).unwrap();
    let cleared = clear(terms, bids, needed(base, each)).unwrap();
    let expected = least(terms, bids, &need);
    assert_eq!(cleared.covered, expected.is_some());
    assert_eq!(cleared.discount, expected.unwrap_or(terms.reserve));
    let given =
        |i: usize| cleared.fills.iter().find(|fill| fill.bid == i).map_or(0, |fill| fill.units);
    let wanted: Vec<u64> = bids.iter().map(|bid| afforded(terms, bid, cleared.discount)).collect();
    let total: u64 = cleared.fills.iter().map(|fill| fill.units).sum();
    if cleared.covered {
        assert_eq!(total, need(cleared.discount).min(terms.whole));
    } else {
        assert_eq!(total, wanted.iter().sum());
    }
    for (i, bid) in bids.iter().enumerate() {
        assert!(given(i) <= wanted[i]);
        // Whoever asks for less is served before whoever asks for more.
        let later = |j: usize| bids[j].least_discount > bid.least_discount && given(j) > 0;
        assert!(given(i) == wanted[i] || !(0..bids.len()).any(later), "{bids:?} {cleared:?}");
        // And those who ask for the same, in proportion to the unit.
        for (j, other) in bids.iter().enumerate() {
            if other.least_discount == bid.least_discount {
                let [a, b] =
                    [(i, j), (j, i)].map(|(x, y)| u128::from(given(x)) * u128::from(wanted[y]));
                assert!(
                    a.abs_diff(b) < u128::from(wanted[i] + wanted[j]).max(1),
                    "{bids:?} {cleared:?}"
                );
            }
        }
    }
    let cost = |discount, units| slice_cost(terms.for_sale, discount, units, terms.whole).unwrap();
    let costs = cleared.fills.iter().map(|fill| {
        assert_eq!(fill.cost, cost(cleared.discount, fill.units));
        assert!(u128::try_from(fill.cost).unwrap() <= bids[fill.bid].limit);
        fill.cost - cost(terms.reserve, fill.units)
    });
    assert_eq!(cleared.improvement, costs.sum::<i128>());
    assert!(cleared.improvement >= 0);
    cleared
}

#[test]
fn by_hand() {
    let terms = AuctionTerms { for_sale: 1_000, whole: 10, reserve: percent(20) };
    let rich = 1_000_000;
    // Six are needed: four from whoever asks for 5 %, two of the next, at 8 % for both.
    let bids = [bid(1, 5, 8, rich), bid(2, 4, 5, rich), bid(3, 9, 15, rich)];
    let cleared = check(&terms, &bids, 6, 100);
    assert_eq!(cleared.discount, percent(8));
    let units: Vec<_> =
        cleared.fills.iter().map(|fill| (fill.bid, fill.units, fill.cost)).collect();
    assert_eq!(units, [(0, 2, 184), (1, 4, 368)]);
    assert_eq!(cleared.improvement, 552 - 480);
    // Too few: all of them, at the reserve. Whoever asks for more than the reserve gets nothing.
    let bids = [bid(1, 2, 5, rich), bid(2, 9, 21, rich)];
    let cleared = check(&terms, &bids, 6, 100);
    assert_eq!((cleared.discount, cleared.covered), (percent(20), false));
    assert_eq!(cleared.fills.len(), 1);
    assert_eq!(cleared.fills[0].cost, 160);
    // At the margin pro rata, the odd one to the lesser bidder.
    let bids = [bid(2, 3, 5, rich), bid(1, 3, 5, rich)];
    let cleared = check(&terms, &bids, 5, 100);
    assert_eq!(cleared.fills.iter().map(|fill| fill.units).collect::<Vec<_>>(), [2, 3]);
    // A limit shrinks a bid; at a greater discount it pays for more.
    let bids = [bid(1, 5, 0, 450), bid(2, 1, 10, rich)];
    assert_eq!(check(&terms, &bids, 5, 100).discount, percent(10));
    // Nothing to sell, nothing bid.
    assert!(check(&terms, &[], 0, 100).covered);
    assert!(!check(&terms, &[], 1, 100).covered);
}

#[test]
fn every_small_clearing_is_the_least() {
    let kinds: Vec<(u64, u32, u128)> = [1, 2, 3]
        .into_iter()
        .flat_map(|units| [0, 10, 20, 30].map(|least| (units, least)))
        .flat_map(|(units, least)| [0, 40, 1_000].map(|limit| (units, least, limit)))
        .collect();
    let terms = AuctionTerms { for_sale: 100, whole: 4, reserve: percent(20) };
    for &(units, least, limit) in &kinds {
        for &(other_units, other_least, other_limit) in &kinds {
            let bids = [bid(1, units, least, limit), bid(2, other_units, other_least, other_limit)];
            (0..6).for_each(|base| drop(check(&terms, &bids, base, 10)));
        }
    }
}

fn any_bid() -> impl Strategy<Value = (u64, u32, u128)> {
    let limit = prop_oneof![0..2_000_u128, Just(u128::MAX)];
    (0..40_u64, prop_oneof![0..30_u32, Just(5), Just(10)], limit)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_clearing_is_the_least(
        of in prop::collection::vec(any_bid(), 0..8),
        for_sale in 0..10_000_i128,
        whole in 1..60_u64,
        reserve in 0..30_u32,
        base in 0..60_u64,
        each in 1..30_u32,
        seed: u64,
    ) {
        let bids: Vec<_> = of.iter().enumerate().map(|(key, &(units, least, limit))| bid(key, units, least, limit)).collect();
        let terms = AuctionTerms { for_sale, whole, reserve: percent(reserve) };
        let cleared = check(&terms, &bids, base, each);
        // The order in which bids came says nothing.
        let mut shuffled = bids.clone();
        shuffled.sort_by_key(|bid| (bid.bidder as u64 + 1).wrapping_mul(seed | 1));
        let again = check(&terms, &shuffled, base, each);
        let by_bidder = |bids: &[Bid<usize>], cleared: &Cleared| {
            let mut fills: Vec<_> = cleared.fills.iter().map(|fill| (bids[fill.bid].bidder, fill.units)).collect();
            fills.sort_unstable();
            fills
        };
        prop_assert_eq!(by_bidder(&bids, &cleared), by_bidder(&shuffled, &again));
    }

    #[test]
    fn any_terms_are_answered(for_sale: i128, whole: u64, reserve: u64, units: u64, least: u64, limit: u128, need: u64) {
        let terms = AuctionTerms { for_sale, whole, reserve: Share::from_units(reserve) };
        let bid = Bid { bidder: 1, units, least_discount: Share::from_units(least), limit };
        let _ = clear(&terms, &[bid], |_| Ok::<u64, WaterfallError>(need));
    }
}
