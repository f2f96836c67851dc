//! JSON-RPC envelopes.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::RpcError;
use crate::params;
use crate::registry::{ADMIN_METHODS, METHODS, Methods, Reply};

/// Bytes of a client's request at most.
pub const REQUEST_BYTES_MAX: usize = 32 * 1024;

/// A request.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// Given back with the answer.
    #[serde(default)]
    pub id: Option<Value>,
    /// What is asked.
    pub method: String,
    /// With what.
    #[serde(default)]
    pub params: Value,
}

impl Request {
    /// The method's name: the original takes one with a slash in front as well.
    #[must_use]
    pub fn name(&self) -> &str {
        self.method.trim_start_matches('/')
    }
}

/// Bytes of an operator's request at most: methodologies and histories are long.
pub const ADMIN_REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An answer.
#[derive(Serialize)]
struct Envelope<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
    testnet: bool,
    #[serde(rename = "usIn")]
    us_in: u64,
    #[serde(rename = "usOut")]
    us_out: u64,
    #[serde(rename = "usDiff")]
    us_diff: u64,
}

/// Something that a client subscribed to.
#[derive(Serialize)]
struct Notification<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: NotificationParams<'a>,
}

#[derive(Serialize)]
struct NotificationParams<'a> {
    channel: &'a str,
    data: &'a RawValue,
}

/// Reads a request.
///
/// # Errors
/// -32700 for what is no JSON, -32600 for JSON that is no request.
pub fn parse(body: &[u8]) -> Result<Request, RpcError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| RpcError::new(-32700, "Parse error").because(error.to_string()))?;
    Request::deserialize(value)
        .map_err(|error| RpcError::new(-32600, "Invalid Request").because(error.to_string()))
}

/// Reads bytes in every way in which requests come, and the parameters as those of the method that
/// is named; gives how many were such. For fuzzing alone.
#[doc(hidden)]
#[must_use]
pub fn read_all_ways(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let of_query = (path.to_owned(), params::from_query(query));
    let of_body = parse(bytes).ok().map(|asked| (asked.name().to_owned(), asked.params));
    let asked = of_body.into_iter().chain([of_query]);
    let is_read = |(name, params): &(String, Value)| {
        let find = |methods: &Methods| methods.get(name.as_str()).map(|method| method.check);
        let checks = [find(&METHODS), find(&ADMIN_METHODS)];
        checks.into_iter().flatten().any(|check| check(params.clone()).is_ok())
    };
    asked.filter(is_read).count()
}

/// Writes an answer.
#[must_use]
pub fn envelope(id: Option<&Value>, reply: &Reply, us_in: u64) -> String {
    let us_out = microseconds().max(us_in);
    let envelope = Envelope {
        jsonrpc: "2.0",
        id,
        result: reply.as_deref().ok(),
        error: reply.as_ref().err(),
        testnet: false,
        us_in,
        us_out,
        us_diff: us_out - us_in,
    };
    serde_json::to_string(&envelope).expect("an envelope has JSON")
}

/// Writes a notification.
#[must_use]
pub fn notification(channel: &str, data: &RawValue) -> String {
    let params = NotificationParams { channel, data };
    let notification = Notification { jsonrpc: "2.0", method: "subscription", params };
    serde_json::to_string(&notification).expect("a notification has JSON")
}

/// The host's clock in microseconds.
#[must_use]
pub fn microseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
