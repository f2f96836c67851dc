//! A whole ledger as bytes, and back.
//!
//! ```text
//! header, 48 bytes
//!  0  "PLIMLED1"
//!  8  accounts           u32              32  balance records     u64
//! 12  assets             u32              40  deposits            u32
//! 16  lowest new deposit u64, an id       44  withdrawals         u32
//! 24  lowest new withdrawal  u64, an id
//!
//! for each asset          its ticker, 12 bytes filled up with zeros, and 8 venue records
//! balance records         in the order of accounts, then assets
//! deposits, withdrawals   transfer records in the order of their ids
//! ```
//!
//! One ledger has one such form. Limits are no part of it: they are the caller's.

use borsh::BorshSerialize;
use instruments::Amount;

use crate::account::{AssetIndex, Balance, VenueAccount};
use crate::audit::Inconsistency;
use crate::ledger::{Ledger, Limits};
use crate::record::{
    BALANCE_RECORD_BYTES, Fields, TRANSFER_RECORD_BYTES, VENUE_RECORD_BYTES, venue_from_bytes,
};
use crate::refusal::Refusal;
use crate::transfer::{Transfer, TransferId, TransferKind};

const MAGIC: [u8; 8] = *b"PLIMLED1";
const HEADER_BYTES: usize = 48;
const TICKER_BYTES: usize = 12;

/// Why bytes are no ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes do not begin as a ledger does.
    #[error("this is no ledger, or one of another version (it would begin with PLIMLED1)")]
    NotALedger,
    /// The bytes end early.
    #[error("the ledger ends at byte {0}, before its last record (read the whole snapshot)")]
    Truncated(usize),
    /// Bytes follow the last record.
    #[error("the ledger has bytes after its end at byte {0} (cut the snapshot where it ends)")]
    TooLong(usize),
    /// A record is not as this crate writes it.
    #[error("byte {offset}: {reason} (the snapshot is damaged; take an earlier one)")]
    Record {
        /// Where the record begins.
        offset: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The ledger is larger than the limits given.
    #[error("the ledger does not fit the limits given: {0}")]
    Limits(Refusal),
    /// The records do not fit together.
    #[error("the records are well-formed but cannot be true: {0}")]
    Inconsistent(Inconsistency),
}

impl Ledger {
    /// Appends the whole ledger.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        let tables = [TransferKind::Deposit, TransferKind::Withdrawal].map(|kind| self.table(kind));
        let records = self.balances.iter().filter(|balance| !balance.is_empty()).count();
        let count = |count: usize| u32::try_from(count).expect("counts keep to their limits");

        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.accounts.to_le_bytes());
        bytes.extend_from_slice(&count(self.assets.len()).to_le_bytes());
        for table in tables {
            bytes.extend_from_slice(&table.first_id().number().to_le_bytes());
        }
        bytes.extend_from_slice(&(records as u64).to_le_bytes());
        for table in tables {
            bytes.extend_from_slice(&count(table.rows().len()).to_le_bytes());
        }
        for (index, asset) in self.assets() {
            asset.serialize(bytes).expect("a vector takes all that is written to it");
            self.write_venue(index, bytes);
        }
        for account in self.accounts() {
            self.write_account(account, bytes);
        }
        for kind in [TransferKind::Deposit, TransferKind::Withdrawal] {
            for transfer in self.transfers(kind) {
                bytes.extend_from_slice(&transfer.to_bytes(kind));
            }
        }
    }

    /// Reads what [`Ledger::write`] wrote, and [checks](Ledger::check) it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, ReadError> {
        let mut reader = Reader { bytes, offset: 0 };
        if !bytes.starts_with(&MAGIC) {
            return Err(ReadError::NotALedger);
        }
        let header = Header::read(&mut reader)?;
        let mut ledger = Self::new(limits).map_err(ReadError::Limits)?;
        for _ in 0..header.assets {
            reader.asset(&mut ledger)?;
        }
        for _ in 0..header.accounts {
            ledger.open_account().map_err(ReadError::Limits)?;
        }
        reader.balances(&mut ledger, header.balances)?;
        for (kind, first_id, count) in header.transfers {
            reader.transfers(&mut ledger, kind, count)?;
            ledger.table_mut(kind).set_first_id(first_id);
        }
        if reader.offset < bytes.len() {
            return Err(ReadError::TooLong(reader.offset));
        }
        ledger.check().map_err(ReadError::Inconsistent)?;
        Ok(ledger)
    }
}

