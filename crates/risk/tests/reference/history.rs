//! Daily closes for the tests: wandering, with crashes and spells, or as regular as can be.

use instruments::Timestamp;
use numerics::SplitMix;
use plimsoll_risk::{History, HistoryDay};

use crate::world::{World, asset};

pub const UNIVERSE: [&str; 4] = ["BTC", "ETH", "XRP", "BNB"];
const DAYS: u64 = 1_350;

/// A history up to the day of the world's time, which is not over and holds an absurd move. Each
/// daily log move of the four assets is a function of the day's number; one close is missing.
pub fn with_moves(mut world: World, moves: impl Fn(u64) -> [f64; 4]) -> World {
    let last = world.market.time.milliseconds() / Timestamp::DAY;
    let mut closes = [50_000.0, 2_000.0, 1.0, 500.0];
    let mut days = Vec::new();
    for day in 0..=DAYS {
        let moves = if day == DAYS { [-0.9; 4] } else { moves(day) };
        for (close, log_move) in closes.iter_mut().zip(moves) {
            *close *= numerics::exp(log_move);
        }
        let date = (last - DAYS as i64 + day as i64) * Timestamp::DAY;
        let date = Timestamp::from_milliseconds(date);
        let mut closes: Vec<Option<f64>> = closes.iter().map(|close| Some(*close)).collect();
        if day == 900 {
            closes[2] = None;
        }
        days.push(HistoryDay { date, closes });
    }
    world.history = Some(History { assets: UNIVERSE.map(asset).to_vec(), days });
    world
}

/// Calm, violent for half a year, calm again; at last two months in which Bitcoin is above its
/// floor; every forty days a crash or a jump, and one of BNB alone a day before the end, faster
/// than its range may follow.
pub fn lively(world: World) -> World {
    with_moves(world, |day| {
        let random = SplitMix { seed: 11 };
        let uniform = |draw: u64| 3.4 * random.u01(day * 8 + draw) - 1.7;
        let spell = match day {
            110..300 => 0.055,
            1_290.. => 0.034,
            _ => 0.018,
        };
        let shock = match day % 80 {
            7 => -0.17,
            47 => 0.15,
            _ => 0.0,
        };
        let market = spell * uniform(0) + shock;
        let own = |ratio: f64, size: f64, draw: u64| ratio * market + size * uniform(draw);
        let last = if day == DAYS - 2 { -0.4 } else { own(1.1, 0.008, 3) };
        [market, own(1.2, 0.008, 1), own(1.4, 0.015, 2), last]
    })
}

/// Nothing ever moved.
pub fn still(world: World) -> World {
    with_moves(world, |_| [0.0; 4])
}
