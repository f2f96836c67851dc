//! Who gives up how much, whatever the policy, the order of accounts and how many somebody has.

use instruments::Amount;
use ledger::AccountId;

use crate::venue::{INVERSE, PERPETUAL, Venue};
use crate::world::{AT_ONCE, COIN, Looks, quiet, usdc};

const QUEUE: &str = r#""adl":{"queue":{}}"#;
const PRO_RATA: &str = r#""adl":{"pro_rata":{}}"#;
const HEDGES_LAST: &str =
    r#""adl":{"hedges_last":{"hedge_weight_ppb":50000000,"by_leverage":false}}"#;
const BY_LEVERAGE: &str =
    r#""adl":{"hedges_last":{"hedge_weight_ppb":50000000,"by_leverage":true}}"#;

/// Three shorts with their lots and money; `order` is the one in which they are opened. The bankrupt long
/// has a coin of what they sold, a healthy one the rest. Gives what each gave up.
fn taken(rules: &str, shorts: &[(i64, u32)], order: &[usize]) -> Vec<i64> {
    let mut venue = Venue::new();
    venue.liquidating(&format!("{AT_ONCE},{rules}"));
    let (long, healthy) = (venue.account("10000"), venue.account("1000000"));
    let mut accounts = vec![0; shorts.len()];
    for place in order {
        accounts[*place] = venue.account(&shorts[*place].1.to_string());
    }
    let mut left = COIN;
    for (account, (lots, _)) in accounts.iter().zip(shorts) {
        let first = left.min(*lots);
        left -= first;
        for (buyer, lots) in [(long, first), (healthy, lots - first)] {
            if lots > 0 {
                venue.trade(buyer, *account, PERPETUAL, lots, 50_000.0);
            }
        }
    }
    venue.moves("BTC", 35_000.0);
    assert_eq!(venue.lots(long, PERPETUAL), 0);
    let given = venue.given_up();
    let of = |account: &u32| given.iter().filter(|g| g.0 == *account).map(|g| -g.2).sum();
    accounts.iter().map(of).collect()
}

const SHORTS: [(i64, u32); 3] = [(700, 400_000), (500, 100_000), (300, 50_000)];

#[test]
fn policies_differ() {
    let in_order = |rules| taken(rules, &SHORTS, &[0, 1, 2]);
    assert_eq!(in_order(PRO_RATA), [467, 333, 200]);
    // Nobody hedges anything.
    assert_eq!(in_order(HEDGES_LAST), [467, 333, 200]);
    // By return times leverage, the third comes first, and the first is last.
    assert_eq!(in_order(QUEUE), [200, 500, 300]);
    let [first, second, third] = in_order(BY_LEVERAGE)[..] else { panic!("three accounts") };
    assert!(first < 467 && second > 333 && third > 200, "{first} {second} {third}");
    assert_eq!(first + second + third, 1_000);
}

#[test]
fn the_order_of_accounts_does_not_matter() {
    for rules in [QUEUE, PRO_RATA, HEDGES_LAST, BY_LEVERAGE] {
        let in_order = taken(rules, &SHORTS, &[0, 1, 2]);
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            assert_eq!(taken(rules, &SHORTS, &order), in_order, "{rules} {order:?}");
        }
    }
}

#[test]
fn splitting_an_account_gains_at_most_a_lot_for_each() {
    for rules in [PRO_RATA, HEDGES_LAST, BY_LEVERAGE] {
        let whole = taken(rules, &[(800, 400_000), (700, 200_000)], &[0, 1])[0];
        for parts in [2, 4, 8] {
            let mut shorts = vec![(800 / parts, 400_000 / u32::try_from(parts).unwrap()); 8];
            shorts.truncate(usize::try_from(parts).unwrap());
            shorts.push((700, 200_000));
            let order: Vec<usize> = (0..shorts.len()).collect();
            let given = taken(rules, &shorts, &order);
            let split: i64 = given[..given.len() - 1].iter().sum();
            assert!(
                (whole - split).abs() <= parts,
                "{rules}: {whole} as one, {given:?} as {parts}"
            );
        }
    }
}

