//! Keys of price sources: what they report is signed (Ed25519), and only that is believed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use instruments::{Asset, Price, Timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::denied::Denied;
use super::error::AuthError;
use super::files;
use super::text::{from_hexadecimal, hexadecimal};

const VERSION: u32 = 1;
const REMEDY: &str = "put back the file as the venue wrote it, or remove it and set keys anew";

/// A price as a source signs it.
#[derive(Clone, Copy, Debug)]
pub struct SignedPrice<'a> {
    /// The asset.
    pub asset: Asset,
    /// Who reports.
    pub source: u16,
    /// The price in US dollars.
    pub price: Price,
    /// When the source saw it.
    pub observed: Timestamp,
    /// Over [`SignedPrice::text`], in hexadecimal.
    pub signature: &'a str,
}

impl SignedPrice<'_> {
    /// What is signed: five lines, each ended by a line break.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { asset, source, price, observed, .. } = self;
        format!("plimsoll-price\n{asset}\n{source}\n{price}\n{}\n", observed.milliseconds())
    }
}

/// The public keys of sources.
pub struct OracleKeys {
    path: PathBuf,
    keys: Mutex<Keys>,
}

#[derive(Clone, Default)]
struct Keys {
    current: BTreeMap<u16, [u8; 32]>,
    /// Keys that were replaced, each good until a time in milliseconds.
    retiring: BTreeMap<u16, ([u8; 32], i64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// Public keys in hexadecimal, by source.
    sources: BTreeMap<u16, String>,
    /// Keys that were replaced, and until when they are good.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    retiring: BTreeMap<u16, (String, i64)>,
}

impl OracleKeys {
    /// The keys of a data folder.
    ///
    /// # Errors
    /// If the file can't be read or is not what was written.
    pub fn open(folder: &Path) -> Result<Self, AuthError> {
        let path = folder.join("oracle.json");
        let wrong =
            |reason: String| AuthError::Content { path: path.clone(), reason, remedy: REMEDY };
        let mut keys = Keys::default();
        if let Some(text) = files::read(&path)? {
            let content: Content =
                serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            if content.version != VERSION {
                let version = content.version;
                return Err(wrong(format!("it has version {version}, and this program knows 1")));
            }
            let read = |source, key: &str| {
                let key = from_hexadecimal::<32>(key);
                key.ok_or_else(|| wrong(format!("the key of source {source} is none")))
            };
            for (source, key) in &content.sources {
                keys.current.insert(*source, read(*source, key)?);
            }
            for (source, (key, until)) in &content.retiring {
                keys.retiring.insert(*source, (read(*source, key)?, *until));
            }
        }
        Ok(Self { path, keys: Mutex::new(keys) })
    }

    /// Sets the key of a source, or takes it away; one that was replaced before is good no longer.
    ///
    /// # Errors
    /// If the key is none, or the file can't be written; nothing changes then.
    pub fn set(&self, source: u16, key: Option<&str>) -> Result<(), Denied> {
        let key = key.map(public_key).transpose()?;
        self.change(|keys| {
            keys.retiring.remove(&source);
            match key {
                Some(key) => drop(keys.current.insert(source, key)),
                None => drop(keys.current.remove(&source)),
            }
        })
    }

