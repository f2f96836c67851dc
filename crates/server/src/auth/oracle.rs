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
    keys: Mutex<BTreeMap<u16, [u8; 32]>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// Public keys in hexadecimal, by source.
    sources: BTreeMap<u16, String>,
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
        let mut keys = BTreeMap::new();
        if let Some(text) = files::read(&path)? {
            let content: Content =
                serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            if content.version != VERSION {
                let version = content.version;
                return Err(wrong(format!("it has version {version}, and this program knows 1")));
            }
            for (source, key) in content.sources {
                let key = from_hexadecimal(&key);
                let key =
                    key.ok_or_else(|| wrong(format!("the key of source {source} is none")))?;
                keys.insert(source, key);
            }
        }
        Ok(Self { path, keys: Mutex::new(keys) })
    }

    /// Sets the key of a source, or takes it away.
    ///
    /// # Errors
    /// If the key is none, or the file can't be written; nothing changes then.
    pub fn set(&self, source: u16, key: Option<&str>) -> Result<(), Denied> {
        let key = key.map(|key| {
            let wrong = || Denied::InvalidParameter {
                name: "public_key",
                reason: "must be 64 hexadecimal digits".into(),
            };
            from_hexadecimal::<32>(key).ok_or_else(wrong)
        });
        let mut keys = self.keys();
        let mut changed = keys.clone();
        match key.transpose()? {
            Some(key) => drop(changed.insert(source, key)),
            None => drop(changed.remove(&source)),
        }
        let sources = changed.iter().map(|(source, key)| (*source, hexadecimal(key))).collect();
        let text = serde_json::to_string_pretty(&Content { version: VERSION, sources });
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
        self.keys().iter().map(|(source, key)| (*source, hexadecimal(key))).collect()
    }

    /// Whether a source has signed a price. That it is used once, the engine sees to: it refuses what
    /// was observed no later than the source's last report.
    ///
    /// # Errors
    /// 13004, for an unknown source and a wrong signature alike.
    pub fn check(&self, price: &SignedPrice<'_>) -> Result<(), Denied> {
        let wrong = || Denied::InvalidCredentials("the source did not sign this price".into());
        let key = self.keys().get(&price.source).copied().ok_or_else(wrong)?;
        let signature: [u8; 64] = from_hexadecimal(price.signature).ok_or_else(wrong)?;
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(price.text().as_bytes(), &signature).map_err(|_| wrong())
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<u16, [u8; 32]>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        assert!(keys.check(&price).is_ok());
        // It outlasts a restart.
        assert!(OracleKeys::open(folder.path()).unwrap().check(&price).is_ok());
        let other = SignedPrice { price: "65000.6".parse().unwrap(), ..price };
        assert!(keys.check(&other).is_err());
        assert!(keys.check(&SignedPrice { source: 4, ..price }).is_err());
        assert!(keys.check(&SignedPrice { signature: "00", ..price }).is_err());
        keys.set(3, None).unwrap();
        assert!(keys.check(&price).is_err());
    }
}
