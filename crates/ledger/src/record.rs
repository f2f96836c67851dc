//! Records of balances and transfers: fixed sizes, little-endian, one way to write each.
//!
//! ```text
//! balance, 56 bytes                       venue account, 24 bytes
//!  0  account    u32                       0  code of the account  u8
//!  4  asset      u16                       1  0                    u8
//!  6  0          u16                       2  asset                u16
//!  8  available  i128, in 10⁻⁸             4  0                    u32
//! 24  held       i128                      8  balance              i128, in 10⁻⁸
//! 40  pending    i128
//!
//! transfer, 48 bytes
//!  0  id         u64                      15  state                u8  0 open, 1 completed, 2 voided
//!  8  account    u32                      16  amount               i128, in 10⁻⁸
//! 12  asset      u16                      32  opened               u64, a sequence number
//! 14  kind       u8  0 deposit,           40  settled              u64, the same, 0 while open
//!                    1 withdrawal
//! ```
//!
//! A balance of nothing has no record; the venue's accounts always have theirs.

use instruments::Amount;

use crate::account::{AccountId, AssetIndex, Balance, VenueAccount};
use crate::ledger::Ledger;
use crate::transfer::{Transfer, TransferId, TransferKind, TransferRequest, TransferState};

/// Bytes of the record of a client's balance in one asset.
pub const BALANCE_RECORD_BYTES: usize = 56;
/// Bytes of the record of one of the venue's accounts in one asset.
pub const VENUE_RECORD_BYTES: usize = 24;
/// Bytes of the record of a deposit or withdrawal.
pub const TRANSFER_RECORD_BYTES: usize = 48;

impl Ledger {
    /// Appends the records of all that an account has: `account, asset, 0, available, held,
    /// pending`, in the order of the assets.
    pub fn write_account(&self, account: AccountId, bytes: &mut Vec<u8>) {
        for (asset, balance) in self.balances(account) {
            bytes.extend_from_slice(&balance.to_bytes(account, asset));
        }
    }

    /// Appends the records of the venue's accounts in an asset: `code, 0, asset, 0, balance`, in
    /// the order of their codes.
    pub fn write_venue(&self, asset: AssetIndex, bytes: &mut Vec<u8>) {
        for account in VenueAccount::ALL {
            let mut record = [0; VENUE_RECORD_BYTES];
            record[0] = account.code();
            record[2..4].copy_from_slice(&asset.place().to_le_bytes());
            record[8..].copy_from_slice(&self.venue(account, asset).units().to_le_bytes());
            bytes.extend_from_slice(&record);
        }
    }
}

impl Balance {
    /// The record: `account u32 | asset u16 | 0 u16 | available i128 | held i128 | pending i128`.
    #[must_use]
    pub fn to_bytes(&self, account: AccountId, asset: AssetIndex) -> [u8; BALANCE_RECORD_BYTES] {
        let mut record = [0; BALANCE_RECORD_BYTES];
        record[..4].copy_from_slice(&account.number().to_le_bytes());
        record[4..6].copy_from_slice(&asset.place().to_le_bytes());
        record[8..24].copy_from_slice(&self.available.units().to_le_bytes());
        record[24..40].copy_from_slice(&self.held.units().to_le_bytes());
        record[40..].copy_from_slice(&self.pending.units().to_le_bytes());
        record
    }

    /// Reads [`Balance::to_bytes`]; `None` if what must be zero is not.
    pub(crate) fn from_bytes(
        record: &[u8; BALANCE_RECORD_BYTES],
    ) -> Option<(AccountId, AssetIndex, Self)> {
        let mut fields = Fields(record);
        let account = AccountId::new(u32::from_le_bytes(fields.take()));
        let asset = AssetIndex::new(u16::from_le_bytes(fields.take()));
        let zero = u16::from_le_bytes(fields.take());
        let [available, held, pending] = std::array::from_fn(|_| fields.amount());
        (zero == 0).then_some((account, asset, Self { available, held, pending }))
    }
}

/// Reads one record of [`Ledger::write_venue`]; `None` unless it is of this account and asset.
pub(crate) fn venue_from_bytes(
    record: &[u8; VENUE_RECORD_BYTES],
    account: VenueAccount,
    asset: AssetIndex,
) -> Option<Amount> {
    let mut fields = Fields(record);
    let [code, zero] = fields.take();
    let place = u16::from_le_bytes(fields.take());
    let zeros = u32::from_le_bytes(fields.take());
    let expected = (account.code(), 0, asset.place(), 0);
    ((code, zero, place, zeros) == expected).then(|| fields.amount())
}

impl Transfer {
    /// The record: `id u64 | account u32 | asset u16 | kind u8 | state u8 | amount i128 | opened
    /// u64 | settled u64`.
    #[must_use]
    pub fn to_bytes(&self, kind: TransferKind) -> [u8; TRANSFER_RECORD_BYTES] {
        let TransferRequest { id, account, asset, amount } = self.request;
        let mut record = [0; TRANSFER_RECORD_BYTES];
        record[..8].copy_from_slice(&id.number().to_le_bytes());
        record[8..12].copy_from_slice(&account.number().to_le_bytes());
        record[12..14].copy_from_slice(&asset.place().to_le_bytes());
        record[14] = kind.code();
        record[15] = self.state.code();
        record[16..32].copy_from_slice(&amount.units().to_le_bytes());
        record[32..40].copy_from_slice(&self.opened.to_le_bytes());
        record[40..].copy_from_slice(&self.settled.to_le_bytes());
        record
    }

    /// Reads [`Transfer::to_bytes`]; `None` unless it is of this kind, with an amount above zero.
    pub(crate) fn from_bytes(
        record: &[u8; TRANSFER_RECORD_BYTES],
        kind: TransferKind,
    ) -> Option<Self> {
        let mut fields = Fields(record);
        let id = TransferId::new(u64::from_le_bytes(fields.take()));
        let account = AccountId::new(u32::from_le_bytes(fields.take()));
        let asset = AssetIndex::new(u16::from_le_bytes(fields.take()));
        let [code, state] = fields.take();
        let state = TransferState::from_code(state)?;
        let amount = fields.amount();
        let [opened, settled] = std::array::from_fn(|_| u64::from_le_bytes(fields.take()));
        let is_open = state == TransferState::Open;
        let valid = code == kind.code() && amount > Amount::ZERO && (settled == 0 || !is_open);
        let request = TransferRequest { id, account, asset, amount };
        valid.then_some(Self { request, state, opened, settled })
    }
}

/// The bytes of a record that have not been read yet.
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes. Records have the sizes that their fields add up to.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the fields of a record fill it");
        self.0 = rest;
        *field
    }

    fn amount(&mut self) -> Amount {
        Amount::from_units(i128::from_le_bytes(self.take()))
    }
}
