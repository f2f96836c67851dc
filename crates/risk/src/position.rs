//! Requirements position by position, for `cross` and `isolated` accounts.
//!
//! One engine for every methodology of kind `position`. The formulas take plain numbers
//! ([`Need`], [`OptionLeg`], and the functions of the rules in [`crate::methodology`]); on a market
//! and an account [`ByPosition`] applies them and rounds each figure up once.

mod charge;
mod expiry;
mod holding;
mod need;
mod slopes;

use instruments::{Amount, Asset, Instrument, Quantity, SCALE};

use crate::RiskError;
use crate::account::{Account, MarginModel};
use crate::epoch::EpochInputs;
use crate::equity::{AMOUNT_MAX, Equity};
use crate::haircut::Haircuts;
use crate::margin::{Margin, MarginDetail};
use crate::market::Market;
use crate::methodology::{Methodology, PositionRules};

pub use charge::Charge;
pub use expiry::OptionLeg;
pub use need::Need;
pub use slopes::NeedSlopes;

use holding::Holding;

/// Position rules ready to be applied: a methodology of kind `position` with its haircuts.
#[derive(Clone, Debug)]
pub struct ByPosition {
    methodology: Methodology,
    haircuts: Haircuts,
}

/// What an account's margin is made of, in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PositionDetail {
    /// The requirement of each position.
    pub positions: Vec<PositionMargin>,
    /// What is charged or given back beside them; a charge of nothing is left out.
    pub charges: Vec<Charge>,
}

/// Requirement of one position, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionMargin {
    /// The instrument.
    pub instrument: Instrument,
    /// Signed lots held.
    pub quantity: Quantity,
    /// Initial margin, open orders in the instrument included.
    pub initial: Amount,
    /// Maintenance margin.
    pub maintenance: Amount,
    /// Profit that the position holds: of futures and perpetuals unrealised profit, of an option
    /// its value where that is part of equity.
    pub unrealised: Amount,
}

impl ByPosition {
    /// Opens position rules on a market; the history of the inputs is not used.
    ///
    /// # Errors
    /// [`RiskError::WrongKind`], or what the market lacks.
    pub fn open(methodology: &Methodology, inputs: EpochInputs<'_>) -> Result<Self, RiskError> {
        let rules = methodology.position_rules()?;
        inputs.market.validate()?;
        let haircuts = match &rules.haircut {
            Some(haircut) => Haircuts::with_price_risk(haircut, &rules.assets, &inputs)?,
            None => Haircuts::fixed(&rules.collateral),
        };
        Ok(Self { methodology: methodology.clone(), haircuts })
    }

    /// The methodology in force.
    #[must_use]
    pub const fn methodology(&self) -> &Methodology {
        &self.methodology
    }

    /// The haircuts in force.
    #[must_use]
    pub const fn haircuts(&self) -> &Haircuts {
        &self.haircuts
    }

    /// Whether options count at mark in equity, beside futures and perpetuals.
    ///
    /// # Errors
    /// As [`Methodology::position_rules`].
    pub fn values_options(&self) -> Result<bool, RiskError> {
        Ok(!self.methodology.position_rules()?.options.mark_inside)
    }

    /// Whether the options of one expiry need no more than they can lose by it.
    ///
    /// # Errors
    /// As [`Methodology::position_rules`].
    pub fn caps_expiries(&self) -> Result<bool, RiskError> {
        Ok(self.methodology.position_rules()?.expiry_cap.is_some())
    }

    /// A risk tick in 10⁻⁸ US dollars.
    ///
    /// # Errors
    /// As [`Methodology::position_rules`].
    pub fn tick(&self) -> Result<i128, RiskError> {
        Ok(i128::from(SCALE / self.methodology.position_rules()?.ticks_per_unit))
    }

