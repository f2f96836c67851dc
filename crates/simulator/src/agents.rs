//! What accounts do. An agent sees the state as of the end of the last step, and what coins really
//! cost, and says what it asks for.

mod arbitrage;
mod cash;
mod maker;
mod noise;
mod options;
mod trader;

use book::{Side, Ticks};
use engine::command::{Action, AmendOrder, OrderTerms, OrderType, PlaceOrder};
use engine::{InstrumentId, State};
use instruments::{ContractKind, Price, SCALE, Timestamp};

use crate::draws::Draws;
use crate::invariants::Follower;
use crate::people::{Person, Role};
use crate::venue::{Listings, Traded};

pub(crate) use cash::Cashier;

/// What agents look at.
pub(crate) struct Scene<'s> {
    pub state: &'s State,
    pub listings: &'s Listings,
    pub follower: &'s Follower,
    pub now: Timestamp,
    /// What coins really cost.
    pub prices: Vec<f64>,
    /// The log of what they cost over what they cost an hour ago.
    pub trends: Vec<f64>,
    /// Quotes of one command at most.
    pub quotes: usize,
    /// Whether some ask for what makes no sense.
    pub nonsense: bool,
}

/// Lets an account act.
pub(crate) fn act(person: &mut Person, scene: &Scene<'_>, draws: &mut Draws) -> Vec<Action> {
    // Anybody may clean up or do something odd now and then.
    if draws.permille(60) && person.role != Role::Maker {
        return noise::act(person, scene, draws);
    }
    match person.role {
        Role::Maker => maker::act(person, scene, draws),
        Role::Arbitrageur => arbitrage::act(person, scene, draws),
        Role::Trend => trader::act(person, scene, 1.0, draws),
        Role::Reversal => trader::act(person, scene, -1.0, draws),
        Role::OptionBuyer => options::act(person, scene, Side::Buy, draws),
        Role::OptionSeller => options::act(person, scene, Side::Sell, draws),
        Role::Noise => noise::act(person, scene, draws),
        // They act by themselves, in every step.
        Role::Liquidator | Role::Vault => Vec::new(),
    }
}

impl Scene<'_> {
    /// The best price of a side in units.
    pub fn best(&self, traded: &Traded, side: Side) -> Option<i64> {
        let Ticks(ticks) = self.state.book(traded.id)?.best(side)?;
        Some(ticks * traded.tick)
    }

    /// The mark in units.
    pub fn mark(&self, traded: &Traded) -> Option<i64> {
        self.state.mark(traded.id).map(Price::units)
    }

    /// What it is worth to who knows what coins really cost, in units.
    pub fn fair(&self, traded: &Traded) -> Option<f64> {
        let market = self.state.market();
        let price = self.prices[traded.coin];
        match traded.instrument.kind() {
            ContractKind::Perpetual | ContractKind::Spot => Some(price * SCALE as f64),
            ContractKind::Future { .. } => {
                let index = market.price(traded.instrument.base()).ok()?.units();
                let forward = market.settling_price(&traded.instrument).ok()?.units();
                Some(price * forward as f64 / index as f64 * SCALE as f64)
            }
            ContractKind::Option { .. } => self.mark(traded).map(|mark| mark as f64),
        }
    }

    /// The perpetual of a coin.
    pub fn perpetual(&self, coin: usize, inverse: bool) -> Option<&Traded> {
        // Perpetuals are listed first.
        self.listings.all().iter().find(|traded| {
            let instrument = &traded.instrument;
            instrument.kind() == ContractKind::Perpetual
                && traded.coin == coin
                && (instrument.settlement_asset() == instrument.base()) == inverse
        })
    }

    /// One of the instruments that live.
    pub fn any(&self, draws: &mut Draws) -> Option<&Traded> {
        self.listings.living_at(draws.place(self.listings.living().len()))
    }

    /// An account's lots of an instrument.
    pub fn lots(&self, person: &Person, instrument: InstrumentId) -> i64 {
        self.follower.position(person.account, instrument)
    }
}

/// A price in whole ticks at or below so many units, at least one tick.
pub(crate) fn floor(traded: &Traded, units: f64) -> Price {
    let ticks = (units / traded.tick as f64).floor().clamp(1.0, 1e12) as i64;
    Price::from_units(ticks * traded.tick)
}

/// A price in whole ticks at or above so many units, at least one tick.
pub(crate) fn ceiling(traded: &Traded, units: f64) -> Price {
    let ticks = (units / traded.tick as f64).ceil().clamp(1.0, 1e12) as i64;
    Price::from_units(ticks * traded.tick)
}

/// The side that changes a position by so much.
pub(crate) fn side_of(lots: i64) -> Side {
    if lots >= 0 { Side::Buy } else { Side::Sell }
}

/// Terms of an order without anything special.
pub(crate) fn terms(
    instrument: InstrumentId,
    side: Side,
    lots: i64,
    order_type: OrderType,
) -> OrderTerms {
    OrderTerms {
        instrument,
        side,
        lots: lots.max(1),
        order_type,
        trigger: None,
        reduce_only: false,
        display: None,
        expires: None,
        self_trade: book::SelfTrade::default(),
        protected: false,
        label: None,
    }
}

/// Places an order.
pub(crate) fn place(person: &mut Person, order: OrderTerms) -> Action {
    let request = person.next_request();
    Action::PlaceOrder(PlaceOrder { account: person.account, request, order })
}

/// Cancels an order.
pub(crate) fn cancel(person: &mut Person, order: book::OrderId) -> Action {
    let request = person.next_request();
    Action::CancelOrder { account: person.account, order, request }
}

/// Amends an order.
pub(crate) fn amend(
    person: &mut Person,
    order: book::OrderId,
    price: Option<Price>,
    lots: Option<i64>,
) -> Action {
    let request = person.next_request();
    Action::AmendOrder(AmendOrder { account: person.account, order, price, lots, request })
}
