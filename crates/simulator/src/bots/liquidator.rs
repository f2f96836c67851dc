//! A liquidator: bids by a cost model, and sells what it took.

use std::collections::BTreeMap;

use book::Side;
use engine::command::{Action, OrderTerms, OrderType, PlaceBid, PlaceOrder};
use engine::liquidation::Stage;
use engine::{CaseId, Rejection, State};
use instruments::{Amount, Instrument, Quantity};
use ledger::AccountId;

use super::{Bot, Offer};

const SCALE: f64 = instruments::SCALE as f64;
/// A discount of one in the view of a case.
const WHOLE: f64 = 1e18;
/// The part of its free equity that it lets one bid tie up.
const TIED_UP: f64 = 0.5;
/// What a portfolio needs of the taker's margin, over its maintenance requirement alone.
const INITIAL: f64 = 1.3;
/// Parts below this one are not worth a bid.
const SHARE_LEAST: f64 = 0.02;

/// How a liquidator bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The whole, at a quarter more than what unwinding costs.
    Patient,
    /// A quarter of it, at little more than cost.
    Eager,
    /// Waits until the reserve is near one and a half times its cost, and bids just under the reserve.
    Sniper,
    /// The whole at a fixed fee, in parts per billion of its value, if that covers the cost.
    FixedFee(u32),
    /// The whole at the discount that has been reached, as soon as it covers the cost by a quarter.
    Dutch,
    /// Bids nothing, and sells what it was given: the backstop vault.
    Vault,
}

/// A liquidator.
#[derive(Clone, Debug)]
pub struct Liquidator {
    account: AccountId,
    strategy: Strategy,
    /// The step of a case at which it has bid: it bids anew when something was sold.
    seen: BTreeMap<CaseId, u32>,
    /// How much less than it thought it can carry of a case: what others need by their margin model may be
    /// far less than it needs by its own.
    modesty: BTreeMap<CaseId, f64>,
}

impl Liquidator {
    /// A liquidator that has not bid yet.
    #[must_use]
    pub const fn new(account: AccountId, strategy: Strategy) -> Self {
        Self { account, strategy, seen: BTreeMap::new(), modesty: BTreeMap::new() }
    }

    fn bid(&mut self, offer: &Offer, free: f64) -> Option<Action> {
        let Offer { case, stands, .. } = offer;
        if case.account == self.account || self.seen.get(&case.id) == Some(&case.step) {
            return None;
        }
        let maintenance = dollars(stands.maintenance);
        let (share, least) = match case.stage {
            Stage::Insolvent => (1.0, self.least_premium(offer, maintenance)?),
            _ => self.discount(offer)?,
        };
        let carried = free * TIED_UP / (maintenance * INITIAL).max(1.0);
        let modesty = self.modesty.get(&case.id).copied().unwrap_or(1.0);
        let share = share.min(carried) * modesty;
        if share < SHARE_LEAST {
            return None;
        }
        self.seen.insert(case.id, case.step);
        Some(Action::PlaceBid(PlaceBid {
            account: self.account,
            request: None,
            case: case.id,
            step: None,
            share_ppb: ppb(share),
            least_ppb: ppb(least),
            limit: Amount::from_units(stands.value.units().max(0)),
        }))
    }

    /// What it would take, and at which discount at least.
    fn discount(&self, offer: &Offer) -> Option<(f64, f64)> {
        let value = dollars(offer.stands.value);
        if value <= 0.0 {
            return None;
        }
        let fair = offer.cost / value;
        let reserve = offer.case.discount? as f64 / WHOLE;
        match self.strategy {
            Strategy::Patient => Some((1.0, 1.25 * fair)),
            Strategy::Eager => Some((0.25, 1.05 * fair)),
            Strategy::Sniper => (reserve >= 1.5 * fair).then_some((1.0, 0.98 * reserve)),
            Strategy::FixedFee(fee_ppb) => {
                let fee = f64::from(fee_ppb) / 1e9;
                (fee >= fair).then_some((1.0, fee))
            }
            Strategy::Dutch => (reserve >= 1.25 * fair).then_some((1.0, reserve)),
            Strategy::Vault => None,
        }
        .filter(|(_, least)| *least <= 1.0)
    }

    /// The part of the premium that pays for what unwinding costs.
    fn least_premium(&self, offer: &Offer, maintenance: f64) -> Option<f64> {
        let fair = offer.cost / maintenance.max(1.0);
        let reached = offer.case.premium? as f64 / WHOLE;
        let least = match self.strategy {
            Strategy::Patient | Strategy::FixedFee(_) => 1.25 * fair,
            Strategy::Eager => 1.05 * fair,
            Strategy::Sniper | Strategy::Dutch => Some(reached).filter(|r| *r >= 1.5 * fair)?,
            Strategy::Vault => return None,
        };
        (least <= 1.0).then_some(least)
    }

    /// Closes what it holds against the best level of each book, futures before options.
    fn unwind(&self, state: &State) -> Vec<Action> {
        let Some(held) = state.account(self.account) else { return Vec::new() };
        let close = |(instrument, lots): (&Instrument, i64)| {
            let id = state.instrument_id(instrument)?;
            let side = if lots > 0 { Side::Sell } else { Side::Buy };
            let level = state.book(id)?.depth(side.opposite()).next()?;
            let lots = lots.abs().min(level.displayed.0).max(1);
            let order = OrderTerms {
                instrument: id,
                side,
                lots,
                order_type: OrderType::Market {},
                trigger: None,
                reduce_only: true,
                display: None,
                expires: None,
                self_trade: book::SelfTrade::default(),
                protected: false,
                label: None,
            };
            let account = self.account;
            Some(Action::PlaceOrder(PlaceOrder { account, request: None, order }))
        };
        let lots = |quantity: Quantity| quantity.lots();
        let positions =
            held.positions.iter().map(|(instrument, at)| (instrument, lots(at.quantity)));
        positions.filter_map(close).collect()
    }
}

impl Bot for Liquidator {
    fn act(&mut self, state: &State, offers: &[Offer]) -> Vec<Action> {
        let is_open = |id: &CaseId| offers.iter().any(|offer| offer.case.id == *id);
        self.seen.retain(|id, _| is_open(id));
        self.modesty.retain(|id, _| is_open(id));
        let mut actions = Vec::new();
        if !offers.is_empty() {
            let excess = state.margin(self.account).map_or(Amount::ZERO, |margin| margin.excess());
            let mut free = dollars(excess);
            for offer in offers {
                if let Some(action) = self.bid(offer, free) {
                    free -= dollars(offer.stands.maintenance);
                    actions.push(action);
                }
            }
        }
        actions.extend(self.unwind(state));
        actions
    }

    /// A bid that its margin can't carry is made again for half as much.
    fn refused(&mut self, action: &Action, reason: &Rejection) {
        if let (Action::PlaceBid(bid), Rejection::Margin { .. }) = (action, reason) {
            self.seen.remove(&bid.case);
            *self.modesty.entry(bid.case).or_insert(1.0) /= 2.0;
        }
    }
}

fn dollars(amount: Amount) -> f64 {
    amount.units() as f64 / SCALE
}

fn ppb(part: f64) -> u32 {
    (part.clamp(1e-9, 1.0) * 1e9) as u32
}
