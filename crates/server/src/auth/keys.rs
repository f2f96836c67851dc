//! The file of keys: who may log in, for which account and with which scopes.
//!
//! Signatures are checked with the secret itself, so a hash of it would not do: it is sealed under
//! the [master key](super::master), together with all that the key is good for. Any process may
//! change the file, one at a time; whoever reads sees it before or after a change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::AccountId;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::error::AuthError;
use super::files::{self, Stamp};
use super::master::{MasterKey, VARIABLE};
use super::scopes::Scopes;
use super::text::{base64, from_base64, random, random_name};

/// The letters of a client id.
const ID_LENGTH: usize = 8;

/// The letters of a secret: 32 bytes in base64.
pub(super) const SECRET_LENGTH: usize = 43;

/// The longest name of a key, in characters.
const NAME_MAX: usize = 64;

const VERSION: u32 = 1;

const REMEDY: &str =
    "put back the file as `plimsoll keys` wrote it, or remove it and make new keys";

/// The keys of a data folder.
#[derive(Clone)]
pub struct KeyFile {
    folder: PathBuf,
    path: PathBuf,
    /// The master key of the environment, as text.
    variable: Option<String>,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// By what a client names itself.
    pub client_id: String,
    /// What the operator calls it.
    pub name: String,
    /// Whose orders and balances.
    pub account: AccountId,
    /// What it is good for.
    pub scopes: Scopes,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was revoked, if it was.
    pub revoked_ms: Option<i64>,
}

/// A key that was just made: the only time that its secret is told.
pub struct NewKey {
    /// The key.
    pub key: KeyInfo,
    /// The secret.
    pub client_secret: String,
}

/// A key that may log in.
#[derive(Clone)]
pub(super) struct LiveKey {
    pub account: AccountId,
    pub scopes: Scopes,
    pub secret: hmac::Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    keys: Vec<Record>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    client_id: String,
    name: String,
    account: AccountId,
    scope: String,
    created_ms: i64,
    revoked_ms: Option<i64>,
    /// In base64; a revoked key has none, so that it can't come back.
    sealed_secret: Option<String>,
}

