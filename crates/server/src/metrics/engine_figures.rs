//! What the engine says of itself, written down.

use std::fmt::Error;

use engine::health::{EpochHealth, Health, IndexHealth, Standing};
use engine::liquidation::{FundView, Stage};
use engine::prices::IndexStatus;
use instruments::Amount;

use super::page::{Labels, Page};

const MILLION: f64 = 1e6;

/// Writes all of it down.
pub fn write(page: &mut Page<'_>, health: &Health) -> Result<(), Error> {
    page.gauge("plimsoll_accounts", "Accounts that are open", f64::from(health.accounts))?;
    page.gauge("plimsoll_orders", "Orders that rest or wait", health.orders as f64)?;
    write_epoch(page, health.epoch)?;
    write_indexes(page, &health.indexes)?;
    write_cases(page, &health.cases)?;
    write_fund(page, &health.fund)?;
    let insurance = health.insurance.iter();
    page.gauges(
        "plimsoll_insurance_fund",
        "What the insurance fund has, by asset",
        insurance.map(|(asset, amount)| ([("asset", asset.to_string())], units(*amount))),
    )
}

/// Writes down how accounts stand.
pub fn write_standing(page: &mut Page<'_>, standing: &Standing) -> Result<(), Error> {
    let mut gauge = |name, help, count: usize| page.gauge(name, help, count as f64);
    gauge(
        "plimsoll_accounts_exposed",
        "Accounts that have a position or a debt",
        standing.exposed,
    )?;
    gauge(
        "plimsoll_accounts_near_line",
        "Accounts with equity below 125 % of their maintenance requirement",
        standing.near,
    )?;
    gauge(
        "plimsoll_accounts_restricted",
        "Accounts below their initial margin",
        standing.restricted,
    )?;
    gauge(
        "plimsoll_accounts_unknown",
        "Accounts that can't be margined, for want of a price or an epoch",
        standing.unknown,
    )
}

fn write_epoch(page: &mut Page<'_>, epoch: Option<EpochHealth>) -> Result<(), Error> {
    let of = |value: fn(EpochHealth) -> f64| epoch.map(value);
    page.gauge(
        "plimsoll_epoch",
        "The number of the open risk epoch; 0 without one",
        epoch.map_or(0.0, |epoch| epoch.number as f64),
    )?;
    page.maybe(
        "plimsoll_epoch_age_seconds",
        "How old the risk epoch is",
        of(|epoch| epoch.age_ms as f64 / 1e3),
    )?;
    page.maybe(
        "plimsoll_epoch_age_ratio",
        "How old the risk epoch is, 1 being overdue",
        of(|epoch| epoch.age_ms as f64 / epoch.age_max_ms.max(1) as f64),
    )?;
    page.maybe(
        "plimsoll_epoch_move",
        "The furthest that an index has moved since the risk epoch opened, as a part of it",
        of(|epoch| epoch.move_ppm as f64 / MILLION),
    )?;
    page.maybe(
        "plimsoll_epoch_move_ratio",
        "The same, 1 being overdue",
        of(|epoch| epoch.move_ppm as f64 / epoch.move_max_ppm.max(1) as f64),
    )?;
    page.maybe(
        "plimsoll_epoch_overdue",
        "Whether only orders that lower risk are taken until the next risk epoch",
        of(|epoch| f64::from(u8::from(epoch.is_overdue))),
    )
}

fn write_indexes(page: &mut Page<'_>, indexes: &[IndexHealth]) -> Result<(), Error> {
    let mut each = |name: &str, help: &str, value: fn(&IndexHealth) -> Option<f64>| {
        let valued = indexes.iter().filter_map(|index| {
            let labels: Labels<1> = [("asset", index.asset.to_string())];
            Some((labels, value(index)?))
        });
        page.gauges(name, help, valued)
    };
    each(
        "plimsoll_index_age_seconds",
        "How old the newest report of a price source is",
        |index| Some(index.age_ms? as f64 / 1e3),
    )?;
    each("plimsoll_index_price", "The index in US dollars", |index| {
        Some(index.price?.units() as f64 / 1e8)
    })?;
    each("plimsoll_index_fresh", "Whether enough price sources agree and are fresh", |index| {
        Some(f64::from(u8::from(index.status == IndexStatus::Fresh)))
    })?;
    each("plimsoll_index_status", "0 fresh, 1 too few sources, 2 stale", |index| {
        Some(match index.status {
            IndexStatus::Fresh => 0.0,
            IndexStatus::Lone => 1.0,
            IndexStatus::Stale => 2.0,
        })
    })?;
    each(
        "plimsoll_index_confidence_ratio",
        "How far an index can be relied on, 0 to 1",
        |index| Some(f64::from(index.confidence_ppm) / MILLION),
    )?;
    each("plimsoll_index_sources", "Price sources that an index has", |index| {
        Some(index.sources as f64)
    })?;
    each("plimsoll_index_sources_reporting", "Those whose last report is not too old", |index| {
        Some(index.reporting as f64)
    })?;
    each("plimsoll_index_sources_silent", "Those whose last report is too old", |index| {
        Some(index.sources.saturating_sub(index.reporting) as f64)
    })
}

fn write_cases(page: &mut Page<'_>, cases: &[(Stage, bool)]) -> Result<(), Error> {
    let stages = [
        (Stage::Book, "book"),
        (Stage::Auction, "auction"),
        (Stage::Insolvent, "insolvent"),
        (Stage::Deleveraging, "deleveraging"),
    ];
    let counts = stages.map(|(stage, name)| {
        let count = cases.iter().filter(|(of, _)| *of == stage).count();
        ([("stage", name.to_owned())], count as f64)
    });
    page.gauges("plimsoll_cases", "Open liquidation cases by stage", counts)?;
    page.gauge("plimsoll_cases_open", "Open liquidation cases", cases.len() as f64)?;
    let paused = cases.iter().filter(|(_, paused)| *paused).count();
    page.gauge("plimsoll_cases_paused", "Cases that wait for an index", paused as f64)
}

fn write_fund(page: &mut Page<'_>, fund: &FundView) -> Result<(), Error> {
    page.gauge("plimsoll_insurance_fund_cash", "The insurance fund's cash", units(fund.cash))?;
    page.gauge(
        "plimsoll_insurance_fund_shared",
        "Cash of it that is no risk group's",
        units(fund.shared),
    )?;
    let groups = fund.groups.iter();
    page.gauges(
        "plimsoll_insurance_fund_group",
        "Cash of it that is a risk group's",
        groups.map(|group| ([("group", group.underlying.to_string())], units(group.balance))),
    )?;
    page.gauge(
        "plimsoll_insurance_fund_peak",
        "The most cash that it had within 8 hours",
        units(fund.peak),
    )?;
    let lost = 1.0 - units(fund.cash) / units(fund.peak);
    page.gauge(
        "plimsoll_insurance_fund_drawdown_ratio",
        "How much of that is gone",
        if fund.peak > Amount::ZERO { lost.max(0.0) } else { 0.0 },
    )?;
    page.gauge(
        "plimsoll_insurance_fund_early",
        "Whether so much is gone that deleveraging begins early",
        f64::from(u8::from(fund.early)),
    )
}

fn units(amount: Amount) -> f64 {
    amount.units() as f64 / 1e8
}
