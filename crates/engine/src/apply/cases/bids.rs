//! Sealed bids, and the margin that they reserve.

use instruments::Amount;
use ledger::{AccountId, LedgerAccount, PostingKind, VenueAccount};
use risk::Account;
use risk::waterfall::auction::Bundle;

use super::Events;
use crate::command::PlaceBid;
use crate::event::{BidEnd, CaseStep};
use crate::liquidation::{Case, CaseId, Stage, StandingBid};
use crate::state::asset_index;
use crate::{Rejection, State};

const BILLION: i64 = 1_000_000_000;

impl State {
    pub(crate) fn place_bid(
        &mut self,
        bid: &PlaceBid,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let PlaceBid { account, case: id, step, share_ppb, least_ppb, limit, .. } = *bid;
        self.check_account(account)?;
        if !self.account_ref(account).liquidator {
            return Err(Rejection::NotALiquidator(account));
        }
        let case = self.liquidation.cases.get(&id).ok_or(Rejection::UnknownCase(id))?;
        if self.is_of_same_owner(case.account, account) {
            return Err(Rejection::OwnCase { account: case.account, bidder: account });
        }
        if !matches!(case.stage, Stage::Auction | Stage::Insolvent) {
            return Err(Rejection::NoAuction(id));
        }
        if let Some(expected) = step.filter(|step| *step != case.step) {
            return Err(Rejection::CaseStep { case: id, expected, found: case.step });
        }
        crate::rules::within("share_ppb", share_ppb.into(), 1, BILLION)?;
        let insolvent = case.stage == Stage::Insolvent;
        let most = match insolvent {
            true => BILLION,
            false => self.liquidation_rules().discount_end_ppb.into(),
        };
        crate::rules::within("least_ppb", least_ppb.into(), 0, most)?;
        if limit < Amount::ZERO || limit > ledger::BALANCE_MAX {
            let problem = format!("a limit of {limit} is out of range: give zero or more");
            return Err(Rejection::Terms(problem));
        }
        let replaced = case.bids.iter().position(|known| known.bidder == account);
        let most = self.liquidation_rules().bids_max;
        if replaced.is_none() && case.bids.len() >= most as usize {
            return Err(Rejection::TooManyBids(most));
        }
        let set_aside = replaced.map_or(Amount::ZERO, |place| case.bids[place].held);
        let held = self.reservation(id, account, share_ppb, set_aside)?;
        if replaced.is_some() {
            self.end_bid(id, account, BidEnd::Replaced, events);
        }
        self.reserve(account, held, events);
        let standing =
            StandingBid { bidder: account, insolvent, share_ppb, least_ppb, limit, held };
        self.case_mut(id).bids.push(standing);
        let told = CaseStep::Bid { bidder: account, share_ppb, least_ppb, limit, held };
        self.tell(id, told, events);
        Ok(())
    }

    pub(crate) fn cancel_bid(
        &mut self,
        account: AccountId,
        id: CaseId,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(account)?;
        let case = self.liquidation.cases.get(&id).ok_or(Rejection::UnknownCase(id))?;
        if !case.bids.iter().any(|bid| bid.bidder == account) {
            return Err(Rejection::UnknownBid(id));
        }
        self.end_bid(id, account, BidEnd::Cancelled, events);
        Ok(())
    }

    /// The cash that a bid sets aside: what taking its part would add to the bidder's requirement, less
    /// what it would add to equity.
    fn reservation(
        &self,
        id: CaseId,
        bidder: AccountId,
        share_ppb: u32,
        set_aside: Amount,
    ) -> Result<Amount, Rejection> {
        let cash = self.liquidation_rules().cash;
        let (view, model) = (self.with_cash(bidder, set_aside), self.account_ref(bidder).model);
        let seller = self.held_by(self.case(id).account);
        let whole = super::sale::whole_of(&seller);
        let units = super::sale::units_of(share_ppb, whole);
        let unmargined = |error: risk::RiskError| Rejection::Unmargined(error.to_string());
        let bundle =
            Bundle::between(&self.market, &seller, cash, 0..units, whole).map_err(unmargined)?;
        let after = bundle.bought(&view, cash, Amount::ZERO).map_err(unmargined)?;
        let before = self.margin_of(&view, model)?;
        let with = self.margin_of(&after, model)?;
        let needed = (before.excess().units() - with.excess().units()).max(0);
        let held = Bundle::cash_for(&self.market, cash, needed).map_err(unmargined)?;
        let mut rest = view;
        let balance = rest.balances.entry(cash).or_default();
        *balance = Amount::from_units(balance.units() - held.units());
        let short = *balance < Amount::ZERO && held > Amount::ZERO;
        if short || self.margin_of(&rest, model)?.excess() < Amount::ZERO {
            return Err(Rejection::Margin {
                needed: with.initial,
                available: with.equity.total,
                binding: format!("a bid sets aside {held} {cash}"),
            });
        }
        Ok(held)
    }

    /// An account as margin sees it, with so much cash that is free again.
    pub(super) fn with_cash(&self, account: AccountId, freed: Amount) -> Account {
        let mut view = self.view(account);
        let cash = self.liquidation_rules().cash;
        if freed != Amount::ZERO {
            let balance = view.balances.entry(cash).or_default();
            *balance = Amount::from_units(balance.units() + freed.units());
        }
        view
    }

    /// Ends all bids in a case.
    pub(super) fn end_bids(&mut self, id: CaseId, cause: BidEnd, events: &mut Events) {
        let bidders: Vec<AccountId> = self.case(id).bids.iter().map(|bid| bid.bidder).collect();
        for bidder in bidders {
            self.end_bid(id, bidder, cause, events);
        }
    }

    /// Ends all bids of an account; whether it had any.
    pub(super) fn end_bids_of(
        &mut self,
        bidder: AccountId,
        cause: BidEnd,
        events: &mut Events,
    ) -> bool {
        let has_bid = |case: &Case| case.bids.iter().any(|bid| bid.bidder == bidder);
        let cases = self.liquidation.cases.iter();
        let ids: Vec<CaseId> = cases.filter(|(_, c)| has_bid(c)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.end_bid(*id, bidder, cause, events);
        }
        !ids.is_empty()
    }

    /// Ends an account's bid in a case, if it has one; what it set aside is free again.
    pub(super) fn end_bid(
        &mut self,
        id: CaseId,
        bidder: AccountId,
        cause: BidEnd,
        events: &mut Events,
    ) {
        let bids = &mut self.case_mut(id).bids;
        let Some(place) = bids.iter().position(|bid| bid.bidder == bidder) else { return };
        let held = bids.remove(place).held;
        self.reserve(bidder, -held, events);
        self.tell(id, CaseStep::BidEnded { bidder, cause, held }, events);
    }

    /// Sets cash aside, or frees it if negative.
    fn reserve(&mut self, bidder: AccountId, amount: Amount, events: &mut Events) {
        let place = self.cash_place();
        self.charge_interest(bidder, place, events);
        let posting = self.posting(PostingKind::Reservation, 0).with_move(
            LedgerAccount::Available(bidder),
            LedgerAccount::Venue(VenueAccount::Bids),
            asset_index(place),
            amount,
        );
        self.post(&posting, events).expect("what is set aside was looked at");
    }

    pub(super) fn cash_place(&self) -> usize {
        let cash = self.liquidation_rules().cash;
        self.asset_place(cash).expect("rules name an asset of the venue")
    }
}
