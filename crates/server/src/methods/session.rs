//! Connections: who calls, heartbeats, subscriptions.

use std::time::Duration;

use ledger::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::{Caller, Grant, Granted, Login};
use crate::call::Call;
use crate::channels::Topic;
use crate::error::RpcError;
use crate::params::{List, Nothing, Whole};
use crate::registry::{Method, method};
use crate::service::host_ms;
use crate::socket::Connection;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/auth", Public, Request, auth, AuthParams => AuthReply, "Logs in and gives tokens"),
        method!("public/exchange_token", Public, Request, exchange, ExchangeParams => AuthReply, "Gives tokens for a subaccount, or for the main account again"),
        method!("public/fork_token", Public, Request, fork, ForkParams => AuthReply, "Gives tokens for another session"),
        method!("private/logout", Account, Request, logout, LogoutParams => &'static str, "Logs out, and ends the session's tokens"),
        method!("public/hello", Public, Request, hello, HelloParams => HelloReply, "Introduces a client"),
        method!("public/test", Public, Free, test, TestParams => HelloReply, "Answers; also the reply to a heartbeat"),
        method!("public/get_time", Public, Request, get_time, Nothing => i64, "The venue's time in milliseconds"),
        method!("public/status", Public, Request, status, Nothing => StatusReply, "Whether the platform is locked"),
        method!("public/set_heartbeat", Public, Request, set_heartbeat, HeartbeatParams => &'static str, "Has the venue send heartbeats over this connection, and close it if one is not answered"),
        method!("public/disable_heartbeat", Public, Request, disable_heartbeat, Nothing => &'static str, "Ends heartbeats"),
        method!("public/subscribe", Public, Request, subscribe, ChannelParams => Vec<String>, "Subscribes to public channels"),
        method!("private/subscribe", Account, Request, subscribe, ChannelParams => Vec<String>, "Subscribes to channels, private ones too"),
        method!("public/unsubscribe", Public, Request, unsubscribe, ChannelParams => Vec<String>, "Ends subscriptions"),
        method!("private/unsubscribe", Account, Request, unsubscribe, ChannelParams => Vec<String>, "Ends subscriptions"),
        method!("public/unsubscribe_all", Public, Request, unsubscribe_all, Nothing => &'static str, "Ends all subscriptions"),
        method!("private/unsubscribe_all", Account, Request, unsubscribe_all, Nothing => &'static str, "Ends all subscriptions"),
    ]
}

/// How to log in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthParams {
    /// `client_credentials`, `client_signature` or `refresh_token`.
    grant_type: String,
    /// Of the key.
    client_id: Option<String>,
    /// Of the key.
    client_secret: Option<String>,
    /// Of an earlier reply.
    refresh_token: Option<String>,
    /// Milliseconds since 1970, of a signature.
    timestamp: Option<Whole>,
    /// HMAC-SHA256 of `timestamp\nnonce\ndata` in hexadecimal.
    signature: Option<String>,
    /// Of a signature.
    nonce: Option<String>,
    /// Of a signature; may be empty.
    data: Option<String>,
    /// Given back with the reply.
    state: Option<String>,
    /// What the tokens are to be good for.
    scope: Option<String>,
}

/// Tokens.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuthReply {
    /// For the header `Authorization: Bearer …`.
    access_token: String,
    /// Gives new tokens, once.
    refresh_token: String,
    /// Seconds that the access token is good for.
    expires_in: u32,
    /// What it is good for.
    scope: String,
    /// `bearer`.
    token_type: &'static str,
    /// Features that are switched on: none.
    enabled_features: Vec<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// As it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

async fn auth(call: &Call, params: AuthParams) -> Result<AuthReply, RpcError> {
    fn needed<'a>(name: &'static str, value: &'a Option<String>) -> Result<&'a str, RpcError> {
        value.as_deref().ok_or_else(|| RpcError::invalid(name, "value required"))
    }
    let grant = match params.grant_type.as_str() {
        "client_credentials" => Grant::ClientCredentials {
            client_id: needed("client_id", &params.client_id)?,
            client_secret: needed("client_secret", &params.client_secret)?,
        },
        "client_signature" => Grant::ClientSignature {
            client_id: needed("client_id", &params.client_id)?,
            timestamp: params
                .timestamp
                .ok_or_else(|| RpcError::invalid("timestamp", "value required"))?
                .0,
            signature: needed("signature", &params.signature)?,
            nonce: params.nonce.as_deref().unwrap_or_default(),
            data: params.data.as_deref().unwrap_or_default(),
        },
        "refresh_token" => Grant::RefreshToken(needed("refresh_token", &params.refresh_token)?),
        _ => return Err(RpcError::invalid("grant_type", "unsupported grant_type")),
    };
    let authority = &call.service.authority;
    let granted = authority.grant(&grant, params.scope.as_deref(), caller(call), host_ms())?;
    enter(call, &granted.login);
    Ok(told(granted, params.state))
}

fn caller(call: &Call) -> Caller {
    let connection = call.connection.as_ref().map(|connection| connection.id);
    Caller { address: Some(call.address), connection }
}

/// The connection, if it is one, is somebody's from now on.
fn enter(call: &Call, login: &Login) {
    let Some(connection) = &call.connection else { return };
    let cancels = {
        let venue = call.service.venue.read();
        venue.account(login.account).is_some_and(|account| account.cancels_on_disconnect)
    };
    if let Some(before) = connection.set_login(login.clone(), cancels) {
        call.service.authority.disconnect(&before);
        if before.account != login.account {
            call.service.channels.leave_private(connection);
        }
    }
}

fn told(granted: Granted, state: Option<String>) -> AuthReply {
    let Granted { access_token, refresh_token, expires_in, scope, sid, .. } = granted;
    let (enabled_features, token_type) = (Vec::new(), "bearer");
    AuthReply {
        access_token,
        refresh_token,
        expires_in,
        scope,
        token_type,
        enabled_features,
        sid,
        state,
    }
}

/// Another account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeParams {
    /// Of an earlier reply; it stays good, unless it is a connection's.
    refresh_token: String,
    /// The number of a subaccount, or of the key's own account.
    subject_id: Whole,
    /// What the new tokens are to be good for; never more than the old ones.
    scope: Option<String>,
}

/// A connection whose own tokens are exchanged is the other account's from then on.
async fn exchange(call: &Call, params: ExchangeParams) -> Result<AuthReply, RpcError> {
    let number = u32::try_from(params.subject_id.0);
    let number =
        number.map_err(|_| RpcError::invalid("subject_id", "must be an account's number"))?;
    let subject = AccountId::new(number);
    let owner = call.service.venue.read().account(subject).and_then(|account| account.owner);
    let (token, scope) = (&params.refresh_token, params.scope.as_deref());
    let authority = &call.service.authority;
    let granted = authority.exchange(token, (subject, owner), scope, caller(call), host_ms())?;
    if granted.login.scopes.is_connection {
        enter(call, &granted.login);
    }
    Ok(told(granted, None))
}

/// Another session.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkParams {
    /// Of an earlier reply, of a session; it stays good.
    refresh_token: String,
    /// The new session's name; a session of that name is replaced.
    session_name: String,
}