#[test]
fn settled_profit_counts_since_opening() {
    let mut venue = Venue::new();
    let long = venue.account("10000");
    let [first, second] = [venue.account("100000"), venue.account("100000")];
    venue.trade(long, first, PERPETUAL, COIN, 50_000.0);
    let terms = r#"{"tick":"0.5","band_ppm":200000,"band_min":"2000","settlement_ms":300000}"#;
    venue.must(&format!(r#""set_terms":{{"instrument":0,"terms":{terms}}}"#));
    venue.moves("BTC", 39_000.0);
    quiet(&mut venue);
    let settled = format!("{:?}", venue.events);
    assert!(!settled.contains("Rejected"));
    // 11,000 are cash by now; half of the position is handed on.
    assert!(venue.balance(first, "USDC") > usdc(110_900), "{}", venue.balance(first, "USDC"));
    venue.trade(first, second, PERPETUAL, 500, 39_000.0);
    venue.liquidating(AT_ONCE);
    venue.moves("BTC", 35_000.0);
    let taken = venue.given_up();
    let paid_by = |account: u32| -> i128 {
        taken.iter().filter(|given| given.0 == account).map(|given| given.3.units()).sum()
    };
    // The first has gained 2,000 since it was settled, and 7,500 since it opened what it still has.
    assert_eq!(taken[0].2, -500, "{taken:?}");
    assert!(paid_by(first) > usdc(2_400).units(), "{taken:?}");
    assert!(paid_by(second) <= usdc(2_000).units() && paid_by(second) > usdc(1_990).units());
}

#[test]
fn everybody_can_see_what_to_expect() {
    let mut venue = Venue::new();
    venue.liquidating(AT_ONCE);
    let [long, short, hedged] = [(); 3].map(|()| venue.account("1000000"));
    venue.trade(long, short, PERPETUAL, COIN, 50_000.0);
    venue.trade(long, hedged, PERPETUAL, COIN, 50_000.0);
    venue.trade(hedged, long, INVERSE, 2_000, 50_000.0);
    venue.moves("BTC", 45_500.0);
    let outlook = |venue: &Venue, account| venue.state.adl_outlook(AccountId::new(account));
    let of_perpetual = |account| {
        let all = outlook(&venue, account);
        *all.iter().find(|one| one.instrument == venue.id(PERPETUAL)).unwrap()
    };
    let [loser, first, second] = [long, short, hedged].map(of_perpetual);
    assert_eq!((loser.rank, loser.of, loser.lots, loser.cost), (None, 0, 0, Amount::ZERO));
    assert_eq!([first.rank, second.rank], [Some(1), Some(2)]);
    assert_eq!([first.of, second.of], [2, 2]);
    // A tenth of an open interest of 2,000 lots.
    assert_eq!(first.lots + second.lots, 200);
    assert!(first.lots > second.lots && first.cost > second.cost && second.cost > Amount::ZERO);
    assert_eq!(outlook(&venue, 99), []);
}

#[test]
fn a_snapshot_in_the_middle_of_a_case_goes_on_as_it_was() {
    let mut venue = Venue::new();
    venue.liquidating(AT_ONCE);
    let [long, short] = [venue.account("10000"), venue.account("1000000")];
    venue.trade(long, short, PERPETUAL, COIN, 50_000.0);
    let terms = r#"{"tick":"0.5","settlement_ms":10000}"#;
    venue.must(&format!(r#""set_terms":{{"instrument":0,"terms":{terms}}}"#));
    venue.moves("BTC", 41_000.0);
    venue.pass(30_000);
    let open = venue.state.cases().next().unwrap();
    assert!(open.discount.is_some_and(|discount| discount > 0) && open.premium.is_none());
    let mut bytes = Vec::new();
    venue.state.write_snapshot(&mut bytes).unwrap();
    let mut again = Venue {
        state: plimsoll_engine::State::read_snapshot(&mut &bytes[..]).unwrap(),
        time: venue.time,
        prices: venue.prices.clone(),
        events: Vec::new(),
        story: venue.story.clone(),
    };
    assert_eq!(again.state.record_hash(), venue.state.record_hash());
    for one in [&mut venue, &mut again] {
        one.pass(10_000);
        one.moves("BTC", 35_000.0);
        one.pass(1_000);
    }
    assert_eq!(venue.story, again.story);
    assert_eq!(again.state.record_hash(), venue.state.record_hash());
    assert!(venue.state.cases().next().is_none());
}
