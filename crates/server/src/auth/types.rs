//! What an authority is asked with, and what it answers.

use std::net::IpAddr;

use ledger::AccountId;

use super::scopes::Scopes;
use super::sessions::SessionId;

/// Where a call comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The address of the other side.
    pub address: Option<IpAddr>,
    /// The number of the WebSocket connection; none over HTTP.
    pub connection: Option<u64>,
}

/// A request over HTTP, as it was signed.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path and the query, as they came.
    pub uri: &'a str,
    /// The body, as it came.
    pub body: &'a [u8],
    /// Whether it changes nothing, so that it may be sent twice at once.
    pub reads: bool,
}

/// What `public/auth` is asked with.
#[derive(Clone, Copy)]
pub enum Grant<'a> {
    /// With the secret itself.
    ClientCredentials {
        /// The client id.
        client_id: &'a str,
        /// The secret.
        client_secret: &'a str,
    },
    /// With a signature over `timestamp\nnonce\ndata`.
    ClientSignature {
        /// The client id.
        client_id: &'a str,
        /// Milliseconds since 1970.
        timestamp: i64,
        /// HMAC-SHA256 in hexadecimal.
        signature: &'a str,
        /// What makes the signature a new one; may be empty.
        nonce: &'a str,
        /// Anything; may be empty.
        data: &'a str,
    },
    /// With a refresh token.
    RefreshToken(&'a str),
}

/// The reply of `public/auth`, and what it means for a connection that asked.
pub struct Granted {
    /// The token that calls are made with.
    pub access_token: String,
    /// The token that gives new ones, once.
    pub refresh_token: String,
    /// Seconds that the access token is good for.
    pub expires_in: u32,
    /// What the tokens are good for, in words.
    pub scope: String,
    /// The session, unless the tokens are good on the connection alone.
    pub sid: Option<String>,
    /// The login of the connection from now on.
    pub login: Login,
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The client.
    pub client_id: String,
    /// Whose orders and balances.
    pub account: AccountId,
    /// What they may do.
    pub scopes: Scopes,
    /// Until when, in milliseconds since 1970; none for a single request.
    pub expires_ms: Option<i64>,
    /// The session of the client; none for a single request.
    pub session: Option<u64>,
}

impl Login {
    pub(super) fn session_id(&self) -> Option<SessionId> {
        self.session.map(|number| (self.client_id.clone(), number))
    }
}