async fn fork(call: &Call, params: ForkParams) -> Result<AuthReply, RpcError> {
    let ForkParams { refresh_token, session_name } = params;
    let authority = &call.service.authority;
    let granted = authority.fork(&refresh_token, &session_name, caller(call), host_ms())?;
    Ok(told(granted, None))
}

/// How to log out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutParams {
    /// Whether tokens end too; they always do.
    #[serde(rename = "invalidate_token")]
    _invalidate: Option<crate::params::Flag>,
}

async fn logout(call: &Call, _: LogoutParams) -> Result<&'static str, RpcError> {
    if let Some(login) = &call.login {
        call.service.authority.logout(login);
    }
    if let Some(connection) = &call.connection {
        connection.log_out();
        call.service.channels.leave_private(connection);
    }
    Ok("ok")
}

/// Who a client is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelloParams {
    /// Its name.
    #[serde(rename = "client_name")]
    _name: Option<String>,
    /// Its version.
    #[serde(rename = "client_version")]
    _version: Option<String>,
}

/// Who the venue is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HelloReply {
    /// Its version.
    version: &'static str,
}

async fn hello(_: &Call, _: HelloParams) -> Result<HelloReply, RpcError> {
    Ok(HelloReply { version: env!("CARGO_PKG_VERSION") })
}

