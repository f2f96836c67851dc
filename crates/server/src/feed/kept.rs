//! The venue as released, in a file beside each snapshot of the engine: a start goes on from there, and
//! takes in only what came later.
//!
//! What is in the files is a shortcut and nothing more: without them all is made again from the journal.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use journal::{Disk, SnapshotHeader, SnapshotReader, SnapshotWriter, prune_snapshots};
use node::{Companion, Point, Released};

use super::Shared;
use super::venue::Venue;

/// The form of what is kept; files of another are passed over. It becomes one more whenever anything
/// that a [`Venue`] is made of changes.
const FORM: u32 = 3;
const FORMS: RangeInclusive<u32> = FORM..=FORM;
/// As many as there are snapshots of the engine.
const KEPT: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");
/// Bytes that are read or written at once.
const BUFFER_BYTES: usize = 1 << 16;

/// A second venue, which follows the log with the engine's second state and is written with it.
pub struct Kept {
    folder: Disk,
    venue: Venue,
    /// Who looks at the first one: it begins where the node does.
    live: Option<Shared>,
}

impl Kept {
    /// What is kept in a folder, which is made if it is missing. `live` begins with it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(folder: &Path, live: Shared) -> io::Result<Self> {
        Ok(Self { folder: Disk::create(folder)?, venue: Venue::default(), live: Some(live) })
    }

    fn read(&self, point: Point) -> io::Result<Venue> {
        let reader = SnapshotReader::open(&self.folder, point.sequence, &FORMS);
        let reader = reader.map_err(io::Error::other)?;
        if reader.header() != header(point) {
            return Err(io::Error::other("it is of another journal"));
        }
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        let venue = Venue::deserialize_reader(&mut reader)?;
        // The checksum of the whole is compared at the end.
        match reader.read(&mut [0])? {
            0 => Ok(venue),
            _ => Err(io::Error::other("there is more of it than there should be")),
        }
    }
}

impl Companion for Kept {
    fn begin(&mut self, snapshot: Option<Point>) -> bool {
        let found = match snapshot {
            None => Venue::default(),
            Some(point) => match self.read(point) {
                Ok(venue) => venue,
                Err(_) => return false,
            },
        };
        if let Some(live) = self.live.take() {
            *live.write() = found.clone();
        }
        self.venue = found;
        true
    }

    fn take(&mut self, released: Released<'_>) {
        self.venue.take_in(released.command, released.events, &mut Vec::new());
    }

    fn keep(&mut self, point: Point) -> io::Result<()> {
        let writer = SnapshotWriter::begin(&self.folder, &header(point));
        let mut writer = writer.map_err(io::Error::other)?;
        let mut buffer = BufWriter::with_capacity(BUFFER_BYTES, &mut writer);
        self.venue.serialize(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        writer.finish().map_err(io::Error::other)?;
        prune_snapshots(&self.folder, KEPT).map_err(io::Error::other)?;
        Ok(())
    }
}

/// The hash of a state is not for it to say.
const fn header(point: Point) -> SnapshotHeader {
    let Point { sequence, chain } = point;
    SnapshotHeader { rules: FORM, sequence, chain, state: [0; 32] }
}

#[cfg(test)]
mod tests {
    use engine::command::{Action, AddAsset};
    use engine::{Command, Event};
    use instruments::{Asset, Timestamp};

    use super::*;

    fn add(kept: &mut Kept, sequence: u64, asset: Asset) {
        let (interest, breaker) = Default::default();
        let action = Action::AddAsset(AddAsset { asset, interest, breaker });
        let command = Command { sequence, time: Timestamp::from_milliseconds(0), action };
        let events = [Event::AssetAdded { asset }];
        kept.take(Released { command: &command, events: &events });
    }

    #[test]
    fn what_was_kept_is_there_again_and_nothing_else_is_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let live = Shared::default();
            (Kept::open(folder.path(), live.clone()).unwrap(), live)
        };
        let point = |sequence, chain| Some(Point { sequence, chain: [chain; 32] });
        let (mut kept, _) = open();
        assert!(kept.begin(None));
        for (sequence, asset) in [(1, Asset::USD), (2, Asset::USDC)] {
            add(&mut kept, sequence, asset);
            kept.keep(Point { sequence, chain: [7; 32] }).unwrap();
        }
        let (mut again, live) = open();
        assert!(!again.begin(point(3, 7)), "there is none");
        assert!(!again.begin(point(2, 8)), "it is of another journal");
        assert!(live.read().assets.is_empty());
        assert!(again.begin(point(2, 7)));
        assert_eq!(live.read().assets, [Asset::USD, Asset::USDC]);
        let file = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let last = file.max().unwrap();
        let mut bytes = std::fs::read(&last).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        std::fs::write(&last, bytes).unwrap();
        let (mut damaged, live) = open();
        assert!(!damaged.begin(point(2, 7)), "it is damaged");
        assert!(damaged.begin(point(1, 7)));
        assert_eq!(live.read().assets, [Asset::USD]);
    }
}
