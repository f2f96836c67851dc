//! Real history for a world: hourly prices, option chains and daily closes.

use instruments::Timestamp;

use super::chains::Chains;
use super::hourly::{self, Bridges};
use super::smile::Smiles;
use super::{COINS, Paths};
use crate::world::Day;
use crate::{RealData, SimulationError, daily};

/// Prices, volatilities, and the days before.
pub(crate) type Real = (Paths, Smiles, Vec<Day>);

/// Reads what `real` names: prices of so many coins that begin at its start and last for some hours.
pub(crate) fn read(real: &RealData, coins: usize, hours: u32) -> Result<Real, SimulationError> {
    let bars = hourly::read_folder(&real.prices, coins)?;
    let bridges = Bridges::over(bars, real.from, hours)?;
    let smiles = smiles(real, hours)?;
    let days = daily::read(&real.prices.join("daily_closes.csv"), coins)?;
    Ok((Paths::Real(bridges), smiles, days))
}

/// The same from `now` on to the end of the prices, of which it says when that is; with the chains that
/// there were from its start until now. `None` if the prices have ended by `now`.
pub(crate) fn read_on(
    real: &RealData,
    coins: usize,
    now: Timestamp,
) -> Result<Option<(Real, Timestamp)>, SimulationError> {
    let bars = hourly::read_folder(&real.prices, coins)?;
    let last = |bars: &hourly::Bars| *bars.keys().next_back().expect("a file has rows");
    let ends = bars.iter().map(last).min().unwrap_or(now);
    let hours = |from: Timestamp| {
        let hours = ends.since(from).div_euclid(Timestamp::HOUR) + 1;
        u32::try_from(hours).unwrap_or(0)
    };
    if hours(now) == 0 && now > real.from {
        return Ok(None);
    }
    let bridges = Bridges::over(bars, now, hours(now).max(1))?;
    let mut smiles = smiles(real, hours(real.from))?;
    smiles.advance(now);
    let days = daily::read(&real.prices.join("daily_closes.csv"), coins)?;
    let ends = ends.milliseconds() + Timestamp::HOUR;
    Ok(Some(((Paths::Real(bridges), smiles, days), Timestamp::from_milliseconds(ends))))
}

fn smiles(real: &RealData, hours: u32) -> Result<Smiles, SimulationError> {
    let Some(folder) = &real.chains else { return Ok(Smiles::Seeded) };
    Ok(Smiles::Real(Box::new(Chains::read_folder(folder, real.from, hours)?)))
}

/// Whether so many coins may be traded.
pub(crate) fn check_coins(coins: usize) -> Result<(), SimulationError> {
    if (1..=COINS.len()).contains(&coins) {
        return Ok(());
    }
    let problem = "there may be 1 to 4 coins: BTC, ETH, BNB and XRP";
    Err(SimulationError::Usage(problem.to_owned()))
}
