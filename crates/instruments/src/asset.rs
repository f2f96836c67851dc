//! Names of assets and of what moves contracts.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use borsh::BorshSerialize;

use crate::Error;

/// An asset by its ticker, as `BTC` or `USDC`: held as collateral, paid and settled in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize)]
pub struct Asset([u8; 12]);

impl Asset {
    /// The unit of account of indices and of inverse contracts' prices.
    pub const USD: Self = Self(*b"USD\0\0\0\0\0\0\0\0\0");
    /// Circle's dollar token, the usual quote of linear contracts.
    pub const USDC: Self = Self(*b"USDC\0\0\0\0\0\0\0\0");
    /// Tether's dollar token.
    pub const USDT: Self = Self(*b"USDT\0\0\0\0\0\0\0\0");

    /// The longest ticker, and the size of its encoding, in bytes.
    pub(crate) const BYTES: usize = 12;

    /// The asset whose ticker fills the front of `bytes`, with zeros behind it.
    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(Self::BYTES);
        let asset: Self = std::str::from_utf8(&bytes[..length]).ok()?.parse().ok()?;
        (asset.0 == bytes).then_some(asset)
    }

    /// Two numbers that are in the order of tickers, and compare faster.
    #[inline]
    fn key(&self) -> (u64, u32) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.0;
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes([i, j, k, l]))
    }

    /// The ticker.
    #[must_use]
    pub fn name(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(Self::BYTES);
        std::str::from_utf8(&self.0[..length]).expect("only ASCII is ever stored")
    }
}

impl Ord for Asset {
    /// The order of the alphabet.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Asset {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Asset {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let fits = (1..=Self::BYTES).contains(&text.len());
        let starts_with_letter = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if !fits || !starts_with_letter || !text.bytes().all(plain) {
            return Err(Error::AssetName(text.into()));
        }
        let mut name = [0; Self::BYTES];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asset({self})")
    }
}

/// What moves a contract: the asset whose index in US dollars it follows.
///
/// `BTC-PERPETUAL` and `BTC_USDC-PERPETUAL` have one underlying and are netted against each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Underlying(Asset);

impl Underlying {
    /// The underlying that follows `asset`.
    #[must_use]
    pub const fn of(asset: Asset) -> Self {
        Self(asset)
    }

    /// The asset followed.
    #[must_use]
    pub const fn asset(self) -> Asset {
        self.0
    }
}

impl fmt::Display for Underlying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Underlying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Underlying({self})")
    }
}
