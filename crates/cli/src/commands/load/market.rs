//! What is traded, and at which prices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde_json::json;

use crate::failure::Failure;
use crate::wire::{Incoming, Target, Wire, next_text};

/// How many instruments are traded unless they are named.
const INSTRUMENTS: usize = 4;

/// An instrument.
pub struct Instrument {
    /// Its name.
    pub name: String,
    /// The least amount, as it is written.
    pub amount: String,
    tick: f64,
    decimals: usize,
    /// The mark, as bits.
    mark: AtomicU64,
}

impl Instrument {
    /// A price that differs from the mark by a share of it, as it is written.
    pub fn price(&self, share: f64) -> String {
        let mark = f64::from_bits(self.mark.load(Ordering::Relaxed));
        let ticks = (mark * (1.0 + share) / self.tick).round().max(1.0);
        format!("{:.*}", self.decimals, ticks * self.tick)
    }
}

/// All that is traded.
pub type Market = Arc<[Instrument]>;

#[derive(Deserialize)]
struct Listed {
    instrument_name: String,
    settlement_period: Option<String>,
    state: String,
    tick_size: f64,
    min_trade_amount: f64,
}

#[derive(Deserialize)]
struct Ticker {
    #[serde(default)]
    instrument_name: String,
    mark_price: Option<f64>,
}

#[derive(Deserialize)]
struct Notified {
    data: Ticker,
}

/// Looks up what is to be traded, and follows its marks from then on.
pub async fn market(target: &Target, names: &[String]) -> Result<Market, Failure> {
    let mut wire = target.connect().await?;
    let params = json!({"currency": "any", "expired": false});
    let listed = wire.call("public/get_instruments", params).await?;
    let listed: Vec<Listed> = serde_json::from_value(listed)
        .map_err(|error| Failure::Usage(format!("public/get_instruments: {error}")))?;
    let mut market = Vec::new();
    for listed in chosen(listed, names)? {
        let ticker = wire.call("public/ticker", json!({"instrument_name": listed.instrument_name}));
        let ticker: Ticker = serde_json::from_value(ticker.await?)
            .map_err(|error| Failure::Usage(format!("public/ticker: {error}")))?;
        let name = listed.instrument_name;
        let Some(mark) = ticker.mark_price.filter(|mark| *mark > 0.0) else {
            return Err(Failure::Usage(format!("{name} has no mark; name others: --instruments")));
        };
        let tick = listed.tick_size;
        let digits = tick.to_string();
        market.push(Instrument {
            name,
            amount: listed.min_trade_amount.to_string(),
            tick,
            decimals: digits.split_once('.').map_or(0, |(_, decimals)| decimals.len()),
            mark: AtomicU64::new(mark.to_bits()),
        });
    }
    let market: Market = market.into();
    follow(wire, Arc::clone(&market)).await?;
    Ok(market)
}

fn chosen(listed: Vec<Listed>, names: &[String]) -> Result<Vec<Listed>, Failure> {
    let mut open: Vec<Listed> = listed.into_iter().filter(|one| one.state == "open").collect();
    open.sort_by(|a, b| a.instrument_name.cmp(&b.instrument_name));
    if names.is_empty() {
        open.retain(|one| one.settlement_period.as_deref() == Some("perpetual"));
        open.truncate(INSTRUMENTS);
        return match open.is_empty() {
            true => Err(Failure::Usage("no perpetual is open; name others: --instruments".into())),
            false => Ok(open),
        };
    }
    let mut all = Vec::new();
    for name in names {
        let place = open.iter().position(|one| one.instrument_name == *name);
        let place = place.ok_or_else(|| {
            Failure::Usage(format!("{name} is not open, or named twice (--instruments)"))
        })?;
        all.push(open.swap_remove(place));
    }
    Ok(all)
}

/// Takes in marks until the connection ends.
async fn follow(mut wire: Wire, market: Market) -> Result<(), Failure> {
    let channels: Vec<String> =
        market.iter().map(|one| format!("ticker.{}.100ms", one.name)).collect();
    wire.call("public/subscribe", json!({"channels": channels})).await?;
    let mut socket = wire.into_socket();
    tokio::spawn(async move {
        while let Some(text) = next_text(&mut socket).await {
            let incoming = serde_json::from_str::<Incoming<'_>>(&text).ok();
            let params = incoming.and_then(|incoming| incoming.params);
            let notified = params.and_then(|params| serde_json::from_str(params.get()).ok());
            let Some(Notified { data }) = notified else { continue };
            let instrument = market.iter().find(|one| one.name == data.instrument_name);
            if let (Some(instrument), Some(mark)) = (instrument, data.mark_price) {
                instrument.mark.store(mark.to_bits(), Ordering::Relaxed);
            }
        }
    });
    Ok(())
}

#[cfg(test)]
impl Instrument {
    /// One with a mark.
    pub fn of(name: &str, tick: f64, decimals: usize, mark: f64) -> Self {
        let mark = AtomicU64::new(mark.to_bits());
        Self { name: name.to_owned(), amount: "1".to_owned(), tick, decimals, mark }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_whole_ticks_as_they_are_written() {
        let price =
            |tick, decimals, mark, share| Instrument::of("X", tick, decimals, mark).price(share);
        assert_eq!(price(0.5, 1, 70_000.0, 0.001), "70070.0");
        assert_eq!(price(0.05, 2, 2_000.03, 0.0), "2000.05");
        assert_eq!(price(0.0001, 4, 0.02, -0.5), "0.0100");
        assert_eq!(price(1.0, 0, 0.3, 0.0), "1");
    }

    #[test]
    fn perpetuals_are_chosen_unless_others_are_named() {
        let listed = || {
            ["D-PERPETUAL", "C", "B-PERPETUAL"].map(|name| Listed {
                instrument_name: name.to_owned(),
                settlement_period: Some(if name == "C" { "day" } else { "perpetual" }.to_owned()),
                state: "open".to_owned(),
                tick_size: 1.0,
                min_trade_amount: 1.0,
            })
        };
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let all = chosen(listed().into(), &names)?;
            Ok(all.into_iter().map(|one| one.instrument_name).collect::<Vec<_>>())
        };
        let names = |wanted: &[&str]| -> Result<Vec<String>, Failure> { names(wanted) };
        assert_eq!(names(&[]).ok().unwrap(), ["B-PERPETUAL", "D-PERPETUAL"]);
        assert_eq!(names(&["C"]).ok().unwrap(), ["C"]);
        assert!(names(&["C", "C"]).is_err() && names(&["E"]).is_err());
    }
}
