//! OpenAPI and OpenRPC documents and a page for people, made of the same definitions that calls are checked by.

mod page;

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::registry::{Access, METHODS, Method};
pub use page::page;

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| pretty(&make_openapi()));
    &DOCUMENT
}

/// The OpenRPC document.
#[must_use]
pub fn openrpc() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| pretty(&make_openrpc()));
    &DOCUMENT
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).expect("a document has JSON")
}

fn make_openapi() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for method in METHODS.values() {
        let params = (method.params)(&mut generator).to_value();
        let result = (method.result)(&mut generator).to_value();
        paths.insert(
            format!("/api/v2/{}", method.name),
            json!({ "get": operation(method, &params, &result) }),
        );
    }
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Plimsoll", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic" }
            },
            "schemas": { "Error": error_schema() }
        }
    })
}

fn operation(method: &Method, params: &Value, result: &Value) -> Value {
    let required = params["required"].as_array().cloned().unwrap_or_default();
    let empty = Map::new();
    let properties = params["properties"].as_object().unwrap_or(&empty);
    let parameters: Vec<Value> = properties
        .iter()
        .map(|(name, schema)| {
            json!({
                "name": name,
                "in": "query",
                "required": required.iter().any(|one| one == name),
                "description": schema["description"],
                "schema": schema,
            })
        })
        .collect();
    let envelope = json!({
        "type": "object",
        "required": ["jsonrpc", "result"],
        "properties": { "jsonrpc": { "type": "string" }, "result": result }
    });
    let security = match method.access {
        Access::Public => json!([]),
        _ => json!([{ "bearer": [] }, { "basic": [] }]),
    };
    json!({
        "operationId": method.name.replace('/', "_"),
        "summary": method.summary,
        "security": security,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The result",
                "content": { "application/json": { "schema": envelope } }
            },
            "400": {
                "description": "An error",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } }
            }
        }
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["jsonrpc", "error"],
        "properties": {
            "jsonrpc": { "type": "string" },
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "integer" },
                    "message": { "type": "string" },
                    "data": { "type": "object" }
                }
            }
        }
    })
}

fn make_openrpc() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let mut methods = Vec::new();
    for method in METHODS.values() {
        let params = (method.params)(&mut generator).to_value();
        let result = (method.result)(&mut generator).to_value();
        let required = params["required"].as_array().cloned().unwrap_or_default();
        let empty = Map::new();
        let properties = params["properties"].as_object().unwrap_or(&empty);
        let all: Vec<Value> = properties
            .iter()
            .map(|(name, schema)| {
                let is_required = required.iter().any(|one| one == name);
                json!({ "name": name, "required": is_required, "schema": schema })
            })
            .collect();
        methods.push(json!({
            "name": method.name,
            "summary": method.summary,
            "paramStructure": "by-name",
            "params": all,
            "result": { "name": "result", "schema": result },
        }));
    }
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "Plimsoll", "version": env!("CARGO_PKG_VERSION") },
        "methods": methods,
    })
}
