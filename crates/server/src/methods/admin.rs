//! What operators call, on a listener of their own: any command of the engine, and keys of sources.

mod audited;
mod margins;
mod markets;
mod notice;
mod parameters;
#[cfg(test)]
mod together;
mod withdrawals;

use std::collections::BTreeMap;

use engine::command::Action;
use engine::{Event, State};
use instruments::{Timestamp, Underlying};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::control::ReadOnly;
use crate::error::RpcError;
use crate::feed::venue::Venue;
use crate::methods::session;
use crate::params::{Nested, Nothing, Number, Whole};
use crate::registry::{Method, method};
use crate::service::host_ms;
use crate::worker::surface::extended;

pub use audited::audited;

/// How long a change of methodology is noticed if nothing else is said.
const NOTICE_MS: i64 = 60_000;
/// How long a key that was replaced is good beside the new one, unless said otherwise, and at most.
const OVERLAP_MS: i64 = 3_600_000;
const OVERLAP_MS_MAX: i64 = 7 * 86_400_000;

/// Methods of the listener for operators.
pub fn methods() -> Vec<Method> {
    let rooms = [
        own(),
        markets::methods(),
        parameters::methods(),
        notice::methods(),
        withdrawals::methods(),
        audited::methods(),
    ];
    let login = session::methods().into_iter().filter(|method| method.name == "public/auth");
    rooms.into_iter().flatten().chain(login).collect()
}

fn own() -> Vec<Method> {
    vec![
        method!("admin/submit", AccountWrite, Free, submit, SubmitParams => SubmitReply, "Submits a command of the engine: instruments, parameters, halts, accounts, deposits, withdrawals"),
        method!("admin/add_expiry", AccountWrite, Free, add_expiry, ExpiryParams => SubmitReply, "Adds an expiry to an underlying's surface, so that dated instruments can be listed"),
        method!("admin/snapshot", AccountWrite, Free, snapshot, Nothing => u64, "Writes a snapshot now, which the next start begins with; gives the last command in it"),
        method!("admin/status", Account, Free, status, Nothing => StatusReply, "How the venue is doing"),
        method!("admin/set_oracle_key", AccountWrite, Free, set_oracle_key, OracleKeyParams => &'static str, "Sets the key by which a price source signs, or takes it away"),
        method!("admin/rotate_oracle_key", AccountWrite, Free, rotate_oracle_key, RotateParams => &'static str, "Gives a price source a new key; the old one is good for a while longer"),
        method!("admin/get_oracle_keys", Account, Free, get_oracle_keys, Nothing => BTreeMap<u16, String>, "The keys of price sources"),
    ]
}

/// A command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitParams {
    /// What is asked, as a line of a script has it without `time`: `{"tick": {}}`. docs/commands.md has
    /// an example of every one. An instrument is its name or its number, sizes are in lots;
    /// `set_methodology` takes `built_in` in place of `text`, and without `notice_ends` the notice ends
    /// in a minute.
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
    let _turn = call.service.control.turn.lock().await;
    let command = written_out(&call.service.venue.read(), params.command.0)?;
    let action: Action = serde_json::from_value(command)
        .map_err(|error| RpcError::invalid("command", error.to_string()))?;
    submitted(call, action).await
}

async fn submitted(call: &Call, action: Action) -> Result<SubmitReply, RpcError> {
    let answer = call.submit(action).await?;
    let json = |event: &Event| serde_json::to_value(event).unwrap_or_default();
    Ok(SubmitReply {
        sequence: answer.sequence,
        timestamp: answer.time.milliseconds(),
        events: answer.events.iter().map(json).collect(),
    })
}

/// A command as the engine has it: without names of instruments and of built-in methodologies.
fn written_out(venue: &Venue, mut command: Value) -> Result<Value, RpcError> {
    if let Some(set) = command.get_mut("set_methodology").and_then(Value::as_object_mut) {
        if let Some(name) = set.remove("built_in") {
            let text = name.as_str().and_then(risk::Methodology::built_in_text);
            let text = text.ok_or_else(|| {
                let names = risk::Methodology::built_in_names().join(", ");
                RpcError::invalid("built_in", format!("must be one of {names}"))
            })?;
            set.insert("text".into(), text.into());
        }
        set.entry("notice_ends").or_insert_with(|| (venue.time.milliseconds() + NOTICE_MS).into());
    } else if command.get("list_instrument").is_none() {
        number_instruments(venue, &mut command)?;
    }
    Ok(command)
}

/// Puts numbers in the place of names. JSON is nested as deep as requests may be.
fn number_instruments(venue: &Venue, value: &mut Value) -> Result<(), RpcError> {
    match value {
        Value::Array(values) => {
            values.iter_mut().try_for_each(|value| number_instruments(venue, value))
        }
        Value::Object(members) => members.iter_mut().try_for_each(|(key, value)| {
            let Some(name) = value.as_str().filter(|_| key == "instrument") else {
                return number_instruments(venue, value);
            };
            let id = venue.names.get(name).ok_or_else(|| RpcError::no_instrument("instrument"))?;
            *value = id.0.into();
            Ok(())
        }),
        _ => Ok(()),
    }
}

/// An expiry to come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiryParams {
    /// The underlying, as `BTC`.
    underlying: String,
    /// When it settles, in milliseconds.
    expiration_timestamp: Whole,
    /// The volatility at every strike, 0.5 being 50 %; that of the nearest expiry unless given.
    volatility: Option<Number>,
}

