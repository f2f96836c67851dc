//! The parts of an explanation.

use instruments::{Amount, Asset};
use risk::methodology::VolatilityMove;
use risk::{
    Account, Component, Explanation, Greeks, GreeksLine, HealthCurve, Line, Margin, Matrix, Part,
    PositionDetail, ScenarioDetail, ScenarioLine,
};

use super::{parts_per_billion, usd};
use crate::commands::margin::{run_fields, status};
use crate::document::{Cell, Document, Table};
use crate::inputs::{Data, Rules};

const DAYS_PER_YEAR: f64 = 365.0;
const POINTS_PER_UNIT: f64 = 100.0;

/// Who, by which rules, on what, and what it came to.
pub fn account(
    data: &Data,
    rules: &Rules,
    account: &Account,
    margin: &Margin,
) -> Vec<(&'static str, Cell)> {
    let (term, scenario) = margin.binding();
    let mut fields = vec![("account", Cell::text(&account.name))];
    fields.extend(run_fields(data, rules));
    fields.extend([
        ("market hash", Cell::Text(risk::market_hash(&data.snapshot.market))),
        ("portfolio hash", Cell::Text(risk::portfolio_hash(account))),
        ("equity", Cell::Usd(margin.equity.total)),
        ("initial margin", Cell::Usd(margin.initial)),
        ("maintenance margin", Cell::Usd(margin.maintenance)),
        ("excess", Cell::Usd(margin.excess())),
        ("health", Cell::Usd(margin.health())),
        ("status", Cell::text(status(margin))),
        ("binding term", Cell::Text(term)),
        ("binding scenario", Cell::Text(scenario)),
    ]);
    fields
}

/// Equity line by line.
pub fn equity(document: &mut Document, margin: &Margin) {
    let mut table = Table::of(&["line", "asset", "amount", "price", "haircut", "value"]);
    for line in &margin.equity.collateral {
        let name = if line.amount < Amount::ZERO { "debt" } else { "collateral" };
        table.row([
            Cell::text(name),
            Cell::text(line.asset),
            Cell::Amount(line.amount),
            Cell::Price(line.price),
            parts_per_billion(line.haircut_ppb),
            Cell::Usd(line.value),
        ]);
    }
    for line in &margin.equity.unrealised {
        table.row([
            Cell::text("unrealised profit"),
            Cell::text(line.asset),
            Cell::Amount(line.amount),
            Cell::Missing,
            Cell::Missing,
            Cell::Usd(line.value),
        ]);
    }
    let mut sum = |name: &str, value: Amount| {
        let none = || Cell::Missing;
        table.row([Cell::text(name), none(), none(), none(), none(), Cell::Usd(value)]);
    };
    sum("option value", margin.equity.option_value);
    sum("equity", margin.equity.total);
    document.table("equity", table);
}

/// Terms, value at risk and add-ons.
pub fn requirement(document: &mut Document, detail: &ScenarioDetail, explanation: &Explanation) {
    let dollars = |ticks: i128| Cell::Usd(usd(ticks, detail.ticks_per_unit));
    let mut terms = Table::of(&["term", "loss", "binds"]);
    for (index, term) in detail.requirement.terms.iter().enumerate() {
        let binds = detail.requirement.binding == Some(index);
        terms.row([Cell::text(&term.name), dollars(term.ticks), Cell::Flag(binds)]);
    }
    for (underlying, loss, _) in &detail.requirement.alone {
        let name = format!("{underlying} stands alone");
        terms.row([Cell::Text(name), dollars(*loss), Cell::Flag(*loss > 0)]);
    }
    document.table("terms", terms);
    let mut sum = Table::of(&["part", "initial", "maintenance"]);
    let both = |sum: &mut Table, name: &str, initial: i128, maintenance: Option<i128>| {
        let maintenance = maintenance.map_or(Cell::Missing, dollars);
        sum.row([Cell::text(name), dollars(initial), maintenance]);
    };
    let positions = detail.requirement_of_positions;
    both(&mut sum, "requirement", detail.requirement.ticks, Some(positions));
    for (add_on, held) in detail.add_ons.iter().zip(&detail.add_ons_of_positions) {
        let maintenance = held.maintenance.then_some(held.ticks);
        both(&mut sum, add_on.name, add_on.ticks, maintenance);
    }
    both(&mut sum, "sum before any cap", detail.uncapped, None);
    if let Some(cap) = detail.cap {
        sum.row([Cell::text("cap: option value"), Cell::Usd(cap), Cell::Usd(cap)]);
    }
    sum.row([
        Cell::text("margin"),
        Cell::Usd(explanation.margin.initial),
        Cell::Usd(explanation.margin.maintenance),
    ]);
    document.table("requirement", sum);
    if !explanation.value_at_risk.is_empty() {
        let mut table = Table::of(&["block", "value at risk"]);
        for (block, value) in &explanation.value_at_risk {
            table.row([Cell::text(block), Cell::Usd(*value)]);
        }
        document.table("reported value at risk", table);
    }
}

/// Profit over price and volatility moves.
pub fn matrices(document: &mut Document, matrices: &[Matrix]) {
    for matrix in matrices {
        let whose =
            matrix.underlying.map_or_else(|| "the market".to_owned(), |one| one.to_string());
        let mut columns = vec![format!("move of {whose}")];
        columns.extend(matrix.volatilities.iter().map(|volatility| word(*volatility).to_owned()));
        columns.push("worst".to_owned());
        let mut table = Table { columns, rows: Vec::new() };
        for (row, (relative_move, profits)) in matrix.moves.iter().zip(&matrix.profits).enumerate()
        {
            let mut cells = vec![Cell::Share(*relative_move)];
            cells.extend(profits.iter().enumerate().map(|(column, profit)| {
                let is_worst = matrix.worst == (row, column);
                if is_worst { Cell::Worst(*profit) } else { Cell::Usd(*profit) }
            }));
            cells.push(Cell::Flag(matrix.worst.0 == row));
            table.rows.push(cells);
        }
        document.table(&format!("profit by moves of {whose}"), table);
    }
}

