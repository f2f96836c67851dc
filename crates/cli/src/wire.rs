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
/// Where it is asked over HTTP: such an address means the same venue.
const HTTP_PATH: &str = "/api/v2";
/// How long to wait for a connection, or an answer outside the measurement.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a call is made again that came too early.
const TRIES: u32 = 600;
/// The code of a call that came too early.
const TOO_MANY: i64 = 10_028;
/// Bytes that are read at once; thousands of connections share a memory.
const READ_BYTES: usize = 8 * 1024;

/// What addresses look like where a command connects to.
pub struct Door {
    /// The schemes of unencrypted and of encrypted connections.
    schemes: [&'static str; 2],
    /// An address.
    example: &'static str,
    /// What to look at where nobody answers.
    remedy: &'static str,
    /// Bytes of a request at most.
    request_max: usize,
}

/// Where clients connect to.
pub const CLIENTS: Door = Door {
    schemes: ["ws", "wss"],
    example: "ws://127.0.0.1:8080",
    remedy: "is the venue running there? (its limit of connections: --connections)",
    request_max: server::REQUEST_BYTES_MAX,
};

/// Where operators connect to.
pub const OPERATORS: Door = Door {
    schemes: ["http", "https"],
    example: "http://127.0.0.1:8081",
    remedy: "is the venue's --admin-listen there?",
    request_max: server::ADMIN_REQUEST_BYTES_MAX,
};

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
    param: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    wait: Option<u64>,
}

impl Refused {
    /// It in words.
    pub fn words(&self) -> String {
        let Self { code, message, data } = self;
        let param = data.param.as_ref().map(|param| format!(" [{param}]")).unwrap_or_default();
        let reason = data.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{message} ({code}){param}{reason}")
    }
}

/// A venue's address.
#[derive(Clone)]
pub struct Target {
    /// As it was given.
    url: String,
    /// Where its WebSocket is.
    socket: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    remedy: &'static str,
    request_max: usize,
}

impl Target {
    /// Reads an address, and the certificates that are trusted there.
    pub fn new(url: &str, ca: Option<&Path>, door: &Door) -> Result<Self, Failure> {
        let Door { schemes: [plain, encrypted], example, remedy, request_max } = *door;
        let wrong =
            |why: &str| Failure::Usage(format!("--url {url}: {why}; write it like {example}"));
        let uri: Uri = url.parse().map_err(|_| wrong("this is no address"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("no host"))?;
        let (scheme, port, tls) = match (uri.scheme_str(), ca) {
            (Some(scheme), _) if scheme == plain => ("ws", 80, None),
            (Some(scheme), Some(file)) if scheme == encrypted => ("wss", 443, Some(trust(file)?)),
            (Some(scheme), None) if scheme == encrypted => {
                return Err(wrong("name the certificate to trust with --ca FILE"));
            }
            _ => {
                let why = format!("it begins with neither {plain}:// nor {encrypted}://");
                return Err(wrong(&why));
            }
        };
        let path = if matches!(uri.path(), "" | "/" | HTTP_PATH) { PATH } else { uri.path() };
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        let socket = format!("{scheme}://{authority}{path}");
        let port = uri.port_u16().unwrap_or(port);
        let (url, host) = (url.to_owned(), host.trim_matches(['[', ']']).to_owned());
        Ok(Self { url, socket, host, port, tls, remedy, request_max })
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Wire, Failure> {
        let failure = |why: String| Failure::Usage(format!("{}: {why}; {}", self.url, self.remedy));
        match timeout(PATIENCE, self.open()).await {
            Ok(Ok(socket)) => Ok(Wire { socket, asked: 0, request_max: self.request_max }),
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
        let (socket, _) =
            client_async_with_config(self.socket.as_str(), pipe, Some(config)).await?;
        Ok(socket)
    }
}

/// What a client logs in as.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// Of the key.
    pub client_id: String,
    /// Of the key.
    pub client_secret: String,
    /// The subaccount that it acts for, if not for its own account.
    #[serde(skip)]
    pub subaccount: Option<u64>,
}

impl Login {
    /// Connects and logs in.
    pub async fn connect(&self, target: &Target) -> Result<Wire, Failure> {
        let mut wire = target.connect().await?;
        let Self { client_id, client_secret, .. } = self;
        let params = json!({
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        });
        let granted = wire.call("public/auth", params).await?;
        if let Some(subaccount) = self.subaccount {
            let params =
                json!({"refresh_token": granted["refresh_token"], "subject_id": subaccount});
            wire.call("public/exchange_token", params).await?;
        }
        Ok(wire)
    }
}

/// Certificates to trust.
fn trust(file: &Path) -> Result<TlsConnector, Failure> {
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
    request_max: usize,
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
        let (text, most) = (text.to_string(), self.request_max);
        if text.len() > most {
            // The venue would hang up while it is sent, so that its reason might not arrive.
            let bytes = text.len();
            return Err(failure(format!("the request has {bytes} bytes; a venue takes {most}")));
        }
        let sent = self.socket.send(Message::text(text)).await;
        sent.map_err(|error| failure(error.to_string()))?;
        loop {
            let next = timeout(PATIENCE, next_text(&mut self.socket)).await;
            let next = next.map_err(|_| failure("no answer".to_owned()))?;
            let text =
                next.ok_or_else(|| failure("the venue hung up; is it still there?".to_owned()))?;
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
        let read = |url: &str, door: &Door| Target::new(url, None, door);
        for (url, door, socket, host, port) in [
            ("ws://127.0.0.1:8080", CLIENTS, "ws://127.0.0.1:8080/ws/api/v2", "127.0.0.1", 8080),
            ("ws://[::1]:9/x", CLIENTS, "ws://[::1]:9/x", "::1", 9),
            ("http://venue/", OPERATORS, "ws://venue/ws/api/v2", "venue", 80),
            ("http://venue/api/v2", OPERATORS, "ws://venue/ws/api/v2", "venue", 80),
        ] {
            let target = read(url, &door).ok().unwrap();
            assert_eq!((target.socket.as_str(), target.host.as_str()), (socket, host));
            assert_eq!(target.port, port);
        }
        for (url, door, part) in [
            ("http://a", CLIENTS, "neither ws:// nor wss://"),
            ("ws://a", OPERATORS, "neither http:// nor https://"),
            ("wss://a", CLIENTS, "--ca"),
            ("https://a", OPERATORS, "--ca"),
            ("127.0.0.1:80", CLIENTS, "ws://"),
            ("", OPERATORS, "no"),
        ] {
            let error = read(url, &door).err().unwrap().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
