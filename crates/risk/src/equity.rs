//! Equity, line by line: haircut collateral, less debts, plus unrealised profit, and in
//! `portfolio` accounts the value of options.

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding};

use crate::RiskError;
use crate::account::{Account, MarginModel, Position};
use crate::epoch::Epoch;
use crate::haircut::Haircuts;
use crate::market::{Market, Marks};
use crate::portfolio::CoinExposure;

/// The largest amount of one asset that is margined, in 10⁻⁸: 2^100, a hundred trillion times all
/// the money there is. Sums and products of such amounts fit.
pub(crate) const AMOUNT_MAX: i128 = 1 << 100;

/// What an account is worth to margin, in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Equity {
    /// Balances: holdings after haircut, debts with their weight.
    pub collateral: Vec<CollateralLine>,
    /// Profit of futures and perpetuals not yet settled, and accrued funding, by asset.
    pub unrealised: Vec<ProfitLine>,
    /// Value of options at mark; counted in `portfolio` accounts only.
    pub option_value: Amount,
    /// The total.
    pub total: Amount,
}

/// One balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollateralLine {
    /// The asset.
    pub asset: Asset,
    /// How much; negative is a debt.
    pub amount: Amount,
    /// Index price in US dollars.
    pub price: Price,
    /// Share that does not count, in parts per billion; for a debt the h of 1/(1−h).
    pub haircut_ppb: i64,
    /// What it counts for in US dollars.
    pub value: Amount,
}

/// Unrealised profit in one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfitLine {
    /// The asset.
    pub asset: Asset,
    /// Profit in it.
    pub amount: Amount,
    /// What it is worth in US dollars.
    pub value: Amount,
}

impl Equity {
    /// Equity of a `portfolio` account.
    pub(crate) fn portfolio(
        epoch: &Epoch,
        market: &Market,
        account: &Account,
    ) -> Result<Self, RiskError> {
        let methodology = epoch.methodology().name();
        Self::of(market, account, epoch.haircuts(), methodology, MarginModel::Portfolio)
    }

    /// Equity of an account under a margin model.
    pub(crate) fn of(
        market: &Market,
        account: &Account,
        haircuts: &Haircuts,
        methodology: &str,
        model: MarginModel,
    ) -> Result<Self, RiskError> {
        let collateral = collateral(market, account, haircuts, methodology)?;
        Self::with(market, account, model, collateral, &profits(market, account)?)
    }

    /// The total of a `portfolio` account whose profits are known, and the value of options in it.
    pub(crate) fn total(
        epoch: &Epoch,
        market: &Market,
        account: &Account,
        profits: &CoinExposure,
    ) -> Result<[Amount; 2], RiskError> {
        let mut total = 0;
        for line in lines(market, account, epoch.haircuts(), epoch.methodology().name()) {
            total += line?.value.units();
        }
        for line in unrealised(market, profits) {
            total += line?.value.units();
        }
        let option_value = all_options(market, account)?;
        Ok([Amount::from_units(total + option_value.units()), option_value])
    }

    fn with(
        market: &Market,
        account: &Account,
        model: MarginModel,
        collateral: Vec<CollateralLine>,
        profits: &CoinExposure,
    ) -> Result<Self, RiskError> {
        let unrealised = unrealised(market, profits).collect::<Result<Vec<_>, _>>()?;
        let option_value = all_options(market, account)?;
        let counted = if model == MarginModel::Portfolio { option_value } else { Amount::ZERO };
        let lines = collateral.iter().map(|line| line.value);
        let total = lines.chain(unrealised.iter().map(|line| line.value)).chain([counted]).sum();
        Ok(Self { collateral, unrealised, option_value, total })
    }
}

fn collateral(
    market: &Market,
    account: &Account,
    haircuts: &Haircuts,
    methodology: &str,
) -> Result<Vec<CollateralLine>, RiskError> {
    lines(market, account, haircuts, methodology).collect()
}

/// Every balance with what it counts for.
pub(crate) fn lines<'a>(
    market: &'a Market,
    account: &'a Account,
    haircuts: &'a Haircuts,
    methodology: &'a str,
) -> impl Iterator<Item = Result<CollateralLine, RiskError>> + 'a {
    let balances = account.balances.iter().filter(|(_, amount)| **amount != Amount::ZERO);
    balances.map(move |(&asset, &amount)| {
        let price = market.price(asset)?;
        bounded(asset, amount)?;
        let unknown = || RiskError::UnknownAsset { methodology: methodology.into(), asset };
        let haircut = haircuts.get(asset).ok_or_else(unknown)?;
        let value = haircut.apply(worth_at(price, asset, amount)?);
        let haircut_ppb = if amount < Amount::ZERO { haircut.debt_ppb } else { haircut.ppb };
        Ok(CollateralLine { asset, amount, price, haircut_ppb, value })
    })
}

