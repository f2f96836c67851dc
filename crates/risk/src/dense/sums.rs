//! An account's profits in every scenario, with what they are the sum of.

use std::ops::Range;

use instruments::Timestamp;
use numerics::dispatch;

use super::entries::Entered;
use super::kernel::{AddRows, Before, HeldRow, OrderRow, Ticks};
use super::table::{DenseEpoch, RowAt, Rows};
use super::{DenseAccount, DenseRoom};
use crate::addons::number;
use crate::vector::MovedCoin;

/// No sum is larger, so that sums before and after a change are exact together.
const ROOM_MAX: f64 = 1_125_899_906_842_624.0;
/// Rows that are added at once.
const BATCH: usize = 24;

/// The sums that an account's exact margin comes from, kept from one order of the account to its next:
/// then only what has changed is added and taken out. They hold within one epoch.
#[derive(Clone, Debug, Default)]
pub struct DenseSums {
    values: Vec<f64>,
    /// Lots by instrument, ascending.
    positions: Vec<(u32, i64)>,
    /// Units of each asset, in 10⁻⁸.
    coins: Vec<i128>,
    /// Orders by id, ascending.
    orders: Vec<Entered>,
    /// Room for positions.
    spare: Vec<(u32, i64)>,
}

/// Something that moves profits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Held { lots: f64, row: RowAt },
    Coin { before: f64, after: f64, row: RowAt },
    Order { order: OrderPart, times: f64 },
}

/// What an order adds where it loses.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderPart {
    lots: f64,
    row: RowAt,
    coin: Option<RowAt>,
    gain: f64,
    coin_units: f64,
    premium_units: f64,
    coin_counts: bool,
}

impl Part {
    const fn row(&self) -> RowAt {
        match self {
            Self::Held { row, .. } | Self::Coin { row, .. } => *row,
            Self::Order { order, .. } => order.row,
        }
    }
}

impl DenseSums {
    /// Forgets what it was the sum of: it is of another account or epoch from now on.
    pub fn clear(&mut self) {
        self.values.clear();
        self.positions.clear();
        self.coins.clear();
        self.orders.clear();
    }

    /// Checks that its values are the sum of what it says.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self, epoch: &DenseEpoch) -> Result<(), &'static str> {
        if self.values.is_empty() {
            return Ok(());
        }
        let mut parts = Vec::new();
        epoch.changes(&Self::default(), &self.positions, &self.coins, &self.orders, &mut parts);
        let mut values = vec![0.0; epoch.len];
        epoch.add(Before::Zero, &mut values, &parts);
        match values == self.values {
            true => Ok(()),
            false => Err("kept sums are not the sum of their parts"),
        }
    }

    pub(super) fn orders(&self) -> &[Entered] {
        &self.orders
    }
}

impl DenseEpoch {
    /// Profits in every scenario, into the room; `None` if they may be too large. Sums that are kept are
    /// brought up to date with all but the order that is tried, the last one.
    pub(super) fn profits(
        &self,
        account: &DenseAccount,
        is_tried: bool,
        sums: Option<&mut DenseSums>,
        room: &mut DenseRoom,
    ) -> Option<()> {
        let DenseRoom { coins, entered, parts, profits, .. } = room;
        (self.largest(account, coins, entered)? <= ROOM_MAX).then_some(())?;
        profits.resize(self.len, 0.0);
        let Some(sums) = sums else {
            self.profits_without(account, None, room);
            return Some(());
        };
        let tried = if is_tried { entered.pop() } else { None };
        parts.clear();
        self.catch_up(sums, account, coins, entered, parts);
        parts.clear();
        parts.extend(tried.and_then(|tried| self.order(&tried, 1.0)));
        self.add(Before::Others(&sums.values), profits, parts);
        entered.extend(tried);
        Some(())
    }

    /// Profits in every scenario once what has an expiry is gone, if one is said, into the room. Lots of its
    /// orders count for nothing then; what they cost to enter stays.
    pub(super) fn profits_without(
        &self,
        account: &DenseAccount,
        gone: Option<Timestamp>,
        room: &mut DenseRoom,
    ) {
        let DenseRoom { coins, entered, parts, profits, .. } = room;
        let is_gone = |instrument| gone.is_some() && self.expiry(instrument) == gone;
        parts.clear();
        let held = account.positions.iter().filter(|held| !is_gone(held.instrument));
        parts.extend(held.filter_map(|held| self.held(held.instrument, held.lots)));
        let coins = coins.iter().enumerate();
        parts.extend(coins.filter_map(|(asset, units)| self.coin(asset, 0, *units)));
        parts.extend(entered.iter().filter_map(|entered| {
            let mut entered = *entered;
            if is_gone(entered.order.instrument) {
                entered.order.lots = 0;
            }
            self.order(&entered, 1.0)
        }));
        self.add(Before::Zero, profits, parts);
    }

    fn expiry(&self, instrument: u32) -> Option<Timestamp> {
        self.legs[self.terms(instrument)?.leg].1
    }

