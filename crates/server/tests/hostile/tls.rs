//! Encrypted connections, and what goes wrong with them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use plimsoll_server::{ServeError, ServeOptions, Server};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::certificate::Certificate;
use super::socket::{Socket, tcp};
use super::venue::Venue;

type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// A venue with a certificate, and what a client trusts.
fn encrypted() -> (Venue, Arc<ClientConfig>) {
    let made = Certificate::new();
    let folder = tempfile::tempdir().unwrap();
    let files = made.write(folder.path());
    let venue = Venue::start_with(|options| (options.tls, options.demo) = (Some(files), None));
    (venue, trusting(&made))
}

fn trusting(made: &Certificate) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.der.clone())).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Arc::new(config)
}

fn connect(venue: &Venue, trusts: &Arc<ClientConfig>) -> Encrypted {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::clone(trusts), name).unwrap();
    StreamOwned::new(client, tcp(venue))
}

/// What a request over HTTP is answered with.
fn get(mut stream: impl Read + Write, path: &str) -> Value {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // Closed without a farewell.
        Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap()
}

#[test]
fn requests_and_sockets_are_encrypted() {
    let (venue, trusts) = encrypted();
    let answer = get(connect(&venue, &trusts), "/api/v2/public/test");
    assert!(answer["result"]["version"].is_string(), "{answer}");
    let mut socket = Socket::over(connect(&venue, &trusts));
    assert!(socket.ok("public/test", &json!({}))["version"].is_string());
    let granted = socket.auth(&venue.keys[0], "");
    assert_eq!(granted["token_type"], "bearer");
}

#[test]
fn a_client_that_trusts_another_certificate_does_not_talk() {
    let (venue, _) = encrypted();
    let mut stream = connect(&venue, &trusting(&Certificate::new()));
    let error = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").and_then(|()| stream.flush());
    assert!(error.is_err(), "the handshake fails");
}

#[test]
fn what_is_not_encrypted_does_no_harm() {
    let (venue, trusts) = encrypted();
    let requests: [&[u8]; 5] = [
        b"GET /api/v2/public/test HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"",
        &[0; 10_000],
        &[22, 3, 1, 255, 255, 1, 0, 0, 0],
        b"\x16\x03\x01",
    ];
    // Some stay open while the next one comes.
    let mut idle = Vec::new();
    for request in requests {
        let mut stream = tcp(&venue);
        // The other side may have closed it in between.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "nothing is told in the open");
        let mut stream = tcp(&venue);
        let _ = stream.write_all(request);
        idle.push(stream);
        let answer = get(connect(&venue, &trusts), "/api/v2/public/test");
        assert!(answer["result"].is_object(), "{answer}");
    }
}

fn opening(
    folder: &std::path::Path,
    tls: (std::path::PathBuf, std::path::PathBuf),
) -> ServeOptions {
    ServeOptions {
        data: folder.join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        admin: None,
        metrics: None,
        tls: Some(tls),
        limits: plimsoll_server::LimitRules::default(),
        demo: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_can_not_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Certificate::new(), Certificate::new());
    let (chain, key) = one.write(folder.path());
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let other_key = file("other.pem", &other.key());
    let (empty, text) = (file("empty.pem", ""), file("text.pem", "this is no certificate\n"));
    let cut = file("cut.pem", &one.chain()[..200]);
    let odd = file("odd.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let missing = folder.path().join("missing.pem");
    let wrong = [
        (&missing, &key, "missing.pem", "the certificate chain"),
        (&chain, &missing, "missing.pem", "the private key"),
        (&empty, &key, "empty.pem", "the certificate chain"),
        (&text, &key, "text.pem", "the certificate chain"),
        (&cut, &key, "cut.pem", "the certificate chain"),
        (&chain, &empty, "empty.pem", "the private key"),
        (&chain, &chain, "chain.pem", "the private key"),
        (&key, &key, "key.pem", "the certificate chain"),
        (&chain, &other_key, "other.pem", "chain.pem"),
        (&odd, &key, "odd.pem", "key.pem"),
    ];
    for (chain, key, file, what) in wrong {
        let opened = Server::open(opening(folder.path(), (chain.clone(), key.clone()))).await;
        let error = opened.err().expect("it does not open");
        assert!(matches!(error, ServeError::Tls(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains(file) && text.contains(what), "{file} {what}: {text}");
    }
    assert!(!folder.path().join("data/journal").exists(), "nothing was begun");
}
