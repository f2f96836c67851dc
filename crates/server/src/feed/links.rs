//! Orders that depend on each other, as their owner sees them.

use book::OrderId;
use borsh::{BorshDeserialize, BorshSerialize};
use engine::Event;
use engine::command::{Action, Group, TriggerThen, WhenFilled};
use ledger::AccountId;
use serde::{Deserialize, Serialize};

/// What an order has to do with others.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Links {
    /// The order that triggers it.
    pub primary: Option<OrderId>,
    /// Whether that has not happened yet.
    pub is_parked: bool,
    /// Orders that it triggers.
    pub secondaries: Vec<OrderId>,
    /// How much of it must trade before it does.
    pub condition: Option<WhenFilled>,
    /// The first of the two orders of a pair of which one cancels the other: the same for both.
    pub pair: Option<OrderId>,
}

impl Links {
    /// What the orders of a command have to do with each other: the engine accepts them in the order
    /// in which they are asked for.
    pub fn of(action: &Action, events: &[Event]) -> Vec<(OrderId, Self)> {
        let Action::PlaceGroup(place) = action else { return Vec::new() };
        let ids = accepted(place.account, events);
        match (&place.group, &ids[..]) {
            (Group::OneCancelsOther(_), [first, second, ..]) => {
                let one = Self { pair: Some(*first), ..Self::default() };
                vec![(*first, one.clone()), (*second, one)]
            }
            (Group::OneTriggersOther { then, when, .. }, [first, others @ ..]) => {
                let wanted = match then {
                    TriggerThen::One(_) => 1,
                    TriggerThen::OneCancelsOther(_) => 2,
                };
                let Some(secondaries) = others.get(..wanted) else { return Vec::new() };
                let primary = Self {
                    secondaries: secondaries.to_vec(),
                    condition: Some(*when),
                    ..Self::default()
                };
                let secondary = Self {
                    primary: Some(*first),
                    is_parked: true,
                    pair: secondaries.first().copied().filter(|_| wanted == 2),
                    ..Self::default()
                };
                let rest = secondaries.iter().map(|id| (*id, secondary.clone()));
                std::iter::once((*first, primary)).chain(rest).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn accepted(owner: AccountId, events: &[Event]) -> Vec<OrderId> {
    let accepted = events.iter().filter_map(|event| match event {
        Event::OrderAccepted { order, account, .. } if *account == owner => Some(*order),
        _ => None,
    });
    accepted.collect()
}
