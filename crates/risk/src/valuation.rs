//! One door to every kind of methodology.

use instruments::Instrument;

use crate::RiskError;
use crate::account::{Account, MarginModel};
use crate::epoch::{Epoch, EpochInputs};
use crate::grid::Grid;
use crate::margin::{Margin, margin};
use crate::market::Market;
use crate::methodology::{Methodology, Rules};
use crate::position::ByPosition;

/// A methodology opened on a market, ready to margin accounts.
#[derive(Clone, Debug)]
pub enum Valuation {
    /// By scenarios, for `portfolio` accounts.
    Scenario(Box<Epoch>),
    /// By a grid of stated scenarios, for `portfolio` accounts.
    Grid(Box<Grid>),
    /// By position, for `cross` and `isolated` accounts.
    Position(Box<ByPosition>),
}

impl Valuation {
    /// Opens a methodology on a market for the given instruments.
    ///
    /// # Errors
    /// Whatever the market, the history or the methodology lacks for these instruments.
    pub fn open(
        methodology: &Methodology,
        inputs: EpochInputs<'_>,
        instruments: &[Instrument],
    ) -> Result<Self, RiskError> {
        Ok(match methodology.rules() {
            Rules::Scenario(_) => {
                Self::Scenario(Box::new(Epoch::open(methodology, inputs, instruments)?))
            }
            Rules::Grid(_) => Self::Grid(Box::new(Grid::open(methodology, inputs)?)),
            Rules::Position(_) => Self::Position(Box::new(ByPosition::open(methodology, inputs)?)),
        })
    }

    /// The margin model that the methodology is for when none is asked for.
    #[must_use]
    pub const fn default_model(&self) -> MarginModel {
        match self {
            Self::Scenario(_) | Self::Grid(_) => MarginModel::Portfolio,
            Self::Position(_) => MarginModel::Cross,
        }
    }

    /// Margin of an account at the marks of `market`.
    ///
    /// # Errors
    /// [`RiskError::WrongKind`] for a model that the methodology does not know, or whatever is
    /// missing for this account.
    pub fn margin(
        &self,
        market: &Market,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, RiskError> {
        match (self, model) {
            (Self::Scenario(epoch), MarginModel::Portfolio) => margin(epoch, market, account),
            (Self::Scenario(epoch), MarginModel::Cross | MarginModel::Isolated) => {
                Err(epoch.methodology().wrong_kind("position"))
            }
            (Self::Grid(grid), MarginModel::Portfolio) => grid.margin(market, account),
            (Self::Grid(grid), MarginModel::Cross | MarginModel::Isolated) => {
                Err(grid.methodology().wrong_kind("position"))
            }
            (Self::Position(rules), model) => rules.margin(market, account, model),
        }
    }
}
