//! Forced trades in the order book, one slice at a time.
//!
//! Candidates are all positions, to close, and the futures and perpetuals on the same underlyings,
//! either way, since they may hedge what cannot be closed well. Each is tried at the prices that the
//! book has; the one that releases most margin less what it costs is traded.

use book::{Phase, SelfTrade, Side, Ticks};
use instruments::{Amount, Price, Quantity, Rounding, SCALE, mul_div};
use risk::waterfall::auction::least_slice;
use risk::waterfall::{Share, Solvency, WaterfallError, allowed_loss, worst_price};

use super::super::enter::{Checked, Entering, band, fee, signed};
use super::Events;
use super::auction::beyond_target;
use super::sale::{Seller, falls_by};
use crate::command::{OrderTerms, OrderType};
use crate::event::CaseStep;
use crate::liquidation::{CaseId, LiquidationRules};
use crate::orders::Then;
use crate::rules::MarketState;
use crate::{InstrumentId, State};

/// A trade that heals.
struct Candidate {
    instrument: InstrumentId,
    side: Side,
    lots: i64,
    /// The generalised zero price.
    limit: Ticks,
    /// What it may lose against mark.
    allowed: i128,
    /// How the account stands when it is done at the prices in the book, with its fees.
    after: Solvency,
}

/// What a level of the book would fill.
struct LevelFill {
    price: Ticks,
    lots: i64,
    orders: u32,
}

impl State {
    /// Trades one slice in the book; whether any trade heals.
    pub(super) fn trade_slice(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        rules: &LiquidationRules,
        events: &mut Events,
    ) -> bool {
        let seller = self.seller(id, stands);
        let candidates = self.ways_out(&seller);
        let tried = candidates.into_iter().filter_map(|(instrument, side, most)| {
            self.try_most(&seller, rules, instrument, side, most)
        });
        let gain = |candidate: &Candidate| {
            let released = stands.maintenance - candidate.after.maintenance;
            released - (stands.equity - candidate.after.equity)
        };
        let mut best: Option<Candidate> = None;
        for candidate in tried {
            if best.as_ref().is_none_or(|best| gain(&candidate) > gain(best)) {
                best = Some(candidate);
            }
        }
        let Some(best) = best else { return false };
        let slice = self.least_of(&seller, rules, best);
        self.trade_candidate(id, &seller, &slice, events)
    }

    /// What may be traded, which way, and how many lots at most.
    fn ways_out(&self, seller: &Seller) -> Vec<(InstrumentId, Side, i64)> {
        let state = self.account_ref(seller.account);
        let on = |id: InstrumentId| self.listings[id.place()].instrument.underlying();
        let mut underlyings: Vec<_> = state.slots.iter().map(|slot| on(slot.instrument)).collect();
        underlyings.sort_unstable();
        underlyings.dedup();
        let mut ways = Vec::new();
        for listing in &self.listings {
            let meant = underlyings.binary_search(&listing.instrument.underlying()).is_ok();
            let open =
                listing.book.phase() == Phase::Continuous && self.check_trading(listing.id).is_ok();
            let covered = self
                .epoch_for(seller.model)
                .is_ok_and(|epoch| epoch.covered.get(listing.id.place()).copied().unwrap_or(false));
            let fresh =
                self.depends_on(listing.id).into_iter().all(|place| self.assets[place].is_fresh());
            if !meant || !open || !covered || !fresh || listing.mark.is_none() {
                continue;
            }
            let held = state.lots(listing.id);
            let closing = if held > 0 { Side::Sell } else { Side::Buy };
            match listing.market_state() {
                MarketState::Halted => {}
                _ if held != 0 => ways.push((listing.id, closing, held.abs())),
                MarketState::Open if !listing.instrument.is_option() => {
                    let interest = listing.terms.open_interest_max - listing.open_interest;
                    let most = listing.terms.position_max.min(interest.max(0));
                    ways.extend(Side::BOTH.map(|side| (listing.id, side, most)));
                }
                _ => {}
            }
        }
        ways
    }

