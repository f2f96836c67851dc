//! The expiry cliff: legs that offset others today are gone after their expiry.

use std::collections::BTreeSet;

use instruments::{Instrument, Rounding, Timestamp, mul_div};

use crate::RiskError;
use crate::account::OpenOrder;
use crate::margin::Assessment;
use crate::methodology::AddOns;
use crate::orders::FillEntry;
use crate::requirement::{Profits, requirement_ticks};

/// `ramp·(max(R with, R without the expiring legs) − R)`, the ramp rising from zero to one over
/// the last hours; of several expiries the largest charge. `held` is without orders. Rounded up.
pub(crate) fn expiry_cliff(
    assessment: &Assessment<'_>,
    held: &Profits,
    orders: &[OpenOrder],
    entries: &[FillEntry],
    requirement: i128,
) -> Result<i128, RiskError> {
    let (window, now) = (window(&assessment.epoch.rules().addons), assessment.market.time);
    let expiries: BTreeSet<Timestamp> = near(assessment, orders).collect();
    let mut largest = 0;
    for expiry in expiries {
        let without = requirement_without(assessment, held, orders, entries, expiry)?;
        largest = largest.max(charge(window, expiry.since(now), without - requirement));
    }
    Ok(largest)
}

/// What is charged so long before an expiry that raises R by so many ticks.
pub(crate) fn charge(window: i64, left: i64, jump: i128) -> i128 {
    let gone_by = i128::from((window - left.max(0)).max(0));
    let jump = jump.max(0);
    mul_div(jump, gone_by, i128::from(window), Rounding::Ceil).unwrap_or(jump)
}

/// Whether any expiry of a position or order is near enough to be charged.
pub(crate) fn is_near(assessment: &Assessment<'_>, orders: &[OpenOrder]) -> bool {
    near(assessment, orders).next().is_some()
}

/// Expiries within the window; one may come more than once.
fn near<'a>(
    assessment: &'a Assessment<'_>,
    orders: &'a [OpenOrder],
) -> impl Iterator<Item = Timestamp> + 'a {
    let (window, now) = (window(&assessment.epoch.rules().addons), assessment.market.time);
    let positions = assessment.vector.lots().keys();
    let ordered = orders.iter().map(|order| &order.instrument);
    let expiries = positions.chain(ordered).filter_map(Instrument::expiry);
    expiries.filter(move |expiry| expiry.since(now) < window)
}

/// How long before an expiry the charge begins, in milliseconds.
pub(crate) fn window(rules: &AddOns) -> i64 {
    (rules.expiry_cliff.hours * Timestamp::HOUR as f64) as i64
}

/// R as it will be once `expiry` has passed.
fn requirement_without(
    assessment: &Assessment<'_>,
    held: &Profits,
    orders: &[OpenOrder],
    entries: &[FillEntry],
    expiry: Timestamp,
) -> Result<i128, RiskError> {
    let epoch = assessment.epoch;
    let mut profits = held.clone();
    for (instrument, lots) in assessment.vector.lots() {
        if instrument.expiry() == Some(expiry) {
            profits.take_out(epoch, instrument, *lots)?;
        }
    }
    assessment.add_orders(&mut profits, orders, entries, Some(expiry));
    Ok(requirement_ticks(epoch.scenarios(), &profits))
}
