//! The bound of one account: products of its legs and balances with a table.

use instruments::{Price, Timestamp};

use super::rate::{VALUE_BITS, product};
use super::table::AGE_MAX;
use super::{
    AssetTerms, GROUPS_MAX, GrossBalance, GrossLeg, GrossOrders, GrossPosition, GrossTable,
    InstrumentTerms, Kind,
};

/// Lots beyond this have no bound, so that sums of products with units of 52 bits fit.
const LOTS_MAX: u64 = 1 << 56;
/// Sums of so many underlyings and assets are quick to clear; most venues need no more.
const GROUPS_FEW: usize = 8;

/// What one leg adds to the bound.
#[derive(Default)]
pub(super) struct LegSums {
    /// Requirement with the charges of one side, and losses on entry, in ticks.
    pub requirement: u128,
    /// Charges of size, in ticks.
    pub size: u128,
    /// Charges on feeds without confidence, in ticks.
    oracle: u128,
    /// Gross Δ·S, in ticks.
    pub delta: u128,
    pub flow: Flow,
    /// Legs and orders, each of which may have been rounded a few times on its way.
    pub rounded: u128,
}

/// What legs settled in one asset do to it, in 10⁻⁸ of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Flow {
    profit: i128,
    /// Cash that orders may bring and take.
    pub inflow: u128,
    pub outflow: u128,
    /// Value of short options, orders filled.
    shorts: u128,
    /// What orders on futures may lose on entry.
    entry: u128,
}

impl Flow {
    /// The cash that orders may move beyond that of another.
    pub fn beyond(&self, other: &Self) -> Self {
        Self {
            inflow: self.inflow.saturating_sub(other.inflow),
            outflow: self.outflow.saturating_sub(other.outflow),
            ..Self::default()
        }
    }
}

/// Sums over an account's legs, of at most so many underlyings and assets.
struct Sums<const GROUPS: usize> {
    /// Without gross Δ·S and flows, which are by underlying and asset.
    all: LegSums,
    deltas: [u128; GROUPS],
    flows: [Flow; GROUPS],
}

impl<const GROUPS: usize> Sums<GROUPS> {
    fn new() -> Self {
        let (deltas, flows) = ([0; GROUPS], [Flow::default(); GROUPS]);
        Self { all: LegSums::default(), deltas, flows }
    }

    #[inline]
    fn add(&mut self, terms: &InstrumentTerms, leg: &LegSums) -> Option<()> {
        self.all.requirement += leg.requirement;
        self.all.size += leg.size;
        self.all.oracle += leg.oracle;
        self.all.rounded += leg.rounded;
        self.deltas[terms.underlying] += leg.delta;
        let flow = &mut self.flows[terms.asset];
        flow.profit = flow.profit.checked_add(leg.flow.profit)?;
        flow.inflow += leg.flow.inflow;
        flow.outflow += leg.flow.outflow;
        flow.shorts += leg.flow.shorts;
        flow.entry += leg.flow.entry;
        Some(())
    }
}

impl GrossTable {
    /// An upper bound on the initial margin of an account before any cap
    /// ([`crate::ScenarioDetail::uncapped`]) in ticks, at live prices and time: `balances` for each
    /// of [`GrossTable::assets`], a position for each instrument held without orders, and a leg for each
    /// that is ordered.
    ///
    /// `None` where no bound exists: an instrument that the table does not know or that has
    /// expired, a market before the epoch's or more than a day after it, a coin whose price has
    /// fallen so far that its scenarios would take more than it is worth, numbers beyond any real
    /// ones. Then the full computation decides.
    #[must_use]
    pub fn bound(
        &self,
        time: Timestamp,
        balances: &[GrossBalance],
        positions: impl IntoIterator<Item = GrossPosition>,
        legs: impl IntoIterator<Item = GrossLeg>,
    ) -> Option<i128> {
        let fresh = (0..=AGE_MAX).contains(&time.since(self.opened));
        if !fresh || balances.len() != self.assets.len() {
            return None;
        }
        match self.assets.len().max(self.underlyings.len()) {
            0..=GROUPS_FEW => {
                self.bound_of(Sums::<GROUPS_FEW>::new(), time, balances, positions, legs)
            }
            _ => self.bound_of(Sums::<GROUPS_MAX>::new(), time, balances, positions, legs),
        }
    }

