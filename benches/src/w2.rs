//! W2: implied volatility of 1,000,000 quotes, market-like (A) and far out (B).

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility, solver};
use numerics::Level;
use plimsoll_benches::inputs::{COUNT, Options, QuoteSet, Quotes};
use plimsoll_benches::peers::Python;
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, checksum, measure};
use pricing::OptionKind;
use pricing::black76;
use pricing::implied_volatility::{QuoteBatch, implied_volatilities_at};

/// Runs the benchmark on both sets.
pub fn run(arguments: &Arguments) -> Result<Vec<Table>, String> {
    let python = if arguments.peers { Some(Python::create()?) } else { None };
    [QuoteSet::A, QuoteSet::B].into_iter().map(|set| table(set, python.as_ref())).collect()
}

fn table(set: QuoteSet, python: Option<&Python>) -> Result<Table, String> {
    let quotes = Quotes::w2(set);
    let mut rows = Vec::new();
    for level in Level::available() {
        rows.push(ours(level, &quotes)?);
    }
    rows.reverse();
    rows.extend(implied_vol_crate(&quotes));
    if let Some(python) = python {
        let path = python.write("quotes.csv", &csv(&quotes, 20_000))?;
        rows.extend(python.rows("w2.py", &[&path])?);
    }
    let options = &quotes.options;
    let inputs = checksum(&[&options.forwards, &options.strikes, &options.times, &quotes.prices]);
    let conditions = vec![
        format!("{COUNT} quotes of set {set:?}, out of the money; input checksum {inputs:016x}"),
        "one thread; inputs and outputs in memory, warm from the run before; Rust peers built, \
         as we are, for the baseline of the architecture"
            .to_owned(),
        "error: greatest relative error; failures: none found, or past the allowed error \
         max(1e-13, 2·ulp(price)/(σ·vega))"
            .to_owned(),
    ];
    let title = format!("W2, set {set:?}: implied volatility");
    Ok(Table { name: "w2", title, item: "quote", conditions, rows })
}

/// The first quotes, one a line, for a peer in another language.
fn csv(quotes: &Quotes, count: usize) -> String {
    let Options { kinds, forwards, strikes, volatilities, times, .. } = &quotes.options;
    let line = |index: usize| {
        let (forward, strike, time) = (forwards[index], strikes[index], times[index]);
        let (volatility, sign) = (volatilities[index], kinds[index].sign());
        format!("{forward},{strike},{time},{volatility},{sign},{}\n", quotes.prices[index])
    };
    (0..count).map(line).collect()
}

fn ours(level: Level, quotes: &Quotes) -> Result<Row, String> {
    let options = &quotes.options;
    let batch = QuoteBatch {
        kinds: &options.kinds,
        prices: &quotes.prices,
        forwards: &options.forwards,
        strikes: &options.strikes,
        times: &options.times,
    };
    let mut out = vec![0.0; COUNT];
    let mut failure = None;
    let repetitions = if level == Level::Portable { 1 } else { 7 };
    let timing = measure(repetitions, COUNT, || {
        failure = implied_volatilities_at(level, &batch, &mut out).err();
    });
    if let Some(error) = failure {
        return Err(error.to_string());
    }
    let note = format!("{}, checksum {:016x}", accuracy(quotes, &out), checksum(&[&out]));
    Ok(Row { engine: format!("Plimsoll, {level:?}"), timing, note })
}

/// A peer's quote, ready to be solved.
macro_rules! implied_vol_quote {
    ($quotes:expr, $index:expr) => {
        ImpliedBlackVolatility::builder()
            .option_price($quotes.prices[$index])
            .forward($quotes.options.forwards[$index])
            .strike($quotes.options.strikes[$index])
            .expiry($quotes.options.times[$index])
            .is_call($quotes.options.kinds[$index] == OptionKind::Call)
            .build()
    };
}

/// The crate's default solver and its fastest, quote by quote as it offers.
fn implied_vol_crate(quotes: &Quotes) -> [Row; 2] {
    let default = peer_row("implied-vol 2.1.0", quotes, |index| {
        implied_vol_quote!(quotes, index)?.calculate::<DefaultSpecialFn>()
    });
    let experimental = peer_row("implied-vol 2.1.0, experimental solver", quotes, |index| {
        implied_vol_quote!(quotes, index)?.calculate_with::<solver::Experimental>()
    });
    [default, experimental]
}

fn peer_row(engine: &str, quotes: &Quotes, solve: impl Fn(usize) -> Option<f64>) -> Row {
    let mut out = vec![0.0; COUNT];
    let timing = measure(3, COUNT, || {
        for (index, out) in out.iter_mut().enumerate() {
            *out = solve(index).unwrap_or(f64::NAN);
        }
    });
    Row { engine: engine.to_owned(), timing, note: accuracy(quotes, &out) }
}

/// The greatest error and the number of failures.
fn accuracy(quotes: &Quotes, found: &[f64]) -> String {
    let options = &quotes.options;
    let (mut worst, mut failures) = (0.0_f64, 0);
    for (index, found) in found.iter().enumerate() {
        let volatility = options.volatilities[index];
        let (kind, forward) = (options.kinds[index], options.forwards[index]);
        let (strike, time) = (options.strikes[index], options.times[index]);
        let error = (found / volatility - 1.0).abs();
        if !error.is_nan() {
            worst = worst.max(error);
        }
        if error <= 1e-13 {
            continue;
        }
        let price = quotes.prices[index];
        let ulp = f64::from_bits(price.to_bits() + 1) - price;
        let vega = black76::greeks(kind, forward, strike, volatility, time, 0.0)
            .map_or(f64::INFINITY, |greeks| greeks.vega);
        failures += usize::from(error.is_nan() || error > 2.0 * ulp / (volatility * vega));
    }
    format!("error {worst:.1e}, failures {failures}")
}
