//! The whole state as bytes, and back.
//!
//! What is written is what commands made: records, sequence number and time, the requests that were
//! answered, and what the open epoch was opened with. What follows from it is made anew: order sums,
//! the live market, the epoch's arrays, the tree of hashes. Vectors and credits are left out, since
//! no event depends on them. `docs/concepts/node.md` says what stands where.
//!
//! A state that was read goes on exactly as the one that was written: same events, same record hash.

mod listing;
mod opened;
mod rebuild;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Timestamp;
use ledger::Ledger;

use crate::account::AccountState;
use crate::asset::AssetState;
use crate::change::{Announced, CHANGES_MAX};
use crate::liquidation::Liquidation;
use crate::orders::{Order, Orders};
use crate::requests::Requests;
use crate::rules::{RULES_VERSION, VenueRules};
use crate::{Limits, Rejection, State};
use listing::ListingParts;
use opened::RiskParts;

/// What a state begins with; the digit is the version of the format.
const MAGIC: [u8; 8] = *b"PLIMVEN1";

/// Why bytes are no state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// They do not begin as a state does.
    #[error("this is no state, or one of another version (it would begin with PLIMVEN1)")]
    NotAState,
    /// The state is under rules that this engine does not know.
    #[error(
        "the state is under version {0} of the rules, and this engine knows version {known} \
         (use the engine that wrote it, or a later one)",
        known = RULES_VERSION
    )]
    UnknownRules(u32),
    /// They could not be read, or what stands there means nothing.
    #[error("before byte {offset} of the state: {source} ({EARLIER})")]
    Malformed {
        /// How far was read.
        offset: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// Bytes follow.
    #[error("bytes follow the state's end at byte {0} ({EARLIER})")]
    TrailingBytes(u64),
    /// Everything can be read, and cannot all be true.
    #[error("the state contradicts itself: {0} ({EARLIER})")]
    Inconsistent(String),
}

const EARLIER: &str = "the snapshot is damaged; take an earlier one";

/// What is true of the venue as a whole.
#[derive(BorshSerialize, BorshDeserialize)]
struct Head {
    limits: Limits,
    rules_version: u32,
    rules: VenueRules,
    sequence: u64,
    time: Timestamp,
    market_time: Timestamp,
    review_next: u32,
    last_order: u64,
}

impl State {
    /// Writes the whole state. Equal states give equal bytes.
    ///
    /// # Errors
    /// What the sink says.
    pub fn write_snapshot(&self, sink: &mut impl Write) -> io::Result<()> {
        sink.write_all(&MAGIC)?;
        let head = Head {
            limits: self.limits,
            rules_version: self.rules_version,
            rules: self.rules,
            sequence: self.sequence,
            time: self.time,
            market_time: self.market.time,
            review_next: self.review_next,
            last_order: self.orders.last,
        };
        head.serialize(sink)?;
        let mut ledger = Vec::new();
        self.ledger.write(&mut ledger);
        (ledger.len() as u64).serialize(sink)?;
        sink.write_all(&ledger)?;
        drop(ledger);
        self.assets.serialize(sink)?;
        for state in &self.assets {
            self.market.underlyings.contains_key(&state.underlying()).serialize(sink)?;
        }
        self.accounts.serialize(sink)?;
        self.instruments().serialize(sink)?;
        for listing in &self.listings {
            ListingParts::of(listing).serialize(sink)?;
        }
        (self.orders.len() as u64).serialize(sink)?;
        for order in self.orders.with_slots() {
            order.serialize(sink)?;
        }
        self.requests.serialize(sink)?;
        self.liquidation.serialize(sink)?;
        RiskParts::write(&self.risk, sink)?;
        match self.changes.is_empty() {
            true => Ok(()),
            false => self.changes.serialize(sink),
        }
    }

