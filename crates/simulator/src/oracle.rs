//! Sources of index prices: each a little off, and some of them frozen or lying for a while.

use engine::command::Action;
use instruments::Timestamp;

use crate::draws::Draws;
use crate::market::asset;
use crate::venue::{report, usdc};

/// Standard deviation of a source's error.
const ERROR: f64 = 0.000_08;
/// What most sources of a coin say when they lie together, in times the price: more than a circuit
/// breaker takes.
const LIES_TOGETHER: [f64; 2] = [0.88, 1.12];
/// How often the dollar coin's index is reported.
const STABLE_EVERY_MS: i64 = 600_000;

/// What is wrong with a source.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// It says nothing.
    Frozen,
    /// It says so many times the price.
    Lies(f64),
}

/// The sources of the coins' indices.
#[derive(Debug)]
pub(crate) struct Oracle {
    /// Sources of each coin.
    sources: u16,
    /// Milliseconds from one report of a source to its next; 0 is whenever they are asked.
    every_ms: i64,
    troubles: Vec<Vec<Option<(Trouble, Timestamp)>>>,
    /// When they were asked last.
    asked: Option<Timestamp>,
    stable_at: Option<Timestamp>,
    /// How many troubles there were.
    pub troubles_count: u64,
}

impl Oracle {
    /// Sources of so many coins that are all well, and report so often.
    pub fn new(coins: usize, sources: u16, every_ms: i64) -> Self {
        let troubles = vec![vec![None; usize::from(sources)]; coins];
        Self { sources, every_ms, troubles, asked: None, stable_at: None, troubles_count: 0 }
    }

    /// Lets something go wrong with one source of a coin, with most or with all of them.
    pub fn disturb(&mut self, now: Timestamp, draws: &mut Draws) {
        self.troubles_count += 1;
        let coin = draws.place(self.troubles.len());
        let until = now.milliseconds() + draws.within(30_000, 300_000);
        let until = Timestamp::from_milliseconds(until);
        let lie = match draws.below(4) {
            0 => 0.01,
            1 => 0.9,
            2 => 1.05,
            _ => 40.0,
        };
        match draws.below(8) {
            0 => self.troubles[coin].fill(Some((Trouble::Frozen, until))),
            1..3 => {
                let lie = Trouble::Lies(LIES_TOGETHER[draws.place(LIES_TOGETHER.len())]);
                self.troubles[coin][1..].fill(Some((lie, until)));
            }
            3..5 => {
                let source = draws.place(usize::from(self.sources));
                self.troubles[coin][source] = Some((Trouble::Frozen, until));
            }
            _ => {
                let source = draws.place(usize::from(self.sources));
                self.troubles[coin][source] = Some((Trouble::Lies(lie), until));
            }
        }
    }

    /// What the sources report now.
    pub fn reports(&mut self, now: Timestamp, prices: &[f64], draws: &mut Draws) -> Vec<Action> {
        let mut reports = Vec::new();
        for (coin, price) in prices.iter().enumerate() {
            for source in 0..self.sources {
                if !self.is_due(source, now) {
                    continue;
                }
                let seen = price * (1.0 + ERROR * draws.normal());
                let trouble = &mut self.troubles[coin][usize::from(source)];
                if trouble.is_some_and(|(_, until)| until <= now) {
                    *trouble = None;
                }
                let seen = match trouble {
                    Some((Trouble::Frozen, _)) => continue,
                    Some((Trouble::Lies(factor), _)) => seen * *factor,
                    None => seen,
                };
                reports.push(report(asset(coin), source, seen, now));
            }
        }
        if self.stable_at.is_none_or(|last| now.since(last) >= STABLE_EVERY_MS) {
            self.stable_at = Some(now);
            for source in 0..self.sources {
                let seen = 1.0 + 0.000_2 * draws.normal();
                reports.push(report(usdc(), source, seen, now));
            }
        }
        self.asked = Some(now);
        reports
    }

    /// Sources report one after another, so that the index moves more often than each of them reports.
    fn is_due(&self, source: u16, now: Timestamp) -> bool {
        let Some(asked) = self.asked.filter(|_| self.every_ms > 0) else { return true };
        let offset = self.every_ms * i64::from(source) / i64::from(self.sources);
        let turn = |at: Timestamp| (at.milliseconds() + offset).div_euclid(self.every_ms);
        turn(now) > turn(asked)
    }
}
