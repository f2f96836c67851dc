//! A world that goes on with a venue which is there, and leaves real history where it ends.

use engine::State;
use engine::command::ClosesDay;
use instruments::{Price, Timestamp};
use ledger::TransferId;

use super::{Streams, World};
use crate::market::diffusion::Diffusion;
use crate::market::smile::Smiles;
use crate::market::{Paths, asset};

impl World {
    /// Takes up what the venue is like: its index prices, what epochs are made of, and the numbers that
    /// requests and transfers have reached. `transfers_end` is above all transfers of this world.
    pub fn go_on(&mut self, seed: u64, state: &State, transfers_end: TransferId) {
        self.worker.go_on();
        let coins = self.prices().len();
        self.cashier.go_on(coins, state.ledger(), transfers_end);
        if let Some(closes) = state.closes().filter(|closes| closes.assets.len() == coins) {
            let dollars = |price: &Option<Price>| price.map(in_dollars);
            let day = |day: &ClosesDay| (day.date, day.closes.iter().map(dollars).collect());
            self.days = closes.days.iter().map(day).collect();
        }
        // A request that was executed has a lower number than the command that it was.
        for person in &mut self.people {
            person.request = state.sequence();
        }
        // Else what was drawn before would be drawn again.
        let people = self.draws.people.clone();
        let seed = seed ^ state.sequence().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.draws = Streams { people, ..Streams::of(seed) };
        if let Some(prices) = live_prices(state, coins) {
            match &mut self.paths {
                Paths::Seeded(diffusion) => *diffusion = Diffusion::at(self.last, &prices),
                Paths::Real(bridges) => bridges.begin_at(&prices),
            }
        }
    }

    /// From here on prices and volatilities are made of the seed: real ones have come to their end.
    pub fn leave_history(&mut self, now: Timestamp) {
        self.paths = Paths::Seeded(Diffusion::at(now, &self.prices()));
        self.smiles = Smiles::Seeded;
        self.surface_at = None;
    }
}

/// The index prices of so many coins, if the venue has all of them.
fn live_prices(state: &State, coins: usize) -> Option<Vec<f64>> {
    let price = |coin| {
        let price = state.market().price(asset(coin)).ok()?;
        Some(in_dollars(price))
    };
    (0..coins).map(price).collect()
}

fn in_dollars(price: Price) -> f64 {
    price.units() as f64 / instruments::SCALE as f64
}
