//! The state of a book as bytes, for record hashes and snapshots.
//!
//! All numbers are little-endian. A book is one state record and one record per order; what else it
//! holds, levels, queues and lists, follows from these. An order:
//!
//! ```text
//! offset  size  what
//!      0     8  name
//!      8     4  account
//!     12     1  side: 0 buy, 1 sell
//!     13     1  post-only: 0 no, 1 reject, 2 reprice
//!     14     1  self-trade: 0 allow, 1 cancel taker, 2 cancel maker, 3 cancel both, 4 decrement
//!     15     1  0
//!     16     8  price, ticks, signed
//!     24     8  displayed, lots
//!     32     8  hidden, lots
//!     40     8  displayed size, lots; 0 shows all
//!     48     8  stamp of acceptance
//!     56     8  stamp of queueing
//! ```
//!
//! The state of the book:
//!
//! ```text
//! offset  size  what
//!      0     1  phase: 0 continuous, 1 call
//!      1     7  0
//!      8     8  the last stamp given
//!     16    16  lots submitted
//!     32    16  lots filled
//!     48    16  lots cancelled
//! ```

use thiserror::Error;

use crate::order::{Crossing, SelfTrade};
use crate::slab::{Beside, Order};
use crate::{
    AccountId, Book, Limits, LimitsError, Lots, OrderId, Phase, Refusal, RestingOrder, Side, Ticks,
    Totals,
};

/// Bytes of an order's record and of a book's state record.
pub const RECORD_LEN: usize = 64;

/// No total comes near this: 2^63 commands of 2^62 lots.
const TOTAL_BOUND: i128 = 1 << 126;
/// No stamp comes near this: a thousand years of ten million a second make 2^59.
const STAMP_BOUND: u64 = 1 << 63;

/// Why records make no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The limits make no sense.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// A byte that has no meaning.
    #[error("byte {offset} of a record is {value}, which means nothing")]
    Byte {
        /// Where it stands.
        offset: usize,
        /// What it is.
        value: u8,
    },
    /// An order that the limits exclude.
    #[error("order {order} can't rest: {refusal}")]
    Order {
        /// The order.
        order: OrderId,
        /// Why.
        refusal: Refusal,
    },
    /// Records that contradict each other, or themselves.
    #[error("the records contradict each other: {0}")]
    Contradiction(&'static str),
}

impl RestingOrder {
    /// The order's record.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        bytes[..8].copy_from_slice(&self.id.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.account.0.to_le_bytes());
        bytes[12] = self.side as u8;
        bytes[13] = self.post_only.map_or(0, |crossing| crossing as u8);
        bytes[14] = self.self_trade as u8;
        bytes[16..24].copy_from_slice(&self.price.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.displayed.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.hidden.0.to_le_bytes());
        let display = self.display.map_or(0, |display| display.0);
        bytes[40..48].copy_from_slice(&display.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.accepted.to_le_bytes());
        bytes[56..].copy_from_slice(&self.queued.to_le_bytes());
        bytes
    }

    /// The order of a record; only bytes that [`RestingOrder::to_bytes`] writes are read.
    ///
    /// # Errors
    /// [`RestoreError::Byte`].
    pub fn from_bytes(bytes: &[u8; RECORD_LEN]) -> Result<Self, RestoreError> {
        let wrong = |offset| Err(RestoreError::Byte { offset, value: bytes[offset] });
        let number = |offset| i64::from_le_bytes(part(bytes, offset));
        Ok(Self {
            id: OrderId(u64::from_le_bytes(part(bytes, 0))),
            account: AccountId(u32::from_le_bytes(part(bytes, 8))),
            side: match bytes[12] {
                0 => Side::Buy,
                1 => Side::Sell,
                _ => return wrong(12),
            },
            post_only: match bytes[13] {
                0 => None,
                1 => Some(Crossing::Reject),
                2 => Some(Crossing::Reprice),
                _ => return wrong(13),
            },
            self_trade: match bytes[14] {
                0 => SelfTrade::Allow,
                1 => SelfTrade::CancelTaker,
                2 => SelfTrade::CancelMaker,
                3 => SelfTrade::CancelBoth,
                4 => SelfTrade::Decrement,
                _ => return wrong(14),
            },
            price: match bytes[15] {
                0 => Ticks(number(16)),
                _ => return wrong(15),
            },
            displayed: Lots(number(24)),
            hidden: Lots(number(32)),
            display: Some(Lots(number(40))).filter(|display| *display != Lots(0)),
            accepted: u64::from_le_bytes(part(bytes, 48)),
            queued: u64::from_le_bytes(part(bytes, 56)),
        })
    }
}

