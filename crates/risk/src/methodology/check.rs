//! Values that parse but cannot be meant.

mod grid;

use std::collections::BTreeSet;

use instruments::Asset;

use super::position::{FutureRules, OptionRates, OptionRules, PositionRules};
use super::scenario::{
    AddOns, Aggregator, AssetKind, AssetParameters, Block, HaircutRules, Moves, RangeRules,
    ScenarioRules, Shape, StressList, Tail, Term, VolatilityRules,
};

pub(super) use grid::grid;

/// Names of the add-ons, as files and explanations write them.
const ADD_ONS: [&str; 11] = crate::addons::NAMES;

/// A value that cannot be meant, and the key it stands under.
pub(super) struct Problem {
    pub key: &'static str,
    pub message: String,
    /// Name of the block or asset among others of its kind that it stands in.
    pub entry: Option<String>,
    /// The way to what holds the key, from the inside out.
    pub path: Vec<Step>,
}

/// A step on the way from the top of a file to a key.
pub(super) enum Step {
    /// Into a table.
    Table(String),
    /// Into an element of a list or of an array of tables.
    Element(&'static str, usize),
}

impl Problem {
    pub fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into(), entry: None, path: vec![] }
    }

    /// Says which table it stands in.
    fn under(mut self, table: &str) -> Self {
        self.path.push(Step::Table(table.to_owned()));
        self
    }

    /// Says which element of a list it stands in.
    fn element(mut self, list: &'static str, index: usize) -> Self {
        self.path.push(Step::Element(list, index));
        self
    }

    /// Says which entry of an array of tables it stands in.
    fn within(self, list: &'static str, index: usize, name: &str) -> Self {
        Self { entry: Some(name.to_owned()), ..self.element(list, index) }
    }
}

type Check = Result<(), Problem>;

fn within(key: &'static str, value: f64, low: f64, high: f64) -> Check {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(Problem::new(key, format!("{value} is impossible: give a number from {low} to {high}")))
}

fn require(key: &'static str, holds: bool, message: impl Into<String>) -> Check {
    if holds { Ok(()) } else { Err(Problem::new(key, message)) }
}

/// Checks every element of a list.
fn each<T>(list: &'static str, elements: &[T], check: impl Fn(&T) -> Check) -> Check {
    elements
        .iter()
        .enumerate()
        .try_for_each(|(index, one)| check(one).map_err(|problem| problem.element(list, index)))
}

/// Checks every entry of an array of tables.
fn each_named<T>(
    list: &'static str,
    entries: &[T],
    name: impl Fn(&T) -> &str,
    check: impl Fn(&T) -> Check,
) -> Check {
    entries.iter().enumerate().try_for_each(|(index, one)| {
        check(one).map_err(|problem| problem.within(list, index, name(one)))
    })
}

/// Checks that no two entries of an array of tables have one name.
fn distinct<T>(list: &'static str, entries: &[T], name: impl Fn(&T) -> &str) -> Check {
    let mut seen = BTreeSet::new();
    entries.iter().enumerate().try_for_each(|(index, one)| {
        require("name", seen.insert(name(one)), "the name stands twice")
            .map_err(|problem| problem.within(list, index, name(one)))
    })
}

pub(super) fn scenario(rules: &ScenarioRules) -> Check {
    header(&rules.name, rules.version, rules.ticks_per_unit)?;
    assets(&rules.assets)?;
    haircut(&rules.haircut).map_err(|problem| problem.under("haircut"))?;
    universe(rules)?;
    within("maintenance_share", rules.maintenance_share, 0.01, 1.0)?;
    within("days", f64::from(rules.horizon.days), 1.0, 30.0)
        .map_err(|problem| problem.under("horizon"))?;
    ranges(&rules.ranges).map_err(|problem| problem.under("ranges"))?;
    volatility(&rules.volatility).map_err(|problem| problem.under("volatility"))?;
    distinct("block", &rules.blocks, |block| &block.name)?;
    each_named("block", &rules.blocks, |block| &block.name, |block| self::block(block, rules))?;
    terms(rules)?;
    add_ons(&rules.addons).map_err(|problem| problem.under("addons"))
}

