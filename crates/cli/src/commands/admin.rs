//! `plimsoll admin`: operators' calls to a venue that runs.

mod key;

use std::path::PathBuf;

use clap::Args;
use instruments::Timestamp;
use serde_json::{Map, Value};

use super::Answer;
use crate::arguments::Output;
use crate::document::{self, Cell, Document, Table};
use crate::failure::Failure;
use crate::wire::{Login, OPERATORS, Target};

/// The variable with the operator's key.
const KEY_VARIABLE: &str = "PLIMSOLL_ADMIN_KEY";
/// What the names of moments end in.
const TIMES: [&str; 6] =
    ["time", "timestamp", "listed", "notice_ends", "effective_at", "announced"];
/// The variable with the address, and what it is without.
const URL_VARIABLE: &str = "PLIMSOLL_ADMIN_URL";
const URL: &str = "http://127.0.0.1:8081";
/// Characters of a value within a table.
const WIDTH_MAX: usize = 60;

const EXAMPLES: &str = "\
Examples:
  export PLIMSOLL_ADMIN_KEY=\"$ID:$SECRET\"    # from: plimsoll keys create venue/admin --account 0 --name me
  plimsoll admin status
  plimsoll admin get_instruments underlying=BTC
  plimsoll admin halt instrument=BTC-PERPETUAL
  plimsoll admin resume underlying=BTC
  plimsoll admin set_terms instrument=BTC-PERPETUAL changes='{\"fees\":{\"taker_ppm\":300}}' dry_run=true
  plimsoll admin set_terms instrument=BTC-PERPETUAL changes='{\"fees\":{\"taker_ppm\":300}}' --effective-at 2026-03-01T08:00:00Z
  plimsoll admin get_changes
  plimsoll admin withdraw_change change=4711
  plimsoll admin set_methodology text=@house.toml notice_ms=86400000 dry_run=true
  plimsoll admin get_withdrawals
  plimsoll admin approve_withdrawal id=7 account=3
  plimsoll admin rotate_oracle_key source=1 public_key=$KEY overlap_ms=3600000
  plimsoll admin set_read_only enabled=true reason=\"upgrade until 12:00 UTC\"
  plimsoll admin audit count=20
  plimsoll admin submit command='{\"tick\":{}}'

A value is JSON where it can be read as such, @FILE is what a file holds, and anything else is a text. A key
with the scope `account:read` may look; to change something it takes `account:read_write`. Each change is on
record, and `audit` tells it. docs/operations.md has all methods.";

/// Call a method of the operators' listener
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AdminArguments {
    /// The method: a name without a slash is one of admin/…
    #[arg(value_name = "METHOD")]
    method: String,
    /// Its parameters
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// When a change of parameters holds: a time like 2026-03-01T08:00:00Z, or milliseconds; the same as
    /// the parameter effective_at. Without it, at once
    #[arg(long, value_name = "TIME", value_parser = moment)]
    effective_at: Option<i64>,
    /// Where operators connect to; the variable PLIMSOLL_ADMIN_URL, or http://127.0.0.1:8081, unless given
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file with ID:SECRET, or with what `plimsoll keys create --json` wrote; the variable
    /// PLIMSOLL_ADMIN_KEY unless given
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The certificate to trust, in PEM, for https
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write JSON; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Calls it.
pub fn run(arguments: &AdminArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    let url = arguments.url.clone().or_else(|| std::env::var(URL_VARIABLE).ok());
    let target = Target::new(url.as_deref().unwrap_or(URL), arguments.ca.as_deref(), &OPERATORS)?;
    let login = key::find(arguments.key_file.as_deref(), KEY_VARIABLE)?;
    let method = match arguments.method.contains('/') {
        true => arguments.method.clone(),
        false => format!("admin/{}", arguments.method),
    };
    let mut parameters = parameters(&arguments.parameters)?;
    if let Some(at) = arguments.effective_at {
        parameters["effective_at"] = at.into();
    }
    let result = call(&target, &login, &method, parameters)?;
    if output == Output::Json {
        let mut text = serde_json::to_vec_pretty(&result).expect("a value is JSON");
        text.push(b'\n');
        return Ok(text.into());
    }
    Ok(Answer::of(&document(&arguments.method, &result), output))
}

/// What a method gives.
fn call(target: &Target, login: &Login, method: &str, parameters: Value) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::Usage(format!("no thread for the call: {error}")))?;
    runtime.block_on(async { login.connect(target).await?.call(method, parameters).await })
}