struct Header {
    accounts: u32,
    assets: u32,
    balances: u64,
    transfers: [(TransferKind, TransferId, u32); 2],
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let header: &[u8; HEADER_BYTES] = reader.record()?;
        let mut fields = Fields(&header[MAGIC.len()..]);
        let accounts = u32::from_le_bytes(fields.take());
        let assets = u32::from_le_bytes(fields.take());
        let first_ids: [TransferId; 2] =
            std::array::from_fn(|_| TransferId::new(u64::from_le_bytes(fields.take())));
        let balances = u64::from_le_bytes(fields.take());
        let [deposits, withdrawals] = std::array::from_fn(|_| u32::from_le_bytes(fields.take()));
        let transfers = [
            (TransferKind::Deposit, first_ids[0], deposits),
            (TransferKind::Withdrawal, first_ids[1], withdrawals),
        ];
        Ok(Self { accounts, assets, balances, transfers })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn record<const N: usize>(&mut self) -> Result<&'a [u8; N], ReadError> {
        let rest = &self.bytes[self.offset..];
        let record = rest.first_chunk().ok_or(ReadError::Truncated(self.bytes.len()))?;
        self.offset += N;
        Ok(record)
    }

    /// An error about the last `size` bytes read.
    fn wrong(&self, size: usize, reason: &'static str) -> ReadError {
        ReadError::Record { offset: self.offset - size, reason }
    }

    fn asset(&mut self, ledger: &mut Ledger) -> Result<(), ReadError> {
        let ticker: &[u8; TICKER_BYTES] = self.record()?;
        let asset =
            borsh::from_slice(ticker).map_err(|_| self.wrong(TICKER_BYTES, "not a ticker"))?;
        let index = match ledger.add_asset(asset) {
            Ok(index) => index,
            Err(Refusal::AssetExists(_)) => {
                return Err(self.wrong(TICKER_BYTES, "the ticker stands here twice"));
            }
            Err(refusal) => return Err(ReadError::Limits(refusal)),
        };
        for account in VenueAccount::ALL {
            let balance = venue_from_bytes(self.record()?, account, index)
                .ok_or_else(|| self.wrong(VENUE_RECORD_BYTES, "not the venue account due here"))?;
            ledger.assets[index.column()].venue[usize::from(account.code())] = balance;
        }
        Ok(())
    }

    fn balances(&mut self, ledger: &mut Ledger, count: u64) -> Result<(), ReadError> {
        let mut last = None;
        for _ in 0..count {
            let record = Balance::from_bytes(self.record()?);
            let wrong = |reason| self.wrong(BALANCE_RECORD_BYTES, reason);
            let (account, asset, balance) =
                record.ok_or_else(|| wrong("bytes 6 and 7 of the record are not zero"))?;
            check_owner(ledger, account, asset).map_err(wrong)?;
            if balance.is_empty() {
                return Err(wrong("a balance of nothing has no record"));
            }
            if !balance.is_allowed() {
                return Err(wrong("the balance is out of its bounds"));
            }
            if last.replace((account, asset)) >= Some((account, asset)) {
                return Err(wrong("the balance is not in its place"));
            }
            *ledger.balance_mut(account, asset) = balance;
            let clients = &mut ledger.assets[asset.column()].clients;
            *clients = [*clients, balance.total()].into_iter().sum::<Amount>();
        }
        Ok(())
    }

    fn transfers(
        &mut self,
        ledger: &mut Ledger,
        kind: TransferKind,
        count: u32,
    ) -> Result<(), ReadError> {
        for _ in 0..count {
            let record = Transfer::from_bytes(self.record()?, kind);
            let wrong = |reason| self.wrong(TRANSFER_RECORD_BYTES, reason);
            let transfer = record.ok_or_else(|| wrong("not a transfer of the kind due here"))?;
            let request = transfer.request;
            check_owner(ledger, request.account, request.asset).map_err(wrong)?;
            let last = ledger.transfers(kind).last().map(|last| last.request.id);
            if last >= Some(request.id) {
                return Err(wrong("the transfer is not in its place"));
            }
            match ledger.table(kind).admit(&request).map_err(ReadError::Limits)? {
                Some(place) => ledger.table_mut(kind).insert(place, transfer),
                None => return Err(wrong("the transfer stands here twice")),
            }
        }
        Ok(())
    }
}

fn check_owner(
    ledger: &Ledger,
    account: crate::AccountId,
    asset: AssetIndex,
) -> Result<(), &'static str> {
    if ledger.check_account(account).is_err() {
        return Err("the record is of an account that is not open");
    }
    match ledger.asset(asset) {
        Some(_) => Ok(()),
        None => Err("the record is of an asset that is not in the ledger"),
    }
}
