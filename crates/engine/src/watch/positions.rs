//! Levels of `cross` and `isolated` accounts, whose requirement follows live prices: what a price
//! takes is what equity loses by it and what positions come to need more.

use instruments::{Instrument, Price, Quantity, Rounding, SCALE, mul_div};
use ledger::AccountId;
use risk::position::NeedSlopes;
use risk::waterfall::Solvency;
use risk::{Account, ByPosition, Haircut, Margin, MarginDetail, MarginModel};

use super::lanes::{FALL, Lane, RISE};
use super::levels::{BOX, BOX_OF_STABLE, Coin, OPTION, Part, ROUNDING, usd};
use crate::State;
use crate::account::Slot;
use crate::bound::ASSETS_MAX;

/// Ticks that may be lost by rounding, and by position.
const TICKS: i128 = 8;
const TICKS_EACH: i128 = 4;

/// Position rules as an account is margined by them.
struct Terms<'a> {
    rules: &'a ByPosition,
    values_options: bool,
    /// Whether positions share equity.
    is_shared: bool,
}

/// An account's coins by place, with what its positions' profits are worth in them: what loses when
/// the price falls, and when it rises.
struct Exposure {
    coins: [Coin; ASSETS_MAX],
    profits: [[i128; 2]; ASSETS_MAX],
}

impl State {
    /// Watches an account margined by position, by its exact margin without orders. Says whether it
    /// could.
    pub(super) fn watch_by_position(
        &mut self,
        account: AccountId,
        view: &Account,
        margin: &Margin,
    ) -> Option<bool> {
        let headroom = self.headroom_by_position(view, margin)?;
        let mut parts = std::mem::take(&mut self.watches.parts);
        parts.clear();
        let to_spare = self.parts_by_position(account, view, margin, headroom, &mut parts);
        Some(self.divide(account, parts, to_spare))
    }

    /// What an account has above its maintenance requirement, whatever notice runs and without what
    /// caps of expiries give back.
    fn headroom_by_position(&self, view: &Account, margin: &Margin) -> Option<i128> {
        let epoch = self.risk.epoch.as_ref()?;
        let rules = epoch.position.as_ref()?;
        let renewed;
        let margin = if epoch.position_before.iter().any(|(_, ends)| self.market.time < *ends) {
            renewed = rules.margin(&self.market, view, margin.model).ok()?;
            &renewed
        } else {
            margin
        };
        let MarginDetail::Position(detail) = &margin.detail else { return None };
        let has_options = view.positions.keys().any(Instrument::is_option);
        // In `isolated` accounts a cap is inside the position's own requirement.
        if margin.model == MarginModel::Isolated && has_options && rules.caps_expiries().ok()? {
            return None;
        }
        let charges = detail.charges.iter();
        let given_back: i128 = charges.map(|charge| charge.maintenance.units().min(0)).sum();
        let stands = Solvency::of(&self.market, view, margin).ok()?;
        // Requirements are computed in floating point.
        let needed = stands.maintenance - given_back;
        Some(stands.health() + given_back - (needed >> 40))
    }

    /// All that could take something away from an account, and what there is beyond rounding.
    fn parts_by_position(
        &self,
        account: AccountId,
        view: &Account,
        margin: &Margin,
        headroom: i128,
        parts: &mut Vec<Part>,
    ) -> Option<i128> {
        if self.assets.len() > ASSETS_MAX {
            return None;
        }
        let rules = self.risk.epoch.as_ref()?.position.as_ref()?;
        let slots = &self.account_ref(account).slots;
        let is_shared = margin.model == MarginModel::Cross;
        let terms = Terms { rules, values_options: rules.values_options().ok()?, is_shared };
        let coins = [Coin::default(); ASSETS_MAX];
        let mut exposure = Exposure { coins, profits: [[0; 2]; ASSETS_MAX] };
        let mut slopes = Vec::with_capacity(slots.len());
        for slot in slots {
            slopes.push(self.add_position(slot, &terms, &mut exposure)?);
        }
        let Exposure { mut coins, profits } = exposure;
        let mut lost =
            (headroom >> 30) + (TICKS + TICKS_EACH * slots.len() as i128) * rules.tick().ok()?;
        for place in 0..self.assets.len() {
            let [low, high] = profits[place];
            let (fall, rise) =
                if is_shared { ((low + high).max(0), (-low - high).max(0)) } else { (high, -low) };
            let coin = &mut coins[place];
            coin.fall = coin.fall.checked_add(fall.unsigned_abs())?;
            coin.rise = coin.rise.checked_add(rise.unsigned_abs())?;
            coin.is_held |= fall != 0 || rise != 0;
            self.add_balance(account, place, view, rules, coin)?;
            if coin.is_held {
                lost += usd(ROUNDING * (slots.len() as u128 + 1), coin.cost)?;
            }
        }
        for (slot, slopes) in slots.iter().zip(&slopes) {
            self.mark_parts(slot, slopes, &terms, &coins, parts)?;
        }
        for (place, coin) in coins.iter().enumerate().take(self.assets.len()) {
            self.coin_parts(place, coin, parts)?;
        }
        Some(headroom - lost)
    }

