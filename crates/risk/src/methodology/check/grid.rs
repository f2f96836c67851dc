//! Values of a grid that cannot be meant.

use std::collections::BTreeSet;

use instruments::Asset;

use super::{Check, Problem, require, shape, within};
use crate::methodology::{
    Charge, ChargeKind, GridBlock, GridRules, GridTerm, StaticDiscount, UnderlyingRules,
};

/// Most scenarios that a grid may have.
const SCENARIOS_MAX: usize = 10_000;

pub fn grid(rules: &GridRules) -> Check {
    require("name", !rules.name.trim().is_empty(), "a methodology needs a name")?;
    require("version", rules.version > 0, "versions count from 1")?;
    volatility(rules)?;
    rules.discount.as_ref().map_or(Ok(()), discount)?;
    within("initial", rules.margin.initial, 0.01, 10.0)?;
    within("maintenance", rules.margin.maintenance, 0.01, 10.0)?;
    within("peg_threshold", rules.margin.peg_threshold, 0.0, 1.0)?;
    within("peg_factor", rules.margin.peg_factor, 0.0, 10.0)?;
    distinct("underlying", rules.underlyings.iter().map(|of| &*of.name))?;
    require("underlying", !rules.underlyings.is_empty(), "list at least one [[underlying]]")?;
    for of in &rules.underlyings {
        underlying(of).map_err(|problem| problem.within(&of.name))?;
    }
    distinct("asset", rules.assets.iter().map(|asset| &*asset.name))?;
    for asset in &rules.assets {
        let share = |key, value| within(key, value, 0.0, 1.0);
        let rates = share("initial", asset.initial)
            .and_then(|()| share("maintenance", asset.maintenance))
            .and_then(|()| is_asset(&asset.name));
        rates.map_err(|problem| problem.within(&asset.name))?;
    }
    let parts = rules.blocks.iter().map(|block| &*block.name);
    distinct("name", parts.chain(rules.charges.iter().map(|charge| &*charge.name)))?;
    let count: usize = rules.blocks.iter().map(|block| block.scenarios.len()).sum();
    let message = format!("{count} are more than {SCENARIOS_MAX}");
    require("scenarios", count <= SCENARIOS_MAX, message)?;
    for block in &rules.blocks {
        self::block(block, rules).map_err(|problem| problem.within(&block.name))?;
    }
    for charge in &rules.charges {
        self::charge(charge).map_err(|problem| problem.within(&charge.name))?;
    }
    require("term", !rules.terms.is_empty(), "a methodology needs at least one [[term]]")?;
    for term in &rules.terms {
        self::term(term, rules).map_err(|problem| problem.within(&term.name))?;
    }
    Ok(())
}

fn volatility(rules: &GridRules) -> Check {
    let volatility = &rules.volatility;
    within("reference_days", volatility.reference_days, 0.1, 10_000.0)?;
    within("power_short", volatility.power_short, 0.0, 10.0)?;
    within("power_long", volatility.power_long, 0.0, 10.0)?;
    within("tenor_days_min", volatility.tenor_days_min, 0.0, 10_000.0)?;
    volatility.moves.values().try_for_each(shape)
}

fn discount(discount: &StaticDiscount) -> Check {
    within("long_base", discount.long_base, 0.0, 4.0)?;
    within("long_rate_multiple", discount.long_rate_multiple, 0.0, 10.0)?;
    within("long_rate_add", discount.long_rate_add, 0.0, 10.0)?;
    within("short_base", discount.short_base, 0.0, 4.0)?;
    within("short_rate_multiple", discount.short_rate_multiple, 0.0, 10.0)?;
    within("short_rate_add", discount.short_rate_add, 0.0, 10.0)
}

fn underlying(of: &UnderlyingRules) -> Check {
    is_asset(&of.name)?;
    within("range", of.range, 0.001, 1.0)?;
    within("gain_share", of.gain_share, 0.0, 1.0)?;
    within("roll_rate", of.roll_rate, 0.0, 10.0)?;
    within("roll_min", of.roll_min, 0.0, 1.0)?;
    within("minimum_rate", of.minimum_rate, 0.0, 1.0)
}

fn block(block: &GridBlock, rules: &GridRules) -> Check {
    require("scenarios", !block.scenarios.is_empty(), "list at least one scenario")?;
    for scenario in &block.scenarios {
        within("move", scenario.relative_move, -20.0, 20.0)?;
        let lowest = rules.underlyings.iter().map(|of| scenario.relative_move * of.range);
        let message = format!("{} takes the price to zero or below", scenario.relative_move);
        require("move", lowest.fold(0.0, f64::min) > -1.0, message)?;
        within("weight", scenario.weight, 0.0, 1.0)?;
        if let Some(name) = &scenario.volatility {
            let known = rules.volatility.moves.contains_key(name);
            let message = format!("no move `{name}` stands in [volatility.moves]");
            require("volatility", known, message)?;
        }
    }
    Ok(())
}

fn charge(charge: &Charge) -> Check {
    within("initial", charge.initial, 0.0, 10.0)?;
    within("maintenance", charge.maintenance, 0.0, 10.0)?;
    let numbers: &[f64] = match &charge.of {
        ChargeKind::Basis { moves, add, multiple } => {
            moves.iter().try_for_each(|m| within("of", *m, -0.99, 20.0))?;
            &[*add, *multiple]
        }
        ChargeKind::DeltaFloor { hedged, unhedged } => &[*hedged, *unhedged],
        ChargeKind::Confidence { threshold, rate } => &[*threshold, *rate],
        ChargeKind::Fees { futures, options, option_cap } => &[*futures, *options, *option_cap],
        ChargeKind::Theta { days } => &[*days],
        ChargeKind::Funding { orders } => return within("of", *orders, -1.0, 1.0),
        ChargeKind::Perpetuals
        | ChargeKind::ShortStrikes
        | ChargeKind::Collateral
        | ChargeKind::Roll { .. }
        | ChargeKind::Minimum { .. } => &[],
    };
    numbers.iter().try_for_each(|number| within("of", *number, 0.0, 20.0))
}

fn term(term: &GridTerm, rules: &GridRules) -> Check {
    require("parts", !term.parts.is_empty(), "a term needs at least one block or charge")?;
    for part in &term.parts {
        let block = rules.blocks.iter().any(|block| &block.name == part);
        let charge = rules.charges.iter().find(|charge| &charge.name == part);
        let message = format!("`{part}` is no block and no charge");
        require("parts", block || charge.is_some(), message)?;
        let once = charge.is_none_or(|charge| charge.initial == 0.0 && charge.maintenance == 0.0);
        let message = format!("`{part}` would count twice: leave out its own factors");
        require("parts", once, message)?;
    }
    Ok(())
}

fn distinct<'a>(key: &'static str, names: impl Iterator<Item = &'a str>) -> Check {
    let mut seen = BTreeSet::new();
    for name in names {
        require(key, seen.insert(name), format!("`{name}` stands twice"))?;
    }
    Ok(())
}

fn is_asset(name: &str) -> Check {
    let asset = name.parse::<Asset>();
    asset.map(|_| ()).map_err(|error| Problem::new("name", error.to_string()))
}
