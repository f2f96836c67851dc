//! From a market and an account to books, and from the outcome back to a margin.

use std::collections::BTreeMap;

use instruments::{
    Amount, Asset, ContractKind, Instrument, Quantity, SCALE, SettlementStyle, Timestamp,
    Underlying,
};

use super::book::{Book, Coin, Contract, Expiry, Leg};
use super::charges::Pair;
use super::outcome::{Group, Outcome, Prepared};
use super::scan::Rows;
use super::{rows, underlyings};
use crate::RiskError;
use crate::account::{Account, MarginModel, OpenOrder};
use crate::array::lot_f64;
use crate::epoch::EpochInputs;
use crate::equity::Equity;
use crate::euler::Component;
use crate::haircut::{Haircut, Haircuts};
use crate::margin::{Margin, MarginDetail};
use crate::market::{Market, price_f64, years_between};
use crate::methodology::{
    CoinProfit, CollateralRules, GridRules, Methodology, TermPart, UnderlyingRules,
};

/// What a few operations on doubles round by, relative to their result.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// A methodology of kind `grid`, ready to be applied.
#[derive(Clone, Debug)]
pub struct Grid {
    methodology: Methodology,
    haircuts: Haircuts,
}

/// What a grid's margin is made of.
#[derive(Clone, Debug)]
pub struct GridDetail {
    /// Everything before rounding.
    pub outcome: Outcome,
    /// The requirement, rounded up.
    pub requirement: Amount,
    /// What it comes to in initial and, of positions alone, in maintenance margin.
    pub counted: GridChargeLine,
    /// Each term of each group of underlyings.
    pub terms: Vec<GridTermLine>,
    /// Charges beside the terms.
    pub charges: Vec<GridChargeLine>,
    /// The term with the largest value, and its underlyings.
    pub binding_term: String,
    /// Its worst scenario.
    pub binding_scenario: String,
}

/// One candidate for a group's requirement.
#[derive(Clone, Debug)]
pub struct GridTermLine {
    /// The underlyings that are margined together.
    pub underlyings: String,
    /// The term's name.
    pub name: String,
    /// Its value, rounded up.
    pub value: Amount,
    /// The worst scenario of its blocks; empty if it has none.
    pub scenario: String,
    /// Whether it is the largest of its group.
    pub binds: bool,
}

/// One charge beside the terms.
#[derive(Clone, Debug)]
pub struct GridChargeLine {
    /// Its name.
    pub name: String,
    /// What it adds to initial margin, open orders counted, rounded up.
    pub initial: Amount,
    /// What it adds to maintenance margin, rounded up.
    pub maintenance: Amount,
}

/// One account, sorted and valued.
pub(crate) struct Computation<'a> {
    rules: &'a GridRules,
    pub books: Books,
    underlyings: Vec<&'a UnderlyingRules>,
    rows: Vec<Rows>,
}

/// Books of an account, and what each of their legs and coins is to the account.
pub(crate) struct Books {
    pub books: Vec<Book>,
    /// Per book, a component for each leg and then for each coin.
    pub components: Vec<Vec<Component>>,
    /// Price of the settlement stablecoin in US dollars.
    pub stable_price: f64,
}

impl Grid {
    /// Opens a grid on a market; the history of the inputs is not used.
    ///
    /// # Errors
    /// [`RiskError::WrongKind`], or a number of the market that is not usable.
    pub fn open(methodology: &Methodology, inputs: EpochInputs<'_>) -> Result<Self, RiskError> {
        let rules = methodology.grid_rules()?;
        inputs.market.validate()?;
        let none = Haircut { ppb: 0, debt_ppb: 0, holding_max: Amount::from_units(i128::MAX) };
        let haircuts = rules.assets.iter().map(|asset| (asset.asset(), none)).collect();
        Ok(Self { methodology: methodology.clone(), haircuts })
    }

    /// The methodology in force.
    #[must_use]
    pub const fn methodology(&self) -> &Methodology {
        &self.methodology
    }

    pub(crate) fn rules(&self) -> &GridRules {
        self.methodology.grid_rules().expect("a grid is opened from grid rules")
    }

