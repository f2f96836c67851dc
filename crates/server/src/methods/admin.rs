//! What operators call, on a listener of their own: any command of the engine, and keys of sources.

use std::collections::BTreeMap;

use engine::Event;
use engine::command::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::error::RpcError;
use crate::params::{Nested, Nothing, Whole};
use crate::registry::{Method, method};

/// Methods of the listener for operators.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/submit", AccountWrite, Free, submit, SubmitParams => SubmitReply, "Submits a command of the engine: instruments, parameters, halts, accounts, deposits, withdrawals"),
        method!("admin/status", Account, Free, status, Nothing => StatusReply, "How the venue is doing"),
        method!("admin/set_oracle_key", AccountWrite, Free, set_oracle_key, OracleKeyParams => &'static str, "Sets the key by which a price source signs, or takes it away"),
        method!("admin/get_oracle_keys", Account, Free, get_oracle_keys, Nothing => BTreeMap<u16, String>, "The keys of price sources"),
    ]
}

/// A command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitParams {
    /// What is asked, as a line of a script has it without `time`: `{"tick": {}}`. docs/commands.md has
    /// an example of every one.
    command: Nested<Value>,
}

/// What became of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SubmitReply {
    /// Its number.
    sequence: u64,
    /// Its time, in milliseconds.
    timestamp: i64,
    /// What happened, as events say it.
    events: Vec<Value>,
}

/// A refusal is an error, and the command stands in the journal with it: every act is on record.
async fn submit(call: &Call, params: SubmitParams) -> Result<SubmitReply, RpcError> {
    let action: Action = serde_json::from_value(params.command.0)
        .map_err(|error| RpcError::invalid("command", error.to_string()))?;
    let answer = call.submit(action).await?;
    let json = |event: &Event| serde_json::to_value(event).unwrap_or_default();
    Ok(SubmitReply {
        sequence: answer.sequence,
        timestamp: answer.time.milliseconds(),
        events: answer.events.iter().map(json).collect(),
    })
}

/// How the venue is doing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusReply {
    /// The last command that clients can see.
    sequence: u64,
    /// Its time, in milliseconds.
    timestamp: i64,
    /// Accounts.
    accounts: usize,
    /// Instruments that have not expired.
    instruments: usize,
    /// The newest risk epoch.
    epoch: u64,
    /// The record hash of the state.
    record_hash: String,
    /// What is wrong with the file of keys, if something is.
    keys_trouble: Option<String>,
}

async fn status(call: &Call, _: Nothing) -> Result<StatusReply, RpcError> {
    let node = call.service.node.clone();
    let hash = tokio::task::spawn_blocking(move || node.record_hash()).await;
    let hash = hash.ok().and_then(Result::ok).ok_or_else(RpcError::closing)?;
    let venue = call.service.venue.read();
    Ok(StatusReply {
        sequence: venue.sequence,
        timestamp: venue.time.milliseconds(),
        accounts: venue.accounts.len(),
        instruments: venue.names.len(),
        epoch: venue.epoch,
        record_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        keys_trouble: call.service.clients.trouble(),
    })
}

/// A source and its key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OracleKeyParams {
    /// The source's number.
    source: Whole,
    /// Its Ed25519 public key, 64 hexadecimal digits; none takes it away.
    public_key: Option<String>,
}

async fn set_oracle_key(call: &Call, params: OracleKeyParams) -> Result<&'static str, RpcError> {
    let source = u16::try_from(params.source.0)
        .map_err(|_| RpcError::invalid("source", "must be 0 to 65535"))?;
    call.service.oracle.set(source, params.public_key.as_deref())?;
    Ok("ok")
}

async fn get_oracle_keys(call: &Call, _: Nothing) -> Result<BTreeMap<u16, String>, RpcError> {
    Ok(call.service.oracle.list())
}
