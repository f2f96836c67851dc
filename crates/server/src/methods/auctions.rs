//! Auctions of portfolios in liquidation, and sealed bids in them.

use engine::command::{Action, PlaceBid};
use engine::event::CaseStep;
use engine::liquidation::{CaseView, Stage};
use engine::{CaseId, Event, State};
use instruments::{Amount, Rounding};
use risk::waterfall::Share;
use risk::waterfall::auction::AuctionState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::trading::request;
use crate::call::Call;
use crate::error::RpcError;
use crate::number::Decimal;
use crate::params::{Nothing, Number, Whole};
use crate::registry::{Method, method};

/// Auctions that are told at most, the first first.
const AUCTIONS_MAX: usize = 100;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/x_auctions", Public, Request, auctions, Nothing => Vec<AuctionShape>, "Auctions of portfolios that are open: what is sold, and at which discount"),
        method!("private/x_place_bid", TradeWrite, Matching, place_bid, BidParams => BidShape, "Bids for a part of a portfolio; liquidators only"),
        method!("private/x_cancel_bid", TradeWrite, Matching, cancel_bid, CancelBidParams => BidEndShape, "Takes a bid back"),
    ]
}

/// An auction. Amounts are in US dollars unless said.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuctionShape {
    /// The case's number.
    case: u64,
    /// `auction`, or `insolvent` where the fund pays whoever takes over.
    stage: &'static str,
    /// How many steps the case has taken: a bid may ask for just this.
    step: u32,
    /// The risk group whose layer of the fund pays.
    group: String,
    /// When the case opened, as if time had stood still while it was paused.
    creation_timestamp: i64,
    /// Whether a stale index has stopped it.
    paused: bool,
    /// How many bids wait; what they say is sealed.
    bids: usize,
    /// How many may wait.
    bids_max: u32,
    /// The discount that the owner is ready to give by now; a bid may ask for less.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve_discount: Option<f64>,
    /// The most that it comes to.
    discount_max: f64,
    /// In an insolvent auction the part of the premium that the fund offers by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    premium: Option<f64>,
    /// Equity after haircuts.
    equity: Decimal,
    /// The maintenance requirement.
    maintenance_margin: Decimal,
    /// Value at mark.
    value: Decimal,
    /// What is for sale: the value less what was paid in for slices that are sold.
    for_sale: Decimal,
    /// The share of it that would restore the account at the reserve discount; 1 if none less does.
    share_wanted: f64,
    /// What all of it would cost at the reserve discount.
    cost_of_all: Decimal,
    /// What is paid in.
    cash_currency: String,
    /// What the whole holds: a share of it is that share of each line.
    positions: Vec<AuctionLeg>,
    /// Coins in it, debts included; cash is not sold.
    coins: Vec<AuctionCoin>,
}

/// A position that is sold.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuctionLeg {
    /// Of what.
    instrument_name: String,
    /// Signed, in the unit of amounts.
    size: Decimal,
    /// The mark, at which it changes hands.
    mark_price: Option<Decimal>,
}

/// A coin that is sold.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuctionCoin {
    /// Which.
    currency: String,
    /// How much; a debt is negative.
    amount: Decimal,
    /// Its index price, at which it changes hands.
    index_price: Option<Decimal>,
}

async fn auctions(call: &Call, _: Nothing) -> Result<Vec<AuctionShape>, RpcError> {
    let service = &call.service;
    let version = service.venue.read().cases.count();
    service.looks.auctions.get(version, async || service.look(open_auctions).await).await
}

fn open_auctions(state: &State) -> Vec<AuctionShape> {
    let is_open = |case: &CaseView| matches!(case.stage, Stage::Auction | Stage::Insolvent);
    let open = state.cases().filter(is_open).take(AUCTIONS_MAX);
    open.filter_map(|case| auction(state, &case)).collect()
}

