//! Orders that are placed together: one triggers others, or one cancels the other.

use book::Side;
use engine::command::{Group, OrderTerms, TriggerThen, WhenFilled};
use instruments::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::trading::{OrderParams, terms};
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::params::{Flag, Number};

/// An order that another one triggers or cancels.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkedOrder {
    /// `buy` or `sell`.
    direction: String,
    /// How much.
    amount: Option<Number>,
    /// The same in contracts.
    contracts: Option<Number>,
    /// As of any order.
    r#type: Option<String>,
    /// The worst price.
    price: Option<Number>,
    /// A tag.
    label: Option<String>,
    /// As of any order.
    time_in_force: Option<String>,
    /// Never takes.
    post_only: Option<Flag>,
    /// Is refused where it would take.
    reject_post_only: Option<Flag>,
    /// May only close.
    reduce_only: Option<Flag>,
    /// The price that is waited for.
    trigger_price: Option<Number>,
    /// How far a trailing stop trails.
    trigger_offset: Option<Number>,
    /// `index_price`, `mark_price` or `last_price`.
    trigger: Option<String>,
}

/// The group that an order begins; none if it is alone.
///
/// # Errors
/// For what is wrong, and for links that the engine does not have.
pub fn group(
    listing: &Listing,
    first: OrderTerms,
    params: &OrderParams,
    now: Timestamp,
) -> Result<Option<Group>, RpcError> {
    let kind = params.linked_order_type.as_deref();
    if kind.is_none() && params.otoco_config.is_none() && params.trigger_fill_condition.is_none() {
        return Ok(None);
    }
    let condition = condition(params.trigger_fill_condition.as_deref())?;
    let others = params.otoco_config.as_ref().map(|list| list.0.as_slice()).unwrap_or_default();
    let other = |place: usize| of(listing, &others[place].0, now).map_err(|error| at(place, error));
    let wanted = |count: usize| match others.len() == count {
        true => Ok(()),
        false => Err(RpcError::invalid(
            "otoco_config",
            format!(
                "must be a list of {count} for this linked_order_type: an order triggers one, \
                     or two of which one cancels the other"
            ),
        )),
    };
    match kind {
        Some("one_triggers_other") => {
            wanted(1)?;
            let then = TriggerThen::One(other(0)?);
            Ok(Some(Group::OneTriggersOther { first, then, when: condition }))
        }
        Some("one_triggers_one_cancels_other") => {
            wanted(2)?;
            let then = TriggerThen::OneCancelsOther([other(0)?, other(1)?]);
            Ok(Some(Group::OneTriggersOther { first, then, when: condition }))
        }
        Some("one_cancels_other") => {
            wanted(1)?;
            if condition == WhenFilled::Complete {
                let reason = "an order is cancelled at the first trade of the other: only first_hit \
                              is offered with one_cancels_other";
                return Err(RpcError::invalid("trigger_fill_condition", reason));
            }
            Ok(Some(Group::OneCancelsOther([first, other(0)?])))
        }
        Some(_) => Err(RpcError::invalid(
            "linked_order_type",
            "must be one_triggers_other, one_cancels_other or one_triggers_one_cancels_other",
        )),
        None => Err(RpcError::invalid(
            "linked_order_type",
            "value required with otoco_config or trigger_fill_condition",
        )),
    }
}

fn condition(text: Option<&str>) -> Result<WhenFilled, RpcError> {
    let refused = |reason| Err(RpcError::invalid("trigger_fill_condition", reason));
    match text {
        None | Some("first_hit") => Ok(WhenFilled::First),
        Some("complete_fill") => Ok(WhenFilled::Complete),
        Some("incremental") => refused(
            "incremental is not offered: the other orders are placed or cancelled whole, at \
             first_hit or complete_fill",
        ),
        Some(_) => refused("must be first_hit or complete_fill"),
    }
}

fn of(listing: &Listing, order: &LinkedOrder, now: Timestamp) -> Result<OrderTerms, RpcError> {
    let side = match order.direction.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        _ => return Err(RpcError::invalid("direction", "must be buy or sell")),
    };
    let order = order.clone();
    let params = OrderParams {
        amount: order.amount,
        contracts: order.contracts,
        r#type: order.r#type,
        price: order.price,
        label: order.label,
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        reject_post_only: order.reject_post_only,
        reduce_only: order.reduce_only,
        trigger_price: order.trigger_price,
        trigger_offset: order.trigger_offset,
        trigger: order.trigger,
        ..OrderParams::default()
    };
    terms(listing, side, &params, now)
}

/// The parameter is one of an order of the list.
fn at(place: usize, mut error: RpcError) -> RpcError {
    error.data.param = error.data.param.map(|param| format!("otoco_config[{place}].{param}"));
    error
}
