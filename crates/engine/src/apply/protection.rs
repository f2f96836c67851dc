//! Market-maker protection.

use instruments::{Price, Quantity, Timestamp, Underlying};
use ledger::AccountId;

use super::Events;
use crate::account::{Frozen, Protection};
use crate::command::{ProtectMarketMaker, ProtectionRules};
use crate::event::{CancelReason, Event};
use crate::rules::within;
use crate::{InstrumentId, Rejection, State};

/// The protection of an account's quotes on one underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectionView {
    /// The underlying.
    pub underlying: Underlying,
    /// When quotes are frozen.
    pub rules: ProtectionRules,
    /// Whether they are.
    pub is_frozen: bool,
    /// Until when, if they are; none until they are reset.
    pub until: Option<Timestamp>,
}

impl State {
    /// The protections of an account's quotes, by underlying; none of one that is not open.
    #[must_use]
    pub fn protections(&self, account: AccountId) -> Vec<ProtectionView> {
        let known = self.accounts.get(account.number() as usize);
        let protections = known.into_iter().flat_map(|state| &state.protections);
        let view = |(underlying, protection): (&Underlying, &Protection)| {
            let is_frozen = protection.is_frozen(self.time);
            let until = match protection.frozen {
                Frozen::Until(until) if is_frozen => Some(until),
                _ => None,
            };
            ProtectionView { underlying: *underlying, rules: protection.rules, is_frozen, until }
        };
        protections.map(view).collect()
    }

    pub(crate) fn protect_market_maker(
        &mut self,
        protect: &ProtectMarketMaker,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let ProtectMarketMaker { account, underlying, rules } = *protect;
        self.check_account(account)?;
        self.asset_place(underlying.asset())?;
        if let Some(rules) = &rules {
            rules.check()?;
        }
        let (window, traded, frozen) = (self.time, 0, Frozen::No);
        let protections = &mut self.account_mut(account).protections;
        match rules {
            Some(rules) => {
                protections.insert(underlying, Protection { rules, window, traded, frozen });
            }
            None => {
                protections.remove(&underlying);
            }
        }
        self.touch_account(account);
        events.push(Event::ProtectionSet { account, underlying });
        Ok(())
    }

    pub(crate) fn reset_protection(
        &mut self,
        account: AccountId,
        underlying: Underlying,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(account)?;
        self.asset_place(underlying.asset())?;
        let now = self.time;
        if let Some(protection) = self.account_mut(account).protections.get_mut(&underlying) {
            (protection.window, protection.traded) = (now, 0);
            protection.frozen = Frozen::No;
            self.touch_account(account);
        }
        events.push(Event::ProtectionSet { account, underlying });
        Ok(())
    }

    /// Counts a trade of a protected order; beyond what the window allows quotes are frozen.
    pub(crate) fn count_protected(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        lots: i64,
        events: &mut Events,
    ) {
        let now = self.time;
        let listing = &self.listings[id.place()];
        let (instrument, index) = (listing.instrument, self.assets[listing.base].price);
        let underlying = instrument.underlying();
        let size = instrument.base_size(Quantity::from_lots(lots), index.unwrap_or(Price::ZERO));
        let Ok(size) = size else { return };
        let Some(protection) = self.account_mut(account).protections.get_mut(&underlying) else {
            return;
        };
        let ProtectionRules { window_ms, frozen_ms, base_max } = protection.rules;
        if now.since(protection.window) > i64::from(window_ms) {
            (protection.window, protection.traded) = (now, 0);
        }
        protection.traded += size;
        let trips = protection.traded > i128::from(base_max) && !protection.is_frozen(now);
        let until = (frozen_ms > 0)
            .then(|| Timestamp::from_milliseconds(now.milliseconds() + i64::from(frozen_ms)));
        if trips {
            protection.frozen = until.map_or(Frozen::UntilReset, Frozen::Until);
            (protection.window, protection.traded) = (now, 0);
        }
        self.touch_account(account);
        if trips {
            events.push(Event::QuotesFrozen { account, underlying, until });
            self.withdraw_all(account, CancelReason::Protection, events, |state, order| {
                let listing = &state.listings[order.terms.instrument.place()];
                order.terms.protected && listing.instrument.underlying() == underlying
            });
        }
    }
}

impl ProtectionRules {
    fn check(&self) -> Result<(), Rejection> {
        within("window_ms", i64::from(self.window_ms), 1, 86_400_000)?;
        within("frozen_ms", i64::from(self.frozen_ms), 0, 86_400_000)?;
        within("base_max", self.base_max, 0, 1 << 60)
    }
}
