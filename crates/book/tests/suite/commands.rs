//! Commands as data, so that both books can be told the same.

use plimsoll_book::{
    AccountId, Book, CancelReason, Crossing, Event, Limits, Lots, NewOrder, OrderId, OrderKind,
    SelfTrade, Side, Ticks,
};
use proptest::prelude::*;

use crate::naive::NaiveBook;

/// One command.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    Submit(NewOrder),
    Cancel(OrderId),
    MassCancel(AccountId, Option<Side>),
    Reduce(OrderId, Lots),
    Amend(OrderId, Ticks, Lots),
    BeginCall,
    Uncross(Ticks),
}

/// Small limits, so that tests meet each of them; the ladder's window is far smaller than the
/// range of prices.
pub const LIMITS: Limits = Limits {
    price_min: Ticks(-400),
    price_max: Ticks(1_000),
    lots_max: Lots(1_000),
    orders_max: 30,
    orders_per_account_max: 12,
    parts_max: 20,
    window: 64,
};

/// Tells the book.
pub fn apply(book: &mut Book, command: &Command, events: &mut Vec<Event>) {
    match *command {
        Command::Submit(order) => book.submit(&order, events),
        Command::Cancel(id) => book.cancel(id, events),
        Command::MassCancel(account, side) => book.mass_cancel(account, side, events),
        Command::Reduce(id, lots) => book.reduce(id, lots, events),
        Command::Amend(id, price, lots) => book.amend(id, price, lots, events),
        Command::BeginCall => book.begin_call(events),
        Command::Uncross(reference) => book.uncross(reference, events),
    }
}

impl NaiveBook {
    /// Tells the naive book.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) {
        let (named, outcome) = match *command {
            Command::Submit(order) => (Some(order.id), self.submit(&order, events)),
            Command::Amend(id, price, lots) => (Some(id), self.amend(id, price, lots, events)),
            Command::Reduce(id, lots) => (Some(id), self.reduce(id, lots, events)),
            Command::Cancel(id) => (
                Some(id),
                self.place(id).map(|place| self.cancel(place, CancelReason::Requested, events)),
            ),
            Command::MassCancel(account, side) => {
                let mut orders = self.orders.clone();
                orders.retain(|order| {
                    order.account == account && side.is_none_or(|side| side == order.side)
                });
                orders.sort_by_key(|order| order.accepted);
                for order in orders {
                    let place = self.place(order.id).unwrap();
                    self.cancel(place, CancelReason::MassCancel, events);
                }
                (None, Ok(()))
            }
            Command::BeginCall => (None, self.begin_call(events)),
            Command::Uncross(reference) => (None, self.uncross(reference, events)),
        };
        if let Err(refusal) = outcome {
            events.push(Event::Refused { order: named, refusal });
        }
    }
}

/// How many cases a property is tried on.
pub fn cases(base: u32) -> u32 {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    base.saturating_mul(scale.unwrap_or(1))
}

pub fn any_commands(most: usize) -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(any_command(), 1..most)
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        20 => any_order().prop_map(Command::Submit),
        4 => any_id().prop_map(Command::Cancel),
        12 => (any_id(), any_price(), any_lots()).prop_map(|(id, price, lots)| {
            Command::Amend(id, price, lots)
        }),
        3 => (any_id(), any_lots()).prop_map(|(id, lots)| Command::Reduce(id, lots)),
        1 => (any_account(), prop::option::of(any_side()))
            .prop_map(|(account, side)| Command::MassCancel(account, side)),
        1 => Just(Command::BeginCall),
        2 => any_price().prop_map(Command::Uncross),
    ]
}

fn any_order() -> impl Strategy<Value = NewOrder> {
    let terms = (any_kind(), prop::option::weighted(0.25, any_lots()), any_self_trade());
    (any_id(), any_account(), any_side(), any_lots(), terms).prop_map(
        |(id, account, side, lots, (kind, display, self_trade))| NewOrder {
            id,
            account,
            side,
            lots,
            kind,
            display,
            self_trade,
        },
    )
}

fn any_kind() -> impl Strategy<Value = OrderKind> {
    let crossing = prop_oneof![Just(Crossing::Reject), Just(Crossing::Reprice)];
    prop_oneof![
        8 => any_price().prop_map(|price| OrderKind::Limit { price }),
        2 => (any_price(), crossing)
            .prop_map(|(price, crossing)| OrderKind::PostOnly { price, crossing }),
        1 => any_price().prop_map(|price| OrderKind::ImmediateOrCancel { price }),
        2 => any_price().prop_map(|price| OrderKind::FillOrKill { price }),
        1 => any_price().prop_map(|protection| OrderKind::Market { protection }),
        2 => any_price().prop_map(|protection| OrderKind::MarketLimit { protection }),
    ]
}

fn any_self_trade() -> impl Strategy<Value = SelfTrade> {
    prop_oneof![
        Just(SelfTrade::Allow),
        Just(SelfTrade::CancelTaker),
        Just(SelfTrade::CancelMaker),
        Just(SelfTrade::CancelBoth),
        Just(SelfTrade::Decrement),
    ]
}

fn any_id() -> impl Strategy<Value = OrderId> {
    (1_u64..40).prop_map(OrderId)
}

fn any_account() -> impl Strategy<Value = AccountId> {
    (0_u32..4).prop_map(AccountId)
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn any_price() -> impl Strategy<Value = Ticks> {
    prop_oneof![
        30 => 95_i64..106,
        6 => 60_i64..141,
        3 => -420_i64..1_021,
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0)],
    ]
    .prop_map(Ticks)
}

fn any_lots() -> impl Strategy<Value = Lots> {
    prop_oneof![
        20 => 1_i64..30,
        3 => 1_i64..1_001,
        1 => prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(1_001), Just(i64::MAX)],
    ]
    .prop_map(Lots)
}
