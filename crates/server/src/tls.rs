//! A listener that encrypts.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::accept::Plain;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes that are done and wait to be served.
const WAITING_MAX: usize = 64;

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read as PEM.
    #[error("{path}: {reason} (a PEM file with {wanted} is needed)")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
        /// What it must hold.
        wanted: &'static str,
    },
    /// Certificate and key don't go together.
    #[error("{chain} and {key} can't be used together: {reason}")]
    Certificate {
        /// The file of the chain.
        chain: String,
        /// The file of the key.
        key: String,
        /// Why not.
        reason: String,
    },
}

/// Makes connections encrypted.
pub type Acceptor = TlsAcceptor;

/// Reads a certificate chain and its private key.
///
/// # Errors
/// If they can't be read, or don't go together.
pub fn acceptor(chain: &Path, key: &Path) -> Result<Acceptor, TlsError> {
    let wrong = |path: &Path, wanted| {
        let path = path.display().to_string();
        move |reason: String| TlsError::File { path, reason, wanted }
    };
    let of_chain = wrong(chain, "the certificate chain");
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|all| if all.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(all) })
        .map_err(|error| of_chain(error.to_string()))?;
    let of_key = wrong(key, "the private key");
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(error.to_string()))?;
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(certificates, private);
    let config = config.map_err(|error| TlsError::Certificate {
        chain: chain.display().to_string(),
        key: key.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts connections and encrypts them. Handshakes go on beside each other, so that nobody waits
/// for one that stands still.
pub struct Encrypted {
    address: io::Result<SocketAddr>,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Encrypted {
    /// Begins to accept.
    #[must_use]
    pub fn new(listener: TcpListener, acceptor: Acceptor) -> Self {
        let address = listener.local_addr();
        let (done, ready) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            let mut plain = Plain(listener);
            loop {
                let (stream, address) = tokio::select! {
                    accepted = plain.accept() => accepted,
                    () = done.closed() => return,
                };
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = handshake {
                        // Nobody takes it if the server is being stopped.
                        let _ = done.send((stream, address)).await;
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.address {
            Ok(address) => Ok(*address),
            Err(error) => Err(io::Error::new(error.kind(), "the address is not known")),
        }
    }
}
