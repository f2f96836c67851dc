//! A script line by line: a long one is never in memory as a whole.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::inputs;

/// The longest line: room for a history or a methodology written out.
const LINE_BYTES_MAX: u64 = 1 << 24;
const BUFFER_BYTES: usize = 1 << 16;
/// Characters of a message: it may quote what is wrong.
const MESSAGE_MAX: usize = 2_000;
/// What some editors begin a file with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Lines of a script that hold commands.
pub struct Script {
    /// Its path, as errors name it.
    pub path: String,
    /// The folder that the files it names are in.
    pub folder: PathBuf,
    /// The number of the line that was read last, from one.
    pub line: u64,
    source: Box<dyn BufRead>,
    buffer: Vec<u8>,
}

impl Script {
    /// Opens a script; `-` is standard input.
    pub fn open(path: &str) -> Result<Self, Failure> {
        let source: Box<dyn Read> = match path {
            "-" => Box::new(io::stdin()),
            path => Box::new(inputs::open(path)?),
        };
        let folder = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
        let path = if path == "-" { "standard input" } else { path }.to_owned();
        let source = Box::new(BufReader::with_capacity(BUFFER_BYTES, source));
        Ok(Self { path, folder, line: 0, source, buffer: Vec::new() })
    }

    /// Reads on to the next command; false at the end. Blank lines and those that begin with `#` or
    /// `//` are passed over.
    pub fn advance(&mut self) -> Result<bool, Failure> {
        loop {
            self.buffer.clear();
            let mut bounded = (&mut self.source).take(LINE_BYTES_MAX + 1);
            let read = bounded.read_until(b'\n', &mut self.buffer);
            self.line += 1;
            if read.map_err(|error| self.failure(0, format!("cannot be read: {error}")))? == 0 {
                return Ok(false);
            }
            if self.line == 1 && self.buffer.starts_with(BYTE_ORDER_MARK) {
                self.buffer.drain(..BYTE_ORDER_MARK.len());
            }
            if self.buffer.len() as u64 > LINE_BYTES_MAX {
                let most = LINE_BYTES_MAX >> 20;
                return Err(self.failure(0, format!("the line is longer than {most} MiB")));
            }
            let line = self.checked()?.trim();
            if let Some(at) = line.find('\r').filter(|_| is_comment(line)) {
                let message = "a carriage return within a comment: end lines with line feeds";
                return Err(self.failure(at, message));
            }
            if !(line.is_empty() || is_comment(line)) {
                return Ok(true);
            }
        }
    }

    /// The line that was read last.
    pub fn text(&self) -> &str {
        let text = str::from_utf8(&self.buffer).expect("it was checked when it was read");
        text.trim_end_matches(['\n', '\r'])
    }

    /// An error at a byte of the line that was read last.
    pub fn failure(&self, at: usize, message: impl Into<String>) -> Failure {
        let mut message: String = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_MAX) {
            message.truncate(end);
            message.push('…');
        }
        let before = &self.buffer[..at.min(self.buffer.len())];
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        Failure::Script { path: self.path.clone(), line: self.line, column, message }
    }

    fn checked(&self) -> Result<&str, Failure> {
        str::from_utf8(&self.buffer).map_err(|error| {
            self.failure(error.valid_up_to(), "the line is not UTF-8: save the script as UTF-8")
        })
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') || line.starts_with("//")
}
