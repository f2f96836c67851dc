//! How an account stands, and what it depends on.

use instruments::{Amount, Underlying};
use ledger::AccountId;
use risk::waterfall::Solvency;
use risk::{Account, Margin, MarginModel};

use crate::event::Stands;
use crate::{Rejection, State};

impl From<Solvency> for Stands {
    fn from(stands: Solvency) -> Self {
        Self {
            equity: Amount::from_units(stands.equity),
            maintenance: Amount::from_units(stands.maintenance),
            value: Amount::from_units(stands.value),
        }
    }
}

impl State {
    /// How an account stands at live marks, open orders left out.
    ///
    /// # Errors
    /// As [`State::margin`].
    pub fn stands(&self, account: AccountId) -> Result<Stands, Rejection> {
        self.check_account(account)?;
        let model = self.account_ref(account).model;
        let (_, stands) = self.assessed(&self.held_by(account), model)?;
        Ok(stands.into())
    }

    /// The margin of what an account holds, and E, V and MM.
    pub(crate) fn assessed(
        &self,
        view: &Account,
        model: MarginModel,
    ) -> Result<(Margin, Solvency), Rejection> {
        let margin = self.margin_of(view, model)?;
        let stands = Solvency::of(&self.market, view, &margin);
        let stands = stands.map_err(|error| Rejection::Unmargined(error.to_string()))?;
        Ok((margin, stands))
    }

    /// E, V and MM of an account without its orders; `None` where it can't be margined now.
    pub(crate) fn solvency(&self, account: AccountId) -> Option<Solvency> {
        let model = self.account_ref(account).model;
        self.solvency_of(&self.held_by(account), model)
    }

    /// The same of an account that need not be one of the venue's.
    pub(crate) fn solvency_of(&self, view: &Account, model: MarginModel) -> Option<Solvency> {
        self.assessed(view, model).ok().map(|(_, stands)| stands)
    }

    /// What an account has, orders left out, and coins that nothing is known of: dust of these must not
    /// keep it from being margined.
    pub(crate) fn held_by(&self, account: AccountId) -> Account {
        let mut view = self.view(account);
        view.orders.clear();
        let model = self.account_ref(account).model;
        let is_known = |asset| self.epoch_for(model).is_ok_and(|epoch| epoch.knows(model, asset));
        view.balances.retain(|asset, amount| {
            *amount < Amount::ZERO || (self.market.price(*asset).is_ok() && is_known(*asset))
        });
        view
    }

    /// The place of an asset whose index is not fresh, if the account depends on one: by a position, a
    /// balance, or because auctions are paid in it.
    pub(super) fn stale_for(&self, account: AccountId) -> Option<usize> {
        let held = self.account_ref(account).slots.iter();
        let of_positions = held.flat_map(|slot| self.depends_on(slot.instrument));
        let has = |place: &usize| self.matters(account, *place);
        let cash = self.liquidation.rules.as_ref().map(|rules| rules.cash);
        let of_balances = (0..self.assets.len())
            .filter(|place| has(place) || Some(self.assets[*place].asset) == cash);
        of_positions.chain(of_balances).find(|place| !self.assets[*place].is_fresh())
    }

    /// Whether a balance could decide how its account stands: a debt, or at its last index more than a
    /// hundredth of the requirement. Dust whose index is silent stops no liquidation.
    fn matters(&self, account: AccountId, place: usize) -> bool {
        let (balance, asset) = (self.available(account, place), &self.assets[place]);
        if balance <= Amount::ZERO || asset.is_fresh() {
            return balance != Amount::ZERO;
        }
        let worth =
            asset.price.and_then(|price| balance.worth(price, instruments::Rounding::Ceil).ok());
        let needs = self.solvency(account).map_or(0, |stands| stands.maintenance);
        worth.is_some_and(|worth| worth.units() >= needs / 100)
    }

    /// The underlying whose positions alone need the most maintenance margin, or of an account without
    /// positions the asset of its largest balance; ties to the first.
    pub(super) fn group_of(&self, account: AccountId) -> Option<Underlying> {
        let (view, model) = (self.held_by(account), self.account_ref(account).model);
        let mut groups: Vec<Underlying> =
            view.positions.keys().map(|instrument| instrument.underlying()).collect();
        groups.sort_unstable();
        groups.dedup();
        let largest = |sizes: Vec<(i128, Underlying)>| {
            let first = sizes.iter().map(|(size, _)| *size).max()?;
            sizes.into_iter().find(|(size, _)| *size == first).map(|(_, group)| group)
        };
        if !groups.is_empty() {
            let alone = |group: &Underlying| self.maintenance_alone(&view, model, |u| u == *group);
            return largest(groups.iter().map(|group| (alone(group), *group)).collect());
        }
        let worth = |(asset, amount): (&instruments::Asset, &Amount)| {
            let price = self.market.price(*asset).ok()?;
            let worth = amount.worth(price, instruments::Rounding::Floor).ok()?;
            Some((worth.units().abs(), Underlying::of(*asset)))
        };
        largest(view.balances.iter().filter_map(worth).collect())
    }

    /// The maintenance requirement of the positions on some underlyings alone.
    pub(super) fn maintenance_alone(
        &self,
        view: &Account,
        model: MarginModel,
        meant: impl Fn(Underlying) -> bool,
    ) -> i128 {
        let positions = view.positions.iter();
        let alone = Account {
            positions: positions
                .filter(|(instrument, _)| meant(instrument.underlying()))
                .map(|(instrument, position)| (*instrument, *position))
                .collect(),
            ..Account::default()
        };
        self.solvency_of(&alone, model).map_or(0, |stands| stands.maintenance)
    }
}
