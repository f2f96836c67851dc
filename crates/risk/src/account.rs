//! What an account holds: balances, positions and open orders, with exact costs.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Instrument, Price, Quantity};
use serde::{Deserialize, Serialize};

use crate::FlatMap;

/// A position in one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Signed lots; long is positive.
    pub quantity: Quantity,
    /// What was paid for it, in the settlement asset, as [`Instrument::value`] counts it: the
    /// exact sum over fills, never an average price. Profit to date is `value(mark) − cost`.
    pub cost: Amount,
}

/// What a fill makes of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traded {
    /// The position.
    pub after: Position,
    /// Profit, or an option's premium, that becomes cash in the settlement asset.
    pub realised: Amount,
    /// What the fill cost by itself, rounded up.
    pub cost: Amount,
}

/// An order resting in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// What it would trade.
    pub instrument: Instrument,
    /// Signed lots still open; a bid is positive.
    pub quantity: Quantity,
    /// The limit price.
    pub limit: Price,
    /// What filling all of it would cost in fees at most, in the settlement asset.
    pub fee: Amount,
}

/// How an account is margined.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum MarginModel {
    /// Every position on its own: nothing offsets and nothing is shared.
    Isolated,
    /// Position by position, with equity shared between them.
    Cross,
    /// The whole portfolio through scenarios, netted.
    Portfolio,
}

impl MarginModel {
    /// The word for it in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::Cross => "cross",
            Self::Portfolio => "portfolio",
        }
    }
}

/// One account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Balances by asset; a negative one is a debt. Premiums paid are already taken out.
    pub balances: FlatMap<Asset, Amount>,
    /// Funding accrued and not yet settled, by asset.
    pub accrued: FlatMap<Asset, Amount>,
    /// Positions by instrument; none has zero lots.
    pub positions: FlatMap<Instrument, Position>,
    /// Orders resting in the book.
    pub orders: Vec<OpenOrder>,
}

impl Account {
    /// An empty account.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Every instrument held or ordered, each once, in order.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        let mut all: Vec<_> = self.positions.keys().copied().collect();
        all.extend(self.orders.iter().map(|order| order.instrument));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Adds a fill of `quantity` at a cost already computed; a position that closes disappears and
    /// its profit goes to the balance of the settlement asset.
    ///
    /// Positions that only grow keep the sum of costs. Closing a part realises the same part of the
    /// cost, rounded down, so that splitting and joining never creates money.
    ///
    /// # Errors
    /// [`instruments::Error::Overflow`].
    pub fn trade(
        &mut self,
        instrument: Instrument,
        quantity: Quantity,
        price: Price,
    ) -> Result<(), instruments::Error> {
        let held = self.positions.get(&instrument).copied().unwrap_or_default();
        let Traded { after, realised, .. } = held.traded(&instrument, quantity, price)?;
        if realised != Amount::ZERO {
            let balance = self.balances.entry(instrument.settlement_asset()).or_default();
            *balance = balance.checked_add(realised).ok_or(instruments::Error::Overflow)?;
        }
        if after.quantity == Quantity::ZERO {
            self.positions.remove(&instrument);
        } else {
            self.positions.insert(instrument, after);
        }
        Ok(())
    }
}

impl Position {
    /// The position after a fill, with what became cash of it.
    ///
    /// # Errors
    /// [`instruments::Error::Overflow`], [`instruments::Error::PriceNotPositive`].
    pub fn traded(
        self,
        instrument: &Instrument,
        quantity: Quantity,
        price: Price,
    ) -> Result<Traded, instruments::Error> {
        let overflow = || instruments::Error::Overflow;
        let cost = instrument.value(quantity, price, instruments::Rounding::Ceil)?;
        let lots = self.quantity.checked_add(quantity).ok_or_else(overflow)?;
        let kept = part_of_cost(self, quantity, cost, lots).ok_or_else(overflow)?;
        let realised = if instrument.is_option() {
            // An option's premium moves in full when it trades; its cost is only remembered.
            -cost
        } else {
            let paid = self.cost.checked_add(cost).ok_or_else(overflow)?;
            kept.checked_sub(paid).ok_or_else(overflow)?
        };
        Ok(Traded { after: Self { quantity: lots, cost: kept }, realised, cost })
    }
}

/// The cost that stays with the position after a fill.
fn part_of_cost(held: Position, fill: Quantity, cost: Amount, after: Quantity) -> Option<Amount> {
    let (held_lots, fill_lots, after_lots) = (held.quantity.lots(), fill.lots(), after.lots());
    let share = |cost: Amount, part: i64, whole: i64| {
        instruments::mul_div(
            cost.units(),
            i128::from(part),
            i128::from(whole),
            instruments::Rounding::Floor,
        )
        .map(Amount::from_units)
    };
    if after_lots == 0 {
        Some(Amount::ZERO)
    } else if held_lots.signum() * fill_lots.signum() >= 0 {
        held.cost.checked_add(cost)
    } else if after_lots.signum() == held_lots.signum() {
        share(held.cost, after_lots, held_lots)
    } else {
        share(cost, after_lots, fill_lots)
    }
}
