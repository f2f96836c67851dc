//! An authority from outside, as the server uses it.

use std::fs;

use proptest::prelude::*;
use ring::hmac;
use tempfile::TempDir;

use super::*;
use text::{base64, hexadecimal};

const NOW: i64 = 1_700_000_000_000;
const URI: &str = "/api/v2/private/buy?amount=1";
const REQUEST: SignedRequest<'_> =
    SignedRequest { method: "GET", uri: URI, body: b"", reads: false };
const HTTP: Caller = Caller { address: None, connection: None };

/// An authority with a key.
struct House {
    folder: TempDir,
    authority: Authority,
    id: String,
    secret: String,
}

impl House {
    fn new() -> Self {
        Self::with_scope("account:read trade:read_write mainaccount")
    }

    fn with_scope(scope: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = opened(folder.path());
        let scopes = scope.parse().unwrap();
        let made = authority.create(AccountId::new(3), "bot", &scopes, NOW).unwrap();
        let (id, secret) = (made.key.client_id, made.client_secret);
        Self { folder, authority, id, secret }
    }

    fn sign(&self, message: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        hexadecimal(hmac::sign(&key, message.as_bytes()).as_ref())
    }

    fn header(&self, nonce: &str, time: i64) -> String {
        let code = self.sign(&format!("{time}\n{nonce}\nGET\n{URI}\n\n"));
        format!("deri-hmac-sha256 id={},ts={time},nonce={nonce},sig={code}", self.id)
    }

    fn login(&self, header: &str) -> Result<Login, Denied> {
        self.authority.login_header(header, REQUEST, HTTP, NOW)
    }

    fn grant(&self, scope: Option<&str>, caller: Caller, now: i64) -> Result<Granted, Denied> {
        let (client_id, client_secret) = (self.id.as_str(), self.secret.as_str());
        let grant = Grant::ClientCredentials { client_id, client_secret };
        self.authority.grant(&grant, scope, caller, now)
    }

    fn refresh(&self, token: &str, now: i64) -> Result<Granted, Denied> {
        self.authority.grant(&Grant::RefreshToken(token), None, HTTP, now)
    }

    fn token(&self, token: &str, now: i64) -> Result<Login, Denied> {
        self.authority.login_token(token, HTTP, now)
    }

    /// Another process at the same folder.
    fn elsewhere(&self) -> KeyFile {
        KeyFile::under(self.folder.path(), None)
    }
}

fn opened(folder: &Path) -> Authority {
    Authority::of(KeyFile::under(folder, None), folder, NOW - 100_000).unwrap()
}

fn on(connection: u64) -> Caller {
    Caller { address: None, connection: Some(connection) }
}

fn denial<T>(result: Result<T, Denied>) -> Denied {
    result.err().expect("it is denied")
}

#[test]
fn a_signed_request_gets_in_once() {
    let house = House::new();
    let header = house.header("1", NOW);
    let login = house.login(&header).unwrap();
    assert_eq!((login.client_id.as_str(), login.account), (house.id.as_str(), AccountId::new(3)));
    assert_eq!(login.scopes.to_string(), "account:read mainaccount trade:read_write");
    assert!(house.authority.is_live(&login, NOW));
    let replayed = denial(house.login(&header));
    assert_eq!((replayed.code(), replayed.message()), (13_009, "unauthorized"));
    assert!(replayed.reason().contains("used before"));
    assert_eq!(denial(house.login(&house.header("2", NOW - 60_001))).code(), 13_009);
    assert_eq!(denial(house.login(&house.header("3", NOW + 60_001))).code(), 13_009);
    assert!(house.login(&house.header("4", NOW - 60_000)).is_ok());
}

#[test]
fn a_request_other_than_the_signed_one_is_refused() {
    let house = House::new();
    let header = house.header("1", NOW);
    let login = |request| house.authority.login_header(&header, request, HTTP, NOW);
    for request in [
        SignedRequest { method: "POST", ..REQUEST },
        SignedRequest { uri: "/api/v2/private/buy?amount=2", ..REQUEST },
        SignedRequest { body: b"{}", ..REQUEST },
    ] {
        assert_eq!(denial(login(request)), Denied::WRONG);
    }
    // A wrong try uses nothing up.
    assert!(login(REQUEST).is_ok());
}

#[test]
fn an_unknown_client_hears_the_same_as_a_wrong_secret() {
    let house = House::new();
    let wrong = house.header("1", NOW).replace("sig=", "sig=00");
    let wrong = wrong[..wrong.len() - 2].to_owned();
    let unknown = house.header("1", NOW).replace(&house.id, "nobody");
    assert_eq!(denial(house.login(&wrong)), denial(house.login(&unknown)));
    let basic = |id: &str, secret: &str| {
        house.login(&format!("Basic {}", base64(format!("{id}:{secret}").as_bytes())))
    };
    assert_eq!(denial(basic(&house.id, "x")), Denied::WRONG);
    assert_eq!(denial(basic("nobody", &house.secret)), Denied::WRONG);
    assert_eq!(denial(basic(&house.id, &format!("{}\0", house.secret))), Denied::WRONG);
    assert_eq!(basic(&house.id, &house.secret).unwrap().account, AccountId::new(3));
}

