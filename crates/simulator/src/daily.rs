//! Daily closes that scenarios are made of.

use std::fs::File;
use std::path::Path;

use marketdata::read_history;

use crate::SimulationError;
use crate::market::asset;
use crate::world::Day;

/// Reads the coins' closes of a history file.
pub(crate) fn read(path: &Path) -> Result<Vec<Day>, SimulationError> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|source| SimulationError::Open { path: name.clone(), source })?;
    let history = read_history(&name, file)?;
    let column = |coin: usize| history.assets.iter().position(|found| *found == asset(coin));
    let columns = [column(0), column(1)];
    let day = |day: &risk::HistoryDay| {
        let close = |column: Option<usize>| column.and_then(|column| day.closes[column]);
        (day.date, columns.map(close))
    };
    Ok(history.days.iter().map(day).collect())
}
