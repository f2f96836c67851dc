//! Whether an order may be accepted: an upper bound without scenarios first, the exact answer if
//! the bound does not admit.
//!
//! An account at or above initial margin must be there still, whatever part of the order fills at
//! unchanged marks. Below it, an order is accepted only if, after any partial fill at its limit
//! with fees, neither E − IM nor E/MM falls.

use instruments::{Amount, Instrument, Quantity, Rounding};

use crate::RiskError;
use crate::account::{Account, OpenOrder};
use crate::addons::EXPIRY_CLIFF;
use crate::epoch::Epoch;
use crate::gross::loss_weight;
use crate::margin::{Assessment, Margin, MarginDetail, total};
use crate::orders::{FillEntry, check_terms};
use crate::portfolio::{CoinExposure, PortfolioVector};
use crate::requirement::requirement_ticks;
use crate::room::Room;

/// Below initial margin an order is checked at this many partial fills beside the whole.
const PARTIAL_FILLS: i64 = 16;

/// What became of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// Accepted by the fast bound: the exact initial margin is at most this, in US dollars.
    WithinBound(Amount),
    /// Accepted by the exact computation: initial margin with the order open, in US dollars.
    Exact(Amount),
    /// Accepted below initial margin, because it heals.
    Heals,
    /// Refused.
    Refused(Refusal),
}

/// Why an order was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Initial margin with the order open.
    pub needed: Amount,
    /// Equity.
    pub available: Amount,
    /// The binding term.
    pub binding_term: String,
    /// The binding scenario.
    pub binding_scenario: String,
    /// The largest add-on, if it is larger than nothing.
    pub largest_add_on: Option<&'static str>,
}

/// Requirement, expiry cliff included, of one lot's `min(0, ±array)`: what one more lot to buy or
/// to sell can add to any portfolio's requirement at most, because the requirement is
/// sub-additive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRequirement {
    /// Of one lot to buy, in ticks.
    pub bid: i128,
    /// Of one lot to sell, in ticks.
    pub ask: i128,
}

/// The state of an account that the fast bound starts from: computed once per change of the
/// account, epoch or marks.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Equity in ticks.
    pub equity: i128,
    /// R with the expiry cliff, of positions and open orders, before any cap.
    pub requirement_with_cliff: i128,
    /// R of positions and open orders.
    pub requirement: i128,
}

impl UnitRequirement {
    /// The unit requirement of an instrument in an epoch. It depends on arrays alone: without its
    /// leg one lot leaves nothing behind, so that the expiry cliff adds nothing to it.
    ///
    /// # Errors
    /// [`RiskError::NoArray`].
    pub fn of(epoch: &Epoch, instrument: &Instrument) -> Result<Self, RiskError> {
        let side = |lots: i64| -> Result<i128, RiskError> {
            let vector = PortfolioVector::empty(epoch);
            let mut profits = vector.profits(epoch, &CoinExposure::new());
            profits.make_room(epoch.array(instrument)?.magnitude);
            let entry = FillEntry { array: epoch.array_place(instrument)?, ..FillEntry::default() };
            profits.add_order(epoch, instrument, lots, &entry);
            Ok(requirement_ticks(epoch.scenarios(), &profits))
        };
        Ok(Self { bid: side(1)?, ask: side(-1)? })
    }
}

impl Standing {
    /// The standing that a margin shows; `None` for a margin by position.
    #[must_use]
    pub fn of(assessment: &Assessment<'_>, margin: &Margin) -> Option<Self> {
        let MarginDetail::Scenario(detail) = &margin.detail else { return None };
        let cliff = detail.add_ons.iter().find(|add_on| add_on.name == EXPIRY_CLIFF);
        Some(Self {
            equity: assessment.ticks(margin.equity.total),
            requirement_with_cliff: detail.requirement.ticks
                + cliff.map_or(0, |add_on| add_on.ticks),
            requirement: detail.requirement.ticks,
        })
    }
}

