//! Stop, take and trailing orders before they are orders: prices that are waited for.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::record::part;
use crate::{AccountId, Limits, LimitsError, OrderId, Refusal, RestoreError, Ticks};

/// Bytes of a trigger's record.
pub const TRIGGER_RECORD_LEN: usize = 40;

/// Which price is watched.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PriceSource {
    /// The price of the last trade.
    Last = 0,
    /// The mark price.
    Mark = 1,
    /// The index price.
    Index = 2,
}

/// From where the price must come.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Direction {
    /// Fires at its price or above: a stop that buys, a take that sells.
    Rising = 0,
    /// Fires at its price or below: a stop that sells, a take that buys.
    Falling = 1,
}

impl Direction {
    /// A price as a rank: a trigger is reached where its rank is at most the price's.
    const fn rank(self, price: Ticks) -> i64 {
        match self {
            Self::Rising => price.0,
            Self::Falling => -price.0,
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A fixed price: a stop or a take.
    Price(Ticks),
    /// So far from the best price seen: a trailing stop.
    Trail {
        /// How far: 1 tick or more.
        offset: Ticks,
        /// The best price seen so far: the lowest if it waits for a rise, the highest if for a
        /// fall. On insertion, the price of that moment.
        extreme: Ticks,
    },
}

/// An order that waits for a price. What happens when it fires is the engine's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub id: OrderId,
    /// Whose it is.
    pub account: AccountId,
    /// Which price is watched.
    pub source: PriceSource,
    /// From where the price must come.
    pub direction: Direction,
    /// What is waited for.
    pub target: Target,
}

impl Trigger {
    /// The price at which it fires, as things stand.
    #[must_use]
    pub const fn price(&self) -> Ticks {
        match (self.target, self.direction) {
            (Target::Price(price), _) => price,
            (Target::Trail { offset, extreme }, Direction::Rising) => Ticks(extreme.0 + offset.0),
            (Target::Trail { offset, extreme }, Direction::Falling) => Ticks(extreme.0 - offset.0),
        }
    }

    /// Where it stands among those that wait: by price from the first reached, then by time.
    fn place(&self, placed: u64) -> Place {
        (self.source, self.direction, self.direction.rank(self.price()), placed)
    }

    /// Where it stands among those that trail, by the extreme; `None` if its price is fixed.
    fn trail(&self, placed: u64) -> Option<Place> {
        match self.target {
            Target::Price(_) => None,
            Target::Trail { extreme, .. } => {
                Some((self.source, self.direction, self.direction.rank(extreme), placed))
            }
        }
    }

    /// The trigger's record, little-endian: name 8 bytes, account 4, source 1, direction 1,
    /// kind 1 (0 fixed, 1 trailing), 0, price or extreme 8, offset 8 (0 if fixed), and the stamp
    /// of its insertion 8.
    #[must_use]
    pub fn to_bytes(&self, placed: u64) -> [u8; TRIGGER_RECORD_LEN] {
        let (kind, price, offset) = match self.target {
            Target::Price(price) => (0, price, Ticks(0)),
            Target::Trail { offset, extreme } => (1, extreme, offset),
        };
        let mut bytes = [0; TRIGGER_RECORD_LEN];
        bytes[..8].copy_from_slice(&self.id.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.account.0.to_le_bytes());
        (bytes[12], bytes[13], bytes[14]) = (self.source as u8, self.direction as u8, kind);
        bytes[16..24].copy_from_slice(&price.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&offset.0.to_le_bytes());
        bytes[32..].copy_from_slice(&placed.to_le_bytes());
        bytes
    }

