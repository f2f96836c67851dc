//! Tokens for other tokens: for another account of the same owner, and for another session.

use ledger::AccountId;

use super::denied::Denied;
use super::scopes::{Asked, session_name};
use super::sessions::Place;
use super::types::{Caller, Granted};
use super::{Authority, BAD_TOKEN, ELSEWHERE, admitted};

impl Authority {
    /// Gives tokens for the account of the token's key, or for a subaccount of it, whose `owner` is
    /// the main account; the token stays good. Tokens of a connection are exchanged for ones of the
    /// same connection, and end, unless the scope names a session.
    ///
    /// # Errors
    /// Why not: the same for an account that does not exist and for somebody else's.
    pub fn exchange(
        &self,
        refresh_token: &str,
        (subject, owner): (AccountId, Option<AccountId>),
        scope: Option<&str>,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Granted, Denied> {
        let asked = Asked::of(scope.unwrap_or_default()).map_err(|error| {
            Denied::InvalidParameter { name: "scope", reason: error.to_string().into() }
        })?;
        let mut state = self.state();
        let (id, session) = state.of_refresh(refresh_token, caller, now_ms)?;
        let key = state.keys.get(&id.0).ok_or(Denied::Unauthorized(BAD_TOKEN.into()))?;
        let is_own = subject == key.account;
        if !is_own && (!key.scopes.is_main_account || owner != Some(key.account)) {
            let reason = "a key with the scope `mainaccount` acts on its account and on subaccounts \
                          of it, another on its account alone";
            return Err(Denied::Forbidden(reason.into()));
        }
        let before = &session.scopes;
        let narrowed = before.narrowed(&asked);
        let mut scopes = narrowed.ok_or(Denied::Forbidden(ELSEWHERE.into()))?;
        scopes.is_connection = before.is_connection && asked.session.is_none();
        scopes.session = asked.session.or_else(|| before.session.clone());
        scopes.is_main_account = is_own && key.scopes.is_main_account;
        admitted(&scopes, caller)?;
        let connection = session.place.connection.filter(|_| scopes.is_connection);
        let place = Place { connection, subject: Some(subject).filter(|_| !is_own) };
        let (id, tokens) = state.sessions.begin(&id.0, scopes, place, now_ms)?;
        state.granted(&id, tokens)
    }

    /// Gives tokens for another session of the same account, with the same scopes; the token stays
    /// good.
    ///
    /// # Errors
    /// Why not: also for a token that is good on a connection alone.
    pub fn fork(
        &self,
        refresh_token: &str,
        name: &str,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Granted, Denied> {
        let name = session_name(name).ok_or(Denied::InvalidParameter {
            name: "session_name",
            reason: "must be 1 to 64 printable ASCII characters without blanks".into(),
        })?;
        let mut state = self.state();
        let (id, session) = state.of_refresh(refresh_token, caller, now_ms)?;
        if session.place.connection.is_some() {
            let reason = "only a token with the scope `session:NAME` can be forked";
            return Err(Denied::Forbidden(reason.into()));
        }
        let mut scopes = session.scopes;
        admitted(&scopes, caller)?;
        scopes.session = Some(name.to_owned());
        let (id, tokens) = state.sessions.begin(&id.0, scopes, session.place, now_ms)?;
        state.granted(&id, tokens)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const MAIN: AccountId = AccountId::new(3);
    const SUB: (AccountId, Option<AccountId>) = (AccountId::new(4), Some(MAIN));
    const HTTP: Caller = Caller { address: None, connection: None };
    const ON: Caller = Caller { address: None, connection: Some(1) };

    fn opened(folder: &Path) -> Authority {
        let keys = super::super::KeyFile::under(folder, None);
        Authority::of(keys, folder, NOW - 100_000).unwrap()
    }

    fn granted(authority: &Authority, key: &str, asked: &str, caller: Caller) -> Granted {
        let made = authority.create(MAIN, "bot", &key.parse().unwrap(), NOW).unwrap();
        let (client_id, client_secret) = (made.key.client_id.as_str(), &*made.client_secret);
        let grant = super::super::Grant::ClientCredentials { client_id, client_secret };
        authority.grant(&grant, Some(asked), caller, NOW).ok().unwrap()
    }

    fn code(result: Result<Granted, Denied>) -> i32 {
        result.err().map_or(0, |denied| denied.code())
    }

    #[test]
    fn a_main_account_switches_to_its_subaccount_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let authority = opened(folder.path());
        let first = granted(&authority, "trade:read_write mainaccount", "session:a", HTTP);
        let exchange = |token: &str, to, scope| authority.exchange(token, to, scope, HTTP, NOW);
        let sub = exchange(&first.refresh_token, SUB, Some("trade:read")).ok().unwrap();
        assert_eq!((sub.login.account, sub.scope.as_str()), (SUB.0, "session:a trade:read"));
        let login = |token: &str| authority.login_token(token, HTTP, NOW).map(|one| one.account);
        assert_eq!((login(&first.access_token), login(&sub.access_token)), (Ok(MAIN), Ok(SUB.0)));
        let back = exchange(&sub.refresh_token, (MAIN, None), Some("trade:read_write session:b"));
        let back = back.ok().unwrap();
        assert_eq!((back.login.account, &*back.scope), (MAIN, "mainaccount session:b trade:read"));
        // It stays the subaccount's when it is refreshed, and over a restart.
        let grant = super::super::Grant::RefreshToken(&sub.refresh_token);
        let renewed = authority.grant(&grant, None, HTTP, NOW).ok().unwrap();
        assert_eq!(renewed.login.account, SUB.0);
        authority.save().unwrap();
        let again = opened(folder.path()).login_token(&renewed.access_token, HTTP, NOW).unwrap();
        assert_eq!(again, renewed.login);
    }

    #[test]
    fn nobody_switches_to_accounts_that_are_not_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let authority = opened(folder.path());
        let main = granted(&authority, "trade:read mainaccount", "session:a", HTTP);
        let plain = granted(&authority, "trade:read", "session:a", HTTP);
        let exchange = |token: &str, to| code(authority.exchange(token, to, None, HTTP, NOW));
        for wrong in [(AccountId::new(9), None), (AccountId::new(9), Some(AccountId::new(8)))] {
            assert_eq!(exchange(&main.refresh_token, wrong), 13_021);
        }
        assert_eq!(exchange(&plain.refresh_token, SUB), 13_021);
        assert_eq!(exchange(&plain.refresh_token, (MAIN, None)), 0);
        assert_eq!(exchange(&main.access_token, SUB), 13_009);
        assert_eq!(exchange("", SUB), 13_009);
        let scope = Some("trade:all");
        let denied = authority.exchange(&main.refresh_token, SUB, scope, HTTP, NOW);
        assert_eq!(code(denied), -32_602);
    }

    #[test]
    fn tokens_of_a_connection_stay_on_it_unless_a_session_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let authority = opened(folder.path());
        let first = granted(&authority, "trade:read mainaccount", "", ON);
        let exchange =
            |token: &str, scope, caller| authority.exchange(token, SUB, scope, caller, NOW);
        assert_eq!(code(exchange(&first.refresh_token, None, HTTP)), 13_009);
        let sub = exchange(&first.refresh_token, None, ON).ok().unwrap();
        assert_eq!((sub.login.account, sub.scope.as_str()), (SUB.0, "connection trade:read"));
        assert!(!authority.is_live(&first.login, NOW) && authority.is_live(&sub.login, NOW));
        assert_eq!(code(authority.fork(&sub.refresh_token, "b", ON, NOW)), 13_021);
        let named = exchange(&sub.refresh_token, Some("session:b"), ON).ok().unwrap();
        assert_eq!(named.scope, "session:b trade:read");
        assert!(authority.is_live(&sub.login, NOW));
        assert!(authority.login_token(&named.access_token, HTTP, NOW).is_ok());
    }

    #[test]
    fn a_session_is_forked_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let authority = opened(folder.path());
        let first = granted(&authority, "trade:read mainaccount", "session:a", HTTP);
        let fork = |name: &str| authority.fork(&first.refresh_token, name, HTTP, NOW);
        let forked = fork("b").ok().unwrap();
        assert_eq!(forked.scope, "mainaccount session:b trade:read");
        assert_eq!(forked.login.account, MAIN);
        assert!(authority.is_live(&first.login, NOW) && authority.is_live(&forked.login, NOW));
        for wrong in ["", "a b", "\u{e9}", &"x".repeat(65)] {
            assert_eq!(code(fork(wrong)), -32_602, "{wrong}");
        }
        assert_eq!(code(authority.fork(&first.access_token, "c", HTTP, NOW)), 13_009);
        assert!(authority.logout(&first.login));
        assert_eq!(code(fork("c")), 13_009);
        assert!(authority.is_live(&forked.login, NOW), "it is a session of its own");
    }
}
