//! Equity and initial margin of one account.

use instruments::{Amount, Quantity, Rounding, SCALE, Timestamp, mul_div};

use super::table::DenseEpoch;
use super::{DenseAccount, DenseOrder, DenseRoom, DenseSums};
use crate::addons::Circumstances;
use crate::equity::AMOUNT_MAX;
use crate::margin::InitialMargin;
use crate::market::price_f64;
use crate::methodology::Aggregator;
use crate::requirement::{Fraction, ceil_root_of_squares, shortfall, worst_loss};
use crate::settlement::lost_at;
use crate::vector::Slice;

/// How an account without open orders stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseStanding {
    /// Equity, in US dollars.
    pub equity: Amount,
    /// Its initial margin before any cap, in ticks.
    pub uncapped: i128,
    /// By how much more that may rise until a later time.
    pub rise: i128,
}

/// What initial margin is made of, but for the expiry cliff.
struct Parts {
    equity: Amount,
    requirement: i128,
    charged: i128,
}

impl DenseEpoch {
    /// Equity and initial margin of an account at live prices, with one more order if one is tried.
    /// Every feed is trusted and every stablecoin at its peg.
    ///
    /// Sums that are given are those of an earlier call for the same account and epoch, or cleared;
    /// they are brought up to date, without the order that is tried.
    ///
    /// `None` where only the general computation has an answer, or says what is wrong.
    pub fn initial(
        &self,
        time: Timestamp,
        account: &DenseAccount,
        tried: Option<&DenseOrder>,
        sums: Option<&mut DenseSums>,
        room: &mut DenseRoom,
    ) -> Option<InitialMargin> {
        let caps_nothing = |held: &super::DensePosition| {
            self.terms(held.instrument).is_some_and(|terms| !terms.is_option) || held.lots < 0
        };
        account.positions.iter().any(caps_nothing).then_some(())?;
        let Parts { equity, requirement, charged } =
            self.parts(time, account, tried, sums, room)?;
        let [cliff, _] = self.expiry_cliff([time, time], account, requirement, room);
        let uncapped = requirement + charged + cliff;
        let initial = Amount::from_units(uncapped * i128::from(self.units_per_tick()));
        Some(InitialMargin { equity, initial, uncapped })
    }

    /// How an account without open orders stands, and will for some time at these prices: as long as
    /// nothing expires and no tenor bucket ends, what time alone raises is the expiry cliff. Roll falls.
    ///
    /// `None` where only the general computation has an answer, or says what is wrong.
    pub fn standing(
        &self,
        now: Timestamp,
        until: Timestamp,
        account: &DenseAccount,
        room: &mut DenseRoom,
    ) -> Option<DenseStanding> {
        debug_assert!(account.orders.is_empty());
        let Parts { equity, requirement, charged } = self.parts(now, account, None, None, room)?;
        let [cliff, later] = self.expiry_cliff([now, until], account, requirement, room);
        let uncapped = requirement + charged + cliff;
        Some(DenseStanding { equity, uncapped, rise: later - cliff })
    }

    /// Equity, the requirement and all charges but the cliff.
    fn parts(
        &self,
        time: Timestamp,
        account: &DenseAccount,
        tried: Option<&DenseOrder>,
        sums: Option<&mut DenseSums>,
        room: &mut DenseRoom,
    ) -> Option<Parts> {
        (account.balances.len() == self.assets.len()).then_some(())?;
        self.look_up_most(account, room)?;
        let equity = self.equity(account, room)?;
        self.add_balances(account, room);
        self.enter(account, tried, sums.as_deref(), room)?;
        self.profits(account, tried.is_some(), sums, room)?;
        let requirement = self.requirement(room);
        let charged = self.charges(time, account, requirement, room)?;
        Some(Parts { equity, requirement, charged })
    }

    /// How much of each asset counts at most, which depends on its price alone.
    fn look_up_most(&self, account: &DenseAccount, room: &mut DenseRoom) -> Option<()> {
        let known = &mut room.counted_max;
        known.resize(self.assets.len(), Default::default());
        for ((terms, balance), most) in self.assets.iter().zip(&account.balances).zip(known) {
            let price = balance.price;
            if price_f64(price) < terms.peg || price.units() <= 0 {
                return None;
            }
            if most.0 != price {
                let holding = terms.haircut.holding_max.units();
                let (scale, price) = (i128::from(SCALE), i128::from(price.units()));
                let units = mul_div(holding, scale, price, Rounding::Floor);
                *most = (balance.price, units.unwrap_or(i128::MAX));
            }
        }
        Some(())
    }

