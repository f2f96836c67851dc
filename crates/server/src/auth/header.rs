//! The `Authorization` header, and what is signed.

use ring::hmac;

use super::denied::Denied;
use super::text::{from_base64, from_hexadecimal};

/// How far a signature's time may be from ours, either way.
pub(super) const WINDOW_MS: i64 = 60_000;

/// The longest nonce.
const NONCE_MAX: usize = 256;

/// What a header says.
pub(super) enum Header<'a> {
    /// `deri-hmac-sha256`: the request is signed.
    Signed(Signature<'a>),
    /// `Basic`: id and secret.
    Basic {
        /// The client id.
        client_id: String,
        /// The secret.
        secret: String,
    },
    /// `Bearer`: a token.
    Bearer(&'a str),
}

/// A signature and what goes with it.
pub(super) struct Signature<'a> {
    pub client_id: &'a str,
    /// Milliseconds since 1970, as written.
    time: &'a str,
    pub time_ms: i64,
    nonce: &'a str,
    pub code: [u8; 32],
}

impl<'a> Header<'a> {
    /// Reads a header.
    pub fn of(text: &'a str) -> Result<Self, Denied> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("deri-hmac-sha256") {
            return signed(rest).map(Self::Signed);
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Self::Bearer(rest));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = from_base64(rest).and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
            let (client_id, secret) = pair.ok_or(unreadable("Basic takes base64 of ID:SECRET"))?;
            let (client_id, secret) = (client_id.to_owned(), secret.to_owned());
            return Ok(Self::Basic { client_id, secret });
        }
        Err(unreadable("the Authorization header is none of deri-hmac-sha256, Basic and Bearer"))
    }
}

impl<'a> Signature<'a> {
    /// That of `public/auth` with the grant `client_signature`.
    pub fn of_grant(
        client_id: &'a str,
        time: &'a str,
        nonce: &'a str,
        code: &str,
    ) -> Result<Self, Denied> {
        Self::read(client_id, time, nonce, code)
    }

    fn read(client_id: &'a str, time: &'a str, nonce: &'a str, code: &str) -> Result<Self, Denied> {
        let digits = time.bytes().all(|byte| byte.is_ascii_digit());
        let time_ms = time.parse().ok().filter(|_| digits);
        let time_ms = time_ms.ok_or(unreadable("the timestamp is not in whole milliseconds"))?;
        if nonce.len() > NONCE_MAX || nonce.contains('\n') {
            return Err(unreadable("the nonce is longer than 256 bytes or has a line break"));
        }
        let code = from_hexadecimal(code);
        let code = code.ok_or(unreadable("the signature is not 64 hexadecimal digits"))?;
        Ok(Self { client_id, time, time_ms, nonce, code })
    }

    /// Whether a request was signed with the secret.
    pub fn is_of_request(&self, secret: &hmac::Key, method: &str, uri: &str, body: &[u8]) -> bool {
        let head = format!("{}\n{}\n{method}\n{uri}\n", self.time, self.nonce);
        self.is_of(secret, &[head.as_bytes(), body, b"\n"].concat())
    }

    /// Whether the data of a grant was signed with the secret.
    pub fn is_of_data(&self, secret: &hmac::Key, data: &str) -> bool {
        self.is_of(secret, format!("{}\n{}\n{data}", self.time, self.nonce).as_bytes())
    }

    /// Takes the same time whatever the code is.
    fn is_of(&self, secret: &hmac::Key, message: &[u8]) -> bool {
        hmac::verify(secret, message, &self.code).is_ok()
    }
}

/// Clients write the parts in different orders.
fn signed(text: &str) -> Result<Signature<'_>, Denied> {
    let mut parts = [("id", None), ("ts", None), ("sig", None), ("nonce", None)];
    for part in text.split(',') {
        let (name, value) =
            part.split_once('=').ok_or(unreadable("the parts of the header are NAME=VALUE"))?;
        let Some((_, place)) = parts.iter_mut().find(|(known, _)| *known == name.trim()) else {
            continue;
        };
        if place.replace(value.trim()).is_some() {
            return Err(unreadable("a part of the header is there twice"));
        }
    }
    let [(_, Some(id)), (_, Some(time)), (_, Some(code)), (_, Some(nonce))] = parts else {
        return Err(unreadable("the header takes id, ts, sig and nonce"));
    };
    Signature::read(id, time, nonce, code)
}