fn auction(state: &State, case: &CaseView) -> Option<AuctionShape> {
    let rules = state.rules_of_liquidation()?;
    let account = state.account(case.account)?;
    let stands = state.stands(case.account).ok()?;
    let discount = Share::from_units(case.discount.unwrap_or(0));
    let auction = AuctionState {
        equity: stands.equity.units(),
        value: stands.value.units(),
        maintenance: stands.maintenance.units(),
        paid_in: case.paid_in.units(),
    };
    let for_sale = auction.for_sale().ok()?.max(0);
    let wanted = match case.stage {
        Stage::Auction => {
            auction.restoring_share(Share::from_ppb(rules.buffer_ppb), discount).ok()?
        }
        _ => Share::ONE,
    };
    let positions = account.positions.iter().map(|(instrument, position)| AuctionLeg {
        instrument_name: instrument.to_string(),
        size: size(instrument, position.quantity.lots()),
        mark_price: state.market().mark(instrument).ok().map(Decimal::from),
    });
    let coins = account
        .balances
        .iter()
        .filter(|(asset, amount)| **asset != rules.cash && **amount != Amount::ZERO);
    let coins = coins.map(|(asset, amount)| AuctionCoin {
        currency: asset.to_string(),
        amount: (*amount).into(),
        index_price: state.market().price(*asset).ok().map(Decimal::from),
    });
    Some(AuctionShape {
        case: case.id.0,
        stage: if case.stage == Stage::Auction { "auction" } else { "insolvent" },
        step: case.step,
        group: case.group.to_string(),
        creation_timestamp: case.opened.milliseconds(),
        paused: case.paused,
        bids: case.bids,
        bids_max: rules.bids_max,
        reserve_discount: case.discount.map(|units| part(Share::from_units(units))),
        discount_max: f64::from(rules.discount_end_ppb) / 1e9,
        premium: case.premium.map(|units| part(Share::from_units(units))),
        equity: stands.equity.into(),
        maintenance_margin: stands.maintenance.into(),
        value: stands.value.into(),
        for_sale: Decimal(for_sale),
        share_wanted: part(wanted),
        cost_of_all: Decimal(discount.rest().of(for_sale, Rounding::Ceil).unwrap_or(for_sale)),
        cash_currency: rules.cash.to_string(),
        positions: positions.collect(),
        coins: coins.collect(),
    })
}

/// Signed lots in the unit of amounts.
#[must_use]
pub fn size(instrument: &instruments::Instrument, lots: i64) -> Decimal {
    Decimal(i128::from(lots) * i128::from(instrument.lot_size()))
}

fn part(share: Share) -> f64 {
    share.units() as f64 / 1e18
}

/// A bid.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BidParams {
    /// In which case.
    case: Whole,
    /// The part of the portfolio that is wanted, above 0 and at most 1.
    share: Number,
    /// The least discount at which it is taken, or in an insolvent auction the least part of the
    /// premium: 0 unless said.
    least_discount: Option<Number>,
    /// The most that is paid, in US dollars; an insolvent auction needs none.
    limit: Option<Number>,
    /// Only if the case has taken so many steps.
    step: Option<Whole>,
    /// Makes a retry harmless.
    x_request_id: Option<Whole>,
}

/// A bid that waits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BidShape {
    /// In which case.
    case: u64,
    /// How many steps it has taken.
    step: u32,
    /// The part of the portfolio that is wanted.
    share: f64,
    /// The least discount at which it is taken.
    least_discount: f64,
    /// The most that is paid, in US dollars.
    limit: Decimal,
    /// Cash that is set aside for the margin of it.
    held: Decimal,
}

async fn place_bid(call: &Call, params: BidParams) -> Result<BidShape, RpcError> {
    let account = call.account()?;
    let limit = match params.limit {
        None => ledger::BALANCE_MAX,
        Some(limit) => Amount::from_units(limit.0.0),
    };
    let bid = PlaceBid {
        account,
        request: request(params.x_request_id)?,
        case: case(params.case)?,
        step: params.step.map(step).transpose()?,
        share_ppb: parts_per_billion("share", params.share)?,
        least_ppb: match params.least_discount {
            None => 0,
            Some(least) => parts_per_billion("least_discount", least)?,
        },
        limit,
    };
    let answer = call.submit(Action::PlaceBid(bid)).await?;
    let placed = answer.events.iter().find_map(|event| match event {
        Event::Case(case) => match case.what {
            CaseStep::Bid { bidder, held, .. } if bidder == account => Some((case.step, held)),
            _ => None,
        },
        _ => None,
    });
    // A repeated request tells no more than that it was done.
    let (step, held) = placed.ok_or_else(|| {
        RpcError::new(11043, "bad_argument").because("the request has been done before")
    })?;
    Ok(BidShape {
        case: bid.case.0,
        step,
        share: f64::from(bid.share_ppb) / 1e9,
        least_discount: f64::from(bid.least_ppb) / 1e9,
        limit: limit.into(),
        held: held.into(),
    })
}