    /// Equity in US dollars; leaves profit by asset and the worth of collateral in the room.
    fn equity(&self, account: &DenseAccount, room: &mut DenseRoom) -> Option<Amount> {
        let DenseRoom { coins, counted, .. } = room;
        coins.clear();
        coins.extend(account.balances.iter().map(|balance| balance.accrued.units()));
        coins.iter().all(|units| is_real(*units)).then_some(())?;
        let mut total = 0;
        for held in &account.positions {
            let terms = self.terms(held.instrument)?;
            let lots = Quantity::from_lots(held.lots);
            let value = terms.instrument.value(lots, held.mark, Rounding::Floor).ok()?;
            if terms.is_option {
                let price = account.balances[terms.asset].price;
                total += value.worth(price, Rounding::Floor).ok()?.units();
            } else {
                let (value, cost) = (value.units(), held.cost.units());
                (is_real(value) && is_real(cost)).then_some(())?;
                coins[terms.asset] += value - cost;
            }
        }
        counted.clear();
        for ((terms, balance), profit) in self.assets.iter().zip(&account.balances).zip(coins) {
            let mut value = 0;
            if balance.balance != Amount::ZERO {
                is_real(balance.balance.units()).then_some(())?;
                let worth = balance.balance.worth(balance.price, Rounding::Floor).ok()?;
                value = terms.haircut.apply(worth).units();
            }
            counted.push(value);
            let profit = Amount::from_units(*profit);
            total += value + profit.worth(balance.price, Rounding::Floor).ok()?.units();
        }
        Some(Amount::from_units(total))
    }

    /// Adds balances to profits, as far as they count.
    fn add_balances(&self, account: &DenseAccount, room: &mut DenseRoom) {
        for (place, balance) in account.balances.iter().enumerate() {
            let most = if self.assets[place].is_joint { room.counted_max[place].1 } else { 0 };
            room.coins[place] += balance.balance.units().min(most);
        }
    }

    /// R in ticks.
    fn requirement(&self, room: &mut DenseRoom) -> i128 {
        let DenseRoom { profits, losses, entered, .. } = room;
        let set = self.epoch.scenarios();
        losses.clear();
        for block in &set.blocks {
            let span = block.span.clone();
            let loss = match block.aggregator {
                Aggregator::Worst => whole(worst_loss(Slice::Narrow(&profits[span]))),
                Aggregator::ExpectedShortfall { alpha_ppm } => {
                    shortfall(Slice::Narrow(&profits[span]), alpha_ppm)
                }
                Aggregator::RootSumSquares => {
                    let own = self.segments.iter().filter(|segment| segment.is_joint);
                    let each = own.map(|segment| {
                        let start = segment.span.start;
                        let own = start + block.span.start..start + block.span.end;
                        worst_loss(Slice::Narrow(&profits[own]))
                    });
                    let joint = |entered: &&super::Entered| {
                        let terms = self.terms(entered.order.instrument);
                        terms.is_some_and(|terms| terms.row.is_joint)
                    };
                    let entries = entered.iter().filter(joint);
                    let entry: i128 = entries.map(|entered| entered.entry.own_loss).sum();
                    whole(ceil_root_of_squares(each) + entry)
                }
                Aggregator::WorstWithOffset { .. } => {
                    unreachable!("no epoch is made dense whose methodology caps offsets")
                }
            };
            losses.push(loss);
        }
        let largest = set.terms.iter().map(|term| term.ticks(losses)).max().unwrap_or(0).max(0);
        let alone = self.segments.iter().filter(|segment| !segment.is_joint).map(|segment| {
            let start = segment.span.start;
            worst_loss(Slice::Narrow(&profits[start..start + segment.count]))
        });
        largest + alone.sum::<i128>()
    }

    /// All charges but the expiry cliff, in ticks; `None` once something has expired.
    fn charges(
        &self,
        time: Timestamp,
        account: &DenseAccount,
        requirement: i128,
        room: &mut DenseRoom,
    ) -> Option<i128> {
        self.expose(time, account, room)?;
        let circumstances = Circumstances {
            epoch: &self.epoch,
            time,
            feeds: None,
            exposure: &room.exposure,
            peg: 0,
            wrong_way_share: self.wrong_way_share(account, room)?,
            order_settlement: self.order_settlement(account, room)?,
        };
        Some(circumstances.ticks(requirement).ok()?.iter().sum())
    }