    fn catch_up(
        &self,
        sums: &mut DenseSums,
        account: &DenseAccount,
        coins: &[i128],
        entered: &[Entered],
        parts: &mut Vec<Part>,
    ) {
        let mut held = std::mem::take(&mut sums.spare);
        held.clear();
        held.extend(account.positions.iter().map(|held| (held.instrument, held.lots)));
        self.changes(sums, &held, coins, entered, parts);
        let anew = held.len() + coins.len() + entered.len();
        if sums.values.is_empty() || parts.len() > anew {
            sums.clear();
            parts.clear();
            self.changes(sums, &held, coins, entered, parts);
            sums.values.resize(self.len, 0.0);
            self.add(Before::Zero, &mut sums.values, parts);
        } else if !parts.is_empty() {
            self.add(Before::Sums, &mut sums.values, parts);
        }
        sums.coins.clear();
        sums.coins.extend_from_slice(coins);
        sums.orders.clear();
        sums.orders.extend_from_slice(entered);
        sums.spare = std::mem::replace(&mut sums.positions, held);
    }

    /// At least the largest magnitude of any sum, in ticks.
    fn largest(&self, account: &DenseAccount, coins: &[i128], entered: &[Entered]) -> Option<f64> {
        let mut largest = 0.0;
        for held in &account.positions {
            let terms = self.terms(held.instrument)?;
            largest += held.lots.unsigned_abs() as f64 * terms.magnitude;
        }
        for (asset, units) in self.assets.iter().zip(coins) {
            if asset.coin.is_some() {
                largest += units.unsigned_abs() as f64 * asset.magnitude + 1.0;
            }
        }
        for Entered { order, entry, .. } in entered {
            let terms = self.terms(order.instrument)?;
            largest += order.lots.unsigned_abs() as f64 * terms.magnitude + entry.magnitude;
        }
        Some(largest)
    }

    /// What leads from sums to those of other positions, coins and orders.
    fn changes(
        &self,
        sums: &DenseSums,
        positions: &[(u32, i64)],
        coins: &[i128],
        orders: &[Entered],
        parts: &mut Vec<Part>,
    ) {
        for pair in pairs(&sums.positions, positions, |held| u64::from(held.0)) {
            let [before, after] = [pair.0, pair.1].map(|held| held.map_or(0, |held| held.1));
            let instrument = pair.0.or(pair.1).map_or(0, |held| held.0);
            parts.extend(self.held(instrument, after - before));
        }
        for (asset, after) in coins.iter().enumerate() {
            let before = sums.coins.get(asset).copied().unwrap_or(0);
            parts.extend(self.coin(asset, before, *after));
        }
        for (before, after) in pairs(&sums.orders, orders, |entered| entered.order.id) {
            if before.is_some() && after.is_some_and(|entered| entered.is_kept) {
                continue;
            }
            parts.extend(before.and_then(|entered| self.order(entered, -1.0)));
            parts.extend(after.and_then(|entered| self.order(entered, 1.0)));
        }
    }

    fn held(&self, instrument: u32, lots: i64) -> Option<Part> {
        let row = self.terms(instrument).filter(|_| lots != 0)?.row;
        Some(Part::Held { lots: lots as f64, row })
    }

    fn coin(&self, asset: usize, before: i128, after: i128) -> Option<Part> {
        let row = self.assets[asset].coin.filter(|_| before != after)?;
        Some(Part::Coin { before: number(before), after: number(after), row })
    }

    fn order(&self, entered: &Entered, times: f64) -> Option<Part> {
        let Entered { order, entry, .. } = entered;
        let terms = self.terms(order.instrument)?;
        let order = OrderPart {
            lots: order.lots as f64,
            row: terms.row,
            coin: self.assets[terms.asset].coin,
            gain: entry.gain.floor(),
            coin_units: entry.coin_units,
            premium_units: entry.premium_units,
            coin_counts: entry.coin_counts,
        };
        Some(Part::Order { order, times })
    }

    /// Adds parts to sums.
    fn add(&self, before: Before<'_>, sums: &mut [f64], parts: &[Part]) {
        match &self.rows {
            Rows::Short(rows) => self.add_rows(rows, before, sums, parts),
            Rows::Long(rows) => self.add_rows(rows, before, sums, parts),
        }
    }

    fn add_rows<T: Ticks>(&self, rows: &[T], before: Before<'_>, sums: &mut [f64], parts: &[Part]) {
        let mut batch = Batch::new();
        let (joint, own) = sums.split_at_mut(self.joint);
        batch.before = match before {
            Before::Others(before) => Before::Others(&before[..self.joint]),
            other => other,
        };
        for part in parts.iter().filter(|part| part.row().is_joint) {
            self.push(rows, part, None, joint, &mut batch);
        }
        batch.add(joint);
        match before {
            Before::Zero => own.fill(0.0),
            Before::Sums => {}
            Before::Others(before) => own.copy_from_slice(&before[self.joint..]),
        }
        // Instruments of one underlying most often follow one another.
        for parts in parts.chunk_by(|one, other| one.row().segment == other.row().segment) {
            let segment = parts[0].row().segment;
            let Range { start, end } = self.segments[segment].span;
            let sums = &mut own[start - self.joint..end - self.joint];
            for part in parts {
                self.push(rows, part, Some(segment), sums, &mut batch);
            }
            batch.add(sums);
        }
    }

