//! Equity and margins of an account over moves of one underlying.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Underlying};
use node::AccountView;
use risk::{CurveInputs, HealthCurve, MarginModel, health_curve};

use crate::error::RpcError;

/// Relative moves at which a health curve is drawn unless others are asked for.
pub const MOVES: [f64; 17] =
    [-0.8, -0.6, -0.5, -0.4, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0];

/// A health curve of an account as of its view.
///
/// # Errors
/// If margin can't be computed.
pub fn curve_of(
    view: &AccountView,
    underlying: Underlying,
    moves: &[f64],
) -> Result<HealthCurve, RpcError> {
    let retry = |reason: &str| RpcError::new(10040, "retry").because(reason);
    let epoch = view.epoch.as_ref().ok_or_else(|| retry("no risk epoch is open"))?;
    let methodology = match (view.margin_model, &epoch.portfolio, &epoch.position) {
        (MarginModel::Portfolio, Some(epoch), _) => epoch.methodology(),
        (MarginModel::Cross | MarginModel::Isolated, _, Some(rules)) => rules.methodology(),
        _ => return Err(retry("the venue has no methodology for this margin model")),
    };
    let venue_balances: BTreeMap<Asset, Amount> = epoch.holdings.iter().copied().collect();
    let inputs = CurveInputs {
        methodology,
        model: view.margin_model,
        market: &view.market,
        history: epoch.history(),
        venue_balances: &venue_balances,
    };
    let curve = health_curve(&inputs, &view.contents, underlying, moves);
    curve.map_err(|error| retry(&error.to_string()))
}
