//! Memory that the next commands will need, asked for while others are applied.
//!
//! A venue of many accounts does not fit the CPU's caches, and one command touches a dozen places of
//! it, most of which are found through others. Whoever has several commands at hand says which come
//! next: each is then looked at a few times, a step further along its way each time.

use book::{OrderId, Side};
use ledger::AccountId;

use crate::command::{Action, OrderTerms};
use crate::state::asset_index;
use crate::{Command, InstrumentId, State};

/// How much of a list is asked for.
const FRONT_BYTES: usize = 640;

/// Where a command will do its work.
struct Way {
    account: AccountId,
    instrument: InstrumentId,
    /// The order that it is about, if that is in the book already.
    order: Option<OrderId>,
    /// Whose order it will meet.
    maker: Option<AccountId>,
}

impl State {
    /// Prepares the commands that come next, of which `coming` gives any, the next one as 0th. Call
    /// it before each command is applied. What is not near comes slower; nothing else depends on it.
    pub fn look_ahead<'a>(&self, coming: impl Fn(usize) -> Option<&'a Command>) {
        if let Some(command) = coming(7) {
            numerics::prefetch(command);
        }
        if let Some(order) = coming(5).and_then(order_of) {
            self.orders.prefetch_index(order);
        }
        if let Some(order) = coming(4).and_then(order_of) {
            self.orders.prefetch(order);
        }
        if let Some(way) = coming(3).and_then(|command| self.way_of(command)) {
            self.prefetch_heads(&way);
        }
        if let Some(way) = coming(1).and_then(|command| self.way_of(command)) {
            self.prefetch_rest(&way);
        }
    }

    /// What is found by number.
    fn prefetch_heads(&self, way: &Way) {
        for account in [Some(way.account), way.maker].into_iter().flatten() {
            if let Some(state) = self.accounts.get(account.number() as usize) {
                numerics::prefetch(state);
                numerics::prefetch(&self.credits[account.number() as usize]);
            }
        }
        if let Some(listing) = self.listings.get(way.instrument.place()) {
            let account = book::AccountId(way.account.number());
            listing.book.prefetch_indices(account, way.order);
        }
    }

    /// What is found through that.
    fn prefetch_rest(&self, way: &Way) {
        let Some(listing) = self.listings.get(way.instrument.place()) else { return };
        for account in [Some(way.account), way.maker].into_iter().flatten() {
            if let Some(state) = self.accounts.get(account.number() as usize) {
                prefetch_front(&state.slots);
                prefetch_front(&state.open);
                prefetch_front(&state.resting);
                if way.maker.is_some() {
                    self.ledger.prefetch(account, asset_index(listing.settlement));
                    numerics::prefetch(&*state.assets);
                }
            }
        }
        listing.book.prefetch(book::AccountId(way.account.number()), way.order);
    }

    fn way_of(&self, command: &Command) -> Option<Way> {
        if let Action::PlaceOrder(place) = &command.action {
            let (account, instrument) = (place.account, place.order.instrument);
            return Some(Way { account, instrument, order: None, maker: self.maker(&place.order) });
        }
        let order = self.orders.get(order_of(command)?)?;
        let (account, instrument) = (order.account, order.terms.instrument);
        Some(Way { account, instrument, order: Some(order.id), maker: None })
    }

    /// Whose order a new one meets first.
    fn maker(&self, terms: &OrderTerms) -> Option<AccountId> {
        let listing = self.listings.get(terms.instrument.place())?;
        let best = listing.price(listing.book.best(terms.side.opposite())?);
        let meets = terms.order_type.price().is_none_or(|limit| match terms.side {
            Side::Buy => limit >= best,
            Side::Sell => limit <= best,
        });
        // Looked up only then, since that takes memory that may be far.
        let maker = meets.then(|| listing.book.first_account(terms.side.opposite()));
        maker.flatten().map(|maker| AccountId::new(maker.0))
    }

    /// Asks for the credits of accounts that are reviewed next.
    pub(crate) fn prefetch_credits(&self, from: u32, count: u32) {
        let from = from as usize;
        let end = self.credits.len().min(from + count as usize);
        numerics::prefetch(&self.credits[from..end]);
    }
}

/// Asks for so much of a list as most have. What has more is of an account that comes often.
fn prefetch_front<T>(list: &[T]) {
    numerics::prefetch(&list[..list.len().min(FRONT_BYTES / size_of::<T>())]);
}

/// The order that a command is about.
fn order_of(command: &Command) -> Option<OrderId> {
    match &command.action {
        Action::AmendOrder(amend) => Some(amend.order),
        Action::CancelOrder { order, .. } => Some(*order),
        _ => None,
    }
}
