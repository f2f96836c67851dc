//! Lines of a plain or gzipped file, one at a time, in bounded memory.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use crate::FileError;

/// A line longer than this is refused: no row of any format comes near.
pub(crate) const LINE_BYTES_MAX: usize = 65_536;

const BUFFER_BYTES: usize = 65_536;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads a file line by line.
pub(crate) struct Lines<'r> {
    file: String,
    source: Box<dyn BufRead + 'r>,
    is_gzip: bool,
    line: String,
    number: u64,
}

impl<'r> Lines<'r> {
    /// Looks at the first bytes, to tell a gzipped file from a plain one.
    pub(crate) fn open(file: &str, mut source: impl Read + 'r) -> Result<Self, FileError> {
        let mut start = Vec::with_capacity(GZIP_MAGIC.len());
        let wanted = GZIP_MAGIC.len() as u64;
        source
            .by_ref()
            .take(wanted)
            .read_to_end(&mut start)
            .map_err(|error| unreadable(file, 1, &error))?;
        let is_gzip = start == GZIP_MAGIC;
        let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(start).chain(source));
        let source: Box<dyn BufRead + 'r> = if is_gzip {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        Ok(Self { file: file.to_owned(), source, is_gzip, line: String::new(), number: 0 })
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Number of the line last read, from one.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Goes to the next line that is not blank; false at the end of the file.
    pub(crate) fn advance(&mut self) -> Result<bool, FileError> {
        let mut bytes = std::mem::take(&mut self.line).into_bytes();
        while self.fill(&mut bytes)? {
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                self.line = String::from_utf8(bytes).map_err(|_| {
                    self.error(
                        "the line is not UTF-8 text",
                        "save the file as UTF-8, or check that it is CSV",
                    )
                })?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The line last read, without its end.
    pub(crate) fn text(&self) -> &str {
        let text = self.line.strip_suffix('\r').unwrap_or(&self.line);
        let marked = text.strip_prefix('\u{feff}').filter(|_| self.number == 1);
        marked.unwrap_or(text)
    }

    /// Reads one line; false at the end of the file.
    fn fill(&mut self, line: &mut Vec<u8>) -> Result<bool, FileError> {
        line.clear();
        self.number += 1;
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(&error)),
            };
            if chunk.is_empty() {
                return Ok(!line.is_empty());
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            if line.len() + taken > LINE_BYTES_MAX {
                return Err(self.error(
                    format!("the line is longer than {LINE_BYTES_MAX} bytes"),
                    "check that the file is CSV with one row a line",
                ));
            }
            line.extend_from_slice(&chunk[..taken]);
            self.source.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    fn broken(&self, error: &io::Error) -> FileError {
        match (self.is_gzip, error.kind()) {
            (true, ErrorKind::UnexpectedEof) => self.error(
                "the gzip data ends in the middle",
                "copy or download the file again: it is incomplete",
            ),
            (true, ErrorKind::InvalidInput | ErrorKind::InvalidData) => self.error(
                "the gzip data is damaged",
                "copy or download the file again, or unpack it to see what is left",
            ),
            _ => unreadable(&self.file, self.number, error),
        }
    }

    fn error(&self, message: impl Into<String>, remedy: &str) -> FileError {
        FileError::at(&self.file, self.number, message, remedy)
    }
}

fn unreadable(file: &str, line: u64, error: &io::Error) -> FileError {
    FileError::at(
        file,
        line,
        format!("reading failed: {error}"),
        "check that it is a file and that you may read it",
    )
}
