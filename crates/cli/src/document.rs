//! An answer before it is written: sections of named fields and tables.

use instruments::{Amount, Price};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// US dollars: exact for programs, in cents for people.
    Usd(Amount),
    /// An amount of an asset, always exact.
    Amount(Amount),
    /// A price, always exact.
    Price(Price),
    /// A share of one, shown in percent with two decimals.
    Share(f64),
    /// A number, shown with so many decimals.
    Number(f64, u8),
    /// A number of any size, shown with all its digits.
    Real(f64),
    /// A whole number.
    Count(u64),
    /// Yes or no.
    Flag(bool),
    /// US dollars that stand out: the worst cell of a matrix.
    Worst(Amount),
    /// Nothing to say.
    Missing,
}

impl Cell {
    /// Words.
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// Whether the column of such cells is set to the right.
    pub const fn is_figure(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Flag(_) | Self::Missing)
    }
}

/// A table: keys for programs are the titles in snake case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Titles of the columns, in words.
    pub columns: Vec<String>,
    /// The rows, as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows yet.
    pub fn of(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&column| column.to_owned()).collect(), rows: vec![] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len(), "one cell per column");
        self.rows.push(cells.into());
    }
}

/// What a section holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Named values.
    Fields(Vec<(&'static str, Cell)>),
    /// Rows.
    Table(Table),
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its name, in words.
    pub name: String,
    /// What it says.
    pub body: Body,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its parts, in order.
    pub sections: Vec<Section>,
    /// The table that CSV consists of; without one CSV lists every value of every section.
    pub main: Option<&'static str>,
}

impl Document {
    /// Adds named values.
    pub fn fields(&mut self, name: &str, fields: Vec<(&'static str, Cell)>) {
        self.sections.push(Section { name: name.to_owned(), body: Body::Fields(fields) });
    }

    /// Adds a table.
    pub fn table(&mut self, name: &str, table: Table) {
        self.sections.push(Section { name: name.to_owned(), body: Body::Table(table) });
    }
}

/// A name in words as programs know it.
pub fn key(words: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    words.chars().map(plain).collect()
}
