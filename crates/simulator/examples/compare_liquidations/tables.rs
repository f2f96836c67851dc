//! What runs came to, kept in files and put into tables.

use std::collections::BTreeMap;
use std::fmt;

use plimsoll_simulator::Waterfall;

/// Figures of a run that are kept.
const COUNT: usize = 6;

/// What a run came to.
pub struct Figures {
    /// Cases, notional, discount, cost in the book, bad debt, and notional that was deleveraged.
    sums: [f64; COUNT],
    /// Times from opening to close in milliseconds, ascending.
    times_ms: Vec<i64>,
}

/// A design's name, and what it came to by seed.
pub type Runs = (&'static str, BTreeMap<u64, Figures>);

impl Figures {
    /// The figures of a run.
    pub fn of(waterfall: &Waterfall) -> Self {
        let notional = waterfall.in_book
            + waterfall.auctioned
            + waterfall.to_vault
            + waterfall.taken_over
            + waterfall.deleveraged;
        let sums = [
            waterfall.cases() as f64,
            notional,
            waterfall.discount,
            waterfall.book_cost,
            waterfall.bad_debt(),
            waterfall.deleveraged,
        ];
        Self { sums, times_ms: waterfall.times_ms.clone() }
    }

    /// Reads what was written; nothing where the run is not done.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let sums: Vec<f64> = numbers(lines.next()?)?;
        Some(Self { sums: sums.try_into().ok()?, times_ms: numbers(lines.next()?)? })
    }
}

fn numbers<T: std::str::FromStr>(line: &str) -> Option<Vec<T>> {
    line.split_whitespace().map(|word| word.parse().ok()).collect()
}

impl fmt::Display for Figures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |all: Vec<String>| all.join(" ");
        writeln!(to, "{}", words(self.sums.iter().map(f64::to_string).collect()))?;
        writeln!(to, "{}", words(self.times_ms.iter().map(i64::to_string).collect()))
    }
}

/// Means of a run by design, times over all runs.
pub fn means(all: &[Runs]) -> String {
    let mut text = "| design | runs | cases | forced notional | discount paid | cost in the book \
                    | both, of notional | bad debt | deleveraged | median s to close | most s |\n\
                    |---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, runs) in all {
        let mean = |which: usize| {
            runs.values().map(|run| run.sums[which]).sum::<f64>() / runs.len().max(1) as f64
        };
        let [cases, notional, discount, cost, bad_debt, deleveraged] = [0, 1, 2, 3, 4, 5].map(mean);
        let mut times: Vec<i64> = runs.values().flat_map(|run| &run.times_ms).copied().collect();
        times.sort_unstable();
        let seconds = |ms: Option<&i64>| ms.map_or(0.0, |ms| *ms as f64 / 1_000.0);
        let (median, most) = (seconds(times.get(times.len() / 2)), seconds(times.last()));
        let share = 100.0 * (discount + cost) / notional.max(1.0);
        text += &format!(
            "| {name} | {} | {cases:.0} | {notional:.0} | {discount:.0} | {cost:.0} | {share:.3} % | \
             {bad_debt:.0} | {deleveraged:.0} | {median:.0} | {most:.0} |\n",
            runs.len()
        );
    }
    text
}

/// What each design came to beyond the first one with the same seed: mean, its standard error, and of how
/// many seeds it was more.
pub fn paired(all: &[Runs]) -> String {
    let mut text = "| against the first | discount paid | more in | bad debt | more in \
                    | bad debt of a run |\n|---|---|---|---|---|---|\n"
        .to_owned();
    let Some((_, first)) = all.first() else { return text };
    for (name, runs) in all {
        let beyond = |which: usize| {
            let both = runs.iter().filter_map(|(seed, run)| Some((run, first.get(seed)?)));
            let differences = both.map(|(run, first)| run.sums[which] - first.sums[which]);
            difference(&differences.collect::<Vec<_>>())
        };
        let bad_debts = || runs.values().map(|run| run.sums[4]);
        let least = bad_debts().fold(f64::INFINITY, f64::min);
        let most = bad_debts().fold(0.0, f64::max);
        text += &format!("| {name} | {} | {} | {least:.0} to {most:.0} |\n", beyond(2), beyond(4));
    }
    text
}

fn difference(all: &[f64]) -> String {
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = all.iter().map(|one| (one - mean) * (one - mean)).sum();
    let error = (squares / (count - 1.0).max(1.0) / count.max(1.0)).sqrt();
    let more = all.iter().filter(|one| **one > 0.0).count();
    format!("{mean:+.0} ± {error:.0} | {more} of {}", all.len())
}
