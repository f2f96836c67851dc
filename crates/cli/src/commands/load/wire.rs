//! Connections to a venue: WebSocket, encrypted or not, and calls by JSON-RPC.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::failure::Failure;

/// Where the dialect's WebSocket is, unless the address says otherwise.
const PATH: &str = "/ws/api/v2";
/// How long to wait for a connection, or an answer outside the measurement.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a call is made again that came too early.
const TRIES: u32 = 600;
/// The code of a call that came too early.
const TOO_MANY: i64 = 10_028;
/// Bytes that are read at once; thousands of connections share a memory.
const READ_BYTES: usize = 8 * 1024;

/// What bytes go through.
pub trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

/// A WebSocket.
pub type Socket = WebSocketStream<Box<dyn Pipe>>;

/// An answer, or a notification.
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// Which question it answers.
    #[serde(default)]
    pub id: Option<u64>,
    /// What was asked for.
    #[serde(borrow, default)]
    pub result: Option<&'a RawValue>,
    /// Why not.
    #[serde(default)]
    pub error: Option<Refused>,
    /// What it is, if nobody asked.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// An error of the venue.
#[derive(Clone, Debug, Deserialize)]
pub struct Refused {
    /// The dialect's code.
    pub code: i64,
    /// Its name.
    pub message: String,
    /// More.
    #[serde(default)]
    pub data: RefusedData,
}

/// What an error is about.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RefusedData {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    wait: Option<u64>,
}

impl Refused {
    /// It in words.
    pub fn words(&self) -> String {
        let reason = self.data.reason.as_ref().map(|reason| format!(": {reason}"));
        format!("{} ({}){}", self.message, self.code, reason.unwrap_or_default())
    }
}

/// A venue's address.
#[derive(Clone)]
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
            Failure::Usage(format!("--url {url}: {why}; write it like ws://127.0.0.1:8080"))
        };
        let uri: Uri = url.parse().map_err(|_| wrong("this is no address"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("no host"))?;
        let (port, tls) = match (uri.scheme_str(), ca) {
            (Some("ws"), _) => (80, None),
            (Some("wss"), Some(file)) => (443, Some(trust(file)?)),
            (Some("wss"), None) => {
                return Err(wrong("name the certificate to trust with --ca FILE"));
            }
            _ => return Err(wrong("it begins with neither ws:// nor wss://")),
        };
        let path = if matches!(uri.path(), "" | "/") { PATH } else { uri.path() };
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        let scheme = uri.scheme_str().unwrap_or_default();
        let url = format!("{scheme}://{authority}{path}");
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self { url, host: host.trim_matches(['[', ']']).to_owned(), port, tls })
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Wire, Failure> {
        let failure = |why: String| {
            let remedy = "is the venue running there? (its limit of connections: --connections)";
            Failure::Usage(format!("{}: {why}; {remedy}", self.url))
        };
        match timeout(PATIENCE, self.open()).await {
            Ok(Ok(socket)) => Ok(Wire { socket, asked: 0 }),
            Ok(Err(SocketError::Http(response))) => {
                let body = response.body().as_deref().unwrap_or_default();
                let incoming = serde_json::from_slice::<Incoming<'_>>(body).ok();
                let refused = incoming.and_then(|incoming| incoming.error);
                let words = refused.map_or_else(|| response.status().to_string(), |no| no.words());
                Err(failure(words))
            }
            Ok(Err(error)) => Err(failure(error.to_string())),
            Err(_) => Err(failure("no answer".to_owned())),
        }
    }

    async fn open(&self) -> Result<Socket, SocketError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let pipe: Box<dyn Pipe> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name =
                    ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
                Box::new(tls.connect(name, stream).await?)
            }
        };
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let (socket, _) = client_async_with_config(self.url.as_str(), pipe, Some(config)).await?;
        Ok(socket)
    }
}

/// Certificates to trust.
pub fn trust(file: &Path) -> Result<TlsConnector, Failure> {
    let wrong = |why: String| {
        Failure::Usage(format!("{}: {why}; a PEM file with certificates is needed", file.display()))
    };
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection on which one call is made after another.
pub struct Wire {
    socket: Socket,
    asked: u64,
}

impl Wire {
    /// Calls a method; waits and tries again if it came too early.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        for _ in 0..TRIES {
            let refused = match self.try_call(method, &params).await? {
                Ok(value) => return Ok(value),
                Err(refused) => refused,
            };
            if refused.code != TOO_MANY {
                return Err(Failure::Usage(format!("{method}: {}", refused.words())));
            }
            let wait = refused.data.wait.unwrap_or(100).clamp(1, 1_000);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        Err(Failure::Usage(format!("{method}: the venue's limits leave no room for it")))
    }

    async fn try_call(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<Result<Value, Refused>, Failure> {
        let failure = |why: String| Failure::Usage(format!("{method}: {why}"));
        self.asked += 1;
        let id = self.asked;
        let text = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let sent = self.socket.send(Message::text(text.to_string())).await;
        sent.map_err(|error| failure(error.to_string()))?;
        loop {
            let next = timeout(PATIENCE, next_text(&mut self.socket)).await;
            let next = next.map_err(|_| failure("no answer".to_owned()))?;
            let text = next.ok_or_else(|| failure("the venue hung up".to_owned()))?;
            let incoming: Incoming<'_> = serde_json::from_str(&text)
                .map_err(|error| failure(format!("the answer can't be read: {error}")))?;
            if incoming.id != Some(id) {
                continue;
            }
            if let Some(refused) = incoming.error {
                return Ok(Err(refused));
            }
            let result = incoming.result.map_or("null", RawValue::get);
            let value = serde_json::from_str(result);
            return value.map(Ok).map_err(|error| failure(error.to_string()));
        }
    }

    /// The socket, to go on with otherwise.
    pub fn into_socket(self) -> Socket {
        self.socket
    }
}

/// The next text; none when the connection has ended.
pub async fn next_text(
    stream: &mut (impl futures_util::Stream<Item = Result<Message, SocketError>> + Unpin),
) -> Option<Utf8Bytes> {
    loop {
        match stream.next().await? {
            Ok(Message::Text(text)) => return Some(text),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let target = Target::new("ws://127.0.0.1:8080", None).ok().unwrap();
        assert_eq!(target.url, "ws://127.0.0.1:8080/ws/api/v2");
        assert_eq!((target.host.as_str(), target.port), ("127.0.0.1", 8080));
        let target = Target::new("ws://[::1]:9/x", None).ok().unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 9));
        assert_eq!(target.url, "ws://[::1]:9/x");
        for (url, part) in
            [("http://a", "neither"), ("wss://a", "--ca"), ("127.0.0.1:80", "ws://"), ("", "no")]
        {
            let error = Target::new(url, None).err().unwrap().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
