//! The tables, their columns, and views for people.

use std::sync::LazyLock;

use rusqlite::{Connection, Error, ToSql};

/// The form of the tables; a database of another is made anew. It becomes one more with every change.
pub const VERSION: i64 = 1;
/// What tells our databases from others: "PLIM".
pub const APPLICATION: i64 = 0x504c_494d;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Whole,
    /// A price or size in 10⁻⁸.
    Units,
    /// Milliseconds since 1970, in UTC.
    Time,
    /// Zero or one.
    Flag,
    /// A decimal, digit by digit: it may not fit 64 bits.
    Decimal,
    /// Text.
    Text,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be missing.
    pub may_miss: bool,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// The columns by which a row is found, and by which rows are in order.
    pub key: &'static str,
    /// Further orders: what follows `create`.
    pub indexes: &'static [&'static str],
}

const fn is(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, may_miss: false }
}

const fn may(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, may_miss: true }
}

use Kind::{Decimal, Flag, Text, Time, Units, Whole};

/// All tables but `meta`.
pub const TABLES: &[Table] = &[
    Table {
        name: "instruments",
        columns: &[
            is("id", Whole),
            is("name", Text),
            is("kind", Text),
            is("currency", Text),
            is("lot_size", Units),
            is("listed", Time),
            may("expired", Time),
            may("delivery_price", Units),
        ],
        key: "id",
        indexes: &[],
    },
    Table {
        name: "trades",
        columns: &[
            is("id", Whole),
            is("instrument", Whole),
            is("number", Whole),
            is("currency", Text),
            is("sequence", Whole),
            is("time", Time),
            is("price", Units),
            is("lots", Whole),
            is("taker_side", Text),
            may("mark", Units),
            may("index_price", Units),
            is("tick_direction", Whole),
            is("maker_order", Whole),
            is("maker_liquidation", Flag),
            is("taker_order", Whole),
            is("taker_liquidation", Flag),
        ],
        key: "id",
        indexes: &[
            "unique index trades_by_instrument on trades (instrument, number)",
            "index trades_by_currency on trades (currency, id)",
        ],
    },
    Table {
        name: "fills",
        columns: &[
            is("account", Whole),
            is("number", Whole),
            is("trade", Whole),
            is("instrument", Whole),
            is("time", Time),
            is("order_id", Whole),
            is("maker", Flag),
            is("fee", Decimal),
            is("realised", Decimal),
        ],
        key: "account, number",
        indexes: &[
            "index fills_by_instrument on fills (account, instrument, number)",
            "index fills_by_order on fills (order_id)",
        ],
    },
    Table {
        name: "orders",
        columns: &[
            is("account", Whole),
            is("number", Whole),
            is("order_id", Whole),
            is("instrument", Whole),
            is("side", Text),
            is("state", Text),
            may("label", Text),
            is("lots", Whole),
            is("filled", Whole),
            is("traded_value", Decimal),
            may("price", Units),
            is("triggered", Flag),
            is("replaced", Flag),
            is("liquidation", Flag),
            may("reason", Text),
            is("fees", Decimal),
            is("realised", Decimal),
            is("created", Time),
            is("time", Time),
            may("terms", Text),
            may("links", Text),
        ],
        key: "account, number",
        indexes: &[
            "unique index orders_by_id on orders (order_id)",
            "index orders_by_label on orders (account, label, number) where label is not null",
            "index orders_filled on orders (account, number) where filled > 0",
        ],
    },
    Table {
        name: "log",
        columns: &[
            is("account", Whole),
            is("number", Whole),
            is("sequence", Whole),
            is("time", Time),
            is("asset", Text),
            is("kind", Text),
            is("change", Decimal),
            is("balance", Decimal),
            may("instrument", Whole),
            may("trade_number", Whole),
            may("price", Units),
            may("lots", Whole),
        ],
        key: "account, number",
        indexes: &[],
    },
    Table {
        name: "transfers",
        columns: &[
            is("account", Whole),
            is("number", Whole),
            is("id", Whole),
            is("kind", Text),
            is("step", Text),
            is("asset", Text),
            is("amount", Decimal),
            is("asked", Time),
            is("time", Time),
        ],
        key: "account, number",
        indexes: &["index transfers_by_id on transfers (account, kind, id)"],
    },
    Table {
        name: "moves",
        columns: &[
            is("account", Whole),
            is("number", Whole),
            is("sequence", Whole),
            is("time", Time),
            is("other", Whole),
            is("asset", Text),
            is("amount", Decimal),
        ],
        key: "account, number",
        indexes: &[],
    },
    Table {
        name: "funding",
        columns: &[
            is("instrument", Whole),
            is("number", Whole),
            is("time", Time),
            is("rate_8h_ppb", Whole),
            may("index_price", Units),
            is("sum", Decimal),
        ],
        key: "instrument, number",
        indexes: &[],
    },
    Table {
        name: "settlements",
        columns: &[
            is("number", Whole),
            is("time", Time),
            is("instrument", Whole),
            is("kind", Text),
            is("price", Units),
        ],
        key: "number",
        indexes: &[],
    },
    Table {
        name: "account_settlements",
        columns: &[
            is("account", Whole),
            is("number", Whole),
            is("time", Time),
            is("instrument", Whole),
            is("kind", Text),
            is("price", Units),
            may("index_price", Units),
            is("lots", Whole),
            is("realised", Decimal),
        ],
        key: "account, number",
        indexes: &[],
    },
    Table {
        name: "cases",
        columns: &[
            is("number", Whole),
            is("time", Time),
            is("case_id", Whole),
            is("account", Whole),
            is("step", Whole),
            is("what", Text),
        ],
        key: "number",
        indexes: &["index cases_by_id on cases (case_id, number)"],
    },
    Table {
        name: "candles",
        columns: &[
            is("instrument", Whole),
            is("minutes", Whole),
            is("time", Time),
            is("open", Units),
            is("high", Units),
            is("low", Units),
            is("close", Units),
            is("lots", Whole),
            is("value", Decimal),
        ],
        key: "instrument, minutes, time",
        indexes: &[],
    },
];