fn case(number: Whole) -> Result<CaseId, RpcError> {
    let number = u64::try_from(number.0).map(CaseId);
    number.map_err(|_| RpcError::invalid("case", "must be the number of a case"))
}

fn step(number: Whole) -> Result<u32, RpcError> {
    u32::try_from(number.0).map_err(|_| RpcError::invalid("step", "must be a number of steps"))
}

fn parts_per_billion(param: &str, number: Number) -> Result<u32, RpcError> {
    let scale = i128::from(instruments::SCALE);
    let units = Some(number.0.0).filter(|units| (0..=scale).contains(units));
    let ppb = units.and_then(|units| u32::try_from(units * 1_000_000_000 / scale).ok());
    ppb.ok_or_else(|| RpcError::invalid(param, "must be a part of one, as 0.25"))
}

/// Which bid.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBidParams {
    /// In which case.
    case: Whole,
    /// Makes a retry harmless.
    x_request_id: Option<Whole>,
}

/// A bid that was taken back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BidEndShape {
    /// In which case.
    case: u64,
    /// Cash that is free again.
    freed: Decimal,
}

async fn cancel_bid(call: &Call, params: CancelBidParams) -> Result<BidEndShape, RpcError> {
    let account = call.account()?;
    let (case, request) = (case(params.case)?, request(params.x_request_id)?);
    let answer = call.submit(Action::CancelBid { account, case, request }).await?;
    let freed = answer.events.iter().find_map(|event| match event {
        Event::Case(case) => match case.what {
            CaseStep::BidEnded { bidder, held, .. } if bidder == account => Some(held),
            _ => None,
        },
        _ => None,
    });
    Ok(BidEndShape { case: case.0, freed: freed.unwrap_or_default().into() })
}

#[cfg(test)]
mod tests {
    use engine::{Command, Limits, apply};
    use instruments::{Price, Timestamp};
    use simulator::{LiveMarket, LiveOptions, LiveStep};

    use super::*;

    /// The first open auctions of a market whose prices are halved after a while.
    fn after_a_crash() -> (State, Vec<AuctionShape>) {
        let mut state = State::new(Limits::default()).unwrap();
        let mut time: Timestamp = "2026-02-05T16:00:00Z".parse().unwrap();
        let options = LiveOptions { accounts: 40, instruments: 20, ..LiveOptions::default() };
        let mut market = LiveMarket::new(&options, &state, time).unwrap();
        let mut step = LiveStep { offer: None, actions: market.founding(&state, time) };
        for round in 0..1_000 {
            if let Some(offer) = step.offer.take() {
                state.offer_epoch(offer);
            }
            for mut action in step.actions {
                if let Action::ReportPrice(report) = &mut action
                    && round > 200
                {
                    report.price = Price::from_units(report.price.units() / 2);
                }
                let command = Command { sequence: state.sequence() + 1, time, action };
                let mut events = Vec::new();
                apply(&mut state, &command, &mut events);
                market.follow(&command, &events);
                let open = open_auctions(&state);
                if !open.is_empty() {
                    return (state, open);
                }
            }
            time = Timestamp::from_milliseconds(time.milliseconds() + 250);
            step = market.step(&state, time, 20);
        }
        panic!("prices are halved and nobody is liquidated");
    }

    #[test]
    fn an_auction_says_what_bidders_need() {
        let (state, open) = after_a_crash();
        for auction in &open {
            let case = state.cases().find(|case| case.id.0 == auction.case).unwrap();
            let stands = state.stands(case.account).unwrap();
            assert_eq!(auction.for_sale.0, (stands.value.units() - case.paid_in.units()).max(0));
            assert!(auction.share_wanted > 0.0 && auction.share_wanted <= 1.0, "{auction:?}");
            assert!(!auction.positions.is_empty() || !auction.coins.is_empty());
            assert!(auction.coins.iter().all(|coin| coin.currency != auction.cash_currency));
            if let Some(discount) = auction.reserve_discount {
                let cost = (1.0 - discount) * auction.for_sale.to_f64();
                assert!(discount <= auction.discount_max);
                assert!((auction.cost_of_all.to_f64() - cost).abs() < 1e-6 * cost.max(1.0));
            }
            let text = serde_json::to_string(auction).unwrap();
            assert!(!text.contains("account"), "nobody is told whose it is");
        }
    }
}
