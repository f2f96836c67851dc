//! Market-maker protection: when too much of an account's quotes on an underlying trades at once, the rest
//! is cancelled. Groups are names that are taken and not kept: all quotes on an underlying share one
//! protection.

use engine::ProtectionView;
use engine::command::{Action, ProtectMarketMaker, ProtectionRules};
use instruments::{Asset, Underlying};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::error::RpcError;
use crate::names;
use crate::number::Decimal;
use crate::params::{Flag, Number, Whole};
use crate::registry::{Method, method};

/// Bytes of a group's or set's name at most.
const NAME_MAX: usize = 64;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/set_mmp_config", TradeWrite, Matching, set_config, SetConfigParams => Vec<ConfigShape>, "Sets the protection of quotes on an underlying, and ends a freeze"),
        method!("private/get_mmp_config", Trade, Request, get_config, ConfigParams => Vec<ConfigShape>, "The protection of quotes"),
        method!("private/reset_mmp", TradeWrite, Matching, reset, ResetParams => &'static str, "Ends a freeze of quotes"),
        method!("private/get_mmp_status", Trade, Request, get_status, ConfigParams => Vec<StatusShape>, "Which quotes are frozen"),
    ]
}

/// A protection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetConfigParams {
    /// An index of the underlying, as `btc_usd`; all instruments on BTC share one protection.
    index_name: String,
    /// Seconds in which trades are counted; 0 takes the protection away.
    interval: Whole,
    /// Seconds for which quotes are frozen; 0 until they are reset.
    frozen_time: Whole,
    /// A name for the group; all groups share the protection of their underlying.
    mmp_group: Option<String>,
    /// The most that may trade in an interval, in the underlying.
    quantity_limit: Option<Number>,
    /// Not offered.
    delta_limit: Option<Number>,
    /// Not offered.
    vega_limit: Option<Number>,
    /// Not offered.
    max_quote_quantity: Option<Number>,
    /// Not offered.
    trade_count_limit: Option<Whole>,
    /// Not offered.
    block_rfq: Option<Flag>,
}

/// A protection as it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConfigShape {
    /// The index of its underlying in dollars.
    index_name: String,
    /// The group that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    mmp_group: Option<String>,
    /// Seconds in which trades are counted; 0 if there is no protection.
    interval: u32,
    /// Seconds for which quotes are frozen; 0 until they are reset.
    frozen_time: u32,
    /// The most that may trade in an interval, in the underlying.
    quantity_limit: Decimal,
    /// Always false.
    block_rfq: bool,
}

async fn set_config(call: &Call, params: SetConfigParams) -> Result<Vec<ConfigShape>, RpcError> {
    let account = call.account()?;
    name("mmp_group", params.mmp_group.as_deref())?;
    no_block_rfq(params.block_rfq)?;
    // A limit that is asked for and not kept would be no protection.
    let limits = [
        ("delta_limit", params.delta_limit),
        ("vega_limit", params.vega_limit),
        ("max_quote_quantity", params.max_quote_quantity),
    ];
    let asked = |limit: Option<Number>| limit.is_some_and(|limit| limit.0 != Decimal(0));
    if let Some((limit, _)) = limits.into_iter().find(|(_, limit)| asked(*limit)) {
        return Err(RpcError::invalid(limit, "is not offered: use quantity_limit"));
    }
    if params.trade_count_limit.is_some() {
        return Err(RpcError::invalid("trade_count_limit", "there are no block trades here"));
    }
    let underlying = underlying(call, &params.index_name)?;
    let (window_ms, frozen_ms) = (
        milliseconds("interval", params.interval)?,
        milliseconds("frozen_time", params.frozen_time)?,
    );
    let rules = match window_ms {
        0 => None,
        _ => {
            Some(ProtectionRules { window_ms, frozen_ms, base_max: limit(params.quantity_limit)? })
        }
    };
    let protect = ProtectMarketMaker { account, underlying, rules };
    call.submit(Action::ProtectMarketMaker(protect)).await?;
    Ok(vec![config(underlying, rules, params.mmp_group)])
}

fn limit(quantity: Option<Number>) -> Result<i64, RpcError> {
    let quantity = quantity.ok_or_else(|| RpcError::invalid("quantity_limit", "value required"))?;
    let units = i64::try_from(quantity.0.0).ok().filter(|units| *units > 0);
    units.ok_or_else(|| RpcError::invalid("quantity_limit", "must be a quantity above zero"))
}

