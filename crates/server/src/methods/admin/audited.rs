//! Read-only mode, and the record of what operators did.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::call::Call;
use crate::control::ReadOnly;
use crate::control::audit::{Act, Outcome};
use crate::error::RpcError;
use crate::params::{Flag, Whole};
use crate::registry::{Method, Reply, method};
use crate::service::host_ms;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/set_read_only", AccountWrite, Free, set_read_only, ReadOnlyParams => Option<ReadOnly>, "Lets clients only read, or write again; it outlasts a restart"),
        method!("admin/audit", Account, Free, audit, AuditParams => Vec<Act>, "Who did what when, the newest first"),
    ]
}

/// Whether clients may write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOnlyParams {
    /// True lets clients only read; false lets them write again.
    enabled: Flag,
    /// What clients are told with error 13503.
    reason: Option<String>,
}

async fn set_read_only(call: &Call, params: ReadOnlyParams) -> Result<Option<ReadOnly>, RpcError> {
    let reason = params.reason.unwrap_or_else(|| "try again later".to_owned());
    let read_only = params.enabled.0.then(|| ReadOnly { since: host_ms(), reason });
    call.service.control.set_read_only(read_only.clone()).map_err(unavailable)?;
    Ok(read_only)
}

/// How many acts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditParams {
    /// How many: 100 unless said, 1,000 at most; all are in the file `audit.jsonl`.
    count: Option<Whole>,
}

async fn audit(call: &Call, params: AuditParams) -> Result<Vec<Act>, RpcError> {
    let count = params.count.map_or(100, |count| count.0.clamp(0, 1_000));
    Ok(call.service.control.audit.newest(usize::try_from(count).unwrap_or(100)))
}

fn unavailable(error: impl ToString) -> RpcError {
    RpcError::new(13028, "temporarily_unavailable").because(error.to_string())
}

/// The number of a command, where an answer has one.
#[derive(Deserialize)]
struct Numbered {
    sequence: Option<u64>,
}

/// Does what an operator asks for, once it is on record. It goes on to its end, and to the record of what
/// became of it, though whoever asked may have hung up.
pub async fn audited(call: &Call, method: &'static Method, params: Value) -> Reply {
    let act = tokio::spawn(recorded(call.clone(), method, params));
    act.await.unwrap_or_else(|_| Err(failed()))
}

/// What did not come to its end.
fn failed() -> RpcError {
    RpcError::new(11094, "internal_server_error")
}

async fn recorded(call: Call, method: &'static Method, params: Value) -> Reply {
    let key = call.login.as_ref().map_or("", |login| &login.client_id);
    let audit = &call.service.control.audit;
    let act = audit.begin(host_ms(), key, method.name, &params).map_err(unavailable)?;
    let doing = call.clone();
    let act_itself = tokio::spawn(async move { (method.call)(&doing, params).await });
    let reply = act_itself.await.unwrap_or_else(|_| Err(failed()));
    let outcome = match &reply {
        Ok(answer) => {
            let numbered = serde_json::from_str::<Numbered>(answer.get()).ok();
            let sequence = numbered.and_then(|numbered| numbered.sequence);
            Outcome { code: 0, sequence, reason: None }
        }
        Err(error) => {
            let reason = error.data.reason.clone().or_else(|| Some(error.message.to_owned()));
            Outcome { code: error.code, sequence: None, reason }
        }
    };
    // It is done, and that it was asked for is on record.
    let _ = audit.end(act, outcome);
    reply
}