    /// A way out with as many lots as depth and recent volume allow, or half of that, and so on, until
    /// it heals.
    fn try_most(
        &self,
        seller: &Seller,
        rules: &LiquidationRules,
        instrument: InstrumentId,
        side: Side,
        most: i64,
    ) -> Option<Candidate> {
        let listing = &self.listings[instrument.place()];
        let recent = listing.volume.recent(listing.book.volume());
        let share = Share::from_ppb(rules.volume_share_ppb).of(recent, Rounding::Floor).ok()?;
        let share = i64::try_from(share).unwrap_or(i64::MAX).max(1);
        let mut lots = self.depth(instrument, side, most.min(share));
        while lots > 0 {
            let candidate = self.candidate(seller, instrument, side, lots);
            if candidate.is_some() {
                return candidate;
            }
            lots /= 2;
        }
        None
    }

    /// Lots that the book has within the price band, at most so many.
    fn depth(&self, instrument: InstrumentId, side: Side, most: i64) -> i64 {
        self.fills(instrument, side, most).iter().map(|fill| fill.lots).sum()
    }

    /// What an order of so many lots would get at once within the price band: from the best price on,
    /// lots at each. The account's own orders are cancelled when its case opens.
    fn fills(&self, instrument: InstrumentId, side: Side, lots: i64) -> Vec<LevelFill> {
        let listing = &self.listings[instrument.place()];
        let Some(mark) = listing.mark else { return Vec::new() };
        let [low, high] = band(listing, mark);
        let mut left = lots.min(listing.terms.lots_max);
        let mut fills = Vec::new();
        for level in listing.book.depth(side.opposite()) {
            let inside = if side == Side::Buy { level.price <= high } else { level.price >= low };
            if left == 0 || !inside {
                break;
            }
            let lots = left.min(level.displayed.0 + level.hidden.0);
            fills.push(LevelFill { price: level.price, lots, orders: level.orders });
            left -= lots;
        }
        fills
    }

    /// The trade of so many lots, if the book has them, it lowers the requirement, and equity over
    /// requirement stays where it is.
    fn candidate(
        &self,
        seller: &Seller,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
    ) -> Option<Candidate> {
        let listing = &self.listings[instrument.place()];
        let fills = self.fills(instrument, side, lots);
        let last = fills.last()?.price;
        if fills.iter().map(|fill| fill.lots).sum::<i64>() != lots {
            return None;
        }
        let mut after = seller.view.clone();
        let (mut fees, mut rounding) = (0, 0);
        let settlement = listing.instrument.settlement_asset();
        for LevelFill { price, lots, orders } in fills {
            let price = listing.price(price);
            let quantity = Quantity::from_lots(signed(side, lots));
            after.trade(listing.instrument, quantity, price).ok()?;
            // Each order that is met rounds its own fee up.
            fees += self.taker_fee(instrument, lots, price).units() + i128::from(orders);
            rounding += self.rounding_in(settlement) * i128::from(orders);
        }
        let balance = after.balances.entry(settlement).or_default();
        *balance = balance.checked_sub(Amount::from_units(fees))?;
        let after = self.solvency_of(&after, seller.model)?;
        let heals = after.maintenance < seller.stands.maintenance
            && falls_by(&seller.stands, &after).is_some_and(|beyond| beyond + rounding <= 0);
        if !heals {
            return None;
        }
        let Solvency { equity, maintenance, .. } = seller.stands;
        let allowed = allowed_loss(equity, maintenance, after.maintenance).ok()?;
        let limit = self.zero_price(instrument, side, lots, last, allowed, fees)?;
        Some(Candidate { instrument, side, lots, limit, allowed, after })
    }

