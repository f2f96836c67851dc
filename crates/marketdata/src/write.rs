//! Writers of what the readers read.

use std::collections::BTreeSet;
use std::io::{self, Write};

use instruments::{
    Asset, ContractKind, Instrument, OptionKind, Price, Rounding, SCALE, SettlementStyle, mul_div,
};
use risk::{Account, History, Market, Position};

use crate::snapshot::{OptionQuote, Snapshot};
use crate::{chain, portfolio, record};

/// Writes a market as a chain snapshot that [`read_market`](crate::read_market) reads back with
/// the same prices and volatilities. Confidences and running settlement averages are not written.
///
/// # Errors
/// What the writer reports.
pub fn write_market(snapshot: &Snapshot, out: impl Write) -> io::Result<()> {
    let mut rows = ChainRows { market: &snapshot.market, out, written: BTreeSet::new() };
    writeln!(rows.out, "{}", chain::COLUMNS.join(","))?;
    for option in &snapshot.options {
        rows.option(option)?;
    }
    for (instrument, quote) in &snapshot.market.quotes {
        match instrument.kind() {
            ContractKind::Perpetual => rows.perpetual(instrument, quote)?,
            ContractKind::Future { .. } => rows.future(instrument, &quote.mark.to_string())?,
            ContractKind::Spot | ContractKind::Option { .. } => {}
        }
    }
    rows.bare_expiries(snapshot)?;
    rows.other_assets()
}

struct ChainRows<'m, W> {
    market: &'m Market,
    out: W,
    /// Assets whose index stands on a row already.
    written: BTreeSet<Asset>,
}

impl<W: Write> ChainRows<'_, W> {
    fn option(&mut self, option: &OptionQuote) -> io::Result<()> {
        let Some(forward) = self.forward(&option.instrument) else { return Ok(()) };
        let kind = if option.kind == OptionKind::Call { "call" } else { "put" };
        let price = |price: Option<Price>| price.map_or(String::new(), |price| price.to_string());
        let number =
            |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
        let fields = [
            option.strike.to_string(),
            option.expiry.to_string(),
            price(option.bid),
            price(option.ask),
            option.mark.to_string(),
            forward.to_string(),
            option.volatility.to_string(),
            number(option.delta),
            number(option.vega),
            number(option.open_interest),
        ];
        self.row(&option.instrument.to_string(), kind, &fields, option.instrument.base(), "")
    }

    fn future(&mut self, instrument: &Instrument, mark: &str) -> io::Result<()> {
        let Some((expiry, forward)) = instrument.expiry().zip(self.forward(instrument)) else {
            return Ok(());
        };
        let [none, expiry] = [String::new(), expiry.to_string()];
        let forward = forward.to_string();
        let mut fields: [String; 10] = std::array::from_fn(|_| none.clone());
        [fields[1], fields[4], fields[5]] = [expiry, mark.to_owned(), forward];
        self.row(&instrument.to_string(), "future", &fields, instrument.base(), "")
    }

    fn perpetual(&mut self, instrument: &Instrument, quote: &risk::Quote) -> io::Result<()> {
        let mut fields: [String; 10] = std::array::from_fn(|_| String::new());
        fields[4] = quote.mark.to_string();
        let funding = quote.funding_8h.to_string();
        self.row(&instrument.to_string(), "perpetual", &fields, instrument.base(), &funding)
    }

    /// Expiries that neither an option nor a quoted future names.
    fn bare_expiries(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let key = |instrument: &Instrument| Some((instrument.underlying(), instrument.expiry()?));
        let named: BTreeSet<_> = snapshot.market.quotes.keys().filter_map(key).collect();
        for (underlying, market) in &snapshot.market.underlyings {
            for &expiry in market.expiries.keys() {
                if !named.contains(&(*underlying, expiry)) {
                    let kind = ContractKind::Future { expiry };
                    let (base, style) = (underlying.asset(), SettlementStyle::Linear);
                    let future = Instrument::new(base, Asset::USDC, kind, style, SCALE);
                    self.future(&future.expect("a linear future with a lot of one exists"), "")?;
                }
            }
        }
        Ok(())
    }

    fn other_assets(&mut self) -> io::Result<()> {
        let none: [String; 10] = std::array::from_fn(|_| String::new());
        for &asset in self.market.assets.keys() {
            if !self.written.contains(&asset) {
                self.row(asset.name(), "index", &none, asset, "")?;
            }
        }
        Ok(())
    }

    fn forward(&self, instrument: &Instrument) -> Option<Price> {
        let expiries = &self.market.underlyings.get(&instrument.underlying())?.expiries;
        Some(expiries.get(&instrument.expiry()?)?.forward)
    }

    fn row(
        &mut self,
        name: &str,
        kind: &str,
        fields: &[String; 10],
        asset: Asset,
        funding: &str,
    ) -> io::Result<()> {
        let index = self.market.price(asset).map_or(String::new(), |price| price.to_string());
        self.written.insert(asset);
        let time = self.market.time;
        writeln!(self.out, "{time},{name},{kind},{},{index},{funding}", fields.join(","))
    }
}

