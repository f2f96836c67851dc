//! The keys as the server sees them, kept up with a file that other processes change.

use std::collections::BTreeMap;

use super::denied::Denied;
use super::error::AuthError;
use super::files::Stamp;
use super::keys::{KeyFile, LiveKey};

/// Milliseconds between two looks at the file.
const LOOK_MS: i64 = 1_000;

/// The keys that may log in, as of the last look.
pub(super) struct Watch {
    file: KeyFile,
    live: BTreeMap<String, LiveKey>,
    /// None if what was read may be older than what the file's time says.
    stamp: Option<Stamp>,
    looked_ms: i64,
    /// Why the file can't be used now.
    trouble: Option<String>,
}

impl Watch {
    /// Reads the file.
    pub fn of(file: KeyFile, now_ms: i64) -> Result<Self, AuthError> {
        let mut watch =
            Self { file, live: BTreeMap::new(), stamp: None, looked_ms: now_ms, trouble: None };
        watch.read()?;
        Ok(watch)
    }

    /// The key of a client.
    pub fn get(&self, client_id: &str) -> Option<&LiveKey> {
        self.live.get(client_id)
    }

    /// Why the file can't be used now, for the operator.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Nobody gets in while the file can't be used: who was revoked in it can't be known.
    pub fn check(&self) -> Result<(), Denied> {
        match self.trouble {
            Some(_) => Err(Denied::Unavailable("the venue can't read its keys now".into())),
            None => Ok(()),
        }
    }

    /// Looks at the file if the last look is a second ago; says whether keys may have changed.
    pub fn keep_up(&mut self, now_ms: i64) -> bool {
        if now_ms.saturating_sub(self.looked_ms).saturating_abs() < LOOK_MS {
            return false;
        }
        self.looked_ms = now_ms;
        self.look()
    }

    /// Looks at the file now; says whether keys may have changed.
    pub fn look(&mut self) -> bool {
        match self.file.stamp() {
            Ok(stamp) if self.stamp == Some(stamp) => return false,
            Ok(_) => {}
            Err(error) => {
                self.trouble = Some(error.to_string());
                self.stamp = None;
                return false;
            }
        }
        if let Err(error) = self.read() {
            self.trouble = Some(error.to_string());
            self.stamp = None;
        }
        true
    }

    fn read(&mut self) -> Result<(), AuthError> {
        // The stamp of before, so that a change while it is read is seen the next time.
        let stamp = self.file.stamp()?;
        self.live = self.file.live()?;
        self.stamp = Some(stamp).filter(|stamp| stamp.is_settled());
        self.trouble = None;
        Ok(())
    }
}
