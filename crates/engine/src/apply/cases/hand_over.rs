//! Positions and coins that change hands at mark.

use instruments::{Amount, Price};
use ledger::{AccountId, LedgerAccount, PostingKind};
use risk::waterfall::auction::Bundle;

use super::Events;
use crate::event::CaseStep;
use crate::liquidation::CaseId;
use crate::state::asset_index;
use crate::{InstrumentId, State};

const BOUNDED: &str = "what an account has can change hands";

impl State {
    /// Hands a bundle over from a case's account to a taker.
    pub(super) fn hand_over(
        &mut self,
        id: CaseId,
        taker: AccountId,
        bundle: &Bundle,
        events: &mut Events,
    ) {
        let seller = self.case(id).account;
        for (instrument, lots, mark) in &bundle.legs {
            let instrument = self.by_name[instrument];
            let (lots, mark) = (*lots, *mark);
            self.tell(id, CaseStep::Leg { taker, instrument, lots, mark }, events);
            self.move_lots(seller, taker, instrument, lots, mark, events);
        }
        for (asset, amount) in &bundle.coins {
            let (asset, amount) = (*asset, *amount);
            self.tell(id, CaseStep::Coin { taker, asset, amount }, events);
            let place = self.asset_place(asset).expect("a balance is in an asset of the venue");
            self.pay_between(seller, taker, place, PostingKind::Conversion, amount, events);
        }
        let cash = self.cash_place();
        self.pay_between(taker, seller, cash, PostingKind::Conversion, bundle.cash, events);
        self.forget_credit(seller);
        self.forget_credit(taker);
    }

    /// Moves signed lots from one account to another at a price.
    pub(super) fn move_lots(
        &mut self,
        from: AccountId,
        to: AccountId,
        id: InstrumentId,
        lots: i64,
        price: Price,
        events: &mut Events,
    ) {
        let mut residue = self.trade(from, id, -lots, price, events);
        residue += self.trade(to, id, lots, price, events);
        self.keep_residue(id, residue, events);
        self.trim_reduce_only(to, id, events);
        self.forget_credit(from);
        self.forget_credit(to);
    }

    /// Moves an amount from one client to another, or back if negative.
    pub(super) fn pay_between(
        &mut self,
        from: AccountId,
        to: AccountId,
        place: usize,
        kind: PostingKind,
        amount: Amount,
        events: &mut Events,
    ) {
        if amount == Amount::ZERO {
            return;
        }
        for account in [from, to] {
            self.charge_interest(account, place, events);
        }
        let posting = self.posting(kind, 0).with_move(
            LedgerAccount::Available(from),
            LedgerAccount::Available(to),
            asset_index(place),
            amount,
        );
        self.post(&posting, events).expect(BOUNDED);
    }
}
