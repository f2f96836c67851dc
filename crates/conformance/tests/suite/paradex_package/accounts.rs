//! Random accounts in the package's form, ordinary and odd.

use numerics::SplitMix;
use serde_json::{Map, Value, json};

/// When the accounts are margined; a Friday's 08:00 is the expiry of names with its day.
const NOW: &str = "2026-04-23T13:17:05+00:00";
const NOW_SECONDS: f64 = 1_776_950_225.0;
/// Days of expiry that option names give.
const DAYS: [&str; 6] = ["24APR26", "25APR26", "1MAY26", "26JUN26", "25DEC26", "26MAR27"];

/// A stream of draws.
struct Draws {
    random: SplitMix,
    index: u64,
}

impl Draws {
    fn unit(&mut self) -> f64 {
        self.index += 1;
        self.random.u01(self.index)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Sizes over many orders of magnitude.
    fn size(&mut self) -> f64 {
        let magnitude = self.of(&[1e-4, 0.01, 1.0, 1.0, 1.0, 100.0, 1e5]);
        magnitude * self.between(0.1, 10.0)
    }
}

/// A file of accounts with rates of its own.
pub fn accounts(seed: u64, count: usize) -> Value {
    let mut draws = Draws { random: SplitMix { seed }, index: 0 };
    let base = draws.of(&["BTC", "BTC", "ETH"]);
    let config = config(&mut draws, base);
    let cases: Vec<Value> = (0..count).map(|id| case(&mut draws, base, id)).collect();
    json!({"source": "made", "now": NOW, "pm_config": config, "cases": cases})
}

/// Rates of portfolio margin, with the published ones in half of all files. Weights shrink with the
/// move, as the tolerance of prices assumes.
fn config(draws: &mut Draws, base: &str) -> Value {
    let published = draws.once_in(2);
    let mut scenarios = Vec::new();
    for step in -4..=4 {
        for volatility in [0.4, -0.22] {
            let spot = if published { 0.04 } else { draws.between(0.01, 0.05) } * f64::from(step);
            let volatility = if published { volatility } else { volatility * draws.unit() };
            scenarios.push(json!({"spot_shock": spot, "vol_shock": volatility, "weight": 1}));
        }
    }
    for (spot, weight) in [(-0.66, 0.18), (-0.33, 0.36), (0.5, 0.24), (1.0, 0.12), (5.0, 0.024)] {
        scenarios.push(json!({"spot_shock": spot, "vol_shock": 0.4, "weight": weight}));
    }
    let scale = if published { 1.0 } else { draws.between(0.5, 2.0) };
    json!({
        "base_asset": base,
        "hedged_margin_factor": 0.01 * scale,
        "unhedged_margin_factor": format!("{}", 0.02 * scale),
        "mmf_factor": if published { 0.5 } else { draws.between(0.3, 1.0) },
        "scenarios": scenarios,
        "vol_shock_params": {
            // So that no volatility falls below zero, which the package refuses.
            "vega_power_short_dte": if published { 0.3 } else { draws.between(0.05, 0.4) },
            "vega_power_long_dte": 0.13 * scale,
            "dte_floor_days": draws.of(&[1.0, 1.0, 0.8, 7.0, 45.0]),
            "min_vol_shock_up": draws.of(&[0.4, 0.4, 0.0, 0.8]),
        },
    })
}

fn case(draws: &mut Draws, base: &'static str, id: usize) -> Value {
    let mut markets = Markets::of(draws, base);
    let mut positions: Vec<Value> = Vec::new();
    let mut orders = Vec::new();
    for _ in 0..draws.of(&[0, 1, 2, 5, 12, 30]) {
        let market = markets.any(draws);
        let side = draws.of(&["BUY", "SELL", "LONG", "SHORT"]);
        positions.push(json!({"market": market, "side": side, "size": draws.size()}));
    }
    for _ in 0..draws.of(&[0, 0, 0, 1, 3, 10]) {
        // Half of all orders are in what is held.
        let held = positions.get(draws.below(2 * positions.len() + 1));
        let held = held.and_then(|position| position["market"].as_str()).map(str::to_owned);
        let market = held.unwrap_or_else(|| markets.any(draws));
        let mark = markets.data[&market]["mark_price"].as_f64().unwrap();
        let price = mark * draws.of(&[1.0, 0.5, 2.0]) * draws.between(0.9, 1.1);
        let side = draws.of(&["BUY", "SELL"]);
        orders.push(json!({"market": market, "side": side, "size": draws.size(), "price": price}));
    }
    let mut balances = vec![json!({"token": "USDC", "size": draws.between(-1e5, 1e6)})];
    if draws.once_in(4) {
        balances.push(json!({"token": base, "size": draws.between(-1.0, 10.0)}));
    }
    json!({
        "id": id, "positions": positions, "orders": orders, "balances": balances,
        "market_data": markets.data, "market_specs": markets.specs,
    })
}

/// Markets of one underlying, made as they are needed.
struct Markets {
    base: &'static str,
    index: f64,
    fee_rate: f64,
    data: Map<String, Value>,
    specs: Map<String, Value>,
}

impl Markets {
    /// The perpetual alone.
    fn of(draws: &mut Draws, base: &'static str) -> Self {
        let index = if base == "BTC" { 90_000.0 } else { 3_000.0 } * draws.between(0.2, 2.0);
        let fee_rate = draws.of(&[0.0, 0.0003, 0.0005, 0.01]);
        let (data, specs) = (Map::new(), Map::new());
        let mut markets = Self { base, index, fee_rate, data, specs };
        let name = markets.perpetual();
        let mark = index * draws.between(0.98, 1.02);
        let interest = draws.of(&[0.0, 0.0, 0.05, -0.02]);
        let data = json!({
            "mark_price": mark, "delta": 1.0, "mark_iv": null, "underlying_price": index,
            "funding_rate": draws.between(-0.002, 0.002), "interest_rate": interest,
            "fee_rate": fee_rate,
        });
        let initial = draws.of(&["0.02", "0.1"]);
        let rates = json!({"imf_base": initial, "mmf_factor": draws.of(&["0.5", "0.8"])});
        markets.data.insert(name.clone(), data);
        let spec = json!({"asset_kind": "PERP", "delta1_cross_margin_params": rates});
        markets.specs.insert(name, spec);
        markets
    }

