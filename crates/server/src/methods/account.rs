//! Positions, margin and what changed balances.

use engine::Event;
use engine::command::{Action, ChangeMarginModel};
use instruments::{Amount, Asset};
use ledger::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::market::listing;
use super::orders::{own, scope};
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::venue::Venue;
use crate::names;
use crate::number::Decimal;
use crate::params::{Flag, Nothing, Whole};
use crate::registry::{Method, method};
use crate::shapes::holdings::Holdings;
use crate::shapes::portfolio::{PositionShape, SummaryShape, margin_model, parse_margin_model};
use crate::shapes::position_margin::with_margins;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/get_positions", Trade, Request, get_positions, PositionsParams => Vec<PositionShape>, "All positions"),
        method!("private/get_position", Trade, Request, get_position, PositionParams => PositionShape, "One position"),
        method!("private/get_account_summary", Account, Request, get_summary, SummaryParams => Summary, "The account, in one currency"),
        method!("private/get_account_summaries", Account, Request, get_summaries, SummariesParams => Summaries, "The account, in all currencies"),
        method!("private/get_subaccounts", Account, Request, get_subaccounts, SubaccountsParams => Vec<SubaccountShape>, "The account and its subaccounts"),
        method!("private/change_margin_model", AccountWrite, Matching, change_model, ModelParams => Vec<ModelReply>, "Changes the margin model, or says what that would do"),
        method!("private/get_user_locks", Account, Request, get_user_locks, Nothing => Vec<UserLock>, "Locks of the account by currency"),
    ]
}

/// Which positions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionsParams {
    /// In this currency; none or `any` for all.
    currency: Option<String>,
    /// Of this kind; none for all.
    kind: Option<String>,
    /// Another account's: it must be the caller's own.
    subaccount_id: Option<Whole>,
}

async fn get_positions(
    call: &Call,
    params: PositionsParams,
) -> Result<Vec<PositionShape>, RpcError> {
    let scope = scope(params.currency.as_deref(), params.kind.as_deref())?;
    let (account, positions) = {
        let venue = call.service.venue.read();
        let account = chosen(call, &venue, params.subaccount_id)?;
        let known = venue.account(account).ok_or_else(|| RpcError::forbidden("it is not open"))?;
        let held = known.positions.iter().map(|(id, position)| (venue.at(*id), position));
        let wanted = held.filter(|(listing, _)| scope.has(listing));
        let shape = |(listing, position)| PositionShape::of(&venue, listing, position);
        (account, wanted.map(shape).collect())
    };
    with_margins(&call.service, account, positions).await
}

/// The caller's account, or a subaccount of it.
///
/// # Errors
/// If it is not the caller's.
pub fn chosen(
    call: &Call,
    venue: &Venue,
    subaccount: Option<Whole>,
) -> Result<AccountId, RpcError> {
    let caller = call.account()?;
    let Some(Whole(number)) = subaccount else { return Ok(caller) };
    let is_main = call.login.as_ref().is_some_and(|login| login.scopes.is_main_account);
    let number = u32::try_from(number).ok().map(AccountId::new);
    let found = number
        .and_then(|number| venue.account(number))
        .filter(|account| account.id == caller || (is_main && account.owner == Some(caller)));
    found.map(|account| account.id).ok_or_else(|| RpcError::forbidden("no such subaccount"))
}

/// Which position.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionParams {
    /// In which instrument.
    instrument_name: String,
}

async fn get_position(call: &Call, params: PositionParams) -> Result<PositionShape, RpcError> {
    let position = {
        let venue = call.service.venue.read();
        let listing = listing(&venue, &params.instrument_name)?;
        let position = own(call, &venue)?.positions.get(&listing.id).copied().unwrap_or_default();
        PositionShape::of(&venue, listing, &position)
    };
    let positions = with_margins(&call.service, call.account()?, vec![position]).await?;
    positions.into_iter().next().ok_or_else(|| RpcError::new(11094, "internal_server_error"))
}

/// Which currency.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SummaryParams {
    /// The currency.
    currency: String,
    /// Whether all fields are wanted.
    extended: Option<Flag>,
    /// Another account's: it must be the caller's own.
    subaccount_id: Option<Whole>,
    /// Whether the balance of a main account in a currency is created; it need not be.
    #[serde(rename = "create_currency")]
    _create: Option<Flag>,
}