impl Book {
    /// The book's state record.
    #[must_use]
    pub fn state_bytes(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        bytes[0] = self.phase as u8;
        bytes[8..16].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.totals.submitted.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.totals.filled.to_le_bytes());
        bytes[48..].copy_from_slice(&self.totals.cancelled.to_le_bytes());
        bytes
    }

    /// A book from its records, the orders in any sequence. It goes on as the one that wrote them.
    ///
    /// # Errors
    /// If a record means nothing, an order breaks the limits, or records contradict each other.
    pub fn restore(
        limits: Limits,
        state: &[u8; RECORD_LEN],
        orders: &[[u8; RECORD_LEN]],
    ) -> Result<Self, RestoreError> {
        let mut book = Self::new(limits)?;
        book.phase = match state[0] {
            0 => Phase::Continuous,
            1 => Phase::Call,
            value => return Err(RestoreError::Byte { offset: 0, value }),
        };
        if let Some(offset) = (1..8).find(|offset| state[*offset] != 0) {
            return Err(RestoreError::Byte { offset, value: state[offset] });
        }
        book.stamp = u64::from_le_bytes(part(state, 8));
        let [submitted, filled, cancelled] =
            [16, 32, 48].map(|offset| i128::from_le_bytes(part(state, offset)));
        let is_total = |total: i128| (0..TOTAL_BOUND).contains(&total);
        if book.stamp >= STAMP_BOUND || ![submitted, filled, cancelled].into_iter().all(is_total) {
            return Err(RestoreError::Contradiction("a total or stamp is beyond any that occurs"));
        }
        book.totals = Totals { submitted, filled, cancelled, open: 0 };
        let mut orders =
            orders.iter().map(RestingOrder::from_bytes).collect::<Result<Vec<_>, _>>()?;
        orders.sort_by_key(|order| order.accepted);
        for order in &orders {
            book.check_restored(order)?;
            book.restore_order(order);
        }
        orders.sort_by_key(|order| order.queued);
        for order in &orders {
            let slot = book.orders.find(order.id).expect("it was just restored");
            book.orders.link(&mut book.sides[order.side.index()], slot);
            book.totals.open += i128::from(order.open().0);
        }
        book.check().map_err(RestoreError::Contradiction)?;
        Ok(book)
    }

    fn check_restored(&self, order: &RestingOrder) -> Result<(), RestoreError> {
        let RestingOrder { displayed, hidden, display, .. } = *order;
        if order.accepted > self.stamp || order.queued > self.stamp {
            return Err(RestoreError::Contradiction("an order has a stamp yet to come"));
        }
        let open = displayed.0.checked_add(hidden.0).map_or(Lots(-1), Lots);
        let refusal = if self.orders.find(order.id).is_some() {
            Err(Refusal::DuplicateOrder)
        } else {
            self.limits
                .check_lots(open)
                .and_then(|()| self.limits.check_price(order.price))
                .and_then(|()| match display {
                    Some(display) => self.limits.check_display(display, open),
                    None => Ok(()),
                })
                .and_then(|()| self.check_room(order.account))
        };
        refusal.map_err(|refusal| RestoreError::Order { order: order.id, refusal })?;
        if displayed.0 < 1 || hidden.0 < 0 || (display.is_none() && hidden.0 != 0) {
            return Err(RestoreError::Contradiction("an order's parts are not as its terms say"));
        }
        Ok(())
    }

    fn restore_order(&mut self, order: &RestingOrder) {
        let slot = self.orders.insert(
            Order {
                id: order.id,
                key: order.side.key(order.price),
                displayed: order.displayed.0,
                queued: order.queued,
                account: order.account,
                side: order.side,
                self_trade: order.self_trade,
                post_only: order.post_only,
                is_partly_hidden: order.display.is_some(),
            },
            Beside {
                hidden: order.hidden.0,
                display: order.display.map_or(0, |display| display.0),
                accepted: order.accepted,
            },
        );
        self.accounts.add(order.account, order.side, slot);
    }
}

/// So many bytes from an offset on.
pub(crate) fn part<const N: usize, const LEN: usize>(bytes: &[u8; LEN], offset: usize) -> [u8; N] {
    bytes[offset..offset + N].try_into().expect("the range has this length")
}