    /// Margin of a `portfolio` account.
    ///
    /// # Errors
    /// What the market or the methodology lacks for this account.
    pub fn margin(&self, market: &Market, account: &Account) -> Result<Margin, RiskError> {
        self.computation(market, account)?.margin(self, market, account)
    }

    /// Sorts an account by underlying and values its legs.
    pub(crate) fn computation(
        &self,
        market: &Market,
        account: &Account,
    ) -> Result<Computation<'_>, RiskError> {
        let rules = self.rules();
        let books = Books::of(rules, market, account)?;
        let underlyings = underlyings(rules, &books.books)?;
        let rows = rows(rules, &underlyings, &books.books);
        Ok(Computation { rules, books, underlyings, rows })
    }
}

impl Computation<'_> {
    /// The books with what they are valued by.
    pub fn prepared(&self) -> Prepared<'_> {
        Prepared {
            rules: self.rules,
            underlyings: &self.underlyings,
            books: &self.books.books,
            rows: &self.rows,
        }
    }

    /// The margin that it comes to.
    pub fn margin(
        &self,
        grid: &Grid,
        market: &Market,
        account: &Account,
    ) -> Result<Margin, RiskError> {
        let name = grid.methodology.name();
        let equity = Equity::of(market, account, &grid.haircuts, name, MarginModel::Portfolio)?;
        let outcome = self.prepared().outcome(self.books.stable_price);
        Ok(Margin {
            account: account.name.clone(),
            model: MarginModel::Portfolio,
            equity,
            initial: round_up(outcome.initial)?,
            maintenance: round_up(outcome.maintenance)?,
            detail: MarginDetail::Grid(Box::new(GridDetail::of(self.rules, outcome)?)),
        })
    }
}

impl GridDetail {
    fn of(rules: &GridRules, outcome: Outcome) -> Result<Self, RiskError> {
        let mut terms = vec![];
        for group in &outcome.groups {
            for (i, term) in rules.terms.iter().enumerate() {
                terms.push(GridTermLine {
                    underlyings: group.underlyings.join("+"),
                    name: term.name.clone(),
                    value: round_up(group.terms[i])?,
                    scenario: rules.worst_scenario(group, i).unwrap_or_default(),
                    binds: group.binding == Some(i),
                });
            }
        }
        let beside = rules.charges.iter().zip(&outcome.beside);
        let beside = beside.filter(|(charge, _)| charge.initial + charge.maintenance > 0.0);
        let line = |(name, pair): (&str, &Pair)| {
            Ok(GridChargeLine {
                name: name.to_owned(),
                initial: round_up(pair.initial)?,
                maintenance: round_up(pair.maintenance)?,
            })
        };
        let counted = line(("requirement, by its factors", &outcome.counted))?;
        let mut charges = beside
            .map(|(charge, pair)| line((&charge.name, pair)))
            .collect::<Result<Vec<_>, RiskError>>()?;
        if outcome.order_losses > 0.0 {
            let losses = Pair { initial: outcome.order_losses, maintenance: 0.0 };
            charges.push(line(("order entry", &losses))?);
        }
        let requirement = round_up(outcome.requirement)?;
        let binding = terms.iter().filter(|term| term.binds).max_by_key(|term| term.value);
        let words = |of: fn(&GridTermLine) -> String| binding.map_or_else(|| "-".into(), of);
        let binding_term = words(|term| format!("{} {}", term.underlyings, term.name));
        let binding_scenario = words(|term| term.scenario.clone());
        Ok(Self { requirement, counted, charges, binding_term, binding_scenario, terms, outcome })
    }
}

impl GridRules {
    /// The worst scenario of the block with the largest loss in a term.
    fn worst_scenario(&self, group: &Group, term: usize) -> Option<String> {
        let blocks = self.parts(&self.terms[term]).into_iter().filter_map(|part| match part {
            TermPart::Block(block) => Some(block),
            TermPart::Charge(_) => None,
        });
        let block = blocks.max_by(|a, b| group.losses[*a].0.total_cmp(&group.losses[*b].0))?;
        Some(self.label(group, block, group.losses[block].1))
    }

