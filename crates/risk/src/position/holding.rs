//! Positions and open orders of one instrument, and what they need by themselves.

use std::collections::BTreeMap;

use instruments::{
    Amount, ContractKind, Instrument, Quantity, Rounding, SettlementStyle, Timestamp, Underlying,
};

use super::{Need, Opened, OptionLeg, PositionMargin};
use crate::RiskError;
use crate::account::{Account, OpenOrder, Position};
use crate::array::lot_f64;
use crate::equity::worth;
use crate::market::{Market, price_f64};
use crate::methodology::NotionalAt;

/// What an account holds and has ordered in one instrument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub instrument: Instrument,
    /// Signed lots: as they stand, with all bids filled, with all asks filled.
    pub held: i64,
    pub with_bids: i64,
    pub with_asks: i64,
    /// The largest need over the three, and the need as it stands.
    pub initial: Amount,
    pub maintenance: Amount,
    /// What filling the orders costs equity at once.
    pub entry: Amount,
    pub unrealised: Amount,
    /// The contract in plain numbers, in US dollars per unit of the underlying.
    pub terms: Terms,
}

/// A contract's numbers in US dollars per unit of the underlying.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub index: f64,
    pub mark: f64,
    /// Size of one lot, in the asset in which it is stated.
    pub lot: f64,
    /// What one unit of the underlying is in that asset: one, or its price in the quote asset.
    pub per_unit: f64,
}

impl Terms {
    /// Units of the underlying in a number of lots.
    pub fn units(&self, lots: f64) -> f64 {
        lots * self.lot / self.per_unit
    }
}

impl Holding {
    /// The margin that is reported.
    pub fn margin(&self) -> PositionMargin {
        PositionMargin {
            instrument: self.instrument,
            quantity: Quantity::from_lots(self.held),
            initial: Amount::from_units(self.initial.units() + self.entry.units()),
            maintenance: self.maintenance,
            unrealised: self.unrealised,
        }
    }

    /// Takes off what a cap gives back.
    pub fn give_back(&mut self, relief: &[Amount; 2]) {
        self.initial = Amount::from_units(self.initial.units() - relief[0].units());
        self.maintenance = Amount::from_units(self.maintenance.units() - relief[1].units());
    }

    /// Units of the underlying in signed lots.
    pub fn units(&self, lots: i64) -> f64 {
        self.terms.units(lots as f64)
    }

    /// The most units that the position can have while its orders fill, either way.
    pub fn units_max(&self) -> f64 {
        self.units(self.with_bids.max(0)).max(-self.units(self.with_asks.min(0)))
    }

    /// The option's underlying and expiry; `None` for anything but an option.
    pub fn expiry(&self) -> Option<(Underlying, Timestamp)> {
        match self.instrument.kind() {
            ContractKind::Option { expiry, .. } => Some((self.instrument.underlying(), expiry)),
            _ => None,
        }
    }

    /// The option in plain numbers at signed lots; `None` for anything but an option.
    pub fn leg(&self, lots: i64) -> Option<OptionLeg> {
        match self.instrument.kind() {
            ContractKind::Option { strike, kind, .. } => {
                Some(OptionLeg { kind, strike: price_f64(strike), size: self.units(lots) })
            }
            _ => None,
        }
    }
}

