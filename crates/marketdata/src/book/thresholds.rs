//! Thresholds kept from one run over a book to the next.
//!
//! ```text
//! 8 bytes    "PLIMTHR1"
//! 32 bytes   blake3 of what the thresholds belong to: see `BookThresholds::owner`
//! 8 bytes    accounts, little-endian as everything here
//! 4 bytes    thresholds of each account
//! 8 bytes    for each threshold, account after account: a double, infinite where nothing is known
//! 32 bytes   blake3 of all bytes before
//! ```

use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"PLIMTHR1";
const HASH_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + HASH_BYTES + 8 + 4;

/// How low a sum must be to matter for each account's tails, as a run left it. They speed up the next
/// run over the same accounts, whatever prices and positions have done since, and change no result.
#[derive(Clone, Debug, PartialEq)]
pub struct BookThresholds {
    /// Hash of the accounts' names, the methodology's name and what its tails are.
    pub owner: [u8; HASH_BYTES],
    /// Thresholds of each account.
    pub per_account: u32,
    /// Account after account.
    pub values: Vec<f64>,
}

/// Why a thresholds file was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdsError {
    /// It can't be read.
    #[error("reading failed: {0}; check that it is a file and that you may read it")]
    Read(#[from] io::Error),
    /// It is something else, or damaged.
    #[error("not a whole thresholds file; remove it, and the next run writes a new one")]
    Damaged,
    /// It is whole, but was written for other accounts, another methodology or other tails.
    #[error("the thresholds belong to other accounts, another methodology or another history")]
    OtherBook,
}

impl BookThresholds {
    /// Infinite thresholds: nothing is known yet. `tails` says what each account's are.
    #[must_use]
    pub fn unknown(accounts: &[String], methodology: &str, tails: &[String]) -> Self {
        let values = vec![f64::INFINITY; accounts.len() * tails.len()];
        let per_account = u32::try_from(tails.len()).unwrap_or(u32::MAX);
        Self { owner: Self::owner(accounts, methodology, tails), per_account, values }
    }

    fn owner(accounts: &[String], methodology: &str, tails: &[String]) -> [u8; HASH_BYTES] {
        let mut hasher = blake3::Hasher::new();
        let parts = std::iter::once(methodology).chain(tails.iter().map(String::as_str));
        for part in parts.chain(accounts.iter().map(String::as_str)) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Takes over the thresholds that a file holds for the same accounts and methodology.
    ///
    /// # Errors
    /// [`ThresholdsError`]; then nothing has changed. After [`ThresholdsError::OtherBook`] the file
    /// can be replaced: it is known to be one of thresholds from its first byte to its last.
    pub fn read(&mut self, mut source: impl Read) -> Result<(), ThresholdsError> {
        let mut head = Vec::new();
        source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let length = content_bytes(&head).ok_or(ThresholdsError::Damaged)?;
        let is_same = head == self.head();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&head);
        let (mut content, mut numbers) = ((&mut source).take(length), Vec::new());
        let found = if is_same {
            content.read_to_end(&mut numbers)?;
            hasher.update(&numbers);
            numbers.len() as u64
        } else {
            io::copy(&mut content, &mut hasher)?
        };
        let mut hash = Vec::new();
        source.take(HASH_BYTES as u64 + 1).read_to_end(&mut hash)?;
        if found != length || hash != hasher.finalize().as_bytes() {
            return Err(ThresholdsError::Damaged);
        }
        if !is_same {
            return Err(ThresholdsError::OtherBook);
        }
        for (value, number) in self.values.iter_mut().zip(numbers.as_chunks::<8>().0) {
            *value = f64::from_le_bytes(*number);
        }
        Ok(())
    }

    /// The bytes of a file that [`BookThresholds::read`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    fn head(&self) -> Vec<u8> {
        let accounts = self.values.len().checked_div(self.per_account as usize).unwrap_or(0);
        let mut head = MAGIC.to_vec();
        head.extend(self.owner);
        head.extend((accounts as u64).to_le_bytes());
        head.extend(self.per_account.to_le_bytes());
        head
    }
}

/// How many bytes of thresholds follow this head; `None` if it is none.
fn content_bytes(head: &[u8]) -> Option<u64> {
    let rest = head.strip_prefix(MAGIC)?.get(HASH_BYTES..)?;
    let (accounts, per_account) = rest.split_first_chunk()?;
    let per_account = u32::from_le_bytes(*per_account.first_chunk()?);
    u64::from_le_bytes(*accounts).checked_mul(u64::from(per_account))?.checked_mul(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read_by_the_same_book_alone() {
        let tails = names(&["recent 10 of 1000", "stressed 3 of 250"]);
        let fresh = BookThresholds::unknown(&names(&["anna", "ben"]), "core", &tails);
        let kept = BookThresholds { values: vec![-1.5, f64::INFINITY, 0.0, 1e9], ..fresh.clone() };
        let bytes = kept.to_bytes();
        let mut read = fresh.clone();
        read.read(&*bytes).unwrap();
        assert_eq!(read, kept);
        for accounts in [&["ben", "anna"][..], &["anna"], &["an", "naben"]] {
            let mut other = BookThresholds::unknown(&names(accounts), "core", &tails);
            assert!(matches!(other.read(&*bytes), Err(ThresholdsError::OtherBook)));
        }
        for (methodology, tails) in [("mine", &tails[..]), ("core", &tails[..1]), ("core", &[])] {
            let mut other = BookThresholds::unknown(&names(&["anna", "ben"]), methodology, tails);
            let before = other.clone();
            assert!(matches!(other.read(&*bytes), Err(ThresholdsError::OtherBook)));
            assert_eq!(other, before);
        }
        // Of another book or not: what is no whole file of thresholds is told apart.
        let mut other = BookThresholds::unknown(&names(&["carl"]), "core", &tails);
        let spoilt = |at: usize| {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1;
            spoilt
        };
        for bytes in [
            &spoilt(0)[..],
            &spoilt(MAGIC.len()),
            &spoilt(HEAD_BYTES - 12),
            &spoilt(HEAD_BYTES - 1),
            &spoilt(HEAD_BYTES + 3),
            &bytes[..bytes.len() - 1],
            &bytes[..HEAD_BYTES],
            &bytes[..20],
            b"",
            &[&*bytes, &[0]].concat(),
            b"account,instrument,quantity\nanna,BTC,1\nben,BTC,1\ncarl,BTC,1\ndora,BTC,1\n",
        ] {
            let mut same = fresh.clone();
            assert!(matches!(same.read(bytes), Err(ThresholdsError::Damaged)));
            assert_eq!(same, fresh);
            assert!(matches!(other.read(bytes), Err(ThresholdsError::Damaged)));
        }
    }
}
