//! A slice of a portfolio, sold at a discount that never lets equity over requirement fall.

use instruments::{Amount, Asset, Rounding, SCALE, mul_div};
use ledger::{AccountId, PostingKind};
use risk::waterfall::auction::Bundle;
use risk::waterfall::{Share, Solvency, allowed_loss};
use risk::{Account, MarginModel};

use super::Events;
use crate::State;
use crate::event::{CaseStep, Taker};
use crate::liquidation::CaseId;

/// Parts of a portfolio that has no position.
const PARTS: u64 = 1_000_000_000;
/// Entries of one trade that are rounded.
const ROUNDINGS: i128 = 4;
/// How often a discount is lowered until it leaves equity over requirement where it is.
const ATTEMPTS: u32 = 4;

/// A case's account as it is to be sold.
pub(super) struct Seller {
    pub account: AccountId,
    pub view: Account,
    pub model: MarginModel,
    pub stands: Solvency,
    /// V − R, or V if nothing of that is left.
    pub for_sale: i128,
    /// The units that make the whole.
    pub whole: u64,
}

/// A part of it, and what selling it makes.
pub(super) struct Slice {
    pub bundle: Bundle,
    /// What the owner pays the taker: in US dollars, and in cash.
    pub paid: i128,
    pub cash: Amount,
    /// How the account stands then.
    pub after: Solvency,
}

/// Who takes a slice, at which price.
pub(super) struct Sale {
    pub taker: AccountId,
    pub to: Taker,
    pub units: u64,
    pub discount: Share,
    pub reserve: Share,
    /// What it costs the taker, and how much more than at the reserve that is.
    pub cost: i128,
    pub improvement: i128,
}

/// The units that make a portfolio: lots of its largest leg.
pub(super) fn whole_of(seller: &Account) -> u64 {
    let lots = seller.positions.values().map(|position| position.quantity.lots().unsigned_abs());
    lots.max().unwrap_or(PARTS)
}

/// What a discount is taken of: V − R. Where the market has taken more since than what is left besides
/// R, there would be none, and V is taken.
pub(super) fn for_sale(stands: &Solvency, paid_in: i128) -> i128 {
    let rest = stands.value - paid_in;
    if rest > 0 { rest } else { stands.value.max(0) }
}

/// The units of a share, at least one.
pub(super) fn units_of(share_ppb: u32, whole: u64) -> u64 {
    let units = u128::from(share_ppb) * u128::from(whole) / 1_000_000_000;
    u64::try_from(units).unwrap_or(whole).clamp(1, whole)
}

impl State {
    /// A case's account as it is to be sold.
    pub(super) fn seller(&self, id: CaseId, stands: &Solvency) -> Seller {
        let case = self.case(id);
        let view = self.held_by(case.account);
        let whole = whole_of(&view);
        Seller {
            account: case.account,
            view,
            model: self.account_ref(case.account).model,
            stands: *stands,
            for_sale: for_sale(stands, case.paid_in),
            whole,
        }
    }

    /// The slice from unit `from` on up to `to` at a discount: f·δ·(V−R) goes to the taker, and less
    /// where more would let E/MM fall. `None` if nothing changes hands or the rest can't be margined,
    /// or where even without a discount E/MM would fall.
    pub(super) fn slice(
        &self,
        seller: &Seller,
        from: u64,
        to: u64,
        discount: Share,
    ) -> Option<Slice> {
        self.slice_of(seller, seller, from, to, discount)
    }

    /// The same of a portfolio `whole`, as it was before units up to `from` were sold.
    pub(super) fn slice_of(
        &self,
        whole: &Seller,
        now: &Seller,
        from: u64,
        to: u64,
        discount: Share,
    ) -> Option<Slice> {
        let Seller { for_sale, whole: units, .. } = whole;
        let Seller { view, model, stands, .. } = now;
        let cash = self.liquidation_rules().cash;
        let bundle = Bundle::between(&self.market, &whole.view, cash, from..to, *units).ok()?;
        if bundle.is_empty() {
            return None;
        }
        let share = discount.of(*for_sale, Rounding::Floor).ok()?;
        let part = i128::from(to - from);
        let rounding = self.rounding_of(&bundle);
        let mut paid = mul_div(share, part, i128::from(*units), Rounding::Floor)?;
        for _ in 0..ATTEMPTS {
            // Rounded down: it is the taker's gain.
            let cash_paid = -Bundle::cash_for(&self.market, cash, -paid).ok()?;
            let after = bundle.sold(view, cash, -cash_paid).ok()?;
            let after = self.solvency_of(&after, *model)?;
            let beyond = falls_by(stands, &after)? + rounding;
            if beyond <= 0 {
                return Some(Slice { bundle, paid, cash: cash_paid, after });
            }
            if paid == 0 {
                return None;
            }
            paid = (paid - beyond).max(0);
        }
        None
    }

