//! Draws of the script.

use numerics::SplitMix;

/// SplitMix64, drawn in order.
#[derive(Clone, Debug)]
pub struct Draws {
    stream: SplitMix,
    next: u64,
}

impl Draws {
    /// The draws of a seed, from the first on.
    pub fn new(seed: u64) -> Self {
        Self { stream: SplitMix { seed }, next: 0 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.next += 1;
        self.stream.u64(self.next - 1)
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(end);
        u64::try_from(product >> 64).expect("below its end")
    }

    /// A number from `least` to `most`.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least + 1).expect("the least is no more than the most");
        least + i64::try_from(self.below(span)).expect("within the span")
    }

    /// ⌊end·u³⌋ of a uniform u: small numbers come most.
    pub fn skewed(&mut self, end: u64) -> u64 {
        let u = u128::from(self.bits() >> 43);
        u64::try_from((u128::from(end) * u * u * u) >> 63).expect("below its end")
    }

    /// The sum of four uniform numbers of 0 to 10⁶, less its mean: a bell of standard deviation
    /// 577,350.
    pub fn bell(&mut self) -> i64 {
        (0..4).map(|_| self.within(0, 1_000_000)).sum::<i64>() - 2_000_000
    }
}