impl KeyFile {
    /// The keys of a data folder, under the master key of the environment if there is one.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::under(folder, std::env::var_os(VARIABLE).map(text))
    }

    /// The same under a given master key, in hexadecimal, or that of the folder.
    pub(super) fn under(folder: &Path, variable: Option<String>) -> Self {
        Self { folder: folder.to_owned(), path: folder.join("keys.json"), variable }
    }

    /// Every key in the order in which they were made, revoked ones too. Needs no master key.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn list(&self) -> Result<Vec<KeyInfo>, AuthError> {
        self.read()?.keys.iter().map(|record| self.info(record)).collect()
    }

    /// Makes a key, and the folder's master key if it is the first one.
    ///
    /// # Errors
    /// If name or scopes can't be those of a key, the files can't be read or written, or what is
    /// there does not open under the master key.
    pub fn create(
        &self,
        account: AccountId,
        name: &str,
        scopes: &Scopes,
        now_ms: i64,
    ) -> Result<NewKey, AuthError> {
        check(name, scopes)?;
        let _lock = self.lock()?;
        let mut content = self.read()?;
        self.unsealed(&content)?;
        let master = match MasterKey::find(&self.folder, self.variable.as_deref())? {
            Some(master) => master,
            None => MasterKey::make(&self.folder)?,
        };
        let mut client_id = random_name(ID_LENGTH)?;
        while content.keys.iter().any(|record| record.client_id == client_id) {
            client_id = random_name(ID_LENGTH)?;
        }
        let client_secret = base64(&random::<32>()?);
        let mut record = Record {
            client_id,
            name: name.to_owned(),
            account,
            scope: scopes.to_string(),
            created_ms: now_ms,
            revoked_ms: None,
            sealed_secret: None,
        };
        let sealed = master.seal(client_secret.as_bytes(), &record.context())?;
        record.sealed_secret = Some(base64(&sealed));
        let key = self.info(&record)?;
        content.keys.push(record);
        self.write(&content)?;
        Ok(NewKey { key, client_secret })
    }

    /// Revokes a key for good; one that is revoked stays as it is. Needs no master key.
    ///
    /// # Errors
    /// If there is no such key, or the file can't be read or written.
    pub fn revoke(&self, client_id: &str, now_ms: i64) -> Result<KeyInfo, AuthError> {
        let _lock = self.lock()?;
        let mut content = self.read()?;
        let place = content.keys.iter().position(|record| record.client_id == client_id);
        let place = place.ok_or_else(|| AuthError::UnknownKey {
            keys: self.path.clone(),
            client_id: client_id.to_owned(),
        })?;
        let record = &mut content.keys[place];
        record.sealed_secret = None;
        record.revoked_ms.get_or_insert(now_ms);
        self.write(&content)?;
        self.info(&content.keys[place])
    }

    /// The secret of a key that may log in, for a demo's newcomer, who is told it at every start.
    ///
    /// # Errors
    /// If the file can't be read, or the secret does not open under the master key.
    pub fn reveal(&self, client_id: &str) -> Result<Option<String>, AuthError> {
        let content = self.read()?;
        let found = content.keys.iter().find(|record| record.client_id == client_id);
        let Some(record) = found.filter(|record| record.revoked_ms.is_none()) else {
            return Ok(None);
        };
        let master = MasterKey::find(&self.folder, self.variable.as_deref())?;
        let sealed = record.sealed_secret.as_deref().and_then(from_base64).zip(master);
        let secret = sealed.and_then(|(sealed, master)| master.open(&sealed, &record.context()));
        Ok(secret.and_then(|secret| String::from_utf8(secret).ok()))
    }

    /// The keys that may log in, by client id.
    pub(super) fn live(&self) -> Result<BTreeMap<String, LiveKey>, AuthError> {
        self.unsealed(&self.read()?)
    }

    /// By what a change of the file is seen.
    pub(super) fn stamp(&self) -> Result<Stamp, AuthError> {
        Stamp::of(&self.path)
    }

    fn unsealed(&self, content: &Content) -> Result<BTreeMap<String, LiveKey>, AuthError> {
        let mut live = BTreeMap::new();
        let mut sealed =
            content.keys.iter().filter(|record| record.revoked_ms.is_none()).peekable();
        if sealed.peek().is_none() {
            return Ok(live);
        }
        let master = MasterKey::find(&self.folder, self.variable.as_deref())?;
        let master = master.ok_or_else(|| AuthError::MasterMissing {
            master: MasterKey::path(&self.folder),
            keys: self.path.clone(),
        })?;
        for record in sealed {
            let sealed = record.sealed_secret.as_deref().and_then(from_base64);
            let secret = sealed.and_then(|sealed| master.open(&sealed, &record.context()));
            let secret = secret.ok_or_else(|| AuthError::Sealed {
                keys: self.path.clone(),
                client_id: record.client_id.clone(),
                master: master.origin.clone(),
            })?;
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let KeyInfo { account, scopes, .. } = self.info(record)?;
            live.insert(record.client_id.clone(), LiveKey { account, scopes, secret });
        }
        Ok(live)
    }

    fn read(&self) -> Result<Content, AuthError> {
        let Some(text) = files::read(&self.path)? else {
            return Ok(Content { version: VERSION, keys: Vec::new() });
        };
        let content: Content =
            serde_json::from_str(&text).map_err(|error| self.wrong(error.to_string()))?;
        if content.version != VERSION {
            let version = content.version;
            return Err(self.wrong(format!("it has version {version}, and this program knows 1")));
        }
        let mut ids: Vec<&str> = content.keys.iter().map(|key| key.client_id.as_str()).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.wrong(format!("key {} is there twice", pair[0]))),
            None => Ok(content),
        }
    }

    fn write(&self, content: &Content) -> Result<(), AuthError> {
        let mut text = serde_json::to_string_pretty(content).expect("plain records are JSON");
        text.push('\n');
        files::replace(&self.path, text.as_bytes())
    }

    fn lock(&self) -> Result<std::fs::File, AuthError> {
        files::lock(&self.folder.join("keys.lock"))
    }

    fn info(&self, record: &Record) -> Result<KeyInfo, AuthError> {
        let scopes = record.scope.parse().map_err(|error| {
            self.wrong(format!("the scope of key {} is wrong: {error}", record.client_id))
        })?;
        Ok(KeyInfo {
            client_id: record.client_id.clone(),
            name: record.name.clone(),
            account: record.account,
            scopes,
            created_ms: record.created_ms,
            revoked_ms: record.revoked_ms,
        })
    }

    fn wrong(&self, reason: String) -> AuthError {
        AuthError::Content { path: self.path.clone(), reason, remedy: REMEDY }
    }
}

impl Record {
    /// What the secret is sealed for: nobody gives a key another account by hand.
    fn context(&self) -> String {
        let Self { client_id, name, account, scope, created_ms, .. } = self;
        let account = account.number();
        format!("plimsoll key {VERSION}\n{client_id}\n{account}\n{scope}\n{created_ms}\n{name}")
    }
}

