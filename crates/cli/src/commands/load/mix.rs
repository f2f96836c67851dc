//! How often clients quote, amend, cancel and take.

use std::fmt;
use std::str::FromStr;

/// Quotes that come are quotes that go.
pub const DEFAULT: &str = "quote=40,amend=20,cancel=30,take=10";
const FORM: &str = "write weights like quote=40,amend=20,cancel=30,take=10";
const WEIGHT_MAX: u32 = 1_000_000;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An order that rests.
    Quote,
    /// Another price for one.
    Amend,
    /// One is taken back.
    Cancel,
    /// An order that trades with what rests, and is gone.
    Take,
}

/// All of them.
pub const KINDS: [Kind; 4] = [Kind::Quote, Kind::Amend, Kind::Cancel, Kind::Take];

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Amend => "amend",
            Self::Cancel => "cancel",
            Self::Take => "take",
        }
    }
}

/// Weights of what is asked, in the order of [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix([u32; 4]);

impl Mix {
    /// What is asked, by a number that is drawn.
    pub fn pick(self, drawn: u64) -> Kind {
        let all: u64 = self.0.iter().copied().map(u64::from).sum();
        let mut left = drawn % all;
        for (kind, weight) in KINDS.into_iter().zip(self.0) {
            let weight = u64::from(weight);
            if left < weight {
                return kind;
            }
            left -= weight;
        }
        Kind::Quote
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights = [None; 4];
        for part in text.split(',') {
            let wrong = || format!("`{part}` is no weight: {FORM}");
            let (name, weight) = part.split_once('=').ok_or_else(wrong)?;
            let place = KINDS.iter().position(|kind| kind.name() == name.trim());
            let weight = weight.trim().parse().ok().filter(|weight| *weight <= WEIGHT_MAX);
            let place = place.ok_or_else(wrong)?;
            if weights[place].replace(weight.ok_or_else(wrong)?).is_some() {
                return Err(format!("{name} is there twice: {FORM}"));
            }
        }
        let weights = weights.map(Option::unwrap_or_default);
        if weights[0] == 0 && weights[3] == 0 {
            return Err(format!("nothing would be placed: {FORM}"));
        }
        Ok(Self(weights))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts =
            KINDS.iter().zip(self.0).map(|(kind, weight)| format!("{}={weight}", kind.name()));
        formatter.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept() {
        let mix: Mix = DEFAULT.parse().unwrap();
        assert_eq!(mix.to_string(), DEFAULT);
        let count = |kind| (0..100).filter(|drawn| mix.pick(*drawn) == kind).count();
        assert_eq!(KINDS.map(count), [40, 20, 30, 10]);
        let takes: Mix = "take=1".parse().unwrap();
        assert!((0..9).all(|drawn| takes.pick(drawn) == Kind::Take));
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        for text in ["", "quote", "quote=x", "sit=1", "quote=1,quote=2", "cancel=1", "quote=-1"] {
            let error = text.parse::<Mix>().unwrap_err();
            assert!(error.contains("quote=40"), "{text}: {error}");
        }
    }
}
