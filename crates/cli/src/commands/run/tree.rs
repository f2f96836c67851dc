//! A line of JSON by its places, so that parts of it can be replaced where they stand.

use std::ops::Range;

/// A value and where it is. Whether scalars are well formed is left to whoever reads them.
pub enum Node {
    /// An object; the place includes its braces.
    Object(Range<usize>, Vec<Member>),
    /// An array.
    Array(Vec<Node>),
    /// A string with its quotes.
    Text(Range<usize>),
    /// A number, `true`, `false` or `null`.
    Other(Range<usize>),
}

/// A key with its value.
pub struct Member {
    /// The key with its quotes.
    pub key: Range<usize>,
    /// The value.
    pub value: Node,
}

/// As deep as the reader goes that comes after.
const DEPTH_MAX: u32 = 127;

/// The value that a line holds; none if it is not JSON.
pub fn parse(text: &str) -> Option<Node> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    let node = scan.value(DEPTH_MAX)?;
    scan.blanks();
    (scan.at == scan.bytes.len()).then_some(node)
}

/// The words of a string with its quotes; none if it has escapes.
pub fn plain<'a>(text: &'a str, place: &Range<usize>) -> Option<&'a str> {
    let words = &text[place.start + 1..place.end - 1];
    (!words.contains('\\')).then_some(words)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn value(&mut self, depth: u32) -> Option<Node> {
        self.blanks();
        let start = self.at;
        Some(match self.bytes.get(start)? {
            b'{' => {
                let members = self.members(depth.checked_sub(1)?)?;
                Node::Object(start..self.at, members)
            }
            b'[' => Node::Array(self.items(depth.checked_sub(1)?)?),
            b'"' => Node::Text(self.string()?),
            _ => {
                let ends = |byte: &u8| b",]} \t\r\n".contains(byte);
                let length = self.bytes[start..].iter().position(ends);
                self.at = length.map_or(self.bytes.len(), |length| start + length);
                Node::Other(start..self.at)
            }
        })
    }

    fn members(&mut self, depth: u32) -> Option<Vec<Member>> {
        let mut members = Vec::new();
        self.at += 1;
        if self.takes(b'}') {
            return Some(members);
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.takes(b':').then_some(())?;
            members.push(Member { key, value: self.value(depth)? });
            if self.takes(b'}') {
                return Some(members);
            }
            self.takes(b',').then_some(())?;
        }
    }

    fn items(&mut self, depth: u32) -> Option<Vec<Node>> {
        let mut items = Vec::new();
        self.at += 1;
        if self.takes(b']') {
            return Some(items);
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Some(items);
            }
            self.takes(b',').then_some(())?;
        }
    }

    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        (self.bytes.get(start) == Some(&b'"')).then_some(())?;
        self.at += 1;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| b" \t\r\n".contains(byte)) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_places() {
        let text = r#" {"a" : [1,"b\"",{}], "c":"d"} "#;
        let Some(Node::Object(place, members)) = parse(text) else { panic!("an object") };
        assert_eq!(place, 1..text.len() - 1);
        assert_eq!(plain(text, &members[1].key), Some("c"));
        let Node::Array(items) = &members[0].value else { panic!("an array") };
        let Node::Text(place) = &items[1] else { panic!("a string") };
        assert_eq!((&text[place.clone()], plain(text, place)), (r#""b\"""#, None));
    }

    #[test]
    fn what_is_no_json_has_no_tree() {
        for text in ["", "{", "{\"a\"}", "[1,", "\"", "\"\\", "{} {}", "[1 2]", "{\"a\":}x"] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_none());
    }
}
