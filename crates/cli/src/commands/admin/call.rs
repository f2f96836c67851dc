//! One call over HTTP, and the key that it is made with.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::commands::load::{Pipe, trust};
use crate::failure::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An operator's key.
pub struct Key {
    id: String,
    secret: String,
}

impl Key {
    /// The key in a file, or in a variable.
    pub fn find(file: Option<&Path>, variable: &str) -> Result<Self, Failure> {
        let (place, text) = match file {
            Some(file) => {
                let path = file.display().to_string();
                let text = std::fs::read_to_string(file)
                    .map_err(|source| Failure::Open { path: path.clone(), source })?;
                (path, text)
            }
            None => (variable.to_owned(), std::env::var(variable).unwrap_or_default()),
        };
        Self::read(&text).ok_or_else(|| {
            Failure::Usage(format!(
                "{place}: no key is here; write ID:SECRET as `plimsoll keys create DIR/admin` shows them"
            ))
        })
    }

    fn read(text: &str) -> Option<Self> {
        let written = serde_json::from_str::<Value>(text).ok();
        let (id, secret) = match &written {
            Some(value) => {
                let key = value.get("key").unwrap_or(value);
                (key["client_id"].as_str()?, key["client_secret"].as_str()?)
            }
            None => text.trim().split_once(':')?,
        };
        Some(Self { id: id.to_owned(), secret: secret.to_owned() })
    }
}

/// A listener for operators.
pub struct Target {
    url: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl Target {
    /// Reads an address, and the certificates that are trusted there.
    pub fn new(url: &str, ca: Option<&Path>) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::Usage(format!("--url {url}: {why}; write it like http://127.0.0.1:8081"))
        };
        let uri: Uri = url.parse().map_err(|_| wrong("this is no address"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("no host"))?;
        let (port, tls) = match (uri.scheme_str(), ca) {
            (Some("http"), _) => (80, None),
            (Some("https"), Some(file)) => (443, Some(trust(file)?)),
            (Some("https"), None) => {
                return Err(wrong("name the certificate to trust with --ca FILE"));
            }
            _ => return Err(wrong("it begins with neither http:// nor https://")),
        };
        let port = uri.port_u16().unwrap_or(port);
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { url: url.to_owned(), host, port, tls })
    }

    /// What a method gives.
    pub fn call(&self, key: &Key, method: &str, params: &Value) -> Result<Value, Failure> {
        let failure = |why: String| {
            Failure::Usage(format!("{}: {why}; is the venue's --admin-listen there?", self.url))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failure(error.to_string()))?;
        let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let asked = asked.to_string();
        let asked = self.ask(key, &asked);
        let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
        let answer = answer.map_err(|_| failure("no answer".to_owned()))?;
        let answer = answer.map_err(|error| failure(error.to_string()))?;
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let mut body: Value = serde_json::from_str(body)
            .map_err(|_| failure("the answer is no JSON-RPC".to_owned()))?;
        let error = &body["error"];
        if error.is_null() {
            return Ok(body["result"].take());
        }
        let reason = error["data"]["reason"].as_str().map(|reason| format!(": {reason}"));
        let parameter = error["data"]["param"].as_str().map(|param| format!(" [{param}]"));
        Err(Failure::Usage(format!(
            "{method}: {} ({}){}{}",
            error["message"].as_str().unwrap_or_default(),
            error["code"],
            parameter.unwrap_or_default(),
            reason.unwrap_or_default(),
        )))
    }

    async fn ask(&self, key: &Key, body: &str) -> std::io::Result<String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let mut pipe: Box<dyn Pipe> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name =
                    ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
                Box::new(tls.connect(name, stream).await?)
            }
        };
        let login = base64(format!("{}:{}", key.id, key.secret).as_bytes());
        let head = format!(
            "POST /api/v2 HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\nAuthorization: Basic {login}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            self.port,
            body.len()
        );
        pipe.write_all(head.as_bytes()).await?;
        pipe.write_all(body.as_bytes()).await?;
        pipe.flush().await?;
        let mut answer = String::new();
        pipe.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in [
            "ab:cd\n",
            r#"{"key":{"client_id":"ab","client_secret":"cd","name":"x"}}"#,
            r#"{"client_id":"ab","client_secret":"cd"}"#,
        ] {
            let key = Key::read(text).unwrap();
            assert_eq!((key.id.as_str(), key.secret.as_str()), ("ab", "cd"));
        }
        assert!(Key::read("").is_none() && Key::read("{}").is_none());
    }

    #[test]
    fn base64_is_as_the_standard_has_it() {
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in expected.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected);
        }
    }
}