/// An upper bound on initial margin with one more order open, in ticks:
/// `R(before) + lots·unit_R + immediate loss at the limit + fee + every add-on but the cliff`.
///
/// Holds for sub-additive methodologies only; `None` for others.
///
/// # Errors
/// As [`crate::margin`].
pub fn fast_bound(
    assessment: &Assessment<'_>,
    standing: &Standing,
    unit: UnitRequirement,
    order: &OpenOrder,
) -> Result<Option<i128>, RiskError> {
    if !assessment.epoch.rules().subadditive {
        return Ok(None);
    }
    let lots = order.quantity.lots();
    let one = if lots > 0 { unit.bid } else { unit.ask };
    let mut orders = assessment.account.orders.clone();
    orders.push(*order);
    let entries = assessment.entries(&orders)?;
    let loss = entries.last().map_or(0, |entry| entry.worst_loss);
    let weight = loss_weight(assessment.epoch.scenarios());
    let added = i128::from(lots.unsigned_abs()) * one + i128::from(weight) * loss;
    let charges = assessment.charges(&orders, &entries, standing.requirement + added)?;
    // One tick for each lot and order that was rounded to the nearest on its way.
    let rounding = i128::from(lots.unsigned_abs()) + orders.len() as i128 + 4;
    Ok(Some(standing.requirement_with_cliff + added + total(&charges) + rounding))
}

/// Decides on an order.
///
/// # Errors
/// As [`crate::margin`]; a refusal is no error.
pub fn admit(
    assessment: &Assessment<'_>,
    standing: &Standing,
    unit: UnitRequirement,
    order: &OpenOrder,
) -> Result<Admission, RiskError> {
    if let Some(bound) = fast_bound(assessment, standing, unit, order)?
        && standing.equity >= bound
    {
        return Ok(Admission::WithinBound(assessment.usd(bound)));
    }
    let with_order = assessment.initial(Some(order), &mut Room::default())?;
    if with_order.equity >= with_order.initial {
        return Ok(Admission::Exact(with_order.initial));
    }
    admit_exactly(|account| assessment.margin_of(account), assessment.account, order)
}

/// Decides on an order by the exact computation alone, for an account of any margin model:
/// `margin_of` says how an account is margined. `account` holds the resting orders but not this
/// one, so an amended order is taken out first.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use plimsoll_risk as risk;
/// # let mut market = risk::Market::at("2026-02-05T16:00:00Z".parse()?);
/// # let confidence = risk::Confidence::FULL;
/// # for (name, price) in [("BTC", "60000"), ("USDC", "1")] {
/// #     let asset: instruments::Asset = name.parse()?;
/// #     market.assets.insert(asset, risk::AssetMarket { price: price.parse()?, confidence });
/// #     market.underlyings.insert(instruments::Underlying::of(asset), Default::default());
/// # }
/// # let venue_balances = BTreeMap::new();
/// # let inputs = risk::EpochInputs { market: &market, history: None, venue_balances: &venue_balances };
/// # let mut account = risk::Account::named("cross");
/// # account.balances.insert("USDC".parse()?, "10000".parse()?);
/// # let instrument: instruments::Instrument = "BTC_USDC-PERPETUAL".parse()?;
/// # let order = |size: &str| {
/// #     let (quantity, limit) = (instrument.lots_of(size)?, "60000".parse()?);
/// #     Ok::<_, instruments::Error>(risk::OpenOrder { instrument, quantity, limit, fee: Default::default() })
/// # };
/// let standard = risk::Methodology::built_in("standard").expect("it ships");
/// let rules = risk::Valuation::open(&standard, inputs, &[instrument])?;
/// let margin_of = |account: &risk::Account| rules.margin(&market, account, risk::MarginModel::Cross);
/// let admission = risk::admit_exactly(margin_of, &account, &order("1")?)?;
/// assert!(matches!(admission, risk::Admission::Exact(_)));
/// let admission = risk::admit_exactly(margin_of, &account, &order("100")?)?;
/// assert!(matches!(admission, risk::Admission::Refused(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As `margin_of`, and [`RiskError::OrderTerms`]; a refusal is no error.
pub fn admit_exactly(
    margin_of: impl Fn(&Account) -> Result<Margin, RiskError>,
    account: &Account,
    order: &OpenOrder,
) -> Result<Admission, RiskError> {
    check_terms(order)?;
    let mut with_order = account.clone();
    with_order.orders.push(*order);
    let margin = margin_of(&with_order)?;
    if margin.excess() >= Amount::ZERO {
        return Ok(Admission::Exact(margin.initial));
    }
    if heals(margin_of, account, order)? {
        return Ok(Admission::Heals);
    }
    Ok(Admission::Refused(Refusal::of(&margin)))
}