impl Opened<'_> {
    /// Every instrument that the account holds or has ordered.
    pub(super) fn holdings(&self, account: &Account) -> Result<Vec<Holding>, RiskError> {
        let mut orders: BTreeMap<Instrument, Vec<&OpenOrder>> = BTreeMap::new();
        for order in &account.orders {
            orders.entry(order.instrument).or_default().push(order);
        }
        let holding = |instrument: Instrument| {
            let held = account.positions.get(&instrument).copied();
            let held = held.unwrap_or(Position { quantity: Quantity::ZERO, cost: Amount::ZERO });
            let orders = orders.get(&instrument).map_or(&[][..], |orders| orders);
            self.holding(instrument, held, orders)
        };
        account.instruments().into_iter().map(holding).collect()
    }

    fn holding(
        &self,
        instrument: Instrument,
        position: Position,
        orders: &[&OpenOrder],
    ) -> Result<Holding, RiskError> {
        let asset = instrument.settlement_asset();
        let held = position.quantity.lots();
        let (mut bids, mut asks, mut entry) = (0_i64, 0_i64, 0_i128);
        for order in orders {
            let side = if order.quantity.lots() > 0 { &mut bids } else { &mut asks };
            *side = side.saturating_add(order.quantity.lots());
            let cost = self.entry_cost(order)?;
            entry -= worth(self.market, asset, Amount::from_units(-cost))?.units();
        }
        let terms = self.terms(&instrument)?;
        let (with_bids, with_asks) = (held.saturating_add(bids), held.saturating_add(asks));
        let need = |lots: i64| self.need(&instrument, &terms, lots);
        let (need_held, with_bids_need, with_asks_need) =
            (need(held)?, need(with_bids)?, need(with_asks)?);
        let up = |usd: f64| self.amount_up(instrument.base(), usd);
        let initial = up(need_held.initial)?
            .max(up(with_bids_need.initial)?)
            .max(up(with_asks_need.initial)?);
        Ok(Holding {
            instrument,
            held,
            with_bids,
            with_asks,
            initial,
            maintenance: up(need_held.maintenance)?,
            entry: Amount::from_units(entry),
            unrealised: self.unrealised(&instrument, position)?,
            terms,
        })
    }

    /// What the rules for one instrument need at signed lots.
    pub(super) fn need(
        &self,
        instrument: &Instrument,
        terms: &Terms,
        lots: i64,
    ) -> Result<Need, RiskError> {
        let options = &self.rules.options;
        let size = terms.units(lots.unsigned_abs() as f64);
        if let ContractKind::Option { strike, kind, .. } = instrument.kind() {
            let per_unit = if lots < 0 {
                options.short(kind, price_f64(strike), terms.index, terms.mark)
            } else {
                options.long(terms.index, terms.mark)
            };
            return Ok(per_unit.times(size));
        }
        let future = self.rules.futures.get(instrument.base().name()).ok_or_else(|| {
            let underlying = instrument.underlying();
            RiskError::UnknownUnderlying { methodology: self.name.to_string(), underlying }
        })?;
        Ok(future.need(size, self.notional_price(terms)))
    }

    /// The price at which the rules take a future's notional.
    pub(super) const fn notional_price(&self, terms: &Terms) -> f64 {
        match self.rules.notional_at {
            NotionalAt::Index => terms.index,
            NotionalAt::Mark => terms.mark,
        }
    }

    pub(super) fn terms(&self, instrument: &Instrument) -> Result<Terms, RiskError> {
        let index = price_f64(self.market.price(instrument.base())?);
        let mark = price_f64(self.market.mark(instrument)?);
        let lot = lot_f64(instrument);
        if instrument.is_sized_in_quote() {
            return Ok(Terms { index, mark, lot, per_unit: mark });
        }
        let in_coin = instrument.style() == SettlementStyle::Inverse;
        let worth = if in_coin {
            index
        } else {
            price_f64(self.market.price(instrument.settlement_asset())?)
        };
        Ok(Terms { index, mark: mark * worth, lot, per_unit: 1.0 })
    }

    /// What equity holds of the position's profit.
    fn unrealised(&self, instrument: &Instrument, held: Position) -> Result<Amount, RiskError> {
        if instrument.is_option() && self.rules.options.mark_inside {
            return Ok(Amount::ZERO);
        }
        let exact = RiskError::of(instrument);
        let mark = self.market.mark(instrument)?;
        let value = instrument.value(held.quantity, mark, Rounding::Floor).map_err(exact)?;
        // An option's premium has left the balance; a future's cost has not.
        let cost = if instrument.is_option() { 0 } else { held.cost.units() };
        let profit = Amount::from_units(value.units() - cost);
        worth(self.market, instrument.settlement_asset(), profit)
    }

    /// What filling an order costs equity at once, in 10⁻⁸ of the settlement asset: the premium of
    /// an option whose value is no part of equity, else the loss against mark; and the fee, unless
    /// a provision covers it. Gains are not counted before they are made.
    fn entry_cost(&self, order: &OpenOrder) -> Result<i128, RiskError> {
        let instrument = order.instrument;
        let fee = if self.rules.fees.is_some() { 0 } else { order.fee.units() };
        let paid = if instrument.is_option() && self.rules.options.mark_inside {
            premium(order)?
        } else {
            loss_against_mark(self.market, order)?
        };
        Ok(paid.max(0) + fee)
    }
}

fn premium(order: &OpenOrder) -> Result<i128, RiskError> {
    let value = order.instrument.value(order.quantity, order.limit, Rounding::Ceil);
    Ok(value.map_err(RiskError::of(&order.instrument))?.units())
}

fn loss_against_mark(market: &Market, order: &OpenOrder) -> Result<i128, RiskError> {
    let instrument = order.instrument;
    let exact = RiskError::of(&instrument);
    let mark = market.mark(&instrument)?;
    let profit = instrument.profit(order.quantity, order.limit, mark, Rounding::Floor);
    Ok(-profit.map_err(exact)?.units())
}
