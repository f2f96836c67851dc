//! The levels of one account: how far each index, mark and clock may go before it is looked at.
//!
//! What is to spare is divided by how fast each is expected to take it. Prices stay within a box
//! around where they are, so that what one costs is bounded whatever the others do.

use instruments::{Asset, Price, Quantity, Rounding, SCALE, mul_div};
use ledger::AccountId;
use risk::GrossBalance;

use super::clocks::PLACES;
use super::lanes::{CLOCK, FALL, Lane, RISE};
use super::maintenance_of_coin;
use crate::State;
use crate::account::Slot;
use crate::bound::{BoundInputs, Worth};
use crate::epoch::Gross;

/// A price may move by this part of itself, that of a stablecoin by less; and a coin may come to need
/// as much more.
pub(super) const BOX: i64 = 4;
pub(super) const BOX_OF_STABLE: i64 = 64;
/// Binary places by which stablecoins, clocks and the marks of options are given less than their size.
const SLOW: u32 = 4;
pub(super) const OPTION: u32 = 1;
/// And by which what is given least is given less than everything.
const LEAST: u32 = 10;
/// Ticks that may be lost by rounding, and by asset.
const ROUNDING_TICKS: i128 = 64;
const ROUNDING_TICKS_EACH: i128 = 32;
/// Units of a coin that one position, and an asset, may lose by rounding.
pub(super) const ROUNDING: u128 = 3;

/// One thing that could take something away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub lane: Lane,
    /// Where it is.
    pub now: i64,
    /// How much of what is to spare it is given.
    pub weight: u128,
    /// By how much it may move for each unit of that: a fraction; without denominator as far as the
    /// most.
    pub way: i128,
    pub cost: i128,
    pub most: i64,
}

/// What an account has of one asset, and what positions settled in it may do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Coin {
    /// Whether it has any of it.
    pub is_held: bool,
    /// Units that lose when the price falls, and when it rises.
    pub fall: u128,
    pub rise: u128,
    /// What it counts as on the asset's clock, with positions on the asset, in 10⁻⁸ US dollars.
    pub size: u128,
    /// At most what a unit that positions lose costs, as a price.
    pub cost: i128,
    /// Part of itself that the price may move by.
    pub room: i64,
}

impl State {
    /// Watches an account that has at least so much above its maintenance requirement, in 10⁻⁸ US
    /// dollars. Says whether it could.
    pub(super) fn watch_with(&mut self, account: AccountId, headroom: i128) -> bool {
        let mut parts = std::mem::take(&mut self.watches.parts);
        parts.clear();
        let to_spare = self.parts_of(account, headroom, &mut parts);
        self.divide(account, parts, to_spare)
    }

    /// Watches an account for all that could take something away, if there is anything to spare.
    pub(super) fn divide(
        &mut self,
        account: AccountId,
        parts: Vec<Part>,
        to_spare: Option<i128>,
    ) -> bool {
        let to_spare = to_spare.filter(|to_spare| *to_spare >= 0);
        let levels = to_spare.and_then(|to_spare| levels(&parts, to_spare));
        self.watches.parts = parts;
        if let Some(levels) = &levels {
            self.watches.set(account, levels);
        }
        levels.is_some()
    }

    /// All that could take something away from an account, and what there is beyond rounding.
    fn parts_of(&self, account: AccountId, headroom: i128, parts: &mut Vec<Part>) -> Option<i128> {
        let mut inputs = BoundInputs::default();
        self.bound_inputs(account, &mut inputs)?;
        let BoundInputs { balances, worth } = &inputs;
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let state = self.account_ref(account);
        let mut coins = [Coin::default(); crate::bound::ASSETS_MAX];
        for slot in &state.slots {
            let listing = &self.listings[slot.instrument.place()];
            let size = u128::from(self.watches.clocks.unit(slot.instrument.place())?);
            let size = size.checked_mul(slot.lots.unsigned_abs().into())?;
            let base = &mut coins[listing.base].size;
            *base = base.checked_add(size)?;
            coins[listing.settlement].is_held = true;
        }
        let mut lost = (headroom >> 30) + ROUNDING_TICKS * gross.tick;
        for (known, (place, _)) in gross.assets.iter().enumerate() {
            let coin = &mut coins[*place];
            self.add_coin(coin, gross, known, &balances[known], worth)?;
            if coin.is_held {
                lost += ROUNDING_TICKS_EACH * gross.tick;
                lost += usd(ROUNDING * (state.slots.len() as u128 + 1), coin.cost)?;
            }
        }
        for slot in &state.slots {
            let listing = &self.listings[slot.instrument.place()];
            parts.push(self.mark_part(slot, coins[listing.settlement].cost)?);
        }
        for (place, coin) in coins.iter().enumerate().take(self.assets.len()) {
            self.coin_parts(place, coin, parts)?;
        }
        Some(headroom - lost)
    }

