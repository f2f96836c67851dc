//! A posting: a few entries that are booked together or not at all.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Amount;
use serde::{Deserialize, Serialize};

use crate::account::{AssetIndex, LedgerAccount, VenueAccount};
use crate::rounding::Exchange;

/// The most entries that a posting has: both sides of a trade with premium, fees, and the shares
/// that others have in them.
pub const ENTRIES_MAX: usize = 8;

/// What a posting is for.
///
/// The discriminant is the kind's code in a transaction log: a new kind takes the next one, and
/// none ever changes.
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
pub enum PostingKind {
    /// Custody has seen a deposit and not confirmed it.
    DepositAnnounced = 1,
    /// A deposit is confirmed: the client has it.
    DepositCredited = 2,
    /// A deposit that was announced did not come.
    DepositVoided = 3,
    /// A withdrawal is requested: the amount is on hold.
    WithdrawalRequested = 4,
    /// A withdrawal has left custody.
    WithdrawalConfirmed = 5,
    /// A withdrawal will not be made: the client has the amount back.
    WithdrawalVoided = 6,
    /// A trading fee, or a rebate.
    Fee = 7,
    /// Funding of a perpetual.
    Funding = 8,
    /// Profit and loss of a contract, while it trades or at its expiry.
    Settlement = 9,
    /// An option's premium.
    Premium = 10,
    /// Interest on a debt.
    Interest = 11,
    /// An amount that moves between accounts because their owner says so.
    Transfer = 12,
    /// What divisions left over, from the account where it came to light to the rounding account.
    Rounding = 13,
    /// The insurance fund pays, or is paid.
    Insurance = 14,
    /// Coin is bought or sold for another, by a client or by a liquidation.
    Conversion = 15,
    /// Losses that nobody covered, cut from profits.
    SocialisedLoss = 16,
    /// The venue brings capital into custody, or takes its earnings out.
    Capital = 17,
    /// A bidder in an auction sets an amount aside, or has it back.
    Reservation = 18,
    /// What a liquidated account gives up so that its positions are taken over.
    Liquidation = 19,
    /// What closing a position against a bankrupt account costs whoever gained.
    Deleveraging = 20,
    /// A loss is left uncovered, or covered later.
    Deficit = 21,
}

/// Where a posting comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Sequence number of the command that caused it.
    pub sequence: u64,
    /// What the kind of posting says it is: a transfer's id, a trade's number, an instrument.
    pub value: u64,
}

/// One line of a posting: `amount` is added to the account's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: LedgerAccount,
    /// Of which asset.
    pub asset: AssetIndex,
    /// How much, in 10⁻⁸ of the asset; negative is taken.
    pub amount: Amount,
}

/// Up to [`ENTRIES_MAX`] entries with a purpose, to be booked together by
/// [`Ledger::post`](crate::Ledger::post).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// What it is for.
    pub kind: PostingKind,
    /// Where it comes from.
    pub reference: Reference,
    entries: [Entry; ENTRIES_MAX],
    count: usize,
}

/// A posting that has been booked, as [`Ledger::post`](crate::Ledger::post) hands it on.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The posting.
    pub posting: &'a Posting,
    pub(crate) balances: [Amount; ENTRIES_MAX],
}

impl PostingKind {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 21] = [
        Self::DepositAnnounced,
        Self::DepositCredited,
        Self::DepositVoided,
        Self::WithdrawalRequested,
        Self::WithdrawalConfirmed,
        Self::WithdrawalVoided,
        Self::Fee,
        Self::Funding,
        Self::Settlement,
        Self::Premium,
        Self::Interest,
        Self::Transfer,
        Self::Rounding,
        Self::Insurance,
        Self::Conversion,
        Self::SocialisedLoss,
        Self::Capital,
        Self::Reservation,
        Self::Liquidation,
        Self::Deleveraging,
        Self::Deficit,
    ];

    /// The kind's code in a transaction log.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl Posting {
    /// A posting without entries yet.
    #[must_use]
    pub const fn new(kind: PostingKind, reference: Reference) -> Self {
        let nothing = Entry {
            account: LedgerAccount::Venue(VenueAccount::Rounding),
            asset: AssetIndex::new(0),
            amount: Amount::ZERO,
        };
        Self { kind, reference, entries: [nothing; ENTRIES_MAX], count: 0 }
    }

    /// The posting with one entry more. An amount of zero is no entry. A posting of more than
    /// [`ENTRIES_MAX`] is refused when it is posted.
    #[must_use]
    #[inline]
    pub fn with(mut self, account: LedgerAccount, asset: AssetIndex, amount: Amount) -> Self {
        if amount == Amount::ZERO {
            return self;
        }
        if let Some(entry) = self.entries.get_mut(self.count) {
            *entry = Entry { account, asset, amount };
        }
        self.count += 1;
        self
    }

    /// The posting with `amount` moved from one account to another.
    #[must_use]
    #[inline]
    pub fn with_move(
        self,
        from: LedgerAccount,
        to: LedgerAccount,
        asset: AssetIndex,
        amount: Amount,
    ) -> Self {
        self.with(from, asset, negated(amount)).with(to, asset, amount)
    }

    /// The posting with an [`Exchange`] between two accounts: one pays, one receives, and the
    /// residue is the rounding account's.
    #[must_use]
    #[inline]
    pub fn with_exchange(
        self,
        payer: LedgerAccount,
        receiver: LedgerAccount,
        asset: AssetIndex,
        exchange: Exchange,
    ) -> Self {
        let Exchange { paid, received, residue } = exchange;
        let rounding = LedgerAccount::Venue(VenueAccount::Rounding);
        self.with(payer, asset, negated(paid))
            .with(receiver, asset, received)
            .with(rounding, asset, residue)
    }

    /// The entries, in the order in which they were added; `None` if there are too many.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        self.entries.get(..self.count)
    }

    /// How many entries were added.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}

/// Minus the amount. The one number that has no negative stays, and is refused as too large.
fn negated(amount: Amount) -> Amount {
    Amount::from_units(amount.units().wrapping_neg())
}

impl Posted<'_> {
    /// Each entry, with the balance of its account when the whole posting was booked.
    pub fn lines(&self) -> impl Iterator<Item = (Entry, Amount)> + '_ {
        let entries = self.posting.entries().unwrap_or_default();
        entries.iter().copied().zip(self.balances)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for kind in PostingKind::ALL {
            assert_eq!(PostingKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(PostingKind::from_code(0), None);
        assert_eq!(PostingKind::from_code(22), None);
    }

    #[test]
    fn zeros_are_no_entries_and_too_many_are_counted() {
        let asset = AssetIndex::new(0);
        let fees = LedgerAccount::Venue(VenueAccount::Fees);
        let mut posting = Posting::new(PostingKind::Fee, Reference::default());
        posting = posting.with(fees, asset, Amount::ZERO);
        assert_eq!(posting.entries(), Some(&[][..]));
        for _ in 0..=ENTRIES_MAX {
            posting = posting.with(fees, asset, Amount::from_units(1));
        }
        assert_eq!(posting.count(), ENTRIES_MAX + 1);
        assert_eq!(posting.entries(), None);
    }
}