pub(super) fn position(rules: &PositionRules) -> Check {
    header(&rules.name, rules.version, rules.ticks_per_unit)?;
    assets(&rules.assets)?;
    collateral(rules)?;
    options(&rules.options).map_err(|problem| problem.under("options"))?;
    for (name, future) in &rules.futures {
        let known = rules.haircut.is_none() || rules.assets.iter().any(|asset| &asset.name == name);
        require("futures", known, format!("`{name}` has no [[asset]] entry"))
            .and_then(|()| named_asset("futures", name))
            .and_then(|()| self::future(future))
            .map_err(|problem| problem.under(name).under("futures"))?;
    }
    charges(rules)
}

fn future(future: &FutureRules) -> Check {
    for (larger, smaller) in [
        (future.initial.rate, future.maintenance.rate),
        (future.initial.slope, future.maintenance.slope),
    ] {
        within("initial", larger, 0.0, 1.0)?;
        within("maintenance", smaller, 0.0, larger)?;
    }
    Ok(())
}

fn collateral(rules: &PositionRules) -> Check {
    let message = "give either [haircut] with an [[asset]] entry each, or [collateral] shares";
    require("collateral", rules.haircut.is_some() == rules.collateral.is_empty(), message)?;
    if let Some(rules) = &rules.haircut {
        haircut(rules).map_err(|problem| problem.under("haircut"))?;
    }
    rules.collateral.iter().try_for_each(|(name, share)| {
        named_asset("collateral", name)
            .and_then(|()| within("collateral", *share, 0.0, 1.0))
            .map_err(|problem| problem.under(name).under("collateral"))
    })
}

fn options(rules: &OptionRules) -> Check {
    let (initial, maintenance) = (&rules.initial, &rules.maintenance);
    within("put_over_maintenance", rules.put_over_maintenance, 0.0, 10.0)?;
    for (table, rates) in [("initial", initial), ("maintenance", maintenance)] {
        option_rates(rates).map_err(|problem| problem.under(table))?;
        let paid = !rules.mark_inside || (rates.long_mark == 0.0 && rates.long_rate == 0.0);
        require("mark_inside", paid, "a long option that is paid in full needs nothing more")?;
    }
    let any = f64::INFINITY;
    let puts_hold = rules.put_over_maintenance >= 1.0
        || (maintenance.put_mark_floor <= initial.put_mark_floor
            && maintenance.put_cap.unwrap_or(any) <= initial.put_cap.unwrap_or(any));
    let holds = maintenance.short_rate <= initial.short_rate
        && maintenance.short_floor <= initial.short_floor
        && maintenance.long_mark <= initial.long_mark
        && maintenance.long_rate <= initial.long_rate;
    require("maintenance", holds && puts_hold, "no rate may be above initial margin's")
}

fn option_rates(rates: &OptionRates) -> Check {
    within("short_rate", rates.short_rate, 0.0, 10.0)?;
    within("short_floor", rates.short_floor, 0.0, rates.short_rate)?;
    within("put_mark_floor", rates.put_mark_floor, 0.0, 10.0)?;
    within("put_cap", rates.put_cap.unwrap_or_default(), 0.0, 10.0)?;
    within("long_mark", rates.long_mark, 0.0, 1.0)?;
    within("long_rate", rates.long_rate, 0.0, 10.0)
}