    fn bound_of<const GROUPS: usize>(
        &self,
        mut sums: Sums<GROUPS>,
        time: Timestamp,
        balances: &[GrossBalance],
        positions: impl IntoIterator<Item = GrossPosition>,
        legs: impl IntoIterator<Item = GrossLeg>,
    ) -> Option<i128> {
        for position in positions {
            let terms = self.terms_of(position.instrument, time)?;
            let lots = position.lots;
            let reach = [lots.max(0).unsigned_abs(), lots.min(0).unsigned_abs()];
            let mut one = LegSums::default();
            self.add_position(&mut one, terms, &position, reach, &balances[terms.asset])?;
            sums.add(terms, &one)?;
        }
        for leg in legs {
            let terms = self.terms_of(leg.position.instrument, time)?;
            let mut one = LegSums::default();
            self.leg_with(&mut one, terms, &leg, &balances[terms.asset], [true; 2])?;
            sums.add(terms, &one)?;
        }
        self.total(&sums, balances)
    }

    /// The terms of an instrument that the table knows and that lives.
    #[inline]
    pub(super) fn terms_of(&self, instrument: u32, time: Timestamp) -> Option<&InstrumentTerms> {
        let terms = self.instruments.get(instrument as usize)?.as_ref()?;
        terms.expiry.is_none_or(|expiry| time < expiry).then_some(terms)
    }

    /// Adds what a leg needs to empty sums, but for what orders to buy, or those to sell, lose and move
    /// by themselves where they are left out.
    pub(super) fn leg_with(
        &self,
        sums: &mut LegSums,
        terms: &InstrumentTerms,
        leg: &GrossLeg,
        asset: &GrossBalance,
        [counts_bids, counts_asks]: [bool; 2],
    ) -> Option<()> {
        let lots = leg.position.lots;
        if lots.unsigned_abs() > LOTS_MAX {
            return None;
        }
        let (bids, asks) = (lots_of(&leg.bids)?, lots_of(&leg.asks)?);
        let long = (lots + bids.cast_signed()).max(0).unsigned_abs();
        let short = (asks.cast_signed() - lots).max(0).unsigned_abs();
        self.add_position(sums, terms, &leg.position, [long, short], asset)?;
        if terms.kind != Kind::Option {
            sums.flow.profit = leg.profit.units();
        }
        if !has_orders(&leg.bids) && !has_orders(&leg.asks) {
            return Some(());
        }
        sums.rounded += 4 * (u128::from(leg.bids.count) + u128::from(leg.asks.count));
        if counts_bids {
            self.add_orders(sums, terms, leg, &leg.bids, true, asset)?;
        }
        if counts_asks {
            self.add_orders(sums, terms, leg, &leg.asks, false, asset)?;
        }
        match terms.kind {
            Kind::Option => Some(()),
            Kind::Linear | Kind::Inverse => self.add_realised(&mut sums.flow, terms, leg),
        }
    }

    /// Adds what a position needs to empty sums: the longest and the shortest that it may become count.
    #[inline]
    fn add_position(
        &self,
        sums: &mut LegSums,
        terms: &InstrumentTerms,
        position: &GrossPosition,
        [long, short]: [u64; 2],
        asset: &GrossBalance,
    ) -> Option<()> {
        let held = position.lots.unsigned_abs();
        if held > LOTS_MAX || position.mark < Price::ZERO {
            return None;
        }
        let (unit, most) = (&terms.unit, long.max(short));
        let times = |lots: u64, unit: u64| u128::from(lots) * u128::from(unit);
        sums.requirement = times(long, unit.long) + times(short, unit.short);
        sums.size = times(most, unit.size);
        sums.delta = times(most, unit.delta);
        sums.rounded = 1;
        if position.confidence.ppm() < self.oracle_below {
            let missing = u128::from(1_000_000 - position.confidence.ppm());
            sums.oracle = (self.oracle_rate.of(sums.delta)? * missing).div_ceil(1_000_000);
        }
        let is_short_option = terms.kind == Kind::Option && position.lots < 0;
        if is_short_option && asset.price.units() < self.terms[terms.asset].peg {
            sums.flow.shorts = self.size(terms, held, position.mark)? + 1;
        }
        Some(())
    }

