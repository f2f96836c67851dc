//! Sectors: the 512 bytes in which everything in a segment is written, each with its own checksum.
//!
//! A sector is written once, by one write, and never shared by two batches, so that no write touches
//! what was acknowledged before. Its last two bytes are not zero, and everything in a segment that
//! was not written yet is. That is what tells a write that was cut short from damage, see
//! [`Condition`].

/// Bytes in a sector.
pub const SECTOR_BYTES: usize = 512;

/// Bytes of content in a sector.
pub const CONTENT_BYTES: usize = 504;

const INDEX: std::ops::Range<usize> = CONTENT_BYTES..CONTENT_BYTES + 2;
const CHECKSUM: std::ops::Range<usize> = INDEX.end..INDEX.end + 4;
const SEAL: usize = CHECKSUM.end;
const GUARD: usize = SEAL + 1;

const _: () = assert!(GUARD + 1 == SECTOR_BYTES);

/// What the last two bytes of a sector are.
const SEALED: u8 = 0xFF;

/// What can be said of 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it was written, with its index. The guard, the last byte, may be anything.
    Whole(u16),
    /// Zeros only: nothing was written here, or nothing of it arrived.
    Blank,
    /// The write broke off before the seal.
    Torn,
    /// None of these: no write that was cut short leaves this behind.
    Spoiled,
}

/// Appends sectors with `content`, numbered from `index_first` on; the last is filled up with zeros.
///
/// # Panics
/// If there are more sectors than numbers.
pub fn write(content: &[u8], index_first: u16, sectors: &mut Vec<u8>) {
    for (index, part) in content.chunks(CONTENT_BYTES).enumerate() {
        let index = u16::try_from(index).ok().and_then(|index| index.checked_add(index_first));
        let index = index.expect("batches are bounded to fewer sectors than there are numbers");
        let start = sectors.len();
        sectors.extend_from_slice(part);
        sectors.resize(start + CONTENT_BYTES, 0);
        sectors.extend_from_slice(&index.to_le_bytes());
        let checksum = crc32c::crc32c(&sectors[start..]);
        sectors.extend_from_slice(&checksum.to_le_bytes());
        sectors.extend_from_slice(&[SEALED, SEALED]);
    }
}

/// How many sectors hold `content_bytes`.
pub const fn count(content_bytes: usize) -> usize {
    content_bytes.div_ceil(CONTENT_BYTES)
}

/// The condition of a sector.
pub fn condition(sector: &[u8; SECTOR_BYTES]) -> Condition {
    let stored = u32::from_le_bytes(sector[CHECKSUM].try_into().expect("four bytes"));
    if sector[SEAL] == SEALED && crc32c::crc32c(&sector[..CHECKSUM.start]) == stored {
        Condition::Whole(u16::from_le_bytes(sector[INDEX].try_into().expect("two bytes")))
    } else if sector[SEAL] != 0 || sector[GUARD] != 0 {
        Condition::Spoiled
    } else if is_blank(sector) {
        Condition::Blank
    } else {
        Condition::Torn
    }
}

/// Whether all bytes are zero.
pub fn is_blank(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<32>();
    words.iter().all(|word| *word == [0; 32]) && rest.iter().all(|byte| *byte == 0)
}

/// The content of a sector.
pub fn content(sector: &[u8; SECTOR_BYTES]) -> &[u8; CONTENT_BYTES] {
    sector.first_chunk().expect("a sector has more bytes than its content")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(content: &[u8], index: u16) -> [u8; SECTOR_BYTES] {
        let mut sectors = Vec::new();
        write(content, index, &mut sectors);
        sectors.try_into().expect("one sector")
    }

    fn contents() -> [Vec<u8>; 4] {
        let varied = (0..CONTENT_BYTES).map(|at| (at * 7 + 1) as u8).collect();
        [vec![0], vec![0; CONTENT_BYTES], vec![0xFF; CONTENT_BYTES], varied]
    }

    #[test]
    fn what_is_written_is_whole() {
        for (content, index) in contents().into_iter().zip([0, 1, 2, u16::MAX]) {
            let sector = sealed(&content, index);
            assert_eq!(condition(&sector), Condition::Whole(index));
            assert_eq!(&super::content(&sector)[..content.len()], content);
        }
        assert_eq!(condition(&[0; SECTOR_BYTES]), Condition::Blank);
    }

    #[test]
    fn no_change_of_one_byte_makes_a_whole_sector_look_torn_or_blank() {
        for content in contents() {
            let sector = sealed(&content, 3);
            for at in 0..SECTOR_BYTES {
                for mask in 1..=u8::MAX {
                    let mut changed = sector;
                    changed[at] ^= mask;
                    let expected =
                        if at == GUARD { Condition::Whole(3) } else { Condition::Spoiled };
                    assert_eq!(condition(&changed), expected, "byte {at}, mask {mask}");
                }
            }
        }
    }

    #[test]
    fn a_write_cut_short_is_never_spoiled() {
        for content in contents() {
            let sector = sealed(&content, 3);
            for written in 0..=SECTOR_BYTES {
                let mut cut = [0; SECTOR_BYTES];
                cut[..written].copy_from_slice(&sector[..written]);
                let found = condition(&cut);
                let whole = matches!(found, Condition::Whole(3));
                assert_eq!(whole, written >= GUARD, "{written} bytes: {found:?}");
                assert_ne!(found, Condition::Spoiled, "{written} bytes");
            }
        }
    }
}
