//! Extreme but well-formed numbers anywhere in the inputs: every command answers or refuses, and
//! never panics.

use std::fs;
use std::path::Path;

use numerics::SplitMix;

use super::run_in;

const RUNS: f64 = 150.0;

const NUMBERS: [&str; 20] = [
    "0",
    "1e-8",
    "0.00000001",
    "90000000000",
    "92233720368",
    "50",
    "1e-300",
    "49.9",
    "1e-9",
    "99999999",
    "-1",
    "1",
    "10",
    "-10",
    "1e15",
    "1000000000000",
    "-900000000000000",
    "1e300",
    "1e-320",
    "170141183460469231731687303715884",
];

const COMMANDS: [&str; 8] = [
    "margin",
    "margin --model cross",
    "margin --model isolated",
    "compare",
    "explain --account market-maker",
    "explain --account usdc-cross",
    "what-if --account collar --add BTC-27MAR26-100000-C:-1000000 --add USDC:-99999999999",
    "what-if --account pair --add ETH_USDC-PERPETUAL:900000000 --remove USDC",
];

/// Columns of each file that hold numbers which nothing else on the row repeats.
const FILES: [(&str, &[usize]); 3] =
    [("market", &[5, 6, 7, 8, 9, 13, 14]), ("portfolio", &[2, 3]), ("history", &[1, 2, 3, 4, 5])];

/// Draws one after the other.
struct Draws(SplitMix, u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.1 += 1;
        (self.0.u64(self.1) % bound as u64) as usize
    }
}

/// Up to two rows get another number; of a market, sometimes all rows of an expiry.
fn spoil(text: &str, columns: &[usize], draws: &mut Draws) -> String {
    let mut rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    for _ in 0..draws.below(3) {
        let row = 1 + draws.below(rows.len() - 1);
        let column = columns[draws.below(columns.len())];
        let number = NUMBERS[draws.below(NUMBERS.len())];
        let expiry = rows[row].get(4).copied().unwrap_or_default();
        if expiry.is_empty() || draws.below(2) == 0 {
            rows[row][column] = number;
            continue;
        }
        for row in rows.iter_mut().skip(1).filter(|row| row[4] == expiry && !row[column].is_empty())
        {
            row[column] = number;
        }
    }
    rows.iter().map(|row| row.join(",") + "\n").collect()
}

fn write_spoilt(folder: &Path, draws: &mut Draws) {
    for (name, columns) in FILES {
        let text = fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap();
        fs::write(folder.join(format!("{name}-spoilt.csv")), spoil(&text, columns, draws)).unwrap();
    }
}

#[test]
fn extreme_numbers_are_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), "sample .").text();
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    let runs = (RUNS * scale.unwrap_or(1.0_f64)).max(1.0) as u64;
    for index in 0..runs {
        let mut draws = Draws(SplitMix { seed: index }, 0);
        write_spoilt(folder.path(), &mut draws);
        let command = COMMANDS[draws.below(COMMANDS.len())];
        let files = "--market market-spoilt.csv --portfolio portfolio-spoilt.csv";
        let history = ["", "--history history-spoilt.csv"][draws.below(2)];
        let run = run_in(folder.path(), &format!("{command} {files} {history} -o json"));
        match run.code {
            Some(0) => drop(run.json()),
            code => assert_eq!((code, run.out.as_str()), (Some(2), ""), "{index}: {}", run.err),
        }
    }
}