    /// Margin of an account.
    ///
    /// In `cross` accounts requirements add up against shared equity. In `isolated` accounts each
    /// position stands on its own: what it needs beyond its own profit is asked for, and a profit
    /// beyond its requirement helps no other.
    ///
    /// # Errors
    /// What the market or the methodology lacks for this account; [`RiskError::WrongKind`] for the
    /// `portfolio` model.
    pub fn margin(
        &self,
        market: &Market,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, RiskError> {
        if model == MarginModel::Portfolio {
            return Err(self.methodology.wrong_kind("scenario"));
        }
        let rules = self.methodology.position_rules()?;
        let mut equity =
            Equity::of(market, account, &self.haircuts, self.methodology.name(), model)?;
        if !rules.options.mark_inside {
            equity.total = Amount::from_units(equity.total.units() + equity.option_value.units());
        }
        let (name, haircuts) = (self.methodology.name(), &self.haircuts);
        let opened = Opened { rules, name, market, haircuts };
        let detail = opened.detail(account, model)?;
        let (mut initial, mut maintenance) = if model == MarginModel::Isolated {
            let unrealised: i128 = equity.unrealised.iter().map(|line| line.value.units()).sum();
            let profits: i128 = detail.positions.iter().map(|p| p.unrealised.units()).sum();
            let options = if rules.options.mark_inside { 0 } else { equity.option_value.units() };
            let accrued = unrealised + options - profits;
            equity.total =
                Amount::from_units(equity.total.units() - unrealised - options + accrued.min(0));
            let need = |requirement| own_need(&detail.positions, requirement);
            (need(|position| position.initial), need(|position| position.maintenance))
        } else {
            let positions = || detail.positions.iter();
            (positions().map(|p| p.initial).sum(), positions().map(|p| p.maintenance).sum())
        };
        initial = detail.charges.iter().map(|charge| charge.initial).chain([initial]).sum();
        maintenance =
            detail.charges.iter().map(|charge| charge.maintenance).chain([maintenance]).sum();
        let detail = MarginDetail::Position(detail);
        Ok(Margin { account: account.name.clone(), model, equity, initial, maintenance, detail })
    }
}

/// Σ max(0, requirement − profit), each position by itself.
fn own_need(positions: &[PositionMargin], requirement: fn(&PositionMargin) -> Amount) -> Amount {
    let need = |position: &PositionMargin| {
        Amount::from_units((requirement(position).units() - position.unrealised.units()).max(0))
    };
    positions.iter().map(need).sum()
}

/// Rules on a market.
struct Opened<'a> {
    rules: &'a PositionRules,
    /// The methodology's name, for errors.
    name: &'a str,
    market: &'a Market,
    haircuts: &'a Haircuts,
}

impl Opened<'_> {
    /// Every position and charge of an account.
    fn detail(&self, account: &Account, model: MarginModel) -> Result<PositionDetail, RiskError> {
        let mut holdings = self.holdings(account)?;
        let charges = if model == MarginModel::Isolated {
            for holding in &mut holdings {
                let capped = self.expiry_relief(std::slice::from_ref(holding))?;
                holding.give_back(&capped);
            }
            Vec::new()
        } else {
            self.expiry_caps(&holdings)?
        };
        let beside = self.charges(account, &holdings)?;
        Ok(PositionDetail {
            positions: holdings.iter().map(Holding::margin).collect(),
            charges: charges.into_iter().chain(beside).filter(|charge| !charge.is_zero()).collect(),
        })
    }

    /// US dollars, rounded up to a risk tick.
    fn amount_up(&self, asset: Asset, usd: f64) -> Result<Amount, RiskError> {
        let ticks = self.rules.ticks_per_unit;
        let whole = (usd * ticks as f64).ceil();
        if whole.is_nan() || whole.abs() > AMOUNT_MAX as f64 {
            return Err(RiskError::AmountTooLarge(asset));
        }
        Ok(Amount::from_units(whole as i128 * i128::from(SCALE / ticks)))
    }
}
