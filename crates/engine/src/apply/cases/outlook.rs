//! Answers about liquidation: what an account may expect, the fund, the cases that are open.

use instruments::{Amount, Instrument, Price, Quantity, Rounding};
use ledger::AccountId;
use risk::waterfall::adl::{Candidate, Need, outlook};
use risk::waterfall::auction::Bundle;
use risk::{Account, MarginModel, Position};

use super::fund::of_units;
use crate::liquidation::{
    AdlOutlook, AdlOutlooks, CaseId, CaseView, FundGroupView, FundView, LiquidationRules, Stage,
};
use crate::{InstrumentId, State};

/// The part of open interest in the question that outlooks answer.
const PART: i64 = 10;

impl State {
    /// What deleveraging would do to each position of an account, by instrument; see [`AdlOutlook`]. It
    /// is computed from everybody on the account's side, each with a few margins, so that it takes long
    /// on a large venue. Nothing without rules of liquidation, or where marks are missing.
    #[must_use]
    pub fn adl_outlook(&self, account: AccountId) -> Vec<AdlOutlook> {
        let known = self.accounts.get(account.number() as usize);
        let (Some(state), Some(rules)) = (known, &self.liquidation.rules) else {
            return Vec::new();
        };
        let outlook = |slot: &crate::account::Slot| {
            let all = self.outlooks_of(slot.instrument, slot.lots.signum(), rules)?;
            let own = all.ranked.iter().find(|(ranked, _)| *ranked == account);
            Some(own.map_or(all.unranked, |(_, own)| *own))
        };
        state.slots.iter().filter_map(outlook).collect()
    }

    /// The same of everybody who is long an instrument, or short, by account. It takes as long as that
    /// of one of them.
    #[must_use]
    pub fn adl_outlooks_in(&self, id: InstrumentId, long: bool) -> Option<AdlOutlooks> {
        let rules = self.liquidation.rules.as_ref()?;
        self.listings.get(id.place())?;
        self.outlooks_of(id, if long { 1 } else { -1 }, rules)
    }

    fn outlooks_of(
        &self,
        id: InstrumentId,
        side: i64,
        rules: &LiquidationRules,
    ) -> Option<AdlOutlooks> {
        let listing = &self.listings[id.place()];
        let mark = self.market.mark(&listing.instrument).ok()?;
        let lots = (listing.open_interest + PART - 1) / PART;
        let dollars = self.maintenance_of_lots(&listing.instrument, -side * lots, mark)?;
        let settlement = self.assets[listing.settlement].asset;
        let deficit = Bundle::cash_for(&self.market, settlement, dollars).ok()?;
        let need = Need { lots: lots.unsigned_abs(), deficit: deficit.units().unsigned_abs() };
        let policy = rules.adl.policy();
        let same_side = (0..self.accounts()).map(AccountId::new).filter(|other| {
            let state = self.account_ref(*other);
            state.lots(id).signum() == side && state.case.is_none()
        });
        let candidates: Vec<Candidate<AccountId>> = same_side
            .filter_map(|other| self.who_gives_up(other, id, &need, mark, policy))
            .collect();
        let all = outlook(policy, &need, &candidates).ok()?;
        let (instrument, of) = (id, candidates.len());
        let unranked = AdlOutlook { instrument, rank: None, of, lots: 0, cost: Amount::ZERO };
        let ranked = candidates.iter().zip(&all).map(|(candidate, own)| {
            let cost = Amount::from_units(i128::try_from(own.cost).ok()?);
            let own = AdlOutlook { rank: Some(own.rank), lots: own.lots, cost, ..unranked };
            Some((candidate.account, own))
        });
        Some(AdlOutlooks { ranked: ranked.collect::<Option<_>>()?, unranked })
    }

    /// The maintenance requirement of lots alone, bought at mark.
    fn maintenance_of_lots(&self, instrument: &Instrument, lots: i64, mark: Price) -> Option<i128> {
        let quantity = Quantity::from_lots(lots);
        let cost = instrument.value(quantity, mark, Rounding::Ceil).ok()?;
        let positions = [(*instrument, Position { quantity, cost })].into();
        let alone = Account { positions, ..Account::default() };
        let models = [MarginModel::Portfolio, MarginModel::Cross];
        let model = models.into_iter().find(|model| self.epoch_for(*model).is_ok())?;
        Some(self.solvency_of(&alone, model)?.maintenance)
    }

    /// The rules of liquidation, once there are any.
    #[must_use]
    pub const fn rules_of_liquidation(&self) -> Option<&LiquidationRules> {
        self.liquidation.rules.as_ref()
    }

    /// The insurance fund; empty without rules of liquidation.
    #[must_use]
    pub fn insurance_fund(&self) -> FundView {
        if self.liquidation.rules.is_none() {
            return FundView::default();
        }
        let layers = self.fund_layers(None);
        let groups = layers.groups.iter().map(|(underlying, layer)| FundGroupView {
            underlying: *underlying,
            balance: of_units(layer.balance),
            balance_max: of_units(layer.balance_max),
            shared_drawn: of_units(layer.shared_drawn),
            shared_max: of_units(layer.shared_max),
        });
        FundView {
            cash: of_units(self.fund_cash()),
            shared: of_units(layers.shared),
            groups: groups.collect(),
            peak: of_units(self.liquidation.watch.as_ref().map_or(0, |watch| watch.peak())),
            early: self.is_early(),
        }
    }

    /// The cases that are open, by number.
    pub fn cases(&self) -> impl Iterator<Item = CaseView> + '_ {
        self.liquidation.cases.keys().map(|id| self.case_view(*id))
    }

    fn case_view(&self, id: CaseId) -> CaseView {
        let case = self.case(id);
        let discount = (case.stage == Stage::Auction)
            .then(|| self.solvency(case.account))
            .flatten()
            .map(|stands| self.reserve_discount(id, &stands).units());
        let premium = (case.stage == Stage::Insolvent).then(|| self.progress(id).units());
        CaseView {
            id,
            account: case.account,
            group: case.group,
            stage: case.stage,
            step: case.step,
            opened: case.opened,
            paused: case.paused.is_some(),
            bids: case.bids.len(),
            paid_in: Amount::from_units(case.paid_in),
            discount,
            premium,
        }
    }
}