/// What to test.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestParams {
    /// `exception` asks for an error.
    expected_result: Option<String>,
}

async fn test(_: &Call, params: TestParams) -> Result<HelloReply, RpcError> {
    match params.expected_result.as_deref() {
        Some("exception") => Err(RpcError::new(11094, "internal_server_error").because("as asked")),
        _ => Ok(HelloReply { version: env!("CARGO_PKG_VERSION") }),
    }
}

async fn get_time(call: &Call, _: Nothing) -> Result<i64, RpcError> {
    Ok(call.service.venue.read().time.milliseconds())
}

/// The state of the platform.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusReply {
    /// `false`: no currency is locked.
    locked: &'static str,
    /// Indexes that are locked: none.
    locked_indices: Vec<String>,
}

async fn status(_: &Call, _: Nothing) -> Result<StatusReply, RpcError> {
    Ok(StatusReply { locked: "false", locked_indices: Vec::new() })
}

/// How often.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatParams {
    /// Seconds, 10 or more.
    interval: Whole,
}

/// The connection that a call came over.
///
/// # Errors
/// If it came over none.
pub fn connection(call: &Call) -> Result<&std::sync::Arc<Connection>, RpcError> {
    let must =
        || RpcError::new(10030, "must_be_websocket_request").because("connect to /ws/api/v2");
    call.connection.as_ref().ok_or_else(must)
}

async fn set_heartbeat(call: &Call, params: HeartbeatParams) -> Result<&'static str, RpcError> {
    let seconds =
        u64::try_from(params.interval.0).ok().filter(|seconds| (10..=3_600).contains(seconds));
    let seconds =
        seconds.ok_or_else(|| RpcError::invalid("interval", "must be 10 to 3600 seconds"))?;
    connection(call)?.set_heartbeat(Some(Duration::from_secs(seconds)));
    Ok("ok")
}

async fn disable_heartbeat(call: &Call, _: Nothing) -> Result<&'static str, RpcError> {
    connection(call)?.set_heartbeat(None);
    Ok("ok")
}

/// Which channels.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelParams {
    /// Their names.
    channels: List<String>,
    /// A tag of the client's, which is not looked at.
    #[serde(rename = "label")]
    _label: Option<String>,
}

/// Gives the channels that are subscribed to: one that does not exist, or is not for the caller, is
/// left out, as in the original.
async fn subscribe(call: &Call, params: ChannelParams) -> Result<Vec<String>, RpcError> {
    let connection = connection(call)?;
    let most = call.service.limits.rules.subscriptions_max;
    let account = call.account().ok();
    let venue = call.service.venue.read();
    let mut subscribed = Vec::new();
    for name in params.channels.0 {
        let Some((topic, pace)) = Topic::parse(&name, &venue) else { continue };
        let owner = if topic.is_private() { account } else { None };
        if topic.is_private() && owner.is_none() {
            continue;
        }
        let is_new = connection.subscriptions(|all| {
            (all.len() < most || all.contains(&name)).then(|| all.insert(name.clone()))
        });
        if is_new.is_none() {
            let reason = format!("a connection has at most {most} subscriptions");
            return Err(RpcError::new(11050, "bad_request").because(reason));
        }
        call.service.channels.subscribe(&venue, &name, topic, pace, owner, connection);
        subscribed.push(name);
    }
    Ok(subscribed)
}

async fn unsubscribe(call: &Call, params: ChannelParams) -> Result<Vec<String>, RpcError> {
    let connection = connection(call)?;
    let account = call.account().ok();
    let mut ended = Vec::new();
    for name in params.channels.0 {
        if connection.subscriptions(|all| all.remove(&name)) {
            call.service.channels.unsubscribe(&name, account, connection.id);
            ended.push(name);
        }
    }
    Ok(ended)
}

async fn unsubscribe_all(call: &Call, _: Nothing) -> Result<&'static str, RpcError> {
    let connection = connection(call)?;
    connection.subscriptions(|all| all.clear());
    call.service.channels.leave(connection.id);
    Ok("ok")
}
