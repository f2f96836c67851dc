//! Winners that would rather not be deleveraged.

use engine::event::CaseStep;

use crate::venue::{BITCOIN, ETHER, Venue};

/// Lots that some accounts give up when a long of three coins falls through everything.
fn taken_from(venue: &mut Venue, loser: u32, accounts: &[u32]) -> (u64, u64) {
    venue.moves("BTC", 37_000.0);
    venue.pass(120_000);
    assert_eq!((venue.open_cases(), venue.lots(loser, BITCOIN)), (0, 0));
    let taken = venue.told(|step| match step {
        CaseStep::Deleveraged { counterparty, lots, .. } => {
            Some((counterparty.number(), lots.unsigned_abs()))
        }
        _ => None,
    });
    let ours = taken.iter().filter(|(account, _)| accounts.contains(account));
    (ours.map(|(_, lots)| lots).sum(), taken.iter().map(|(_, lots)| lots).sum())
}

fn beginning() -> (Venue, u32, u32) {
    let mut venue = Venue::new("", "0.01", "1");
    let loser = venue.account("25000");
    let other = venue.account("10000000");
    (venue, loser, other)
}

/// One winner against the same position split over ten accounts: the parts give up as much together, but
/// for a lot each that rounding moves.
#[test]
fn splitting_an_account_gains_no_more_than_a_lot_for_each() {
    let run = |parts: u32| {
        let (mut venue, loser, other) = beginning();
        let ours: Vec<u32> =
            (0..parts).map(|_| venue.account(&(600_000 / parts).to_string())).collect();
        for account in &ours {
            venue.trade(loser, *account, BITCOIN, i64::from(2_000 / parts), 50_000.0);
        }
        venue.trade(loser, other, BITCOIN, 500, 50_000.0);
        taken_from(&mut venue, loser, &ours)
    };
    let (whole, all) = run(1);
    let (split, all_again) = run(10);
    assert!(whole > 0 && all == all_again, "{whole} of {all}, {split} of {all_again}");
    assert!(split + 10 >= whole && split <= whole + 10, "{split} of {whole}");
}

/// A winner hedges what it has, truly or for show, to be asked last. A lot that is a hedge counts η = 5 %
/// of one that is none, so that the share which is given up is never below η of the share by lots; and what
/// others can't give, the hedged give.
#[test]
fn a_hedge_lowers_the_share_to_eta_at_most() {
    let run = |hedged: bool| {
        let (mut venue, loser, other) = beginning();
        let winner = venue.account("2000000");
        venue.trade(loser, winner, BITCOIN, 1_000, 50_000.0);
        venue.trade(loser, other, BITCOIN, 1_000, 50_000.0);
        if hedged {
            // Ether moves with bitcoin.
            venue.trade(winner, other, ETHER, 2_500, 2_000.0);
        }
        taken_from(&mut venue, loser, &[winner])
    };
    let (plain, all) = run(false);
    let (hedged, all_again) = run(true);
    assert_eq!(all, all_again);
    assert!(hedged <= plain, "{hedged} of {plain}");
    let least = 0.05 * plain as f64;
    assert!(hedged as f64 + 1.0 >= least, "{hedged}, at least {least} of {plain}");
}