    /// Gives a source a new key; the one that it has is good until a time in milliseconds.
    ///
    /// # Errors
    /// As [`OracleKeys::set`].
    pub fn rotate(&self, source: u16, key: &str, until_ms: i64) -> Result<(), Denied> {
        let key = public_key(key)?;
        self.change(|keys| {
            if let Some(old) = keys.current.insert(source, key).filter(|old| *old != key) {
                keys.retiring.insert(source, (old, until_ms));
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut Keys)) -> Result<(), Denied> {
        let mut keys = self.keys();
        let mut changed = keys.clone();
        change(&mut changed);
        let sources = changed.current.iter();
        let sources = sources.map(|(source, key)| (*source, hexadecimal(key))).collect();
        let retiring = changed.retiring.iter();
        let retiring =
            retiring.map(|(source, (key, until))| (*source, (hexadecimal(key), *until))).collect();
        let text = serde_json::to_string_pretty(&Content { version: VERSION, sources, retiring });
        let mut text = text.expect("plain records are JSON");
        text.push('\n');
        files::replace(&self.path, text.as_bytes())
            .map_err(|error| Denied::Unavailable(error.to_string().into()))?;
        *keys = changed;
        Ok(())
    }

    /// The sources that have a key, each with it in hexadecimal.
    #[must_use]
    pub fn list(&self) -> BTreeMap<u16, String> {
        self.keys().current.iter().map(|(source, key)| (*source, hexadecimal(key))).collect()
    }

    /// Whether a source has signed a price, with its key or with one that was replaced and is good
    /// still. That it is used once, the engine sees to: it refuses what was observed no later than the
    /// source's last report.
    ///
    /// # Errors
    /// 13004, for an unknown source and a wrong signature alike.
    pub fn check(&self, price: &SignedPrice<'_>, now_ms: i64) -> Result<(), Denied> {
        let wrong = || Denied::InvalidCredentials("the source did not sign this price".into());
        let signature: [u8; 64] = from_hexadecimal(price.signature).ok_or_else(wrong)?;
        let (current, retiring) = {
            let keys = self.keys();
            let current = keys.current.get(&price.source).copied();
            (current, keys.retiring.get(&price.source).copied())
        };
        let retiring = retiring.filter(|(_, until)| now_ms < *until).map(|(key, _)| key);
        let text = price.text();
        let has_signed = |key: [u8; 32]| {
            UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
        };
        match current.into_iter().chain(retiring).any(has_signed) {
            true => Ok(()),
            false => Err(wrong()),
        }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn public_key(text: &str) -> Result<[u8; 32], Denied> {
    from_hexadecimal(text).ok_or_else(|| Denied::InvalidParameter {
        name: "public_key",
        reason: "must be 64 hexadecimal digits".into(),
    })
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn only_what_the_source_signed_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let keys = OracleKeys::open(folder.path()).unwrap();
        keys.set(3, Some(&hexadecimal(pair.public_key().as_ref()))).unwrap();
        let mut price = SignedPrice {
            asset: "BTC".parse().unwrap(),
            source: 3,
            price: "65000.5".parse().unwrap(),
            observed: Timestamp::from_milliseconds(1_770_000_000_000),
            signature: "",
        };
        assert_eq!(price.text(), "plimsoll-price\nBTC\n3\n65000.5\n1770000000000\n");
        let signature = hexadecimal(pair.sign(price.text().as_bytes()).as_ref());
        price.signature = &signature;
        assert!(keys.check(&price, 0).is_ok());
        // It outlasts a restart.
        assert!(OracleKeys::open(folder.path()).unwrap().check(&price, 0).is_ok());
        let other = SignedPrice { price: "65000.6".parse().unwrap(), ..price };
        assert!(keys.check(&other, 0).is_err());
        assert!(keys.check(&SignedPrice { source: 4, ..price }, 0).is_err());
        assert!(keys.check(&SignedPrice { signature: "00", ..price }, 0).is_err());
        keys.set(3, None).unwrap();
        assert!(keys.check(&price, 0).is_err());
    }

    #[test]
    fn an_old_key_is_good_beside_the_new_one_until_its_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = |seed| hexadecimal(pair(seed).public_key().as_ref());
        let keys = OracleKeys::open(folder.path()).unwrap();
        keys.set(3, Some(&public(1))).unwrap();
        keys.rotate(3, &public(2), 1_000).unwrap();
        let price = SignedPrice {
            asset: "BTC".parse().unwrap(),
            source: 3,
            price: "65000.5".parse().unwrap(),
            observed: Timestamp::from_milliseconds(1),
            signature: "",
        };
        let signed = |seed: u8| hexadecimal(pair(seed).sign(price.text().as_bytes()).as_ref());
        for keys in [&keys, &OracleKeys::open(folder.path()).unwrap()] {
            let is_good = |seed, now| {
                keys.check(&SignedPrice { signature: &signed(seed), ..price }, now).is_ok()
            };
            assert!(is_good(1, 999) && !is_good(1, 1_000));
            assert!(is_good(2, 999) && is_good(2, 1_000) && !is_good(3, 999));
            assert_eq!(keys.list()[&3], public(2));
        }
        // A key that leaked goes at once.
        keys.set(3, Some(&public(2))).unwrap();
        assert!(keys.check(&SignedPrice { signature: &signed(1), ..price }, 0).is_err());
    }
}