    /// Puts what a part adds in the joint scenarios or in those of a segment into a batch.
    fn push<'a, T: Ticks>(
        &'a self,
        rows: &'a [T],
        part: &Part,
        segment: Option<usize>,
        sums: &mut [f64],
        batch: &mut Batch<'a, '_, T>,
    ) {
        if batch.is_full() {
            batch.add(sums);
        }
        match part {
            Part::Held { lots, row } => {
                batch.push_held(HeldRow { lots: *lots, row: &rows[self.part(*row, segment)] });
            }
            Part::Coin { before, after, row } => {
                let row = &self.coins[self.part(*row, segment)];
                batch.push_coin(MovedCoin { before: *before, after: *after, row });
            }
            Part::Order { order, times } => {
                batch.push_order(self.order_row(rows, order, *times, segment));
            }
        }
    }

    /// What an order adds in the joint scenarios or in those of a segment.
    fn order_row<'a, T>(
        &'a self,
        rows: &'a [T],
        order: &OrderPart,
        times: f64,
        segment: Option<usize>,
    ) -> OrderRow<'a, T> {
        // It enters where all counts together: joint or alone.
        let enters = segment.is_none() || !order.row.is_joint;
        let units = if enters { order.coin_units } else { order.premium_units };
        // No units gain nothing.
        let coin = order.coin.filter(|_| units != 0.0);
        let coin = coin.map(|at| self.part(at, segment.map(|_| at.segment)));
        OrderRow {
            lots: order.lots,
            row: &rows[self.part(order.row, segment)],
            constant: if enters { order.gain } else { 0.0 },
            units,
            coin: coin.map_or(&[], |coin| &self.coins[coin]),
            most: if order.coin_counts { f64::INFINITY } else { 0.0 },
            times,
        }
    }
}

/// Rows to be added at once.
struct Batch<'a, 'b, T> {
    before: Before<'b>,
    held: [HeldRow<'a, T>; BATCH],
    coins: [MovedCoin<'a>; BATCH],
    orders: [OrderRow<'a, T>; BATCH],
    counts: [usize; 3],
}

impl<'a, 'b, T: Ticks> Batch<'a, 'b, T> {
    fn new() -> Self {
        let order = OrderRow {
            lots: 0.0,
            row: &[],
            constant: 0.0,
            units: 0.0,
            coin: &[],
            most: 0.0,
            times: 0.0,
        };
        Self {
            before: Before::Zero,
            held: [HeldRow { lots: 0.0, row: &[] }; BATCH],
            coins: [MovedCoin { before: 0.0, after: 0.0, row: &[] }; BATCH],
            orders: [order; BATCH],
            counts: [0; 3],
        }
    }

    /// Whether there may be no room for one more.
    fn is_full(&self) -> bool {
        self.counts.contains(&BATCH)
    }

    fn push_held(&mut self, held: HeldRow<'a, T>) {
        self.held[self.counts[0]] = held;
        self.counts[0] += 1;
    }

    fn push_coin(&mut self, coin: MovedCoin<'a>) {
        self.coins[self.counts[1]] = coin;
        self.counts[1] += 1;
    }

    fn push_order(&mut self, order: OrderRow<'a, T>) {
        self.orders[self.counts[2]] = order;
        self.counts[2] += 1;
    }

    /// Adds what there is; then the batch is empty.
    fn add(&mut self, sums: &mut [f64]) {
        let [held, coins, orders] = std::mem::take(&mut self.counts);
        let before = std::mem::replace(&mut self.before, Before::Sums);
        if matches!(before, Before::Sums) && held + coins + orders == 0 {
            return;
        }
        dispatch(AddRows {
            before,
            sums,
            held: &self.held[..held],
            coins: &self.coins[..coins],
            orders: &self.orders[..orders],
        });
    }
}

/// Entries of two lists, which rise by key, together by key.
fn pairs<'a, E>(
    before: &'a [E],
    after: &'a [E],
    key: impl Fn(&E) -> u64,
) -> impl Iterator<Item = (Option<&'a E>, Option<&'a E>)> {
    let (mut before, mut after) = (before, after);
    std::iter::from_fn(move || {
        let keys = [before.first().map(&key), after.first().map(&key)];
        let least = keys.into_iter().flatten().min()?;
        let next = |list: &mut &'a [E], known: Option<u64>| {
            let (first, rest) = list.split_first().filter(|_| known == Some(least))?;
            *list = rest;
            Some(first)
        };
        Some((next(&mut before, keys[0]), next(&mut after, keys[1])))
    })
}
