//! Peers outside Rust: Python scripts in an environment made for the run.

use crate::Timing;
use crate::table::Row;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages that the scripts import.
const PACKAGES: [&str; 4] = ["numpy", "scipy", "numba", "QuantLib"];

/// A Python environment that is removed when dropped.
pub struct Python {
    folder: tempfile::TempDir,
}

impl Python {
    /// Makes the environment and installs the peers from the package index.
    pub fn create() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let python = Self { folder };
        run(Command::new("python3").args(["-m", "venv"]).arg(python.folder.path()))?;
        run(Command::new(python.interpreter())
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES))?;
        Ok(python)
    }

    fn interpreter(&self) -> PathBuf {
        self.folder.path().join("bin").join("python")
    }

    /// Writes a file for a script into the environment's folder; returns its path.
    pub fn write(&self, name: &str, text: &str) -> Result<String, String> {
        self.write_bytes(name, text.as_bytes().to_vec())
    }

    /// The same of any bytes.
    pub fn write_bytes(&self, name: &str, bytes: Vec<u8>) -> Result<String, String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Runs a script of `benches/peers` on one thread and reads its rows, one a
    /// line: engine, median and least nanoseconds per item, note, split by tabs.
    pub fn rows(&self, script: &str, arguments: &[&str]) -> Result<Vec<Row>, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
        let mut command = Command::new(self.interpreter());
        for variable in
            ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"]
        {
            command.env(variable, "1");
        }
        let text = run(command.arg(path).args(arguments))?;
        text.lines().map(row).collect()
    }
}

fn row(line: &str) -> Result<Row, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [engine, median, least, note] = fields[..] else {
        return Err(format!("a peer printed an unexpected line: {line}"));
    };
    let number = |text: &str| text.parse::<f64>().map_err(|error| format!("{text}: {error}"));
    let timing = Timing { median: number(median)?, least: number(least)? };
    Ok(Row { engine: engine.to_owned(), timing, note: note.to_owned() })
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {message}"));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
