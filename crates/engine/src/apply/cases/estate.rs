//! What is left of an account that others have paid for.

use instruments::Amount;
use ledger::{PostingKind, VenueAccount};

use super::Events;
use crate::State;
use crate::liquidation::CaseId;
use crate::state::asset_index;

impl State {
    /// Everything that the account still has goes to the fund, asset by asset; what it owes in an asset
    /// is paid by what the fund has of it, and the rest stays outstanding. It ends with nothing.
    pub(super) fn settle_estate(&mut self, id: CaseId, events: &mut Events) {
        let (account, cash) = (self.case(id).account, self.cash_place());
        for place in 0..self.assets.len() {
            let had = self.available(account, place);
            self.charge_interest_on(account, place, had, events);
            let has = self.available(account, place);
            if has > Amount::ZERO {
                self.leave_to_fund(id, place, has, events);
            } else if place == cash {
                self.draw_from_fund(id, account, -has, events);
            } else {
                let index = asset_index(place);
                let in_fund = self.ledger.venue(VenueAccount::Insurance, index);
                let paid = (-has).min(in_fund);
                let kind = PostingKind::Insurance;
                self.pay(account, VenueAccount::Insurance, place, kind, -paid, events);
            }
            let rest = self.available(account, place);
            self.pay(account, VenueAccount::Deficit, place, PostingKind::Deficit, rest, events);
            self.account_mut(account).assets[place].principal = Amount::ZERO;
            let fund = self.ledger.venue(VenueAccount::Insurance, asset_index(place));
            assert!(fund >= Amount::ZERO, "the insurance fund is never negative");
            assert!(self.available(account, place) == Amount::ZERO, "an estate leaves nothing");
        }
        self.forget_credit(account);
        self.touch_account(account);
    }

    fn leave_to_fund(&mut self, id: CaseId, place: usize, amount: Amount, events: &mut Events) {
        if place == self.cash_place() {
            return self.contribute_to_fund(id, amount, events);
        }
        let account = self.case(id).account;
        self.pay(account, VenueAccount::Insurance, place, PostingKind::Insurance, amount, events);
    }
}
