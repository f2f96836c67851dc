//! Single cases by hand.

use instruments::Amount;
use ledger::{AccountId, VenueAccount};
use plimsoll_engine::event::CaseStep;

use crate::venue::{ETHER, INVERSE, PERPETUAL, Venue};
use crate::world::{COIN, Looks, quiet, usdc, venue_with};

/// What the long lacks once a coin costs 35,000: 5,000, and the fees of its purchase.
fn lacking(venue: &Venue) -> Amount {
    let stands = venue.of_case(0).into_iter().find_map(|step| match step {
        CaseStep::Stage { stands, .. } => Some(stands.value),
        _ => None,
    });
    Amount::from_units(-stands.unwrap().units())
}

/// The same, less what the fund pays: its part of the fees, and what it was given.
fn lacking_beyond_fund(venue: &Venue) -> Amount {
    let paid = venue.of_case(0).into_iter().find_map(|step| match step {
        CaseStep::FundPaid { own, shared, .. } => Some(own.units() + shared.units()),
        _ => None,
    });
    Amount::from_units(lacking(venue).units() - paid.unwrap())
}

#[test]
fn two_winners_share_what_is_lacking_by_their_lots() {
    let (mut venue, long, shorts) = venue_with("", &[600, 400]);
    let before = shorts.clone().into_iter().map(|short| venue.balance(short, "USDC"));
    let before: Vec<Amount> = before.collect();
    venue.moves("BTC", 35_000.0);
    let lacking = lacking_beyond_fund(&venue);
    assert!((usdc(5_000)..usdc(5_100)).contains(&lacking), "{lacking}");
    let taken = venue.given_up();
    let part = |parts: i128| Amount::from_units(lacking.units() * parts / 10);
    let name = || PERPETUAL.to_string();
    assert_eq!(taken, [(1, name(), -600, part(6)), (2, name(), -400, part(4))]);
    assert_eq!(venue.costs(), lacking);
    for ((short, lots), before) in shorts.into_iter().zip([600, 400]).zip(before) {
        // A gain of 15 for each thousandth of a coin, less the part of what was lacking.
        let gained = usdc(15 * i128::from(lots)).units() - part(i128::from(lots) / 100).units();
        assert_eq!(venue.balance(short, "USDC").units() - before.units(), gained);
        assert_eq!(venue.lots(short, PERPETUAL), 0);
    }
    assert_eq!(venue.balance(long, "USDC"), Amount::ZERO);
    assert_eq!(venue.lots(long, PERPETUAL), 0);
    assert_eq!(venue.of_venue(VenueAccount::Deficit, "USDC"), Amount::ZERO);
    assert_eq!(venue.steps().last().unwrap(), "Resolved");
}

#[test]
fn a_hedge_goes_last() {
    let (mut venue, _, shorts) = venue_with("", &[COIN]);
    let (hedged, other) = (venue.account("100000"), venue.account("100000"));
    venue.trade(other, hedged, PERPETUAL, 400, 50_000.0);
    // A fifth of a coin the other way: half of the short hedges it.
    venue.trade(hedged, other, INVERSE, 1_000, 50_000.0);
    venue.moves("BTC", 35_000.0);
    let taken = venue.given_up();
    let [(first, _, open, _), (second, _, part, _)] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!((*first, *second, *open + *part), (shorts[0], hedged, -1_000));
    // At 35,000 the long of 10,000 dollars is 0.286 coins; 286 lots of 400 hedge it, and count for a
    // twentieth. So the hedged account has a weight of some 114 + 14 of 1,128.
    assert!((-240..-100).contains(part), "{part}");
    venue.state.audit_credits().unwrap();
}

#[test]
fn the_fund_pays_first() {
    for insured in [20_000, 2_000] {
        let (mut venue, long, _) = venue_with("", &[600, 400]);
        venue.insure(&insured.to_string());
        let fund = venue.of_venue(VenueAccount::Insurance, "USDC");
        venue.moves("BTC", 35_000.0);
        let lacking = lacking(&venue);
        let from_fund = lacking.min(fund);
        let left = venue.of_venue(VenueAccount::Insurance, "USDC").units();
        assert_eq!(fund.units() - left, from_fund.units());
        assert_eq!(venue.costs().units(), lacking.units() - from_fund.units());
        assert_eq!(venue.given_up().iter().map(|(_, _, lots, _)| lots).sum::<i64>(), -1_000);
        assert_eq!(venue.balance(long, "USDC"), Amount::ZERO);
    }
}

