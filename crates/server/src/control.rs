//! What operators have decided that is no command of the engine, and a record of everything they did.

pub mod audit;

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::backup::write_private;
use crate::error::RpcError;
use crate::registry::Access;
use audit::Audit;

/// The file in the data folder.
const FILE: &str = "control.json";
const VERSION: u32 = 1;

/// That clients may only read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOnly {
    /// Since when, in milliseconds of the machine's clock.
    pub since: i64,
    /// What clients are told.
    pub reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    read_only: Option<ReadOnly>,
}

/// What operators have decided.
pub struct Control {
    path: PathBuf,
    read_only: RwLock<Option<ReadOnly>>,
    /// What they did.
    pub audit: Audit,
    /// Held from the look at what is in force until what follows from it is: of two who change something
    /// at once, neither undoes what the other did.
    pub turn: Mutex<()>,
}

impl Control {
    /// That of a data folder.
    ///
    /// # Errors
    /// If a file can't be read, or is not what was written.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(FILE);
        let read_only = match fs::read_to_string(&path) {
            Ok(text) => {
                let content: Content = serde_json::from_str(&text)?;
                if content.version != VERSION {
                    let version = content.version;
                    let text =
                        format!("{FILE} has version {version}; this program knows {VERSION}");
                    return Err(io::Error::other(text));
                }
                content.read_only
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let (read_only, audit) = (RwLock::new(read_only), Audit::open(data)?);
        Ok(Self { path, read_only, audit, turn: Mutex::new(()) })
    }

    /// That clients may only read, if so.
    #[must_use]
    pub fn read_only(&self) -> Option<ReadOnly> {
        self.read_only.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets clients only read, or write again; a restart changes nothing of it.
    ///
    /// # Errors
    /// If the file can't be written; nothing changes then.
    pub fn set_read_only(&self, read_only: Option<ReadOnly>) -> io::Result<()> {
        let mut now = self.read_only.write().unwrap_or_else(PoisonError::into_inner);
        let content = Content { version: VERSION, read_only: read_only.clone() };
        let text = serde_json::to_string_pretty(&content).expect("plain records are JSON");
        write_private(&self.path, |file| writeln!(file, "{text}"))?;
        *now = read_only;
        Ok(())
    }

    /// Whether a client may do something.
    ///
    /// # Errors
    /// 13503 if it would change something while clients may only read.
    pub fn check(&self, access: Access) -> Result<(), RpcError> {
        if !access.writes() {
            return Ok(());
        }
        match &*self.read_only.read().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(ReadOnly { reason, .. }) => Err(RpcError::new(13503, "unavailable")
                .because(format!("the venue is read-only: {reason}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_only_read_until_it_is_over_and_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(folder.path()).unwrap();
        assert!(control.check(Access::TradeWrite).is_ok());
        let read_only = ReadOnly { since: 5, reason: "we move house".into() };
        control.set_read_only(Some(read_only.clone())).unwrap();
        let again = Control::open(folder.path()).unwrap();
        assert_eq!(again.read_only(), Some(read_only));
        for access in [Access::AccountWrite, Access::TradeWrite, Access::WalletWrite] {
            let refused = again.check(access).unwrap_err();
            assert_eq!((refused.code, refused.message), (13503, "unavailable"));
            assert!(refused.data.reason.unwrap().contains("we move house"));
        }
        for access in [Access::Public, Access::Account, Access::Trade, Access::Wallet] {
            assert!(again.check(access).is_ok());
        }
        again.set_read_only(None).unwrap();
        assert!(Control::open(folder.path()).unwrap().check(Access::TradeWrite).is_ok());
        fs::write(folder.path().join(FILE), r#"{"version":2,"read_only":null}"#).unwrap();
        assert!(
            Control::open(folder.path())
                .is_err_and(|error| error.to_string().contains("version 2"))
        );
    }
}
