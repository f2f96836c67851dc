//! Deribit's portfolio margin: answers of `private/pme/simulate` for futures and perpetuals.
//!
//! Parameters, positions, index and marks come from the file; the shape of the rules is that of the
//! methodology `deribit-pm`. Figures are in the settlement coin, to every printed digit.

use instruments::{ContractKind, Instrument, Timestamp};
use risk::Methodology;
use risk::grid::{Book, Contract, Expiry, Leg, Outcome, assess};
use risk::methodology::{GridRules, GridScenario};

use crate::json::{self, Node};
use crate::{Case, VectorError, VectorFile};

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = vec![];
    for file in files {
        let value = json::parse(file)?;
        let top = Node::top(file, &value);
        for (i, item) in top.items()?.iter().enumerate() {
            cases.push(case(file, i + 1, item)?);
        }
    }
    Ok(cases)
}

/// What a few operations on doubles may round by, relative to the sizes that cancel.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// A position as the file gives it, in units of the coin.
struct Position {
    name: String,
    instrument: Instrument,
    size: f64,
    mark: f64,
}

/// An answer's inputs.
struct Inputs {
    coin: String,
    index: f64,
    time: Timestamp,
    positions: Vec<Position>,
    rules: GridRules,
    dampener: f64,
}

fn case(file: &VectorFile, number: usize, item: &Node<'_>) -> Result<Case, VectorError> {
    let inputs = Inputs::read(item)?;
    let mut case = Case::named(&file.name, format!("answer {number}"));
    inputs.vectors(item, &mut case)?;
    inputs.margins(item, &mut case)?;
    Ok(case)
}

impl Inputs {
    fn read(item: &Node<'_>) -> Result<Self, VectorError> {
        let index = item.field("index")?;
        let indices = index.fields()?;
        let [(pair, price)] = &indices[..] else {
            return Err(index.error("one index is needed here"));
        };
        let coin = pair.split('_').next().unwrap_or_default();
        let milliseconds = item.number_at("timestamp_ms")? as i64;
        let params = item.field("params")?;
        let currency = params.field(coin)?;
        let mut positions = vec![];
        let marks = item.field("mark")?;
        for (name, size) in item.field("position")?.fields()? {
            positions.push(position(name, &size, &marks)?);
        }
        let index = price.number()?;
        if index <= 0.0 {
            return Err(price.error("a price above zero is needed here"));
        }
        Ok(Self {
            coin: coin.to_ascii_uppercase(),
            index,
            time: Timestamp::from_milliseconds(milliseconds),
            positions,
            rules: rules(coin, &params, &currency, &params.field(pair)?)?,
            dampener: currency.number_at("extended_dampener")? / index,
        })
    }

    fn book(&self, positions: &[&Position]) -> Book {
        let mut book = Book {
            underlying: self.coin.clone(),
            spot: self.index,
            spot_confidence: 1.0,
            ..Book::default()
        };
        for position in positions {
            let contract = match position.instrument.expiry() {
                None => Contract::Perpetual,
                Some(expiry) => {
                    let milliseconds = expiry.since(self.time).max(0);
                    let years = milliseconds as f64 / Timestamp::YEAR as f64;
                    let variable = position.mark;
                    book.expiries.push(Expiry {
                        years,
                        rate: 0.0,
                        fixed: 0.0,
                        variable,
                        confidence: 1.0,
                    });
                    Contract::Future(book.expiries.len() - 1)
                }
            };
            // The file counts coins; the contract is of US dollars.
            let dollars = position.size * position.mark;
            book.legs.push(Leg {
                inverse: true,
                delta: 1.0 / position.mark,
                ..Leg::position(contract, dollars, position.mark)
            });
        }
        book
    }

    fn assess(&self, rules: &GridRules, positions: &[&Position]) -> Outcome {
        let book = self.book(positions);
        assess(rules, &[book], 1.0).expect("the rules list the book's underlying")
    }

    /// In coin, without offsets: the profits of some positions in every bucket.
    fn buckets(&self, rules: &GridRules, positions: &[&Position]) -> Vec<f64> {
        let profits = &self.assess(rules, positions).groups[0].profits[0];
        profits.iter().map(|profit| profit / self.index).collect()
    }

    fn all(&self) -> Vec<&Position> {
        self.positions.iter().collect()
    }

    /// Risk vectors of each instrument and of all together.
    fn vectors(&self, item: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let mut whole = self.rules.clone();
        whole.underlyings[0].gain_share = 1.0;
        if let Some(vectors) = item.optional("initial_risk_vectors_standard_by_bucket")? {
            for position in &self.positions {
                let got = self.buckets(&whole, &[position]);
                self.compare(case, &position.name, &vectors.field(&position.name)?, &got)?;
            }
        }
        if let Some(vectors) = item.optional("initial_risk_vectors_extended")? {
            for position in &self.positions {
                let Some(expected) = vectors.optional(&position.name)? else { continue };
                let got = edges(&self.buckets(&whole, &[position]));
                self.compare(case, &format!("{}, extended", position.name), &expected, &got)?;
            }
        }
        let before = self.buckets(&whole, &self.all());
        if let Some(expected) = item.optional("pre_aggregated_standard_by_bucket")? {
            self.compare(case, "before offsets", &expected, &before)?;
        }
        if let Some(expected) = item.optional("aggregated_standard_by_bucket")? {
            let got = self.buckets(&self.rules, &self.all());
            self.compare(case, "aggregated", &expected, &got)?;
        }
        if let Some(expected) = item.optional("aggregated_extended")? {
            let damped = |profit: &f64| profit.signum() * (profit.abs() - self.dampener).max(0.0);
            let got: Vec<f64> = edges(&before).iter().map(damped).collect();
            self.compare(case, "aggregated, extended", &expected, &got)?;
        }
        Ok(())
    }

