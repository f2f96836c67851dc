//! One line as its fields, split and quoted by `csv-core`.

use std::borrow::Cow;

use csv_core::{ReadRecordResult, Reader, Writer};

/// The fields of one line, in buffers that are used again for the next.
pub(crate) struct Record {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Record {
    /// A record of no line yet.
    pub(crate) fn new() -> Self {
        Self { reader: Reader::new(), text: Vec::new(), ends: Vec::new(), count: 0 }
    }

    /// Takes a line apart. A quoted field must end on its line.
    pub(crate) fn read(&mut self, line: &str) -> Result<(), &'static str> {
        let count = |wanted: u8| line.bytes().filter(|byte| *byte == wanted).count();
        if count(b'"') % 2 == 1 {
            return Err("a quoted field does not end on its line");
        }
        self.text.resize(line.len() + 1, 0);
        self.ends.resize(count(b',') + 2, 0);
        self.reader.reset();
        let (mut input, mut written, mut ended) = (line.as_bytes(), 0, 0);
        // The line, and then the end of input that closes its last field.
        loop {
            let (result, read, wrote, ends) =
                self.reader.read_record(input, &mut self.text[written..], &mut self.ends[ended..]);
            (input, written, ended) = (&input[read..], written + wrote, ended + ends);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Err("the line holds no field"),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err("the line holds more fields than commas");
                }
            }
        }
        self.count = ended;
        Ok(())
    }

    /// How many fields the line had.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// A field, quotes undone.
    pub(crate) fn field(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let bytes = &self.text[start..self.ends[index]];
        std::str::from_utf8(bytes).expect("a UTF-8 line is split at ASCII bytes only")
    }
}

/// Writes a field so that [`Record::read`] reads it back.
pub(crate) fn written(field: &str) -> Cow<'_, str> {
    let mut out = vec![0; 2 * field.len() + 2];
    let mut writer = Writer::new();
    let (_, _, body) = writer.field(field.as_bytes(), &mut out);
    let (_, end) = writer.finish(&mut out[body..]);
    out.truncate(body + end);
    String::from_utf8(out).map_or(Cow::Borrowed(field), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Vec<String>, &'static str> {
        let mut record = Record::new();
        record.read(text)?;
        Ok((0..record.len()).map(|index| record.field(index).to_owned()).collect())
    }

    #[test]
    fn splits_fields_with_and_without_quotes() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(fields(text).unwrap(), expected, "{text}");
        };
        check("a,b,c", &["a", "b", "c"]);
        check("a,,", &["a", "", ""]);
        check("\"a,b\",c", &["a,b", "c"]);
        check("\"say \"\"hi\"\"\",\"\"", &["say \"hi\"", ""]);
        check("ä,€", &["ä", "€"]);
        for bad in ["\"a", "a,\"b", "\"\"\""] {
            assert!(fields(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for field in ["a", "a b", "a,b", "a\"b", "", "\"", ",\","] {
            assert_eq!(fields(&format!("x,{}", written(field))).unwrap(), ["x", field]);
        }
    }
}
