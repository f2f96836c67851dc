//! What is worth less than nothing: the fund pays whoever takes it over.

use instruments::Amount;
use ledger::AccountId;
use risk::waterfall::auction::{AuctionTerms, Bid, Bundle, Cleared, TakeOver, clear};
use risk::waterfall::{Share, Solvency, WaterfallError};

use super::Events;
use super::sale::{Seller, units_of};
use crate::State;
use crate::event::{BidEnd, CaseStep, Stands};
use crate::liquidation::CaseId;

/// A part that is taken over: what the fund pays into the account, and to the taker.
struct Payment {
    deficit: i128,
    premium: i128,
    into_account: Amount,
    to_taker: Amount,
}

impl State {
    /// Clears the bids of an insolvent auction; whether anything was taken over.
    pub(super) fn clear_insolvent(
        &mut self,
        id: CaseId,
        stands: &Solvency,
        events: &mut Events,
    ) -> bool {
        let Ok(price) = TakeOver::of(stands.value, stands.maintenance) else { return false };
        loop {
            if self.case(id).bids.is_empty() {
                return false;
            }
            let seller = self.seller(id, stands);
            let Some(cleared) = self.cleared_insolvent(id, &seller) else { return false };
            let Some(fill) = cleared.fills.first().copied() else { return false };
            let bid = self.case(id).bids[fill.bid];
            // The fund may not have enough for all of it.
            let paid = |units| self.payment(id, &price, cleared.discount, units, seller.whole);
            let mut units = fill.units;
            while units > 0 && paid(units).is_none() {
                units /= 2;
            }
            let Some(payment) = paid(units).filter(|_| units > 0) else { return false };
            let cash = self.liquidation_rules().cash;
            let bundle = Bundle::between(&self.market, &seller.view, cash, 0..units, seller.whole);
            let carried = bundle
                .as_ref()
                .is_ok_and(|bundle| self.carries(bid.bidder, bid.held, bundle, payment.to_taker));
            let Some(bundle) = bundle.ok().filter(|_| carried) else {
                self.end_bid(id, bid.bidder, BidEnd::Margin, events);
                continue;
            };
            self.end_bid(id, bid.bidder, BidEnd::Filled, events);
            let part = ((*stands).into(), units, seller.whole, cleared.discount);
            self.take_over(id, bid.bidder, part, &payment, &bundle, events);
            return true;
        }
    }

    fn cleared_insolvent(&self, id: CaseId, seller: &Seller) -> Option<Cleared> {
        let terms = AuctionTerms { for_sale: 0, whole: seller.whole, reserve: self.progress(id) };
        let bid = |bid: &crate::liquidation::StandingBid| Bid {
            bidder: bid.bidder,
            units: units_of(bid.share_ppb, seller.whole),
            least_discount: Share::from_ppb(bid.least_ppb),
            limit: u128::MAX,
        };
        let bids: Vec<Bid<AccountId>> = self.case(id).bids.iter().map(bid).collect();
        let all = |_| Ok::<u64, WaterfallError>(seller.whole);
        clear(&terms, &bids, all).ok()
    }

    /// How much of the way from −V to −V + MM is gone.
    pub(super) fn progress(&self, id: CaseId) -> Share {
        let whole = self.liquidation_rules().insolvent_ms.unsigned_abs().max(1);
        let gone = u128::from(self.insolvent_elapsed(id).min(whole));
        let share = gone * u128::from(Share::ONE.units()) / u128::from(whole);
        Share::from_units(u64::try_from(share).expect("at most one"))
    }

    /// What the fund pays for a part; `None` if it has less.
    fn payment(
        &self,
        id: CaseId,
        price: &TakeOver,
        progress: Share,
        units: u64,
        whole: u64,
    ) -> Option<Payment> {
        let cash = self.liquidation_rules().cash;
        let deficit = price.payment(Share::ZERO, units, whole).ok()?;
        let premium = price.payment(progress, units, whole).ok()? - deficit;
        let into_account = Bundle::cash_for(&self.market, cash, deficit).ok()?;
        // Rounded down: it is the taker's gain.
        let to_taker = -Bundle::cash_for(&self.market, cash, -premium).ok()?;
        let all = into_account.units() + to_taker.units();
        (self.fund_available(id) >= all.unsigned_abs()).then_some(Payment {
            deficit,
            premium,
            into_account,
            to_taker,
        })
    }

    fn take_over(
        &mut self,
        id: CaseId,
        taker: AccountId,
        (stands, units, whole, progress): (Stands, u64, u64, Share),
        payment: &Payment,
        bundle: &Bundle,
        events: &mut Events,
    ) {
        self.count_step(id);
        let told = CaseStep::TakenOver {
            stands,
            taker,
            units,
            whole,
            progress: progress.units(),
            deficit: Amount::from_units(payment.deficit),
            premium: Amount::from_units(payment.premium),
        };
        self.tell(id, told, events);
        let account = self.case(id).account;
        self.draw_from_fund(id, account, payment.into_account, events);
        self.draw_from_fund(id, taker, payment.to_taker, events);
        self.hand_over(id, taker, bundle, events);
        self.case_mut(id).traded = true;
    }
}
