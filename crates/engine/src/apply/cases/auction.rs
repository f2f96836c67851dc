//! Auctions of a whole portfolio in vertical slices, and the backstop vault.

use instruments::{Amount, Rounding, mul_div};
use ledger::AccountId;
use risk::waterfall::auction::{
    AuctionState, AuctionTerms, Bid, Bundle, Cleared, Schedule, clear, fund_fee, least_slice,
    reserve_duration_ms, slice_cost,
};
use risk::waterfall::{Share, Solvency, WaterfallError};

use super::Events;
use super::sale::{Sale, Seller, for_sale, units_of};
use crate::State;
use crate::event::{BidEnd, Taker};
use crate::liquidation::{CaseId, LiquidationRules, StandingBid};

impl State {
    /// Clears the bids that wait; whether anything was sold.
    pub(super) fn clear_auction(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        events: &mut Events,
    ) -> bool {
        loop {
            let seller = self.seller(id, stands);
            let reserve = self.reserve_discount(id, stands);
            let bids = self.bids_for(id, &seller, false);
            let Some(cleared) = self.cleared(&seller, &bids, reserve) else { return false };
            let Some((dropped, cause)) = self.first_unfit(id, &seller, &bids, &cleared) else {
                return self.settle_clearing(id, &seller, &bids, &cleared, events);
            };
            self.end_bid(id, dropped, cause, events);
        }
    }

    /// The bids of a case that wait for a solvent seller, or an insolvent one, which has no limits.
    pub(super) fn bids_for(
        &self,
        id: CaseId,
        seller: &Seller,
        insolvent: bool,
    ) -> Vec<Bid<AccountId>> {
        let meant = self.case(id).bids.iter().filter(|bid| bid.insolvent == insolvent);
        let bid = |bid: &StandingBid| Bid {
            bidder: bid.bidder,
            units: units_of(bid.share_ppb, seller.whole),
            least_discount: Share::from_ppb(bid.least_ppb),
            limit: if insolvent { u128::MAX } else { bid.limit.units().unsigned_abs() },
        };
        meant.map(bid).collect()
    }

    /// What a bidder has set aside in a case.
    pub(super) fn set_aside(&self, id: CaseId, bidder: AccountId) -> Amount {
        let mut bids = self.case(id).bids.iter();
        bids.find(|bid| bid.bidder == bidder).map_or(Amount::ZERO, |bid| bid.held)
    }

    /// What bids are given.
    fn cleared(&self, seller: &Seller, bids: &[Bid<AccountId>], reserve: Share) -> Option<Cleared> {
        let terms = AuctionTerms { for_sale: seller.for_sale, whole: seller.whole, reserve };
        let needed = |discount| Ok(self.needed(seller, discount));
        clear::<_, WaterfallError>(&terms, bids, needed).ok().filter(|c| !c.fills.is_empty())
    }

    /// The least units whose sale at a discount brings the account to its target; all if none does.
    fn needed(&self, seller: &Seller, discount: Share) -> u64 {
        let buffer = Share::from_ppb(self.liquidation_rules().buffer_ppb);
        let Solvency { equity, value, maintenance } = seller.stands;
        let state = AuctionState { equity, value, maintenance, paid_in: value - seller.for_sale };
        let share = state.restoring_share(buffer, discount).unwrap_or(Share::ONE);
        let seed = share.of(seller.whole.into(), Rounding::Ceil).unwrap_or_default();
        let seed = u64::try_from(seed).unwrap_or(seller.whole);
        let margin_after = |units: u64| {
            let after = match units {
                0 => Some(seller.stands),
                _ => self.slice(seller, 0, units, discount).map(|slice| slice.after),
            };
            Ok::<i128, WaterfallError>(after.map_or(-1, |after| beyond_target(&after, buffer)))
        };
        least_slice(seller.whole, seed, margin_after).map_or(seller.whole, |slice| slice.units)
    }