fn check(name: &str, scopes: &Scopes) -> Result<(), AuthError> {
    let length = name.chars().count();
    if !(1..=NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
        let reason =
            format!("a key's name has 1 to {NAME_MAX} characters and no control characters");
        return Err(AuthError::BadKey(reason));
    }
    if scopes.session.is_some() || scopes.is_connection {
        let reason = "`session:` and `connection` are scopes of tokens, and a key has none of them; \
                      leave them out";
        return Err(AuthError::BadKey(reason.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn keys(folder: &Path) -> KeyFile {
        KeyFile::under(folder, None)
    }

    fn create(keys: &KeyFile, name: &str) -> NewKey {
        keys.create(AccountId::new(3), name, &"trade:read_write".parse().unwrap(), NOW).unwrap()
    }

    fn refusal<T>(result: Result<T, AuthError>) -> String {
        result.err().expect("it is refused").to_string()
    }

    #[test]
    fn a_key_is_made_listed_and_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        assert_eq!(keys.list().unwrap(), []);
        let made = create(&keys, "bot");
        assert_eq!(
            (made.key.client_id.len(), made.client_secret.len()),
            (ID_LENGTH, SECRET_LENGTH)
        );
        assert_eq!(keys.list().unwrap(), std::slice::from_ref(&made.key));
        let text = fs::read_to_string(folder.path().join("keys.json")).unwrap();
        assert!(!text.contains(&made.client_secret), "the secret is not on disk");
        assert_eq!(keys.live().unwrap().len(), 1);
        let revoked = keys.revoke(&made.key.client_id, NOW + 5).unwrap();
        assert_eq!(revoked.revoked_ms, Some(NOW + 5));
        assert_eq!(keys.revoke(&made.key.client_id, NOW + 9).unwrap(), revoked);
        assert!(keys.live().unwrap().is_empty());
        assert!(refusal(keys.revoke("nobody", NOW)).contains("no key nobody"));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        create(&keys(folder.path()), "bot");
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    }

    #[test]
    fn a_key_that_makes_no_sense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        let make = |name: &str, scope: &str| {
            keys.create(AccountId::new(0), name, &scope.parse().unwrap(), NOW)
        };
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(refusal(make(name, "")).contains("name"));
        }
        assert!(refusal(make("a", "connection")).contains("leave them out"));
        assert!(refusal(make("a", "session:b")).contains("leave them out"));
        assert!(!folder.path().join("keys.json").exists());
        let nowhere = KeyFile::under(&folder.path().join("nowhere"), None);
        assert_eq!(nowhere.list().unwrap(), []);
        let scopes = Scopes::default();
        assert!(refusal(nowhere.create(AccountId::new(0), "a", &scopes, NOW)).contains("nowhere"));
    }

    #[test]
    fn another_master_key_opens_nothing_and_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let id = create(&keys(folder.path()), "bot").key.client_id;
        let other = KeyFile::under(folder.path(), Some("ab".repeat(32)));
        for message in [
            refusal(other.live()),
            refusal(other.create(AccountId::new(1), "b", &Scopes::default(), NOW)),
        ] {
            let parts = ["keys.json", &id, VARIABLE, "keys revoke"];
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
        fs::remove_file(folder.path().join("master.key")).unwrap();
        let message = refusal(keys(folder.path()).live());
        assert!(message.contains("master.key: is missing"), "{message}");
        let made = keys(folder.path()).create(AccountId::new(1), "b", &Scopes::default(), NOW);
        assert!(refusal(made).contains("is missing"), "no second master key");
        // What is lost can be revoked all the same, and one starts anew.
        keys(folder.path()).revoke(&id, NOW).unwrap();
        create(&keys(folder.path()), "new");
        assert_eq!(keys(folder.path()).live().unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_was_tampered_with_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        let (first, second) = (create(&keys, "bot"), create(&keys, "other"));
        let path = folder.path().join("keys.json");
        let good = fs::read_to_string(&path).unwrap();
        let swapped = good
            .replace(&first.key.client_id, "\0")
            .replace(&second.key.client_id, &first.key.client_id)
            .replace('\0', &second.key.client_id);
        let mut cases = vec![
            good.replace("\"account\": 3", "\"account\": 4"),
            good.replace("trade:read_write", "wallet:read_write"),
            good.replace("\"bot\"", "\"boss\""),
            good.replace("1700000000000", "1700000000001"),
            good.replace("\"version\": 1", "\"version\": 2"),
            good.replace(&second.key.client_id, &first.key.client_id),
            good.replace("\"version\"", "\"surprise\": 1, \"version\""),
            good.replace("trade:read_write", "nonsense"),
            good[..good.len() / 2].to_owned(),
            String::new(),
            swapped,
        ];
        keys.revoke(&first.key.client_id, NOW).unwrap();
        let revoked = fs::read_to_string(&path).unwrap();
        cases.push(revoked.replace("\"revoked_ms\": 1700000000000", "\"revoked_ms\": null"));
        for text in cases {
            assert!(text != good && text != revoked);
            fs::write(&path, &text).unwrap();
            let message = refusal(keys.live());
            assert!(message.contains("keys.json"), "{message}");
        }
        fs::write(&path, good).unwrap();
        assert_eq!(keys.live().unwrap().len(), 2);
    }

    #[test]
    fn writers_do_not_lose_each_others_keys() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let keys = keys(folder.path());
                scope.spawn(move || {
                    for number in 0..5 {
                        create(&keys, &format!("{writer}-{number}"));
                    }
                });
            }
        });
        let keys = keys(folder.path());
        assert_eq!(keys.list().unwrap().len(), 20);
        assert_eq!(keys.live().unwrap().len(), 20);
    }
}