/// Whether an account below initial margin may have this order: after any partial fill at its
/// limit with fees, neither E − IM nor E/MM is lower than now. Fills are checked at the whole, at
/// one lot and at points between. `false` for an account at or above initial margin, which an
/// order must leave there instead.
///
/// `account` does not hold the order. Of the resting orders of an account that fell below initial
/// margin, those stay for which this holds once they are taken out.
///
/// # Errors
/// As `margin_of`, and [`RiskError::OrderTerms`].
pub fn heals(
    margin_of: impl Fn(&Account) -> Result<Margin, RiskError>,
    account: &Account,
    order: &OpenOrder,
) -> Result<bool, RiskError> {
    check_terms(order)?;
    let before = margin_of(account)?;
    if before.excess() >= Amount::ZERO {
        return Ok(false);
    }
    let lots = order.quantity.lots();
    let mut fills: Vec<i64> = (1..=PARTIAL_FILLS)
        .map(|part| (i128::from(lots) * i128::from(part) / i128::from(PARTIAL_FILLS)) as i64)
        .collect();
    fills.push(lots.signum());
    fills.retain(|fill| *fill != 0);
    fills.dedup();
    for fill in fills {
        let after = margin_of(&account_after_fill(account, order, fill)?)?;
        if after.excess() < before.excess() || health_ratio_falls(&before, &after) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The account after `lots` of an order, of its sign, filled at its limit with their part of its
/// fee. The account does not hold the order.
///
/// # Errors
/// [`RiskError::Instrument`], [`RiskError::AmountTooLarge`].
pub fn account_after_fill(
    account: &Account,
    order: &OpenOrder,
    lots: i64,
) -> Result<Account, RiskError> {
    let instrument = order.instrument;
    let too_large = || RiskError::AmountTooLarge(instrument.settlement_asset());
    let exact = RiskError::of(&instrument);
    let mut account = account.clone();
    account.trade(instrument, Quantity::from_lots(lots), order.limit).map_err(exact)?;
    let whole = i128::from(order.quantity.lots());
    let fee = instruments::mul_div(order.fee.units(), i128::from(lots), whole, Rounding::Ceil);
    let fee = Amount::from_units(fee.ok_or_else(too_large)?);
    let balance = account.balances.entry(instrument.settlement_asset()).or_default();
    *balance = balance.checked_sub(fee).ok_or_else(too_large)?;
    Ok(account)
}

/// Margin after part of an order filled at its limit.
///
/// # Errors
/// As [`crate::margin`].
pub fn margin_after_fill(
    assessment: &Assessment<'_>,
    order: &OpenOrder,
    lots: i64,
) -> Result<Margin, RiskError> {
    assessment.margin_of(&account_after_fill(assessment.account, order, lots)?)
}

impl Refusal {
    /// Why an account with this margin has too little.
    fn of(margin: &Margin) -> Self {
        let (binding_term, binding_scenario) = margin.binding();
        let largest_add_on = match &margin.detail {
            MarginDetail::Scenario(detail) => {
                let largest = detail.add_ons.iter().max_by_key(|add_on| add_on.ticks);
                largest.filter(|add_on| add_on.ticks > 0).map(|add_on| add_on.name)
            }
            MarginDetail::Grid(_) | MarginDetail::Position(_) => None,
        };
        let (needed, available) = (margin.initial, margin.equity.total);
        Self { needed, available, binding_term, binding_scenario, largest_add_on }
    }
}

impl Assessment<'_> {
    /// Margin of this account in another state, from the vector of the state at hand.
    fn margin_of(&self, account: &Account) -> Result<Margin, RiskError> {
        let moved = self.vector.moved_to(self.epoch, account)?;
        Assessment { account, vector: moved.as_ref().unwrap_or(self.vector), ..*self }.margin()
    }
}

/// Whether E/MM falls. Below zero the ratio says nothing, since closing everything makes it
/// minus infinity; there E − MM must not fall.
fn health_ratio_falls(before: &Margin, after: &Margin) -> bool {
    if before.equity.total < Amount::ZERO {
        return after.health() < before.health();
    }
    let ratio_before = before.equity.total.units().checked_mul(after.maintenance.units());
    let ratio_after = after.equity.total.units().checked_mul(before.maintenance.units());
    match (ratio_before, ratio_after) {
        (Some(before), Some(after)) => after < before,
        _ => true,
    }
}
