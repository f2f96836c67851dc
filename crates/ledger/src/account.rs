//! Who can own an amount: a client, in one of three pockets, or the venue, for one of its purposes.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;

use instruments::Amount;

/// The largest balance of one ledger account in one asset, in 10⁻⁸: 2^100, a hundred trillion times
/// all the money there is. It is the largest amount of one entry, too.
pub const BALANCE_MAX: Amount = Amount::from_units(1 << 100);

/// A client's account: a dense number, in the order in which accounts were opened.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct AccountId(u32);

/// An asset by its place in the ledger: a dense number, in the order in which assets were added.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct AssetIndex(u16);

/// One account of the ledger: what an entry is booked to.
///
/// A positive balance is what the venue owes the owner, a negative one what the owner owes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// What a client may use; negative is a debt.
    Available(AccountId),
    /// What a client's requested withdrawals reserve, until confirmed or voided. Never negative.
    Held(AccountId),
    /// A client's deposits that custody has seen and not confirmed. Never negative.
    Pending(AccountId),
    /// One of the venue's own accounts.
    Venue(VenueAccount),
}

/// The venue's own accounts. Every asset has one of each.
///
/// The discriminant is the account's code in records: a new account takes the next one, and none
/// ever changes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum VenueAccount {
    /// Counter-account of custody: minus what custody holds for good. All other accounts together
    /// are a claim on it, so it and they sum to zero. Never positive.
    Custody = 0,
    /// Counter-account of pending deposits: minus what custody has seen and not confirmed. Changes
    /// with them only. Never positive.
    Incoming = 1,
    /// What divisions left over, each less than a unit per party, kept back from whoever would
    /// have gained it. Never negative.
    Rounding = 2,
    /// Trading fees less rebates. Negative while rebates run ahead.
    Fees = 3,
    /// Clears funding: what payers have paid and receivers have not yet been paid, or the reverse.
    Funding = 4,
    /// Clears variation: profit and loss that one side of a contract has settled and the other
    /// has not yet.
    Settlement = 5,
    /// The insurance fund, which pays what bankrupt accounts cannot. Never negative.
    Insurance = 6,
    /// Clears interest: what debtors have paid and lenders have not yet been paid, or the reverse.
    Interest = 7,
    /// What bidders in auctions of liquidated accounts have set aside. Never negative.
    Bids = 8,
    /// Losses of bankrupt accounts that nobody has covered yet. Never positive.
    Deficit = 9,
}

/// What a client has of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What may be used; negative is a debt.
    pub available: Amount,
    /// What requested withdrawals reserve.
    pub held: Amount,
    /// Deposits seen and not confirmed.
    pub pending: Amount,
}

// What `Limits` says of memory.
const _: () = assert!(size_of::<Balance>() == 48);

impl AccountId {
    /// The account with this number; the first is 0.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn row(self) -> usize {
        self.0 as usize
    }
}

impl AssetIndex {
    /// The asset in this place; the first is 0.
    #[must_use]
    pub const fn new(place: u16) -> Self {
        Self(place)
    }

    /// The place.
    #[must_use]
    pub const fn place(self) -> u16 {
        self.0
    }

    pub(crate) const fn column(self) -> usize {
        self.0 as usize
    }
}

impl VenueAccount {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Custody,
        Self::Incoming,
        Self::Rounding,
        Self::Fees,
        Self::Funding,
        Self::Settlement,
        Self::Insurance,
        Self::Interest,
        Self::Bids,
        Self::Deficit,
    ];

    /// The account's code in records.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether `balance` may stand in this account.
    pub(crate) fn allows(self, balance: Amount) -> bool {
        let (least, most) = match self {
            Self::Custody | Self::Incoming | Self::Deficit => (-BALANCE_MAX, Amount::ZERO),
            Self::Rounding | Self::Insurance | Self::Bids => (Amount::ZERO, BALANCE_MAX),
            Self::Fees | Self::Funding | Self::Settlement | Self::Interest => {
                (-BALANCE_MAX, BALANCE_MAX)
            }
        };
        (least..=most).contains(&balance)
    }
}

impl Balance {
    /// Everything together, in 10⁻⁸.
    #[must_use]
    pub fn total(&self) -> Amount {
        [self.available, self.held, self.pending].into_iter().sum()
    }

    /// Whether these balances may stand. The upper bound is on the total, so that what moves
    /// between the three always fits.
    pub(crate) fn is_allowed(&self) -> bool {
        let Self { available, held, pending } = *self;
        available >= -BALANCE_MAX
            && held >= Amount::ZERO
            && pending >= Amount::ZERO
            && [available, held, pending].into_iter().all(|part| part <= BALANCE_MAX)
            && self.total() <= BALANCE_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.0)
    }
}

impl fmt::Display for AssetIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asset {}", self.0)
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Available(account) => write!(f, "what {account} has available"),
            Self::Held(account) => write!(f, "what {account} has on hold"),
            Self::Pending(account) => write!(f, "what {account} has pending"),
            Self::Venue(account) => account.fmt(f),
        }
    }
}

impl fmt::Display for VenueAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Custody => "custody",
            Self::Incoming => "incoming deposits",
            Self::Rounding => "rounding",
            Self::Fees => "fees",
            Self::Funding => "funding",
            Self::Settlement => "settlement",
            Self::Insurance => "insurance fund",
            Self::Interest => "interest",
            Self::Bids => "bids",
            Self::Deficit => "deficit",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_places() {
        for (place, account) in VenueAccount::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(account.code()), place, "{account}");
        }
    }

    #[test]
    fn bounds() {
        let [nothing, unit, most] = [Amount::ZERO, Amount::from_units(1), BALANCE_MAX];
        let beyond = Amount::from_units(BALANCE_MAX.units() + 1);
        let check = |account: VenueAccount, balance: Amount, expected: bool| {
            assert_eq!(account.allows(balance), expected, "{account} at {balance}");
        };
        check(VenueAccount::Custody, unit, false);
        check(VenueAccount::Custody, -most, true);
        check(VenueAccount::Custody, -beyond, false);
        check(VenueAccount::Insurance, -unit, false);
        check(VenueAccount::Rounding, -unit, false);
        check(VenueAccount::Funding, -most, true);
        check(VenueAccount::Funding, beyond, false);

        let check = |available: Amount, held: Amount, pending: Amount, expected: bool| {
            let balance = Balance { available, held, pending };
            assert_eq!(balance.is_allowed(), expected, "{balance:?}");
        };
        check(-most, nothing, most, true);
        check(-beyond, nothing, unit, false);
        check(most, nothing, nothing, true);
        check(most, unit, nothing, false);
        check(nothing, -unit, unit, false);
        check(nothing, unit, -unit, false);
        check(-most, beyond, nothing, false);
    }
}