#[test]
fn a_signature_is_good_for_tokens_once_and_not_for_requests() {
    let house = House::new();
    let code = house.sign(&format!("{NOW}\n{NOW}\n"));
    let nonce = NOW.to_string();
    let grant = |signature: &str, nonce: &str, data: &str| {
        let client_id = house.id.as_str();
        let grant = Grant::ClientSignature { client_id, timestamp: NOW, signature, nonce, data };
        house.authority.grant(&grant, None, on(1), NOW)
    };
    let granted = grant(&code, &nonce, "").unwrap();
    assert_eq!(granted.scope, "account:read connection mainaccount trade:read_write");
    assert_eq!((granted.expires_in, granted.sid), (31_536_000, None));
    assert_eq!(denial(grant(&code, &nonce, "")).code(), 13_009);
    assert_eq!(denial(grant(&code, "2", "")), Denied::WRONG);
    // A request that somebody else saw gives no tokens.
    let request = house.sign(&format!("{NOW}\n7\nGET\n{URI}\n\n"));
    let denied = denial(grant(&request, "7", &format!("GET\n{URI}\n\n")));
    assert_eq!((denied.code(), denied.parameter()), (-32_602, Some("data")));
}

#[test]
fn tokens_are_good_for_a_while_and_scopes_are_narrowed() {
    let house = House::new();
    let granted = house.grant(Some("session:a trade:read wallet:read"), HTTP, NOW).unwrap();
    assert_eq!(granted.scope, "account:read mainaccount session:a trade:read");
    assert_eq!(granted.expires_in, 900);
    assert!(granted.sid.is_some());
    let login = house.token(&granted.access_token, NOW + 899_999).unwrap();
    assert_eq!(login, granted.login);
    assert!(!login.scopes.allows(Need { area: Area::Trade, access: Access::ReadWrite }));
    assert!(house.authority.is_live(&login, NOW + 899_999));
    assert!(!house.authority.is_live(&login, NOW + 900_000));
    assert_eq!(denial(house.token(&granted.access_token, NOW + 900_000)).code(), 13_009);
    assert_eq!(denial(house.token(&granted.refresh_token, NOW)).code(), 13_009);
    let unnamed = house.grant(Some("expires:5"), HTTP, NOW).unwrap();
    assert!(unnamed.scope.contains("session:rest-"), "{}", unnamed.scope);
    assert_eq!(unnamed.expires_in, 5);
    let bearer = format!("Bearer {}", unnamed.access_token);
    assert_eq!(house.login(&bearer).unwrap(), unnamed.login);
    let denied = denial(house.grant(Some("trade:all"), HTTP, NOW));
    assert_eq!((denied.code(), denied.parameter()), (-32_602, Some("scope")));
    assert!(house.authority.logout(&login) && !house.authority.logout(&login));
    assert_eq!(denial(house.token(&granted.access_token, NOW)).code(), 13_009);
    assert!(!house.authority.is_live(&login, NOW));
}

#[test]
fn a_refresh_token_is_good_once() {
    let house = House::new();
    let first = house.grant(Some("session:a trade:read"), HTTP, NOW).unwrap();
    let second = house.refresh(&first.refresh_token, NOW + 1_000).unwrap();
    assert_eq!((&second.scope, &second.sid), (&first.scope, &first.sid));
    assert_eq!(denial(house.refresh(&first.refresh_token, NOW + 1_000)).code(), 13_009);
    assert_eq!(denial(house.token(&first.access_token, NOW + 1_000)).code(), 13_009);
    assert!(house.token(&second.access_token, NOW + 900_999).is_ok());
    assert_eq!(denial(house.refresh(&second.access_token, NOW)).code(), 13_009);
    let grant = Grant::RefreshToken(&second.refresh_token);
    let asked = Some("trade:read_write account:none session:b");
    let third = house.authority.grant(&grant, asked, HTTP, NOW + 2_000).unwrap();
    assert_eq!(third.scope, "mainaccount session:a trade:read");
    let late = NOW + 2_000 + 2_592_000_000;
    assert_eq!(denial(house.refresh(&third.refresh_token, late)).code(), 13_009);
}