fn milliseconds(param: &str, seconds: Whole) -> Result<u32, RpcError> {
    let seconds = u32::try_from(seconds.0).ok().filter(|seconds| *seconds <= 86_400);
    let wrong = || RpcError::invalid(param, "must be 0 to 86400 seconds");
    seconds.map(|seconds| seconds * 1_000).ok_or_else(wrong)
}

fn no_block_rfq(flag: Option<Flag>) -> Result<(), RpcError> {
    match flag {
        Some(Flag(true)) => Err(RpcError::invalid("block_rfq", "there are no block trades here")),
        _ => Ok(()),
    }
}

fn underlying(call: &Call, index_name: &str) -> Result<Underlying, RpcError> {
    let asset = names::index_asset(index_name, &call.service.venue.read());
    asset
        .map(Underlying::of)
        .ok_or_else(|| RpcError::invalid("index_name", "there is no such index"))
}

fn index_name(asset: Asset) -> String {
    format!("{}_usd", asset.to_string().to_ascii_lowercase())
}

fn config(
    underlying: Underlying,
    rules: Option<ProtectionRules>,
    mmp_group: Option<String>,
) -> ConfigShape {
    ConfigShape {
        index_name: index_name(underlying.asset()),
        mmp_group,
        interval: rules.map_or(0, |rules| rules.window_ms.div_ceil(1_000)),
        frozen_time: rules.map_or(0, |rules| rules.frozen_ms.div_ceil(1_000)),
        quantity_limit: Decimal(rules.map_or(0, |rules| rules.base_max.into())),
        block_rfq: false,
    }
}

/// Which protections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigParams {
    /// Of this index's underlying; none for all.
    index_name: Option<String>,
    /// A name for the group; all groups share the protection of their underlying.
    mmp_group: Option<String>,
    /// Not offered.
    block_rfq: Option<Flag>,
}

async fn get_config(call: &Call, params: ConfigParams) -> Result<Vec<ConfigShape>, RpcError> {
    let known = protections(call, &params).await?;
    let shape =
        |one: ProtectionView| config(one.underlying, Some(one.rules), params.mmp_group.clone());
    Ok(known.into_iter().map(shape).collect())
}

async fn protections(call: &Call, params: &ConfigParams) -> Result<Vec<ProtectionView>, RpcError> {
    let account = call.account()?;
    name("mmp_group", params.mmp_group.as_deref())?;
    no_block_rfq(params.block_rfq)?;
    let wanted = match params.index_name.as_deref() {
        None | Some("all") => None,
        Some(name) => Some(underlying(call, name)?),
    };
    let known = call.service.look(move |state| state.protections(account)).await?;
    let is_wanted = |one: &ProtectionView| wanted.is_none_or(|wanted| one.underlying == wanted);
    Ok(known.into_iter().filter(is_wanted).collect())
}

/// Which protection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetParams {
    /// Of this index's underlying.
    index_name: String,
    /// A name for the group; all groups share the protection of their underlying.
    mmp_group: Option<String>,
    /// Not offered.
    block_rfq: Option<Flag>,
}

async fn reset(call: &Call, params: ResetParams) -> Result<&'static str, RpcError> {
    let account = call.account()?;
    name("mmp_group", params.mmp_group.as_deref())?;
    no_block_rfq(params.block_rfq)?;
    let underlying = underlying(call, &params.index_name)?;
    call.submit(Action::ResetProtection { account, underlying }).await?;
    Ok("ok")
}

/// Quotes that are frozen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusShape {
    /// The index of their underlying in dollars.
    index_name: String,
    /// Until when, in milliseconds; 0 until they are reset.
    frozen_until: i64,
    /// The group that was named; empty if none was.
    mmp_group: String,
    /// Always false.
    block_rfq: bool,
}

async fn get_status(call: &Call, params: ConfigParams) -> Result<Vec<StatusShape>, RpcError> {
    let known = protections(call, &params).await?;
    let shape = |one: ProtectionView| StatusShape {
        index_name: index_name(one.underlying.asset()),
        frozen_until: one.until.map_or(0, |until| until.milliseconds()),
        mmp_group: params.mmp_group.clone().unwrap_or_default(),
        block_rfq: false,
    };
    Ok(known.into_iter().filter(|one| one.is_frozen).map(shape).collect())
}

/// # Errors
/// If a name is too long.
pub fn name(param: &str, text: Option<&str>) -> Result<(), RpcError> {
    match text {
        Some(text) if text.len() > NAME_MAX => {
            Err(RpcError::invalid(param, format!("must be at most {NAME_MAX} bytes")))
        }
        _ => Ok(()),
    }
}
