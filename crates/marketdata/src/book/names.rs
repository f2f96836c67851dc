//! Names as numbers, in the order in which they first came.

use std::collections::BTreeMap;

/// Least number of guesses; there are always a few times as many as names.
const GUESSES_MIN: usize = 4_096;

/// Gives each name a number.
pub(super) struct Names {
    names: Vec<String>,
    numbers: BTreeMap<String, u32>,
    /// By a hash of a name, a guess at its number: spares most searches of the tree, which bounds what
    /// names that were chosen to share a hash can cost.
    guesses: Vec<u32>,
}

impl Names {
    pub fn new() -> Self {
        Self { names: vec![], numbers: BTreeMap::new(), guesses: vec![u32::MAX; GUESSES_MIN] }
    }

    /// The number of a name, if it came before.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        let slot = slot(name, self.guesses.len());
        let guess = &mut self.guesses[slot];
        if self.names.get(*guess as usize).is_some_and(|known| known == name) {
            return Some(*guess);
        }
        let number = *self.numbers.get(name)?;
        *guess = number;
        Some(number)
    }

    /// Takes a name that did not come before.
    pub fn add(&mut self, name: &str) -> u32 {
        let number = u32::try_from(self.names.len()).expect("rows are limited to fewer");
        if self.names.len() >= self.guesses.len() / 4 {
            self.guess_again(self.guesses.len() * 4);
        }
        let slot = slot(name, self.guesses.len());
        self.guesses[slot] = number;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    fn guess_again(&mut self, count: usize) {
        self.guesses.clear();
        self.guesses.resize(count, u32::MAX);
        for (number, name) in (0..).zip(&self.names) {
            self.guesses[slot(name, count)] = number;
        }
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// How many names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// All names by number.
    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// FNV-1a, folded onto a power of two.
fn slot(name: &str, count: usize) -> usize {
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    (hash ^ (hash >> 32)) as usize & (count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers() {
        let mut names = Names::new();
        let all: Vec<String> = (0..20_000).map(|n| format!("name {n}")).collect();
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.number(name), None);
            assert_eq!(names.add(name) as usize, number);
        }
        for (number, name) in all.iter().enumerate().rev() {
            assert_eq!(names.number(name), Some(number as u32));
            assert_eq!(names.name(number as u32), name);
        }
        assert_eq!((names.len(), names.into_names()), (all.len(), all));
    }
}
