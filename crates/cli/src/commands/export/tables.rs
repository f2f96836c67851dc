//! The tables and their columns.

use std::borrow::Cow;

use clap::ValueEnum;
use instruments::Timestamp;

use Kind::{Decimal, Flag, Integer, Number, Text, Time};

/// A table of the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// What was asked: a row per command
    Commands,
    /// What became of orders: accepted, rested, amended, cancelled, …
    Orders,
    /// Two rows per trade, one for each side
    Fills,
    /// Every line of every posting: fees, funding, deposits, …
    Balances,
    /// Steps of deposits and withdrawals
    Transfers,
    /// Positions as they change
    Positions,
    /// Margin calls, cures, changes of margin model
    Margin,
    /// Indices, marks, funding rates, settlement prices
    Prices,
    /// Liquidation: what happened in each case
    Cases,
    /// What was refused, and why
    Rejections,
    /// Everything else, as JSON
    Venue,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether a row may have nothing there.
    pub optional: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that the engine or a client counts with.
    Number,
    /// A signed whole number.
    Integer,
    /// A decimal number with eight decimals.
    Decimal,
    /// A time to the millisecond, UTC.
    Time,
    Text,
    Flag,
}

/// What stands in a row's column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value<'a> {
    #[default]
    Missing,
    Number(u64),
    Integer(i64),
    /// In 10⁻⁸.
    Decimal(i128),
    Time(Timestamp),
    Text(Cow<'a, str>),
    Flag(bool),
}

impl Table {
    /// Its name, which is that of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Balances => "balances",
            Self::Transfers => "transfers",
            Self::Positions => "positions",
            Self::Margin => "margin",
            Self::Prices => "prices",
            Self::Cases => "cases",
            Self::Rejections => "rejections",
            Self::Venue => "venue",
        }
    }

    /// Its columns, in order. The first are the same in all: `sequence` of the command, `time`, and,
    /// but for commands, `event`, the place of what happened within the command, from 1 on.
    pub fn columns(self) -> Vec<Column> {
        let mut columns = vec![there("sequence", Number), there("time", Time)];
        if self != Self::Commands {
            columns.push(there("event", Number));
        }
        columns.extend_from_slice(self.own_columns());
        columns
    }

    const fn own_columns(self) -> &'static [Column] {
        match self {
            Self::Commands => COMMANDS,
            Self::Orders => ORDERS,
            Self::Fills => FILLS,
            Self::Balances => BALANCES,
            Self::Transfers => TRANSFERS,
            Self::Positions => POSITIONS,
            Self::Margin => MARGIN,
            Self::Prices => PRICES,
            Self::Cases => CASES,
            Self::Rejections => REJECTIONS,
            Self::Venue => VENUE,
        }
    }
}

const COMMANDS: &[Column] =
    &[there("command", Text), maybe("account", Number), there("body", Text)];
const ORDERS: &[Column] = &[
    there("what", Text),
    there("order", Number),
    maybe("account", Number),
    maybe("instrument", Text),
    maybe("side", Text),
    maybe("price", Decimal),
    maybe("lots", Integer),
    maybe("size", Decimal),
    maybe("open_lots", Integer),
    maybe("reason", Text),
    maybe("waits", Flag),
    maybe("label", Text),
];
const FILLS: &[Column] = &[
    there("instrument", Text),
    there("trade", Number),
    there("liquidity", Text),
    there("account", Number),
    there("order", Number),
    there("side", Text),
    there("price", Decimal),
    there("lots", Integer),
    there("size", Decimal),
    there("fee", Decimal),
    there("fee_asset", Text),
    there("open_lots", Integer),
];
const BALANCES: &[Column] = &[
    maybe("account", Number),
    there("part", Text),
    there("asset", Text),
    there("kind", Text),
    there("change", Decimal),
    there("balance", Decimal),
];
const TRANSFERS: &[Column] = &[
    there("transfer", Number),
    there("account", Number),
    there("step", Text),
    maybe("asset", Text),
    maybe("amount", Decimal),
];
const POSITIONS: &[Column] = &[
    there("account", Number),
    there("instrument", Text),
    there("lots", Integer),
    there("size", Decimal),
    there("cost", Decimal),
    there("realised", Decimal),
    there("asset", Text),
];
const MARGIN: &[Column] = &[
    there("what", Text),
    there("account", Number),
    maybe("margin_model", Text),
    there("equity", Decimal),
    there("initial", Decimal),
    maybe("maintenance", Decimal),
    maybe("cure", Decimal),
    maybe("changed", Flag),
];
const PRICES: &[Column] = &[
    there("what", Text),
    maybe("asset", Text),
    maybe("instrument", Text),
    maybe("price", Decimal),
    maybe("lots", Integer),
    maybe("confidence_ppm", Number),
    maybe("status", Text),
    maybe("rate_8h_ppb", Integer),
];
const CASES: &[Column] = &[
    there("case", Number),
    there("account", Number),
    there("step", Number),
    there("what", Text),
    maybe("equity", Decimal),
    maybe("maintenance", Decimal),
    maybe("value", Decimal),
    maybe("counterparty", Number),
    maybe("instrument", Text),
    maybe("lots", Integer),
    maybe("size", Decimal),
    maybe("mark", Decimal),
    maybe("asset", Text),
    maybe("amount", Decimal),
    there("body", Text),
];
const REJECTIONS: &[Column] = &[
    maybe("account", Number),
    maybe("order", Number),
    there("reason", Text),
    there("message", Text),
];
const VENUE: &[Column] = &[there("what", Text), there("body", Text)];

/// A column in which every row has something.
const fn there(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false }
}

/// A column in which a row may have nothing.
const fn maybe(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: true }
}
