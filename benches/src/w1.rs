//! W1: price and five Greeks by Black-76 of 1,000,000 options.

use numerics::Level;
use plimsoll_benches::inputs::{COUNT, Options};
use plimsoll_benches::peers::Python;
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, checksum, measure, sum};
use pricing::OptionKind;
use pricing::black76::{Batch, GreeksMut, greeks_batch_at, price_batch_at};

/// Runs the benchmark.
pub fn run(arguments: &Arguments) -> Result<Vec<Table>, String> {
    let options = Options::w1();
    let calls = options.kinds.iter().filter(|kind| **kind == OptionKind::Call).count();
    let mut rows = Vec::new();
    for level in Level::available() {
        rows.push(greeks_row(level, &options, COUNT)?);
    }
    rows.reverse();
    rows.push(greeks_row(Level::best(), &options, 4_096)?);
    rows.push(price_row(Level::best(), &options)?);
    if arguments.peers {
        rows.extend(Python::create()?.rows("w1.py", &[])?);
    }
    let conditions = vec![
        format!(
            "{COUNT} options, {calls} calls, ΣF = {}, ΣK = {}",
            sum(&options.forwards),
            sum(&options.strikes)
        ),
        "one thread; inputs and outputs in memory, warm from the run before".to_owned(),
    ];
    let title = "W1: price and five Greeks, Black-76".to_owned();
    Ok(vec![Table { name: "w1", title, item: "option", conditions, rows }])
}

fn greeks_row(level: Level, options: &Options, count: usize) -> Result<Row, String> {
    let mut out: [Vec<f64>; 6] = std::array::from_fn(|_| vec![0.0; count]);
    let batch = first(options, count);
    let rounds = COUNT / count;
    let repetitions = if level == Level::Portable { 3 } else { 11 };
    let mut failure = None;
    let timing = measure(repetitions, count * rounds, || {
        for _ in 0..rounds {
            let [prices, deltas, gammas, vegas, thetas, rhos] = &mut out;
            let out = GreeksMut { prices, deltas, gammas, vegas, thetas, rhos };
            failure = greeks_batch_at(level, &batch, out).err();
        }
    });
    if let Some(error) = failure {
        return Err(error.to_string());
    }
    let columns: Vec<&[f64]> = out.iter().map(Vec::as_slice).collect();
    let place = if count == COUNT { "" } else { ", in cache" };
    let note = format!("checksum of all bits {:016x}", checksum(&columns));
    Ok(Row { engine: format!("Plimsoll, {level:?}{place}"), timing, note })
}

fn price_row(level: Level, options: &Options) -> Result<Row, String> {
    let mut out = vec![0.0; COUNT];
    let mut failure = None;
    let timing = measure(11, COUNT, || {
        failure = price_batch_at(level, &options.batch(), &mut out).err();
    });
    if let Some(error) = failure {
        return Err(error.to_string());
    }
    let note = format!("price only; checksum {:016x}", checksum(&[&out]));
    Ok(Row { engine: format!("Plimsoll, {level:?}, price only"), timing, note })
}

fn first(options: &Options, count: usize) -> Batch<'_> {
    let batch = options.batch();
    Batch {
        kinds: &batch.kinds[..count],
        forwards: &batch.forwards[..count],
        strikes: &batch.strikes[..count],
        volatilities: &batch.volatilities[..count],
        times: &batch.times[..count],
        rates: &batch.rates[..count],
    }
}