    /// The trigger of a record, and the stamp of its insertion.
    ///
    /// # Errors
    /// [`RestoreError::Byte`].
    pub fn from_bytes(bytes: &[u8; TRIGGER_RECORD_LEN]) -> Result<(Self, u64), RestoreError> {
        let wrong = |offset| Err(RestoreError::Byte { offset, value: bytes[offset] });
        let [price, offset] = [16, 24].map(|offset| Ticks(i64::from_le_bytes(part(bytes, offset))));
        if bytes[15] != 0 {
            return wrong(15);
        }
        let trigger = Self {
            id: OrderId(u64::from_le_bytes(part(bytes, 0))),
            account: AccountId(u32::from_le_bytes(part(bytes, 8))),
            source: match bytes[12] {
                0 => PriceSource::Last,
                1 => PriceSource::Mark,
                2 => PriceSource::Index,
                _ => return wrong(12),
            },
            direction: match bytes[13] {
                0 => Direction::Rising,
                1 => Direction::Falling,
                _ => return wrong(13),
            },
            target: match bytes[14] {
                0 if offset == Ticks(0) => Target::Price(price),
                1 => Target::Trail { offset, extreme: price },
                _ => return wrong(14),
            },
        };
        Ok((trigger, u64::from_le_bytes(part(bytes, 32))))
    }
}

/// Source, direction, rank, stamp.
type Place = (PriceSource, Direction, i64, u64);

/// All triggers of one instrument.
///
/// A price costs a search for what it reaches, and one step for each trailing stop whose extreme
/// it moves.
#[derive(Clone, Debug)]
pub struct Triggers {
    limits: Limits,
    /// Each trigger and the stamp of its insertion.
    waiting: BTreeMap<OrderId, (Trigger, u64)>,
    places: BTreeMap<Place, OrderId>,
    trails: BTreeMap<Place, OrderId>,
    /// Each account's triggers by stamp.
    owned: BTreeMap<AccountId, BTreeMap<u64, OrderId>>,
    stamp: u64,
}

impl Triggers {
    /// No triggers yet. Of the limits, prices and counts of orders are theirs too.
    ///
    /// # Errors
    /// If the limits make no sense.
    pub fn new(limits: Limits) -> Result<Self, LimitsError> {
        limits.validate()?;
        Ok(Self {
            limits,
            waiting: BTreeMap::new(),
            places: BTreeMap::new(),
            trails: BTreeMap::new(),
            owned: BTreeMap::new(),
            stamp: 0,
        })
    }

    /// Adds a trigger. One whose price is reached already fires with the next price.
    ///
    /// # Errors
    /// If its name is taken, its numbers are out of bounds, or there are too many.
    pub fn insert(&mut self, trigger: Trigger) -> Result<(), Refusal> {
        self.check(&trigger)?;
        self.stamp += 1;
        self.put(trigger, self.stamp);
        Ok(())
    }

    /// Takes a trigger away.
    ///
    /// # Errors
    /// [`Refusal::UnknownOrder`].
    pub fn cancel(&mut self, id: OrderId) -> Result<Trigger, Refusal> {
        let (trigger, placed) = self.waiting.remove(&id).ok_or(Refusal::UnknownOrder)?;
        self.places.remove(&trigger.place(placed));
        if let Some(trail) = trigger.trail(placed) {
            self.trails.remove(&trail);
        }
        let owned = self.owned.get_mut(&trigger.account).expect("its owner has a list");
        owned.remove(&placed);
        if owned.is_empty() {
            self.owned.remove(&trigger.account);
        }
        Ok(trigger)
    }

    /// Tells a new price. Trailing stops follow it; those that it reaches are taken away and
    /// appended to `fired`: those that waited for a rise before those that waited for a fall, each
    /// by price from the first reached, and of one price the oldest first.
    ///
    /// # Errors
    /// [`Refusal::PriceOutOfBounds`], and nothing changes.
    pub fn fire(
        &mut self,
        source: PriceSource,
        price: Ticks,
        fired: &mut Vec<Trigger>,
    ) -> Result<(), Refusal> {
        for direction in [Direction::Rising, Direction::Falling] {
            self.fire_towards(source, direction, price, fired)?;
        }
        Ok(())
    }

    /// [`Triggers::fire`] for those alone that wait for a rise, or for a fall: a price between two
    /// ticks has risen to the lower one only, and fallen to the upper one.
    ///
    /// # Errors
    /// [`Refusal::PriceOutOfBounds`], and nothing changes.
    pub fn fire_towards(
        &mut self,
        source: PriceSource,
        direction: Direction,
        price: Ticks,
        fired: &mut Vec<Trigger>,
    ) -> Result<(), Refusal> {
        self.limits.check_price(price)?;
        let rank = direction.rank(price);
        self.follow(source, direction, price);
        while let Some((place, id)) = self.first(source, direction)
            && place.2 <= rank
        {
            fired.push(self.cancel(id).expect("what has a place waits"));
        }
        Ok(())
    }

    /// The trailing stops of a direction whose extreme a price moves.
    pub fn moved_by(
        &self,
        source: PriceSource,
        direction: Direction,
        price: Ticks,
    ) -> impl Iterator<Item = OrderId> + '_ {
        let beyond = (source, direction, direction.rank(price) + 1, 0);
        let last = (source, direction, i64::MAX, u64::MAX);
        self.trails.range(beyond..=last).map(|(_, id)| *id)
    }

