//! The insurance fund in cash: what it is paid, what it pays, and for which case.

use instruments::Amount;
use ledger::{AccountId, LedgerAccount, PostingKind, VenueAccount};
use risk::waterfall::fund::{FundLayers, GroupLayer};

use super::Events;
use crate::event::{CaseStep, Event};
use crate::liquidation::CaseId;
use crate::record_tree::Kind;
use crate::state::asset_index;
use crate::{Rejection, State};
use instruments::Underlying;

const INSURANCE: LedgerAccount = LedgerAccount::Venue(VenueAccount::Insurance);
const DEFICIT: LedgerAccount = LedgerAccount::Venue(VenueAccount::Deficit);

impl State {
    /// The fund's layers: those of groups, and all that it has beyond them. A group that the rules do
    /// not name has no layer of its own, and draws from what is shared without a cap.
    pub(super) fn fund_layers(&self, group: Option<Underlying>) -> FundLayers<Underlying> {
        let mut layers = self.liquidation.fund.clone();
        if let Some(group) = group {
            let all = ledger::BALANCE_MAX.units().unsigned_abs();
            let uncapped = GroupLayer { shared_max: all, ..GroupLayer::default() };
            layers.groups.entry(group).or_insert(uncapped);
        }
        let groups: u128 = layers.groups.values().map(|group| group.balance).sum();
        layers.shared = self.fund_cash().saturating_sub(groups);
        layers
    }

    /// All the cash of the fund.
    pub(super) fn fund_cash(&self) -> u128 {
        let place = asset_index(self.cash_place());
        self.ledger.venue(VenueAccount::Insurance, place).units().unsigned_abs()
    }

    /// What the fund shares, in US dollars, rounded down; nothing without rules.
    pub(crate) fn shared_fund_in_dollars(&self) -> i128 {
        let Some(rules) = &self.liquidation.rules else { return 0 };
        let Ok(price) = self.market.price(rules.cash) else { return 0 };
        let shared = of_units(self.fund_layers(None).shared);
        shared.worth(price, instruments::Rounding::Floor).map_or(0, Amount::units)
    }

    /// What a case may draw.
    pub(super) fn fund_available(&self, id: CaseId) -> u128 {
        let group = self.case(id).group;
        let draw = self.fund_layers(Some(group)).draw(id, group, u128::MAX);
        draw.own + draw.shared
    }

    pub(super) fn fund_is_empty(&self, id: CaseId) -> bool {
        self.fund_available(id) == 0
    }

    /// Whether the fund has fallen so far that deleveraging begins early.
    pub(super) fn is_early(&self) -> bool {
        self.liquidation.watch.as_ref().is_some_and(|watch| watch.is_early())
    }

    /// Takes in what the fund holds now.
    pub(super) fn watch_fund(&mut self) {
        let (now, cash) = (self.time.milliseconds().unsigned_abs(), self.fund_cash());
        if let Some(watch) = &mut self.liquidation.watch {
            watch.observe(now, cash).expect("a balance has 100 bits");
        }
    }

    /// Pays an account in cash for a case, as far as the layers go; gives what was paid.
    pub(super) fn draw_from_fund(
        &mut self,
        id: CaseId,
        to: AccountId,
        amount: Amount,
        events: &mut Events,
    ) -> Amount {
        if amount <= Amount::ZERO {
            return Amount::ZERO;
        }
        let group = self.case(id).group;
        let mut layers = self.fund_layers(Some(group));
        let draw = layers.draw(id, group, amount.units().unsigned_abs());
        layers.shared = 0;
        self.liquidation.fund = layers;
        self.touch(Kind::Liquidation, 0);
        let [own, shared, unpaid] = [draw.own, draw.shared, draw.unpaid].map(of_units);
        self.tell(id, CaseStep::FundPaid { group, own, shared, unpaid }, events);
        let paid = Amount::from_units(own.units() + shared.units());
        self.move_insurance(to, paid, events);
        self.watch_fund();
        paid
    }

    /// The fund's fee of a case, in US dollars, out of its account.
    pub(super) fn pay_to_fund(&mut self, id: CaseId, dollars: i128, events: &mut Events) {
        let cash = self.liquidation_rules().cash;
        let amount = risk::waterfall::auction::Bundle::cash_for(&self.market, cash, -dollars);
        let Some(amount) = amount.ok().map(|cash| -cash).filter(|cash| *cash > Amount::ZERO) else {
            return;
        };
        self.tell(id, CaseStep::Fee { amount }, events);
        self.contribute_to_fund(id, amount, events);
    }

    /// Cash of a case's account goes to the fund, where the layer of its group comes first.
    pub(super) fn contribute_to_fund(&mut self, id: CaseId, amount: Amount, events: &mut Events) {
        let (account, group) = (self.case(id).account, self.case(id).group);
        let mut layers = self.fund_layers(Some(group));
        layers
            .contribute(group, amount.units().unsigned_abs())
            .expect("all balances together have 100 bits");
        layers.shared = 0;
        self.liquidation.fund = layers;
        self.touch(Kind::Liquidation, 0);
        self.move_insurance(account, -amount, events);
    }

    /// Moves cash from the fund to an account, or back if negative.
    fn move_insurance(&mut self, account: AccountId, amount: Amount, events: &mut Events) {
        let place = self.cash_place();
        let kind = PostingKind::Insurance;
        self.pay(account, VenueAccount::Insurance, place, kind, -amount, events);
        self.forget_credit(account);
    }

    /// Losses that nobody covered are covered by what the fund shares, asset by asset.
    pub(super) fn cover_deficits(&mut self, events: &mut Events) {
        let cash = self.cash_place();
        for place in 0..self.assets.len() {
            let index = asset_index(place);
            let owed = -self.ledger.venue(VenueAccount::Deficit, index).units();
            if owed == 0 {
                continue;
            }
            let has = match place == cash {
                true => self.fund_layers(None).shared,
                false => self.ledger.venue(VenueAccount::Insurance, index).units().unsigned_abs(),
            };
            let amount = of_units(has.min(owed.unsigned_abs()));
            if amount > Amount::ZERO {
                let posting = self
                    .posting(PostingKind::Deficit, 0)
                    .with_move(INSURANCE, DEFICIT, index, amount);
                self.post(&posting, events).expect("the fund has it");
                let asset = self.assets[place].asset;
                events.push(Event::DeficitCovered { asset, amount });
            }
        }
    }

    /// Refuses to take out of the fund what its groups' layers hold.
    pub(crate) fn check_capital_out(&self, place: usize, amount: Amount) -> Result<(), Rejection> {
        if self.liquidation.rules.is_none() || place != self.cash_place() {
            return Ok(());
        }
        let allowed = of_units(self.fund_layers(None).shared);
        let asked = Amount::from_units(amount.units().saturating_neg());
        match asked <= allowed {
            true => Ok(()),
            false => Err(Rejection::Withdrawable { asked, allowed }),
        }
    }
}

pub(super) fn of_units(units: u128) -> Amount {
    Amount::from_units(i128::try_from(units).expect("a balance has 100 bits"))
}
