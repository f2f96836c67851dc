//! A document as table, JSON or CSV.

use std::fmt::Write;
use std::io::IsTerminal;

use comfy_table::{
    Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, TableStyle,
    Width,
};
use serde_json::{Map, Value};

use crate::arguments::Output;
use crate::document::{Body, Cell, Document, Table, key};
use crate::escape::{printable, printable_lines};
use crate::figures::{dollars, exact, grouped, real};

/// A rule under the header and nothing else.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The document's text.
pub fn render(document: &Document, output: Output) -> Vec<u8> {
    match output {
        Output::Table => tables(document).into_bytes(),
        Output::Json => json(document),
        Output::Csv => csv(document),
    }
}

/// Whether standard output takes colours.
pub fn is_coloured() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}

fn tables(document: &Document) -> String {
    let mut text = String::new();
    for section in &document.sections {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", title(&section.name));
        match &section.body {
            Body::Fields(fields) => write_fields(&mut text, fields),
            Body::Table(table) => {
                let _ = writeln!(text, "{}", drawn(table).trim_fmt());
            }
        }
    }
    text
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

fn write_fields(text: &mut String, fields: &[(&'static str, Cell)]) {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, cell) in fields {
        let _ = writeln!(text, "  {name:width$}  {}", readable(cell));
    }
}

fn drawn(table: &Table) -> comfy_table::Table {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(STYLE);
    if !is_coloured() {
        drawn.force_no_tty();
    }
    drawn.set_header(table.columns.iter().map(comfy_table::Cell::new).collect::<Vec<_>>());
    for row in &table.rows {
        drawn.add_row(row.iter().map(drawn_cell).collect::<Vec<_>>());
    }
    let mut narrowest = 0;
    for index in 0..table.columns.len() {
        let cells = || table.rows.iter().map(|row| &row[index]);
        let is_figures = cells().any(Cell::is_figure);
        // Figures are never broken; text may be, between its words.
        let longest = |text: &str| match is_figures {
            true => text.chars().count(),
            false => text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0),
        };
        let header = table.columns[index].split(' ').map(str::len).max().unwrap_or(0);
        let width = cells().map(|cell| longest(&readable(cell))).max().unwrap_or(0).max(header);
        let width = u16::try_from(width + PADDING).unwrap_or(u16::MAX);
        narrowest += usize::from(width);
        if let Some(column) = drawn.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            if is_figures {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    // A table that can't fit is better cut by the terminal than broken in mid-number.
    let room = drawn.width().map_or(0, usize::from);
    if std::io::stdout().is_terminal() && narrowest <= room {
        drawn.set_content_arrangement(ContentArrangement::Dynamic);
    }
    drawn
}

/// Blanks around a cell.
const PADDING: usize = 2;

fn drawn_cell(cell: &Cell) -> comfy_table::Cell {
    let drawn = comfy_table::Cell::new(readable(cell));
    match cell {
        Cell::Worst(_) => drawn.fg(Color::Red).add_attribute(Attribute::Bold),
        Cell::Usd(amount) if amount.units() < 0 => drawn.fg(Color::Red),
        _ => drawn,
    }
}

/// A value as people read it.
fn readable(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => printable(text).into_owned(),
        Cell::Usd(amount) => dollars(*amount),
        Cell::Worst(amount) => format!("► {}", dollars(*amount)),
        Cell::Amount(amount) => exact(amount.units()),
        Cell::Price(price) => exact(i128::from(price.units())),
        Cell::Share(share) => format!("{:.2} %", share * 100.0),
        Cell::Number(number, decimals) => grouped(&format!("{number:.*}", usize::from(*decimals))),
        Cell::Real(number) => real(*number),
        Cell::Count(count) => grouped(&count.to_string()),
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Cell::Missing => "-".to_owned(),
    }
}

/// A value as programs read it, in text.
fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Usd(amount) | Cell::Amount(amount) | Cell::Worst(amount) => amount.to_string(),
        Cell::Price(price) => price.to_string(),
        Cell::Share(number) | Cell::Number(number, _) => number.to_string(),
        Cell::Real(number) => real(*number),
        Cell::Count(count) => count.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Missing => String::new(),
    }
}

/// The same in CSV, which people look at too; JSON escapes by itself.
fn comma(cell: &Cell) -> String {
    printable_lines(&plain(cell)).into_owned()
}

fn value(cell: &Cell) -> Value {
    match cell {
        // A number that JSON can't write, as infinity, becomes null.
        Cell::Share(number) | Cell::Number(number, _) | Cell::Real(number) => Value::from(*number),
        Cell::Count(count) => Value::from(*count),
        Cell::Flag(flag) => Value::from(*flag),
        Cell::Missing => Value::Null,
        exact => Value::from(plain(exact)),
    }
}

fn json(document: &Document) -> Vec<u8> {
    let sections = document.sections.iter().map(|section| {
        let body = match &section.body {
            Body::Fields(fields) => fields
                .iter()
                .map(|(name, cell)| (key(name), value(cell)))
                .collect::<Map<_, _>>()
                .into(),
            Body::Table(table) => table.rows.iter().map(|row| object(table, row)).collect(),
        };
        (key(&section.name), body)
    });
    let object = Value::Object(sections.collect());
    format!("{object:#}\n").into_bytes()
}

fn object(table: &Table, row: &[Cell]) -> Value {
    let entries = table.columns.iter().zip(row).map(|(name, cell)| (key(name), value(cell)));
    Value::Object(entries.collect())
}

fn csv(document: &Document) -> Vec<u8> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let main = document.sections.iter().find_map(|section| match &section.body {
        Body::Table(table) if document.main == Some(section.name.as_str()) => Some(table),
        _ => None,
    });
    match main {
        Some(table) => {
            rows.push(table.columns.iter().map(|column| key(column)).collect());
            rows.extend(table.rows.iter().map(|row| row.iter().map(comma).collect()));
        }
        None => rows.extend(every_value(document)),
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("rows of one length go into memory");
    }
    writer.into_inner().expect("memory takes all")
}

/// One row per value of the document.
fn every_value(document: &Document) -> Vec<Vec<String>> {
    let mut rows = vec![["section", "row", "field", "value"].map(str::to_owned).to_vec()];
    for section in &document.sections {
        let mut push = |row: usize, name: &str, cell: &Cell| {
            rows.push(vec![key(&section.name), row.to_string(), key(name), comma(cell)]);
        };
        match &section.body {
            Body::Fields(fields) => fields.iter().for_each(|(name, cell)| push(1, name, cell)),
            Body::Table(table) => {
                for (index, row) in table.rows.iter().enumerate() {
                    for (name, cell) in table.columns.iter().zip(row) {
                        push(index + 1, name, cell);
                    }
                }
            }
        }
    }
    rows
}
