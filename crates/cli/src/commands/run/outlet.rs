//! Where events go while a script runs. Nothing reaches standard output before all has gone well.

use std::io::{self, BufWriter, Seek, Write};

use engine::event::Event;
use serde::Serialize;
use tempfile::SpooledTempFile;

use crate::failure::Failure;

/// Output that is longer than this waits in a file.
const MEMORY_BYTES_MAX: usize = 1 << 24;

/// An event with the number of the command that it belongs to, as a line of JSON.
#[derive(Serialize)]
struct Numbered<'a> {
    sequence: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// Output that waits.
pub struct Outlet(BufWriter<SpooledTempFile>);

impl Outlet {
    /// An empty one.
    pub fn new() -> Self {
        Self(BufWriter::new(SpooledTempFile::new(MEMORY_BYTES_MAX)))
    }

    /// Writes an event as a line of JSON.
    pub fn event(&mut self, sequence: u64, event: &Event) -> Result<(), Failure> {
        let written = serde_json::to_writer(&mut self.0, &Numbered { sequence, event });
        written.map_err(io::Error::from).and_then(|()| self.0.write_all(b"\n")).map_err(waiting)
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.0.write_all(text.as_bytes()).map_err(waiting)
    }

    /// What was written, from its beginning.
    pub fn finish(self) -> Result<SpooledTempFile, Failure> {
        let mut file = self.0.into_inner().map_err(|error| waiting(error.into_error()))?;
        file.rewind().map_err(waiting)?;
        Ok(file)
    }
}

fn waiting(source: io::Error) -> Failure {
    Failure::Create { path: "a temporary file for the output".to_owned(), source }
}
