//! Open orders in initial margin: filled or not, whichever is worse.

use pricing::black76::price;

use crate::history::lively;
use crate::model::{Model, worst};
use crate::world::{World, assert_ticks, detail, instrument, order, requirement};

const PERPETUAL: &str = "BTC_USDC-PERPETUAL";

#[test]
fn a_resting_order_needs_what_its_fill_would() {
    let world = World::at("2026-02-05T20:00:00Z");
    let check = |held: i64, orders: &[(i64, &str, &str)], usd: f64| {
        let mut account = world.account(&[("USDC", "100000")], &[]);
        if held != 0 {
            world.hold(&mut account, PERPETUAL, held);
        }
        let orders = orders.iter().map(|(lots, limit, fee)| order(PERPETUAL, *lots, limit, fee));
        account.orders.extend(orders);
        let margin = world.margin(&account);
        assert_ticks(requirement(&margin), usd, 20.0);
        // Orders are in initial margin alone.
        account.orders.clear();
        assert_eq!(margin.maintenance, world.margin(&account).maintenance);
    };
    // 18.75 % of 50,000, bid or ask.
    check(0, &[(1_000, "50000", "0")], 9_375.0);
    check(0, &[(-1_000, "50000", "0")], 9_375.0);
    // Both: whatever happens one of them loses.
    check(0, &[(1_000, "50000", "0"), (-1_000, "50000", "0")], 9_375.0);
    // 500 worse than mark and a fee of 20 are lost at once; better than mark is gained.
    check(0, &[(1_000, "50500", "20")], 9_895.0);
    check(0, &[(1_000, "49500", "20")], 8_895.0);
    // A bid that would only close does not help before it fills; one that would flip needs no
    // more than what it flips to.
    check(-1_000, &[(1_000, "50000", "0")], 9_375.0);
    check(-1_000, &[(3_000, "50000", "0")], 18_750.0);
    check(1_000, &[(1_000, "50000", "0")], 18_750.0);
}

#[test]
fn the_premium_of_a_bid_is_coin_that_no_longer_moves() {
    // A bid at mark for ten inverse calls, one coin in all; what it costs is paid in coin.
    let call = "BTC-6MAR26-50000-C";
    let world = lively(World::at("2026-02-05T20:00:00Z").expiry("BTC-6MAR26", "50400", 0.62));
    let mark = world.market.mark(&instrument(call)).unwrap();
    let mut account = world.account(&[("USD", "100000")], &[]);
    account.orders.push(order(call, 10, &mark.to_string(), "0"));
    let margin = world.margin(&account);
    let years = world.years_to(&instrument(call));
    let tenor = numerics::powf(30.0 / (years * 365.0), 0.30);
    let coin = |factor: f64, volatility: f64| {
        let kind = pricing::OptionKind::Call;
        price(kind, 50_400.0 * factor, 50_000.0, volatility, years, 0.0).unwrap()
            / (50_400.0 * factor)
    };
    let premium = coin(1.0, 0.62);
    let profits = |shocks: Vec<crate::model::Shock>| -> Vec<f64> {
        let profit = |shock: &crate::model::Shock| {
            let factor = numerics::exp(shock.log_moves[0]);
            let value = coin(factor, 0.62 * (1.0 + shock.volatility[0] * tenor));
            let gain = value * factor - premium - premium * (factor - 1.0);
            50_000.0 * shock.weight * gain
        };
        shocks.iter().map(profit).collect()
    };
    let model = Model::of(&world);
    let blocks = &detail(&margin).requirement.blocks;
    assert_ticks(blocks[0].loss.numerator, worst(&profits(model.systematic())), 40.0);
    assert_ticks(blocks[1].loss.numerator, worst(&profits(model.alone(0))), 40.0);
    // Without the premium, which is worth more as Bitcoin rises, the loss would be another.
    let array = world.epoch(&account).array(&instrument(call)).unwrap().clone();
    let bare = array.own.iter().fold(0.0_f64, |worst, ticks| worst.max(-ticks * 10.0));
    assert!((bare - blocks[1].loss.numerator as f64).abs() > 1e7);
}

#[test]
fn the_loss_of_entry_is_outside_the_root() {
    let world = lively(World::at("2026-02-05T20:00:00Z"));
    let mut account = world.account(&[("USDC", "100000")], &[("ETH_USDC-PERPETUAL", 1_000)]);
    let own = |account: &plimsoll_risk::Account| {
        detail(&world.margin(account)).requirement.blocks[1].loss.numerator
    };
    account.orders.push(order(PERPETUAL, 100, "50000", "0"));
    let at_mark = own(&account);
    account.orders[0] = order(PERPETUAL, 100, "50500", "7");
    // A tenth of 500, and the fee.
    assert_ticks(own(&account) - at_mark, 57.0, 3.0);
}