/// Writes accounts as a portfolio that [`read_portfolio`](crate::read_portfolio) reads back with
/// the same balances, positions and costs. A cost that no single price gives, as several fills may
/// leave it, is written as the nearest price; open orders are not written.
///
/// # Errors
/// What the writer reports.
pub fn write_portfolio(accounts: &[Account], mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{}", portfolio::COLUMNS.join(","))?;
    for account in accounts {
        let name = record::written(&account.name);
        for (asset, amount) in &account.balances {
            writeln!(out, "{name},{asset},{amount},")?;
        }
        for (instrument, position) in &account.positions {
            let size = instrument.size_of(position.quantity);
            let price = entry_price(instrument, position).unwrap_or_default();
            writeln!(out, "{name},{instrument},{size},{price}")?;
        }
    }
    Ok(())
}

/// The price at which a position's cost is its value, rounded up.
///
/// The cost is `⌈q·m·P⌉`, or `⌈−q·m/P⌉` for an inverse future. Rounding towards the side that the
/// ceiling came from gives back a price in the interval of those with this cost.
fn entry_price(instrument: &Instrument, position: &Position) -> Option<Price> {
    let size = i128::from(position.quantity.lots()) * i128::from(instrument.lot_size());
    let rounding = if size > 0 { Rounding::Floor } else { Rounding::Ceil };
    let (cost, scale) = (position.cost.units(), i128::from(SCALE));
    let units = if instrument.is_sized_in_quote() {
        mul_div(size, scale, cost.checked_neg()?, rounding)?
    } else {
        mul_div(cost, scale, size, rounding)?
    };
    i64::try_from(units).ok().map(Price::from_units)
}

/// Writes daily closes as [`read_history`](crate::read_history) reads them.
///
/// # Errors
/// What the writer reports.
pub fn write_history(history: &History, mut out: impl Write) -> io::Result<()> {
    write!(out, "date")?;
    for asset in &history.assets {
        write!(out, ",{asset}")?;
    }
    writeln!(out)?;
    for day in &history.days {
        let date = day.date.to_string();
        write!(out, "{}", date.split('T').next().unwrap_or_default())?;
        for close in &day.closes {
            match close {
                Some(close) => write!(out, ",{close}")?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use instruments::Quantity;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_entry_price_gives_the_cost_back(
            lots in -1_000_000_i64..1_000_000,
            price in 1_i64..100_000_000_000_000,
            name in prop::sample::select(vec!["BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "ETH-27MAR26", "BTC-27MAR26-100000-C"]),
        ) {
            prop_assume!(lots != 0);
            let instrument: Instrument = name.parse().unwrap();
            let quantity = Quantity::from_lots(lots);
            let cost = instrument.value(quantity, Price::from_units(price), Rounding::Ceil).unwrap();
            // A price so high that nothing is left of the coin's cost leaves no price behind.
            prop_assume!(cost.units() != 0);
            let found = entry_price(&instrument, &Position { quantity, cost }).unwrap();
            prop_assert_eq!(instrument.value(quantity, found, Rounding::Ceil).unwrap(), cost);
        }
    }
}
