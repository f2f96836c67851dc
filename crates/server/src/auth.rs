//! Who calls, and what they may do: keys, signatures, tokens.
//!
//! An [`Authority`] is asked with what came over the wire, and answers with a [`Login`] or with why
//! not, in the codes of the original. Keys are made and revoked by other processes in a
//! [`KeyFile`] of the same folder, which a running authority keeps up with.

mod denied;
mod error;
mod exchange;
mod files;
mod header;
mod keys;
mod master;
mod oracle;
mod replay;
mod scopes;
mod sessions;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::AccountId;
use ring::hmac;

pub use denied::Denied;
pub use error::AuthError;
pub use keys::{KeyFile, KeyInfo, NewKey};
pub use oracle::{OracleKeys, SignedPrice};
pub use scopes::{Access, Area, Need, ScopeError, Scopes};
pub(crate) use text::{from_hexadecimal, hexadecimal};
pub use types::{Caller, Grant, Granted, Login, SignedRequest};

use header::{Header, Signature};
use keys::SECRET_LENGTH;
use replay::{Use, Used};
use scopes::Asked;
use sessions::{Place, Session, SessionId, Sessions, Tokens};
use text::{random, random_name};
use watch::Watch;

/// Lets clients in: thread-safe, and shared by all connections.
pub struct Authority {
    keys: KeyFile,
    tokens: PathBuf,
    /// Stands for the secret of a client that does not exist, so that the work is the same.
    decoy: hmac::Key,
    opened_ms: i64,
    state: Mutex<State>,
    /// Held while the tokens are written, so that an older state does not replace a newer one.
    saving: Mutex<()>,
}

struct State {
    keys: Watch,
    used: BTreeMap<String, Used>,
    sessions: Sessions,
}

impl Authority {
    /// Opens the keys and tokens of a data folder.
    ///
    /// The time is the host's, in milliseconds since 1970; what was signed before it is refused,
    /// since it may have been used before a restart.
    ///
    /// # Errors
    /// If a file can't be read or is not what was written, or a secret does not open under the
    /// master key.
    pub fn open(folder: &Path, now_ms: i64) -> Result<Self, AuthError> {
        Self::of(KeyFile::of(folder), folder, now_ms)
    }