/// An account in one currency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    /// Who it is.
    #[serde(flatten)]
    who: Who,
    /// What it has.
    #[serde(flatten)]
    summary: SummaryShape,
}

/// An account in all currencies.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summaries {
    /// Who it is.
    #[serde(flatten)]
    who: Who,
    /// What it has, by currency.
    summaries: Vec<SummaryShape>,
}

/// Who an account is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Who {
    /// Its number.
    id: u32,
    /// `main` or `subaccount`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// A name made of its number.
    system_name: String,
    /// The same.
    username: String,
    /// No address is kept.
    email: String,
    /// No referrals are kept.
    referrer_id: Option<String>,
    /// Whether logging in is allowed.
    login_enabled: bool,
    /// Whether security keys are required: never.
    security_keys_enabled: bool,
    /// Whether market-maker protection may be set.
    mmp_enabled: bool,
    /// Whether transfers between users are confirmed: there are none.
    interuser_transfers_enabled: bool,
    /// What happens where own orders meet.
    self_trading_reject_mode: &'static str,
    /// Whether that counts subaccounts as well.
    self_trading_extended_to_subaccounts: bool,
}

impl Who {
    fn of(venue: &Venue, account: AccountId) -> Self {
        let number = account.number();
        let is_sub = venue.account(account).is_some_and(|account| account.owner.is_some());
        let name = format!("account-{number}");
        Self {
            id: number,
            kind: if is_sub { "subaccount" } else { "main" },
            username: name.clone(),
            system_name: name,
            email: String::new(),
            referrer_id: None,
            login_enabled: true,
            security_keys_enabled: false,
            mmp_enabled: true,
            interuser_transfers_enabled: false,
            self_trading_reject_mode: "cancel_taker",
            self_trading_extended_to_subaccounts: false,
        }
    }
}

async fn get_summary(call: &Call, params: SummaryParams) -> Result<Summary, RpcError> {
    let account = chosen(call, &call.service.venue.read(), params.subaccount_id)?;
    let currency = names::currency_or_any(Some(&params.currency))?;
    let limits = params.extended.is_some_and(|flag| flag.0).then(|| call.service.limits.shape());
    let (who, assets, holdings) = looked_up(call, account)?;
    let currency = currency.filter(|currency| assets.contains(currency));
    let currency = currency.ok_or_else(|| RpcError::invalid("currency", "invalid currency"))?;
    let view = call.service.view(account).await?;
    let work = move || SummaryShape::of(&holdings, &view, currency, limits);
    Ok(Summary { who, summary: call.service.compute(work).await? })
}

/// Who an account is and what it has, with the assets there are.
fn looked_up(call: &Call, account: AccountId) -> Result<(Who, Vec<Asset>, Holdings), RpcError> {
    let venue = call.service.venue.read();
    let known = venue.account(account).ok_or_else(|| RpcError::forbidden("it is not open"))?;
    Ok((Who::of(&venue, account), venue.assets.clone(), Holdings::of(&venue, known)))
}

/// How much is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SummariesParams {
    /// Whether all fields are wanted.
    extended: Option<Flag>,
    /// Another account's: it must be the caller's own.
    subaccount_id: Option<Whole>,
}

async fn get_summaries(call: &Call, params: SummariesParams) -> Result<Summaries, RpcError> {
    let account = chosen(call, &call.service.venue.read(), params.subaccount_id)?;
    let limits = params.extended.is_some_and(|flag| flag.0).then(|| call.service.limits.shape());
    let (who, assets, holdings) = looked_up(call, account)?;
    let view = call.service.view(account).await?;
    let work = move || {
        let priced = assets.into_iter().filter(|asset| view.market.price(*asset).is_ok());
        let summary = |currency| SummaryShape::of(&holdings, &view, currency, limits);
        priced.map(summary).collect::<Result<Vec<_>, RpcError>>()
    };
    Ok(Summaries { who, summaries: call.service.compute(work).await? })
}

/// How much is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubaccountsParams {
    /// Whether balances are wanted too.
    with_portfolio: Option<Flag>,
}

/// An account with what it has.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubaccountShape {
    /// Who it is.
    #[serde(flatten)]
    who: Who,
    /// Its margin model.
    margin_model: &'static str,
    /// Balances by currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    portfolio: Option<std::collections::BTreeMap<String, SubaccountBalance>>,
}

