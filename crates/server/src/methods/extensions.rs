//! What the original has not: the insurance fund, what deleveraging would do, where prices stand, which
//! methodology is in force, what is announced.

use engine::liquidation::{AdlOutlook, FundView};
use engine::prices::IndexStatus;
use engine::{InstrumentId, State};
use instruments::{Asset, Instrument};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auctions::size;
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::account::Position;
use crate::number::Decimal;
use crate::params::{Flag, Nothing};
use crate::registry::{Method, method};
use crate::shapes::notice::AnnouncementShape;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/x_adl_rank", Account, Simulation, adl_rank, Nothing => Vec<RankShape>, "What deleveraging would take of each position"),
        method!("public/x_insurance_fund", Public, Request, insurance_fund, Nothing => FundShape, "The insurance fund"),
        method!("public/x_oracle_status", Public, Request, oracle_status, Nothing => Vec<OracleShape>, "Index prices: how sure, and whether they can be relied on"),
        method!("public/x_methodology", Public, Request, methodology, MethodologyParams => MethodologyShape, "The risk epoch, and the methodologies in force"),
        method!("public/x_announcements", Public, Request, announcements, Nothing => Vec<AnnouncementShape>, "Changes of parameters that are announced: fees, limits, rules"),
    ]
}

/// What deleveraging would take of a position, if a tenth of the open interest had to be closed on the
/// other side. Everybody is ranked at once and now and then: `age_ms` says how long ago.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RankShape {
    /// In what.
    instrument_name: String,
    /// From 1 on, the first being hit first; none for what has not gained, or was not there.
    rank: Option<usize>,
    /// How many positions are ranked.
    of: usize,
    /// What it would give up, in the unit of amounts.
    amount: Decimal,
    /// What that would cost at most.
    cost: Decimal,
    /// In this currency.
    cost_currency: String,
    /// When it was so, in milliseconds.
    timestamp: i64,
    /// How long ago that is, in milliseconds of the venue's time.
    age_ms: i64,
}

async fn adl_rank(call: &Call, _: Nothing) -> Result<Vec<RankShape>, RpcError> {
    let account = call.account()?;
    let held: Vec<(Instrument, InstrumentId, bool)> = {
        let venue = call.service.venue.read();
        let positions = super::orders::own(call, &venue)?.positions.iter();
        let side =
            |(id, held): (&InstrumentId, &Position)| (venue.at(*id).instrument, *id, held.lots > 0);
        positions.map(side).collect()
    };
    let mut ranks = Vec::new();
    for (instrument, id, long) in held {
        let ranking = call.service.ranking(id, long).await?;
        let now = call.service.venue.read().time;
        let shape = |outlook: AdlOutlook| RankShape {
            instrument_name: instrument.to_string(),
            rank: outlook.rank,
            of: outlook.of,
            amount: size(&instrument, i64::try_from(outlook.lots).unwrap_or(i64::MAX)),
            cost: outlook.cost.into(),
            cost_currency: instrument.settlement_asset().to_string(),
            timestamp: ranking.time.milliseconds(),
            age_ms: now.since(ranking.time).max(0),
        };
        ranks.extend(ranking.of(account).map(shape));
    }
    Ok(ranks)
}

/// The insurance fund, in cash.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FundShape {
    /// What it is held in; none before liquidation has rules.
    currency: Option<String>,
    /// All that it has.
    balance: Decimal,
    /// What is no group's.
    shared: Decimal,
    /// The most that it had within the last 8 hours.
    peak_8h: Decimal,
    /// Whether it has fallen so far from there that deleveraging begins early.
    early_deleveraging: bool,
    /// Its layers by risk group.
    groups: Vec<FundGroupShape>,
}

/// One risk group's layer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FundGroupShape {
    /// The group.
    underlying: String,
    /// What it has.
    balance: Decimal,
    /// What it has at most.
    balance_max: Decimal,
    /// What it drew from what is shared and has not made up for.
    shared_drawn: Decimal,
    /// What it may draw from there at most.
    shared_max: Decimal,
}

