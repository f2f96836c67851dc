//! A case's account and market, in plain numbers.

use instruments::OptionKind;
use pricing::black76;
use risk::position::OptionLeg;

use super::FIXED_POINT;
use crate::VectorError;
use crate::json::Node;

/// Seconds before expiry in which the settlement price, part of it known, stands for the forward.
const SETTLEMENT_SECONDS: f64 = 3600.0;
const YEAR_SECONDS: f64 = 365.0 * 86_400.0;

/// One case.
pub(super) struct Scenario {
    pub cash: f64,
    /// Price of the stablecoin that everything is settled in.
    pub stable: f64,
    pub underlyings: [Underlying; 2],
}

/// Everything of one underlying.
pub(super) struct Underlying {
    pub name: &'static str,
    pub spot: f64,
    pub spot_confidence: f64,
    pub perpetual_mark: f64,
    pub perpetual_confidence: f64,
    /// Signed units of the perpetual.
    pub perpetual: f64,
    pub unrealised: f64,
    pub funding: f64,
    /// Units of the coin held as collateral.
    pub coin: f64,
    /// In the order in which the case names them.
    pub expiries: Vec<Expiry>,
}

/// The options of one expiry.
pub(super) struct Expiry {
    pub seconds: f64,
    pub forward: f64,
    /// The forward, or the settlement price once it is being averaged.
    pub settling: f64,
    /// The least of forward's and volatilities'.
    pub confidence: f64,
    /// Each with its mark per unit.
    pub options: Vec<(OptionLeg, f64)>,
}

impl Scenario {
    /// Notional of everything held, in US dollars.
    pub fn gross(&self) -> f64 {
        let of = |underlying: &Underlying| {
            let options = underlying.expiries.iter().flat_map(|expiry| &expiry.options);
            let options = options.map(|(leg, _)| leg.size.abs() * underlying.spot.max(leg.strike));
            let linear = (underlying.perpetual.abs() + underlying.coin.abs()) * underlying.spot;
            options.sum::<f64>() + linear
        };
        self.cash.abs() + self.underlyings.iter().map(of).sum::<f64>()
    }
}

/// Reads one case.
pub(super) fn read(node: &Node<'_>) -> Result<Scenario, VectorError> {
    let options = options(node)?;
    Ok(Scenario {
        cash: fixed(&node.field("Cash")?)?,
        stable: fixed(&node.field("USDCValue")?)?,
        underlyings: [underlying(node, "ETH", 0, &options)?, underlying(node, "BTC", 1, &options)?],
    })
}

fn underlying(
    node: &Node<'_>,
    name: &'static str,
    index: usize,
    options: &[Row],
) -> Result<Underlying, VectorError> {
    let number = |field: &str| fixed(&node.field(field)?);
    let confidences = nth(&node.field("SpotPerpConfidences")?, index)?;
    let perpetual = number(&format!("Perps_{name}"))?;
    let perpetual_mark = fixed(&nth(&node.field("PerpPrice")?, index)?)?;
    // Without an entry price or funding index nothing has accrued yet.
    let since = |field: &str, now: f64| -> Result<f64, VectorError> {
        node.optional(field)?.map_or(Ok(0.0), |then| Ok(now - fixed(&then)?))
    };
    let funding_index = number(&format!("{name}GlobalFundingIndex"))?;
    let spot = number(&format!("{name}SpotPrice"))?;
    if spot <= 0.0 {
        return Err(node.error(format!("the spot price of {name} must be above zero")));
    }
    Ok(Underlying {
        name,
        spot,
        spot_confidence: fixed(&nth(&confidences, 0)?)?,
        perpetual_mark,
        perpetual_confidence: fixed(&nth(&confidences, 1)?)?,
        perpetual,
        unrealised: perpetual * since(&format!("LastEntry{name}"), perpetual_mark)?,
        funding: -perpetual * since(&format!("Account{name}FundingIndex"), funding_index)?,
        coin: number(&format!("w{name}"))?,
        expiries: expiries(node, name, options)?,
    })
}

/// One row of the option lists.
struct Row {
    underlying: String,
    seconds: f64,
    leg: OptionLeg,
    volatility: f64,
    confidence: f64,
}