    /// What orders of one side lose on entry, and the cash that they may move.
    fn add_orders(
        &self,
        sums: &mut LegSums,
        terms: &InstrumentTerms,
        leg: &GrossLeg,
        orders: &GrossOrders,
        is_bid: bool,
        asset: &GrossBalance,
    ) -> Option<()> {
        if !has_orders(orders) {
            return Some(());
        }
        let of_asset = &self.terms[terms.asset];
        if asset.price.units() < of_asset.price_min.max(1) {
            return None;
        }
        let lots = lots_of(orders)?;
        let count = u128::from(orders.count);
        let fees = u128::try_from(orders.fees.units()).ok().and_then(real)?;
        // Each order is rounded against the account a few times.
        let odd = fees + 3 * count;
        let worse = |limit: Price| {
            if is_bid { limit > leg.position.mark } else { limit < leg.position.mark }
        };
        let loss = if worse(orders.nearest) {
            self.difference(terms, lots, leg.position.mark, orders.nearest)?
        } else {
            0
        };
        let mut entry = self.worth(loss + odd, asset.price)? + of_asset.rise.of(loss + odd)?;
        let flow = &mut sums.flow;
        flow.inflow += odd;
        flow.outflow += odd;
        if terms.kind == Kind::Option {
            let premium =
                if is_bid { orders.nearest.max(leg.position.mark) } else { leg.position.mark };
            let premium = self.size(terms, lots, premium)? + count;
            entry += if is_bid { of_asset.rise } else { of_asset.fall }.of(premium)?;
            if is_bid {
                flow.outflow += self.size(terms, lots, orders.nearest)?;
            } else {
                flow.inflow += self.size(terms, lots, orders.farthest)?;
                flow.shorts += premium;
            }
        } else {
            flow.entry += loss + odd;
        }
        sums.requirement += product(entry, self.entry_weight.into())?;
        Some(())
    }

    /// Everything together.
    fn total<const GROUPS: usize>(
        &self,
        sums: &Sums<GROUPS>,
        balances: &[GrossBalance],
    ) -> Option<i128> {
        let mut requirement = sums.all.requirement;
        let mut charges = sums.all.size + sums.all.oracle;
        for (terms, delta) in self.underlyings.iter().zip(&sums.deltas) {
            if *delta > 0 {
                charges += terms.charge(*delta)?;
            }
        }
        let mut rounded = 16 + sums.all.rounded;
        let mut wrong_way = false;
        for ((terms, balance), flow) in self.terms.iter().zip(balances).zip(&sums.flows) {
            let profit = flow.profit.checked_add(balance.accrued.units())?;
            if profit == 0
                && balance.uncertain.units() == 0
                && balance.balance.units() == 0
                && flow.inflow == 0
                && flow.outflow == 0
                && flow.shorts == 0
            {
                continue;
            }
            let most = profit.checked_add(balance.uncertain.units())?;
            requirement += self.coin(terms, balance, profit)?.max(self.coin(terms, balance, most)?);
            charges += self.settlement(terms, balance, flow)?;
            charges += peg(terms, balance, flow, profit)?;
            wrong_way |=
                !terms.wrong_way.is_zero() && (balance.balance.units() > 0 || flow.inflow > 0);
            rounded += 8 * u128::from(self.entry_weight);
        }
        if wrong_way {
            charges += self.wrong_way(requirement, sums, balances)?;
        }
        let total = requirement + charges;
        if total >> VALUE_BITS != 0 {
            return None;
        }
        // What floating-point sums of the full computation may be off by.
        Some((total + (total >> 40) + rounded).cast_signed())
    }

    /// The requirement of an asset's balance and profit. What is beyond the most that counts brings
    /// no risk: then the larger of with and without.
    fn coin(&self, terms: &AssetTerms, balance: &GrossBalance, profit: i128) -> Option<u128> {
        let units = balance.balance.units();
        let alone = |units: i128| {
            let rate = if units > 0 { terms.long } else { terms.short };
            rate.of(units.unsigned_abs())
        };
        if terms.long.is_zero() && terms.short.is_zero() {
            return Some(0);
        }
        if !terms.joint {
            return alone(profit.checked_add(units.min(0))?);
        }
        let all = alone(profit.checked_add(units)?)?;
        let counts = units <= 0
            || self.worth(units.unsigned_abs(), balance.price)? <= terms.holding_max_ticks;
        if counts { Some(all) } else { Some(all.max(alone(profit)?)) }
    }

    /// What haircuts take from cash that orders bring, and the weight of debts from cash that they
    /// take.
    pub(super) fn settlement(
        &self,
        terms: &AssetTerms,
        balance: &GrossBalance,
        flow: &Flow,
    ) -> Option<u128> {
        if flow.inflow == 0 && flow.outflow == 0 {
            return Some(0);
        }
        let units = balance.balance.units();
        let inflow = self.worth(flow.inflow, balance.price)?;
        let after = units.checked_add(flow.inflow.cast_signed())?.max(0).unsigned_abs();
        let uncounted = self.worth(after, balance.price)?.saturating_sub(terms.holding_max_ticks);
        let cut = (terms.haircut.of(inflow)? + uncounted).min(inflow);
        let owed = units.max(0).unsigned_abs();
        let owed = self.worth(flow.outflow.saturating_sub(owed), balance.price)?;
        Some(cut + terms.debt_extra.of(owed)? + 4)
    }

