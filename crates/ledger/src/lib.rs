//! Double-entry balances: who has how much of which asset, to the unit, with nothing created or
//! lost.
//!
//! A [`Ledger`] has accounts of clients and of the venue itself, in every asset. Balances change by
//! a [`Posting`] only: a few entries that sum to zero in each asset and are booked together, or are
//! refused as a whole with a [`Refusal`] that says why. Custody has an account too, with minus what
//! it holds, so that all accounts of an asset sum to zero: the invariant `conservation`, which is
//! asserted after every posting.
//!
//! ```
//! use plimsoll_ledger::{
//!     AccountId, Ledger, LedgerAccount, Limits, Posting, PostingKind, Reference,
//!     TransferEnd, TransferId, TransferRequest, VenueAccount, exchange,
//! };
//! # use instruments::Amount;
//!
//! let mut ledger = Ledger::new(Limits { accounts_max: 100, assets_max: 4, transfers_max: 100 })?;
//! let usdc = ledger.add_asset("USDC".parse().expect("a ticker"))?;
//! let (anna, ben) = (ledger.open_account()?, ledger.open_account()?);
//!
//! // Anna's deposit: seen by custody, then confirmed.
//! let (id, amount) = (TransferId::new(1), "1000".parse().expect("a number"));
//! ledger.announce_deposit(TransferRequest { id, account: anna, asset: usdc, amount }, 1, |_| ())?;
//! ledger.end_transfer(TransferEnd::CreditDeposit, id, anna, 2, |_| ())?;
//!
//! // Anna owes Ben a third of 10 units: she pays 4, he gets 3, and one is left over.
//! let payment = exchange(10, 1, 3).expect("small numbers fit");
//! let posting = Posting::new(PostingKind::Settlement, Reference { sequence: 3, value: 0 })
//!     .with_exchange(LedgerAccount::Available(anna), LedgerAccount::Available(ben), usdc, payment);
//! let mut log = Vec::new();
//! ledger.post(&posting, |posted| log.extend(posted.lines()))?;
//!
//! assert_eq!(log.len(), 3);
//! assert_eq!(ledger.available(anna, usdc).to_string(), "999.99999996");
//! assert_eq!(ledger.available(ben, usdc).to_string(), "0.00000003");
//! assert_eq!(ledger.venue(VenueAccount::Rounding, usdc).to_string(), "0.00000001");
//! assert_eq!(ledger.venue(VenueAccount::Custody, usdc).to_string(), "-1000");
//! # Ok::<(), plimsoll_ledger::Refusal>(())
//! ```
//!
//! Deposits and withdrawals have two phases. A withdrawal that is requested holds its amount until
//! it is confirmed or voided; how much may be withdrawn the caller says, who knows margin.
//!
//! What does not divide evenly is divided by [`exchange`], [`split_exactly`] and
//! [`split_rounding_down`], against the account that gains, and what is left over belongs to the
//! rounding account. Funding and interest accrue by an [`Index`] and an [`Accrual`], which lose
//! nothing however often positions are split, merged and paid.
//!
//! All memory is reserved when a ledger is made. Accounts and assets are dense numbers, every
//! balance is one step away, and every iteration goes in the order of those numbers. This crate
//! knows nothing of prices, margin and time, and holds no floating-point number.

#![deny(missing_docs)]

mod account;
mod audit;
mod index;
mod ledger;
mod phases;
mod posting;
mod queries;
mod record;
mod refusal;
mod rounding;
mod snapshot;
mod transfer;

pub use account::{AccountId, AssetIndex, BALANCE_MAX, Balance, LedgerAccount, VenueAccount};
pub use audit::Inconsistency;
pub use index::{Accrual, AccrualError, Fraction, INDEX_MAX, INDEX_SCALE, Index, Residue};
pub use ledger::{ACCOUNTS_MAX, ASSETS_MAX, Ledger, Limits};
pub use phases::TransferEnd;
pub use posting::{ENTRIES_MAX, Entry, Posted, Posting, PostingKind, Reference};
pub use queries::ListingLine;
pub use record::{BALANCE_RECORD_BYTES, TRANSFER_RECORD_BYTES, VENUE_RECORD_BYTES};
pub use refusal::Refusal;
pub use rounding::{Exchange, Share, SplitError, exchange, split_exactly, split_rounding_down};
pub use snapshot::ReadError;
pub use transfer::{Effect, Transfer, TransferId, TransferKind, TransferRequest, TransferState};