    /// How explanations call a scenario of a group.
    pub(crate) fn label(&self, group: &Group, block: usize, scenario: usize) -> String {
        let scenario = &self.blocks[block].scenarios[scenario];
        let one = match &group.underlyings[..] {
            [one] => self.underlyings.iter().find(|known| &known.name == one),
            _ => None,
        };
        let (percent, of) = match one {
            Some(one) => (100.0 * scenario.relative_move * one.range, ""),
            None if self.underlyings.iter().any(|underlying| underlying.range != 1.0) => {
                (100.0 * scenario.relative_move, " of range")
            }
            None => (100.0 * scenario.relative_move, ""),
        };
        let volatility = scenario.volatility.as_deref().unwrap_or("same");
        let damped = match scenario.weight {
            1.0 => String::new(),
            weight => format!(", damped to {:.1}%", 100.0 * weight),
        };
        format!("{percent:+.1}%{of}, volatility {volatility}{damped}")
    }
}

impl Books {
    /// Sorts everything that an account holds by underlying.
    pub fn of(rules: &GridRules, market: &Market, account: &Account) -> Result<Self, RiskError> {
        let mut sorter = Sorter { rules, market, books: BTreeMap::new() };
        for (instrument, position) in &account.positions {
            let component = Component::Position(*instrument);
            sorter.leg(instrument, position.quantity, None, component)?;
        }
        for (index, order) in account.orders.iter().enumerate() {
            let component = Component::Order(order.instrument, index);
            sorter.leg(&order.instrument, order.quantity, Some(order), component)?;
        }
        sorter.collateral(account)?;
        let stable_price = market.price("USDC".parse().expect("a well-formed name"));
        let (mut books, mut components) = (vec![], vec![]);
        for sorted in sorter.books.into_values() {
            books.push(sorted.book);
            components.push(sorted.legs.into_iter().chain(sorted.coins).collect());
        }
        Ok(Self { books, components, stable_price: stable_price.map_or(1.0, price_f64) })
    }
}

#[derive(Default)]
struct Sorted {
    book: Book,
    places: BTreeMap<Timestamp, usize>,
    legs: Vec<Component>,
    coins: Vec<Component>,
}

struct Sorter<'a> {
    rules: &'a GridRules,
    market: &'a Market,
    books: BTreeMap<Underlying, Sorted>,
}

