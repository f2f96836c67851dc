//! The inputs of W3: scenarios, risk arrays in cents, and positions, all from the shared generator.

use numerics::{SplitMix, ln, normal_cdf};
use risk::whole_book::SparseLots;

/// Instruments: 5 underlyings with 10 linear contracts and 90 options each.
pub const INSTRUMENTS: usize = 500;
/// Scenarios.
pub const SCENARIOS: usize = 1_000;
/// Positions of each account.
pub const POSITIONS: usize = 50;

const SCENARIO_DRAWS: SplitMix = SplitMix { seed: 0x5EED_0030 };
const POSITION_DRAWS: SplitMix = SplitMix { seed: 0x5EED_0031 };

/// Spot, multiplier and β of each underlying.
const UNDERLYINGS: [(f64, f64, f64); 5] = [
    (100_000.0, 1.0, 1.0),
    (4_000.0, 1.0, 1.25),
    (200.0, 10.0, 1.6),
    (800.0, 1.0, 1.1),
    (2.5, 1000.0, 1.5),
];

/// √3: the sum of four uniform draws, less two, has a variance of a third.
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// A relative move of the spot and of volatilities.
#[derive(Clone, Copy)]
struct Shock {
    spot: f64,
    volatility: f64,
}

/// Profit of one lot of each instrument in each scenario, in cents. `scale` multiplies every move
/// before it is clipped: 1 for the published benchmark, something else for a market that has moved.
pub fn rows(scale: f64) -> Vec<Vec<f64>> {
    let mut rows = Vec::with_capacity(INSTRUMENTS);
    for (index, (spot, multiplier, beta)) in UNDERLYINGS.into_iter().enumerate() {
        let shock = |scenario| shock(scenario, index as u64, beta, scale);
        let shocks: Vec<Shock> = (0..SCENARIOS as u64).map(shock).collect();
        let lot = 0.01 * multiplier;
        for contract in 0..10 {
            let slope = 1.0 + 0.002 * f64::from(contract);
            rows.push(cents(&shocks, |shock| spot * shock.spot * slope * lot));
        }
        for days in [7.0, 30.0, 120.0] {
            let years = days / 365.0;
            for step in 0..15 {
                let strike = spot * (0.65 + 0.05 * f64::from(step));
                let off = strike / spot - 1.0;
                let volatility = 0.55 + 0.25 * (off * off);
                for sign in [1.0, -1.0] {
                    let before = black76(spot, strike, years, volatility, sign);
                    rows.push(cents(&shocks, |shock| {
                        let forward = spot * (1.0 + shock.spot);
                        let shocked = volatility * (1.0 + shock.volatility);
                        let after = black76(forward, strike, years - 1.0 / 365.0, shocked, sign);
                        (after - before) * lot
                    }));
                }
            }
        }
    }
    rows
}

fn shock(scenario: u64, underlying: u64, beta: f64, scale: f64) -> Shock {
    let draw = |draw: u64| SCENARIO_DRAWS.u01(64 * scenario + draw);
    let normal = |first: u64| {
        (draw(first) + draw(first + 1) + draw(first + 2) + draw(first + 3) - 2.0) * SQRT_3
    };
    let fat = 1.0 / (0.25 + draw(60));
    let own = 0.8 * normal(0) + 0.6 * normal(4 + 4 * underlying);
    let spot = (0.02 * fat * (beta * own) * scale).clamp(-0.6, 0.6);
    let answer = -0.5 * spot / (0.02 * fat) + 0.8 * normal(28 + 4 * underlying);
    Shock { spot, volatility: (0.10 * fat * answer).clamp(-0.5, 1.5) }
}

fn cents(shocks: &[Shock], profit: impl Fn(&Shock) -> f64) -> Vec<f64> {
    shocks.iter().map(|shock| (profit(shock) * 100.0).round_ties_even()).collect()
}

/// Undiscounted, as the generator's formula has it.
fn black76(forward: f64, strike: f64, years: f64, volatility: f64, sign: f64) -> f64 {
    let deviation = volatility * years.sqrt();
    let d1 = ln(forward / strike) / deviation + 0.5 * deviation;
    let (with, without) = (normal_cdf(sign * d1), normal_cdf(sign * (d1 - deviation)));
    sign * (forward * with - strike * without)
}

/// Positions of the first accounts.
pub fn book(accounts: usize) -> SparseLots {
    let steps: Vec<u64> =
        (1..INSTRUMENTS as u64).filter(|step| step % 2 != 0 && step % 5 != 0).collect();
    let mut book = SparseLots::new();
    for account in 0..accounts as u64 {
        let at = |draw: u64| 256 * account + draw;
        let start = POSITION_DRAWS.u64(at(0)) % INSTRUMENTS as u64;
        let step = steps[(POSITION_DRAWS.u64(at(1)) % steps.len() as u64) as usize];
        let mut positions: Vec<(u32, i64)> = (0..POSITIONS as u64)
            .map(|k| {
                let u = POSITION_DRAWS.u01(at(2 + k));
                let size = 1 + (999.0 * u * u * u).floor() as i64;
                let is_short = POSITION_DRAWS.u01(at(128 + k)) < 0.5;
                let column = (start + k * step) % INSTRUMENTS as u64;
                (column as u32, if is_short { -size } else { size })
            })
            .collect();
        positions.sort_unstable();
        book.push(positions);
    }
    book
}
