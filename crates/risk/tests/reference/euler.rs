//! Euler shares of an expected shortfall and of a root of squares, each term made to bind.

use plimsoll_risk as risk;
use risk::{Component, Epoch, Explanation};

use crate::history::lively;
use crate::world::{World, instrument, underlying};

const LEGS: [(&str, i64); 4] = [
    ("BTC_USDC-PERPETUAL", 700),
    ("ETH_USDC-PERPETUAL", -900),
    ("XRP_USDC-PERPETUAL", 20_000),
    ("BTC_USDC-6MAR26-45000-P", 60),
];

/// The book with one block's weight in its own term raised so far that it binds.
fn explained(block: &str, weight: u32) -> (Epoch, Explanation) {
    let term = format!("weights = {{ {block} = 1_000_000 }}");
    let world = lively(World::at("2026-02-05T20:00:00Z").expiry("BTC-6MAR26", "50400", 0.62))
        .rule(&term, &term.replace("1_000_000", &weight.to_string()));
    let account = world.account(&[], &LEGS);
    let epoch = world.epoch(&account);
    let explanation = risk::explain(&epoch, &world.market, &account).unwrap();
    (epoch, explanation)
}

/// One leg's profits in a block, in ticks.
fn leg(epoch: &Epoch, index: usize, block: &str) -> Vec<f64> {
    let (name, lots) = LEGS[index];
    let array = epoch.array(&instrument(name)).unwrap();
    let span = epoch.scenarios().blocks.iter().find(|span| span.name == block).unwrap();
    let row = if span.joint { &array.joint } else { &array.own };
    row[span.span.clone()].iter().map(|ticks| ticks * lots as f64).collect()
}

fn check(explanation: &Explanation, term: &str, expected: &[f64]) {
    let risk::MarginDetail::Scenario(detail) = &explanation.margin.detail else {
        panic!("core margins by scenario")
    };
    assert_eq!(detail.binding_term, term);
    assert_eq!(explanation.parts.len(), LEGS.len());
    for part in &explanation.parts {
        let Component::Position(held) = part.component else { panic!("positions alone") };
        let index = LEGS.iter().position(|(name, _)| instrument(name) == held).unwrap();
        let ticks = part.share.units() as f64 / 100.0;
        assert!((ticks - expected[index]).abs() <= 2.0, "{held}: {ticks}, {}", expected[index]);
    }
    let sum: i128 = explanation.parts.iter().map(|part| part.share.units()).sum();
    assert_eq!(sum, explanation.requirement.units());
}

#[test]
fn shares_of_an_expected_shortfall() {
    let (epoch, explanation) = explained("recent", 10_000_000);
    let legs: Vec<Vec<f64>> = (0..LEGS.len()).map(|i| leg(&epoch, i, "recent")).collect();
    let mut days: Vec<usize> = (0..1_000).collect();
    let total = |day: usize| legs.iter().map(|leg| leg[day]).sum::<f64>();
    days.sort_by(|a, b| total(*a).total_cmp(&total(*b)));
    // Ten times the mean loss of each leg over the book's ten worst days.
    let mean = |leg: &Vec<f64>| -10.0 * days[..10].iter().map(|day| leg[*day]).sum::<f64>() / 10.0;
    let expected: Vec<f64> = legs.iter().map(mean).collect();
    // Some legs hedge, none is alone.
    assert!(expected.iter().any(|share| *share < 0.0));
    assert!(expected.iter().filter(|share| **share > 1e6).count() >= 2);
    check(&explanation, "recent shortfall", &expected);
}

#[test]
fn shares_of_a_root_of_squares() {
    let (epoch, explanation) = explained("idiosyncratic", 2_000_000);
    let legs: Vec<Vec<f64>> = (0..LEGS.len()).map(|i| leg(&epoch, i, "idiosyncratic")).collect();
    let mut worst = Vec::new();
    for name in ["BTC", "ETH", "XRP"] {
        let mine: Vec<usize> = (0..LEGS.len())
            .filter(|i| instrument(LEGS[*i].0).underlying() == underlying(name))
            .collect();
        let total = |scenario: usize| mine.iter().map(|i| legs[*i][scenario]).sum::<f64>();
        let scenario =
            (0..26).min_by(|a, b| total(*a).total_cmp(&total(*b)).then(a.cmp(b))).unwrap();
        worst.push((mine.clone(), scenario, -total(scenario)));
    }
    let root = worst.iter().map(|(.., loss)| loss * loss).sum::<f64>().sqrt();
    // Each underlying's part is its loss squared over the root, split by what its legs lose there.
    let mut expected = vec![0.0; LEGS.len()];
    for (mine, scenario, loss) in worst {
        assert!(loss > 1e6);
        for i in mine {
            expected[i] = -2.0 * legs[i][scenario] * loss / root;
        }
    }
    check(&explanation, "idiosyncratic", &expected);
}