fn options(node: &Node<'_>) -> Result<Vec<Row>, VectorError> {
    let underlyings = node.field("OptionUnderlying")?.items()?;
    let list = |name: &str| column(node, name, underlyings.len());
    let (expiries, strikes) = (list("OptionExpiries")?, list("OptionStrikes")?);
    let (calls, amounts) = (list("OptionIsCall")?, list("OptionAmounts")?);
    let (volatilities, confidences) = (list("OptionVols")?, list("OptionVolConfidences")?);
    let row = |row: usize| -> Result<Row, VectorError> {
        let kind = match calls[row].number()? {
            1.0 => OptionKind::Call,
            0.0 => OptionKind::Put,
            _ => return Err(calls[row].error("1 for a call or 0 for a put is needed here")),
        };
        let underlying = underlyings[row].text()?;
        if !["ETH", "BTC"].contains(&underlying) {
            return Err(underlyings[row].error("ETH or BTC is needed here"));
        }
        let (strike, size) = (not_negative(&strikes[row])?, fixed(&amounts[row])?);
        Ok(Row {
            underlying: underlying.to_owned(),
            seconds: expiries[row].number()?,
            leg: OptionLeg { kind, strike, size },
            volatility: not_negative(&volatilities[row])?,
            confidence: fixed(&confidences[row])?,
        })
    };
    (0..underlyings.len()).map(row).collect()
}

/// Groups the options of one underlying and gives each its forward and mark.
fn expiries(node: &Node<'_>, name: &str, options: &[Row]) -> Result<Vec<Expiry>, VectorError> {
    let feeds = node.field("FeedExpiries")?.items()?;
    let forwards = column(node, "Forwards", feeds.len())?;
    let confidences = column(node, "ForwardConfidences", feeds.len())?;
    let settlement = fixed(&node.field(&format!("SettlementPrice{name}"))?)?;
    let mut expiries: Vec<Expiry> = Vec::new();
    for row in options.iter().filter(|row| row.underlying == name) {
        let found = match expiries.iter().position(|expiry| expiry.seconds == row.seconds) {
            Some(found) => found,
            None => {
                let feed = feed(&feeds, options, name, row.seconds)?.ok_or_else(|| {
                    node.error(format!("no feed of {name} expires in {} seconds", row.seconds))
                })?;
                let forward = fixed(&forwards[feed])?;
                let averaging = row.seconds < SETTLEMENT_SECONDS;
                expiries.push(Expiry {
                    seconds: row.seconds,
                    forward,
                    settling: if averaging { settlement } else { forward },
                    confidence: fixed(&confidences[feed])?,
                    options: vec![],
                });
                expiries.len() - 1
            }
        };
        let expiry = &mut expiries[found];
        let mark = mark(expiry, row).map_err(|error| node.error(error.to_string()))?;
        expiry.confidence = expiry.confidence.min(row.confidence);
        expiry.options.push((row.leg, mark));
    }
    Ok(expiries)
}

/// The last feed of an underlying for an expiry; feeds stand beside options and are about the same
/// underlying.
fn feed(
    feeds: &[Node<'_>],
    options: &[Row],
    name: &str,
    seconds: f64,
) -> Result<Option<usize>, VectorError> {
    let mut found = None;
    for (index, feed) in feeds.iter().enumerate() {
        let about = options.get(index).is_some_and(|row| row.underlying == name);
        if feed.number()? == seconds && about {
            found = Some(index);
        }
    }
    Ok(found)
}

/// Undiscounted Black-76 per unit.
fn mark(expiry: &Expiry, row: &Row) -> Result<f64, pricing::PricingError> {
    let OptionLeg { kind, strike, .. } = row.leg;
    let years = expiry.seconds.max(0.0) / YEAR_SECONDS;
    // A call struck at zero is the forward itself.
    if strike == 0.0 {
        return Ok(if kind == OptionKind::Call { expiry.settling } else { 0.0 });
    }
    let kind = match kind {
        OptionKind::Call => black76::OptionKind::Call,
        OptionKind::Put => black76::OptionKind::Put,
    };
    black76::undiscounted_price(kind, expiry.settling, strike, row.volatility, years)
}

/// A list with as many elements as its neighbours.
fn column<'a>(node: &Node<'a>, name: &str, length: usize) -> Result<Vec<Node<'a>>, VectorError> {
    let field = node.field(name)?;
    let items = field.items()?;
    if items.len() == length {
        return Ok(items);
    }
    Err(field.error(format!("{} elements stand beside {length} of its neighbours", items.len())))
}

fn nth<'a>(node: &Node<'a>, index: usize) -> Result<Node<'a>, VectorError> {
    let missing = || node.error(format!("element {index} is missing"));
    node.items()?.into_iter().nth(index).ok_or_else(missing)
}

fn fixed(node: &Node<'_>) -> Result<f64, VectorError> {
    Ok(node.number()? / FIXED_POINT)
}

fn not_negative(node: &Node<'_>) -> Result<f64, VectorError> {
    let number = fixed(node)?;
    if number >= 0.0 { Ok(number) } else { Err(node.error("this may not be negative")) }
}