const fn unreadable(reason: &'static str) -> Denied {
    Denied::InvalidCredentials(std::borrow::Cow::Borrowed(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with Python's hmac.
    const SECRET: &[u8] = b"AMANDASECRECT0123456789abcdefghijklmnopqrst";
    const TIME: &str = "1700000000000";
    const GET: &str = "70258ef1bbdaea36a04b4299a379451aa0241b6d22da98cba980c36cd9ed907d";
    const POST: &str = "ab7417a2d9056d43143fcd71f154cfc93c856ea446a6c76fbacaed60d3dc5292";
    const EMPTY: &str = "89fde0fa08391e078cd0da80f4d0ffe54540f3534554abd475d51b8aaa55001e";
    const DATA: &str = "9e0d77609150eb3406f55f5dd69e94106e5e2bbfc6435aae88220a717c73a7f2";

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, SECRET)
    }

    fn signature(text: &str) -> Signature<'_> {
        match Header::of(text) {
            Ok(Header::Signed(signature)) => signature,
            _ => panic!("not signed: {text}"),
        }
    }

    #[test]
    fn signatures_are_those_of_the_original_in_any_order() {
        let uri = "/api/v2/private/get_positions?currency=BTC&kind=future";
        for text in [
            format!("deri-hmac-sha256 id=a,ts={TIME},sig={GET},nonce=n=1"),
            format!("deri-hmac-sha256 id=a,ts={TIME},nonce=n=1,sig={GET}"),
            format!("DERI-HMAC-SHA256  nonce=n=1, sig={GET}, more=x, ts={TIME}, id=a "),
        ] {
            let signature = signature(&text);
            assert_eq!((signature.client_id, signature.time_ms), ("a", 1_700_000_000_000));
            assert!(signature.is_of_request(&key(), "GET", uri, b""));
            assert!(!signature.is_of_request(&key(), "POST", uri, b""));
            assert!(!signature.is_of_request(&key(), "GET", "/api/v2", b""));
            assert!(!signature.is_of_request(&key(), "GET", uri, b"{}"));
        }
        let text = format!("deri-hmac-sha256 id=a,ts={TIME},sig={POST},nonce=abc");
        let body = "{\"id\":1,\"params\":{\"label\":\"\u{e9}\"}}".as_bytes();
        assert!(signature(&text).is_of_request(&key(), "POST", "/api/v2", body));
    }

    #[test]
    fn data_is_signed_too_and_may_be_empty() {
        let code = EMPTY.to_uppercase();
        let empty = Signature::of_grant("a", TIME, TIME, &code).ok().unwrap();
        assert!(empty.is_of_data(&key(), "") && !empty.is_of_data(&key(), "x"));
        let some = Signature::of_grant("a", TIME, "nonce", DATA).ok().unwrap();
        assert!(some.is_of_data(&key(), "some data"));
    }

    #[test]
    fn headers_that_can_not_be_read_are_refused() {
        let half = &GET[1..];
        for text in [
            "",
            "deri-hmac-sha256",
            "Digest a",
            "Basic",
            "Basic %%%",
            "Basic YQ==",
            &format!("deri-hmac-sha256 id=a,ts={TIME},sig={GET}"),
            &format!("deri-hmac-sha256 id=a,ts={TIME},sig={half},nonce=1"),
            &format!("deri-hmac-sha256 id=a,id=b,ts={TIME},sig={GET},nonce=1"),
            &format!("deri-hmac-sha256 id=a,ts=+1,sig={GET},nonce=1"),
            &format!("deri-hmac-sha256 id=a,ts=1.5,sig={GET},nonce=1"),
            &format!("deri-hmac-sha256 id=a,ts=99999999999999999999,sig={GET},nonce=1"),
            &format!("deri-hmac-sha256 id=a,ts={TIME},sig={GET},nonce={}", "1".repeat(257)),
            &format!("deri-hmac-sha256 id=a,,ts={TIME},sig={GET},nonce=1"),
        ] {
            let denied = Header::of(text).err();
            assert!(matches!(denied, Some(Denied::InvalidCredentials(_))), "{text}");
        }
        assert!(Signature::of_grant("a", TIME, "1\n2", DATA).is_err());
        assert!(Signature::of_grant("a", "-1", "1", DATA).is_err());
    }

    #[test]
    fn the_other_schemes_are_read() {
        // `printf 'id:se:cret' | base64`
        let Ok(Header::Basic { client_id, secret }) = Header::of("basic aWQ6c2U6Y3JldA==") else {
            panic!("not basic");
        };
        assert_eq!((client_id.as_str(), secret.as_str()), ("id", "se:cret"));
        assert!(matches!(Header::of("bearer  abc "), Ok(Header::Bearer("abc"))));
    }
}