    fn add_coin(
        &self,
        coin: &mut Coin,
        gross: &Gross,
        known: usize,
        balance: &GrossBalance,
        worth: &Worth,
    ) -> Option<()> {
        let (place, haircut) = gross.assets[known];
        let price = i128::from(balance.price.units());
        let units = balance.balance.units();
        let low = balance.accrued.units() + worth.options(place);
        let high = low + balance.uncertain.units() + worth.count();
        coin.is_held |= units != 0 || low != 0 || high != 0;
        if !coin.is_held {
            return Some(());
        }
        let held = units.max(0).unsigned_abs();
        if !gross.table.counts_wholly(known, held, balance.price) {
            return None;
        }
        let stable = gross.table.is_stable(known) || self.assets[place].asset == Asset::USD;
        coin.room = if stable { BOX_OF_STABLE } else { BOX };
        let billion = 1_000_000_000;
        let counted =
            mul_div(units.max(0), billion - i128::from(haircut.ppb), billion, Rounding::Ceil)?;
        let debt = billion - i128::from(haircut.debt_ppb);
        let owed = mul_div((-units).max(0), billion, debt, Rounding::Ceil)?;
        coin.fall = (counted + high.max(0)).unsigned_abs();
        coin.rise = (owed + (-low).max(0)).unsigned_abs();
        let room = price / i128::from(coin.room) + 1;
        // Its price, what it needs, and what that may rise by.
        coin.cost = price + 2 * room + maintenance_of_coin(&gross.table, known, gross.tick)?;
        let all = units.unsigned_abs() + low.unsigned_abs().max(high.unsigned_abs());
        coin.size = coin.size.checked_add(usd(all, price + room)?.unsigned_abs())?;
        Some(())
    }

    /// A position's mark, on the side on which it loses.
    fn mark_part(&self, slot: &Slot, cost: i128) -> Option<Part> {
        let listing = &self.listings[slot.instrument.place()];
        let (instrument, mark) = (&listing.instrument, listing.mark?.units());
        let lots = Quantity::from_lots(slot.lots.abs());
        let unit = u128::from(self.watches.clocks.unit(slot.instrument.place())?);
        let weight = unit.checked_mul(slot.lots.unsigned_abs().into())?;
        let scale = i128::from(SCALE);
        let worth = |price: Price| {
            let value = instrument.value(lots, price, Rounding::Ceil).ok()?;
            Some(value.units().abs() + 1)
        };
        let (way, cost, most) = if instrument.is_sized_in_quote() {
            // Its value goes with one over the mark: a quarter down costs a third.
            let whole = worth(Price::from_units(mark))?;
            let way = (3 * scale).checked_mul(mark.into())?;
            (way, whole.checked_mul(cost)?.checked_mul(4)?, mark / BOX)
        } else {
            let whole = worth(Price::from_units(SCALE))?;
            (scale * scale, whole.checked_mul(cost)?, i64::MAX)
        };
        let (side, now) = if slot.lots > 0 { (FALL, -mark) } else { (RISE, mark) };
        let lane = Lane::Mark(slot.instrument, side);
        let weight = if instrument.is_option() { weight >> OPTION } else { weight } + 1;
        Some(Part { lane, now, weight, way, cost, most })
    }

    /// An asset's index, on both sides, and its clock.
    pub(super) fn coin_parts(
        &self,
        place: usize,
        coin: &Coin,
        parts: &mut Vec<Part>,
    ) -> Option<()> {
        if coin.is_held && coin.room == 0 {
            return None;
        }
        let asset = &self.assets[place];
        let clock = self.watches.clocks.of(place);
        if coin.size > 0 {
            // What a coin needs may rise by a part of its price and no more.
            let most = if coin.is_held { (1 << PLACES) / coin.room } else { i64::MAX };
            let (lane, size) = (Lane::Asset(place, CLOCK), i128::try_from(coin.size).ok()?);
            let weight = (coin.size >> SLOW) + 1;
            parts.push(Part { lane, now: clock, weight, way: 1 << PLACES, cost: size, most });
        }
        if !coin.is_held || asset.asset == Asset::USD {
            return Some(());
        }
        let price = asset.price?.units();
        let slow = if coin.room == BOX { 0 } else { SLOW };
        for (side, now, units) in [(FALL, -price, coin.fall), (RISE, price, coin.rise)] {
            let weight = usd(units, price.into())?.unsigned_abs() >> slow;
            let (lane, cost) = (Lane::Asset(place, side), i128::try_from(units).ok()?);
            let most = price / coin.room;
            parts.push(Part { lane, now, weight, way: SCALE.into(), cost, most });
        }
        Some(())
    }
}

/// Divides what is to spare.
fn levels(parts: &[Part], to_spare: i128) -> Option<Vec<(Lane, i64)>> {
    // What is given next to nothing would be reached at once.
    let least = parts.iter().map(|part| part.weight).sum::<u128>() >> LEAST;
    let weight = |part: &Part| part.weight.max(least + 1);
    let whole = i128::try_from(parts.iter().map(weight).sum::<u128>()).ok()?.max(1);
    let level = |part: &Part| {
        let weight = i128::try_from(weight(part)).ok()?;
        let share = mul_div(to_spare, weight, whole, Rounding::Floor)?;
        let way = match part.cost {
            0 => None,
            cost => mul_div(share, part.way, cost, Rounding::Floor),
        };
        let way =
            way.and_then(|way| i64::try_from(way).ok()).map_or(part.most, |way| way.min(part.most));
        Some((part.lane, part.now.saturating_add(way)))
    };
    parts.iter().map(level).collect()
}

/// What some units of a coin cost at a price, in 10⁻⁸ US dollars, rounded up.
pub(super) fn usd(units: u128, price: i128) -> Option<i128> {
    Some(i128::try_from(units).ok()?.checked_mul(price)? / i128::from(SCALE) + 1)
}
