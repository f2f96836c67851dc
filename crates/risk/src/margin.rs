//! Portfolio margin of one account: equity, requirement, add-ons, initial and maintenance margin.

use instruments::{Amount, Asset, Instrument, Quantity, Rounding, SCALE, Underlying, mul_div};

use crate::account::{Account, MarginModel, OpenOrder};
use crate::addons::{AddOn, Charges, Circumstances, EXPIRY_CLIFF, ceil};
use crate::epoch::Epoch;
use crate::equity::{Equity, worth};
use crate::market::{Market, price_f64};
use crate::methodology::AssetKind;
use crate::orders::FillEntry;
use crate::portfolio::{CoinExposure, PortfolioVector};
use crate::requirement::{Profits, Requirement, requirement_ticks, requirement_ticks_in};
use crate::room::{ChargeRoom, Room};
use crate::settlement::Flows;
use crate::{FlatMap, RiskError};

/// The margin of one account, in US dollars.
#[derive(Clone, Debug)]
pub struct Margin {
    /// The account's name.
    pub account: String,
    /// How it was margined.
    pub model: MarginModel,
    /// Equity, line by line.
    pub equity: Equity,
    /// Initial margin, open orders included.
    pub initial: Amount,
    /// Maintenance margin.
    pub maintenance: Amount,
    /// What initial margin is made of.
    pub detail: MarginDetail,
}

/// Equity and initial margin, and nothing of what they are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialMargin {
    /// Equity, in US dollars.
    pub equity: Amount,
    /// Initial margin, open orders included, in US dollars.
    pub initial: Amount,
    /// The same before any cap, in ticks.
    pub uncapped: i128,
}

/// What a margin is made of, by kind of methodology.
#[derive(Clone, Debug)]
pub enum MarginDetail {
    /// By scenarios.
    Scenario(Box<ScenarioDetail>),
    /// By a grid of stated scenarios.
    Grid(Box<crate::grid::GridDetail>),
    /// By position.
    Position(crate::position::PositionDetail),
}

/// Portfolio margin in ticks.
#[derive(Clone, Debug)]
pub struct ScenarioDetail {
    /// The requirement R of positions and open orders.
    pub requirement: Requirement,
    /// R of positions alone, which maintenance margin starts from.
    pub requirement_of_positions: i128,
    /// Add-ons of positions and open orders.
    pub add_ons: Vec<AddOn>,
    /// Add-ons of positions alone.
    pub add_ons_of_positions: Vec<AddOn>,
    /// For an account of long options alone: what caps its margin, in US dollars.
    pub cap: Option<Amount>,
    /// The largest term's name.
    pub binding_term: String,
    /// The scenario that binds: the worst one of the term.
    pub binding_scenario: String,
    /// Profits in every scenario, coins and open orders included.
    pub profits: Profits,
    /// R + ΣA before any cap, in ticks.
    pub uncapped: i128,
    /// Ticks per US dollar.
    pub ticks_per_unit: i64,
}

impl Margin {
    /// Equity less initial margin: what new positions may use; negative in `Restricted`.
    #[must_use]
    pub fn excess(&self) -> Amount {
        Amount::from_units(self.equity.total.units() - self.initial.units())
    }

    /// Equity less maintenance margin; negative when a case opens.
    #[must_use]
    pub fn health(&self) -> Amount {
        Amount::from_units(self.equity.total.units() - self.maintenance.units())
    }

    /// The same margin while notice of a parameter change runs: equity and initial margin are the
    /// new ones at once, and maintenance margin is such that health is no lower than under the old
    /// parameters. So the change alone, of haircuts too, makes no healthy account liquidatable.
    #[must_use]
    pub fn under_notice(self, before: &Self) -> Self {
        // Where haircuts stay as they were this is the lower of both requirements.
        let kept = self.equity.total.units() - before.health().units();
        let maintenance = Amount::from_units(self.maintenance.units().min(kept));
        Self { maintenance, ..self }
    }

    /// What binds: a term and its scenario, or the position with the largest requirement.
    #[must_use]
    pub fn binding(&self) -> (String, String) {
        match &self.detail {
            MarginDetail::Scenario(detail) => {
                (detail.binding_term.clone(), detail.binding_scenario.clone())
            }
            MarginDetail::Grid(detail) => {
                (detail.binding_term.clone(), detail.binding_scenario.clone())
            }
            MarginDetail::Position(detail) => {
                let largest = detail.positions.iter().max_by_key(|position| position.initial);
                let name = largest.filter(|position| position.initial > Amount::ZERO);
                ("positions".into(), name.map_or_else(|| "-".into(), |p| p.instrument.to_string()))
            }
        }
    }
}

