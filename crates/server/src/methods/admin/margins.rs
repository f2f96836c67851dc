//! What another methodology would do to the margins of those who are there.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument};
use ledger::AccountId;
use node::AccountView;
use risk::{ByPosition, Epoch, EpochInputs, Margin, MarginModel, Methodology, RiskError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::number::Decimal;

/// Accounts that are looked at: each look is at the engine.
const ACCOUNTS_MAX: usize = 200;

/// An account whose margin moves, in US dollars.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MarginMove {
    /// The account.
    account: u32,
    /// Initial margin as it is.
    initial_from: Decimal,
    /// As it would be.
    initial_to: Decimal,
    /// Maintenance margin as it is.
    maintenance_from: Decimal,
    /// As it would be.
    maintenance_to: Decimal,
    /// Whether equity is below what maintenance margin would be.
    below: bool,
}

/// The margins that another methodology would move, of the accounts with positions or orders that it is
/// for, the first 200 by number; the largest rise of maintenance margin comes first.
///
/// # Errors
/// If the methodology does not fit the venue's market.
pub async fn moves(
    call: &Call,
    methodology: Methodology,
    is_position: bool,
) -> Result<Vec<MarginMove>, RpcError> {
    let (accounts, instruments) = concerned(call, is_position);
    let mut views = Vec::with_capacity(accounts.len());
    for account in accounts {
        views.push(call.service.view(account).await?);
    }
    let work = move || {
        let unfit = |error: RiskError| RpcError::invalid("text", error.to_string());
        let Some(first) = views.first() else { return Ok(Vec::new()) };
        let Some(epoch) = &first.epoch else { return Ok(Vec::new()) };
        let balances: BTreeMap<Asset, Amount> = epoch.holdings.iter().copied().collect();
        let (market, history) = (&first.market, epoch.history());
        let inputs = EpochInputs { market, history, venue_balances: &balances };
        let model = Model::open(&methodology, inputs, &instruments, is_position).map_err(unfit)?;
        let moves = views.iter().filter_map(|view| {
            let before = view.margin.as_ref().ok()?;
            let after = model.margin(view).ok()?;
            let moves = (before.initial, before.maintenance) != (after.initial, after.maintenance);
            moves.then(|| MarginMove::of(view.account, before, &after))
        });
        let mut moves: Vec<MarginMove> = moves.collect();
        moves.sort_by_key(|one| one.maintenance_from.0 - one.maintenance_to.0);
        Ok(moves)
    };
    call.service.compute(work).await
}

/// Accounts that the methodology is for and that have something to margin, and what is listed.
fn concerned(call: &Call, is_position: bool) -> (Vec<AccountId>, Vec<Instrument>) {
    let venue = call.service.venue.read();
    let accounts = venue.accounts.iter().filter(|account| {
        let is_its = (account.margin_model == MarginModel::Portfolio) != is_position;
        is_its && !(account.positions.is_empty() && account.live.is_empty())
    });
    let accounts = accounts.map(|account| account.id).take(ACCOUNTS_MAX).collect();
    let listed = venue.names.values().map(|id| venue.at(*id).instrument);
    (accounts, listed.collect())
}

/// A methodology on a market.
enum Model {
    Portfolio(Box<Epoch>),
    Position(Box<ByPosition>),
}

impl Model {
    fn open(
        methodology: &Methodology,
        inputs: EpochInputs<'_>,
        instruments: &[Instrument],
        is_position: bool,
    ) -> Result<Self, RiskError> {
        Ok(match is_position {
            true => Self::Position(Box::new(ByPosition::open(methodology, inputs)?)),
            false => Self::Portfolio(Box::new(Epoch::open(methodology, inputs, instruments)?)),
        })
    }

    fn margin(&self, view: &AccountView) -> Result<Margin, RiskError> {
        match self {
            Self::Portfolio(epoch) => risk::margin(epoch, &view.market, &view.contents),
            Self::Position(rules) => rules.margin(&view.market, &view.contents, view.margin_model),
        }
    }
}

impl MarginMove {
    fn of(account: AccountId, before: &Margin, after: &Margin) -> Self {
        Self {
            account: account.number(),
            initial_from: before.initial.into(),
            initial_to: after.initial.into(),
            maintenance_from: before.maintenance.into(),
            maintenance_to: after.maintenance.into(),
            below: after.equity.total < after.maintenance,
        }
    }
}
