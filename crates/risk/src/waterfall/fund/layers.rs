//! A layer for each risk group and one that all share.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Rounding;

use crate::waterfall::{Share, WaterfallError};

/// One risk group's part of the fund.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GroupLayer {
    /// What it holds.
    pub balance: u128,
    /// Contributions above this go on to the shared layer.
    pub balance_max: u128,
    /// The most that the group may owe to the shared layer.
    pub shared_max: u128,
    /// What it drew from the shared layer and has not made up for.
    pub shared_drawn: u128,
}

/// The fund's balances by layer, in one asset. The money itself stands in the ledger; this says which
/// part of it is whose.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FundLayers<G: Ord> {
    /// By risk group.
    pub groups: BTreeMap<G, GroupLayer>,
    /// What all groups share.
    pub shared: u128,
}

/// Where a contribution went; the parts sum to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contribution {
    /// To the shared layer, for what the group drew from it.
    pub repaid: u128,
    /// To the group's own layer.
    pub own: u128,
    /// To the shared layer, because the group's own is full.
    pub overflow: u128,
}

/// What a case drew, and from which layer: own + shared + unpaid is what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw<C, G> {
    /// Which case.
    pub case: C,
    /// The risk group it belongs to.
    pub group: G,
    /// From that group's layer.
    pub own: u128,
    /// From the shared layer.
    pub shared: u128,
    /// What the fund does not pay: the next layer of the waterfall does.
    pub unpaid: u128,
}

impl<G: Ord> Default for FundLayers<G> {
    fn default() -> Self {
        Self { groups: BTreeMap::new(), shared: 0 }
    }
}

impl<G: Ord + Copy> FundLayers<G> {
    /// All that the fund holds.
    ///
    /// # Errors
    /// [`WaterfallError::TooLarge`].
    pub fn total(&self) -> Result<u128, WaterfallError> {
        let groups = self.groups.values().map(|group| group.balance);
        let mut sum = Some(self.shared);
        for balance in groups {
            sum = sum.and_then(|sum| sum.checked_add(balance));
        }
        sum.ok_or(WaterfallError::TooLarge("the insurance fund"))
    }

    /// Takes in what a group's fees and premiums bring: first for what it drew from the shared layer,
    /// then to its own layer up to its cap, then to the shared one. A group that has no layer gives all
    /// to the shared layer.
    ///
    /// # Errors
    /// [`WaterfallError::TooLarge`]; nothing is changed then.
    pub fn contribute(&mut self, group: G, amount: u128) -> Result<Contribution, WaterfallError> {
        let too_large = WaterfallError::TooLarge("the insurance fund");
        if self.total()?.checked_add(amount).is_none() {
            return Err(too_large);
        }
        let Some(layer) = self.groups.get_mut(&group) else {
            self.shared += amount;
            return Ok(Contribution { overflow: amount, ..Contribution::default() });
        };
        let repaid = amount.min(layer.shared_drawn);
        let room = layer.balance_max.saturating_sub(layer.balance);
        let own = (amount - repaid).min(room);
        let overflow = amount - repaid - own;
        layer.shared_drawn -= repaid;
        layer.balance += own;
        self.shared += repaid + overflow;
        Ok(Contribution { repaid, own, overflow })
    }

    /// Pays for a case of a group: first from its own layer, then from the shared one within the
    /// group's cap. Never more than is there, and never what another group's layer holds.
    #[must_use = "what is unpaid must be met by the next layer of the waterfall"]
    pub fn draw<C>(&mut self, case: C, group: G, amount: u128) -> Draw<C, G> {
        let Some(layer) = self.groups.get_mut(&group) else {
            return Draw { case, group, own: 0, shared: 0, unpaid: amount };
        };
        let own = amount.min(layer.balance);
        let room = layer.shared_max.saturating_sub(layer.shared_drawn);
        let shared = (amount - own).min(self.shared).min(room);
        layer.balance -= own;
        layer.shared_drawn += shared;
        self.shared -= shared;
        Draw { case, group, own, shared, unpaid: amount - own - shared }
    }
}

/// Splits a fee into the fund's part, rounded down, and the venue's, which is the rest.
///
/// # Errors
/// [`WaterfallError::Negative`] for a fee below zero, [`WaterfallError::Parameter`] for a share
/// above one.
pub fn fee_parts(fee: i128, fund: Share) -> Result<(i128, i128), WaterfallError> {
    if fee < 0 {
        return Err(WaterfallError::Negative("a fee"));
    }
    if fund > Share::ONE {
        let wanted = "at most one";
        return Err(WaterfallError::Parameter { what: "the fund's share of fees", wanted });
    }
    let to_fund = fund.of(fee, Rounding::Floor)?;
    Ok((to_fund, fee - to_fund))
}

/// What the fund should hold: the larger of the two largest losses of single accounts together
/// (Cover-2) and the expected shortfall of simulated shortfalls at 99.9 %, which the caller computes.
///
/// # Errors
/// [`WaterfallError::TooLarge`].
pub fn size_target(losses: &[u128], shortfall: u128) -> Result<u128, WaterfallError> {
    let (mut first, mut second) = (0, 0);
    for &loss in losses {
        if loss > first {
            (first, second) = (loss, first);
        } else if loss > second {
            second = loss;
        }
    }
    let cover: Option<u128> = u128::checked_add(first, second);
    Ok(cover.ok_or(WaterfallError::TooLarge("the fund's target"))?.max(shortfall))
}
