//! Three designs of liquidation on the same crash with the same seed: sealed auctions after a stage in
//! the book, as this venue has them; a take-over by a liquidator for a fixed fee; and a Dutch auction that
//! the first taker ends. Prints a table as Markdown.
//!
//! ```text
//! cargo run --release --example compare_liquidations -- PRICES [ACCOUNTS] [SEEDS] [DAY…]
//! ```

use std::error::Error;
use std::path::PathBuf;

use instruments::Timestamp;
use plimsoll_simulator::{
    Bidding, Cadence, Crash, FineSteps, Leverage, LiquidationSetup, Options, Waterfall, simulate,
};

/// The discounts that are compared, as parts of a portfolio's value: about 1 % and 2 % of the notional
/// of a position that is opened at its maintenance requirement of 5 %.
const FEES_PPB: [u32; 2] = [200_000_000, 400_000_000];

/// A shorter stage in the book than the rules have.
const SHORT_BOOK_MS: i64 = 3_000;
/// Commands of a run, about, and milliseconds of a step in the worst hour.
const COMMANDS: u64 = 12_000;
const STEP_MS: i64 = 4_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prices = PathBuf::from(arguments.next().ok_or("name the folder with prices")?);
    let accounts = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let seeds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let days: Vec<String> = arguments.collect();
    let days = match days.is_empty() {
        true => Crash::ALL.to_vec(),
        false => days.iter().map(|day| day.parse()).collect::<Result<_, _>>()?,
    };
    for crash in days {
        println!("### {}\n", crash.name());
        println!("{}", HEADER.replace('|', " | ").trim());
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for (name, setup) in designs() {
            let mut all = Sums::default();
            for seed in 1..=seeds {
                let options = options(crash, seed, accounts, setup.clone(), &prices);
                let report = simulate(&options, &mut |_| {}, None)?;
                all.add(&report.waterfall);
            }
            println!("| {name} {}", all.row());
        }
        println!();
    }
    Ok(())
}

const HEADER: &str = "|design|cases|forced notional|discount paid|cost in the book|both, of notional|bad debt|deleveraged|median s to close|most s|";

/// The designs, all with the same fund, vault and liquidators.
fn designs() -> Vec<(String, LiquidationSetup)> {
    let ours = LiquidationSetup { fund: 200, vault: 100, liquidators: 2_000, ..Default::default() };
    let mut designs = vec![("sealed auction after the book".to_owned(), ours.clone())];
    let mut short_book = ours.clone();
    short_book.rules.book_ms = SHORT_BOOK_MS;
    designs.push(("sealed auction after 3 s in the book".to_owned(), short_book));
    let mut without_book = ours.clone();
    without_book.rules.book_ms = 0;
    designs.push(("sealed auction alone".to_owned(), without_book.clone()));
    for fee in FEES_PPB {
        let mut fixed = LiquidationSetup { bidding: Bidding::FixedFee, ..without_book.clone() };
        fixed.rules.discount_start_ppb = fee;
        fixed.rules.discount_end_ppb = fee;
        // The largest that there is: nearly the whole is taken.
        fixed.rules.buffer_ppb = 1_000_000_000;
        designs.push((format!("take-over at {} % of value", fee / 10_000_000), fixed));
    }
    let mut dutch = LiquidationSetup { bidding: Bidding::Dutch, ..without_book };
    dutch.rules.buffer_ppb = 1_000_000_000;
    designs.push(("Dutch auction, first taker".to_owned(), dutch));
    designs
}

/// The worst hour from half an hour before, with people who are long and owe much.
fn options(
    crash: Crash,
    seed: u64,
    accounts: u32,
    liquidation: LiquidationSetup,
    prices: &std::path::Path,
) -> Options {
    let mut options = crash.options(Leverage::High, prices.to_path_buf(), None);
    let worst = crash.worst_hour().milliseconds();
    options.seed = seed;
    options.accounts = accounts;
    options.liquidation = liquidation;
    (options.hours, options.commands) = (1, Some(COMMANDS));
    options.cadence = Cadence { margins_every: 10_000, all_every: 1_000_000, scan_every: 10_000 };
    options.fine = options.fine.map(|fine| FineSteps { step_ms: STEP_MS, ..fine });
    if let Some(real) = &mut options.real {
        real.from = Timestamp::from_milliseconds(worst - Timestamp::HOUR / 4);
    }
    options
}

/// What several seeds came to together.
#[derive(Default)]
struct Sums {
    cases: u64,
    notional: f64,
    discount: f64,
    book_cost: f64,
    bad_debt: f64,
    deleveraged: f64,
    times_ms: Vec<i64>,
}

impl Sums {
    fn add(&mut self, waterfall: &Waterfall) {
        self.cases += waterfall.cases();
        self.notional += waterfall.in_book
            + waterfall.auctioned
            + waterfall.to_vault
            + waterfall.taken_over
            + waterfall.deleveraged;
        self.discount += waterfall.discount;
        self.book_cost += waterfall.book_cost;
        self.bad_debt += waterfall.bad_debt();
        self.deleveraged += waterfall.deleveraged;
        self.times_ms.extend(&waterfall.times_ms);
    }

    fn row(&mut self) -> String {
        self.times_ms.sort_unstable();
        let seconds = |ms: Option<&i64>| ms.map_or(0.0, |ms| *ms as f64 / 1_000.0);
        let median = seconds(self.times_ms.get(self.times_ms.len() / 2));
        let Self { cases, notional, discount, book_cost, bad_debt, deleveraged, .. } = self;
        let share = 100.0 * (*discount + *book_cost) / notional.max(1.0);
        let most = seconds(self.times_ms.last());
        format!(
            "| {cases} | {notional:.0} | {discount:.0} | {book_cost:.0} | {share:.3} % | \
             {bad_debt:.0} | {deleveraged:.0} | {median:.0} | {most:.0} |"
        )
    }
}