#[test]
fn where_the_fund_has_fallen_far_it_pays_last() {
    let (mut venue, _, _) = venue_with("", &[600, 400]);
    venue.insure("10000");
    venue.must(r#""tick":{}"#);
    venue.insure("-4000");
    venue.must(r#""tick":{}"#);
    assert!(venue.state.insurance_fund().early);
    assert_eq!(
        venue.state.insurance_fund().peak.units() - usdc(4_000).units(),
        venue.state.insurance_fund().cash.units()
    );
    let fund = venue.of_venue(VenueAccount::Insurance, "USDC");
    venue.moves("BTC", 35_000.0);
    assert!(
        venue.steps().contains(&"Deleveraging EarlyDeleveraging".into()),
        "{:?}",
        venue.steps()
    );
    assert_eq!(venue.of_venue(VenueAccount::Insurance, "USDC"), fund);
    assert_eq!(venue.costs(), lacking(&venue));
}

/// A long that lacks 5,000 against a short that has gained 1,000 of it, since it came late; and another
/// account that has gained 3,000 elsewhere.
fn nobody_gained_enough(rules: &str) -> Venue {
    let mut venue = Venue::new();
    let [long, early, late] =
        [venue.account("10000"), venue.account("100000"), venue.account("100000")];
    let [winner, loser] = [venue.account("100000"), venue.account("100000")];
    venue.trade(long, early, PERPETUAL, COIN, 50_000.0);
    venue.moves("BTC", 36_000.0);
    // A move so large halts trading for a while.
    quiet(&mut venue);
    venue.trade(early, late, PERPETUAL, COIN, 36_000.0);
    let lots = ETHER.parse::<instruments::Instrument>().unwrap().lots_of("10").unwrap().lots();
    venue.trade(winner, loser, ETHER, lots, 2_000.0);
    venue.moves("ETH", 2_300.0);
    quiet(&mut venue);
    venue.liquidating(&format!("{},{rules}", crate::world::AT_ONCE));
    venue.moves("BTC", 35_000.0);
    venue
}

#[test]
fn principal_is_never_cut() {
    let venue = nobody_gained_enough(r#""cut_cap_ppb":200000000"#);
    let lacking = lacking_beyond_fund(&venue);
    let taken = venue.given_up();
    let gained = usdc(1_000).units();
    let lots = gained * 1_000 / lacking.units();
    assert_eq!(taken.len(), 2, "{taken:?}");
    let (account, _, given, cost) = &taken[0];
    assert_eq!((*account, i128::from(*given)), (2, -lots));
    assert!(cost.units() <= gained && cost.units() > gained - lacking.units() / 1_000);
    // The rest closes at mark, and costs nothing.
    assert_eq!((taken[1].0, taken[1].2, taken[1].3), (2, given.abs() - 1_000, Amount::ZERO));
    let [profit, cut] = venue
        .of_case(0)
        .into_iter()
        .find_map(|step| match step {
            CaseStep::Cut { counterparty, profit, amount } if counterparty.number() == 3 => {
                Some([*profit, *amount])
            }
            _ => None,
        })
        .unwrap();
    assert_eq!([profit, cut], [usdc(3_000), usdc(600)]);
    let outstanding = -venue.of_venue(VenueAccount::Deficit, "USDC");
    assert_eq!(outstanding.units(), lacking.units() - cost.units() - cut.units());
    assert_eq!(venue.balance(0, "USDC"), Amount::ZERO);
}

#[test]
fn profit_stays_while_a_loss_is_outstanding() {
    let mut venue = nobody_gained_enough(r#""cut_cap_ppb":0"#);
    let lots = venue.lots(3, ETHER);
    quiet(&mut venue);
    venue.trade(4, 3, ETHER, lots, 2_300.0);
    venue.must(r#""set_venue_rules":{"profit_maturity_ms":1}"#);
    venue.pass(1_000);
    assert!(venue.balance(3, "USDC") > usdc(102_000));
    let ask = |venue: &mut Venue, id: u64, amount: &str| {
        let said = venue.act(&format!(
            r#""request_withdrawal":{{"id":{id},"account":3,"asset":"USDC","amount":"{amount}"}}"#
        ));
        !format!("{said:?}").contains("Rejected")
    };
    assert!(!ask(&mut venue, 1, "100000.01"));
    assert!(ask(&mut venue, 2, "60000"));
    assert!(!ask(&mut venue, 3, "40000.01"));
    venue.must(r#""void_withdrawal":{"id":2,"account":3}"#);
    // Nor does it leave by way of another account.
    venue.must(r#""open_account":{"owner":3,"margin_model":"portfolio"}"#);
    venue.must(r#""transfer":{"from":3,"to":5,"asset":"USDC","amount":"100000"}"#);
    let refused =
        format!("{:?}", venue.act(r#""transfer":{"from":3,"to":5,"asset":"USDC","amount":"1"}"#));
    assert!(refused.contains("Rejected"), "{refused}");
    venue.insure("10000");
    venue.must(r#""tick":{}"#);
    assert_eq!(venue.of_venue(VenueAccount::Deficit, "USDC"), Amount::ZERO);
    venue.must(r#""transfer":{"from":3,"to":5,"asset":"USDC","amount":"1"}"#);
    assert!(ask(&mut venue, 4, "2000"));
}

#[test]
fn an_estate_is_the_funds() {
    let (mut venue, long, _) = venue_with("", &[COIN]);
    venue.deposit(long, "BTC", "0.05");
    venue.moves("BTC", 35_000.0);
    // What was lacking beyond the coins was taken; the coins are the fund's, and cash is outstanding
    // for as much.
    let coins = Amount::from_units(5_000_000);
    assert_eq!(venue.of_venue(VenueAccount::Insurance, "BTC"), coins);
    assert_eq!(venue.of_venue(VenueAccount::Deficit, "USDC"), usdc(-1_750));
    for asset in ["BTC", "USDC", "ETH", "USD"] {
        assert_eq!(venue.balance(long, asset), Amount::ZERO, "{asset}");
    }
    // With cash in the fund nothing is outstanding.
    let (mut venue, long, _) = venue_with("", &[COIN]);
    venue.deposit(long, "BTC", "0.05");
    venue.insure("10000");
    venue.moves("BTC", 35_000.0);
    assert_eq!(venue.of_venue(VenueAccount::Insurance, "BTC"), coins);
    assert_eq!(venue.of_venue(VenueAccount::Deficit, "USDC"), Amount::ZERO);
    assert!(venue.given_up().iter().all(|(_, _, _, cost)| *cost == Amount::ZERO));
}

#[test]
fn what_nobody_bids_for_is_closed_at_mark_as_far_as_needed() {
    let (mut venue, long, shorts) = venue_with("", &[600, 400]);
    venue.moves("BTC", 41_000.0);
    let before = venue.stands(long);
    assert!(before.value > 0.0);
    venue.pass(125_000);
    let steps = venue.steps();
    assert!(steps.contains(&"Deleveraging Declined".into()), "{steps:?}");
    assert_eq!(steps.last().unwrap(), "Restored");
    let (after, rest) = (venue.stands(long), venue.lots(long, PERPETUAL));
    assert!(rest > 0 && (after.value - before.value).abs() < 0.001);
    assert!(after.equity >= 1.15 * after.maintenance, "{after:?}");
    let one_more = after.maintenance * (rest + 2) as f64 / rest as f64;
    assert!(after.equity < 1.15 * one_more, "{after:?}");
    assert_eq!(venue.costs(), Amount::ZERO);
    assert_eq!(venue.lots(shorts[0], PERPETUAL) + venue.lots(shorts[1], PERPETUAL), -rest);
}

#[test]
fn no_case_stays_for_ever() {
    // All of the other side is in a case of its own.
    let (mut venue, long, shorts) = venue_with("", &[COIN]);
    let other = venue.account("1000000");
    let lots = ETHER.parse::<instruments::Instrument>().unwrap().lots_of("180").unwrap().lots();
    venue.trade(shorts[0], other, ETHER, lots, 2_000.0);
    venue.moves("ETH", 1_640.0);
    assert!(venue.state.cases().any(|case| case.account == AccountId::new(shorts[0])));
    venue.moves("BTC", 35_000.0);
    venue.pass(2_000);
    assert_eq!(venue.lots(long, PERPETUAL), COIN);
    // Until then somebody else's profit has paid for what is lacking.
    assert!(venue.steps().contains(&"cut".into()), "{:?}", venue.steps());
    venue.pass(5_000);
    assert_eq!(venue.lots(long, PERPETUAL), 0);
    assert!(venue.state.cases().all(|case| case.account != AccountId::new(long)));
    assert_eq!(venue.balance(long, "USDC"), Amount::ZERO);
}
