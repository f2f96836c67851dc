//! Auto-deleveraging: capacities, policies, refilling, money.

use plimsoll_risk::waterfall::WaterfallError;
use plimsoll_risk::waterfall::adl::{
    Allocation, Candidate, Need, Policy, allocate, capacity, charge, outlook, refill,
    split_residual,
};
use proptest::prelude::*;

use crate::cases;

const OURS: Policy = Policy::HedgesLast { hedge_weight_ppb: 50_000_000, by_leverage: false };
const POLICIES: [Policy; 4] = [
    Policy::Queue,
    Policy::ProRata,
    OURS,
    Policy::HedgesLast { hedge_weight_ppb: 250_000_000, by_leverage: true },
];

fn candidate(account: u32, lots: u64, capacity: u64, unhedged: u64) -> Candidate<u32> {
    Candidate { account, lots, capacity, unhedged, return_ppm: 0, leverage_ppm: 1_000_000 }
}

fn refused(result: Result<Allocation, WaterfallError>) -> bool {
    matches!(result, Err(WaterfallError::Parameter { .. } | WaterfallError::Duplicate { .. }))
}

#[test]
fn residuals_are_split_by_stand_alone_margin() {
    assert_eq!(split_residual(10, &[("a", 1), ("b", 2)]), Ok(vec![3, 7]));
    assert_eq!(split_residual(10, &[("a", 0), ("b", 0)]), Err(WaterfallError::NoWeight));
}

#[test]
fn capacity_is_the_most_whose_cost_is_earned() {
    for lots in 1..6_u64 {
        for deficit in 0..14_u128 {
            let need = Need { lots, deficit };
            for held in 0..8 {
                for profit in -2..12_i128 {
                    for net in [-1, 3, 20] {
                        let most = capacity(&need, held, profit, net).unwrap();
                        let budget = profit.min(net);
                        let earned = |lots| {
                            lots <= held
                                && budget >= 0
                                && need.cost(lots).unwrap() as i128 <= budget
                        };
                        assert!(most == 0 || earned(most), "{need:?} {held} {budget}: {most}");
                        assert!(!earned(most + 1), "{need:?} {held} {budget}: {most}");
                    }
                }
            }
        }
    }
}

#[test]
fn policies_by_hand() {
    let lots = |policy, needed, candidates: &[Candidate<u32>]| {
        allocate(policy, needed, candidates).unwrap().lots
    };
    let all = [candidate(1, 100, 100, 100), candidate(2, 100, 100, 0), candidate(3, 50, 20, 50)];
    // By size, until the third has given all that it may.
    assert_eq!(lots(Policy::ProRata, 120, &all), [50, 50, 20]);
    // Weights 100, 5, 50: the hedge gives a twentieth of what others do for each lot.
    assert_eq!(lots(OURS, 31, &all), [20, 1, 10]);
    assert_eq!(lots(OURS, 125, &all), [100, 5, 20]);
    assert_eq!(lots(OURS, 220, &all), [100, 100, 20]);
    assert_eq!(allocate(OURS, 221, &all).unwrap().unmet, 1);
    // The second is first in the queue, and the others tie.
    let mut queue = all;
    queue[1].return_ppm = 3;
    assert_eq!(lots(Policy::Queue, 130, &queue), [30, 100, 0]);
    let doubled = Candidate { leverage_ppm: 2_000_000, ..all[0] };
    let by_leverage = Policy::HedgesLast { hedge_weight_ppb: 50_000_000, by_leverage: true };
    assert_eq!(lots(by_leverage, 25, &[doubled, all[2]]), [20, 5]);

    assert!(refused(allocate(OURS, 1, &[candidate(1, 1, 1, 2)])));
    assert!(refused(allocate(OURS, 1, &[all[0], all[0]])));
    assert!(refused(allocate(Policy::Queue, 1, &[all[0], all[0]])));
    for hedge_weight_ppb in [0, 1_000_000_000] {
        let policy = Policy::HedgesLast { hedge_weight_ppb, by_leverage: false };
        assert!(refused(allocate(policy, 1, &all)));
    }
}

#[test]
fn every_small_need_is_taken_exactly() {
    for [a, b, capacity, needed] in (0..5_u64).flat_map(|a| {
        (0..5).flat_map(move |b| (0..5).flat_map(move |c| (0..13).map(move |n| [a, b, c, n])))
    }) {
        let all =
            [candidate(1, 4, capacity, a.min(4)), candidate(2, b, b, b / 2), candidate(3, 3, 3, 3)];
        for policy in POLICIES {
            let Allocation { lots, unmet } = allocate(policy, needed, &all).unwrap();
            let most = capacity.min(4) + b + 3;
            assert_eq!(lots.iter().sum::<u64>(), needed.min(most));
            assert_eq!(unmet, needed - needed.min(most));
            assert!(lots[0] <= capacity && lots[1] <= b && lots[2] <= 3);
        }
    }
}

