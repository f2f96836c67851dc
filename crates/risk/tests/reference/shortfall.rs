//! The tail of an expected shortfall: how many days, which of equal ones, and value at risk.

use crate::history::{lively, with_moves};
use crate::world::{World, detail};

fn blocks(world: &World) -> Vec<(Vec<usize>, i128, Vec<i128>, f64)> {
    let account = world.account(&[], &[("BTC_USDC-PERPETUAL", 1_000)]);
    let (margin, epoch) = (world.margin(&account), world.epoch(&account));
    let detail = detail(&margin);
    let pairs = epoch.scenarios().blocks.iter().zip(&detail.requirement.blocks);
    let profits = |span: &plimsoll_risk::BlockSpan| -> Vec<i128> {
        span.span.clone().map(|scenario| detail.profits.joint.at(scenario)).collect()
    };
    pairs
        .filter(|(_, block)| block.value_at_risk.is_some())
        .map(|(span, block)| {
            let loss = block.loss.numerator as f64 / block.loss.denominator as f64;
            (block.scenarios.clone(), block.value_at_risk.unwrap(), profits(span), loss)
        })
        .collect()
}

/// Every block's tail by a stable sort of its profits.
fn check(world: &World) {
    let blocks = blocks(world);
    assert_eq!(blocks.len(), 2);
    for ((scenarios, value_at_risk, profits, loss), k) in blocks.into_iter().zip([10, 3]) {
        let mut order: Vec<usize> = (0..profits.len()).collect();
        order.sort_by_key(|scenario| profits[*scenario]);
        assert_eq!(scenarios, order[..k]);
        assert_eq!(value_at_risk, -profits[order[k - 1]]);
        let sum: i128 = order[..k].iter().map(|scenario| profits[*scenario]).sum();
        assert_eq!(loss, -sum as f64 / k as f64);
    }
}

#[test]
fn the_tail_is_the_ten_and_the_three_worst() {
    check(&lively(World::at("2026-02-05T20:00:00Z")));
}

#[test]
fn of_equal_days_the_earliest_count() {
    // Up and down by two percent day after day: half of all days are equally bad.
    let world = World::at("2026-02-05T20:00:00Z");
    let world = with_moves(world, |day| [if day % 2 == 0 { 0.02 } else { -0.02 }; 4]);
    check(&world);
    let (scenarios, ..) = blocks(&world).swap_remove(0);
    let spacing: Vec<_> = scenarios.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(scenarios[0] < 2 && spacing.iter().all(|days| *days == 2), "{scenarios:?}");
}
