//! The report.

use std::fmt::Write;

use super::comparison::{Outcome, PolicyOutcome};
use super::waves::Wave;

/// A wave's row, then one for all of them, as Markdown: what was needed; what the venue took and its
/// largest single cut, as published; and of each policy the largest parts of a position closed, of its
/// gain taken and of an account's equity taken, and what was taken from hedges.
#[must_use]
pub fn report(waves: &[Wave], outcomes: &[Outcome]) -> String {
    let mut text = String::from("| wave | needed | venue took | its largest cut |");
    let names = outcomes.first().map_or(&[][..], |outcome| &outcome.policies);
    for of in names {
        let name = of.name;
        let _ = write!(
            text,
            " {name}: took | closed | of gain | of equity | from hedges | principal cut |"
        );
    }
    text.push_str("\n|---|---|---|---|");
    text.push_str(&"---|".repeat(6 * names.len()));
    text.push('\n');
    for (wave, outcome) in waves.iter().zip(outcomes) {
        let (needed, took) = (dollars(wave.needed()), dollars(wave.venue_taken.unsigned_abs()));
        let cut = percent(wave.venue_largest_cut);
        let _ = write!(text, "| {} | {needed} | {took} | {cut} |", wave.number);
        outcome.policies.iter().for_each(|of| cells(&mut text, of));
        text.push('\n');
    }
    text.push_str(&total(waves, outcomes));
    text
}

/// Sums, and means over waves of what is largest in each.
fn total(waves: &[Wave], outcomes: &[Outcome]) -> String {
    let count = waves.len().max(1) as f64;
    let needed = dollars(waves.iter().map(Wave::needed).sum());
    let took = dollars(waves.iter().map(|wave| wave.venue_taken.unsigned_abs()).sum());
    let cut = percent(waves.iter().map(|wave| wave.venue_largest_cut).sum::<f64>() / count);
    let mut text = format!("| all | {needed} | {took} | {cut} |");
    let policies = outcomes.first().map_or(0, |outcome| outcome.policies.len());
    for place in 0..policies {
        let mut sum = PolicyOutcome::default();
        for of in outcomes.iter().map(|outcome| &outcome.policies[place]) {
            sum.taken += of.taken;
            sum.largest_part_closed += of.largest_part_closed / count;
            sum.largest_part_of_gain += of.largest_part_of_gain / count;
            sum.largest_part_of_equity += of.largest_part_of_equity / count;
            sum.taken_from_hedges += of.taken_from_hedges;
            sum.hedges_broken += of.hedges_broken;
            sum.principal_cut += of.principal_cut;
        }
        cells(&mut text, &sum);
    }
    text.push('\n');
    text
}

fn cells(text: &mut String, of: &PolicyOutcome) {
    let PolicyOutcome { hedges_broken, principal_cut, .. } = of;
    let [took, hedges] = [of.taken, of.taken_from_hedges].map(dollars);
    let largest = [of.largest_part_closed, of.largest_part_of_gain, of.largest_part_of_equity];
    let [closed, gain, equity] = largest.map(percent);
    let _ = write!(
        text,
        " {took} | {closed} | {gain} | {equity} | {hedges} ({hedges_broken}) | {principal_cut} |"
    );
}

/// Whole US dollars, in groups of three digits.
fn dollars(units: u128) -> String {
    let digits = ((units + 50_000_000) / 100_000_000).to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}