    /// What indices do to a position; gives how fast it needs more.
    fn add_position(
        &self,
        slot: &Slot,
        terms: &Terms<'_>,
        exposure: &mut Exposure,
    ) -> Option<NeedSlopes> {
        let listing = &self.listings[slot.instrument.place()];
        let (instrument, mark) = (&listing.instrument, listing.mark?);
        let lots = Quantity::from_lots(slot.lots);
        let slopes = terms.rules.slopes(&self.market, instrument, lots).ok()?;
        let unit = u128::from(self.watches.clocks.unit(slot.instrument.place())?);
        let size = unit.checked_mul(slot.lots.unsigned_abs().into())?;
        let base = &mut exposure.coins[listing.base];
        base.is_held = true;
        base.size = base.size.checked_add(size)?;
        base.fall = base.fall.checked_add(slopes.index_fall.unsigned_abs())?;
        base.rise = base.rise.checked_add(slopes.index_rise.unsigned_abs())?;
        let settlement = &mut exposure.coins[listing.settlement];
        settlement.is_held = true;
        if !instrument.is_sized_in_quote() && slopes.mark_rise > 0 {
            let need = usd(slopes.mark_rise.unsigned_abs(), mark.units().into())?;
            settlement.rise = settlement.rise.checked_add(need.unsigned_abs())?;
        }
        if terms.values(instrument) {
            let value = instrument.value(lots, mark, Rounding::Floor).ok()?.units();
            let cost = if instrument.is_option() { 0 } else { slot.cost.units() };
            let profit = value.checked_sub(cost)?;
            let [low, high] = &mut exposure.profits[listing.settlement];
            let sum = if terms.is_shared || profit > 0 { high } else { low };
            *sum = sum.checked_add(profit)?;
        }
        Some(slopes)
    }

    /// What an account has of an asset, and what has accrued on it.
    fn add_balance(
        &self,
        account: AccountId,
        place: usize,
        view: &Account,
        rules: &ByPosition,
        coin: &mut Coin,
    ) -> Option<()> {
        let asset = &self.assets[place];
        let units = self.available(account, place).units();
        let accrued = view.accrued.get(&asset.asset).copied().unwrap_or_default().units();
        coin.is_held |= units != 0 || accrued != 0;
        if !coin.is_held {
            return Some(());
        }
        let price = asset.price?.units();
        // What is worth about a dollar is taken for a stablecoin.
        let is_stable = (price - SCALE).abs() < SCALE / BOX_OF_STABLE;
        coin.room = if is_stable { BOX_OF_STABLE } else { BOX };
        let highest = i128::from(price + price / coin.room + 1);
        coin.cost = highest;
        if units != 0 {
            let haircut = rules.haircuts().get(asset.asset)?;
            let [held, owed] = counted(&haircut, units)?;
            coin.fall = coin.fall.checked_add(held)?;
            coin.rise = coin.rise.checked_add(owed)?;
            coin.size =
                coin.size.checked_add(usd(units.unsigned_abs(), highest)?.unsigned_abs())?;
        }
        coin.fall = coin.fall.checked_add(accrued.max(0).unsigned_abs())?;
        coin.rise = coin.rise.checked_add(accrued.min(0).unsigned_abs())?;
        Some(())
    }

    /// A position's mark, on each side on which it takes more than it gives.
    fn mark_parts(
        &self,
        slot: &Slot,
        slopes: &NeedSlopes,
        terms: &Terms<'_>,
        coins: &[Coin; ASSETS_MAX],
        parts: &mut Vec<Part>,
    ) -> Option<()> {
        let listing = &self.listings[slot.instrument.place()];
        let (instrument, mark) = (&listing.instrument, listing.mark?.units());
        let is_inverse = instrument.is_sized_in_quote();
        let highest = coins[listing.settlement].cost;
        let (lots, scale) = (Quantity::from_lots(slot.lots.abs()), i128::from(SCALE));
        // The coins that it loses or gains: for each dollar of the mark, or if it is inverse for the
        // whole of it.
        let at = Price::from_units(if is_inverse { mark } else { SCALE });
        let value = match terms.values(instrument) {
            true => instrument.value(lots, at, Rounding::Floor).ok()?.units().abs(),
            false => 0,
        };
        for (side, need) in [(FALL, slopes.mark_fall), (RISE, slopes.mark_rise)] {
            let loses = (slot.lots > 0) == (side == FALL) && value > 0;
            let is_paid_for = terms.is_shared && !is_inverse && value >= need;
            if !loses && (need == 0 || is_paid_for) {
                continue;
            }
            let lost = if loses { value + 2 } else { 0 };
            let (way, cost, most) = if is_inverse {
                // Its value goes with one over the mark: a quarter down costs a third.
                let way = (3 * scale).checked_mul(mark.into())?;
                let cost = lost.checked_mul(highest)?.checked_mul(4)?;
                (way, cost.checked_add(need.checked_mul(3 * i128::from(mark))?)?, mark / BOX)
            } else {
                (scale * scale, lost.checked_add(need)?.checked_mul(highest)?, i64::MAX)
            };
            let weight = if instrument.is_option() {
                let unit = u128::from(self.watches.clocks.unit(slot.instrument.place())?);
                unit.checked_mul(slot.lots.unsigned_abs().into())? >> OPTION
            } else {
                mul_div(cost, mark.into(), way, Rounding::Ceil)?.unsigned_abs()
            };
            let now = if side == FALL { -mark } else { mark };
            let lane = Lane::Mark(slot.instrument, side);
            parts.push(Part { lane, now, weight: weight + 1, way, cost, most });
        }
        Some(())
    }
}

impl Terms<'_> {
    /// Whether equity has an instrument's profit or value.
    const fn values(&self, instrument: &Instrument) -> bool {
        self.values_options || !instrument.is_option()
    }
}

/// Units of a balance that lose when their price falls, and when it rises.
fn counted(haircut: &Haircut, units: i128) -> Option<[u128; 2]> {
    let billion = 1_000_000_000;
    let [share, debt] = [haircut.ppb, haircut.debt_ppb].map(|ppb| billion - i128::from(ppb));
    let held = mul_div(units.max(0), share, billion, Rounding::Ceil)?;
    let owed = mul_div((-units).max(0), billion, debt, Rounding::Ceil)?;
    Some([held.unsigned_abs(), owed.unsigned_abs()])
}
