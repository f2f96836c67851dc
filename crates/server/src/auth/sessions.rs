//! Sessions: the tokens that were given out. Of a token only its hash is kept.

use std::collections::BTreeMap;
use std::path::Path;

use ledger::AccountId;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::denied::Denied;
use super::error::AuthError;
use super::files;
use super::scopes::{EXPIRES_MAX_S, Scopes};
use super::text::{base64, from_hexadecimal, hexadecimal, random};

/// How many named sessions a key may have, as with the original; another ends the oldest.
const NAMED_MAX: usize = 16;

/// How many connections may hold tokens of a key; another ends the oldest's.
const CONNECTIONS_MAX: usize = 256;

/// Seconds that the access token of a named session lasts: it is refreshed.
const NAMED_S: u32 = 900;

/// Seconds that the access token of a connection lasts: the connection ends first.
const CONNECTION_S: u32 = EXPIRES_MAX_S;

/// Milliseconds that a refresh token lasts: 30 days.
const REFRESH_MS: i64 = 2_592_000_000;

/// Milliseconds between two looks for sessions that are over.
const SWEEP_MS: i64 = 60_000;

const VERSION: u32 = 1;

/// A client id, and the number of a session of it.
pub(super) type SessionId = (String, u64);

type TokenHash = [u8; 32];

/// A login that lasts.
#[derive(Clone)]
pub(super) struct Session {
    pub scopes: Scopes,
    /// Where it is good, and whose it is.
    pub place: Place,
    issued_ms: i64,
    access: TokenHash,
    pub access_ends_ms: i64,
    refresh: TokenHash,
    refresh_ends_ms: i64,
}

/// Where a session is good, and whose it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// The connection whose tokens these are, if they are good there alone.
    pub connection: Option<u64>,
    /// The account that it acts on, if it is not the key's own.
    pub subject: Option<AccountId>,
}

/// The tokens of a session, in clear: told once.
pub(super) struct Tokens {
    pub access: String,
    pub refresh: String,
    pub expires_s: u32,
}

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions {
    all: BTreeMap<SessionId, Session>,
    by_access: BTreeMap<TokenHash, SessionId>,
    by_refresh: BTreeMap<TokenHash, SessionId>,
    next: u64,
    swept_ms: i64,
    /// Whether a named session changed since the file was written.
    pub changed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    sessions: Vec<Record>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    client_id: String,
    number: u64,
    scope: String,
    issued_ms: i64,
    access_hash: String,
    access_ends_ms: i64,
    refresh_hash: String,
    refresh_ends_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<AccountId>,
}

impl Sessions {
    /// Begins a session. It takes the place of one of the same key and account with the same name,
    /// or of one on the same connection.
    pub fn begin(
        &mut self,
        client_id: &str,
        scopes: Scopes,
        place: Place,
        now_ms: i64,
    ) -> Result<(SessionId, Tokens), Denied> {
        let (tokens, access, refresh) = made(&scopes)?;
        self.sweep(now_ms);
        self.make_room(client_id, &scopes, place);
        let id = (client_id.to_owned(), self.next);
        self.next += 1;
        let session = Session {
            scopes,
            place,
            issued_ms: now_ms,
            access,
            access_ends_ms: now_ms.saturating_add(i64::from(tokens.expires_s) * 1000),
            refresh,
            refresh_ends_ms: now_ms.saturating_add(REFRESH_MS),
        };
        self.insert(id.clone(), session);
        Ok((id, tokens))
    }

    /// New tokens for a session, with scopes that may be narrower; the old ones are good no more.
    pub fn renew(&mut self, id: &SessionId, scopes: Scopes, now_ms: i64) -> Result<Tokens, Denied> {
        let (tokens, access, refresh) = made(&scopes)?;
        if let Some(session) = self.remove(id) {
            let session = Session {
                scopes,
                issued_ms: now_ms,
                access,
                access_ends_ms: now_ms.saturating_add(i64::from(tokens.expires_s) * 1000),
                refresh,
                refresh_ends_ms: now_ms.saturating_add(REFRESH_MS),
                ..session
            };
            self.insert(id.clone(), session);
        }
        Ok(tokens)
    }

    /// The session of an access token that is good now.
    pub fn of_access(&self, token: &str, now_ms: i64) -> Option<(&SessionId, &Session)> {
        let id = self.by_access.get(&hash(token))?;
        let session = self.all.get(id)?;
        (now_ms < session.access_ends_ms).then_some((id, session))
    }

    /// The session of a refresh token that is good now.
    pub fn of_refresh(&self, token: &str, now_ms: i64) -> Option<(&SessionId, &Session)> {
        let id = self.by_refresh.get(&hash(token))?;
        let session = self.all.get(id)?;
        (now_ms < session.refresh_ends_ms).then_some((id, session))
    }

    /// A session that is not over.
    pub fn get(&self, id: &SessionId) -> Option<&Session> {
        self.all.get(id)
    }

    /// Ends a session.
    pub fn remove(&mut self, id: &SessionId) -> Option<Session> {
        let session = self.all.remove(id)?;
        self.by_access.remove(&session.access);
        self.by_refresh.remove(&session.refresh);
        self.changed |= session.place.connection.is_none();
        Some(session)
    }

    /// Ends the sessions of keys that are no more.
    pub fn retain_keys(&mut self, is_live: impl Fn(&str) -> bool) {
        self.remove_where(|id, _| !is_live(&id.0));
    }

