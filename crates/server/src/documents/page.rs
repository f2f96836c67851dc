//! The page of all methods in the book.

use std::fmt::Write;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::registry::{ADMIN_METHODS, Access, METHODS, Method};

const OPENING: &str = "\
# Methods

Every method of [the API](api.md), with its parameters and what its result holds. This page is made of the
definitions by which calls are checked; a running venue gives the same as OpenAPI and OpenRPC documents.

";

/// The page.
#[must_use]
pub fn page() -> String {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let mut text = OPENING.to_owned();
    for group in ["public", "private"] {
        let _ = writeln!(text, "## {group}\n");
        let methods =
            METHODS.values().filter(|method| method.name.split('/').next() == Some(group));
        methods.for_each(|method| describe(&mut text, method, &mut generator));
    }
    text += "## admin\n\nOn the listener for operators alone, which has `public/auth` as well.\n\n";
    let methods = ADMIN_METHODS.values().filter(|method| method.name.starts_with("admin/"));
    methods.for_each(|method| describe(&mut text, method, &mut generator));
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn describe(text: &mut String, method: &Method, generator: &mut SchemaGenerator) {
    let params = (method.params)(generator).to_value();
    let result = (method.result)(generator).to_value();
    let _ = writeln!(text, "### {}\n\n{}. {}\n", method.name, method.summary, scope(method.access));
    let required = params["required"].as_array().cloned().unwrap_or_default();
    if let Some(properties) = properties(&params) {
        text.push_str("| parameter | type | |\n|---|---|---|\n");
        for (name, schema) in properties {
            let needed = if required.iter().any(|one| one == name) { "**required.** " } else { "" };
            let _ = writeln!(text, "| `{name}` | {} | {needed}{} |", kind(schema), words(schema));
        }
        text.push('\n');
    }
    let (fields, is_list) = match properties(&result) {
        Some(fields) => (Some(fields), false),
        None => (properties(&result["items"]), true),
    };
    match fields {
        None => {
            let _ = writeln!(text, "Result: {}.\n", kind(&result));
        }
        Some(fields) => {
            let of = if is_list { "a list of" } else { "an object with" };
            let names: Vec<String> = fields.keys().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "Result: {of} {}.\n", names.join(", "));
        }
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object().filter(|all| !all.is_empty())
}

/// What a value is, in a word or two.
fn kind(schema: &Value) -> String {
    let one = |value: &Value| value.as_str().unwrap_or("value").to_owned();
    match &schema["type"] {
        Value::Array(kinds) => {
            let all: Vec<String> = kinds.iter().filter(|kind| *kind != "null").map(one).collect();
            all.join(" or ")
        }
        Value::String(kind) if kind == "array" => format!("list of {}", kind_of_items(schema)),
        kind => one(kind),
    }
}

fn kind_of_items(schema: &Value) -> String {
    match kind(&schema["items"]).as_str() {
        "value" => "values".to_owned(),
        one => format!("{one}s"),
    }
}

/// A description on one line of a table.
fn words(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

const fn scope(access: Access) -> &'static str {
    match access {
        Access::Public => "Anybody may call it.",
        Access::Account => "Scope `account:read`.",
        Access::AccountWrite => "Scope `account:read_write`.",
        Access::Trade => "Scope `trade:read`.",
        Access::TradeWrite => "Scope `trade:read_write`.",
        Access::Wallet => "Scope `wallet:read`.",
        Access::WalletWrite => "Scope `wallet:read_write`.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `PLIMSOLL_WRITE_DOCS=1` writes the page instead.
    #[test]
    fn the_book_has_this_page() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/methods.md");
        if std::env::var_os("PLIMSOLL_WRITE_DOCS").is_some() {
            std::fs::write(path, page()).expect("the page can be written");
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == page(),
            "run this test with PLIMSOLL_WRITE_DOCS=1 to renew docs/methods.md"
        );
    }
}
