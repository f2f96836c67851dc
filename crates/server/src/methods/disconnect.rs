//! What becomes of orders when their connection is lost.

use engine::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::connection;
use crate::call::Call;
use crate::error::RpcError;
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/enable_cancel_on_disconnect", AccountWrite, Request, enable, ScopeParams => &'static str, "Has orders cancelled when the connection that placed them is lost"),
        method!("private/disable_cancel_on_disconnect", AccountWrite, Request, disable, ScopeParams => &'static str, "Keeps orders when the connection that placed them is lost"),
        method!("private/get_cancel_on_disconnect", Account, Request, get, ScopeParams => CancelReply, "Whether orders are cancelled when their connection is lost"),
    ]
}

/// What it is about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeParams {
    /// `connection`, which it is unless said, or `account`: every later connection of it.
    #[serde(default)]
    scope: Scope,
}

/// How far it goes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This connection.
    #[default]
    Connection,
    /// This connection, if it is one, and every later one of the account.
    Account,
}

/// Whether orders are cancelled.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CancelReply {
    /// Whether they are.
    enabled: bool,
    /// Of what.
    scope: Scope,
}

async fn enable(call: &Call, params: ScopeParams) -> Result<&'static str, RpcError> {
    set(call, params.scope, true).await
}

async fn disable(call: &Call, params: ScopeParams) -> Result<&'static str, RpcError> {
    set(call, params.scope, false).await
}

/// The account's choice is in the journal, so that it outlasts a restart.
async fn set(call: &Call, scope: Scope, enabled: bool) -> Result<&'static str, RpcError> {
    let account = call.account()?;
    match scope {
        Scope::Connection => connection(call)?.set_cancels(account, enabled),
        Scope::Account => {
            call.submit(Action::SetCancelOnDisconnect { account, enabled }).await?;
            if let Some(connection) = &call.connection {
                connection.set_cancels(account, enabled);
            }
        }
    }
    Ok("ok")
}

async fn get(call: &Call, params: ScopeParams) -> Result<CancelReply, RpcError> {
    let account = call.account()?;
    let enabled = match params.scope {
        Scope::Connection => connection(call)?.cancels(account),
        Scope::Account => {
            let venue = call.service.venue.read();
            venue.account(account).is_some_and(|account| account.cancels_on_disconnect)
        }
    };
    Ok(CancelReply { enabled, scope: params.scope })
}