/// A table by its name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// Adds a row to a table. What it is added by is written once.
///
/// # Errors
/// What SQLite says.
pub fn insert(connection: &Connection, name: &str, values: &[&dyn ToSql]) -> Result<(), Error> {
    static TEXTS: LazyLock<Vec<String>> =
        LazyLock::new(|| TABLES.iter().map(Table::insertion).collect());
    let place = TABLES.iter().position(|table| table.name == name).expect("it is one of ours");
    connection.prepare_cached(&TEXTS[place])?.execute(values).map(drop)
}

/// What makes an empty database.
#[must_use]
pub fn script() -> String {
    let mut script = format!(
        "pragma application_id = {APPLICATION};\npragma user_version = {VERSION};\n\
         create table meta (name text primary key, value integer not null) strict, without rowid;\n\
         insert into meta values ('through', 0);\n"
    );
    for table in TABLES {
        script += &table.create();
        for index in table.indexes {
            script += &format!("create {index};\n");
        }
        script += &table.view();
    }
    script
}

impl Table {
    /// The names of its columns.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        names.join(", ")
    }

    /// What adds a row.
    #[must_use]
    pub fn insertion(&self) -> String {
        let places = vec!["?"; self.columns.len()].join(", ");
        format!("insert or replace into {} ({}) values ({places})", self.name, self.names())
    }

    fn create(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(Column::declared).collect();
        // Rows that are found by a number of their own are where that number says.
        let (key, form) = match self.key.contains(',') {
            true => (format!("primary key ({})", self.key), "strict, without rowid"),
            false => (format!("primary key ({})", self.key), "strict"),
        };
        format!("create table {} ({}, {key}) {form};\n", self.name, columns.join(", "))
    }

    /// The same with names, sizes, decimals and times that can be read.
    fn view(&self) -> String {
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        let of_instrument = has("instrument");
        let mut shown = Vec::new();
        for column in self.columns {
            let name = column.name;
            match (name, column.kind) {
                ("instrument", _) => shown.push("i.name as instrument".to_owned()),
                ("lots" | "filled", _) => {
                    let size = if name == "lots" { "size" } else { "filled" };
                    let units = format!("t.{name} * i.lot_size");
                    shown.push(format!("{} as {size}", decimal(&units)));
                }
                (_, Units) => shown.push(format!("{} as {name}", decimal(&format!("t.{name}")))),
                (_, Time) => shown.push(format!("{} as {name}", time(&format!("t.{name}")))),
                _ => shown.push(format!("t.{name}")),
            }
        }
        let join = match of_instrument {
            true => " left join instruments i on i.id = t.instrument",
            false => "",
        };
        format!("create view v_{0} as select {1} from {0} t{join};\n", self.name, shown.join(", "))
    }
}

