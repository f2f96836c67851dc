//! Losses that somebody else is to bear: the vault, the fund, or whoever takes over.

use engine::event::CaseStep;
use engine::liquidation::Outcome;
use simulator::bots::Strategy;

use crate::venue::{BITCOIN, Venue, dollars};

/// Takes out all paper profit at the top, and lets the vault have what is left when it falls. What was
/// gained on the way up is lost on the way down, to the attacker: the vault takes at a discount, and no
/// more than its own margin allows.
#[test]
fn withdrawing_before_the_vault_takes_over_gains_nothing() {
    let mut venue = Venue::new("", "100000", "300000");
    let vault = 0;
    let (attacker, other) = (venue.account("100000"), venue.account("5000000"));
    venue.trade(attacker, other, BITCOIN, 5_000, 50_000.0);
    for price in [51_000.0, 52_000.0, 53_000.0, 54_000.0, 55_000.0] {
        venue.moves("BTC", price);
        venue.pass(2_000);
    }
    let withdrawn = venue.withdraw_all(attacker);
    assert!(withdrawn > 10_000.0, "{withdrawn}");
    let mut price = 55_000.0;
    while price > 46_000.0 {
        price -= 50.0;
        venue.moves("BTC", price);
        venue.pass(3_000);
    }
    assert!(venue.open_cases() == 0 && venue.lots(vault, BITCOIN) > 0, "the vault took it");
    // Back to where it began, so that whatever the attacker has more is somebody else's.
    while price < 50_000.0 {
        price += 50.0;
        venue.moves("BTC", price);
        venue.pass(1_000);
    }
    let profit = withdrawn + venue.value(attacker) - 100_000.0;
    assert!(profit <= 0.0, "{profit}");
    let (equity, maintenance) = venue.health(vault);
    assert!(equity >= maintenance);
    let paid = venue.told(|step| match step {
        CaseStep::FundPaid { own, shared, .. } => Some(dollars(*own) + dollars(*shared)),
        _ => None,
    });
    assert_eq!(paid.iter().sum::<f64>(), 0.0, "the fund has paid nothing");
}

/// A long and a short of one attacker, in two accounts, and a gap that no auction can be in time for: what
/// the long lacks would be the attacker's gain. It is bounded by what the fund may draw for one group, for
/// beyond that the short itself, which is among the winners, pays.
#[test]
fn a_loss_that_outruns_any_auction_gains_no_more_than_the_groups_cap() {
    let cap = 20_000.0;
    let group = r#""groups":[{"underlying":"BTC","balance_max":"0","shared_max":"20000"}],"early_start_ppb":1000000000"#;
    let mut venue = Venue::new(group, "1000000", "1");
    let (long, short) = (venue.account("60000"), venue.account("60000"));
    venue.trade(long, short, BITCOIN, 3_000, 50_000.0);
    let fund = venue.fund();
    venue.moves("BTC", 20_000.0);
    venue.pass(300_000);
    assert_eq!(venue.open_cases(), 0);
    let profit = venue.value(long) + venue.value(short) - 120_000.0;
    assert!(profit <= cap, "{profit}");
    let paid = fund - venue.fund();
    assert!(paid <= cap + 1.0, "{paid}");
    let cost = venue.told(|step| match step {
        CaseStep::Deleveraged { cost, .. } => Some(dollars(*cost)),
        _ => None,
    });
    assert!(cost.iter().sum::<f64>() > 0.0, "the short pays for the rest");
}

/// Sixty accounts with a few dollars each are liquidated one after another: each is closed in time, and
/// all of them together cost the fund no more than what they lacked.
#[test]
fn tiny_cases_neither_pile_up_nor_pay() {
    let mut venue = Venue::new("", "100000", "100000");
    venue.bidder(Strategy::Patient, "100000");
    let other = venue.account("1000000");
    let before = venue.fund();
    let attackers: Vec<u32> = (0..60).map(|_| venue.account("20")).collect();
    for attacker in &attackers {
        venue.trade(*attacker, other, BITCOIN, 1, 50_000.0);
    }
    let mut price = 50_000.0;
    while price > 30_000.0 {
        price -= 250.0;
        venue.moves("BTC", price);
        venue.pass(2_000);
    }
    venue.pass(200_000);
    let closed = venue.told(|step| match step {
        CaseStep::Closed { outcome, .. } => Some(*outcome),
        _ => None,
    });
    assert!(closed.len() >= 60 && venue.open_cases() == 0, "{}", closed.len());
    assert!(closed.iter().all(|outcome| *outcome != Outcome::Unsold), "{closed:?}");
    let left: f64 = attackers.iter().map(|attacker| venue.value(*attacker)).sum();
    // Each lost a lot of a fall of 20 dollars at most, which it had.
    let profit = left - 60.0 * 20.0;
    assert!(profit <= 0.0, "{profit}");
    assert!(venue.fund() >= before - 60.0, "{} of {before}", venue.fund());
}