    /// What the entries of a bundle may round away from its seller, in 10⁻⁸ US dollars.
    pub(super) fn rounding_of(&self, bundle: &Bundle) -> i128 {
        let settlements = bundle.legs.iter().map(|(leg, _, _)| leg.settlement_asset());
        let coins = bundle.coins.iter().map(|(asset, _)| *asset);
        let cash = self.liquidation_rules().cash;
        settlements.chain(coins).chain([cash]).map(|asset| self.rounding_in(asset)).sum()
    }

    /// What the entries of one trade may round away from one side, in 10⁻⁸ US dollars: a unit each of
    /// profit, funding, interest and fee.
    pub(super) fn rounding_in(&self, asset: Asset) -> i128 {
        let price = self.market.price(asset).map_or(0, |price| i128::from(price.units()));
        ROUNDINGS * (price / i128::from(SCALE) + 1)
    }

    /// Sells a slice.
    pub(super) fn sell(
        &mut self,
        id: CaseId,
        seller: &Seller,
        slice: &Slice,
        sale: &Sale,
        events: &mut Events,
    ) {
        self.count_step(id);
        let Sale { taker, to, units, discount, reserve, cost, improvement } = *sale;
        let told = CaseStep::Sold {
            stands: seller.stands.into(),
            taker,
            to,
            units,
            whole: seller.whole,
            discount: discount.units(),
            reserve: reserve.units(),
            cost: Amount::from_units(cost),
            paid: Amount::from_units(slice.paid),
            improvement: Amount::from_units(improvement),
        };
        self.tell(id, told, events);
        self.hand_over(id, taker, &slice.bundle, events);
        let place = self.cash_place();
        let kind = PostingKind::Liquidation;
        self.pay_between(seller.account, taker, place, kind, slice.cash, events);
        let case = self.case_mut(id);
        case.traded = true;
        case.paid_in += cost;
    }

    /// Whether a taker is at or above initial margin with a bundle and so much more cash, of which
    /// `freed` is what its bid set aside.
    pub(super) fn carries(
        &self,
        taker: AccountId,
        freed: Amount,
        bundle: &Bundle,
        more: Amount,
    ) -> bool {
        let state = self.account_ref(taker);
        let most = self.rules.instruments_per_account_max as usize;
        let cash = self.liquidation_rules().cash;
        let after = bundle.bought(&self.with_cash(taker, freed), cash, more);
        after.is_ok_and(|after| {
            after.instruments().len() <= most
                && self.is_within_position_limits(taker, bundle)
                && self
                    .margin_of(&after, state.model)
                    .is_ok_and(|margin| margin.excess() >= Amount::ZERO)
        })
    }

    /// Whether an account may hold what a bundle would leave it with.
    fn is_within_position_limits(&self, taker: AccountId, bundle: &Bundle) -> bool {
        bundle.legs.iter().all(|(instrument, lots, _)| {
            let id = self.by_name[instrument];
            let held = self.account_ref(taker).lots(id);
            let most = self.listings[id.place()].terms.position_max.max(held.abs());
            held.checked_add(*lots).is_some_and(|after| after.abs() <= most)
        })
    }
}

/// By how much equity is below what keeps E/MM where it was; negative where it is above.
pub(super) fn falls_by(before: &Solvency, after: &Solvency) -> Option<i128> {
    if before.equity < 0 {
        // The ratio says nothing; then no trade may cost more than rounding.
        return Some(before.health() - after.health());
    }
    let allowed = allowed_loss(before.equity, before.maintenance, after.maintenance).ok()?;
    Some(before.equity - after.equity - allowed)
}
