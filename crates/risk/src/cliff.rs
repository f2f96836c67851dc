//! The expiry cliff: legs that offset others today are gone after their expiry.

use std::collections::BTreeSet;

use instruments::{Instrument, Timestamp};

use crate::RiskError;
use crate::account::OpenOrder;
use crate::margin::Assessment;
use crate::requirement::requirement_ticks;

/// `ramp·(max(R with, R without the expiring legs) − R)`, the ramp rising from zero to one over
/// the last hours; of several expiries the largest charge. Rounded up.
pub(crate) fn expiry_cliff(
    assessment: &Assessment<'_>,
    orders: &[OpenOrder],
    requirement: i128,
) -> Result<i128, RiskError> {
    let window =
        (assessment.epoch.rules().addons.expiry_cliff.hours * Timestamp::HOUR as f64) as i64;
    let now = assessment.market.time;
    let near =
        |instrument: &Instrument| instrument.expiry().filter(|expiry| expiry.since(now) < window);
    let held = assessment.vector.lots().keys().filter_map(near);
    let expiries: BTreeSet<Timestamp> =
        held.chain(orders.iter().filter_map(|order| near(&order.instrument))).collect();
    let mut charge = 0;
    for expiry in expiries {
        let without = requirement_without(assessment, orders, expiry)?;
        let gone_by = i128::from((window - expiry.since(now).max(0)).max(0));
        let jump = (without - requirement).max(0);
        charge = charge.max(-(-jump * gone_by).div_euclid(i128::from(window)));
    }
    Ok(charge)
}

/// R as it will be once `expiry` has passed.
fn requirement_without(
    assessment: &Assessment<'_>,
    orders: &[OpenOrder],
    expiry: Timestamp,
) -> Result<i128, RiskError> {
    let epoch = assessment.epoch;
    let mut vector = assessment.vector.clone();
    for (instrument, lots) in assessment.vector.lots() {
        if instrument.expiry() == Some(expiry) {
            vector.add(epoch, instrument, -instruments::Quantity::from_lots(*lots))?;
        }
    }
    let later: Vec<OpenOrder> =
        orders.iter().filter(|order| order.instrument.expiry() != Some(expiry)).copied().collect();
    let after = Assessment { vector: &vector, ..*assessment };
    let profits = after.with_orders(vector.profits(epoch, &assessment.coins()?), &later)?;
    Ok(requirement_ticks(epoch.rules(), epoch.scenarios(), &profits))
}
