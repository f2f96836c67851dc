//! Reading and verifying, also beside a writer.

use std::ops::RangeInclusive;

use crate::batch::Batch;
use crate::error::{Anchor, ReadError};
use crate::format::segment_name;
use crate::scan::{Patience, SEQUENCE_FIRST, Scanner, Start, Step, Tail};
use crate::storage::Directory;
use crate::summary::{self, Summary};

/// Batches of a journal, in order, each checked before it is handed out.
///
/// One batch is in memory at a time, so its records are borrowed until the next is asked for.
pub struct Batches<'d, D: Directory> {
    scanner: Option<Scanner<'d, D>>,
    from: u64,
    until: Option<u64>,
    /// What the last step came to.
    tail: Option<Tail>,
}

impl<'d, D: Directory> Batches<'d, D> {
    /// Batches from the one on that has the record with this sequence number, to the last that is
    /// whole. A writer may be at work.
    ///
    /// Reading begins with the segment that has the record, whose header is believed.
    ///
    /// # Errors
    /// If the journal begins later, or is damaged.
    pub fn open(
        directory: &'d D,
        from: u64,
        rules_known: RangeInclusive<u32>,
        patience: Patience,
    ) -> Result<Self, ReadError> {
        let scanner = Scanner::begin(directory, Start::Segment(from), rules_known, patience)?;
        Ok(Self { scanner, from, until: None, tail: None })
    }

    /// The same, up to before a sequence number at which a batch begins.
    pub(crate) fn up_to(
        directory: &'d D,
        from: u64,
        until: u64,
        rules_known: &RangeInclusive<u32>,
    ) -> Result<Self, ReadError> {
        if from > until {
            return Err(ReadError::TooLate { sequence: from, next: until });
        }
        let batches = Self::open(directory, from, rules_known.clone(), Patience::NONE)?;
        Ok(Self { until: Some(until), ..batches })
    }

    /// The next batch; `None` at the end, where more may be found later if a writer is at work.
    ///
    /// # Errors
    /// Damage, by file and byte, or what the file system says.
    #[expect(clippy::should_implement_trait, reason = "what it returns is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<Batch<'_>>, ReadError> {
        let Some(scanner) = &mut self.scanner else {
            return match self.from {
                0..=SEQUENCE_FIRST => Ok(None),
                sequence => Err(ReadError::TooLate { sequence, next: SEQUENCE_FIRST }),
            };
        };
        loop {
            let next = scanner.position().sequence;
            if self.until.is_some_and(|until| next >= until) {
                return Ok(None);
            }
            match scanner.step()? {
                Step::Batch(header) if header.next_sequence() > self.from => {
                    return Ok(Some(scanner.batch(header)));
                }
                Step::Batch(_) => {}
                Step::End(_) if self.from > next => {
                    return Err(ReadError::TooLate { sequence: self.from, next });
                }
                Step::End(tail) => {
                    self.tail = Some(tail);
                    return Ok(None);
                }
            }
        }
    }

    /// What stands behind the last batch, once there was no next one.
    pub fn end(&self) -> End {
        match (&self.scanner, self.tail) {
            (Some(scanner), Some(tail)) => End::of(scanner, tail),
            _ => End::Clean,
        }
    }
}

/// How a journal is verified.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The rules that the program knows.
    pub rules_known: RangeInclusive<u32>,
    /// A point that the journal must have; what is before its segment is not read then. Without it
    /// all is read, from the first record on.
    pub anchor: Option<Anchor>,
    /// [`Patience::BESIDE_WRITER`] if a writer may be at work.
    pub patience: Patience,
}

/// What verifying has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What was read.
    pub read: Summary,
    /// What stands behind the last batch that is whole.
    pub end: End,
}

/// The end of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing.
    Clean,
    /// A part of one more batch: it is just being written, or its writer was interrupted. It was not
    /// acknowledged, and opening the journal to write cuts it.
    Unfinished {
        /// The segment.
        file: String,
        /// Where the part begins.
        offset: u64,
        /// How long it is.
        bytes: u64,
    },
}

/// Reads a whole journal and checks every byte of it; nothing is written.
///
/// # Errors
/// Damage, by file and byte, or what the file system says.
pub fn verify<D: Directory>(directory: &D, options: &VerifyOptions) -> Result<Verified, ReadError> {
    let start = options.anchor.map_or(Start::Beginning, Start::Anchor);
    let rules = options.rules_known.clone();
    let Some(mut scanner) = Scanner::begin(directory, start, rules, options.patience)? else {
        return Ok(Verified { read: Summary::default(), end: End::Clean });
    };
    let (read, tail) = summary::walk(&mut scanner)?;
    Ok(Verified { read, end: End::of(&scanner, tail) })
}

impl End {
    fn of<D: Directory>(scanner: &Scanner<'_, D>, tail: Tail) -> Self {
        match tail.torn_bytes {
            0 => Self::Clean,
            bytes => {
                let file = segment_name(scanner.segment());
                Self::Unfinished { file, offset: tail.offset, bytes }
            }
        }
    }
}