    fn taker_fee(&self, instrument: InstrumentId, lots: i64, price: Price) -> Amount {
        let listing = &self.listings[instrument.place()];
        let index = self.assets[listing.base].price.unwrap_or(Price::ZERO);
        fee(listing, lots, price, listing.terms.fees.taker_ppm, index)
    }

    /// The least lots of a candidate that bring the account to its target, or all of them.
    fn least_of(&self, seller: &Seller, rules: &LiquidationRules, best: Candidate) -> Candidate {
        let buffer = Share::from_ppb(rules.buffer_ppb);
        let most = best.lots.unsigned_abs();
        let try_lots = |lots: u64| {
            let lots = i64::try_from(lots).expect("no more than the candidate has");
            self.candidate(seller, best.instrument, best.side, lots)
        };
        let margin_after = |lots: u64| {
            let after = match lots {
                0 => Some(seller.stands),
                _ => try_lots(lots).map(|candidate| candidate.after),
            };
            Ok::<i128, WaterfallError>(after.map_or(-1, |after| beyond_target(&after, buffer)))
        };
        let least = least_slice(most, most, margin_after);
        let least = least.ok().filter(|slice| slice.restores);
        least.and_then(|slice| try_lots(slice.units)).unwrap_or(best)
    }

    /// Sends a candidate to its book, no worse than the generalised zero price.
    fn trade_candidate(
        &mut self,
        id: CaseId,
        seller: &Seller,
        slice: &Candidate,
        events: &mut Events,
    ) -> bool {
        let Candidate { instrument, side, lots, limit, allowed, after } = *slice;
        let listing = &self.listings[instrument.place()];
        let Some(mark) = listing.mark else { return false };
        let terms = OrderTerms {
            instrument,
            side,
            lots,
            order_type: OrderType::ImmediateOrCancel { price: listing.price(limit) },
            trigger: None,
            reduce_only: false,
            display: None,
            expires: None,
            self_trade: SelfTrade::default(),
            protected: false,
            label: None,
        };
        let open = self.open_order(listing, side, lots, limit);
        self.count_step(id);
        let told = CaseStep::Order {
            stands: seller.stands.into(),
            order: book::OrderId(self.orders.last + 1),
            instrument,
            side,
            lots,
            limit: self.listings[instrument.place()].price(limit),
            mark,
            allowed_loss: Amount::from_units(allowed),
            expected_loss: Amount::from_units(seller.stands.equity - after.equity),
            maintenance_after: Amount::from_units(after.maintenance),
        };
        self.tell(id, told, events);
        let entering = Entering {
            account: seller.account,
            terms: &terms,
            waited: None,
            partner: None,
            then: Then::default(),
        };
        let sent = self.submit(entering, &Checked { lots, limit, open }, events);
        self.forget_credit(seller.account);
        self.case_mut(id).traded |= sent.is_ok();
        sent.is_ok()
    }

    /// The worst tick at which lots may trade so that what is allowed is not lost, fees being a loss
    /// like any other; `None` where the last lot in the book is beyond it.
    fn zero_price(
        &self,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
        last: Ticks,
        allowed: i128,
        fees: i128,
    ) -> Option<Ticks> {
        let listing = &self.listings[instrument.place()];
        let mark = listing.mark?;
        let settlement = self.assets[listing.settlement].price?;
        let allowed =
            mul_div(allowed, SCALE.into(), settlement.units().into(), Rounding::Floor)? - fees;
        let quantity = Quantity::from_lots(signed(side, lots));
        let worst = worst_price(&listing.instrument, quantity, mark, allowed).ok()?;
        let [low, high] = band(listing, mark);
        let (limit, reaches) = match side {
            Side::Buy => {
                let limit = listing.ticks_down(worst).min(high);
                (limit, limit >= last)
            }
            Side::Sell => {
                let limit = listing.ticks_up(worst).max(low);
                (limit, limit <= last)
            }
        };
        reaches.then_some(limit)
    }
}
