//! OKX's portfolio margin: the position builder's answer for perpetuals settled in USDT.
//!
//! The published answer leaves out the index price, so it is found from the worst move's profit;
//! everything else is computed from contracts, mark and the methodology `okx-mr`. Units without an
//! `[[underlying]]` there give their basis and minimum charges, and the aggregation is proven.

use risk::Methodology;
use risk::grid::{Book, Contract, Leg, Outcome, assess};
use risk::methodology::{GridRules, UnderlyingRules};

use crate::json::{self, Node};
use crate::{Case, VectorError, VectorFile};

/// Doubles after a few operations.
const TOLERANCE: f64 = 1e-12;

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = vec![];
    for file in files {
        let value = json::parse(file)?;
        let top = Node::top(file, &value);
        cases.extend(answer(file, &top)?);
    }
    Ok(cases)
}

fn answer(file: &VectorFile, top: &Node<'_>) -> Result<Vec<Case>, VectorError> {
    let worth = top.number_at("usdt_usd_implied")?;
    let mut cases = vec![];
    let (mut maintenance, mut initial) = (0.0, 0.0);
    for item in top.field("risk_units")?.items()? {
        let unit = Unit::read(&item, worth)?;
        let mut case = Case::named(&file.name, format!("risk unit {}", unit.name));
        let computed = unit.compare(&item, &mut case)?;
        maintenance += computed.0;
        initial += computed.1;
        cases.push(case);
    }
    let mut totals = Case::named(&file.name, "totals");
    let mut number = |name: &str, got: f64| -> Result<(), VectorError> {
        let expected = top.number_at(name)?;
        totals.compare(name, expected, got, expected.abs(), TOLERANCE);
        Ok(())
    };
    number("derivMmr", maintenance)?;
    number("totalMmr", maintenance + top.number_at("borrowMmr")?)?;
    number("totalImr", initial + top.number_at("borrowImr")?)?;
    cases.push(totals);
    Ok(cases)
}

/// One risk unit's inputs.
struct Unit {
    name: String,
    /// Signed size in coins.
    size: f64,
    mark: f64,
    worth: f64,
    /// The index in US dollars that the worst move implies.
    index: f64,
    rules: GridRules,
    /// Whether the methodology has this underlying's rates.
    known: bool,
}

impl Unit {
    fn read(item: &Node<'_>, worth: f64) -> Result<Self, VectorError> {
        let name = item.field("unit")?.text()?.to_owned();
        let size = item.number_at("contracts")? * item.number_at("contract_value_base")?;
        let worst = item.field("mr1_worst")?;
        let shock = worst.number_at("spotShock")?;
        let index = worst.number_at("pnl")? / (size * shock);
        if !(index.is_finite() && index > 0.0) {
            return Err(worst.error("no index above zero gives this profit"));
        }
        let methodology = Methodology::built_in("okx-mr").expect("it ships");
        let mut rules = methodology.grid_rules().expect("it is a grid").clone();
        let listed = rules.underlyings.iter().find(|of| of.name == name).cloned();
        let known = listed.is_some();
        let unlisted = || UnderlyingRules {
            name: name.clone(),
            range: shock.abs(),
            gain_share: 1.0,
            roll_rate: 0.0,
            roll_min: 0.0,
            minimum_rate: 0.0,
        };
        rules.underlyings = vec![listed.unwrap_or_else(unlisted)];
        Ok(Self { name, size, mark: item.number_at("markPx")?, worth, index, rules, known })
    }

    fn outcome(&self) -> Outcome {
        let book = Book {
            underlying: self.name.clone(),
            spot: self.index,
            spot_confidence: 1.0,
            legs: vec![Leg {
                worth: self.worth,
                ..Leg::position(Contract::Perpetual, self.size, self.mark)
            }],
            ..Book::default()
        };
        assess(&self.rules, &[book], 1.0).expect("the rules list the book's underlying")
    }

    /// Compares a unit and returns its maintenance and initial margin.
    fn compare(&self, item: &Node<'_>, case: &mut Case) -> Result<(f64, f64), VectorError> {
        let outcome = self.outcome();
        let group = &outcome.groups[0];
        let (shock, extreme) = (group.losses[0], group.losses[1]);
        let charge = |name: &str| {
            let place = self.rules.charges.iter().position(|charge| charge.name == name);
            group.charges[place.expect("the methodology has this charge")].initial
        };
        let given = |name: &str| item.number_at(name);
        let (basis, minimum) = match self.known {
            true => (charge("MR4 basis"), charge("MR7 minimum")),
            false => (given("mr4")?, given("mr7")?),
        };
        let sum = shock.0 + given("mr2")? + given("mr3")? + basis + given("mr5")?;
        let maintenance = self.rules.margin.maintenance * sum.max(extreme.0).max(minimum);
        let initial = self.rules.margin.initial * sum.max(extreme.0).max(minimum);
        let mut number = |name: &str, expected: f64, got: f64| {
            case.compare(name, expected, got, expected.abs().max(1e-3), TOLERANCE);
        };
        number("delta", given("delta")?, self.size * self.mark * self.worth);
        number("mr1", given("mr1")?, shock.0);
        number("mr4", given("mr4")?, basis);
        number("mr6", given("mr6")?, extreme.0);
        number("mr7", given("mr7")?, minimum);
        number("mmr", given("mmr")?, maintenance);
        number("imr", given("imr")?, initial);
        self.moves(item, &outcome, case)?;
        Ok((maintenance, initial))
    }

    /// Profits at single moves: the worst ones, and the grid where the file has it.
    fn moves(
        &self,
        item: &Node<'_>,
        outcome: &Outcome,
        case: &mut Case,
    ) -> Result<(), VectorError> {
        let range = self.rules.underlyings[0].range;
        for (name, block) in [("mr1_worst", 0), ("mr6_worst", 1)] {
            let worst = item.field(name)?;
            let (_, scenario) = outcome.groups[0].losses[block];
            let rule = &self.rules.blocks[block].scenarios[scenario];
            let (expected, got) = (worst.number_at("spotShock")?, rule.relative_move * range);
            case.compare(format!("{name} spotShock"), expected, got, 1.0, TOLERANCE);
            let got = outcome.groups[0].profits[block][scenario] / rule.weight;
            let expected = worst.number_at("pnl")?;
            case.compare(format!("{name} pnl"), expected, got, expected.abs(), TOLERANCE);
        }
        let Some(grid) = item.optional("mr1_grid_volSame")? else { return Ok(()) };
        for (shock, profit) in grid.fields()? {
            let wanted: f64 = shock.parse().map_err(|_| profit.error("its name is no number"))?;
            let scenarios = self.rules.blocks[0].scenarios.iter();
            let place = scenarios
                .map(|of| of.relative_move * range)
                .position(|of| (of - wanted).abs() < 1e-9);
            let place = place.ok_or_else(|| profit.error("the methodology has no such move"))?;
            let got = outcome.groups[0].profits[0][place];
            let expected = profit.number()?;
            let scale = expected.abs().max(1e-3);
            case.compare(format!("mr1_grid_volSame {shock}"), expected, got, scale, TOLERANCE);
        }
        Ok(())
    }
}