#[test]
fn tokens_of_a_connection_are_good_there_alone() {
    let house = House::new();
    let granted = house.grant(None, on(1), NOW).unwrap();
    let token = |caller| house.authority.login_token(&granted.access_token, caller, NOW);
    assert!(token(on(1)).is_ok());
    assert_eq!(denial(token(on(2))).code(), 13_009);
    assert_eq!(denial(token(HTTP)).code(), 13_009);
    assert_eq!(denial(house.refresh(&granted.refresh_token, NOW)).code(), 13_009);
    let grant = Grant::RefreshToken(&granted.refresh_token);
    let renewed = house.authority.grant(&grant, None, on(1), NOW).unwrap();
    house.authority.disconnect(&granted.login);
    assert!(house.authority.is_live(&renewed.login, NOW), "the login before is another one");
    assert!(house.authority.grant(&grant, None, on(1), NOW).is_err());
    let again = house.grant(None, on(1), NOW).unwrap();
    assert!(!house.authority.is_live(&granted.login, NOW), "a second login replaces the first");
    let named = house.grant(Some("session:a"), on(1), NOW).unwrap();
    house.authority.disconnect(&again.login);
    house.authority.disconnect(&named.login);
    assert!(!house.authority.is_live(&again.login, NOW));
    assert!(house.token(&named.access_token, NOW).is_ok(), "a named session stays");
}

#[test]
fn the_oldest_session_makes_room_and_a_namesake_is_replaced() {
    let house = House::new();
    let begin = |index: i64| {
        house.grant(Some(&format!("session:s{index}")), HTTP, NOW + index).unwrap().access_token
    };
    let mut tokens: Vec<String> = (0..16).map(begin).collect();
    let is_good = |token: &String| house.token(token, NOW).is_ok();
    assert!(tokens.iter().all(is_good));
    let replaced = begin(15);
    assert!(is_good(&replaced) && !is_good(&tokens[15]) && is_good(&tokens[0]));
    tokens[15] = replaced;
    let next = begin(16);
    assert!(is_good(&next) && !is_good(&tokens[0]) && tokens[1..].iter().all(is_good));
    // Connections do not take that room.
    assert!(house.grant(None, on(1), NOW).is_ok());
    assert!(is_good(&tokens[1]));
}

#[test]
fn another_process_makes_and_revokes_keys() {
    let house = House::new();
    let granted = house.grant(None, HTTP, NOW).unwrap();
    let made = house
        .elsewhere()
        .create(AccountId::new(9), "other", &"trade:read".parse().unwrap(), NOW)
        .unwrap();
    // An unknown client makes the authority look, however short ago it did.
    let basic = base64(format!("{}:{}", made.key.client_id, made.client_secret).as_bytes());
    let login = house.login(&format!("Basic {basic}")).unwrap();
    assert_eq!(login.account, AccountId::new(9));
    assert!(house.authority.is_live(&login, NOW));
    house.elsewhere().revoke(&house.id, NOW).unwrap();
    house.elsewhere().revoke(&made.key.client_id, NOW).unwrap();
    assert!(!house.authority.is_live(&login, NOW + 1_000));
    assert!(!house.authority.is_live(&granted.login, NOW + 1_000));
    assert_eq!(denial(house.token(&granted.access_token, NOW + 1_000)).code(), 13_009);
    assert_eq!(denial(house.refresh(&granted.refresh_token, NOW + 1_000)).code(), 13_009);
    assert_eq!(denial(house.login(&house.header("1", NOW))), Denied::WRONG);
    assert_eq!(denial(house.grant(None, HTTP, NOW + 1_000)), Denied::WRONG);
}

#[test]
fn revoking_here_ends_logins_at_once() {
    let house = House::new();
    let granted = house.grant(None, on(1), NOW).unwrap();
    house.authority.revoke(&house.id, NOW).unwrap();
    assert!(!house.authority.is_live(&granted.login, NOW));
    assert_eq!(house.authority.keys().unwrap()[0].revoked_ms, Some(NOW));
}

#[test]
fn nobody_gets_in_while_the_keys_can_not_be_read() {
    let house = House::new();
    let granted = house.grant(None, HTTP, NOW).unwrap();
    let path = house.folder.path().join("keys.json");
    let good = fs::read(&path).unwrap();
    fs::write(&path, "{").unwrap();
    let later = NOW + 1_000;
    assert_eq!(denial(house.grant(None, HTTP, later)).code(), 13_028);
    assert_eq!(denial(house.token(&granted.access_token, later)).code(), 13_028);
    assert!(house.authority.trouble().unwrap().contains("keys.json"));
    assert!(house.authority.is_live(&granted.login, later), "who is in stays in");
    fs::write(&path, good).unwrap();
    assert!(house.token(&granted.access_token, later + 1_000).is_ok());
    assert_eq!(house.authority.trouble(), None);
}