/// What is charged beside positions.
fn charges(rules: &PositionRules) -> Check {
    if let Some(cap) = rules.expiry_cap {
        let message = "a cap is the loss with the mark in it: set mark_inside";
        require("expiry_cap", rules.options.mark_inside, message)?;
        within("unpaired_initial", cap.unpaired_initial, 0.0, 10.0)?;
        within("unpaired_maintenance", cap.unpaired_maintenance, 0.0, cap.unpaired_initial)?;
    }
    if let Some(oracle) = rules.oracle {
        within("threshold", oracle.threshold, 0.0, 1.0)
            .and_then(|()| within("rate", oracle.rate, 0.0, 1.0))
            .map_err(|problem| problem.under("oracle"))?;
    }
    if let Some(peg) = &rules.peg {
        named_asset("asset", &peg.asset)
            .and_then(|()| within("threshold", peg.threshold, 0.0, 1.0))
            .and_then(|()| within("rate", peg.rate, 0.0, 10.0))
            .map_err(|problem| problem.under("peg"))?;
    }
    if let Some(fees) = rules.fees {
        for (key, rate) in
            [("future", fees.future), ("option", fees.option), ("option_cap", fees.option_cap)]
        {
            within(key, rate, 0.0, 1.0).map_err(|problem| problem.under("fees"))?;
        }
    }
    Ok(())
}

fn named_asset(key: &'static str, name: &str) -> Check {
    name.parse::<Asset>().map(|_| ()).map_err(|error| Problem::new(key, error.to_string()))
}

fn header(name: &str, version: u32, ticks_per_unit: i64) -> Check {
    require("name", !name.trim().is_empty(), "a methodology needs a name")?;
    require("version", version > 0, "versions count from 1")?;
    let ticks = (1_000_000..=100_000_000).contains(&ticks_per_unit);
    require("ticks_per_unit", ticks, "give a whole number from 1000000 to 100000000")
}

fn universe(rules: &ScenarioRules) -> Check {
    require("universe", !rules.universe.is_empty(), "name at least one underlying")?;
    for name in &rules.universe {
        let asset = rules.assets.iter().find(|asset| &asset.name == name);
        let coin = asset.is_some_and(|asset| asset.kind == AssetKind::Coin);
        require("universe", coin, format!("`{name}` has no [[asset]] entry of kind `coin`"))?;
    }
    let distinct: BTreeSet<_> = rules.universe.iter().collect();
    require("universe", distinct.len() == rules.universe.len(), "an underlying stands twice")?;
    let market = rules.universe.contains(&rules.market);
    require("market", market, format!("`{}` is not in the universe", rules.market))
}

fn ranges(ranges: &RangeRules) -> Check {
    within("multiple", ranges.multiple, 0.1, 100.0)?;
    within("decay", ranges.decay, 0.5, 0.9999)?;
    within("seed_days", f64::from(ranges.seed_days), 2.0, 1_000.0)?;
    within("buffer", ranges.buffer, 0.0, 0.25)?;
    within("buffer_released_at", ranges.buffer_released_at, 1.01, 100.0)?;
    // Released faster, the buffer would let σ* fall while volatility rises.
    let released = 1.0 - 1.0 / ranges.buffer_released_at;
    let message = format!("{} is released too fast: at most {released:.3} here", ranges.buffer);
    require("buffer", ranges.buffer <= released, message)?;
    within("rise_per_day_max", ranges.rise_per_day_max, 0.001, 100.0)?;
    within("range_max", ranges.range_max, 0.01, 0.95)
}

fn volatility(volatility: &VolatilityRules) -> Check {
    within("up", volatility.up, 0.0, 10.0)?;
    within("down", volatility.down, -0.99, 0.0)?;
    within("reference_days", volatility.reference_days, 0.1, 10_000.0)?;
    within("power_short", volatility.power_short, 0.0, 2.0)?;
    within("power_long", volatility.power_long, 0.0, 2.0)?;
    within("tenor_days_min", volatility.tenor_days_min, 0.01, volatility.reference_days)?;
    within("floor", volatility.floor, 0.0, 10.0)?;
    within("response_fall", volatility.response_fall, 0.0, 100.0)?;
    within("response_rise", volatility.response_rise, -100.0, 100.0)?;
    within("response_max", volatility.response_max, 0.0, 5.0)
}

