//! Liquidation in public: what happens in cases.

use engine::event::{CaseEvent, CaseStep};
use instruments::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::RpcError;
use crate::feed::venue::Venue;
use crate::params::Whole;
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/x_cases", Public, Request, get_cases, CasesParams => Vec<CaseStepShape>, "Steps of liquidation cases, the newest last"),
    ]
}

/// Which steps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CasesParams {
    /// Of this case; none for all.
    case: Option<Whole>,
    /// How many: 100 unless said, 1,000 at most.
    count: Option<Whole>,
}

/// A step of a case.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CaseStepShape {
    /// The case.
    pub case: u64,
    /// How many steps it had taken.
    pub step: u32,
    /// When.
    pub timestamp: i64,
    /// What happened, as events say it.
    pub what: Value,
}

/// Who takes part: that stays with the venue.
const WHO: [&str; 3] = ["bidder", "taker", "counterparty"];
/// What a bid says: it is sealed.
const SEALED: [&str; 4] = ["share_ppb", "least_ppb", "limit", "held"];

/// A step as everybody sees it: without whose case it is, who takes part, and what bids say.
#[must_use]
pub fn step(venue: &Venue, time: Timestamp, event: &CaseEvent) -> CaseStepShape {
    let mut what = serde_json::to_value(&event.what).unwrap_or_default();
    let is_bid = matches!(event.what, CaseStep::Bid { .. } | CaseStep::BidEnded { .. });
    let fields = what.as_object_mut().and_then(|step| step.values_mut().next());
    if let Some(fields) = fields.and_then(Value::as_object_mut) {
        WHO.iter().for_each(|name| drop(fields.remove(*name)));
        if is_bid {
            SEALED.iter().for_each(|name| drop(fields.remove(*name)));
        }
        name_instrument(venue, fields);
    }
    CaseStepShape { case: event.case.0, step: event.step, timestamp: time.milliseconds(), what }
}

/// Instruments are known by their names.
fn name_instrument(venue: &Venue, fields: &mut Map<String, Value>) {
    let number = fields.get("instrument").and_then(Value::as_u64);
    let known = number.and_then(|number| u32::try_from(number).ok());
    let listing = known.and_then(|number| venue.listings.get(number as usize));
    if let Some(listing) = listing {
        fields.remove("instrument");
        fields.insert("instrument_name".into(), listing.name.clone().into());
    }
}

async fn get_cases(call: &Call, params: CasesParams) -> Result<Vec<CaseStepShape>, RpcError> {
    let wanted = super::orders::count(params.count, 100)?;
    let venue = call.service.venue.read();
    let is_of = |event: &CaseEvent| {
        params.case.is_none_or(|case| u64::try_from(case.0).is_ok_and(|case| event.case.0 == case))
    };
    let all = venue.cases.iter().rev().filter(|(_, event)| is_of(event)).take(wanted);
    let mut steps: Vec<_> = all.map(|(time, event)| step(&venue, *time, event)).collect();
    steps.reverse();
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use engine::CaseId;
    use instruments::Amount;
    use ledger::AccountId;

    use super::*;

    #[test]
    fn bids_are_sealed_and_nobody_is_named() {
        let (account, bidder) = (AccountId::new(7), AccountId::new(8));
        let limit = Amount::from_units(123_456_789);
        let bid = CaseStep::Bid { bidder, share_ppb: 5, least_ppb: 6, limit, held: limit };
        let coin = CaseStep::Coin { taker: bidder, asset: "BTC".parse().unwrap(), amount: limit };
        let shown = |what: CaseStep| {
            let event = CaseEvent { case: CaseId(1), account, step: 2, what };
            step(&Venue::default(), Timestamp::from_milliseconds(3), &event).what
        };
        assert_eq!(shown(bid).to_string(), r#"{"bid":{}}"#);
        let coin = shown(coin);
        assert!(coin["coin"]["taker"].is_null() && coin["coin"]["asset"] == "BTC", "{coin}");
    }
}