    fn perpetual(&self) -> String {
        format!("{}-USD-PERP", self.base)
    }

    fn any(&mut self, draws: &mut Draws) -> String {
        if draws.once_in(5) { self.perpetual() } else { self.option(draws) }
    }

    fn option(&mut self, draws: &mut Draws) -> String {
        let call = draws.once_in(2);
        let ratio = draws.of(&[1.0, 1.0, 0.3, 3.0]) * draws.between(0.7, 1.4);
        let strike = (self.index * ratio).round();
        let letter = if call { "C" } else { "P" };
        let day = draws.of(&DAYS);
        // The day may stand before or after the strike.
        let name = if draws.once_in(10) {
            format!("{}-USD-{strike}-{day}-{letter}", self.base)
        } else {
            format!("{}-USD-{day}-{strike}-{letter}", self.base)
        };
        if self.data.contains_key(&name) {
            return name;
        }
        let intrinsic = if call { self.index - strike } else { strike - self.index }.max(0.0);
        let mark = intrinsic + draws.of(&[0.0, 1e-4, 0.01, 0.1]) * draws.unit() * self.index;
        let delta = if call { draws.unit() } else { -draws.unit() };
        let data = json!({
            "mark_price": mark, "delta": delta, "mark_iv": draws.of(&[0.05, 0.4, 0.7, 1.5, 5.0]),
            "underlying_price": self.index, "funding_rate": 0.0, "interest_rate": 0.0,
            "fee_rate": self.fee_rate,
        });
        self.data.insert(name.clone(), data);
        self.specs.insert(name.clone(), option_spec(draws, call, strike));
        name
    }
}

fn option_spec(draws: &mut Draws, call: bool, strike: f64) -> Value {
    let cap = draws.of(&["0.5", "0.12"]);
    let mut side = |share: f64| {
        json!({
            "long_itm": format!("{}", 0.2 * share), "premium_multiplier": format!("{share}"),
            "short_itm": format!("{}", draws.of(&[0.15, 0.3]) * share),
            "short_otm": format!("{}", 0.1 * share), "short_put_cap": cap,
        })
    };
    let rates = json!({"imf": side(1.0), "mmf": side(0.5)});
    let mut spec = json!({
        "asset_kind": "OPTION", "option_type": if call { "CALL" } else { "PUT" },
        "strike_price": format!("{strike}"), "option_cross_margin_params": rates,
    });
    // Some expiries are published: past, now, while settlement is averaged, just before, far away.
    if draws.once_in(3) {
        let left = draws.of(&[-3_600.0, 0.0, 60.0, 1_799.0, 1_800.0, 1_801.0, 7_200.0, 1e8]);
        let unit = draws.of(&[1.0, 1_000.0]);
        spec["expiry_at"] = json!((NOW_SECONDS + left) * unit);
    }
    spec
}