fn block(block: &Block, rules: &ScenarioRules) -> Check {
    within("days", block.days, 0.0, 30.0)?;
    match block.aggregator {
        Aggregator::ExpectedShortfall { alpha_ppm } => {
            within("aggregator", f64::from(alpha_ppm), 500_000.0, 999_999.0)?;
        }
        Aggregator::WorstWithOffset { offset_ppm } => {
            within("aggregator", f64::from(offset_ppm), 0.0, 1_000_000.0)?;
            let message = "capping offsets breaks sub-additivity: set it to false";
            require("subadditive", !rules.subadditive, message)?;
        }
        Aggregator::Worst | Aggregator::RootSumSquares => {}
    }
    moves(&block.moves, block, rules)
}

fn moves(moves: &Moves, block: &Block, rules: &ScenarioRules) -> Check {
    let inside = |problem: Problem| problem.under("moves");
    match moves {
        Moves::Together { points, volatility, tails } => {
            price_grid(*points, volatility.len()).map_err(inside)?;
            let tail = |tail: &Tail| {
                within("move", tail.relative_move, -0.99, 20.0)?;
                within("weight", tail.weight, 0.0, 1.0)
            };
            each("tails", tails, tail).map_err(inside)
        }
        Moves::Alone { points, volatility } => {
            let root = matches!(block.aggregator, Aggregator::RootSumSquares);
            let message = "underlyings that move alone aggregate by root_sum_squares";
            require("aggregator", root, message)?;
            price_grid(*points, volatility.len()).map_err(inside)
        }
        Moves::Recent { days, days_min } => within("days", f64::from(*days), 1.0, 100_000.0)
            .and_then(|()| within("days_min", f64::from(*days_min), 1.0, f64::from(*days)))
            .map_err(inside),
        Moves::Stressed { days, .. } => {
            within("days", f64::from(*days), 1.0, 100_000.0).map_err(inside)
        }
        Moves::List { scenarios } => {
            require("scenarios", !scenarios.is_empty(), "list at least one scenario")?;
            each("scenarios", scenarios, |scenario| stress(scenario, rules)).map_err(inside)
        }
    }
}

fn stress(scenario: &StressList, rules: &ScenarioRules) -> Check {
    within("weight", scenario.weight, 0.0, 1.0)?;
    shape(&scenario.volatility).map_err(|problem| problem.under("volatility"))?;
    within("basis", scenario.basis, -5.0, 5.0)?;
    within("days", scenario.days, 0.0, 365.0)?;
    for (name, relative) in &scenario.moves {
        let known = rules.assets.iter().any(|asset| &asset.name == name);
        require("moves", known, format!("`{name}` has no [[asset]] entry"))?;
        within("moves", *relative, -0.99, 20.0)?;
    }
    Ok(())
}

fn shape(shape: &Shape) -> Check {
    match shape {
        Shape::None => Ok(()),
        Shape::Multiply { amount, floor } => {
            within("amount", *amount, -0.99, 20.0)?;
            within("floor", *floor, 0.0, 10.0)
        }
        Shape::LinearSkew(skew) | Shape::AbsoluteSkew(skew) => {
            within("base", skew.base, -10.0, 10.0)?;
            within("cap0", skew.cap0, 0.0, 10.0)?;
            within("k_min", skew.k_min, 0.000_001, 10.0)?;
            within("width", skew.width, 0.0, 100.0)?;
            within("k0", skew.k0, -100.0, 100.0)?;
            within("k1", skew.k1, -100.0, 100.0)?;
            within("direction", skew.direction, -1.0, 1.0)
        }
    }
}

fn price_grid(points: u32, volatilities: usize) -> Check {
    let odd = points % 2 == 1 && (1..=999).contains(&points);
    require("points", odd, "give an odd number from 1 to 999, so that one point is no move")?;
    require("volatility", (1..=3).contains(&volatilities), "give one to three moves")
}

