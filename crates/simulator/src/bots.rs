//! Bots that bid for what is liquidated: they look at the cases that are open, say what they bid, and
//! sell what they took. [`Liquidator`] has three strategies that compete in every simulation, and two
//! that stand for other designs; `examples/liquidator.rs` is a small one of its own.
//!
//! A bot knows what every client may know: marks, books, volatilities, the cases and what is for sale.

mod cost;
mod liquidator;

use engine::command::Action;
use engine::event::Stands;
use engine::liquidation::{CaseView, Stage};
use engine::{Rejection, State};
use risk::Account;

pub use cost::unwind_cost;
pub use liquidator::{Liquidator, Strategy};

/// Something that acts in every step of a simulation.
pub trait Bot: Send {
    /// What it asks for, with all that is for sale now.
    fn act(&mut self, state: &State, offers: &[Offer]) -> Vec<Action>;

    /// It is told that something that it asked for is refused, and why.
    fn refused(&mut self, _action: &Action, _reason: &Rejection) {}
}

/// A portfolio in auction.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The case: its stage, step, and the reserve or premium by now.
    pub case: CaseView,
    /// What is for sale.
    pub portfolio: Account,
    /// What it is worth and needs.
    pub stands: Stands,
    /// What it costs to unwind at once, in US dollars, as everybody estimates it.
    pub cost: f64,
}

/// All that is for sale.
#[must_use]
pub fn offers(state: &State) -> Vec<Offer> {
    let is_open =
        |case: &CaseView| matches!(case.stage, Stage::Auction | Stage::Insolvent) && !case.paused;
    let offer = |case: CaseView| {
        let mut portfolio = state.account(case.account)?;
        portfolio.orders.clear();
        let stands = state.stands(case.account).ok()?;
        let cost = unwind_cost(state, &portfolio);
        Some(Offer { case, portfolio, stands, cost })
    };
    state.cases().filter(is_open).filter_map(offer).collect()
}
