//! What a file gives: parameters, market and account.

use instruments::OptionKind;
use risk::grid::{Book, Coin, Contract, Expiry, Leg};
use risk::methodology::{ChargeKind, GridRules, GridScenario, Shape, SkewShape, StaticDiscount};

use crate::VectorError;
use crate::json::Node;

/// Seconds of a year.
const YEAR_SECONDS: f64 = 31_536_000.0;

/// Rules of a file, and where each of its scenarios stands in them.
pub struct Plan {
    pub rules: GridRules,
    pub scenarios: Vec<Planned>,
    pub normal: Normal,
}

/// Rates that a file prints sums of which no margin of ours takes.
pub struct Normal {
    pub perpetuals: Option<f64>,
    pub options: Option<f64>,
}

/// One scenario of a file.
pub struct Planned {
    /// The spot shock as the file states it, less one.
    pub relative_move: f64,
    /// The direction of volatility as the file states it.
    pub direction: String,
    /// Whether it is damped.
    pub damped: bool,
    /// Block and place in it.
    pub place: (usize, usize),
}

/// An account with its market.
pub struct Account {
    pub book: Book,
    pub stable_price: f64,
    pub cash: f64,
    pub perpetual_profit: f64,
    pub funding: f64,
    /// Years to expiry of each of the book's expiries.
    pub expiries: Vec<f64>,
}

/// Puts a file's numbers into the methodology's shape.
pub fn rules(skeleton: &GridRules, parameters: &Node<'_>) -> Result<Plan, VectorError> {
    let mut rules = skeleton.clone();
    let volatility = parameters.field("VolShock")?;
    rules.volatility.power_short = volatility.number_at("SHORTTERMPOWER")?;
    rules.volatility.power_long = volatility.number_at("LONGTERMPOWER")?;
    rules.volatility.tenor_days_min = volatility.number_at("DTE_FLOOR")?;
    let (up, floor) =
        (volatility.number_at("VOLRANGEUP")?, volatility.number_at("MIN_VOL_EVAL_SHOCKED")?);
    let down = volatility.number_at("VOLRANGEDOWN")?;
    let skew = parameters.field("SkewShock")?;
    rules.volatility.moves.extend([
        ("up".to_owned(), Shape::Multiply { amount: up, floor }),
        ("down".to_owned(), Shape::Multiply { amount: -down, floor: 0.0 }),
        ("linear".to_owned(), Shape::LinearSkew(skew_shape(&skew, "LINEAR")?)),
        ("absolute".to_owned(), Shape::AbsoluteSkew(skew_shape(&skew, "ABS")?)),
        // A linear skew that comes with a move of spot is capped as an absolute one.
        ("linear, spot moved".to_owned(), Shape::LinearSkew(skew_shape(&skew, "ABS")?)),
    ]);
    margin(&mut rules, &parameters.field("Margin")?)?;
    let other = parameters.field("OtherContingency")?;
    rules.margin.peg_threshold = other.number_at("PEG_LOSS_THRESHOLD")?;
    rules.margin.peg_factor = other.number_at("PEG_LOSS_FACTOR")?;
    charges(&mut rules, &parameters.field("BasisContingency")?, &other)?;
    rules.underlyings.truncate(1);
    let scenarios = scenarios(&mut rules, &parameters.field("Scenarios")?)?;
    let rate = |name: &str| other.optional(name)?.map(|rate| rate.number()).transpose();
    let normal = Normal {
        perpetuals: rate("IM_PERP_PERCENT_NORMAL")?,
        options: rate("IM_OPTION_PERCENT_NORMAL")?,
    };
    Ok(Plan { rules, scenarios, normal })
}

fn skew_shape(skew: &Node<'_>, prefix: &str) -> Result<SkewShape, VectorError> {
    Ok(SkewShape {
        base: skew.number_at(&format!("{prefix}_CBASE"))?,
        cap0: skew.number_at(&format!("{prefix}_SCALE_CAP"))?,
        k_min: skew.number_at("MIN_K_STAR")?,
        width: skew.number_at("MIN_WIDTH_SCALE")?,
        k0: skew.number_at("VOL_PARAM_STATIC")?,
        k1: skew.number_at("VOL_PARAM_SCALE")?,
        direction: 1.0,
    })
}

