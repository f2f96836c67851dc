//! Hashes of what a margin was computed from, so that others can check that they used the same.

use blake3::Hasher;

use crate::account::Account;
use crate::market::Market;

/// Hash of every price, volatility and confidence of a market (blake3 over a line per number).
#[must_use]
pub fn market(market: &Market) -> String {
    let mut lines = Lines(Hasher::new());
    lines.line("time", market.time);
    for (asset, quote) in &market.assets {
        lines.line(asset, format_args!("{} {}", quote.price.units(), quote.confidence.ppm()));
    }
    for (underlying, of) in &market.underlyings {
        lines.line(underlying, of.perpetual_confidence.ppm());
        for (expiry, at) in &of.expiries {
            let average = at.settlement_average.map_or(-1, instruments::Price::units);
            let confidences = (at.forward_confidence.ppm(), at.volatility_confidence.ppm());
            let text = format_args!(
                "{} {average} {confidences:?} {:?}",
                at.forward.units(),
                at.volatility
            );
            lines.line(expiry.milliseconds(), text);
        }
    }
    for (instrument, quote) in &market.quotes {
        let funding = quote.funding_8h.to_bits();
        lines.line(instrument, format_args!("{} {funding}", quote.mark.units()));
    }
    lines.finish()
}

/// Hash of an account's balances, positions and orders; its name is no part of it.
#[must_use]
pub fn portfolio(account: &Account) -> String {
    let mut lines = Lines(Hasher::new());
    for (asset, amount) in &account.balances {
        lines.line(asset, amount.units());
    }
    for (asset, amount) in &account.accrued {
        lines.line(asset, format_args!("accrued {}", amount.units()));
    }
    for (instrument, position) in &account.positions {
        let terms = format_args!(
            "{} {} {}",
            instrument.lot_size(),
            position.quantity.lots(),
            position.cost.units()
        );
        lines.line(instrument, terms);
    }
    for order in &account.orders {
        let terms = (order.quantity.lots(), order.limit.units(), order.fee.units());
        lines.line(order.instrument, format_args!("{terms:?}"));
    }
    lines.finish()
}

struct Lines(Hasher);

impl Lines {
    fn line(&mut self, key: impl std::fmt::Display, value: impl std::fmt::Display) {
        self.0.update(format!("{key} {value}\n").as_bytes());
    }

    fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
