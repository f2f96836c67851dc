//! What is charged or given back beside the positions.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, ContractKind, Timestamp, Underlying};

use super::holding::Holding;
use super::{Opened, OptionLeg};
use crate::RiskError;
use crate::account::Account;
use crate::equity::worth;
use crate::market::price_f64;
use crate::methodology::OracleRules;
use crate::settlement;

/// One charge, in US dollars; a negative one is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which rule it is: `expiry cap`, `oracle`, `peg`, `fees` or `order settlement`.
    pub name: &'static str,
    /// What it is about: an expiry, an instrument, an asset.
    pub subject: String,
    /// For initial margin.
    pub initial: Amount,
    /// For maintenance margin.
    pub maintenance: Amount,
}

impl Charge {
    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.initial == Amount::ZERO && self.maintenance == Amount::ZERO
    }

    fn of_initial(name: &'static str, subject: String, initial: Amount) -> Self {
        Self { name, subject, initial, maintenance: Amount::ZERO }
    }
}

type Expiries<'a> = BTreeMap<(Underlying, Timestamp), Vec<&'a Holding>>;

impl Opened<'_> {
    /// What the cap of each expiry gives back.
    pub(super) fn expiry_caps(&self, holdings: &[Holding]) -> Result<Vec<Charge>, RiskError> {
        let mut charges = Vec::new();
        for ((underlying, expiry), options) in by_expiry(holdings) {
            let options: Vec<Holding> = options.into_iter().copied().collect();
            let [initial, maintenance] =
                self.expiry_relief(&options)?.map(|relief| -relief.units());
            charges.push(Charge {
                name: "expiry cap",
                subject: format!("{underlying} {expiry}"),
                initial: Amount::from_units(initial),
                maintenance: Amount::from_units(maintenance),
            });
        }
        Ok(charges)
    }

    /// How much less than their sum the positions of one expiry need together, initial and
    /// maintenance margin.
    ///
    /// Initial margin looks at the positions with every ask filled: whatever else fills only adds
    /// to what they pay, at any settlement price.
    pub(super) fn expiry_relief(&self, holdings: &[Holding]) -> Result<[Amount; 2], RiskError> {
        let options = holdings.iter().filter(|holding| holding.expiry().is_some());
        let (Some(cap), Some(first)) = (&self.rules.expiry_cap, options.clone().next()) else {
            return Ok([Amount::ZERO; 2]);
        };
        let (asset, expiry) = (first.instrument.base(), first.instrument.expiry());
        let forward = match expiry {
            Some(expiry) => {
                let instrument = &first.instrument;
                let at = self.market.expiry(instrument)?;
                price_f64(self.market.settling_forward(at, instrument, expiry)?.total())
            }
            None => first.terms.index,
        };
        let legs = |lots: fn(&Holding) -> i64| -> Vec<OptionLeg> {
            options.clone().filter_map(|holding| holding.leg(lots(holding))).collect()
        };
        let with_asks = cap.need(forward, &legs(|holding| holding.with_asks)).initial;
        let held = cap.need(forward, &legs(|holding| holding.held)).maintenance;
        let relief = |usd: f64, alone: fn(&Holding) -> Amount| -> Result<Amount, RiskError> {
            let alone: Amount = options.clone().map(alone).sum();
            let together = self.amount_up(asset, usd)?;
            Ok(Amount::from_units((alone.units() - together.units()).max(0)))
        };
        Ok([relief(with_asks, |one| one.initial)?, relief(held, |one| one.maintenance)?])
    }

    /// Everything but caps.
    pub(super) fn charges(
        &self,
        account: &Account,
        holdings: &[Holding],
    ) -> Result<Vec<Charge>, RiskError> {
        let mut charges = Vec::new();
        if let Some(oracle) = &self.rules.oracle {
            self.oracle_of_options(oracle, holdings, &mut charges)?;
            self.oracle_of_futures(oracle, holdings, &mut charges)?;
            self.oracle_of_coins(oracle, account, &mut charges)?;
        }
        charges.extend(self.peg(holdings)?);
        charges.extend(self.fees(holdings)?);
        if self.rules.haircut.is_some() {
            self.order_settlement(account, &mut charges)?;
        }
        Ok(charges)
    }

    fn oracle_of_options(
        &self,
        rules: &OracleRules,
        holdings: &[Holding],
        charges: &mut Vec<Charge>,
    ) -> Result<(), RiskError> {
        for ((underlying, expiry), options) in by_expiry(holdings) {
            let instrument = options[0].instrument;
            let at = self.market.expiry(&instrument)?;
            let confidence = self
                .market
                .confidence(instrument.base())
                .min(at.forward_confidence)
                .min(at.volatility_confidence);
            let short: f64 = options.iter().map(|option| shorts(option)).sum();
            let usd = rules.share(confidence.share()) * short * options[0].terms.index;
            let initial = self.amount_up(instrument.base(), usd)?;
            charges.push(Charge::of_initial("oracle", format!("{underlying} {expiry}"), initial));
        }
        Ok(())
    }

    fn oracle_of_futures(
        &self,
        rules: &OracleRules,
        holdings: &[Holding],
        charges: &mut Vec<Charge>,
    ) -> Result<(), RiskError> {
        for holding in holdings.iter().filter(|holding| !holding.instrument.is_option()) {
            let instrument = &holding.instrument;
            let own = match instrument.kind() {
                ContractKind::Future { .. } => self.market.expiry(instrument)?.forward_confidence,
                _ => self
                    .market
                    .underlyings
                    .get(&instrument.underlying())
                    .map_or(crate::Confidence::FULL, |at| at.perpetual_confidence),
            };
            let confidence = self.market.confidence(instrument.base()).min(own);
            let usd = rules.share(confidence.share()) * holding.units_max() * holding.terms.index;
            let initial = self.amount_up(instrument.base(), usd)?;
            charges.push(Charge::of_initial("oracle", instrument.to_string(), initial));
        }
        Ok(())
    }

    /// Coins held as collateral; the stablecoin of settlement has the peg's charge instead.
    fn oracle_of_coins(
        &self,
        rules: &OracleRules,
        account: &Account,
        charges: &mut Vec<Charge>,
    ) -> Result<(), RiskError> {
        for (&asset, &amount) in &account.balances {
            let money = self.rules.peg.as_ref().is_some_and(|peg| peg.asset == asset.name());
            if money || amount <= Amount::ZERO {
                continue;
            }
            let notional =
                worth(self.market, asset, amount)?.units() as f64 / instruments::SCALE as f64;
            let usd = rules.share(self.market.confidence(asset).share()) * notional;
            let initial = self.amount_up(asset, usd)?;
            charges.push(Charge::of_initial("oracle", asset.to_string(), initial));
        }
        Ok(())
    }

    /// What haircuts and the weight of debts take from cash that open orders may move.
    fn order_settlement(
        &self,
        account: &Account,
        charges: &mut Vec<Charge>,
    ) -> Result<(), RiskError> {
        let values_options = !self.rules.options.mark_inside;
        for (asset, flow) in settlement::Flows::of(account, &account.orders, values_options)?.iter()
        {
            let lost =
                settlement::lost(self.market, self.haircuts, self.name, account, asset, flow)?;
            let initial = self.amount_up(asset, lost as f64 / instruments::SCALE as f64)?;
            charges.push(Charge::of_initial("order settlement", asset.to_string(), initial));
        }
        Ok(())
    }

    fn peg(&self, holdings: &[Holding]) -> Result<Option<Charge>, RiskError> {
        let Some(rules) = &self.rules.peg else { return Ok(None) };
        let asset: Asset = rules.asset.parse().expect("checked when the methodology is read");
        // A market without the stablecoin holds nothing that is settled in it.
        let Ok(price) = self.market.price(asset) else { return Ok(None) };
        let exposed = |holding: &Holding| {
            let option = holding.instrument.is_option();
            let units = if option { shorts(holding) } else { holding.units_max() };
            units * holding.terms.index
        };
        let notional: f64 = holdings.iter().map(exposed).sum();
        let initial = self.amount_up(asset, rules.share(price_f64(price)) * notional)?;
        Ok(Some(Charge::of_initial("peg", rules.asset.clone(), initial)))
    }

    fn fees(&self, holdings: &[Holding]) -> Result<Vec<Charge>, RiskError> {
        let Some(rules) = &self.rules.fees else { return Ok(vec![]) };
        let charge = |holding: &Holding| {
            let terms = &holding.terms;
            let per_unit = if holding.instrument.is_option() {
                rules.of_option(terms.index, terms.mark)
            } else {
                rules.of_future(self.notional_price(terms))
            };
            let up = |units: f64| self.amount_up(holding.instrument.base(), per_unit * units);
            Ok(Charge {
                name: "fees",
                subject: holding.instrument.to_string(),
                initial: up(holding.units_max())?,
                maintenance: up(holding.units(holding.held).abs())?,
            })
        };
        holdings.iter().map(charge).collect()
    }
}

fn by_expiry(holdings: &[Holding]) -> Expiries<'_> {
    let mut expiries: Expiries<'_> = BTreeMap::new();
    for holding in holdings {
        if let Some(at) = holding.expiry() {
            expiries.entry(at).or_default().push(holding);
        }
    }
    expiries
}

/// Units sold short once every ask has filled.
fn shorts(holding: &Holding) -> f64 {
    -holding.units(holding.with_asks.min(0))
}