fn margin(rules: &mut GridRules, margin: &Node<'_>) -> Result<(), VectorError> {
    rules.margin.initial = margin.number_at("IM_LOSS_FACTOR")?;
    rules.margin.maintenance = margin.number_at("MM_LOSS_FACTOR")?;
    rules.discount = Some(StaticDiscount {
        long_base: margin.number_at("BASE_STATIC_DISCOUNT")?,
        long_rate_multiple: margin.number_at("LONG_RATE_MULTSCALE")?,
        long_rate_add: margin.number_at("LONG_RATE_ADDSCALE")?,
        short_base: margin.number_at("BASE_STATIC_DISCOUNT_NEG")?,
        short_rate_multiple: margin.number_at("SHORT_RATE_MULTSCALE")?,
        short_rate_add: margin.number_at("SHORT_RATE_ADDSCALE")?,
    });
    Ok(())
}

fn charges(rules: &mut GridRules, basis: &Node<'_>, other: &Node<'_>) -> Result<(), VectorError> {
    for charge in &mut rules.charges {
        match &mut charge.of {
            ChargeKind::Basis { moves, add, multiple } => {
                *moves = vec![
                    basis.number_at("SCENARIO_SPOT_UP")? - 1.0,
                    basis.number_at("SCENARIO_SPOT_DOWN")? - 1.0,
                ];
                *add = basis.number_at("BASIS_CONT_ADD_FACTOR")?;
                *multiple = basis.number_at("BASIS_CONT_MULT_FACTOR")?;
            }
            ChargeKind::Perpetuals => {
                charge.maintenance = other.number_at("MM_PERP_PERCENT")?;
                charge.initial = charge.maintenance + other.number_at("IM_PERP_PERCENT")?;
            }
            ChargeKind::ShortStrikes => {
                charge.maintenance = other.number_at("MM_OPTION_PERCENT")?;
                charge.initial = charge.maintenance + other.number_at("IM_OPTION_PERCENT")?;
            }
            ChargeKind::Confidence { threshold, rate } => {
                *threshold = other.number_at("CONF_THRESHOLD")?;
                *rate = other.number_at("CONF_MARGIN")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Scenarios go to the block of their kind: skews, damped tails, the rest.
fn scenarios(rules: &mut GridRules, listed: &Node<'_>) -> Result<Vec<Planned>, VectorError> {
    let block = |name: &str| {
        let found = rules.blocks.iter().position(|block| block.name == name);
        found.expect("the methodology has this block")
    };
    let (regular, tails, skew) = (block("regular"), block("tails"), block("skew"));
    rules.blocks.iter_mut().for_each(|block| block.scenarios.clear());
    let mut planned = vec![];
    for item in listed.items()? {
        let shock = item.number_at("SpotShock")?;
        let weight = item.number_at("DampeningFactor")?;
        let direction = item.field("VolShockDirection")?;
        let word = direction.text()?;
        let plain = if weight == 1.0 { regular } else { tails };
        let (block, relative_move, volatility) = match word.to_ascii_lowercase().as_str() {
            "up" => (plain, shock - 1.0, Some("up")),
            "down" => (plain, shock - 1.0, Some("down")),
            "none" => (plain, shock - 1.0, None),
            "linear" if shock == 1.0 => (skew, 0.0, Some("linear")),
            "linear" => (skew, shock - 1.0, Some("linear, spot moved")),
            "abs" => (skew, shock - 1.0, Some("absolute")),
            _ => return Err(direction.error(format!("`{word}` is no direction of volatility"))),
        };
        let place = (block, rules.blocks[block].scenarios.len());
        let volatility = volatility.map(str::to_owned);
        rules.blocks[block].scenarios.push(GridScenario { relative_move, volatility, weight });
        planned.push(Planned {
            relative_move: shock - 1.0,
            direction: word.to_owned(),
            damped: weight != 1.0,
            place,
        });
    }
    Ok(planned)
}

/// Reads market and account.
pub fn account(scenario: &Node<'_>) -> Result<Account, VectorError> {
    let stable_price = scenario.number_at("StablePrice")?;
    if stable_price <= 0.0 {
        return Err(scenario.field("StablePrice")?.error("a price above zero is needed here"));
    }
    let mut book = Book {
        underlying: "BTC".to_owned(),
        spot: scenario.number_at("SpotPrice")?,
        spot_confidence: scenario.number_at("SpotConfidence")?,
        ..Book::default()
    };
    let perpetuals = scenario.number_at("NumPerps")?;
    if perpetuals != 0.0 {
        book.legs.push(Leg {
            confidence: scenario.number_at("PerpConfidence")?,
            ..Leg::position(Contract::Perpetual, perpetuals, scenario.number_at("PerpPrice")?)
        });
    }
    let expiries = options(&mut book, scenario)?;
    for item in scenario.field("Collaterals")?.items()? {
        book.coins.push(coin(&item, stable_price)?);
    }
    Ok(Account {
        book,
        stable_price,
        cash: scenario.number_at("Cash")?,
        perpetual_profit: scenario.number_at("UnrealisedPerpPNL")?,
        funding: scenario.number_at("UnrealisedFunding")?,
        expiries,
    })
}

fn coin(item: &Node<'_>, stable_price: f64) -> Result<Coin, VectorError> {
    let cancels = item.field("IsRiskCancelling")?;
    let maintenance = item.number_at("MMHaircut")?;
    Ok(Coin {
        value: item.number_at("Amount")? * item.number_at("Price")? / stable_price,
        in_scenarios: cancels.boolean()?,
        confidence: item.number_at("Confidence")?,
        initial: maintenance + item.number_at("IMHaircut")?,
        maintenance,
    })
}

/// Options and the feeds of their expiries, each expiry at the place where it first stands.
fn options(book: &mut Book, scenario: &Node<'_>) -> Result<Vec<f64>, VectorError> {
    let feeds = scenario.field("OptionFeeds")?.items()?;
    let mut places: Vec<f64> = vec![];
    let mut surfaces = vec![];
    for item in scenario.field("Options")?.items()? {
        let seconds = item.number_at("Expiry")?;
        let place = match places.iter().position(|known| *known == seconds) {
            Some(place) => place,
            None => {
                let mut found = None;
                for feed in &feeds {
                    if feed.number_at("FeedExpiry")? == seconds {
                        found = Some(feed);
                    }
                }
                let missing = || item.error("no entry of OptionFeeds has this option's expiry");
                let feed = found.ok_or_else(missing)?;
                book.expiries.push(expiry(feed, seconds)?);
                surfaces.push(Surface::of(&feed.field("SVIparam")?)?);
                places.push(seconds);
                places.len() - 1
            }
        };
        let strike = item.number_at("Strike")?;
        let is_call = item.number_at("IsCall")? != 0.0;
        let kind = if is_call { OptionKind::Call } else { OptionKind::Put };
        let volatility = surfaces[place].volatility(strike);
        let contract = Contract::Option { expiry: place, strike, kind, volatility };
        book.legs.push(Leg::position(contract, item.number_at("Amount")?, 0.0));
    }
    Ok(places.iter().map(|seconds| seconds / YEAR_SECONDS).collect())
}

fn expiry(feed: &Node<'_>, seconds: f64) -> Result<Expiry, VectorError> {
    let forward = feed.number_at("ForwardConfidence")?;
    let rate = feed.number_at("RateConfidence")?;
    let volatility = feed.number_at("OptionVolConfidences")?;
    Ok(Expiry {
        years: seconds.max(0.0) / YEAR_SECONDS,
        // The original takes a rate below zero as zero.
        rate: feed.number_at("Rate")?.max(0.0),
        fixed: 0.0,
        variable: feed.number_at("Forward")?,
        confidence: forward.min(rate).min(volatility),
    })
}

/// The venue's raw SVI: a, b, ρ, m, σ, forward and the years its total variance spans. Beyond
/// ±4·√(a + b·σ) in log-moneyness the smile is flat, and total variance is at most 144.
struct Surface {
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    sigma: f64,
    forward: f64,
    years: f64,
}

const REACH: f64 = 4.0;
const TOTAL_VARIANCE_MAX: f64 = 144.0;

impl Surface {
    fn of(numbers: &Node<'_>) -> Result<Self, VectorError> {
        let values = numbers.items()?.iter().map(Node::number).collect::<Result<Vec<_>, _>>()?;
        let [a, b, rho, m, sigma, forward, years] = values[..] else {
            let message = format!("7 numbers are needed here, not {}", values.len());
            return Err(numbers.error(message));
        };
        if forward > 0.0 && years > 0.0 {
            Ok(Self { a, b, rho, m, sigma, forward, years })
        } else {
            Err(numbers.error("forward and years must be above zero"))
        }
    }

    fn volatility(&self, strike: f64) -> f64 {
        if strike <= 0.0 {
            return 0.0;
        }
        let reach = REACH * (self.a + self.b * self.sigma).max(0.0).sqrt();
        let k = numerics::ln(strike / self.forward).clamp(-reach, reach) - self.m;
        let variance = self.a + self.b * (self.rho * k + (k * k + self.sigma * self.sigma).sqrt());
        (variance.clamp(0.0, TOTAL_VARIANCE_MAX) / self.years).sqrt()
    }
}
