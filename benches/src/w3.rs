//! W3: worst loss, value at risk and expected shortfall of 100,000 accounts.

mod inputs;

use plimsoll_benches::Arguments;
use plimsoll_benches::table::Table;
use risk::whole_book::{Panel, RunSettings, TailRanks, tails};
use std::time::Instant;

pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    let rows = inputs::rows(1.0);
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let panel = Panel::of(inputs::SCENARIOS, &rows).unwrap();
    let book = inputs::book(100_000);
    let ranks = TailRanks { sum: 25, value: 10 };
    for threads in [1, 2] {
        for level in numerics::Level::available().skip(1) {
            let settings = RunSettings { threads: std::num::NonZeroUsize::new(threads).unwrap(), level, ..RunSettings::default() };
            let (mut c, mut w) = (9.0_f64, 9.0_f64);
            for _ in 0..9 {
                let mut thresholds = vec![f64::INFINITY; book.accounts()];
                let start = Instant::now();
                let (found, _) = tails(&panel, &book, ranks, &settings, &mut thresholds).unwrap();
                c = c.min(start.elapsed().as_secs_f64());
                let start = Instant::now();
                let (again, _) = tails(&panel, &book, ranks, &settings, &mut thresholds).unwrap();
                w = w.min(start.elapsed().as_secs_f64());
                assert_eq!(found, again);
            }
            println!("{threads} {level:?} cold {c:.3} warm {w:.3}");
        }
    }
    Ok(vec![])
}
