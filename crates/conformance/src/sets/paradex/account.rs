//! A case's account and markets, in plain numbers.

use std::collections::BTreeMap;

use instruments::{Instrument, OptionKind, Timestamp};
use risk::methodology::{FutureRate, FutureRules, OptionRates, OptionRules};

use crate::VectorError;
use crate::json::Node;

/// One account with everything that its margin depends on.
pub(super) struct Account {
    pub positions: Vec<Holding>,
    pub orders: Vec<Holding>,
    /// Worth of coins held or owed, in US dollars, without signs.
    pub coins: f64,
    pub markets: BTreeMap<String, Market>,
}

/// A position or an order.
pub(super) struct Holding {
    pub market: String,
    /// Signed units of the underlying.
    pub size: f64,
    /// The limit price of an order.
    pub limit: Option<f64>,
}

/// One market.
pub(super) struct Market {
    pub mark: f64,
    pub delta: f64,
    pub volatility: Option<f64>,
    pub index: f64,
    /// What a long perpetual pays over eight hours, per notional.
    pub funding: f64,
    pub interest: f64,
    pub fee_rate: f64,
    /// None where only prices are given.
    pub contract: Option<Contract>,
}

/// What is traded there.
pub(super) enum Contract {
    /// A perpetual or a future.
    Future(FutureRules),
    /// An option; a perpetual one has no expiry.
    Option { kind: OptionKind, strike: f64, expiry: Option<Timestamp>, rules: OptionRules },
}

impl Account {
    /// Reads one case.
    pub fn read(node: &Node<'_>) -> Result<Self, VectorError> {
        let specs = node.field("market_specs")?;
        let market = |(name, data): (&str, Node<'_>)| {
            let contract = match specs.optional(name)? {
                Some(spec) => Some(contract(name, &spec)?),
                None => None,
            };
            Ok((name.to_owned(), market(&data, contract)?))
        };
        let markets = node.field("market_data")?.fields()?.into_iter().map(market);
        let markets = markets.collect::<Result<BTreeMap<_, _>, VectorError>>()?;
        let holdings = |name: &str, orders: bool| -> Result<Vec<Holding>, VectorError> {
            let items = node.field(name)?.items()?;
            items.iter().map(|item| holding(item, orders, &markets)).collect()
        };
        let (positions, orders) = (holdings("positions", false)?, holdings("orders", true)?);
        Ok(Self { positions, orders, coins: coins(node, &markets)?, markets })
    }

    /// Every position and order with its market.
    pub fn all(&self) -> impl Iterator<Item = (&Holding, &Market)> {
        let all = self.positions.iter().chain(&self.orders);
        all.map(|holding| (holding, &self.markets[&holding.market]))
    }

    /// Notional of positions, orders and coins in US dollars: at the index, or at the strike of an
    /// option if that is higher, since its price is a difference of the two.
    pub fn gross_notional(&self) -> f64 {
        let notional = |(holding, market): (&Holding, &Market)| {
            let strike = match market.contract {
                Some(Contract::Option { strike, .. }) => strike,
                _ => 0.0,
            };
            holding.size.abs() * market.index.max(strike)
        };
        self.coins + self.all().map(notional).sum::<f64>()
    }

    /// Sum of deltas without signs, in units of the underlying.
    pub fn gross_delta(&self) -> f64 {
        self.all().map(|(holding, market)| (holding.size * market.delta).abs()).sum()
    }
}

fn market(data: &Node<'_>, contract: Option<Contract>) -> Result<Market, VectorError> {
    let index = data.field("underlying_price")?;
    let market = Market {
        mark: data.number_at("mark_price")?,
        delta: data.number_at("delta")?,
        volatility: data.optional("mark_iv")?.map(|node| node.number()).transpose()?,
        index: index.number()?,
        funding: data.number_at("funding_rate")?,
        interest: data.number_at("interest_rate")?,
        fee_rate: data.number_at("fee_rate")?,
        contract,
    };
    if market.index > 0.0 { Ok(market) } else { Err(index.error("a price is above zero")) }
}