    /// The trigger price that would be reached first.
    #[must_use]
    pub fn next(&self, source: PriceSource, direction: Direction) -> Option<Ticks> {
        let (_, id) = self.first(source, direction)?;
        self.get(id).map(|trigger| trigger.price())
    }

    /// A trigger by its name.
    #[must_use]
    pub fn get(&self, id: OrderId) -> Option<Trigger> {
        self.waiting.get(&id).map(|(trigger, _)| *trigger)
    }

    /// An account's triggers, the oldest first.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = Trigger> {
        let owned = self.owned.get(&account).into_iter().flat_map(BTreeMap::values);
        owned.filter_map(|id| self.get(*id))
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The last stamp given; with the records it is all that there is to keep.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The record of a trigger.
    #[must_use]
    pub fn record(&self, id: OrderId) -> Option<[u8; TRIGGER_RECORD_LEN]> {
        self.waiting.get(&id).map(|(trigger, placed)| trigger.to_bytes(*placed))
    }

    /// The records of all triggers, by name.
    pub fn records(&self) -> impl Iterator<Item = [u8; TRIGGER_RECORD_LEN]> {
        self.waiting.values().map(|(trigger, placed)| trigger.to_bytes(*placed))
    }

    /// Triggers from their records and the last stamp given.
    ///
    /// # Errors
    /// If a record means nothing, breaks the limits or contradicts another.
    pub fn restore(
        limits: Limits,
        stamp: u64,
        records: &[[u8; TRIGGER_RECORD_LEN]],
    ) -> Result<Self, RestoreError> {
        let mut triggers = Self { stamp, ..Self::new(limits)? };
        let mut stamps = BTreeSet::new();
        for record in records {
            let (trigger, placed) = Trigger::from_bytes(record)?;
            let order = trigger.id;
            let check = triggers.check(&trigger);
            check.map_err(|refusal| RestoreError::Order { order, refusal })?;
            if placed == 0 || placed > stamp || stamp == u64::MAX || !stamps.insert(placed) {
                return Err(RestoreError::Contradiction("a trigger's stamp is not its own"));
            }
            triggers.put(trigger, placed);
        }
        Ok(triggers)
    }

    fn check(&self, trigger: &Trigger) -> Result<(), Refusal> {
        let Limits { price_min, price_max, orders_max, orders_per_account_max, .. } = self.limits;
        match trigger.target {
            Target::Price(price) => self.limits.check_price(price)?,
            Target::Trail { offset, extreme } => {
                let max = Ticks(price_max.0 - price_min.0);
                if offset < Ticks(1) || offset > max {
                    return Err(Refusal::TrailOutOfBounds { offset, max });
                }
                self.limits.check_price(extreme)?;
            }
        }
        if self.waiting.contains_key(&trigger.id) {
            return Err(Refusal::DuplicateOrder);
        }
        if self.waiting.len() >= orders_max as usize {
            return Err(Refusal::BookFull { max: orders_max });
        }
        let owned = self.owned.get(&trigger.account).map_or(0, BTreeMap::len);
        if owned >= orders_per_account_max as usize {
            return Err(Refusal::AccountFull { max: orders_per_account_max });
        }
        Ok(())
    }

    fn put(&mut self, trigger: Trigger, placed: u64) {
        self.waiting.insert(trigger.id, (trigger, placed));
        self.places.insert(trigger.place(placed), trigger.id);
        self.owned.entry(trigger.account).or_default().insert(placed, trigger.id);
        if let Some(trail) = trigger.trail(placed) {
            self.trails.insert(trail, trigger.id);
        }
    }

    fn first(&self, source: PriceSource, direction: Direction) -> Option<(Place, OrderId)> {
        let range = (source, direction, i64::MIN, 0)..=(source, direction, i64::MAX, u64::MAX);
        self.places.range(range).next().map(|(place, id)| (*place, *id))
    }

    /// Moves the extremes that a price goes beyond.
    fn follow(&mut self, source: PriceSource, direction: Direction, price: Ticks) {
        let rank = direction.rank(price);
        let range = (source, direction, rank + 1, 0)..=(source, direction, i64::MAX, u64::MAX);
        while let Some((_, &id)) = self.trails.range(range.clone()).next() {
            let placed = self.waiting[&id].1;
            let mut trigger = self.cancel(id).expect("what trails waits");
            if let Target::Trail { extreme, .. } = &mut trigger.target {
                *extreme = price;
            }
            self.put(trigger, placed);
        }
    }
}
