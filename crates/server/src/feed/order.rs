//! Orders as their owners see them.

use std::collections::VecDeque;

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use engine::InstrumentId;
use engine::command::{Group, Label, OrderTerms, OrderType, TriggerThen};
use engine::event::CancelReason;
use instruments::{Amount, Price, Timestamp};
use ledger::AccountId;

use super::links::Links;

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OrderState {
    /// It waits for a price, or for another order.
    Untriggered,
    /// It is in the book.
    Open,
    /// All of it traded.
    Filled,
    /// It ended with lots untraded.
    Cancelled,
}

/// An order with what became of it.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub account: AccountId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// What was asked, where it is known.
    pub terms: Option<OrderTerms>,
    /// Its tag.
    pub label: Option<Label>,
    /// All its lots: what traded and what was open at the end or is now.
    pub lots: i64,
    /// What traded.
    pub filled: i64,
    /// Σ price · lots of its trades, in units of price.
    pub traded_value: i128,
    /// Its limit; none if it has none, or waits.
    pub price: Option<Price>,
    /// What is shown of it in the book.
    pub shown: i64,
    /// How it stands.
    pub state: OrderState,
    /// Whether it has waited for a price.
    pub triggered: bool,
    /// What it has to do with other orders.
    pub links: Links,
    /// Whether it was amended.
    pub replaced: bool,
    /// Whether a case sent it.
    pub liquidation: bool,
    /// Why it was cancelled.
    pub reason: Option<CancelReason>,
    /// What it paid.
    pub fees: Amount,
    /// What its trades realised.
    pub realised: Amount,
    /// When it came.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Order {
    /// Whether it can still trade.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, OrderState::Open | OrderState::Untriggered)
    }

    /// What is open of it.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.lots - self.filled
    }

    /// What its lots traded at on average, rounded to the nearest unit.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        let lots = i128::from(self.filled);
        (lots > 0).then(|| {
            let units = (self.traded_value + lots / 2).div_euclid(lots);
            Price::from_units(i64::try_from(units).unwrap_or(i64::MAX))
        })
    }
}

/// Terms of orders that were asked for and have no number yet, by account.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Announced(VecDeque<(AccountId, OrderTerms)>);

impl Announced {
    /// Terms waiting at most, over all accounts: those that another order triggers.
    const MOST: usize = 10_000;

    /// Takes note of what a group asks for.
    pub fn note_group(&mut self, account: AccountId, group: &Group) {
        match group {
            Group::OneCancelsOther(both) => self.note_all(account, both),
            Group::OneTriggersOther { first, then, .. } => {
                self.note(account, first.clone());
                match then {
                    TriggerThen::One(one) => self.note(account, one.clone()),
                    TriggerThen::OneCancelsOther(both) => self.note_all(account, both),
                }
            }
        }
    }

    /// Takes note of an order that is asked for.
    pub fn note(&mut self, account: AccountId, terms: OrderTerms) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back((account, terms));
    }

    fn note_all(&mut self, account: AccountId, all: &[OrderTerms]) {
        for terms in all {
            self.note(account, terms.clone());
        }
    }

    /// The terms of an order that was accepted; they are not given again.
    pub fn take(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        label: Option<&Label>,
    ) -> Option<OrderTerms> {
        let is_it = |(owner, terms): &(AccountId, OrderTerms)| {
            *owner == account
                && terms.instrument == instrument
                && terms.side == side
                && terms.label.as_ref() == label
        };
        let place = self.0.iter().position(is_it)?;
        self.0.remove(place).map(|(_, terms)| terms)
    }

    /// Forgets what is left of the command before: all that it had accepted has its terms.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets what was asked for and refused.
    pub fn forget_newest(&mut self, account: AccountId) {
        if self.0.back().is_some_and(|(owner, _)| *owner == account) {
            self.0.pop_back();
        }
    }
}

/// The limit of an order's terms.
#[must_use]
pub fn limit_of(order_type: &OrderType) -> Option<Price> {
    match order_type {
        OrderType::Limit { price }
        | OrderType::PostOnly { price, .. }
        | OrderType::ImmediateOrCancel { price }
        | OrderType::FillOrKill { price } => Some(*price),
        OrderType::Market {} | OrderType::MarketLimit {} => None,
    }
}
