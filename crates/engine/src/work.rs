//! Room that commands use and leave empty, kept so that nothing is allocated for each.

use std::collections::VecDeque;

use book::OrderId;
use ledger::AccountId;
use risk::{Account, DenseAccount, DenseRoom, PortfolioVector, Room};

use crate::InstrumentId;
use crate::bound::BoundInputs;
use crate::event::CancelReason;
use crate::orders::Then;

/// Scratch room. Empty between commands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// What a book answered.
    pub book: Vec<book::Event>,
    /// What a book answered to a cancellation, which says nothing new.
    pub cancelled: Vec<book::Event>,
    /// Whole units that fractions of closed positions made.
    pub whole_residue: i128,
    /// Triggers that a price fired.
    pub fired: Vec<book::Trigger>,
    /// Orders that traded, in order, with what that sets off.
    pub filled: Vec<Filled>,
    /// Whether a book's answers are being taken in.
    pub taking_in: bool,
    /// Orders to be cancelled once they are, each with the one that it goes with.
    pub dependents: Vec<(OrderId, OrderId, CancelReason)>,
    /// Orders to be placed, first come first served.
    pub queue: VecDeque<OrderId>,
    /// What the bound of the last account was computed from.
    pub inputs: Option<Box<BoundInputs>>,
    /// What the exact margin of the last account was computed in.
    pub margins: Option<Box<MarginRoom>>,
    /// Orders are admitted by the exact computation alone; for measurements.
    pub exact: bool,
    /// Instruments whose triggers look at their prices.
    pub moved: Vec<InstrumentId>,
}

/// Room for the exact margin of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct MarginRoom {
    /// For the computation by numbers.
    pub account: DenseAccount,
    pub dense: DenseRoom,
    /// For the general one.
    pub view: Account,
    pub vector: Option<PortfolioVector>,
    pub room: Room,
}

/// An order that traded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    pub account: AccountId,
    pub lots: i64,
    /// Cancelled for it.
    pub partner: Option<OrderId>,
    /// Placed for it.
    pub then: Then,
    pub protected: bool,
}