    fn margins(&self, item: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let outcome = self.assess(&self.rules, &self.all());
        let group = &outcome.groups[0];
        let expected = item.field("expected")?;
        let given = |name: &str| expected.optional(name)?.map_or(Ok(0.0), |number| number.number());
        // What no input determines is zero for the positions of the examples, or taken as given.
        let (worst, roll) = (group.losses[0].0 / self.index, group.charges[0].initial / self.index);
        // The venue rounds the worst case to nine decimals of a coin before it adds.
        let matrix = (worst * 1e9).round() / 1e9 + roll;
        let factors = &self.rules.margin;
        let beside = given("spot_margin")? + given("mmp_margin")? + given("open_orders_margin")?;
        for (name, got) in [
            ("worst_case", worst),
            ("roll_shock", roll),
            ("delta_shock", 0.0),
            ("correlation_contingency", 0.0),
            ("risk_matrix_margin", matrix),
            ("initial_margin", factors.initial * matrix + beside),
            ("maintenance_margin", factors.maintenance * matrix),
        ] {
            if let Some(number) = expected.optional(name)? {
                self.to_every_digit(case, name.to_owned(), number.number()?, got);
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        case: &mut Case,
        name: &str,
        expected: &Node<'_>,
        got: &[f64],
    ) -> Result<(), VectorError> {
        let items = expected.items()?;
        if items.len() != got.len() {
            let message = format!("{} numbers are needed here, not {}", got.len(), items.len());
            return Err(expected.error(message));
        }
        for (i, (item, got)) in items.iter().zip(got).enumerate() {
            self.to_every_digit(case, format!("{name}, bucket {}", i + 1), item.number()?, *got);
        }
        Ok(())
    }

    /// Half a unit of the last printed digit, or the rounding of a few operations on doubles where the
    /// file prints all digits of one.
    fn to_every_digit(&self, case: &mut Case, name: String, expected: f64, got: f64) {
        let printed = format!("{expected}");
        // Trailing zeros are lost where a number is read; the venue prints nine decimals or more.
        let decimals = printed.split('.').nth(1).map_or(0, str::len).max(9);
        let half = 0.5 * numerics::powf(10.0, -(decimals as f64));
        let coins: f64 = self.positions.iter().map(|position| position.size.abs()).sum();
        let tolerance = half.max(ROUNDING * coins);
        case.compare(name, expected, got, 1.0, tolerance);
    }
}

fn position(name: &str, size: &Node<'_>, marks: &Node<'_>) -> Result<Position, VectorError> {
    let instrument: Instrument =
        name.parse().map_err(|error: instruments::Error| size.error(error.to_string()))?;
    let known = matches!(instrument.kind(), ContractKind::Perpetual | ContractKind::Future { .. })
        && instrument.is_sized_in_quote();
    if !known {
        return Err(size.error("coin-settled futures and perpetuals are what this set knows"));
    }
    let mark = marks.field(name)?;
    let price = mark.number()?;
    if price <= 0.0 {
        return Err(mark.error("a price above zero is needed here"));
    }
    Ok(Position { name: name.to_owned(), instrument, size: size.number()?, mark: price })
}

/// The shape of `deribit-pm` with a file's numbers; futures don't see volatilities.
fn rules(
    coin: &str,
    params: &Node<'_>,
    currency: &Node<'_>,
    pair: &Node<'_>,
) -> Result<GridRules, VectorError> {
    let methodology = Methodology::built_in("deribit-pm").expect("it ships");
    let mut rules = methodology.grid_rules().expect("it is a grid").clone();
    rules.underlyings.truncate(1);
    rules.underlyings[0].name = coin.to_ascii_uppercase();
    let of = &mut rules.underlyings[0];
    of.range = match params.optional("price_range")? {
        Some(range) => range.number()?,
        None => pair.number_at("price_range")?,
    };
    of.gain_share = currency.number_at("pnl_offset")?;
    of.roll_rate = currency.number_at("annualised_move_risk")?;
    of.roll_min = currency.number_at("min_annualised_move")?;
    rules.margin.maintenance = params.number_at("mm_factor")?;
    let counted = params.field("buckets_count")?;
    let half = counted.number()?;
    if !(1.0..=1_000.0).contains(&half) || half.fract() != 0.0 {
        return Err(counted.error("a whole number from 1 to 1000 is needed here"));
    }
    let steps = -(half as i32)..=(half as i32);
    let scenario = |step: i32| GridScenario {
        relative_move: f64::from(step) / half,
        volatility: None,
        weight: 1.0,
    };
    rules.blocks[0].scenarios = steps.map(scenario).collect();
    Ok(rules)
}

/// Far moves of the extended table, two down and six up: futures stop at the edges of the range.
fn edges(buckets: &[f64]) -> Vec<f64> {
    let (first, last) = (buckets[0], buckets[buckets.len() - 1]);
    [first, first, last, last, last, last, last, last].to_vec()
}