async fn insurance_fund(call: &Call, _: Nothing) -> Result<FundShape, RpcError> {
    let service = &call.service;
    let look = |state: &State| {
        let cash = state.rules_of_liquidation().map(|rules| rules.cash);
        FundShape::of(cash, state.insurance_fund())
    };
    service.looks.fund.get(0, async || service.look(look).await).await
}

impl FundShape {
    fn of(cash: Option<Asset>, fund: FundView) -> Self {
        let groups = fund.groups.iter().map(|group| FundGroupShape {
            underlying: group.underlying.to_string(),
            balance: group.balance.into(),
            balance_max: group.balance_max.into(),
            shared_drawn: group.shared_drawn.into(),
            shared_max: group.shared_max.into(),
        });
        Self {
            currency: cash.map(|cash| cash.to_string()),
            balance: fund.cash.into(),
            shared: fund.shared.into(),
            peak_8h: fund.peak.into(),
            early_deleveraging: fund.early,
            groups: groups.collect(),
        }
    }
}

/// An index.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OracleShape {
    /// Of which asset.
    currency: String,
    /// Its price in US dollars.
    price: Decimal,
    /// From 0 to 1: below 1 margin asks for more, and below a half withdrawals stop.
    confidence: f64,
    /// `fresh`, `lone` where nobody confirms it, or `stale`.
    status: &'static str,
    /// When it last changed.
    timestamp: i64,
    /// How long ago that is, in milliseconds of the venue's time.
    age_ms: i64,
}

async fn oracle_status(call: &Call, _: Nothing) -> Result<Vec<OracleShape>, RpcError> {
    let venue = call.service.venue.read();
    let shape = |(asset, index): (&Asset, &crate::feed::venue::Index)| OracleShape {
        currency: asset.to_string(),
        price: index.price.into(),
        confidence: f64::from(index.confidence_ppm) / 1e6,
        status: match index.status {
            IndexStatus::Fresh => "fresh",
            IndexStatus::Lone => "lone",
            IndexStatus::Stale => "stale",
        },
        timestamp: index.time.milliseconds(),
        age_ms: venue.time.since(index.time),
    };
    Ok(venue.indexes.iter().map(shape).collect())
}

async fn announcements(call: &Call, _: Nothing) -> Result<Vec<AnnouncementShape>, RpcError> {
    Ok(AnnouncementShape::all(&call.service.venue.read()))
}

/// How much is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MethodologyParams {
    /// Whether every parameter is wanted, as a text of TOML.
    with_text: Option<Flag>,
}

/// The risk epoch, and what it was opened with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MethodologyShape {
    /// Its number; 0 before the first.
    epoch: u64,
    /// The time of the market that it was opened on.
    opened_timestamp: Option<i64>,
    /// The hash of its arrays: all that margins are computed from beside live marks.
    arrays_hash: Option<String>,
    /// What portfolios are margined by.
    portfolio: Option<RulesShape>,
    /// What all other accounts are margined by.
    position: Option<RulesShape>,
}

/// A methodology.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RulesShape {
    /// Its name.
    name: String,
    /// What it is, in a sentence.
    summary: String,
    /// Hash of every parameter.
    hash: String,
    /// Every parameter, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

async fn methodology(call: &Call, params: MethodologyParams) -> Result<MethodologyShape, RpcError> {
    let with_text = params.with_text.is_some_and(|flag| flag.0);
    let epoch = call.service.look(State::epoch).await?;
    let rules = |methodology: &risk::Methodology| RulesShape {
        name: methodology.name().to_owned(),
        summary: methodology.summary().to_owned(),
        hash: methodology.hash(),
        text: with_text.then(|| methodology.text().to_owned()),
    };
    let epoch = epoch.as_ref();
    let portfolio = epoch.and_then(|epoch| epoch.portfolio.as_ref());
    let position = epoch.and_then(|epoch| epoch.position.as_ref());
    Ok(MethodologyShape {
        epoch: epoch.map_or(0, |epoch| epoch.number),
        opened_timestamp: epoch.map(|epoch| epoch.opened.milliseconds()),
        arrays_hash: epoch.map(|epoch| epoch.arrays_hash.clone()),
        portfolio: portfolio.map(|epoch| rules(epoch.methodology())),
        position: position.map(|position| rules(position.methodology())),
    })
}
