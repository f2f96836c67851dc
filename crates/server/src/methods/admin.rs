//! What operators call, on a listener of their own: any command of the engine, and keys of sources.

use std::collections::BTreeMap;

use engine::Event;
use engine::command::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::error::RpcError;
use crate::feed::venue::Venue;
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
    /// an example of every one. Instruments may be named, sizes are in lots.
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
    let mut command = params.command.0;
    number_instruments(&call.service.venue.read(), &mut command);
    let action: Action = serde_json::from_value(command)
        .map_err(|error| RpcError::invalid("command", error.to_string()))?;
    let answer = call.submit(action).await?;
    let json = |event: &Event| serde_json::to_value(event).unwrap_or_default();
    Ok(SubmitReply {
        sequence: answer.sequence,
        timestamp: answer.time.milliseconds(),
        events: answer.events.iter().map(json).collect(),
    })
}

/// Puts the numbers of listed instruments in place of their names. What is yet to be listed keeps its name.
fn number_instruments(venue: &Venue, command: &mut Value) {
    match command {
        Value::Object(members) => {
            for (name, value) in members.iter_mut().filter(|(name, _)| *name != "list_instrument") {
                let listed = value.as_str().and_then(|text| venue.names.get(text));
                match listed.filter(|_| name == "instrument") {
                    Some(id) => *value = id.0.into(),
                    None => number_instruments(venue, value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| number_instruments(venue, item)),
        _ => {}
    }
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

#[cfg(test)]
mod tests {
    use engine::InstrumentId;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_listed_instruments_become_numbers() {
        let mut venue = Venue::default();
        venue.names.insert("BTC-PERPETUAL".to_owned(), InstrumentId(3));
        let numbered = |mut command: Value| {
            number_instruments(&venue, &mut command);
            command
        };
        let halt = json!({ "halt": { "instrument": "BTC-PERPETUAL" } });
        assert_eq!(numbered(halt), json!({ "halt": { "instrument": 3 } }));
        let quotes = json!({ "mass_quote": { "quotes": [{ "instrument": "BTC-PERPETUAL" }] } });
        assert_eq!(numbered(quotes)["mass_quote"]["quotes"][0]["instrument"], 3);
        // What is unknown, or listed by this command, is left to who reads it.
        for same in [
            json!({ "halt": { "instrument": "ETH-PERPETUAL" } }),
            json!({ "list_instrument": { "instrument": "BTC-PERPETUAL" } }),
        ] {
            assert_eq!(numbered(same.clone()), same);
        }
    }
}
