//! Daily closes that scenarios are made of.

use std::fs::File;
use std::path::Path;

use marketdata::read_history;

use crate::SimulationError;
use crate::market::asset;
use crate::world::Day;

/// Reads the closes of so many coins of a history file.
pub(crate) fn read(path: &Path, coins: usize) -> Result<Vec<Day>, SimulationError> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|source| SimulationError::Open { path: name.clone(), source })?;
    let history = read_history(&name, file)?;
    let column = |coin: usize| history.assets.iter().position(|found| *found == asset(coin));
    let columns: Vec<_> = (0..coins).map(column).collect();
    let day = |day: &risk::HistoryDay| {
        let close = |column: &Option<usize>| column.and_then(|column| day.closes[column]);
        (day.date, columns.iter().map(close).collect())
    };
    Ok(history.days.iter().map(day).collect())
}