    fn of(keys: KeyFile, folder: &Path, now_ms: i64) -> Result<Self, AuthError> {
        let tokens = folder.join("tokens.json");
        let watch = Watch::of(keys.clone(), now_ms)?;
        let mut sessions = Sessions::load(&tokens)?;
        sessions.retain_keys(|client_id| watch.get(client_id).is_some());
        Ok(Self {
            keys,
            tokens,
            decoy: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?),
            opened_ms: now_ms,
            state: Mutex::new(State { keys: watch, used: BTreeMap::new(), sessions }),
            saving: Mutex::new(()),
        })
    }

    /// Makes a key, which may log in at once.
    ///
    /// # Errors
    /// As [`KeyFile::create`].
    pub fn create(
        &self,
        account: AccountId,
        name: &str,
        scopes: &Scopes,
        now_ms: i64,
    ) -> Result<NewKey, AuthError> {
        let key = self.keys.create(account, name, scopes, now_ms)?;
        self.state().look();
        Ok(key)
    }

    /// Every key, revoked ones too.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn keys(&self) -> Result<Vec<KeyInfo>, AuthError> {
        self.keys.list()
    }

    /// The secret of a key; see [`KeyFile::reveal`].
    ///
    /// # Errors
    /// As there.
    pub fn reveal(&self, client_id: &str) -> Result<Option<String>, AuthError> {
        self.keys.reveal(client_id)
    }

    /// Revokes a key; its logins and tokens end at once.
    ///
    /// # Errors
    /// As [`KeyFile::revoke`].
    pub fn revoke(&self, client_id: &str, now_ms: i64) -> Result<KeyInfo, AuthError> {
        let key = self.keys.revoke(client_id, now_ms)?;
        self.state().look();
        Ok(key)
    }

    /// Gives tokens to who proves to be a client.
    ///
    /// # Errors
    /// Why not.
    pub fn grant(
        &self,
        grant: &Grant<'_>,
        scope: Option<&str>,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Granted, Denied> {
        let asked = Asked::of(scope.unwrap_or_default()).map_err(|error| {
            Denied::InvalidParameter { name: "scope", reason: error.to_string().into() }
        })?;
        match *grant {
            Grant::ClientCredentials { client_id, client_secret } => {
                self.prove(client_id, now_ms, |key| is_secret(key, client_secret))?;
                self.begin(client_id, asked, caller, now_ms)
            }
            Grant::ClientSignature { client_id, timestamp, signature, nonce, data } => {
                // Otherwise what was signed for a request could be passed off as data.
                if data.contains('\n') {
                    let reason = "it has a line break".into();
                    return Err(Denied::InvalidParameter { name: "data", reason });
                }
                let time = timestamp.to_string();
                let signature = Signature::of_grant(client_id, &time, nonce, signature)?;
                self.prove(client_id, now_ms, |key| signature.is_of_data(key, data))?;
                self.use_up(&signature, Use { address: caller.address, reads: false }, now_ms)?;
                self.begin(client_id, asked, caller, now_ms)
            }
            Grant::RefreshToken(token) => self.refresh(token, &asked, caller, now_ms),
        }
    }

    /// Lets in a request by its `Authorization` header.
    ///
    /// # Errors
    /// Why not.
    pub fn login_header(
        &self,
        authorization: &str,
        request: SignedRequest<'_>,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Login, Denied> {
        let client_id = match Header::of(authorization)? {
            Header::Bearer(token) => return self.login_token(token, caller, now_ms),
            Header::Basic { client_id, secret } => {
                self.prove(&client_id, now_ms, |key| is_secret(key, &secret))?;
                client_id
            }
            Header::Signed(signature) => {
                let SignedRequest { method, uri, body, reads } = request;
                self.prove(signature.client_id, now_ms, |key| {
                    signature.is_of_request(key, method, uri, body)
                })?;
                self.use_up(&signature, Use { address: caller.address, reads }, now_ms)?;
                signature.client_id.to_owned()
            }
        };
        let state = self.state();
        let key = state.keys.get(&client_id).ok_or(Denied::WRONG)?;
        let scopes = key.scopes.clone();
        admitted(&scopes, caller)?;
        Ok(Login { account: key.account, scopes, client_id, expires_ms: None, session: None })
    }

    /// Lets in whoever has an access token.
    ///
    /// # Errors
    /// Why not.
    pub fn login_token(&self, token: &str, caller: Caller, now_ms: i64) -> Result<Login, Denied> {
        let mut state = self.state();
        state.keep_up(now_ms);
        state.keys.check()?;
        let found = state.sessions.of_access(token, now_ms);
        let (id, session) = found.ok_or(Denied::Unauthorized(BAD_TOKEN.into()))?;
        on_connection(session, caller)?;
        admitted(&session.scopes, caller)?;
        state.login(id).ok_or(Denied::Unauthorized(BAD_TOKEN.into()))
    }

    /// Whether somebody who was let in still is: their key was not revoked, their tokens have not
    /// expired, their session was not ended.
    pub fn is_live(&self, login: &Login, now_ms: i64) -> bool {
        let mut state = self.state();
        state.keep_up(now_ms);
        let has_key = state.keys.get(&login.client_id).is_some();
        let has_time = login.expires_ms.is_none_or(|ends| now_ms < ends);
        let id = login.session_id();
        has_key && has_time && id.is_none_or(|id| state.sessions.get(&id).is_some())
    }

    /// Whether the key and the session of somebody who was let in are still there, even if the time
    /// of the token is over.
    pub fn is_known(&self, login: &Login, now_ms: i64) -> bool {
        let mut state = self.state();
        state.keep_up(now_ms);
        let id = login.session_id();
        state.keys.get(&login.client_id).is_some()
            && id.is_none_or(|id| state.sessions.get(&id).is_some())
    }

    /// Ends the session of a login and its tokens; says whether there was one.
    pub fn logout(&self, login: &Login) -> bool {
        let id = login.session_id();
        id.is_some_and(|id| self.state().sessions.remove(&id).is_some())
    }

    /// Ends the tokens that were good on a connection alone: to be called when it closes, or when
    /// it logs in as somebody else.
    pub fn disconnect(&self, login: &Login) {
        let Some(id) = login.session_id() else { return };
        let mut state = self.state();
        if state.sessions.get(&id).is_some_and(|session| session.place.connection.is_some()) {
            state.sessions.remove(&id);
        }
    }

    /// Why the file of keys can't be used now, for the operator; nobody gets in meanwhile.
    pub fn trouble(&self) -> Option<String> {
        self.state().keys.trouble().map(str::to_owned)
    }

    /// Writes the hashes of tokens if any changed, so that sessions outlast a restart.
    ///
    /// # Errors
    /// If the file can't be written; another call tries again.
    pub fn save(&self) -> Result<(), AuthError> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let content = {
            let mut state = self.state();
            if !std::mem::take(&mut state.sessions.changed) {
                return Ok(());
            }
            state.sessions.content()
        };
        files::replace(&self.tokens, &content).inspect_err(|_| self.state().sessions.changed = true)
    }

    /// Finds out whether a proof is right, with as much work for a client that does not exist.
    fn prove(
        &self,
        client_id: &str,
        now_ms: i64,
        is_right: impl Fn(&hmac::Key) -> bool,
    ) -> Result<(), Denied> {
        let candidate = |state: &State| {
            let key = state.keys.get(client_id);
            (key.is_some(), key.map_or_else(|| self.decoy.clone(), |key| key.secret.clone()))
        };
        let (mut is_known, mut secret) = {
            let mut state = self.state();
            state.keep_up(now_ms);
            state.keys.check()?;
            candidate(&state)
        };
        // Bodies are hashed without the lock.
        if is_right(&secret) && is_known {
            return Ok(());
        }
        {
            // The key may have been made just now.
            let mut state = self.state();
            if !state.look() {
                return Err(Denied::WRONG);
            }
            state.keys.check()?;
            (is_known, secret) = candidate(&state);
        }
        if is_right(&secret) && is_known { Ok(()) } else { Err(Denied::WRONG) }
    }

    /// Sees to it that a signature is used once.
    fn use_up(&self, signature: &Signature<'_>, how: Use, now_ms: i64) -> Result<(), Denied> {
        let mut state = self.state();
        let used = state.used.entry(signature.client_id.to_owned()).or_default();
        used.admit((signature.time_ms, signature.code), how, now_ms, self.opened_ms)
    }

    /// Begins a session for who has proved to be a client.
    fn begin(
        &self,
        client_id: &str,
        mut asked: Asked,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Granted, Denied> {
        // As with the original: a connection keeps its tokens to itself unless it names a session.
        asked.is_connection = asked.session.is_none() && caller.connection.is_some();
        if !asked.is_connection && asked.session.is_none() {
            asked.session = Some(format!("rest-{}", random_name(8)?));
        }
        let mut state = self.state();
        let key = state.keys.get(client_id).ok_or(Denied::WRONG)?;
        let scopes = key.scopes.narrowed(&asked).ok_or(Denied::Forbidden(ELSEWHERE.into()))?;
        admitted(&scopes, caller)?;
        let connection = caller.connection.filter(|_| scopes.is_connection);
        let place = Place { connection, subject: None };
        let (id, tokens) = state.sessions.begin(client_id, scopes, place, now_ms)?;
        state.granted(&id, tokens)
    }

    fn refresh(
        &self,
        token: &str,
        asked: &Asked,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Granted, Denied> {
        let mut state = self.state();
        let (id, session) = state.of_refresh(token, caller, now_ms)?;
        let before = &session.scopes;
        let narrowed = before.narrowed(asked);
        let mut scopes = narrowed.ok_or(Denied::Forbidden(ELSEWHERE.into()))?;
        // It stays the session that it is.
        scopes.session.clone_from(&before.session);
        scopes.is_connection = before.is_connection;
        admitted(&scopes, caller)?;
        let (id, tokens) = match session.place.connection {
            // It takes the place of the one before, whose login may be ended as any other.
            Some(_) => state.sessions.begin(&id.0, scopes, session.place, now_ms)?,
            None => {
                let tokens = state.sessions.renew(&id, scopes, now_ms)?;
                (id, tokens)
            }
        };
        state.granted(&id, tokens)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const BAD_TOKEN: &str =
    "the token is wrong, was replaced, or has expired: get another by public/auth";
const ELSEWHERE: &str = "this key or token is for another address";

impl State {
    /// The session of a refresh token that its caller may use now.
    fn of_refresh(
        &mut self,
        token: &str,
        caller: Caller,
        now_ms: i64,
    ) -> Result<(SessionId, Session), Denied> {
        self.keep_up(now_ms);
        self.keys.check()?;
        let found = self.sessions.of_refresh(token, now_ms);
        let (id, session) = found.ok_or(Denied::Unauthorized(BAD_TOKEN.into()))?;
        on_connection(session, caller)?;
        Ok((id.clone(), session.clone()))
    }

    fn keep_up(&mut self, now_ms: i64) {
        if self.keys.keep_up(now_ms) {
            self.forget();
        }
    }

    fn look(&mut self) -> bool {
        let changed = self.keys.look();
        if changed {
            self.forget();
        }
        changed
    }

    /// Forgets keys that are no more.
    fn forget(&mut self) {
        let Self { keys, used, sessions } = self;
        used.retain(|client_id, _| keys.get(client_id).is_some());
        sessions.retain_keys(|client_id| keys.get(client_id).is_some());
    }

    fn login(&self, id: &SessionId) -> Option<Login> {
        let (key, session) = (self.keys.get(&id.0)?, self.sessions.get(id)?);
        Some(Login {
            client_id: id.0.clone(),
            account: session.place.subject.unwrap_or(key.account),
            scopes: session.scopes.clone(),
            expires_ms: Some(session.access_ends_ms),
            session: Some(id.1),
        })
    }

    fn granted(&self, id: &SessionId, tokens: Tokens) -> Result<Granted, Denied> {
        let login = self.login(id).ok_or(Denied::Unauthorized(BAD_TOKEN.into()))?;
        let is_named = login.scopes.session.is_some();
        Ok(Granted {
            access_token: tokens.access,
            refresh_token: tokens.refresh,
            expires_in: tokens.expires_s,
            scope: login.scopes.to_string(),
            sid: is_named.then(|| format!("{}.{}", id.0, id.1)),
            login,
        })
    }
}

fn admitted(scopes: &Scopes, caller: Caller) -> Result<(), Denied> {
    if scopes.admits(caller.address) { Ok(()) } else { Err(Denied::Forbidden(ELSEWHERE.into())) }
}

/// Tokens of a connection are good there alone.
fn on_connection(session: &Session, caller: Caller) -> Result<(), Denied> {
    match session.place.connection {
        Some(connection) if caller.connection != Some(connection) => {
            let reason = "a token with the scope `connection` is good on its own connection alone";
            Err(Denied::Unauthorized(reason.into()))
        }
        _ => Ok(()),
    }
}

/// Whether a text is the secret: compared by what either signs, so that time tells nothing, and
/// the secret need not stay in memory.
fn is_secret(key: &hmac::Key, text: &str) -> bool {
    const MESSAGE: &[u8] = b"plimsoll: is this the secret?";
    let given = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()), MESSAGE);
    // Keys that differ in zeros at their end sign alike.
    let is_right = hmac::verify(key, MESSAGE, given.as_ref()).is_ok();
    is_right && text.len() == SECRET_LENGTH
}
