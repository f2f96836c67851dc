//! Segments and snapshots of any bytes: whoever reads them agrees, and what is opened stays as it
//! was read.
#![no_main]

use journal::faulty::Memory;
use journal::{Journal, Options, Patience, VerifyOptions, verify, verify_snapshot};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let memory = Memory::new();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    memory.put("00000000000000000001.snapshot", bytes.to_vec());
    let _ = verify_snapshot(&memory, 1, &(0..=u32::MAX));
    memory.put("00000000000000000001.journal", bytes.to_vec());
    read(&memory);
    memory.put("00000000000000000001.journal", sealed(first));
    memory.put("00000000000000000002.journal", sealed(second));
    read(&memory);
});

fn read(memory: &Memory) {
    let patience = Patience::NONE;
    let options = VerifyOptions { rules_known: 0..=u32::MAX, anchor: None, patience };
    let verified = verify(memory, &options);
    let epoch = u64::MAX;
    let writing =
        Options { rules_known: 0..=u32::MAX, segment_bytes: 4096, epoch, ..Options::default() };
    let opened = Journal::open(memory.clone(), writing);
    assert_eq!(opened.is_ok(), verified.is_ok());
    if let (Ok((journal, recovery)), Ok(verified)) = (opened, verified) {
        assert_eq!(recovery.read, verified.read);
        drop(journal);
        let again = verify(memory, &options).expect("what was opened is sound");
        assert_eq!(again.read, verified.read);
    }
}

/// The bytes as the content of sectors, with right checksums, so that more than those is tried. The
/// first two bytes of each are its index.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut sectors = Vec::new();
    for part in bytes.chunks(506) {
        let start = sectors.len();
        sectors.extend_from_slice(part.get(2..).unwrap_or_default());
        sectors.resize(start + 504, 0);
        sectors.extend_from_slice(part.get(..2).unwrap_or(&[0; 2]));
        let checksum = crc32c::crc32c(&sectors[start..]);
        sectors.extend_from_slice(&checksum.to_le_bytes());
        sectors.extend_from_slice(&[0xFF; 2]);
    }
    sectors
}