/// What an account has of a currency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubaccountBalance {
    /// The currency.
    currency: String,
    /// The balance.
    balance: Decimal,
}

async fn get_subaccounts(
    call: &Call,
    params: SubaccountsParams,
) -> Result<Vec<SubaccountShape>, RpcError> {
    let caller = call.account()?;
    let is_main = call.login.as_ref().is_some_and(|login| login.scopes.is_main_account);
    let with_portfolio = params.with_portfolio.is_some_and(|flag| flag.0);
    let venue = call.service.venue.read();
    let all = venue
        .accounts
        .iter()
        .filter(|account| account.id == caller || (is_main && account.owner == Some(caller)));
    let balance = |(asset, amount): (&Asset, &Amount)| {
        let currency = asset.to_string();
        let balance = SubaccountBalance { currency: currency.clone(), balance: (*amount).into() };
        (currency.to_ascii_lowercase(), balance)
    };
    let shape = |account: &crate::feed::account::Account| SubaccountShape {
        who: Who::of(&venue, account.id),
        margin_model: margin_model(account.margin_model),
        portfolio: with_portfolio.then(|| account.balances.iter().map(balance).collect()),
    };
    Ok(all.map(shape).collect())
}

/// Which model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelParams {
    /// `cross_pm`, `cross_sm`, `segregated_sm`.
    margin_model: String,
    /// Whether only to say what it would do.
    dry_run: Option<Flag>,
    /// Another account's: it must be the caller's own.
    user_id: Option<Whole>,
}

/// What a change of model does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ModelReply {
    /// `USD`: margins are of the whole portfolio.
    currency: &'static str,
    /// Before.
    old_state: ModelState,
    /// After.
    new_state: ModelState,
}

/// How an account stands under a model.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ModelState {
    /// The model.
    margin_model: &'static str,
    /// Equity in US dollars.
    equity: Decimal,
    /// Initial margin in US dollars.
    initial_margin_rate: Decimal,
    /// Maintenance margin in US dollars.
    maintenance_margin_rate: Decimal,
    /// Equity less initial margin in US dollars.
    available_balance: Decimal,
}

async fn change_model(call: &Call, params: ModelParams) -> Result<Vec<ModelReply>, RpcError> {
    let account = chosen(call, &call.service.venue.read(), params.user_id)?;
    let model = parse_margin_model(&params.margin_model).ok_or_else(|| {
        RpcError::invalid("margin_model", "must be cross_pm, cross_sm or segregated_sm")
    })?;
    let before = call.service.view(account).await?;
    let margin = before.margin.clone().map_err(RpcError::from)?;
    let dry_run = params.dry_run.is_some_and(|flag| flag.0);
    let change = ChangeMarginModel { account, margin_model: model, dry_run, request: None };
    let answer = call.submit(Action::ChangeMarginModel(change)).await?;
    let state = |model, equity: Amount, initial: Amount, maintenance: Amount| ModelState {
        margin_model: margin_model(model),
        equity: equity.into(),
        initial_margin_rate: initial.into(),
        maintenance_margin_rate: maintenance.into(),
        available_balance: Decimal(equity.units() - initial.units()),
    };
    let after = answer.events.iter().find_map(|event| match event {
        Event::MarginModel { margin_model, equity, initial, maintenance, .. } => {
            Some(state(*margin_model, *equity, *initial, *maintenance))
        }
        _ => None,
    });
    let new_state = after.ok_or_else(|| RpcError::new(11094, "internal_server_error"))?;
    let total = margin.equity.total;
    let old_state = state(before.margin_model, total, margin.initial, margin.maintenance);
    Ok(vec![ModelReply { currency: "USD", old_state, new_state }])
}

/// A lock.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserLock {
    /// The currency.
    currency: String,
    /// Whether it is locked.
    enabled: bool,
    /// Why.
    message: String,
}

async fn get_user_locks(call: &Call, _: Nothing) -> Result<Vec<UserLock>, RpcError> {
    let venue = call.service.venue.read();
    let lock = |asset: &Asset| UserLock {
        currency: asset.to_string(),
        enabled: false,
        message: String::new(),
    };
    Ok(venue.assets.iter().map(lock).collect())
}