    /// The first bidder that is given what can't be sold at the discount that it asks for, or more than
    /// it can carry.
    fn first_unfit(
        &self,
        id: CaseId,
        seller: &Seller,
        bids: &[Bid<AccountId>],
        cleared: &Cleared,
    ) -> Option<(AccountId, BidEnd)> {
        let mut sold = 0;
        for fill in &cleared.fills {
            let Bid { bidder, least_discount, .. } = bids[fill.bid];
            let slice = self.slice(seller, sold, sold + fill.units, cleared.discount);
            sold += fill.units;
            let asked = self.discount_on(seller, fill.units, least_discount);
            let Some(slice) =
                slice.filter(|slice| slice.paid + self.rounding_of(&slice.bundle) >= asked)
            else {
                return Some((bidder, BidEnd::NotSold));
            };
            if !self.carries(bidder, self.set_aside(id, bidder), &slice.bundle, slice.cash) {
                return Some((bidder, BidEnd::Margin));
            }
        }
        None
    }

    /// f·δ·(V−R).
    fn discount_on(&self, seller: &Seller, units: u64, discount: Share) -> i128 {
        let whole = discount.of(seller.for_sale, Rounding::Floor).unwrap_or_default();
        let part = mul_div(whole, units.into(), seller.whole.into(), Rounding::Floor);
        part.unwrap_or_default()
    }

    fn settle_clearing(
        &mut self,
        id: CaseId,
        seller: &Seller,
        bids: &[Bid<AccountId>],
        cleared: &Cleared,
        events: &mut Events,
    ) -> bool {
        let reserve = self.reserve_discount(id, &seller.stands);
        let (mut from, mut anything) = (0, false);
        for fill in &cleared.fills {
            let range = (from, from + fill.units);
            from = range.1;
            let at_reserve = slice_cost(seller.for_sale, reserve, fill.units, seller.whole);
            let sale = Sale {
                taker: bids[fill.bid].bidder,
                to: Taker::Bidder,
                units: fill.units,
                discount: cleared.discount,
                reserve,
                cost: fill.cost,
                improvement: fill.cost - at_reserve.unwrap_or(fill.cost),
            };
            anything |= self.sell_part(id, seller, range, &sale, events);
        }
        if anything {
            self.charge_fund_fee(id, seller.stands.maintenance, events);
        }
        anything
    }

    /// Sells the part between two units of a portfolio of which what is before is sold.
    fn sell_part(
        &mut self,
        id: CaseId,
        seller: &Seller,
        (from, to): (u64, u64),
        sale: &Sale,
        events: &mut Events,
    ) -> bool {
        let Some(stands) = self.solvency(seller.account) else { return false };
        let now = Seller { view: self.held_by(seller.account), stands, ..*seller };
        let slice = self.slice_of(seller, &now, from, to, sale.discount);
        let Some(slice) = slice else {
            self.end_bid(id, sale.taker, BidEnd::NotSold, events);
            return false;
        };
        self.end_bid(id, sale.taker, BidEnd::Filled, events);
        self.sell(id, &now, &slice, sale, events);
        true
    }