    /// Reads the named sessions that were kept.
    pub fn load(path: &Path) -> Result<Self, AuthError> {
        let mut sessions = Self::default();
        let Some(text) = files::read(path)? else { return Ok(sessions) };
        let wrong = |reason: String| AuthError::Content {
            path: path.to_owned(),
            reason,
            remedy: "put the file back, or remove it: who is logged in then logs in again",
        };
        let content: Content =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if content.version != VERSION {
            let version = content.version;
            return Err(wrong(format!("it has version {version}, and this program knows 1")));
        }
        for record in content.sessions {
            let id = (record.client_id.clone(), record.number);
            let session = record.session();
            let session = session.ok_or_else(|| wrong(format!("session {} is wrong", id.1)))?;
            sessions.next = sessions.next.max(id.1.saturating_add(1));
            sessions.insert(id, session);
        }
        sessions.changed = false;
        Ok(sessions)
    }

    /// The named sessions, as they are kept.
    pub fn content(&self) -> Vec<u8> {
        let named = self.all.iter().filter(|(_, session)| session.place.connection.is_none());
        let sessions = named.map(|(id, session)| Record::of(id, session)).collect();
        let content = Content { version: VERSION, sessions };
        let mut text = serde_json::to_vec_pretty(&content).expect("plain records are JSON");
        text.push(b'\n');
        text
    }

    fn insert(&mut self, id: SessionId, session: Session) {
        self.changed |= session.place.connection.is_none();
        self.by_access.insert(session.access, id.clone());
        self.by_refresh.insert(session.refresh, id.clone());
        self.all.insert(id, session);
    }

    /// Ends what a new session replaces: its namesake, or the oldest when there are too many.
    fn make_room(&mut self, client_id: &str, scopes: &Scopes, place: Place) {
        let Place { connection, subject } = place;
        let own = (client_id.to_owned(), 0)..=(client_id.to_owned(), u64::MAX);
        let alike = self
            .all
            .range(own)
            .filter(|(_, session)| session.place.connection.is_some() == connection.is_some());
        let mut alike: Vec<(i64, SessionId, bool)> = alike
            .map(|(id, session)| {
                let is_namesake = match connection {
                    Some(_) => session.place.connection == connection,
                    None => {
                        session.scopes.session == scopes.session && session.place.subject == subject
                    }
                };
                (session.issued_ms, id.clone(), is_namesake)
            })
            .collect();
        alike.sort_unstable();
        let most = if connection.is_some() { CONNECTIONS_MAX } else { NAMED_MAX };
        let mut too_many = (alike.len() + 1).saturating_sub(most);
        if alike.iter().any(|(.., is_namesake)| *is_namesake) {
            too_many = 0;
        }
        for (index, (_, id, is_namesake)) in alike.iter().enumerate() {
            if *is_namesake || index < too_many {
                self.remove(id);
            }
        }
    }

    /// Ends what can't even be refreshed, from time to time.
    fn sweep(&mut self, now_ms: i64) {
        if now_ms.saturating_sub(self.swept_ms).saturating_abs() < SWEEP_MS {
            return;
        }
        self.swept_ms = now_ms;
        self.remove_where(|_, session| {
            session.refresh_ends_ms.max(session.access_ends_ms) <= now_ms
        });
    }

    fn remove_where(&mut self, is_over: impl Fn(&SessionId, &Session) -> bool) {
        let over = self.all.iter().filter(|(id, session)| is_over(id, session));
        let over: Vec<SessionId> = over.map(|(id, _)| id.clone()).collect();
        for id in over {
            self.remove(&id);
        }
    }
}

impl Record {
    fn of(id: &SessionId, session: &Session) -> Self {
        Self {
            client_id: id.0.clone(),
            number: id.1,
            scope: session.scopes.to_string(),
            issued_ms: session.issued_ms,
            access_hash: hexadecimal(&session.access),
            access_ends_ms: session.access_ends_ms,
            refresh_hash: hexadecimal(&session.refresh),
            refresh_ends_ms: session.refresh_ends_ms,
            subject: session.place.subject,
        }
    }

    fn session(&self) -> Option<Session> {
        Some(Session {
            scopes: self.scope.parse().ok()?,
            place: Place { connection: None, subject: self.subject },
            issued_ms: self.issued_ms,
            access: from_hexadecimal(&self.access_hash)?,
            access_ends_ms: self.access_ends_ms,
            refresh: from_hexadecimal(&self.refresh_hash)?,
            refresh_ends_ms: self.refresh_ends_ms,
        })
    }
}

/// A new pair of tokens, and their hashes.
fn made(scopes: &Scopes) -> Result<(Tokens, TokenHash, TokenHash), Denied> {
    let usual = if scopes.is_connection { CONNECTION_S } else { NAMED_S };
    let expires_s = scopes.expires_s.unwrap_or(usual);
    let (access, refresh) = (base64(&random::<32>()?), base64(&random::<32>()?));
    let (access_hash, refresh_hash) = (hash(&access), hash(&refresh));
    Ok((Tokens { access, refresh, expires_s }, access_hash, refresh_hash))
}

/// Tokens are random and long, so a plain hash can't be undone, and needs no salt.
fn hash(token: &str) -> TokenHash {
    let digest = digest(&SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
