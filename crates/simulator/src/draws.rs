//! Draws of a seed.

use numerics::{SplitMix, normal_quantile};

/// SplitMix64, drawn in order.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    stream: SplitMix,
    next: u64,
}

impl Draws {
    /// The draws that a seed has for one purpose. Purposes do not disturb each other.
    pub fn of(seed: u64, purpose: u64) -> Self {
        let seed = SplitMix { seed }.u64(purpose);
        Self { stream: SplitMix { seed }, next: 0 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.next += 1;
        self.stream.u64(self.next - 1)
    }

    /// A number from 0 to below `end`; 0 where there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(end);
        u64::try_from(product >> 64).expect("below its end")
    }

    /// A place in a list of so many.
    pub fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("below a count")
    }

    /// One of a list; none of an empty one.
    pub fn one<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.place(list.len()))
    }

    /// A number from `least` to `most`.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least + 1).expect("the least is no more than the most");
        least + i64::try_from(self.below(span)).expect("within the span")
    }

    /// Whether something that happens so often in a thousand happens now.
    pub fn permille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// Uniform in (0, 1).
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.unit())
    }
}