/// Parameters from words like `name=value`.
fn parameters(words: &[String]) -> Result<Value, Failure> {
    let mut all = Map::new();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            let wrong = format!("{word}: parameters are written NAME=VALUE");
            return Err(Failure::Usage(wrong));
        };
        let value = match value.strip_prefix('@') {
            Some(path) => read(path)?,
            None => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
        };
        all.insert(name.to_owned(), value);
    }
    Ok(Value::Object(all))
}

/// Milliseconds of a moment.
fn moment(text: &str) -> Result<i64, String> {
    let written = text.parse::<Timestamp>().map(Timestamp::milliseconds);
    text.parse().or(written).map_err(|error| error.to_string())
}

fn read(path: &str) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| Failure::Open { path: path.to_owned(), source })?;
    Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// An object as named values, with each list of objects in it as a table of its own.
fn document(name: &str, result: &Value) -> Document {
    let mut document = Document::default();
    let name = document::key(name).replace('_', " ");
    match result {
        Value::Array(rows) => {
            document.main = Some("rows");
            document.table("rows", table(rows));
        }
        Value::Object(members) => {
            let (tables, plain): (Vec<_>, Vec<_>) =
                members.iter().partition(|(_, value)| is_table(value));
            let mut fields = Table::of(&["name", "value"]);
            for (member, value) in plain {
                fields.row([Cell::text(member), cell(member, value)]);
            }
            document.table(&name, fields);
            for (member, rows) in tables {
                document.table(
                    &member.replace('_', " "),
                    table(rows.as_array().map_or(&[], |rows| rows)),
                );
            }
        }
        other => {
            let mut fields = Table::of(&["result"]);
            fields.row([cell("", other)]);
            document.table(&name, fields);
        }
    }
    document
}

fn is_table(value: &Value) -> bool {
    value.as_array().is_some_and(|rows| rows.first().is_some_and(Value::is_object))
}

/// A row for each object, with the columns of the first.
fn table(rows: &[Value]) -> Table {
    let Some(Value::Object(first)) = rows.first() else {
        let mut table = Table::of(&["value"]);
        rows.iter().for_each(|row| table.row([cell("", row)]));
        return table;
    };
    let columns: Vec<&String> = first.keys().collect();
    let cells = |row: &Value| columns.iter().map(|&column| cell(column, &row[column])).collect();
    let rows = rows.iter().map(cells).collect();
    Table { columns: columns.iter().map(|column| column.replace('_', " ")).collect(), rows }
}

/// A value as people read it: moments as such, and numbers that only name something without marks.
fn cell(name: &str, value: &Value) -> Cell {
    let is_moment = TIMES.iter().any(|ending| name.ends_with(ending));
    if let Some(moment) = value.as_i64().filter(|_| is_moment) {
        return Cell::text(Timestamp::from_milliseconds(moment));
    }
    match value {
        Value::Number(number) if name == "id" => Cell::text(number),
        Value::Null => Cell::Missing,
        Value::Bool(flag) => Cell::Flag(*flag),
        Value::Number(number) => {
            number.as_u64().map_or_else(|| Cell::Text(number.to_string()), Cell::Count)
        }
        Value::String(text) => Cell::Text(clipped(text)),
        other => Cell::Text(clipped(&other.to_string())),
    }
}

fn clipped(text: &str) -> String {
    match text.chars().count() > WIDTH_MAX {
        true => text.chars().take(WIDTH_MAX - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