fn contract(name: &str, spec: &Node<'_>) -> Result<Contract, VectorError> {
    let kind = spec.field("asset_kind")?;
    match kind.text()? {
        "PERP" | "FUTURE" => {
            let rates = spec.field("delta1_cross_margin_params")?;
            let initial = rates.number_at("imf_base")?;
            let maintenance = initial * rates.number_at("mmf_factor")?;
            Ok(Contract::Future(FutureRules {
                initial: FutureRate { rate: initial, slope: 0.0 },
                maintenance: FutureRate { rate: maintenance, slope: 0.0 },
            }))
        }
        "OPTION" | "PERP_OPTION" => {
            let rates = spec.field("option_cross_margin_params")?;
            let option_type = spec.field("option_type")?;
            Ok(Contract::Option {
                kind: match option_type.text()? {
                    "CALL" => OptionKind::Call,
                    "PUT" => OptionKind::Put,
                    _ => return Err(option_type.error("CALL or PUT is needed here")),
                },
                strike: spec.number_at("strike_price")?,
                expiry: expiry(name, spec)?,
                rules: OptionRules {
                    mark_inside: false,
                    put_over_maintenance: 0.0,
                    initial: option_rates(&rates.field("imf")?)?,
                    maintenance: option_rates(&rates.field("mmf")?)?,
                },
            })
        }
        _ => Err(kind.error("PERP, FUTURE, OPTION or PERP_OPTION is needed here")),
    }
}

fn option_rates(node: &Node<'_>) -> Result<OptionRates, VectorError> {
    Ok(OptionRates {
        short_rate: node.number_at("short_itm")?,
        short_floor: node.number_at("short_otm")?,
        put_mark_floor: 0.0,
        put_cap: Some(node.number_at("short_put_cap")?),
        long_mark: node.number_at("premium_multiplier")?,
        long_rate: node.number_at("long_itm")?,
    })
}

/// The published expiry in seconds or milliseconds, else 08:00 UTC of the day in the name, as in
/// `BTC-USD-26JUN26-83500-C`.
fn expiry(name: &str, spec: &Node<'_>) -> Result<Option<Timestamp>, VectorError> {
    /// More than this is no number of seconds.
    const SECONDS_MAX: f64 = 1e10;
    if let Some(node) = spec.optional("expiry_at")? {
        let time = node.number()?;
        if time != 0.0 {
            let milliseconds = if time > SECONDS_MAX { time } else { time * 1_000.0 };
            return Ok(Some(Timestamp::from_milliseconds(milliseconds as i64)));
        }
    }
    let parts: Vec<&str> = name.split('-').collect();
    let [_, _, first, second, _] = parts[..] else { return Ok(None) };
    let future = |day: &str| format!("BTC-{day}").parse::<Instrument>().ok()?.expiry();
    let found = future(first).or_else(|| future(second));
    found.map(Some).ok_or_else(|| spec.error(format!("`{name}` names no day of expiry")))
}

fn holding(
    node: &Node<'_>,
    order: bool,
    markets: &BTreeMap<String, Market>,
) -> Result<Holding, VectorError> {
    let (name, side) = (node.field("market")?, node.field("side")?);
    let market = name.text()?.to_owned();
    if markets.get(&market).is_none_or(|market| market.contract.is_none()) {
        return Err(name.error(format!("`{market}` has no market data or no specification")));
    }
    let sign = match side.text()? {
        "BUY" | "LONG" => 1.0,
        "SELL" | "SHORT" => -1.0,
        _ => return Err(side.error("BUY or SELL is needed here")),
    };
    let limit = if order { Some(node.number_at("price")?) } else { None };
    Ok(Holding { market, size: sign * node.number_at("size")?.abs(), limit })
}

fn coins(node: &Node<'_>, markets: &BTreeMap<String, Market>) -> Result<f64, VectorError> {
    let mut total = 0.0;
    for balance in node.field("balances")?.items()? {
        let token = balance.field("token")?;
        let (name, size) = (token.text()?, balance.number_at("size")?);
        if name == "USDC" {
            continue;
        }
        let market = markets.get(&format!("{name}-USD-PERP"));
        let market = market.or_else(|| markets.get(&format!("{name}-USD")));
        let market = market.ok_or_else(|| token.error(format!("`{name}` has no price")))?;
        let price = if market.mark == 0.0 { market.index } else { market.mark };
        total += size.abs() * price;
    }
    Ok(total)
}
