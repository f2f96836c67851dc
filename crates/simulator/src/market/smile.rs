//! Forwards and volatilities, and what should be listed: of a seeded market, or of real chains.

use engine::command::{Surface, SurfaceExpiry};
use instruments::{Instrument, OptionKind, Price, SCALE, Timestamp, Underlying};
use risk::FixedCurve;

use super::chains::{self, Chains};
use super::{COINS, Paths, asset, calendar};

/// Where volatilities come from.
pub(crate) enum Smiles {
    /// From the variance that the seeded prices have now.
    Seeded,
    /// From real chains.
    Real(Box<Chains>),
}

/// What an expiry should have.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub expiry: Timestamp,
    pub strikes: Vec<Price>,
}

/// How far ahead of its expiry a contract is listed at least.
const NOTICE_MS: i64 = 4 * Timestamp::HOUR;
/// Expiries that have options, and the place of the one that has linear options too.
const EXPIRIES: usize = 4;
const LINEAR_EXPIRY: usize = 1;
/// What a forward gains on the index in a year.
const CARRY: f64 = 0.06;
/// Skew and curvature of the seeded smile: SSVI (Gatheral and Jacquier 2014) with φ = η/√θ.
const RHO: f64 = -0.25;
const ETA: f64 = 1.0;

impl Smiles {
    /// Takes in what is new; says whether anything is.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        match self {
            Self::Seeded => false,
            Self::Real(chains) => chains.advance(now),
        }
    }

    /// The surface of a coin: of every expiry that `needed` names, and those that are listed next.
    pub fn surface(
        &self,
        coin: usize,
        now: Timestamp,
        paths: &Paths,
        needed: &[Timestamp],
    ) -> Surface {
        let index = paths.prices()[coin];
        let expiries = match (self, paths) {
            (Self::Real(chains), _) => chains.surface(coin, now, index),
            (Self::Seeded, paths) => {
                let mut expiries = calendar::expiries(now, NOTICE_MS);
                expiries.extend(needed.iter().filter(|expiry| **expiry > now));
                expiries.sort_unstable();
                expiries.dedup();
                expiries.into_iter().map(|at| seeded(coin, now, at, index, paths)).collect()
            }
        };
        Surface { underlying: Underlying::of(asset(coin)), expiries }
    }

    /// The instruments that should be there, at the prices of now, with so many strikes of each expiry.
    pub fn wanted(&self, now: Timestamp, paths: &Paths, strikes: usize) -> Vec<Instrument> {
        let mut wanted = Vec::new();
        for (inverse, (coin, index)) in
            COINS.into_iter().zip(paths.prices().into_iter().enumerate())
        {
            let linear = format!("{inverse}_USDC");
            for pair in [inverse, &linear] {
                wanted.extend(format!("{pair}-PERPETUAL").parse::<Instrument>());
            }
            let listed = match self {
                Self::Real(chains) => chains.listed(coin, now, index, NOTICE_MS, strikes),
                Self::Seeded => seeded_listing(now, index, strikes),
            };
            let monthly = listed.len().saturating_sub(1);
            for (place, at) in listed.iter().enumerate() {
                if place == EXPIRIES - 2 || place == monthly {
                    wanted.extend(chains::future(inverse, at.expiry));
                }
                if place >= EXPIRIES {
                    continue;
                }
                let both = place == LINEAR_EXPIRY;
                for pair in [inverse, &linear].into_iter().take(if both { 2 } else { 1 }) {
                    for strike in &at.strikes {
                        let kinds = [OptionKind::Call, OptionKind::Put];
                        let all = kinds.map(|kind| chains::option(pair, at.expiry, *strike, kind));
                        wanted.extend(all.into_iter().flatten());
                    }
                }
            }
        }
        wanted
    }
}

fn seeded_listing(now: Timestamp, index: f64, count: usize) -> Vec<Listed> {
    let expiries = calendar::expiries(now, NOTICE_MS);
    let at = |expiry: Timestamp| {
        let days = expiry.since(now) as f64 / Timestamp::DAY as f64;
        let side = i64::try_from(count / 2).expect("few");
        let strikes = calendar::strikes(index, days, side);
        Listed { expiry, strikes: strikes.into_iter().map(price_of).collect() }
    };
    expiries.into_iter().map(at).collect()
}

fn seeded(
    coin: usize,
    now: Timestamp,
    expiry: Timestamp,
    index: f64,
    paths: &Paths,
) -> SurfaceExpiry {
    let ahead = expiry.since(now);
    let years = ahead as f64 / Timestamp::YEAR as f64;
    let variance = match paths {
        Paths::Seeded(diffusion) => diffusion.expected_variance(coin, ahead),
        Paths::Real(_) => 0.4,
    };
    let theta = (variance * years).max(1e-6);
    let phi = ETA / theta.sqrt();
    let root = (1.0 - RHO * RHO).sqrt();
    SurfaceExpiry {
        expiry,
        forward: price_of(index * (1.0 + CARRY * years)),
        volatility: FixedCurve::Svi {
            a_ppb: ppb(theta / 2.0 * (1.0 - RHO * RHO)),
            b_ppb: ppb(theta * phi / 2.0),
            rho_ppb: ppb(RHO),
            m_ppb: ppb(-RHO / phi),
            s_ppb: ppb(root / phi),
        },
    }
}

/// A price in whole cents, or below a hundred dollars in hundredths of a cent.
pub(crate) fn price_of(dollars: f64) -> Price {
    let per_dollar = if dollars < 100.0 { 10_000 } else { 100 };
    let parts = (dollars * f64::from(per_dollar)).round().clamp(1.0, 1e13) as i64;
    Price::from_units(parts * (SCALE / i64::from(per_dollar)))
}

/// A number in parts per billion.
pub(crate) fn ppb(number: f64) -> i64 {
    (number * 1e9).round() as i64
}