const fn word(volatility: VolatilityMove) -> &'static str {
    match volatility {
        VolatilityMove::Down => "volatility down",
        VolatilityMove::Same => "volatility same",
        VolatilityMove::Up => "volatility up",
    }
}

/// What each position, coin and order contributes.
pub fn parts(document: &mut Document, parts: &[Part]) {
    let mut table = Table::of(&[
        "part",
        "name",
        "size",
        "mark",
        "share of requirement",
        "marginal",
        "delta",
        "gamma",
        "vega per point",
        "theta per day",
    ]);
    for part in parts {
        let (kind, name) = match part.component {
            Component::Position(instrument) => ("position", instrument.to_string()),
            Component::Coin(asset) => (coin_word(asset), asset.to_string()),
            Component::Order(instrument, _) => ("order", instrument.to_string()),
        };
        let size = part.size.parse::<Amount>().map_or(Cell::text(&part.size), Cell::Amount);
        let [delta, gamma, vega, theta] = sensitivities(&part.greeks);
        table.row([
            Cell::text(kind),
            Cell::Text(name),
            size,
            Cell::Price(part.mark),
            Cell::Usd(part.share),
            Cell::Usd(part.marginal),
            delta,
            gamma,
            vega,
            theta,
        ]);
    }
    document.table("parts", table);
}

fn coin_word(asset: Asset) -> &'static str {
    if [Asset::USD, Asset::USDC, Asset::USDT].contains(&asset) { "money" } else { "coin" }
}

fn sensitivities(greeks: &Greeks) -> [Cell; 4] {
    [
        Cell::Number(greeks.delta, 4),
        Cell::Number(greeks.gamma, 6),
        Cell::Number(greeks.vega_usd / POINTS_PER_UNIT, 2),
        Cell::Number(greeks.theta_usd / DAYS_PER_YEAR, 2),
    ]
}

/// Sensitivities by underlying and expiry.
pub fn greeks(document: &mut Document, lines: &[GreeksLine]) {
    let mut table = Table::of(&[
        "underlying",
        "expiry",
        "delta",
        "delta in dollars",
        "gamma",
        "vega per point",
        "theta per day",
    ]);
    for line in lines {
        let [delta, gamma, vega, theta] = sensitivities(&line.greeks);
        let expiry = line.expiry.map(|expiry| expiry.to_string());
        let day = expiry.as_deref().and_then(|expiry| expiry.split('T').next());
        table.row([
            Cell::text(line.underlying),
            Cell::text(day.unwrap_or("none")),
            delta,
            Cell::Number(line.greeks.delta_usd, 2),
            gamma,
            vega,
            theta,
        ]);
    }
    document.table("greeks", table);
}

/// Where equity meets the lines, and the curves that it was found on.
pub fn health(document: &mut Document, curves: &[HealthCurve]) {
    let mut crossings = Table::of(&["underlying", "line", "move", "price"]);
    let mut points = Table::of(&[
        "underlying",
        "move",
        "price",
        "equity",
        "initial margin",
        "maintenance margin",
    ]);
    for curve in curves {
        if curve.crossings.is_empty() {
            crossings.row([
                Cell::text(curve.underlying),
                Cell::Missing,
                Cell::Missing,
                Cell::Missing,
            ]);
        }
        for crossing in &curve.crossings {
            let line = match crossing.line {
                Line::Initial => "initial margin",
                Line::Maintenance => "maintenance margin",
            };
            crossings.row([
                Cell::text(curve.underlying),
                Cell::text(line),
                Cell::Share(crossing.relative_move),
                Cell::Price(crossing.price),
            ]);
        }
        for point in &curve.points {
            points.row([
                Cell::text(curve.underlying),
                Cell::Share(point.relative_move),
                Cell::Price(point.price),
                Cell::Usd(point.equity),
                Cell::Usd(point.initial),
                Cell::Usd(point.maintenance),
            ]);
        }
    }
    document.table("health crossings", crossings);
    document.table("health curve", points);
}

/// Requirements position by position, and what is charged beside them.
pub fn positions(document: &mut Document, detail: &PositionDetail) {
    let mut table = Table::of(&[
        "instrument",
        "size",
        "initial margin",
        "maintenance margin",
        "unrealised profit",
    ]);
    for position in &detail.positions {
        let size = position.instrument.size_of(position.quantity);
        table.row([
            Cell::text(position.instrument),
            size.parse().map_or(Cell::Text(size), Cell::Amount),
            Cell::Usd(position.initial),
            Cell::Usd(position.maintenance),
            Cell::Usd(position.unrealised),
        ]);
    }
    document.table("positions", table);
    if !detail.charges.is_empty() {
        let mut table = Table::of(&["charge", "on", "initial margin", "maintenance margin"]);
        for charge in &detail.charges {
            table.row([
                Cell::text(charge.name),
                Cell::text(&charge.subject),
                Cell::Usd(charge.initial),
                Cell::Usd(charge.maintenance),
            ]);
        }
        document.table("charges", table);
    }
}

/// Profit in every scenario.
pub fn vector(document: &mut Document, scenarios: &[ScenarioLine]) {
    let mut table = Table::of(&["block", "underlying", "scenario", "profit"]);
    for line in scenarios {
        table.row([
            Cell::text(&line.block),
            line.underlying.map_or(Cell::Missing, Cell::text),
            Cell::text(&line.label),
            Cell::Usd(line.profit),
        ]);
    }
    document.table("scenarios", table);
}