/// Margin of an account in an epoch, at live marks.
///
/// Equity follows `market`; the requirement uses the epoch's arrays. For a snapshot they are the
/// same market.
///
/// # Errors
/// Whatever market, methodology or epoch lacks for this account.
pub fn margin(epoch: &Epoch, market: &Market, account: &Account) -> Result<Margin, RiskError> {
    let vector = PortfolioVector::of(epoch, account)?;
    Assessment { epoch, market, account, vector: &vector }.margin()
}

/// One account with its vector, ready to be assessed.
#[derive(Clone, Copy, Debug)]
pub struct Assessment<'a> {
    /// The arrays in force.
    pub epoch: &'a Epoch,
    /// Live marks.
    pub market: &'a Market,
    /// The account.
    pub account: &'a Account,
    /// The vector of its positions, full or kept incrementally.
    pub vector: &'a PortfolioVector,
}

impl Assessment<'_> {
    /// Equity, initial and maintenance margin with all that they are made of.
    ///
    /// # Errors
    /// As [`margin`].
    pub fn margin(&self) -> Result<Margin, RiskError> {
        let rules = self.epoch.rules();
        let equity = Equity::portfolio(self.epoch, self.market, self.account)?;
        let coins = self.coins()?;
        let held = self.vector.profits(self.epoch, &coins);
        let requirement_of_positions = requirement_ticks(self.epoch.scenarios(), &held);
        let add_ons_of_positions = self.add_ons(&held, &[], &[], requirement_of_positions)?;
        let orders = &self.account.orders;
        let entries = self.entries(orders)?;
        let mut profits = held.clone();
        self.add_orders(&mut profits, orders, &entries, None);
        let requirement = Requirement::of(self.epoch.scenarios(), &profits);
        let add_ons = self.add_ons(&held, orders, &entries, requirement.ticks)?;
        let cap = self.cap(equity.option_value, orders, &mut Room::default())?;
        let capped = |ticks: i128| cap.map_or(self.usd(ticks), |cap| self.usd(ticks).min(cap));
        let uncapped = requirement.ticks + total(&add_ons);
        let kept = add_ons_of_positions.iter().filter(|add_on| add_on.maintenance);
        let counted = requirement_of_positions + kept.map(|add_on| add_on.ticks).sum::<i128>();
        let maintenance = share_up(counted, rules.maintenance_share);
        let (binding_term, binding_scenario) = self.binding(&requirement);
        let detail = ScenarioDetail {
            requirement,
            requirement_of_positions,
            add_ons,
            add_ons_of_positions,
            cap,
            binding_term,
            binding_scenario,
            profits,
            uncapped,
            ticks_per_unit: rules.ticks_per_unit,
        };
        Ok(Margin {
            account: self.account.name.clone(),
            model: MarginModel::Portfolio,
            equity,
            initial: capped(uncapped),
            maintenance: capped(maintenance),
            detail: MarginDetail::Scenario(Box::new(detail)),
        })
    }

    /// Equity and initial margin alone, with one more order open: the figures of
    /// [`Assessment::margin`] without what they are made of.
    ///
    /// # Errors
    /// As [`margin`].
    pub fn initial(
        &self,
        order: Option<&OpenOrder>,
        room: &mut Room,
    ) -> Result<InitialMargin, RiskError> {
        let mut orders = std::mem::take(&mut room.orders);
        orders.clear();
        orders.extend_from_slice(&self.account.orders);
        orders.extend(order);
        let margin = self.initial_with(&orders, room);
        room.orders = orders;
        margin
    }

    /// The same with these orders open.
    fn initial_with(
        &self,
        orders: &[OpenOrder],
        room: &mut Room,
    ) -> Result<InitialMargin, RiskError> {
        let (epoch, set) = (self.epoch, self.epoch.scenarios());
        let Room { entries, flows, coins, held, profits, losses, charges, .. } = room;
        crate::equity::profits_into(self.market, self.account, coins)?;
        let [equity, option_value] = Equity::total(epoch, self.market, self.account, coins)?;
        self.add_balances(coins)?;
        self.vector.profits_into(epoch, coins, profits);
        flows.fill(self.account, orders, true)?;
        self.entries_into(orders, flows, entries)?;
        // Without orders they are looked at again only near an expiry.
        let is_near = crate::cliff::is_near(self, orders);
        if is_near {
            held.copy(profits);
        }
        self.add_orders(profits, orders, entries, None);
        let requirement = requirement_ticks_in(set, profits, losses);
        let charged = self.charge_ticks(orders, entries, flows, requirement, charges)?;
        let mut uncapped = requirement + charged.iter().sum::<i128>();
        if is_near {
            uncapped += crate::cliff::expiry_cliff(self, held, orders, entries, requirement)?;
        }
        let cap = self.cap(option_value, orders, room)?;
        let initial = cap.map_or(self.usd(uncapped), |cap| self.usd(uncapped).min(cap));
        Ok(InitialMargin { equity, initial, uncapped })
    }

    /// Balances, accrued funding and unrealised profit of every coin, in 10⁻⁸. What counts for
    /// nothing as collateral brings no price risk either: a balance of an asset that stands alone,
    /// or beyond what counts; owed, it always does.
    pub(crate) fn coins(&self) -> Result<CoinExposure, RiskError> {
        let mut coins = crate::equity::profits(self.market, self.account)?;
        self.add_balances(&mut coins)?;
        Ok(coins)
    }

    /// Adds balances to profits.
    fn add_balances(&self, coins: &mut CoinExposure) -> Result<(), RiskError> {
        for (asset, balance) in &self.account.balances {
            let most = if self.epoch.is_joint(Underlying::of(*asset)) {
                self.units_counted_max(*asset)?
            } else {
                0
            };
            *coins.entry(*asset).or_default() += balance.units().min(most);
        }
        coins.retain(|_, units| *units != 0);
        Ok(())
    }

    /// How much of a holding counts at most, in 10⁻⁸ of the asset.
    pub(crate) fn units_counted_max(&self, asset: Asset) -> Result<i128, RiskError> {
        let Some(haircut) = self.epoch.haircuts().get(asset) else { return Ok(0) };
        let price = i128::from(self.market.price(asset)?.units());
        let units = mul_div(haircut.holding_max.units(), i128::from(SCALE), price, Rounding::Floor);
        Ok(units.unwrap_or(i128::MAX))
    }

    /// Every add-on, the expiry cliff last.
    fn add_ons(
        &self,
        held: &Profits,
        orders: &[OpenOrder],
        entries: &[FillEntry],
        requirement: i128,
    ) -> Result<Vec<AddOn>, RiskError> {
        let mut charges = self.charges(orders, entries, requirement)?;
        charges.push(AddOn {
            name: EXPIRY_CLIFF,
            ticks: crate::cliff::expiry_cliff(self, held, orders, entries, requirement)?,
            maintenance: self
                .epoch
                .rules()
                .addons
                .maintenance
                .iter()
                .any(|name| name == EXPIRY_CLIFF),
        });
        Ok(charges)
    }

    /// Every add-on but the expiry cliff, for a requirement of `requirement` ticks.
    pub(crate) fn charges(
        &self,
        orders: &[OpenOrder],
        entries: &[FillEntry],
        requirement: i128,
    ) -> Result<Vec<AddOn>, RiskError> {
        let flows = Flows::of(self.account, orders, true)?;
        let mut room = ChargeRoom::default();
        let charges = self.charge_ticks(orders, entries, &flows, requirement, &mut room)?;
        Ok(crate::addons::named(&charges, &self.epoch.rules().addons))
    }

    /// The same in ticks, with the cash that the orders may move.
    fn charge_ticks(
        &self,
        orders: &[OpenOrder],
        entries: &[FillEntry],
        flows: &Flows,
        requirement: i128,
        room: &mut ChargeRoom,
    ) -> Result<Charges, RiskError> {
        let ChargeRoom { exposure, values } = room;
        self.vector.exposure_into(self.epoch, orders, entries, exposure);
        let circumstances = Circumstances {
            epoch: self.epoch,
            time: self.market.time,
            feeds: Some(self.market),
            exposure,
            peg: self.peg(orders, flows)?,
            wrong_way_share: self.wrong_way_share(flows, values)?,
            order_settlement: self.order_settlement(flows)?,
        };
        circumstances.ticks(requirement)
    }

    /// `max(0, threshold − stable price)·f·|exposure|`, debts and shorts only: what is owed in the
    /// stablecoin, short options settled in it at their mark, and what open orders may add.
    fn peg(&self, orders: &[OpenOrder], flows: &Flows) -> Result<i128, RiskError> {
        let mut total = 0.0;
        for parameters in
            self.epoch.rules().assets.iter().filter(|asset| asset.kind == AssetKind::Stable)
        {
            let asset = parameters.asset();
            let Ok(price) = self.market.price(asset) else { continue };
            let below = (parameters.peg_threshold - price_f64(price)).max(0.0);
            if below > 0.0 {
                let outflow = flows.get(asset).outflow;
                let owed = (self.owed(asset, orders, outflow)? as f64) / SCALE as f64;
                total +=
                    below * parameters.peg_factor * owed * self.epoch.rules().ticks_per_unit as f64;
            }
        }
        Ok(ceil(total))
    }

    /// What the account owes or may come to owe in an asset, in 10⁻⁸.
    fn owed(&self, asset: Asset, orders: &[OpenOrder], outflow: i128) -> Result<i128, RiskError> {
        let profit = crate::equity::profits(self.market, self.account)?;
        let mut balance = profit.get(&asset).copied().unwrap_or(0) - outflow
            + self.account.balances.get(&asset).copied().unwrap_or_default().units();
        let short_value = |instrument: &Instrument, quantity: Quantity| {
            let value = crate::equity::option_value(self.market, instrument, quantity)?;
            Ok::<_, RiskError>((-value.units()).max(0))
        };
        let mut shorts = 0;
        for (instrument, position) in &self.account.positions {
            if instrument.settlement_asset() == asset && instrument.is_option() {
                shorts += short_value(instrument, position.quantity)?;
            }
        }
        for order in orders.iter().filter(|order| order.instrument.settlement_asset() == asset) {
            if order.instrument.is_option() {
                shorts += short_value(&order.instrument, order.quantity)?;
            } else {
                balance -= self.entry_loss(order)?;
            }
        }
        Ok((-balance).max(0) + shorts)
    }

    /// What a fill of a future at its limit loses against mark, fee included, in 10⁻⁸.
    fn entry_loss(&self, order: &OpenOrder) -> Result<i128, RiskError> {
        let mark = self.market.mark(&order.instrument)?;
        let gain = order.instrument.profit(order.quantity, order.limit, mark, Rounding::Floor);
        let gain = gain.map_err(RiskError::of(&order.instrument))?;
        Ok((order.fee.units() - gain.units()).max(0))
    }

    /// Σ corr⁺·share over collateral that no scenario moves, with what orders may bring of it and
    /// take of the rest.
    fn wrong_way_share(
        &self,
        flows: &Flows,
        values: &mut FlatMap<Asset, i128>,
    ) -> Result<f64, RiskError> {
        let (haircuts, name) = (self.epoch.haircuts(), self.epoch.methodology().name());
        values.clear();
        for line in crate::equity::lines(self.market, self.account, haircuts, name) {
            let line = line?;
            values.insert(line.asset, line.value.units().max(0));
        }
        let mut total: i128 = values.values().sum();
        for (asset, flow) in flows.iter() {
            *values.entry(asset).or_default() +=
                worth(self.market, asset, Amount::from_units(flow.inflow))?.units();
            total -= worth(self.market, asset, Amount::from_units(flow.outflow))?.units();
        }
        let mut share = 0.0;
        for (&asset, &value) in values.iter().filter(|(_, value)| **value > 0) {
            if !self.epoch.is_joint(Underlying::of(asset)) {
                let correlation = self.epoch.parameters(asset)?.wrong_way_correlation.max(0.0);
                share += correlation * (value as f64 / total.max(value) as f64);
            }
        }
        Ok(share.min(1.0))
    }

    /// Names of the binding term and its worst scenario.
    fn binding(&self, requirement: &Requirement) -> (String, String) {
        let none = || ("none".to_string(), "-".to_string());
        let alone = requirement
            .alone
            .iter()
            .max_by_key(|(_, loss, _)| *loss)
            .filter(|(_, loss, _)| *loss > 0);
        let largest = requirement.binding.map(|index| &requirement.terms[index]);
        match (largest, alone) {
            (Some(term), alone) if alone.is_none_or(|(_, loss, _)| term.ticks >= *loss) => (
                term.name.clone(),
                crate::explain::binding_scenario(self.epoch, requirement, &term.name),
            ),
            (_, Some((underlying, _, scenario))) => {
                let label = &self.epoch.scenarios().alone[*scenario].label;
                ("stands alone".to_string(), format!("{underlying}: {label}"))
            }
            _ => none(),
        }
    }

    /// US dollars in ticks, rounded down.
    pub(crate) fn ticks(&self, usd: Amount) -> i128 {
        usd.units().div_euclid(i128::from(self.units_per_tick()))
    }

    pub(crate) fn ticks_up(&self, usd: Amount) -> i128 {
        -(-usd.units()).div_euclid(i128::from(self.units_per_tick()))
    }

    /// Ticks in US dollars, exactly: a tick is a whole number of 10⁻⁸.
    pub(crate) fn usd(&self, ticks: i128) -> Amount {
        Amount::from_units(ticks * i128::from(self.units_per_tick()))
    }

    fn units_per_tick(&self) -> i64 {
        SCALE / self.epoch.rules().ticks_per_unit
    }
}

/// The sum of add-ons.
pub(crate) fn total(add_ons: &[AddOn]) -> i128 {
    add_ons.iter().map(|add_on| add_on.ticks).sum()
}

/// A share of ticks, rounded up, in integers: the share is taken to a millionth.
pub(crate) fn share_up(ticks: i128, share: f64) -> i128 {
    let ppm = (share * 1e6).round() as i128;
    mul_div(ticks, ppm, 1_000_000, Rounding::Ceil).unwrap_or(ticks)
}