    /// Sensitivities of all legs.
    fn expose(&self, time: Timestamp, account: &DenseAccount, room: &mut DenseRoom) -> Option<()> {
        let DenseRoom { exposure, legs, entered, .. } = room;
        legs.clear();
        legs.resize(self.legs.len(), 0);
        let held = account.positions.iter().map(|held| held.instrument);
        for instrument in held.chain(entered.iter().map(|entered| entered.order.instrument)) {
            legs[self.terms(instrument)?.leg] = 1;
        }
        let mut count = 0;
        for leg in legs.iter_mut().filter(|leg| **leg > 0) {
            count += 1;
            *leg = u8::try_from(count).ok()?;
        }
        let present = self.legs.iter().zip(legs.iter()).filter(|(_, leg)| **leg > 0);
        let has_expired = |expiry: Timestamp| expiry.since(time) <= 0;
        if present.clone().any(|((_, expiry), _)| expiry.is_some_and(has_expired)) {
            return None;
        }
        exposure.lay_out(present.map(|(key, _)| *key));
        let place = |leg: usize| usize::from(legs[leg]) - 1;
        for held in &account.positions {
            let terms = self.terms(held.instrument)?;
            let one = &self.epoch.array_at(terms.array).sensitivity;
            exposure.hold_at(place(terms.leg), &terms.instrument, held.lots, one);
        }
        for super::Entered { order, .. } in entered.iter() {
            let terms = self.terms(order.instrument)?;
            let one = &self.epoch.array_at(terms.array).sensitivity;
            exposure.order_at(place(terms.leg), &terms.instrument, order.lots, one);
        }
        Some(())
    }

    /// The expiry cliff at two times, the later one last, as [`crate::cliff`] has it, with the legs as
    /// [`Self::expose`] left them.
    fn expiry_cliff(
        &self,
        times: [Timestamp; 2],
        account: &DenseAccount,
        requirement: i128,
        room: &mut DenseRoom,
    ) -> [i128; 2] {
        let window = crate::cliff::window(&self.epoch.rules().addons);
        let present = self.legs.iter().zip(&room.legs).filter(|(_, leg)| **leg > 0);
        let expiries = present.filter_map(|((_, expiry), _)| *expiry);
        let mut near = std::mem::take(&mut room.near);
        near.clear();
        near.extend(expiries.filter(|expiry| expiry.since(times[1]) < window));
        near.sort_unstable();
        near.dedup();
        let mut largest = [0; 2];
        for expiry in &near {
            self.profits_without(account, Some(*expiry), room);
            let jump = self.requirement(room) - requirement;
            for (largest, time) in largest.iter_mut().zip(times) {
                *largest = crate::cliff::charge(window, expiry.since(time), jump).max(*largest);
            }
        }
        room.near = near;
        largest
    }

    /// Σ corr⁺·share over collateral that no scenario moves, as [`crate::Assessment`] has it.
    fn wrong_way_share(&self, account: &DenseAccount, room: &DenseRoom) -> Option<f64> {
        if self.wrong_way.is_empty() {
            return Some(0.0);
        }
        let worth = |place: usize, units: i128| {
            let worth =
                Amount::from_units(units).worth(account.balances[place].price, Rounding::Floor);
            Some(worth.ok()?.units())
        };
        let mut total: i128 = room.counted.iter().map(|value| (*value).max(0)).sum();
        for (place, flow) in room.flows.iter().enumerate() {
            total -= worth(place, flow.outflow)?;
        }
        let mut share = 0.0;
        for place in &self.wrong_way {
            let value = room.counted[*place].max(0) + worth(*place, room.flows[*place].inflow)?;
            if value > 0 {
                let correlation = self.assets[*place].wrong_way;
                share += correlation * (value as f64 / total.max(value) as f64);
            }
        }
        Some(share.min(1.0))
    }

    /// What haircuts and the weight of debts take from cash that orders may move, in ticks.
    fn order_settlement(&self, account: &DenseAccount, room: &DenseRoom) -> Option<i128> {
        let mut total = 0;
        for (place, flow) in room.flows.iter().enumerate().filter(|(_, flow)| !flow.is_zero()) {
            let (terms, balance) = (&self.assets[place], &account.balances[place]);
            let lost = lost_at(terms.haircut, balance.price, balance.balance, *flow)?;
            total += -(-lost).div_euclid(i128::from(self.units_per_tick())) + 1;
        }
        Some(total)
    }

    fn units_per_tick(&self) -> i64 {
        SCALE / self.epoch.rules().ticks_per_unit
    }
}

const fn whole(ticks: i128) -> Fraction {
    Fraction { numerator: ticks, denominator: 1 }
}

/// Whether sums of many amounts like it fit.
fn is_real(units: i128) -> bool {
    (-AMOUNT_MAX..=AMOUNT_MAX).contains(&units)
}
