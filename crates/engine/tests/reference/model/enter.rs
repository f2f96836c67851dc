//! What an order must pass on its way into the book.

use book::{Lots, NewOrder, OrderId, OrderKind, Side, Ticks};
use engine::Rejection;
use engine::command::{OrderTerms, OrderType};
use engine::event::Event;
use engine::prices::IndexStatus;
use engine::rules::{MarketState, PRICE_MAX};
use instruments::{Amount, Price, Quantity, Rounding, mul_div};
use ledger::AccountId;
use risk::OpenOrder;

use super::place::{Ties, limit_of, order_now, ticks_down};
use super::{ListingNow, Model, OrderNow, Stage};

/// What the checks made of an order.
pub struct Checked {
    pub lots: i64,
    pub limit: Ticks,
}

impl Model {
    /// Lets an order into the book, or says why not.
    pub(super) fn enter(
        &mut self,
        account: AccountId,
        terms: &OrderTerms,
        waited: Option<u64>,
        ties: Ties,
    ) -> Result<u64, Rejection> {
        let Checked { lots, limit } = self.check_entry(account, terms, None)?;
        let id = waited.unwrap_or(self.last_order + 1);
        let order = NewOrder {
            id: OrderId(id),
            account: book::AccountId(account.number()),
            side: terms.side,
            lots: Lots(lots),
            kind: kind(terms.order_type, limit),
            display: terms.display.map(Lots),
            self_trade: terms.self_trade,
        };
        let mut answers = Vec::new();
        let submitted = self.listing_mut(terms.instrument).book.submit(&order, &mut answers);
        submitted.map_err(Rejection::Book)?;
        let kept = order_now(id, account, terms, Stage::Resting, ties);
        self.orders.insert(id, OrderNow { open: lots, limit, ..kept });
        self.price_order(id);
        if waited.is_none() {
            self.last_order = id;
            self.events.push(Event::OrderAccepted {
                order: OrderId(id),
                account,
                instrument: terms.instrument,
                side: terms.side,
                lots,
                limit: Some(self.listing(terms.instrument).price(limit)),
                waits: false,
                label: terms.label.clone(),
            });
        }
        self.take_in(terms.instrument, answers);
        self.set_off_by_trades(Some(account), terms.instrument);
        Ok(id)
    }

    /// Checks of an order that enters, or of one that is amended and has so many lots open now.
    pub(super) fn check_entry(
        &self,
        account: AccountId,
        terms: &OrderTerms,
        own: Option<u64>,
    ) -> Result<Checked, Rejection> {
        let (id, side) = (terms.instrument, terms.side);
        self.check_trading(id)?;
        let listing = self.listing(id);
        let market = |state| Err(Rejection::Market { instrument: id, state });
        if listing.market_state() == MarketState::Halted {
            return market(MarketState::Halted);
        }
        let owner = self.account(account);
        self.check_model(owner.model)?;
        if !self.epoch.as_ref().is_some_and(|epoch| epoch.covered.contains(&id)) {
            return Err(Rejection::NotInEpoch(listing.instrument));
        }
        let held = signed(side, owner.lots(id));
        if terms.reduce_only && held >= 0 {
            return Err(Rejection::NothingToReduce);
        }
        let lots = if terms.reduce_only { terms.lots.min(-held) } else { terms.lots };
        let others: i64 = self
            .resting(account, id)
            .filter(|order| order.terms.side == side && Some(order.id.0) != own)
            .map(|order| order.open)
            .sum();
        let closes = held + others + lots <= 0;
        if !closes {
            if listing.market_state() == MarketState::ReduceOnly {
                return market(MarketState::ReduceOnly);
            }
            let instrument = listing.instrument;
            for asset in [instrument.base(), instrument.settlement_asset(), instrument.quote()] {
                if self.asset_now(asset).status != IndexStatus::Fresh {
                    return Err(Rejection::StaleIndex(asset));
                }
            }
            if self.epoch_is_beyond(1) {
                return Err(Rejection::EpochOverdue);
            }
        }
        let limit = self.limit_in_band(listing, terms)?;
        let would = held + others + lots;
        let most = listing.terms.position_max;
        if would > most && !closes {
            return Err(Rejection::PositionLimit { would, most });
        }
        let would = self.open_interest(id) + lots;
        let most = listing.terms.open_interest_max;
        if would > most && !closes {
            return Err(Rejection::OpenInterest { would, most });
        }
        let underlying = listing.instrument.underlying();
        if terms.protected && self.is_frozen(account, underlying) {
            return Err(Rejection::QuotesFrozen(underlying));
        }
        let open = self.open_order(listing, side, lots, limit);
        self.admit(account, &open, own)?;
        Ok(Checked { lots, limit })
    }