async fn add_expiry(call: &Call, params: ExpiryParams) -> Result<SubmitReply, RpcError> {
    let asset = super::portfolio::currency(&call.service.venue.read(), &params.underlying)?;
    let underlying = Underlying::of(asset);
    let expiry = Timestamp::from_milliseconds(params.expiration_timestamp.0);
    let flat = params.volatility.map(|volatility| {
        // From 10⁻⁸ to 10⁻⁹.
        let ppb = volatility.0.0.checked_mul(10).and_then(|ppb| i64::try_from(ppb).ok());
        let ppb = ppb.filter(|ppb| (1..=5_000_000_000).contains(ppb));
        ppb.ok_or_else(|| RpcError::invalid("volatility", "must be above 0 and at most 5"))
    });
    let flat = flat.transpose()?;
    let _turn = call.service.control.turn.lock().await;
    let market = call.service.look(State::epoch_market).await?;
    let index = market.prices.iter().find(|(priced, ..)| *priced == asset);
    let (_, index, _) =
        index.ok_or_else(|| RpcError::invalid("underlying", "it has no index price yet"))?;
    if expiry <= market.time {
        return Err(RpcError::invalid("expiration_timestamp", "must be in the future"));
    }
    let known = market.surfaces.iter().find(|surface| surface.underlying == underlying);
    let surface = extended(known, underlying, expiry, flat, (*index, market.time));
    let surface = surface.map_err(|why| RpcError::invalid("expiration_timestamp", why))?;
    submitted(call, Action::SetSurface(surface)).await
}

async fn snapshot(call: &Call, _: Nothing) -> Result<u64, RpcError> {
    let node = call.service.node.clone();
    let kept = tokio::task::spawn_blocking(move || node.snapshot()).await;
    let unavailable = |why| RpcError::new(13028, "temporarily_unavailable").because(why);
    kept.map_err(|_| RpcError::closing())?.map_err(unavailable)
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
    /// That clients may only read, if so.
    read_only: Option<ReadOnly>,
    /// What is wrong with the file of keys, if something is.
    keys_trouble: Option<String>,
    /// What the venue can't do by itself now: open risk epochs, move surfaces, take down closes.
    worker_trouble: Vec<String>,
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
        read_only: call.service.control.read_only(),
        keys_trouble: call.service.clients.trouble(),
        worker_trouble: call.service.trouble.all(),
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
    let source = source(params.source)?;
    call.service.oracle.set(source, params.public_key.as_deref())?;
    Ok("ok")
}

/// A source, its next key, and how long both are good.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateParams {
    /// The source's number.
    source: Whole,
    /// Its next Ed25519 public key, 64 hexadecimal digits.
    public_key: String,
    /// How long the key that it has is good beside it, in milliseconds: an hour unless said, a week at
    /// most.
    overlap_ms: Option<Whole>,
}

async fn rotate_oracle_key(call: &Call, params: RotateParams) -> Result<&'static str, RpcError> {
    let source = source(params.source)?;
    let overlap = params.overlap_ms.map_or(OVERLAP_MS, |overlap| overlap.0);
    if !(0..=OVERLAP_MS_MAX).contains(&overlap) {
        return Err(RpcError::invalid("overlap_ms", "must be 0 to 604800000"));
    }
    let until = host_ms() + overlap;
    call.service.oracle.rotate(source, &params.public_key, until)?;
    Ok("ok")
}

fn source(number: Whole) -> Result<u16, RpcError> {
    u16::try_from(number.0).map_err(|_| RpcError::invalid("source", "must be 0 to 65535"))
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
        let numbered = |command| written_out(&venue, command).unwrap();
        let halt = json!({ "halt": { "instrument": "BTC-PERPETUAL" } });
        assert_eq!(numbered(halt), json!({ "halt": { "instrument": 3 } }));
        let quotes = json!({ "mass_quote": { "quotes": [{ "instrument": "BTC-PERPETUAL" }] } });
        assert_eq!(numbered(quotes)["mass_quote"]["quotes"][0]["instrument"], 3);
        // What this command lists has no number yet.
        let list = json!({ "list_instrument": { "instrument": "BTC-PERPETUAL" } });
        assert_eq!(numbered(list.clone()), list);
        let unknown = json!({ "halt": { "instrument": "ETH-PERPETUAL" } });
        assert!(written_out(&venue, unknown).is_err());
    }
}