    /// Reads what [`State::write_snapshot`] wrote, up to the end of `source`. Its
    /// [record hash](State::record_hash) is to be compared with that of the state that was written.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn read_snapshot(source: &mut impl Read) -> Result<Self, SnapshotError> {
        let mut bytes = Bytes { source, offset: 0 };
        if bytes.read::<[u8; MAGIC.len()]>()? != MAGIC {
            return Err(SnapshotError::NotAState);
        }
        let head: Head = bytes.read()?;
        if head.rules_version != RULES_VERSION {
            return Err(SnapshotError::UnknownRules(head.rules_version));
        }
        let ledger = bytes.ledger(&head.limits)?;
        let assets: Vec<AssetState> = bytes.read()?;
        let in_market = assets.iter().map(|_| bytes.read()).collect::<Result<Vec<bool>, _>>()?;
        let accounts: Vec<AccountState> = bytes.read()?;
        let listings = bytes.list::<u32, ListingParts>()?;
        let orders = bytes.list::<u64, (u32, Order)>()?;
        let requests: Requests = bytes.read()?;
        let liquidation: Liquidation = bytes.read()?;
        let risk: RiskParts = bytes.read()?;
        let changes = bytes.changes()?;
        bytes.end()?;

        let mut state = Self::on(ledger, head.limits);
        (state.rules_version, state.rules) = (head.rules_version, head.rules);
        (state.sequence, state.time) = (head.sequence, head.time);
        state.market.time = head.market_time;
        state.review_next = head.review_next;
        (state.assets, state.accounts) = (assets, accounts);
        state.orders = Orders::restore(head.limits.orders_max, head.last_order, orders)
            .map_err(contradicts)?;
        state.requests = requests;
        (state.liquidation, state.changes) = (liquidation, changes);
        state.restore_assets(&in_market)?;
        state.restore_listings(listings)?;
        state.restore_accounts()?;
        state.restore_risk(risk)?;
        state.restore_derived();
        Ok(state)
    }
}

/// Bytes that are read, with how many there were.
struct Bytes<'a, R> {
    source: &'a mut R,
    offset: u64,
}

impl<R: Read> Read for Bytes<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.offset += count as u64;
        Ok(count)
    }
}

impl<R: Read> Bytes<'_, R> {
    fn read<T: BorshDeserialize>(&mut self) -> Result<T, SnapshotError> {
        let value = T::deserialize_reader(self);
        value.map_err(|source| SnapshotError::Malformed { offset: self.offset, source })
    }

    /// A count and so many values; memory is taken as they come.
    fn list<N: BorshDeserialize + Into<u64>, T: BorshDeserialize>(
        &mut self,
    ) -> Result<Vec<T>, SnapshotError> {
        let count: u64 = self.read::<N>()?.into();
        (0..count).map(|_| self.read()).collect()
    }

    fn ledger(&mut self, limits: &Limits) -> Result<Ledger, SnapshotError> {
        let length: u64 = self.read()?;
        let mut bytes = Vec::new();
        let read = self.take(length).read_to_end(&mut bytes);
        read.map_err(|source| SnapshotError::Malformed { offset: self.offset, source })?;
        Ledger::read(&bytes, limits.of_ledger()).map_err(contradicts)
    }

    /// What is announced, which is written if there is any: bytes that can't begin it are too many.
    fn changes(&mut self) -> Result<BTreeMap<u64, Announced>, SnapshotError> {
        let begin = self.offset;
        let malformed = |offset| move |source| SnapshotError::Malformed { offset, source };
        let mut count = Vec::new();
        let read = Read::by_ref(self).take(size_of::<u32>() as u64).read_to_end(&mut count);
        match read.map_err(malformed(begin))? {
            0 => return Ok(BTreeMap::new()),
            4 if count != [0; 4] => {}
            _ => return Err(SnapshotError::TrailingBytes(begin)),
        }
        let changes = BTreeMap::deserialize_reader(&mut count.as_slice().chain(&mut *self));
        let changes: BTreeMap<_, _> = changes.map_err(malformed(self.offset))?;
        match changes.len() > CHANGES_MAX as usize {
            true => Err(contradicts("more changes are announced than may be")),
            false => Ok(changes),
        }
    }

    fn end(&mut self) -> Result<(), SnapshotError> {
        let offset = self.offset;
        match Read::read(self, &mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(SnapshotError::TrailingBytes(offset)),
            Err(source) => Err(SnapshotError::Malformed { offset, source }),
        }
    }
}

/// What contradicts the rest.
fn contradicts(what: impl ToString) -> SnapshotError {
    SnapshotError::Inconsistent(what.to_string())
}

impl From<Rejection> for SnapshotError {
    fn from(rejection: Rejection) -> Self {
        contradicts(rejection)
    }
}
