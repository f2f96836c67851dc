//! Values of a grid that cannot be meant.

use instruments::Asset;

use super::{Check, Problem, distinct, each, each_named, require, shape, within};
use crate::methodology::{
    Charge, ChargeKind, CollateralRules, GridBlock, GridRules, GridScenario, GridTerm,
    GridVolatility, MarginFactors, StaticDiscount, UnderlyingRules,
};

/// Most scenarios that a grid may have.
const SCENARIOS_MAX: usize = 10_000;

pub fn grid(rules: &GridRules) -> Check {
    require("name", !rules.name.trim().is_empty(), "a methodology needs a name")?;
    require("version", rules.version > 0, "versions count from 1")?;
    volatility(&rules.volatility).map_err(|problem| problem.under("volatility"))?;
    let discounts = rules.discount.as_ref().map_or(Ok(()), discount);
    discounts.map_err(|problem| problem.under("discount"))?;
    margin(&rules.margin).map_err(|problem| problem.under("margin"))?;
    distinct("underlying", &rules.underlyings, |of| &of.name)?;
    require("underlying", !rules.underlyings.is_empty(), "list at least one [[underlying]]")?;
    each_named("underlying", &rules.underlyings, |of| &of.name, underlying)?;
    distinct("asset", &rules.assets, |asset| &asset.name)?;
    each_named("asset", &rules.assets, |asset| &asset.name, collateral)?;
    distinct("block", &rules.blocks, |block| &block.name)?;
    distinct("charge", &rules.charges, |charge| &charge.name)?;
    let count: usize = rules.blocks.iter().map(|block| block.scenarios.len()).sum();
    let message = format!("{count} are more than {SCENARIOS_MAX}");
    require("scenarios", count <= SCENARIOS_MAX, message)?;
    each_named("block", &rules.blocks, |block| &block.name, |block| self::block(block, rules))?;
    let charge = |charge: &Charge| {
        let block = rules.blocks.iter().any(|block| block.name == charge.name);
        require("name", !block, "a [[block]] has this name too")?;
        self::charge(charge)
    };
    each_named("charge", &rules.charges, |charge| &charge.name, charge)?;
    require("term", !rules.terms.is_empty(), "a methodology needs at least one [[term]]")?;
    each_named("term", &rules.terms, |term| &term.name, |term| self::term(term, rules))
}

fn margin(factors: &MarginFactors) -> Check {
    within("initial", factors.initial, 0.01, 10.0)?;
    within("maintenance", factors.maintenance, 0.01, factors.initial)?;
    within("peg_threshold", factors.peg_threshold, 0.0, 1.0)?;
    within("peg_factor", factors.peg_factor, 0.0, 10.0)
}

fn collateral(asset: &CollateralRules) -> Check {
    within("initial", asset.initial, 0.0, 1.0)?;
    within("maintenance", asset.maintenance, 0.0, 1.0)?;
    is_asset(&asset.name)
}

fn volatility(volatility: &GridVolatility) -> Check {
    within("reference_days", volatility.reference_days, 0.1, 10_000.0)?;
    within("power_short", volatility.power_short, 0.0, 10.0)?;
    within("power_long", volatility.power_long, 0.0, 10.0)?;
    within("tenor_days_min", volatility.tenor_days_min, 0.0, 10_000.0)?;
    volatility.moves.iter().try_for_each(|(name, one)| {
        shape(one).map_err(|problem| problem.under(name).under("moves"))
    })
}

fn discount(discount: &StaticDiscount) -> Check {
    within("long_base", discount.long_base, 0.01, 4.0)?;
    within("long_rate_multiple", discount.long_rate_multiple, 0.0, 10.0)?;
    within("long_rate_add", discount.long_rate_add, 0.0, 10.0)?;
    within("short_base", discount.short_base, 0.01, 4.0)?;
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
    each("scenarios", &block.scenarios, |one| scenario(one, rules))
}

fn scenario(scenario: &GridScenario, rules: &GridRules) -> Check {
    within("move", scenario.relative_move, -20.0, 20.0)?;
    let lowest = rules.underlyings.iter().map(|of| scenario.relative_move * of.range);
    let message = format!("{} takes the price to zero or below", scenario.relative_move);
    require("move", lowest.fold(0.0, f64::min) > -1.0, message)?;
    within("weight", scenario.weight, 0.0, 1.0)?;
    let Some(name) = &scenario.volatility else { return Ok(()) };
    let known = rules.volatility.moves.contains_key(name);
    require("volatility", known, format!("no move `{name}` stands in [volatility.moves]"))
}

fn charge(charge: &Charge) -> Check {
    within("initial", charge.initial, 0.0, 10.0)?;
    within("maintenance", charge.maintenance, 0.0, charge.initial)?;
    let numbers: &[f64] = match &charge.of {
        ChargeKind::Basis { moves, add, multiple } => {
            require("of", !moves.is_empty(), "give at least one of the `moves`")?;
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
    each("parts", &term.parts, |part| {
        let times = term.parts.iter().filter(|other| *other == part).count();
        require("parts", times == 1, format!("`{part}` stands twice"))?;
        let block = rules.blocks.iter().any(|block| &block.name == part);
        let charge = rules.charges.iter().find(|charge| &charge.name == part);
        let message = format!("`{part}` is no block and no charge");
        require("parts", block || charge.is_some(), message)?;
        let once = charge.is_none_or(|charge| charge.initial == 0.0 && charge.maintenance == 0.0);
        let message = format!("`{part}` would count twice: leave out its own factors");
        require("parts", once, message)
    })
}

fn is_asset(name: &str) -> Check {
    let asset = name.parse::<Asset>();
    asset.map(|_| ()).map_err(|error| Problem::new("name", error.to_string()))
}