#[test]
fn ranks_and_costs() {
    let all = [candidate(4, 10, 10, 0), candidate(2, 10, 10, 10), candidate(3, 30, 30, 15)];
    let need = Need { lots: 10, deficit: 55 };
    let seen = |policy| -> Vec<(usize, u64, u128)> {
        let outlook = outlook(policy, &need, &all).unwrap();
        outlook.iter().map(|of| (of.rank, of.lots, of.cost)).collect()
    };
    assert_eq!(seen(OURS), [(3, 0, 0), (1, 4, 22), (2, 6, 33)]);
    // All lose the same part; the account decides the rank.
    assert_eq!(seen(Policy::ProRata), [(3, 2, 11), (1, 2, 11), (2, 6, 33)]);
    assert_eq!(seen(Policy::Queue), [(3, 0, 0), (1, 10, 55), (2, 0, 0)]);
}

fn candidates() -> impl Strategy<Value = Vec<Candidate<u32>>> {
    let small = (0..60_u64, 0..70_u64, 0..60_u64, -50..50_i64, 0..5_000_000_u32);
    let wide = (0..1_u64 << 62, any::<u64>(), 0..1_u64 << 62, any::<i64>(), any::<u32>());
    let many = |of: Vec<(u64, u64, u64, i64, u32)>| {
        let make = |(account, (lots, capacity, unhedged, return_ppm, leverage_ppm))| Candidate {
            return_ppm,
            leverage_ppm,
            ..candidate(account as u32, lots, capacity, unhedged % (lots + 1))
        };
        of.into_iter().enumerate().map(make).collect()
    };
    prop_oneof![prop::collection::vec(small, 0..12), prop::collection::vec(wide, 0..12)]
        .prop_map(many)
}

fn needed() -> impl Strategy<Value = u64> {
    prop_oneof![0..400_u64, any::<u64>()]
}

