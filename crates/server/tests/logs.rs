//! What is logged has request ids and operators' acts, and never a secret.

#![allow(clippy::unwrap_used)]

#[path = "methods/venue.rs"]
mod venue;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use ledger::AccountId;
use plimsoll_server::auth::Authority;
use plimsoll_server::{LogFormat, host_ms, logger};
use serde_json::{Value, json};
use venue::{Venue, basic};

const SCOPES: &str = "account:read_write trade:read_write wallet:read_write mainaccount";
/// What a client may send that must not show.
const SIGNATURE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn logs_tell_who_did_what_and_no_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let logger = logger(LogFormat::Json, "trace".parse().unwrap(), move || writer.clone());
    tracing::subscriber::set_global_default(logger).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let operators = folder.path().join("admin");
    std::fs::create_dir_all(&operators).unwrap();
    let authority = Authority::open(&operators, host_ms()).unwrap();
    let scopes = SCOPES.parse().unwrap();
    let operator = authority.create(AccountId::new(0), "test", &scopes, host_ms()).unwrap();
    let (id, secret) = (operator.key.client_id, operator.client_secret);
    let venue = Venue::start_in(folder, |options| {
        options.admin = Some("127.0.0.1:0".parse().unwrap());
    });

    let [client, reader, _] = venue.keys.clone();
    let mut secrets = vec![SIGNATURE.to_owned(), secret.clone(), "not-the-secret".to_owned()];
    secrets.extend(venue.keys.iter().map(|key| key.secret.clone()));
    let login = |secret: &str| json!({ "grant_type": "client_credentials", "client_id": client.id, "client_secret": secret });
    let granted = venue.call(None, "public/auth", &login(&client.secret));
    let token = |name: &str| granted.result()[name].as_str().unwrap().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    assert_eq!(venue.call(None, "public/auth", &login("not-the-secret")).code(), 13004);
    let signed = json!({
        "grant_type": "client_signature", "client_id": client.id, "timestamp": host_ms(),
        "signature": SIGNATURE, "nonce": "", "data": "",
    });
    assert_eq!(venue.call(None, "public/auth", &signed).code(), 13004);
    let bearer = format!("Bearer {access}");
    venue.call(Some(&bearer), "private/get_positions", &json!({ "currency": "BTC" }));
    let again = json!({ "grant_type": "refresh_token", "refresh_token": refresh });
    let renewed = venue.call(None, "public/auth", &again);
    secrets.extend(
        ["access_token", "refresh_token"]
            .map(|name| renewed.result()[name].as_str().unwrap().to_owned()),
    );
    secrets.extend([access, refresh]);
    venue.call(Some(&venue.reader), "private/get_positions", &json!({ "currency": "BTC" }));
    // Parameters, and methods that there are not, may be anything.
    venue.call(None, "public/my-password-is-hunter2", &json!({ "password": "hunter2" }));
    secrets.push("hunter2".to_owned());
    let acted = venue.operate(&basic(&id, &secret), "admin/snapshot", &json!({}));
    assert_eq!(acted.code(), 0, "{}", acted.body);
    assert!(asked_as(&venue, "my-own-id").contains("x-request-id: my-own-id\r\n"));
    drop(venue);

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret} is logged");
        // Nor as it is in the header of a request.
        let coded = basic(&client.id, secret);
        assert!(!text.contains(coded.trim_start_matches("Basic ")));
    }
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |message: &str| told.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    let act = of("an operator's act");
    assert_eq!(
        (act[0]["method"].as_str(), act[0]["key"].as_str()),
        (Some("admin/snapshot"), Some(id.as_str()))
    );
    let calls = of("a call");
    assert!(calls.iter().any(|call| call["request"] == "my-own-id" && call["level"] == "DEBUG"));
    assert!(calls.iter().any(|call| call["key"] == reader.id.as_str() && call["code"] == 0));
    assert!(calls.iter().any(|call| call["method"] == "unknown" && call["code"] == -32601));
    assert!(told.iter().all(|line| line["target"].as_str().unwrap().starts_with("plimsoll")));
    assert_eq!((of("the venue is open").len(), of("the venue has stopped").len()), (1, 1));
}

/// The head of the answer to a request that has an id.
fn asked_as(venue: &Venue, id: &str) -> String {
    let mut stream = TcpStream::connect(venue.address).unwrap();
    let request = format!(
        "GET /api/v2/public/get_time HTTP/1.1\r\nHost: venue\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