    fn limit_in_band(&self, listing: &ListingNow, terms: &OrderTerms) -> Result<Ticks, Rejection> {
        let mark = listing.mark.ok_or(Rejection::NoIndex(listing.instrument.base()))?;
        let [low, high] = band(listing, mark);
        let Some(price) = limit_of(terms.order_type) else {
            return Ok(if terms.side == Side::Buy { high } else { low });
        };
        let limit = ticks_down(listing, price);
        let outside = if terms.side == Side::Buy { limit > high } else { limit < low };
        let [low, high] = [low, high].map(|ticks| listing.price(ticks));
        if outside { Err(Rejection::Band { price, low, high }) } else { Ok(limit) }
    }

    /// Takes an order's fee anew, because its size or price has changed.
    pub(super) fn price_order(&mut self, id: u64) {
        let OrderNow { terms, open, limit, .. } = &self.orders[&id];
        let listing = self.listing(terms.instrument);
        let fee = self.open_order(listing, terms.side, *open, *limit).fee;
        self.orders.get_mut(&id).unwrap().fee = fee;
    }

    pub(super) fn open_interest(&self, id: engine::InstrumentId) -> i64 {
        self.accounts.iter().map(|account| account.lots(id).max(0)).sum()
    }

    /// An order as margin sees it, with its fee at most.
    pub(super) fn open_order(
        &self,
        listing: &ListingNow,
        side: Side,
        lots: i64,
        limit: Ticks,
    ) -> OpenOrder {
        let fees = listing.terms.fees;
        let limit = listing.price(limit);
        OpenOrder {
            instrument: listing.instrument,
            quantity: Quantity::from_lots(signed(side, lots)),
            limit,
            fee: self.fee(listing, lots, limit, fees.maker_ppm.max(fees.taker_ppm)),
        }
    }

    /// What trading some lots costs, rounded up.
    pub fn fee(&self, listing: &ListingNow, lots: i64, price: Price, ppm: i32) -> Amount {
        let instrument = &listing.instrument;
        let index = self.asset_now(instrument.base()).price.unwrap_or(Price::ZERO);
        let lots = Quantity::from_lots(lots);
        let share = |of: i128, ppm: i128| mul_div(of, ppm, 1_000_000, Rounding::Ceil).unwrap();
        let traded = instrument.value(lots, price, Rounding::Ceil).unwrap().units().abs();
        if !instrument.is_option() {
            return Amount::from_units(share(traded, i128::from(ppm)));
        }
        let mut worth = instrument.base_size(lots, index).unwrap();
        if instrument.settlement_asset() != instrument.base() {
            worth = Amount::from_units(worth).worth(index, Rounding::Ceil).unwrap().units();
        }
        let cap = share(traded, i128::from(listing.terms.fees.premium_cap_ppm));
        Amount::from_units(share(worth, i128::from(ppm)).clamp(-cap, cap))
    }
}

/// Lots with the sign of their side.
pub fn signed(side: Side, lots: i64) -> i64 {
    if side == Side::Buy { lots } else { -lots }
}

fn kind(order_type: OrderType, price: Ticks) -> OrderKind {
    match order_type {
        OrderType::Limit { .. } => OrderKind::Limit { price },
        OrderType::PostOnly { crossing, .. } => OrderKind::PostOnly { price, crossing },
        OrderType::ImmediateOrCancel { .. } => OrderKind::ImmediateOrCancel { price },
        OrderType::FillOrKill { .. } => OrderKind::FillOrKill { price },
        OrderType::Market {} => OrderKind::Market { protection: price },
        OrderType::MarketLimit {} => OrderKind::MarketLimit { protection: price },
    }
}

/// The lowest price to sell and the highest to buy, in ticks.
fn band(listing: &ListingNow, mark: Price) -> [Ticks; 2] {
    let (mark, tick) = (i128::from(mark.units()), i128::from(listing.terms.tick.units()));
    let wide = (mark * i128::from(listing.terms.band_ppm) / 1_000_000)
        .max(i128::from(listing.terms.band_min.units()));
    let held = |units: i128| units.clamp(1, i128::from(PRICE_MAX.units()));
    let low = (held(mark - wide) + tick - 1) / tick;
    let high = (held(mark + wide) / tick).max(1);
    [low, high].map(|ticks| Ticks(i64::try_from(ticks).unwrap()))
}
