//! Bytes as text: hexadecimal, base64, and random names.

use ring::rand::{SecureRandom, SystemRandom};

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRandomness;

/// Bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Letters and digits that can't be taken for one another.
const NAME_LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A short random name, every letter as likely as any other.
pub(super) fn random_name(length: usize) -> Result<String, NoRandomness> {
    let letters = NAME_LETTERS.len();
    // Bytes above the last whole multiple would make the first letters likelier.
    let limit = 256 - 256 % letters;
    let mut name = String::with_capacity(length);
    while name.len() < length {
        let bytes = random::<16>()?;
        let fair = bytes.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < limit);
        name.extend(fair.map(|byte| char::from(NAME_LETTERS[byte % letters])));
    }
    name.truncate(length);
    Ok(name)
}

/// Two lower-case digits a byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The bytes of so many hexadecimal digits, in either case; none of any other text.
pub(crate) fn from_hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 that fits into addresses and headers, without padding (RFC 4648, section 5).
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=chunk.len() {
            let index = group >> (18 - 6 * place) & 63;
            text.push(char::from(BASE64[index as usize]));
        }
    }
    text
}

/// The bytes of base64 of either alphabet, padded or not; none of any other text.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut group = 0;
        for place in 0..4 {
            group = group << 6 | chunk.get(place).map_or(Some(0), |&letter| sextet(letter))?;
        }
        bytes.extend_from_slice(&group.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

fn sextet(letter: u8) -> Option<u32> {
    let (first, offset) = match letter {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'-' | b'+' => return Some(62),
        b'_' | b'/' => return Some(63),
        _ => return None,
    };
    Some(u32::from(letter - first) + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back() {
        assert_eq!(hexadecimal(&[0, 1, 0xab, 0xff]), "0001abff");
        assert_eq!(from_hexadecimal::<2>("aBfF"), Some([0xab, 0xff]));
        for wrong in ["", "ab", "abffa", "abfg", "+bff", "ab\u{e9}a"] {
            assert_eq!(from_hexadecimal::<2>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        let pairs = [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base64("Zm8=").unwrap(), b"fo");
        assert_eq!(base64(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64("+/8=").unwrap(), [0xfb, 0xff]);
        for wrong in ["Z", "Zm9vY", "Zm 9", "Z*==", "Zm9v\u{e9}"] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_as_long_as_asked_and_differ() {
        let (one, other) = (random_name(8).unwrap(), random_name(8).unwrap());
        assert_eq!((one.len(), other.len()), (8, 8));
        assert_ne!(one, other);
        assert!(one.bytes().all(|letter| NAME_LETTERS.contains(&letter)));
    }
}
