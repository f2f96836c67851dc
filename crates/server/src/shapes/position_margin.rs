//! Margins of positions that are margined one by one: a portfolio has only margins of the whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use instruments::{Instrument, Underlying};
use ledger::AccountId;
use node::AccountView;
use risk::{HealthCurve, Line, MarginDetail, MarginModel, PositionMargin};

use super::portfolio::{PositionShape, in_currency_up};
use crate::error::RpcError;
use crate::number::Decimal;
use crate::risk_curve::{MOVES, curve_of};
use crate::service::Service;

/// Positions with their own margins, leverage and liquidation prices, if the account's model has them.
///
/// # Errors
/// If the account is not open, or can't be margined now.
pub async fn with_margins(
    service: &Arc<Service>,
    account: AccountId,
    mut positions: Vec<PositionShape>,
) -> Result<Vec<PositionShape>, RpcError> {
    let model = service.venue.read().account(account).map(|account| account.margin_model);
    if positions.is_empty() || model == Some(MarginModel::Portfolio) {
        return Ok(positions);
    }
    let view = service.view(account).await?;
    let work = move || {
        fill_in(&view, &mut positions);
        Ok(positions)
    };
    service.compute(work).await
}

fn fill_in(view: &AccountView, positions: &mut [PositionShape]) {
    // Without margins the positions are told all the same.
    let Ok(margin) = &view.margin else { return };
    let MarginDetail::Position(detail) = &margin.detail else { return };
    let known = detail.positions.iter().map(|one| (one.instrument.to_string(), one));
    let known: BTreeMap<String, &PositionMargin> = known.collect();
    let mut curves: BTreeMap<Underlying, Option<HealthCurve>> = BTreeMap::new();
    for position in positions {
        let Some(own) = known.get(&position.instrument_name) else { continue };
        let instrument = own.instrument;
        let Ok(price) = view.market.price(instrument.settlement_asset()) else { continue };
        position.initial_margin = in_currency_up(own.initial, price);
        position.maintenance_margin = in_currency_up(own.maintenance, price);
        position.leverage = leverage(view, &instrument, position, own);
        if !instrument.is_option() && margin.health().units() >= 0 {
            let underlying = instrument.underlying();
            let curve = curves.entry(underlying);
            let curve = curve.or_insert_with(|| curve_of(view, underlying, &MOVES).ok());
            let curve = curve.as_ref();
            position.estimated_liquidation_price =
                curve.and_then(|curve| liquidation_price(curve, position));
        }
    }
}

/// Worth at the index over initial margin, rounded; 0 where there is none.
fn leverage(
    view: &AccountView,
    instrument: &Instrument,
    position: &PositionShape,
    own: &PositionMargin,
) -> i64 {
    let index = view.market.price(instrument.base()).unwrap_or_default();
    let notional = position.size_currency.to_f64().abs() * Decimal::from(index).to_f64();
    let margin = Decimal::from(own.initial).to_f64();
    if margin > 0.0 { (notional / margin).round() as i64 } else { 0 }
}

/// The mark where the index goes when, on the side on which the position loses, equity first meets
/// maintenance margin, all else standing still.
fn liquidation_price(curve: &HealthCurve, position: &PositionShape) -> Option<Decimal> {
    let loses_down = position.size.0 > 0;
    let crossings = curve.crossings.iter().filter(|crossing| crossing.line == Line::Maintenance);
    let moves = crossings.map(|crossing| crossing.relative_move);
    let on_side = moves.filter(|relative| (*relative < 0.0) == loses_down);
    let nearest = on_side.min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    Some(Decimal::nearest(position.mark_price.to_f64() * (1.0 + nearest)))
}
