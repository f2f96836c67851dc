//! Names as numbers, in the order in which they first came.

use std::collections::BTreeMap;

/// Names that were looked up lately, by a hash of them; a power of two.
const RECENT: usize = 4_096;

/// Gives each name a number.
pub(super) struct Names {
    names: Vec<String>,
    numbers: BTreeMap<String, u32>,
    /// A guess at the number of a name, which spares most searches of the tree.
    recent: Vec<u32>,
}

impl Names {
    pub fn new() -> Self {
        Self { names: vec![], numbers: BTreeMap::new(), recent: vec![u32::MAX; RECENT] }
    }

    /// The number of a name, if it came before.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        let guess = &mut self.recent[slot(name)];
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
        self.recent[slot(name)] = number;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
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

/// FNV-1a, folded.
fn slot(name: &str) -> usize {
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    ((hash ^ (hash >> 32)) % RECENT as u64) as usize
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