#[test]
fn sessions_outlast_a_restart_and_signatures_do_not() {
    let house = House::new();
    let named = house.grant(Some("session:a"), HTTP, NOW).unwrap();
    let bound = house.grant(None, on(1), NOW).unwrap();
    let header = house.header("1", NOW);
    house.login(&header).unwrap();
    house.authority.save().unwrap();
    let path = house.folder.path().join("tokens.json");
    let text = fs::read_to_string(&path).unwrap();
    for secret in [&named.access_token, &named.refresh_token, &house.secret] {
        assert!(!text.contains(secret.as_str()));
    }
    fs::remove_file(&path).unwrap();
    house.authority.save().unwrap();
    assert!(!path.exists(), "nothing changed");
    fs::write(&path, &text).unwrap();
    let keys = KeyFile::under(house.folder.path(), None);
    let again = Authority::of(keys, house.folder.path(), NOW + 1).unwrap();
    assert_eq!(again.login_token(&named.access_token, HTTP, NOW + 1).unwrap(), named.login);
    assert!(again.login_token(&bound.access_token, on(1), NOW + 1).is_err());
    assert_eq!(denial(again.login_header(&header, REQUEST, HTTP, NOW + 1)).code(), 13_028);
    let other = again.grant(&Grant::RefreshToken(&named.refresh_token), None, HTTP, NOW + 1);
    assert!(other.is_ok());
    house.elsewhere().revoke(&house.id, NOW).unwrap();
    assert!(opened(house.folder.path()).login_token(&named.access_token, HTTP, NOW).is_err());
    for wrong in ["{", "{\"version\":9,\"sessions\":[]}", "[]"] {
        fs::write(&path, wrong).unwrap();
        let keys = KeyFile::under(house.folder.path(), None);
        let error = Authority::of(keys, house.folder.path(), NOW).err().unwrap().to_string();
        assert!(error.contains("tokens.json") && error.contains("remove it"), "{error}");
    }
}

#[test]
fn a_key_may_be_for_one_address() {
    let house = House::with_scope("trade:read ip:10.0.0.1");
    let from = |address: &str| Caller { address: address.parse().ok(), connection: None };
    assert_eq!(denial(house.grant(None, HTTP, NOW)).code(), 13_021);
    assert_eq!(denial(house.login(&house.header("1", NOW))).code(), 13_021);
    let granted = house.grant(None, from("10.0.0.1"), NOW).unwrap();
    assert_eq!(denial(house.token(&granted.access_token, NOW)).code(), 13_021);
    assert!(house.authority.login_token(&granted.access_token, from("10.0.0.1"), NOW).is_ok());
    assert_eq!(denial(house.grant(Some("ip:10.0.0.2"), from("10.0.0.1"), NOW)).code(), 13_021);
}

#[test]
fn many_threads_get_in_with_one_signature_once() {
    let house = House::new();
    let header = house.header("1", NOW);
    let let_in = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| house.login(&header).is_ok())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&is_in| is_in).count()
    });
    assert_eq!(let_in, 1);
}

fn scheme() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,80}",
        "(?i)(basic|bearer) [A-Za-z0-9+/=_:-]{0,60}",
        "deri-hmac-sha256 ((id|ts|sig|nonce|x)=[a-f0-9,=]{0,70},?){0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_gets_in_by_chance(header in scheme(), body in any::<Vec<u8>>(), now in any::<i64>()) {
        let house = HOUSE.with(Clone::clone);
        let request = SignedRequest { method: "POST", uri: "/", body: &body, reads: false };
        prop_assert!(house.authority.login_header(&header, request, HTTP, now).is_err());
        prop_assert!(house.authority.login_token(&header, HTTP, now).is_err());
    }

    #[test]
    fn no_grant_is_given_by_chance(
        text in "\\PC{0,40}", other in "[a-f0-9]{64}", scope in "\\PC{0,60}", timestamp in any::<i64>(),
    ) {
        let house = HOUSE.with(Clone::clone);
        let (id, text) = (house.id.as_str(), text.as_str());
        for client_id in [id, text] {
            for grant in [
                Grant::ClientCredentials { client_id, client_secret: text },
                Grant::ClientSignature {
                    client_id, timestamp, signature: &other, nonce: text, data: text,
                },
                Grant::RefreshToken(text),
            ] {
                let granted = house.authority.grant(&grant, Some(&scope), on(1), timestamp);
                prop_assert!(granted.is_err());
            }
        }
        if let Ok(granted) = house.grant(Some(&scope), HTTP, NOW) {
            let all: Scopes = "account:read trade:read_write mainaccount".parse().unwrap();
            for area in [Area::Account, Area::Trade, Area::Wallet, Area::BlockTrade] {
                prop_assert!(granted.login.scopes.access(area) <= all.access(area));
            }
        }
    }
}

thread_local! {
    static HOUSE: std::rc::Rc<House> = std::rc::Rc::new(House::new());
}
