//! The requests that were answered: a retry is told so and changes nothing.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::AccountId;

use crate::command::Action;

/// Requests by account. It is outside the record hash: what was said to clients is no state of
/// the venue.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Requests(BTreeMap<AccountId, Answered>);

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Answered {
    /// Hash and sequence number of the command by request id.
    known: BTreeMap<u64, (u64, u64)>,
    /// The highest id that was forgotten.
    forgotten: Option<u64>,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: it is new.
    New,
    /// The command with this sequence number answered it.
    Answered(u64),
    /// Another command had its id.
    Reused,
    /// It may have been answered; ids above this one are new.
    Forgotten(u64),
}

impl Requests {
    pub fn look_up(&self, account: AccountId, request: u64, digest: u64) -> Known {
        let Some(answered) = self.0.get(&account) else { return Known::New };
        match (answered.known.get(&request), answered.forgotten) {
            (Some((known, sequence)), _) if *known == digest => Known::Answered(*sequence),
            (Some(_), _) => Known::Reused,
            (None, Some(above)) if request <= above => Known::Forgotten(above),
            (None, _) => Known::New,
        }
    }

    /// Remembers a request that was answered now; forgets the lowest beyond `max`.
    pub fn remember(
        &mut self,
        account: AccountId,
        request: u64,
        digest: u64,
        sequence: u64,
        max: u32,
    ) {
        let answered = self.0.entry(account).or_default();
        answered.known.insert(request, (digest, sequence));
        while answered.known.len() > max as usize {
            let (lowest, _) = answered.known.pop_first().expect("it has more than its most");
            answered.forgotten = answered.forgotten.max(Some(lowest));
        }
    }
}

impl Action {
    /// The account and the number of the request, of an action that has them.
    #[must_use]
    pub fn request(&self) -> Option<(AccountId, u64)> {
        let (account, request) = match self {
            Self::PlaceOrder(place) => (place.account, place.request),
            Self::PlaceGroup(group) => (group.account, group.request),
            Self::AmendOrder(amend) => (amend.account, amend.request),
            Self::CancelOrder { account, request, .. } => (*account, *request),
            Self::CancelOrders(cancel) => (cancel.account, cancel.request),
            Self::MassQuote(quote) => (quote.account, quote.request),
            Self::Transfer(transfer) => (transfer.from, transfer.request),
            Self::ChangeMarginModel(change) => (change.account, change.request),
            Self::PlaceBid(bid) => (bid.account, bid.request),
            Self::CancelBid { account, request, .. } => (*account, *request),
            _ => return None,
        };
        request.map(|request| (account, request))
    }
}

/// The first eight bytes of the hash of what is asked.
pub(crate) fn digest(action: &Action) -> u64 {
    let mut hasher = blake3::Hasher::new();
    borsh::to_writer(&mut hasher, action).expect("a hasher takes every byte");
    let hash = hasher.finalize();
    let (first, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
    u64::from_le_bytes(*first)
}
