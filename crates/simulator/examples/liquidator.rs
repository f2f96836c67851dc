//! A liquidator to begin with. It looks at what is for sale, says what it would take and for how much
//! less than it is worth, and sells what it took; then it lives through the worst hour of a crash, among
//! the simulator's own bots.
//!
//! ```text
//! cargo run --release --example liquidator -- PRICES [DAY]
//! ```

use std::error::Error;

use engine::State;
use engine::command::{Action, OrderTerms, OrderType, PlaceBid, PlaceOrder};
use engine::liquidation::Stage;
use instruments::{Amount, Timestamp};
use ledger::AccountId;
use plimsoll_simulator::bots::{Bot, Offer};
use plimsoll_simulator::{Crash, Leverage, simulate_with_bot};

/// Asks for what unwinding costs, and this much more.
const PROFIT: f64 = 1.2;
/// Takes at most this part of a portfolio.
const SHARE: f64 = 0.5;

struct Example {
    account: AccountId,
}

impl Bot for Example {
    fn act(&mut self, state: &State, offers: &[Offer]) -> Vec<Action> {
        let bids = offers.iter().filter_map(|offer| self.bid(offer));
        bids.chain(self.sell(state)).collect()
    }
}

impl Example {
    /// A bid for a part of a portfolio: a new one takes the place of the last, so that it may be sent in
    /// every step. The venue refuses what the account can't carry.
    fn bid(&self, offer: &Offer) -> Option<Action> {
        let dollars = |amount: Amount| amount.units() as f64 / 1e8;
        // Of what is insolvent the fund pays a premium, up to the maintenance requirement; of all else a
        // part of the value is the discount.
        let whole = match offer.case.stage {
            Stage::Insolvent => dollars(offer.stands.maintenance),
            _ => dollars(offer.stands.value),
        };
        let least = PROFIT * offer.cost / whole.max(1.0);
        (least < 1.0).then(|| {
            Action::PlaceBid(PlaceBid {
                account: self.account,
                request: None,
                case: offer.case.id,
                // For whatever is left of it, even if something was sold meanwhile.
                step: None,
                share_ppb: (SHARE * 1e9) as u32,
                least_ppb: (least * 1e9) as u32,
                limit: Amount::from_units(offer.stands.value.units().max(0)),
            })
        })
    }

    /// Closes what it holds at the best price there is, as much as is shown there.
    fn sell(&self, state: &State) -> Vec<Action> {
        let Some(held) = state.account(self.account) else { return Vec::new() };
        let close = |(instrument, position): (&instruments::Instrument, &risk::Position)| {
            let id = state.instrument_id(instrument)?;
            let lots = position.quantity.lots();
            let side = if lots > 0 { book::Side::Sell } else { book::Side::Buy };
            let best = state.book(id)?.depth(side.opposite()).next()?;
            let order = OrderTerms {
                instrument: id,
                side,
                lots: lots.abs().min(best.displayed.0).max(1),
                order_type: OrderType::Market {},
                trigger: None,
                reduce_only: true,
                display: None,
                expires: None,
                self_trade: book::SelfTrade::default(),
                protected: false,
                label: None,
            };
            Some(Action::PlaceOrder(PlaceOrder { account: self.account, request: None, order }))
        };
        held.positions.iter().filter_map(close).collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prices = arguments.next().ok_or("name the folder with prices")?;
    let crash: Crash = arguments.next().as_deref().unwrap_or("2020-03-12").parse()?;
    let mut options = crash.options(Leverage::High, prices.into(), None);
    (options.accounts, options.hours) = (100, 1);
    if let Some(real) = &mut options.real {
        let start = crash.worst_hour().milliseconds() - Timestamp::HOUR / 4;
        real.from = Timestamp::from_milliseconds(start);
    }
    let mut make = |account| -> Box<dyn Bot> { Box::new(Example { account }) };
    let report = simulate_with_bot(&options, &mut |_| {}, &mut make)?;
    println!("{:#?}", report.waterfall);
    Ok(())
}