/// Profits that are not zero with what they are worth.
fn unrealised<'a>(
    market: &'a Market,
    profits: &'a CoinExposure,
) -> impl Iterator<Item = Result<ProfitLine, RiskError>> + 'a {
    profits.iter().filter(|(_, units)| **units != 0).map(move |(&asset, &units)| {
        let amount = Amount::from_units(units);
        Ok(ProfitLine { asset, amount, value: worth(market, asset, amount)? })
    })
}

/// Value of all options at mark in US dollars, each rounded down.
fn all_options(market: &Market, account: &Account) -> Result<Amount, RiskError> {
    let mut total = 0;
    let mut marks = Marks::of(market);
    for (instrument, position) in account.positions.iter().filter(|(i, _)| i.is_option()) {
        let value = value_at(marks.next(instrument)?, instrument, position.quantity)?;
        total += worth(market, instrument.settlement_asset(), value)?.units();
    }
    Ok(Amount::from_units(total))
}

/// What an amount of an asset is worth at its index, in US dollars, rounded down.
pub(crate) fn worth(market: &Market, asset: Asset, amount: Amount) -> Result<Amount, RiskError> {
    worth_at(market.price(asset)?, asset, amount)
}

fn worth_at(price: Price, asset: Asset, amount: Amount) -> Result<Amount, RiskError> {
    amount.worth(price, Rounding::Floor).map_err(|_| RiskError::AmountTooLarge(asset))
}

/// Value of an option position at mark in its settlement asset, rounded down.
pub(crate) fn option_value(
    market: &Market,
    instrument: &Instrument,
    quantity: Quantity,
) -> Result<Amount, RiskError> {
    value_at(market.mark(instrument)?, instrument, quantity)
}

fn value_at(mark: Price, instrument: &Instrument, quantity: Quantity) -> Result<Amount, RiskError> {
    instrument.value(quantity, mark, Rounding::Floor).map_err(RiskError::of(instrument))
}

/// Unrealised profit of futures and perpetuals with accrued funding, by settlement asset in 10⁻⁸;
/// each position is rounded down. Options have none: their premium was paid when they traded, and
/// their value is their mark.
pub(crate) fn profits(market: &Market, account: &Account) -> Result<CoinExposure, RiskError> {
    let mut profits = CoinExposure::new();
    profits_into(market, account, &mut profits)?;
    Ok(profits)
}

/// The same where there is room for them.
pub(crate) fn profits_into(
    market: &Market,
    account: &Account,
    profits: &mut CoinExposure,
) -> Result<(), RiskError> {
    profits.clear();
    for (asset, accrued) in &account.accrued {
        profits.insert(*asset, bounded(*asset, *accrued)?);
    }
    let mut marks = Marks::of(market);
    for (instrument, position) in account.positions.iter().filter(|(i, _)| !i.is_option()) {
        let profit = profit_at(marks.next(instrument)?, instrument, position)?;
        *profits.entry(instrument.settlement_asset()).or_default() += profit;
    }
    Ok(())
}

/// Unrealised profit of one position in its settlement asset, in 10⁻⁸, rounded down.
pub(crate) fn position_profit(
    market: &Market,
    instrument: &Instrument,
    position: &Position,
) -> Result<i128, RiskError> {
    profit_at(market.mark(instrument)?, instrument, position)
}

fn profit_at(mark: Price, instrument: &Instrument, position: &Position) -> Result<i128, RiskError> {
    let asset = instrument.settlement_asset();
    let value = value_at(mark, instrument, position.quantity)?;
    Ok(bounded(asset, value)? - bounded(asset, position.cost)?)
}

/// An amount that sums of many like it can hold.
fn bounded(asset: Asset, amount: Amount) -> Result<i128, RiskError> {
    let units = amount.units();
    if (-AMOUNT_MAX..=AMOUNT_MAX).contains(&units) {
        Ok(units)
    } else {
        Err(RiskError::AmountTooLarge(asset))
    }
}