    /// `requirement·Σ corr⁺·share` over holdings that no scenario moves.
    fn wrong_way<const GROUPS: usize>(
        &self,
        requirement: u128,
        sums: &Sums<GROUPS>,
        balances: &[GrossBalance],
    ) -> Option<u128> {
        // The least that all collateral may count for once orders have taken their cash.
        let (mut held, mut taken) = (0_u128, 0);
        let each = || self.terms.iter().zip(balances).zip(&sums.flows);
        for ((terms, balance), flow) in each() {
            if balance.balance.units() > 0 {
                let worth = self.worth(balance.balance.units().unsigned_abs(), balance.price)?;
                let worth = worth - (worth >> 30) - worth.min(2);
                let counted = worth.min(terms.holding_max_ticks);
                held += counted - terms.haircut.of(counted)?.min(counted);
            }
            taken += self.worth(flow.outflow, balance.price)?;
        }
        let total = held.saturating_sub(taken).saturating_sub(64);
        let mut charge = 0;
        for ((terms, balance), flow) in each().filter(|((terms, ..), _)| !terms.wrong_way.is_zero())
        {
            let units = balance.balance.units().max(0).unsigned_abs() + flow.inflow;
            let value = self.worth(units, balance.price)? + 2;
            // A share in 2^-32, rounded up.
            let share = (value << 32).div_ceil(total.max(value));
            let whole = terms.wrong_way.of(requirement)?;
            charge += (whole * share).div_ceil(1 << 32);
        }
        Some(charge.min(requirement))
    }

    /// What an amount in 10⁻⁸ of an asset is worth at a price, in ticks rounded up.
    pub(super) fn worth(&self, units: u128, price: Price) -> Option<u128> {
        self.worth.of(product(units, u64::try_from(price.units()).ok()?)?)
    }

    /// `lots·lot·price` in 10⁻⁸, rounded up.
    fn size(&self, terms: &InstrumentTerms, lots: u64, price: Price) -> Option<u128> {
        let size = u128::from(lots) * u128::from(terms.lot_size);
        self.per_scale.of(product(size, u64::try_from(price.units()).ok()?)?)
    }

    /// What lots gain or lose between two prices, in 10⁻⁸ of the settlement asset, rounded up.
    pub(super) fn difference(
        &self,
        terms: &InstrumentTerms,
        lots: u64,
        from: Price,
        to: Price,
    ) -> Option<u128> {
        let apart = from.units().abs_diff(to.units());
        let size = u128::from(lots) * u128::from(terms.lot_size);
        if terms.kind != Kind::Inverse {
            return self.per_scale.of(product(size, apart)?);
        }
        let [from, to] = [from, to].map(|price| u128::try_from(price.units()).ok());
        let (from, to) = (from.filter(|p| *p > 0)?, to.filter(|p| *p > 0)?);
        let coins = size.checked_mul(instruments::SCALE.cast_unsigned().into())?.div_ceil(from);
        real(product(coins, apart)?.div_ceil(to))
    }
}

/// What is owed in a stablecoin below its peg, or may come to be, times what it has lost.
fn peg(terms: &AssetTerms, balance: &GrossBalance, flow: &Flow, profit: i128) -> Option<u128> {
    let below = terms.peg.saturating_sub(balance.price.units());
    if below <= 0 {
        return Some(0);
    }
    let taken = (flow.outflow + flow.entry).cast_signed();
    let left = profit.checked_add(balance.balance.units())?.checked_sub(taken)?;
    let owed = left.min(0).unsigned_abs() + flow.shorts;
    terms.peg_factor.of(owed.checked_mul(below.unsigned_abs().into())?)
}

/// A number that sums of many like it can hold.
pub(super) fn real(number: u128) -> Option<u128> {
    (number >> VALUE_BITS == 0).then_some(number)
}

fn has_orders(orders: &GrossOrders) -> bool {
    orders.count > 0 || orders.lots > 0
}

/// Lots of orders within limits.
pub(super) fn lots_of(orders: &GrossOrders) -> Option<u64> {
    u64::try_from(orders.lots).ok().filter(|lots| *lots <= LOTS_MAX)
}
