//! Liquidation in public: what happens in cases.

use engine::event::{CaseEvent, CaseStep};
use instruments::{Asset, Timestamp, Underlying};
use ledger::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::RpcError;
use crate::feed::venue::Venue;
use crate::history::queries;
use crate::history::reader::Memory;
use crate::history::span::Span;
use crate::params::Whole;
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/x_cases", Public, Request, get_cases, CasesParams => Vec<CaseStepShape>, "Steps of liquidation cases, the newest last"),
        method!("private/x_cases", Trade, Request, get_own, CasesParams => Vec<CaseStepShape>, "Steps of liquidation cases that the account has a part in, the newest last"),
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
    /// The caller's part in it, where only such steps are told: `owner` of the case, or the `bidder`,
    /// `taker` or `counterparty` of this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<&'static str>,
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
    shape(venue, time, event, None)
}

/// A step as an account sees it that has a part in it; none without.
#[must_use]
pub fn own_step(
    venue: &Venue,
    time: Timestamp,
    event: &CaseEvent,
    account: AccountId,
) -> Option<CaseStepShape> {
    let part = part_of(event, account)?;
    Some(shape(venue, time, event, Some(part)))
}

/// Whether a step is of a case of a currency: one whose largest requirement is on it.
#[must_use]
pub fn is_in(venue: &Venue, event: &CaseEvent, currency: Asset) -> bool {
    let group = |known: &CaseEvent| match known.what {
        CaseStep::Opened { group, .. } if known.case == event.case => Some(group),
        _ => None,
    };
    let found = venue.cases.iter().rev().find_map(|(_, known)| group(known));
    found == Some(Underlying::of(currency))
}

fn shape(
    venue: &Venue,
    time: Timestamp,
    event: &CaseEvent,
    part: Option<&'static str>,
) -> CaseStepShape {
    let mut what = serde_json::to_value(&event.what).unwrap_or_default();
    let is_bid = matches!(event.what, CaseStep::Bid { .. } | CaseStep::BidEnded { .. });
    let is_sealed = is_bid && part != Some("bidder");
    let fields = what.as_object_mut().and_then(|step| step.values_mut().next());
    if let Some(fields) = fields.and_then(Value::as_object_mut) {
        WHO.iter().for_each(|name| drop(fields.remove(*name)));
        if is_sealed {
            SEALED.iter().for_each(|name| drop(fields.remove(*name)));
        }
        name_instrument(venue, fields);
    }
    let timestamp = time.milliseconds();
    CaseStepShape { case: event.case.0, step: event.step, timestamp, part, what }
}

/// An account's part in a step.
fn part_of(event: &CaseEvent, account: AccountId) -> Option<&'static str> {
    use CaseStep as Step;
    match event.what {
        _ if event.account == account => Some("owner"),
        Step::Bid { bidder, .. } | Step::BidEnded { bidder, .. } if bidder == account => {
            Some("bidder")
        }
        Step::Sold { taker, .. }
        | Step::TakenOver { taker, .. }
        | Step::Leg { taker, .. }
        | Step::Coin { taker, .. }
            if taker == account =>
        {
            Some("taker")
        }
        Step::Deleveraged { counterparty, .. } | Step::Cut { counterparty, .. }
            if counterparty == account =>
        {
            Some("counterparty")
        }
        _ => None,
    }
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
    newest(call, &params, None).await
}

async fn get_own(call: &Call, params: CasesParams) -> Result<Vec<CaseStepShape>, RpcError> {
    newest(call, &params, Some(call.account()?)).await
}

/// The newest steps, as many as wanted; of an account, those that it has a part in.
async fn newest(
    call: &Call,
    params: &CasesParams,
    account: Option<AccountId>,
) -> Result<Vec<CaseStepShape>, RpcError> {
    let wanted = super::orders::count(params.count, 100)?;
    // There is no case with a negative number.
    let case = params.case.map(|case| u64::try_from(case.0).unwrap_or(u64::MAX));
    let is_told =
        move |event: &CaseEvent| account.is_none_or(|account| part_of(event, account).is_some());
    let (recent, memory) = {
        let venue = call.service.venue.read();
        let is_of = |(_, event): &&(Timestamp, CaseEvent)| {
            case.is_none_or(|case| event.case.0 == case) && is_told(event)
        };
        let recent = venue.cases.iter().filter(is_of).cloned().collect();
        let (first, through) = (venue.cases.first(), venue.sequence);
        (recent, Memory { first, since: i64::MAX, through })
    };
    let read = move |connection: &_, span: &_| queries::cases(connection, case, is_told, span);
    let (page, _) = call.service.history.page(Span::newest(wanted), recent, memory, read).await?;
    let venue = call.service.venue.read();
    let told = |(time, event): &(Timestamp, CaseEvent)| match account {
        None => Some(step(&venue, *time, event)),
        Some(account) => own_step(&venue, *time, event, account),
    };
    Ok(page.iter().rev().filter_map(told).collect())
}

#[cfg(test)]
mod tests {
    use engine::CaseId;
    use engine::event::Stands;
    use instruments::Amount;

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
    #[test]
    fn who_has_a_part_sees_it_and_nothing_of_others() {
        let (owner, bidder, other) = (AccountId::new(7), AccountId::new(8), AccountId::new(9));
        let limit = Amount::from_units(5);
        let what = CaseStep::Bid { bidder, share_ppb: 5, least_ppb: 6, limit, held: limit };
        let event = CaseEvent { case: CaseId(1), account: owner, step: 2, what };
        let time = Timestamp::from_milliseconds(3);
        let seen = |account| own_step(&Venue::default(), time, &event, account);
        let own = seen(bidder).unwrap();
        assert_eq!((own.part, &own.what["bid"]["share_ppb"]), (Some("bidder"), &5.into()));
        let owners = seen(owner).unwrap();
        assert_eq!(
            (owners.part, owners.what.to_string().as_str()),
            (Some("owner"), r#"{"bid":{}}"#)
        );
        assert!(seen(other).is_none());
    }

    #[test]
    fn a_case_is_of_the_currency_of_its_group() {
        let mut venue = Venue::default();
        let (account, zero) = (AccountId::new(7), Amount::ZERO);
        let [bitcoin, ether]: [Asset; 2] = ["BTC", "ETH"].map(|name| name.parse().unwrap());
        let stands = Stands { equity: zero, maintenance: zero, value: zero };
        let opened = CaseStep::Opened { stands, group: Underlying::of(bitcoin) };
        let event = |what| CaseEvent { case: CaseId(1), account, step: 2, what };
        venue.cases.append((Timestamp::from_milliseconds(3), event(opened)));
        let later = event(CaseStep::Resumed {});
        assert!(is_in(&venue, &later, bitcoin) && !is_in(&venue, &later, ether));
    }
}