fn terms(rules: &ScenarioRules) -> Check {
    require("term", !rules.terms.is_empty(), "a methodology needs at least one [[term]]")?;
    each_named("term", &rules.terms, |term| &term.name, |term| self::term(term, rules))
}

fn term(term: &Term, rules: &ScenarioRules) -> Check {
    for (name, weight) in &term.weights {
        let known = rules.blocks.iter().any(|block| &block.name == name);
        require("weights", known, format!("no block is named `{name}`"))?;
        within("weights", f64::from(*weight), 1.0, 10_000_000.0)?;
    }
    require("weights", !term.weights.is_empty(), "a term needs at least one block")
}

fn add_ons(addons: &AddOns) -> Check {
    for name in &addons.maintenance {
        let message = format!("`{name}` is no add-on: {}", ADD_ONS.join(", "));
        require("maintenance", ADD_ONS.contains(&name.as_str()), message)?;
    }
    for (key, value) in [
        ("roll_rate", addons.roll_rate),
        ("roll_min", addons.roll_min),
        ("unpaired_rate", addons.unpaired_rate),
        ("oracle_threshold", addons.oracle_threshold),
        ("oracle_rate", addons.oracle_rate),
        ("netting", addons.tenor_twist.netting),
    ] {
        within(key, value, 0.0, 1.0)?;
    }
    within("impact", addons.impact, 0.0, 10.0)?;
    within("participation", addons.participation, 0.0001, 1.0)?;
    within("concentration_days", addons.concentration_days, 0.001, 365.0)?;
    within("hours", addons.expiry_cliff.hours, 0.0, 168.0)?;
    let twist = &addons.tenor_twist;
    let ascending = twist.bucket_days.is_sorted_by(|a, b| a < b);
    require("bucket_days", ascending, "the ends of the buckets must ascend")?;
    let shocks = twist.shocks.len() == twist.bucket_days.len() + 1;
    require("shocks", shocks, "give one shock more than there are bucket ends")?;
    twist.shocks.iter().try_for_each(|shock| within("shocks", *shock, 0.0, 5.0))
}

fn haircut(rules: &HaircutRules) -> Check {
    within("impact", rules.impact, 0.0, 10.0)?;
    within("price_multiple", rules.price_multiple, 0.0, 100.0)?;
    within("price_days", rules.price_days, 0.0, 365.0)
}

fn assets(assets: &[AssetParameters]) -> Check {
    distinct("asset", assets, |asset| &asset.name)?;
    each_named("asset", assets, |asset| &asset.name, asset)
}

fn asset(asset: &AssetParameters) -> Check {
    let name = asset.name.parse::<Asset>();
    name.map_err(|error| Problem::new("name", error.to_string()))?;
    within("volatility_floor", asset.volatility_floor, 0.0, 1.0)?;
    within("market_correlation", asset.market_correlation, -1.0, 1.0)?;
    within("volume_usd", asset.volume_usd, 1.0, 1e15)?;
    within("half_spread", asset.half_spread, 0.0, 1.0)?;
    within("volatility_half_spread", asset.volatility_half_spread, 0.0, 5.0)?;
    within("haircut_min", asset.haircut_min, 0.0, 1.0)?;
    within("collateral_max_usd", asset.collateral_max_usd, 0.0, 1e13)?;
    within("peg_threshold", asset.peg_threshold, 0.0, 1.0)?;
    within("peg_factor", asset.peg_factor, 0.0, 10.0)?;
    within("wrong_way_correlation", asset.wrong_way_correlation, -1.0, 1.0)?;
    let moves = asset.kind != AssetKind::Coin || asset.volatility_floor > 0.0;
    require(
        "volatility_floor",
        moves,
        format!("{} is a coin: give it a floor above zero", asset.name),
    )?;
    Ok(())
}
