//! Mass quotes.

use book::{Crossing, OrderId, SelfTrade, Side};
use ledger::AccountId;

use super::{Events, reject};
use crate::command::{MassQuote, OrderTerms, OrderType, Quote, QuoteSide};
use crate::event::CancelReason;
use crate::orders::Then;
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn mass_quote(
        &mut self,
        mass: &MassQuote,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        self.check_account(mass.account)?;
        let (found, most) = (mass.quotes.len(), self.rules.quotes_max);
        if found > most as usize {
            return Err(Rejection::TooManyQuotes { found: found as u64, most });
        }
        for (place, quote) in mass.quotes.iter().enumerate() {
            self.check_listing(quote.instrument)?;
            if mass.quotes[..place].iter().any(|other| other.instrument == quote.instrument) {
                let problem = format!("{} is quoted twice", quote.instrument);
                return Err(Rejection::Group(problem));
            }
        }
        for Quote { instrument, bid, ask } in &mass.quotes {
            for (side, wanted) in [(Side::Buy, bid), (Side::Sell, ask)] {
                self.quote(mass.account, *instrument, side, *wanted, events);
            }
        }
        Ok(())
    }

    /// One side of a quote: what is there is amended or cancelled, what is not is placed.
    fn quote(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        wanted: Option<QuoteSide>,
        events: &mut Events,
    ) {
        let there = self.quoted(account, instrument, side);
        let result = match (there, wanted) {
            (None, None) => Ok(()),
            (Some(id), None) => {
                self.withdraw(id, CancelReason::Replaced, events);
                Ok(())
            }
            (Some(id), Some(QuoteSide { price, lots })) => {
                self.amend(account, id, price, lots, events)
            }
            (None, Some(wanted)) => self.place_quote(account, instrument, side, wanted, events),
        };
        if let Err(reason) = result {
            reject(Some(account), reason, events);
            if let Some(id) = there.filter(|id| self.orders.get(*id).is_some()) {
                self.withdraw(id, CancelReason::Replaced, events);
            }
        }
    }

    fn place_quote(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        QuoteSide { price, lots }: QuoteSide,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let terms = OrderTerms {
            instrument,
            side,
            lots,
            order_type: OrderType::PostOnly { price, crossing: Crossing::Reprice },
            trigger: None,
            reduce_only: false,
            display: None,
            expires: None,
            self_trade: SelfTrade::CancelTaker,
            protected: true,
            label: None,
        };
        self.check_terms(&terms)?;
        self.check_room(account, std::iter::once(&terms))?;
        self.place(account, &terms, None, Then::default(), events).map(|_| ())
    }

    /// The oldest order under protection of an account on one side.
    fn quoted(&self, account: AccountId, id: InstrumentId, side: Side) -> Option<OrderId> {
        self.account_ref(account).open(id)?;
        let mut resting = self.account_ref(account).resting.iter();
        let is_quote = |order: &&OrderId| {
            let terms = self.terms(**order);
            terms.instrument == id && terms.side == side && terms.protected
        };
        resting.find(is_quote).copied()
    }
}