proptest! {
    #![proptest_config(cases())]

    /// Exactly what is needed, from nobody more than capacity, whatever the order.
    #[test]
    fn allocation_is_exact(all in candidates(), needed in needed(), policy in 0..4_usize, seed: u64) {
        let policy = POLICIES[policy];
        let Ok(Allocation { lots, unmet }) = allocate(policy, needed, &all) else { return Ok(()) };
        let taken: u128 = lots.iter().map(|lots| u128::from(*lots)).sum();
        prop_assert_eq!(taken + u128::from(unmet), u128::from(needed));
        prop_assert!(lots.iter().zip(&all).all(|(lots, of)| *lots <= of.capacity.min(of.lots)));
        // Something is unmet only where all that could be given is given.
        let bare = |(lots, of): (&u64, &Candidate<u32>)| {
            let weightless = matches!(policy, Policy::HedgesLast { by_leverage: true, .. }) && of.leverage_ppm == 0;
            *lots == of.capacity.min(of.lots) || weightless
        };
        prop_assert!(unmet == 0 || lots.iter().zip(&all).all(bare));
        let mut shuffled = all.clone();
        shuffled.sort_by_key(|of| u64::from(of.account + 1).wrapping_mul(seed | 1));
        let again = allocate(policy, needed, &shuffled).unwrap();
        for (of, given) in shuffled.iter().zip(&again.lots) {
            prop_assert_eq!(*given, lots[of.account as usize]);
        }
    }

    /// Nobody loses a larger part of a hedge than of what hedges nothing, but for the odd lot.
    #[test]
    fn hedges_go_last(all in candidates(), needed in needed()) {
        let open = |of: &Candidate<u32>| Candidate { capacity: of.lots, ..*of };
        let all: Vec<_> = all.iter().map(open).collect();
        let Ok(Allocation { lots, .. }) = allocate(OURS, needed, &all) else { return Ok(()) };
        for (a, taken) in all.iter().zip(&lots).filter(|(a, _)| a.unhedged == a.lots && a.lots > 0) {
            for (b, other) in all.iter().zip(&lots).filter(|(b, _)| b.unhedged == 0) {
                let [a, b] = [u128::from(taken + 1) * u128::from(b.lots), u128::from(other.saturating_sub(1)) * u128::from(a.lots)];
                prop_assert!(a >= b);
            }
        }
    }

    /// An account that is split into proportional parts gives up at most a lot less for each account
    /// that was created.
    #[test]
    fn splitting_gains_at_most_a_lot_each(
        all in candidates(), needed in 0..1_u64 << 40, which: prop::sample::Index, parts in 2..6_u64,
        lots in 1..10_000_u64, percent in 0..=100_u64, part_unhedged in 0..=100_u64,
    ) {
        let mut all: Vec<_> = all.into_iter().map(|of| Candidate { account: of.account * 10, ..of }).collect();
        if all.is_empty() { return Ok(()); }
        let i = which.index(all.len());
        // The parts are whole, so that the split is proportional to the lot.
        let part = Candidate { capacity: lots * percent, unhedged: lots * part_unhedged, lots: lots * 100, ..all[i] };
        all[i] = Candidate { capacity: part.capacity * parts, unhedged: part.unhedged * parts, lots: part.lots * parts, ..part };
        let whole = allocate(OURS, needed, &all).unwrap().lots[i];
        all[i] = part;
        for n in 1..parts {
            all.push(Candidate { account: part.account + n as u32, ..part });
        }
        let split = allocate(OURS, needed, &all).unwrap();
        let mine = all.iter().zip(&split.lots).filter(|(of, _)| of.account / 10 == part.account / 10);
        let together: u64 = mine.map(|(_, lots)| *lots).sum();
        prop_assert!(together + parts >= whole, "{} {}", together, whole);
    }

    /// Whatever the accounts turn out to bear, nobody gives more, and exactly what is needed is taken
    /// if they can give it.
    #[test]
    fn refilling_respects_what_accounts_bear(all in candidates(), needed in needed(), bears in prop::collection::vec(0..80_u64, 12), policy in 0..4_usize) {
        let policy = POLICIES[policy];
        if allocate(policy, needed, &all).is_err() { return Ok(()); }
        let mut asked = 0;
        let refilled = refill(policy, needed, &all, |account, lots| {
            asked += 1;
            Ok::<u64, WaterfallError>(bears[*account as usize].min(lots))
        }).unwrap();
        prop_assert!(asked <= all.len() * (all.len() + 1));
        let taken: u128 = refilled.lots.iter().map(|lots| u128::from(*lots)).sum();
        prop_assert_eq!(taken + u128::from(refilled.unmet), u128::from(needed));
        for (i, of) in all.iter().enumerate() {
            prop_assert!(refilled.lots[i] <= of.capacity.min(of.lots).min(bears[i]));
        }
        let most: u128 = all.iter().enumerate().map(|(i, of)| u128::from(of.capacity.min(of.lots).min(bears[i]))).sum();
        if policy == Policy::ProRata {
            prop_assert_eq!(taken, most.min(u128::from(needed)));
        }
    }

    /// The money is the deficit to the unit, and nobody pays more than profit.
    #[test]
    fn charges_sum_to_the_deficit(
        holders in prop::collection::vec((0..1_u64 << 40, 0..1_i128 << 70, 0..1_i128 << 70), 1..10),
        lots in 1..1_u64 << 42,
        deficit in 0..1_u128 << 80,
    ) {
        let need = Need { lots, deficit };
        let all: Vec<_> = holders.iter().enumerate().map(|(account, &(held, leg, net))| {
            candidate(account as u32, held, capacity(&need, held, leg, net).unwrap(), held)
        }).collect();
        let given = allocate(OURS, lots, &all).unwrap();
        let keyed: Vec<_> = given.lots.iter().copied().enumerate().collect();
        let charged = charge(&need, &keyed).unwrap();
        let taken: u128 = given.lots.iter().map(|lots| u128::from(*lots)).sum();
        let total: u128 = charged.iter().sum();
        if given.unmet == 0 {
            prop_assert_eq!(total, deficit);
        }
        prop_assert!(total * u128::from(lots) <= deficit * taken);
        for ((charged, lots), (_, leg, net)) in charged.iter().zip(&given.lots).zip(&holders) {
            prop_assert!(*charged <= need.cost(*lots).unwrap());
            prop_assert!(*charged as i128 <= *leg.min(net));
        }
    }

    #[test]
    fn any_need_is_answered(lots: u64, deficit: u128, held: u64, leg: i128, net: i128) {
        let need = Need { lots, deficit };
        let _ = need.cost(held);
        let _ = capacity(&need, held, leg, net);
        let _ = charge(&need, &[(1, held)]);
        let _ = outlook(OURS, &need, &[candidate(1, held, held, held)]);
    }
}
