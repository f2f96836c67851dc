//! What every benchmark shares: arguments, timing, checksums, tables, peers.
//!
//! A benchmark is a module of the `bench` binary with one function
//! `run(&Arguments) -> Vec<Table>`. To add one, write the module and list it in
//! `main.rs`.

pub mod inputs;
pub mod peers;
pub mod table;

use std::time::Instant;

/// What the process was asked to do.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Names of the benchmarks to run; all if empty.
    pub names: Vec<String>,
    /// Also measure peers outside Rust, in a throw-away Python environment.
    pub peers: bool,
    /// Print one JSON object per row after each table.
    pub json: bool,
}

impl Arguments {
    /// Reads the process's arguments; the error is the line to show.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--peers" => parsed.peers = true,
                "--json" => parsed.json = true,
                flag if flag.starts_with('-') => {
                    return Err(format!("unknown option {flag}; use [NAME…] [--peers] [--json]"));
                }
                name => parsed.names.push(name.to_owned()),
            }
        }
        Ok(parsed)
    }

    /// Whether a benchmark of this name was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

/// Times of repeated runs, per item, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The middle of the repetitions.
    pub median: f64,
    /// The fastest repetition.
    pub least: f64,
}

/// Runs `work` once to warm up, then `repetitions` times, and divides each time
/// by the number of items a run handles.
pub fn measure(repetitions: usize, items: usize, mut work: impl FnMut()) -> Timing {
    assert!(repetitions > 0 && items > 0);
    work();
    let mut times: Vec<f64> = (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / items as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Timing { median: times[repetitions / 2], least: times[0] }
}

/// FNV-1a over the bits of all numbers, 64 bits at a time: equal only if every
/// bit of the output is.
pub fn checksum(columns: &[&[f64]]) -> u64 {
    let numbers = columns.iter().flat_map(|column| column.iter());
    numbers.fold(0xCBF2_9CE4_8422_2325, |hash, number| {
        (hash ^ number.to_bits()).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A sum that loses nothing to rounding but its last place (Neumaier 1974).
pub fn sum(numbers: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for &number in numbers {
        let next = sum + number;
        let (large, small) = if sum.abs() >= number.abs() { (sum, number) } else { (number, sum) };
        lost += (large - next) + small;
        sum = next;
    }
    sum + lost
}
