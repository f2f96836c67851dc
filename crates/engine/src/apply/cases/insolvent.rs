//! What is worth less than nothing: the fund pays whoever takes it over.

use instruments::{Amount, Rounding};
use ledger::AccountId;
use risk::waterfall::auction::{AuctionTerms, Bundle, TakeOver, clear};
use risk::waterfall::{Share, Solvency, WaterfallError};

use super::Events;
use super::sale::Seller;
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
            let seller = self.seller(id, stands);
            let bids = self.bids_for(id, &seller, true);
            let terms =
                AuctionTerms { for_sale: 0, whole: seller.whole, reserve: self.progress(id) };
            let all = |_| Ok::<u64, WaterfallError>(seller.whole);
            let Ok(cleared) = clear(&terms, &bids, all) else { return false };
            let Some(fill) = cleared.fills.first().copied() else { return false };
            let bidder = bids[fill.bid].bidder;
            let held = self.set_aside(id, bidder);
            // The fund may not have enough for all of it.
            let paid = |units| self.payment(id, &price, cleared.discount, units, &seller);
            let mut units = fill.units;
            while units > 0 && paid(units).is_none() {
                units /= 2;
            }
            let Some(payment) = paid(units).filter(|_| units > 0) else { return false };
            let cash = self.liquidation_rules().cash;
            let bundle = Bundle::between(&self.market, &seller.view, cash, 0..units, seller.whole);
            let carried = bundle
                .as_ref()
                .is_ok_and(|bundle| self.carries(bidder, held, bundle, payment.to_taker));
            let Some(bundle) = bundle.ok().filter(|_| carried) else {
                self.end_bid(id, bidder, BidEnd::Margin, events);
                continue;
            };
            self.end_bid(id, bidder, BidEnd::Filled, events);
            let part = ((*stands).into(), units, seller.whole, cleared.discount);
            self.take_over(id, bidder, part, &payment, &bundle, events);
            return true;
        }
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
        seller: &Seller,
    ) -> Option<Payment> {
        let (cash, whole) = (self.liquidation_rules().cash, seller.whole);
        let deficit = price.payment(Share::ZERO, units, whole).ok()?;
        let premium = price.payment(progress, units, whole).ok()? - deficit;
        // A part may have the lots that are harmless and none of the others: it is worth no more than the
        // requirement that it takes away.
        let released = self.released_by(seller, units)?;
        let premium = premium.min(progress.of(released, Rounding::Floor).ok()?);
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

    /// By how much a part of an account that is taken over lowers its requirement.
    fn released_by(&self, seller: &Seller, units: u64) -> Option<i128> {
        let cash = self.liquidation_rules().cash;
        let bundle =
            Bundle::between(&self.market, &seller.view, cash, 0..units, seller.whole).ok()?;
        let after = bundle.sold(&seller.view, cash, Amount::ZERO).ok()?;
        let after = self.solvency_of(&after, seller.model)?;
        Some((seller.stands.maintenance - after.maintenance).max(0))
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