    /// The vault takes what is needed at the reserve price, or as much of it as it can carry; whether
    /// it took anything.
    pub(super) fn sell_to_vault(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        events: &mut Events,
    ) -> bool {
        let Some(vault) = self.liquidation_rules().vault else { return false };
        let account = self.case(id).account;
        if self.account_ref(vault).case.is_some() || self.is_of_same_owner(vault, account) {
            return false;
        }
        let seller = self.seller(id, stands);
        let reserve = self.reserve_discount(id, stands);
        let carried = |units: u64| {
            let slice = self.slice(&seller, 0, units, reserve);
            slice.filter(|slice| self.carries(vault, Amount::ZERO, &slice.bundle, slice.cash))
        };
        // The most of what is needed that it can carry.
        let mut most = self.needed(&seller, reserve);
        let mut too_many = most + 1;
        while most > 0 && carried(most).is_none() {
            (too_many, most) = (most, most / 2);
        }
        while most > 0 && too_many - most > 1 {
            let middle = most + (too_many - most) / 2;
            *(if carried(middle).is_some() { &mut most } else { &mut too_many }) = middle;
        }
        let Some(slice) = Some(most).filter(|most| *most > 0).and_then(carried) else {
            return false;
        };
        let cost = slice_cost(seller.for_sale, reserve, most, seller.whole).unwrap_or_default();
        let sale = Sale {
            taker: vault,
            to: Taker::Vault,
            units: most,
            discount: reserve,
            reserve,
            cost,
            improvement: 0,
        };
        self.sell(id, &seller, &slice, &sale, events);
        self.charge_fund_fee(id, seller.stands.maintenance, events);
        true
    }

    /// The discount that the owner must accept by now.
    pub(super) fn reserve_discount(&self, id: CaseId, stands: &Solvency) -> Share {
        let rules = self.liquidation_rules();
        let [start, end] = [rules.discount_start_ppb, rules.discount_end_ppb].map(Share::from_ppb);
        let case = self.case(id);
        let Solvency { equity, value, maintenance } = *stands;
        let state = AuctionState {
            equity,
            value,
            maintenance,
            paid_in: value - for_sale(stands, case.paid_in),
        };
        let schedule = Schedule::rising(start, end, case.duration_ms.max(1));
        let due = schedule.map_or(start, |schedule| schedule.at(self.auction_elapsed(id)));
        due.min(state.discount_max().unwrap_or_default())
    }

    /// How long the reserve discount takes to grow, by the volatility of the case's group; without
    /// one as in a wild market.
    pub(super) fn auction_duration(&self, id: CaseId) -> u64 {
        let LiquidationRules { calm_ppb, wild_ppb, .. } = *self.liquidation_rules();
        let volatility = self.market.volatility_ppb(self.case(id).group);
        let volatility = volatility.unwrap_or(wild_ppb.into());
        reserve_duration_ms(volatility, calm_ppb.into(), wild_ppb.into())
            .expect("rules have a calm below a wild market")
    }

    /// The fund's fee on what maintenance margin was before a sale and is not any more.
    fn charge_fund_fee(&mut self, id: CaseId, before: i128, events: &mut Events) {
        let rules = self.liquidation_rules();
        let Some(after) = self.solvency(self.case(id).account) else { return };
        let beyond = beyond_target(&after, Share::from_ppb(rules.buffer_ppb));
        let rate = Share::from_ppb(rules.fee_ppb);
        let mut fee = fund_fee(before - after.maintenance, rate, beyond).unwrap_or_default();
        // Margin may rise with what is paid: a debt ends the cap of long options alone.
        while fee > 0 && !self.reaches_target_without(id, fee) {
            fee /= 2;
        }
        self.pay_to_fund(id, fee, events);
    }

    /// Whether a case's account would be at its target with so many US dollars less.
    fn reaches_target_without(&self, id: CaseId, dollars: i128) -> bool {
        let (account, rules) = (self.case(id).account, self.liquidation_rules());
        let Ok(cash) = Bundle::cash_for(&self.market, rules.cash, dollars) else { return false };
        let view = self.with_cash(account, -cash);
        let view = risk::Account { orders: Vec::new(), ..view };
        let after = self.solvency_of(&view, self.account_ref(account).model);
        after.is_some_and(|after| after.covers(rules.target_ppb()))
    }
}

/// B: equity beyond (1+b)·MM.
pub(super) fn beyond_target(stands: &Solvency, buffer: Share) -> i128 {
    let Solvency { equity, value, maintenance } = *stands;
    let state = AuctionState { equity, value, maintenance, paid_in: 0 };
    state.margin_with_buffer(buffer).unwrap_or(i128::MIN)
}