impl Column {
    /// Its type in SQL.
    #[must_use]
    pub const fn sql_type(&self) -> &'static str {
        match self.kind {
            Whole | Units | Time | Flag => "integer",
            Decimal | Text => "text",
        }
    }

    fn declared(&self) -> String {
        let missing = if self.may_miss { "" } else { " not null" };
        format!("{} {}{missing}", self.name, self.sql_type())
    }
}

/// 10⁻⁸ as a decimal, exact.
fn decimal(units: &str) -> String {
    format!(
        "iif({units} is null, null, printf('%s%d.%08d', iif({units} < 0, '-', ''), \
         abs({units}) / 100000000, abs({units}) % 100000000))"
    )
}

fn time(milliseconds: &str) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', {milliseconds} / 1000.0, 'unixepoch')")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column: its name, what it holds, whether it may be null.
    type Told = (String, String, bool);

    /// Tables and columns as the page lists them.
    fn told(page: &str) -> Vec<(String, Vec<Told>)> {
        let mut tables: Vec<(String, Vec<_>)> = Vec::new();
        for line in page.lines() {
            if let Some(name) = line.strip_prefix("### ") {
                tables.push((name.to_owned(), Vec::new()));
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, holds, what, _] = cells[..] else { continue };
            if let Some((_, columns)) = tables.last_mut().filter(|_| name.contains('`')) {
                assert!(!what.is_empty(), "{line}");
                let plain = name.trim_matches(['(', ')', '`']).to_owned();
                columns.push((plain, holds.to_owned(), name.starts_with('(')));
            }
        }
        tables
    }

    #[test]
    fn the_page_lists_every_table_and_column() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/history.md");
        let page = std::fs::read_to_string(page).expect("the page is there");
        let holds = |kind| match kind {
            Whole => "whole",
            Units => "units",
            Time => "time",
            Flag => "flag",
            Decimal => "decimal",
            Text => "text",
        };
        let column = |column: &Column| {
            (column.name.to_owned(), holds(column.kind).to_owned(), column.may_miss)
        };
        let columns = |table: &Table| table.columns.iter().map(column).collect();
        let ours: Vec<_> =
            TABLES.iter().map(|table| (table.name.to_owned(), columns(table))).collect();
        assert_eq!(told(&page), ours);
    }

    #[test]
    fn views_show_decimals_names_and_times() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(&script()).expect("the script is right");
        let rows = "insert into instruments values \
                    (4, 'BTC-PERPETUAL', 'future', 'BTC', 1000000000, 5, null, null); \
                    insert into candles values \
                    (4, 1, 1770307200120, -150000000, 5, 0, 250000000, 3, '1');";
        connection.execute_batch(rows).expect("it fits");
        let shown = connection.query_row("select * from v_candles", [], |row| {
            let text = |place| row.get::<_, String>(place);
            Ok([text(0)?, text(2)?, text(3)?, text(4)?, text(5)?, text(6)?, text(7)?])
        });
        let expected = [
            "BTC-PERPETUAL",
            "2026-02-05T16:00:00.120Z",
            "-1.50000000",
            "0.00000005",
            "0.00000000",
            "2.50000000",
            "30.00000000",
        ];
        assert_eq!(shown.expect("a row"), expected);
    }
}
