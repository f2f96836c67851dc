//! Any bytes at all: never a panic, and never more memory than a batch needs. The fuzz target
//! `journal` tries the same.

use plimsoll_journal::faulty::Memory;
use plimsoll_journal::{Journal, verify_snapshot};
use proptest::prelude::*;

use crate::world::{batches, check, journal_of, options, read, scale, segments};

const FIRST: &str = "00000000000000000001.journal";

/// All that reads files is tried; what is good is read alike by all.
fn try_everything(memory: &Memory) {
    let verified = check(memory);
    let before = read(memory);
    let opened = Journal::open(memory.clone(), options());
    assert_eq!(opened.is_ok(), verified.is_ok());
    if let Ok(verified) = verified {
        drop(opened);
        assert_eq!(before.unwrap(), read(memory).unwrap());
        assert_eq!(check(memory).unwrap().read, verified.read);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000 * scale()))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let memory = Memory::new();
        memory.put(FIRST, bytes.clone());
        try_everything(&memory);
        memory.put("00000000000000000001.snapshot", bytes);
        prop_assert!(verify_snapshot(&memory, 1, &(0..=u32::MAX)).is_err());
    }

    /// Bytes put into a good journal, with the checksums of their sectors made right again.
    #[test]
    fn any_content_of_sound_sectors_is_read_or_refused(
        patches in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        short in any::<prop::sample::Index>(),
    ) {
        let memory = journal_of(&batches());
        for (number, name) in segments(&memory).into_iter().enumerate() {
            let mut bytes = memory.bytes(&name).unwrap();
            for (at, value) in patches.iter().skip(number) {
                let at = at.index(bytes.len());
                bytes[at] = *value;
                seal(&mut bytes, at / 512);
            }
            bytes.truncate(short.index(8 * bytes.len()));
            memory.put(&name, bytes);
            try_everything(&memory);
        }
    }
}

fn seal(bytes: &mut [u8], sector: usize) {
    let Some(sector) = bytes.get_mut(sector * 512..(sector + 1) * 512) else { return };
    let checksum = crc32c::crc32c(&sector[..506]);
    sector[506..510].copy_from_slice(&checksum.to_le_bytes());
    sector[510..].copy_from_slice(&[0xFF; 2]);
}