impl Sorter<'_> {
    fn book(&mut self, underlying: Underlying) -> Result<&mut Sorted, RiskError> {
        let asset = underlying.asset();
        let spot = price_f64(self.market.price(asset)?);
        let spot_confidence = self.market.confidence(asset).share();
        Ok(self.books.entry(underlying).or_insert_with(|| {
            let book = Book {
                underlying: asset.name().to_owned(),
                spot,
                spot_confidence,
                ..Book::default()
            };
            Sorted { book, ..Sorted::default() }
        }))
    }

    fn leg(
        &mut self,
        instrument: &Instrument,
        quantity: Quantity,
        order: Option<&OpenOrder>,
        component: Component,
    ) -> Result<(), RiskError> {
        self.market.check_listed(instrument)?;
        let expiry = instrument.expiry().map(|at| self.expiry(instrument, at)).transpose()?;
        let contract = self.contract(instrument, expiry)?;
        let lot = lot_f64(instrument);
        let inverse = instrument.style() == SettlementStyle::Inverse;
        let asset_price = price_f64(self.market.price(instrument.settlement_asset())?);
        let worth = if inverse { 1.0 } else { asset_price };
        let quote = self.market.quotes.get(instrument);
        let of = self.market.underlyings.get(&instrument.underlying());
        let leg = Leg {
            inverse,
            worth,
            delta: crate::greeks::per_lot(instrument, self.market)?.delta / lot,
            confidence: of.map_or(1.0, |of| of.perpetual_confidence.share()),
            funding_8h: quote.map_or(0.0, |quote| quote.funding_8h),
            limit: order.map(|order| price_f64(order.limit)),
            fee: order.map_or(0.0, |order| plain(order.fee) * asset_price),
            ..Leg::position(
                contract,
                quantity.lots() as f64 * lot,
                price_f64(self.market.mark(instrument)?),
            )
        };
        let sorted = self.book(instrument.underlying())?;
        sorted.book.legs.push(leg);
        sorted.legs.push(component);
        Ok(())
    }

    fn contract(
        &self,
        instrument: &Instrument,
        expiry: Option<usize>,
    ) -> Result<Contract, RiskError> {
        Ok(match (instrument.kind(), expiry) {
            (ContractKind::Option { expiry: at, strike, kind }, Some(expiry)) => {
                let market = self.market.expiry(instrument)?;
                let strike = price_f64(strike);
                let years = years_between(self.market.time, at);
                let forward = self.books[&instrument.underlying()].book.expiries[expiry].forward();
                let volatility = market.volatility.volatility(strike, forward, years);
                Contract::Option { expiry, strike, kind, volatility }
            }
            (ContractKind::Future { .. }, Some(expiry)) => Contract::Future(expiry),
            _ => Contract::Perpetual,
        })
    }

    /// The place of an expiry in its underlying's book.
    fn expiry(&mut self, instrument: &Instrument, at: Timestamp) -> Result<usize, RiskError> {
        let market = self.market.expiry(instrument)?;
        let split = self.market.settling_forward(market, instrument, at)?;
        let confidence = market.forward_confidence.min(market.volatility_confidence).share();
        let years = years_between(self.market.time, at);
        let (fixed, variable) = (price_f64(split.fixed), price_f64(split.variable));
        let sorted = self.book(instrument.underlying())?;
        let next = sorted.book.expiries.len();
        let place = *sorted.places.entry(at).or_insert(next);
        if place == next {
            sorted.book.expiries.push(Expiry { years, rate: 0.0, fixed, variable, confidence });
        }
        Ok(place)
    }

    /// Balances, and where profit in coin is converted at the scenario's price, that profit too.
    fn collateral(&mut self, account: &Account) -> Result<(), RiskError> {
        let mut amounts: BTreeMap<Asset, i128> = BTreeMap::new();
        for (asset, amount) in &account.balances {
            *amounts.entry(*asset).or_default() += amount.units();
        }
        if self.rules.valuation.coin_profit == CoinProfit::AtScenario {
            for (asset, units) in crate::equity::profits(self.market, account)? {
                *amounts.entry(asset).or_default() += units;
            }
        }
        for (asset, units) in amounts.into_iter().filter(|(_, units)| *units != 0) {
            let Some(rules) = self.rules.assets.iter().find(|known| known.name == asset.name())
            else {
                continue;
            };
            let coin = Coin {
                value: plain(Amount::from_units(units)) * price_f64(self.market.price(asset)?),
                in_scenarios: rules.in_scenarios,
                confidence: self.market.confidence(asset).share(),
                initial: rules.initial,
                maintenance: rules.maintenance,
            };
            let sorted = self.book(Underlying::of(asset))?;
            sorted.book.coins.push(coin);
            sorted.coins.push(Component::Coin(asset));
        }
        Ok(())
    }
}

impl CollateralRules {
    /// The asset itself.
    #[must_use]
    pub fn asset(&self) -> Asset {
        self.name.parse().expect("asset names are checked when the methodology is read")
    }
}

/// An amount as a plain number.
fn plain(amount: Amount) -> f64 {
    amount.units() as f64 / SCALE as f64
}

/// US dollars as an amount, rounded up from what doubles can tell.
pub(crate) fn round_up(usd: f64) -> Result<Amount, RiskError> {
    let units = usd * SCALE as f64;
    let units = (units - ROUNDING * units.abs()).ceil();
    if units.abs() <= crate::equity::AMOUNT_MAX as f64 {
        Ok(Amount::from_units(units as i128))
    } else {
        let wanted = "a margin that any real account could have";
        Err(RiskError::MarketValue { what: "the margin".into(), value: usd, wanted })
    }
}
