//! Crashes as they were.

use std::path::PathBuf;
use std::str::FromStr;

use instruments::Timestamp;

use crate::options::{FineSteps, Leverage, Options, RealData};

/// Hours before the worst one, and after it.
const BEFORE: i64 = 3;
const AFTER: i64 = 2;
/// Instruments at once: most of what falls through the waterfall is in perpetuals.
const INSTRUMENTS: usize = 40;
/// Steps in the worst hour, in milliseconds.
const FINE_MS: i64 = 2_000;

/// A crash of real prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Crash {
    /// 12 March 2020: Bitcoin and ether lost a quarter within an hour.
    March2020,
    /// 19 May 2021: ether lost two fifths within an hour, and had them back at its end.
    May2021,
    /// 10 October 2025: smaller coins lost a third to a half within an hour.
    October2025,
    /// 5 February 2026: a long fall, with the option chains of that day.
    February2026,
}

impl Crash {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::March2020, Self::May2021, Self::October2025, Self::February2026];

    /// Its day.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::March2020 => "2020-03-12",
            Self::May2021 => "2021-05-19",
            Self::October2025 => "2025-10-10",
            Self::February2026 => "2026-02-05",
        }
    }

    /// The start of its worst hour.
    #[must_use]
    pub fn worst_hour(self) -> Timestamp {
        let hour = match self {
            Self::March2020 => "10",
            Self::May2021 => "12",
            Self::October2025 => "21",
            Self::February2026 => "15",
        };
        let time = format!("{}T{hour}:00:00Z", self.name());
        time.parse().expect("a day and an hour are a time")
    }

    /// How many of the coins have prices, and closes to make scenarios of, on that day.
    const fn coins(self) -> usize {
        match self {
            Self::March2020 | Self::February2026 => 2,
            Self::May2021 | Self::October2025 => 4,
        }
    }

    /// A simulation of it, from three hours before its worst hour on, with steps of two seconds in that
    /// hour. `chains` is used where there are any of that day.
    #[must_use]
    pub fn options(self, leverage: Leverage, prices: PathBuf, chains: Option<PathBuf>) -> Options {
        let worst = self.worst_hour();
        let hour = |hours: i64| {
            Timestamp::from_milliseconds(worst.milliseconds() + hours * Timestamp::HOUR)
        };
        let chains = chains.filter(|_| self == Self::February2026);
        Options {
            hours: u32::try_from(BEFORE + AFTER).expect("a few"),
            real: Some(RealData { prices, chains, from: hour(-BEFORE) }),
            coins: self.coins(),
            instruments: INSTRUMENTS,
            accounts: 400,
            leverage,
            fine: Some(FineSteps { from: worst, until: hour(1), step_ms: FINE_MS }),
            ..Options::default()
        }
    }
}

impl FromStr for Crash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|crash| crash.name() == text);
        known.ok_or_else(|| {
            format!("there are the crashes of {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

impl FromStr for Leverage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "low" => Ok(Self::Low),
            "normal" => Ok(Self::Normal),
            "high" => Ok(Self::High),
            _ => Err("leverage is low, normal or high".to_owned()),
        }
    }
}
