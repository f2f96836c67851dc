//! What amounts and numbers in events mean: names, prices and holdings as they were then.

use std::collections::BTreeMap;

use engine::event::Event;
use engine::{Action, Command, InstrumentId};
use instruments::{Amount, Asset, Price, Quantity, Rounding, Timestamp, mul_div};
use ledger::{AccountId, LedgerAccount};

use super::case::Holding;
use crate::commands::run::names::Names;

/// The venue as events tell it.
#[derive(Default)]
pub struct Ground {
    /// Instruments by number.
    pub names: Names,
    /// What auctions are paid in; none without rules of liquidation.
    pub cash: Option<Asset>,
    indices: BTreeMap<Asset, Price>,
    marks: BTreeMap<InstrumentId, Price>,
    positions: BTreeMap<(AccountId, InstrumentId), Position>,
    balances: BTreeMap<AccountId, BTreeMap<Asset, Amount>>,
}

/// A position, and how it was when its lots last changed.
#[derive(Clone, Copy)]
struct Position {
    lots: i64,
    since: Timestamp,
    mark: Option<Price>,
}

impl Ground {
    /// Takes in an event.
    pub fn note(&mut self, command: &Command, event: &Event) {
        self.names.note(&command.action, event);
        match event {
            Event::Index { asset, price, .. } => {
                self.indices.insert(*asset, *price);
            }
            Event::Mark { instrument, price } => {
                self.marks.insert(*instrument, *price);
            }
            Event::Position { account, instrument, lots, .. } => {
                self.hold(*account, *instrument, *lots, command.time);
            }
            Event::Balance {
                account: LedgerAccount::Available(account), asset, balance, ..
            } => {
                self.balances.entry(*account).or_default().insert(*asset, *balance);
            }
            Event::LiquidationSet => {
                if let Action::SetLiquidation(rules) = &command.action {
                    self.cash = Some(rules.cash);
                }
            }
            _ => {}
        }
    }

    fn hold(&mut self, account: AccountId, id: InstrumentId, lots: i64, now: Timestamp) {
        let key = (account, id);
        if lots == 0 {
            self.positions.remove(&key);
        } else if self.positions.get(&key).is_none_or(|known| known.lots != lots) {
            let mark = self.marks.get(&id).copied();
            self.positions.insert(key, Position { lots, since: now, mark });
        }
    }

    /// What an account has now, the largest first.
    pub fn holdings(&self, account: AccountId) -> Vec<Holding> {
        let all = (account, InstrumentId(0))..=(account, InstrumentId(u32::MAX));
        let legs = self.positions.range(all).map(|((_, id), held)| self.leg(*id, held));
        let coins = self.balances.get(&account).into_iter().flatten();
        let coins = coins.filter(|(_, amount)| amount.units() != 0);
        let coins = coins.map(|(asset, amount)| Holding {
            name: asset.to_string(),
            size: *amount,
            unit: *asset,
            since: None,
            mark_then: None,
            mark: self.price(*asset),
            worth: self.dollars(*asset, *amount),
            gain: None,
        });
        let mut holdings: Vec<Holding> = legs.chain(coins).collect();
        holdings.sort_by_key(|holding| std::cmp::Reverse(holding.worth.units().abs()));
        holdings
    }

    fn leg(&self, id: InstrumentId, held: &Position) -> Holding {
        let mark = self.marks.get(&id).copied();
        let instrument = self.names.instrument(id);
        let quantity = Quantity::from_lots(held.lots);
        let gain = held.mark.zip(mark).zip(instrument).and_then(|((then, now), instrument)| {
            instrument.profit(quantity, then, now, Rounding::Floor).ok()
        });
        let lot = instrument.map_or(1, |instrument| instrument.lot_size());
        Holding {
            name: self.names.name(id),
            size: Amount::from_units(i128::from(held.lots) * i128::from(lot)),
            unit: instrument.map_or(Asset::USD, |instrument| instrument.lot_asset()),
            since: Some(held.since),
            mark_then: held.mark,
            mark: mark.unwrap_or_default(),
            worth: mark.map_or(Amount::ZERO, |mark| self.signed_notional(id, held.lots, mark)),
            gain: gain.map(|gain| self.settled(id, gain)),
        }
    }

    /// An asset's index in US dollars; only the US dollar itself has none.
    fn price(&self, asset: Asset) -> Price {
        let one = Price::from_units(instruments::SCALE);
        self.indices.get(&asset).copied().unwrap_or(one)
    }

    /// An amount in US dollars, half to even.
    pub fn dollars(&self, asset: Asset, amount: Amount) -> Amount {
        amount.worth(self.price(asset), Rounding::HalfEven).unwrap_or_default()
    }

    /// Cash in US dollars.
    pub fn cash(&self, amount: Amount) -> Amount {
        self.cash.map_or(amount, |cash| self.dollars(cash, amount))
    }

    /// An amount of what an instrument settles in, in US dollars.
    pub fn settled(&self, id: InstrumentId, amount: Amount) -> Amount {
        let instrument = self.names.instrument(id);
        instrument.map_or(amount, |known| self.dollars(known.settlement_asset(), amount))
    }

    /// What lots stand for in US dollars: their size at mark, an option's at the index, and the size
    /// itself where that is in what the price is quoted in.
    pub fn notional(&self, id: InstrumentId, lots: i64, mark: Price) -> Amount {
        let signed = self.signed_notional(id, lots, mark);
        Amount::from_units(signed.units().abs())
    }

    fn signed_notional(&self, id: InstrumentId, lots: i64, mark: Price) -> Amount {
        let Some(instrument) = self.names.instrument(id) else { return Amount::ZERO };
        let size = i128::from(lots) * i128::from(instrument.lot_size());
        let quote = instrument.quote();
        if instrument.is_sized_in_quote() {
            return self.dollars(quote, Amount::from_units(size));
        }
        if instrument.is_option() {
            return self.dollars(instrument.base(), Amount::from_units(size));
        }
        let scale = i128::from(instruments::SCALE);
        let quoted = mul_div(size, mark.units().into(), scale, Rounding::HalfEven);
        self.dollars(quote, Amount::from_units(quoted.unwrap_or_default()))
    }
}
