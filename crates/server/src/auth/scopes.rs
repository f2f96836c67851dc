//! What a key or token is good for: the scopes of the original, and how they are narrowed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// How far a scope goes in one area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Not at all.
    #[default]
    None,
    /// Looking.
    Read,
    /// Looking and changing.
    ReadWrite,
}

/// What methods are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Account, margin, positions, subaccounts.
    Account,
    /// Block trades.
    BlockTrade,
    /// Custody.
    Custody,
    /// Orders and trades.
    Trade,
    /// Deposits, withdrawals, transfers.
    Wallet,
}

/// What a method asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// In which area.
    pub area: Area,
    /// How much of it.
    pub access: Access,
}

/// What a key or token is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    access: [Access; AREAS.len()],
    /// Whether the key is that of a main account, which may act on its subaccounts.
    pub is_main_account: bool,
    /// The session that a token belongs to.
    pub session: Option<String>,
    /// Whether a token is good on the connection that asked for it alone.
    pub is_connection: bool,
    /// After how many seconds access tokens expire, in place of the usual number.
    pub expires_s: Option<u32>,
    /// The one address that it may be used from.
    pub address: Option<IpAddr>,
}

/// What is asked for: an area that is not mentioned is not narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    access: [Option<Access>; AREAS.len()],
    is_main_account: bool,
    pub session: Option<String>,
    pub is_connection: bool,
    expires_s: Option<u32>,
    address: Option<IpAddr>,
}

/// A scope that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` is no scope; there are account:, trade:, wallet:, block_trade: and custody: with \
     read, read_write or none, expires:SECONDS, ip:ADDRESS, session:NAME, connection, mainaccount"
)]
pub struct ScopeError {
    /// What was given.
    pub word: String,
}

const AREAS: [(Area, &str); 5] = [
    (Area::Account, "account"),
    (Area::BlockTrade, "block_trade"),
    (Area::Custody, "custody"),
    (Area::Trade, "trade"),
    (Area::Wallet, "wallet"),
];

/// The longest life that can be asked for: a year.
pub(super) const EXPIRES_MAX_S: u32 = 31_536_000;

/// The longest name of a session.
const SESSION_NAME_MAX: usize = 64;

impl Scopes {
    /// How far it goes in an area.
    #[must_use]
    pub const fn access(&self, area: Area) -> Access {
        self.access[area as usize]
    }

    /// Whether it is enough for a method.
    #[must_use]
    pub fn allows(&self, need: Need) -> bool {
        self.access(need.area) >= need.access
    }

    /// Whether it may be used from an address; one that is not known is no address in particular.
    #[must_use]
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        self.address.is_none_or(|only| Some(only) == address.map(|address| address.to_canonical()))
    }

    /// What of this is left of what is asked for; none if both name an address, and not the same.
    ///
    /// Session and connection are taken as they are asked for: they narrow nothing that a key has.
    pub(super) fn narrowed(&self, asked: &Asked) -> Option<Self> {
        let mut access = self.access;
        for (access, asked) in access.iter_mut().zip(asked.access) {
            *access = asked.map_or(*access, |asked| asked.min(*access));
        }
        let address = match (self.address, asked.address) {
            (Some(own), Some(asked)) if own != asked => return None,
            (own, asked) => own.or(asked),
        };
        Some(Self {
            access,
            is_main_account: self.is_main_account,
            session: asked.session.clone(),
            is_connection: asked.is_connection,
            expires_s: self.expires_s.into_iter().chain(asked.expires_s).min(),
            address,
        })
    }
}

/// Strict: every word must be known. What is not mentioned is not allowed.
impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let mut unknown = None;
        let asked = Asked::read(text, &mut |word| unknown = Some(word.to_owned()))?;
        if let Some(word) = unknown {
            return Err(ScopeError { word });
        }
        Ok(Self {
            access: asked.access.map(Option::unwrap_or_default),
            is_main_account: asked.is_main_account,
            session: asked.session,
            is_connection: asked.is_connection,
            expires_s: asked.expires_s,
            address: asked.address,
        })
    }
}

/// In words, sorted; areas without access are left out.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        for ((_, name), access) in AREAS.iter().zip(self.access) {
            match access {
                Access::None => {}
                Access::Read => words.push(format!("{name}:read")),
                Access::ReadWrite => words.push(format!("{name}:read_write")),
            }
        }
        words.extend(self.is_connection.then(|| "connection".to_owned()));
        words.extend(self.expires_s.map(|seconds| format!("expires:{seconds}")));
        words.extend(self.address.map(|address| format!("ip:{address}")));
        words.extend(self.is_main_account.then(|| "mainaccount".to_owned()));
        words.extend(self.session.as_ref().map(|name| format!("session:{name}")));
        words.sort_unstable();
        f.pad(&words.join(" "))
    }
}

impl Asked {
    /// Reads what a client asks for. Words that we don't know allow nothing and are passed over,
    /// so that clients of the original get in; known ones must be right.
    pub fn of(text: &str) -> Result<Self, ScopeError> {
        Self::read(text, &mut |_| {})
    }

    fn read(text: &str, unknown: &mut dyn FnMut(&str)) -> Result<Self, ScopeError> {
        let mut asked = Self::default();
        for word in text.split_whitespace() {
            if !asked.take(word).ok_or_else(|| ScopeError { word: word.to_owned() })? {
                unknown(word);
            }
        }
        Ok(asked)
    }

    /// Takes a word; none if it is wrong, false if it is unknown.
    fn take(&mut self, word: &str) -> Option<bool> {
        match word.split_once(':') {
            None if word == "connection" => self.is_connection = true,
            None if word == "mainaccount" => self.is_main_account = true,
            Some(("expires", seconds)) => {
                let seconds = seconds.parse::<u32>().ok().filter(|&seconds| seconds > 0)?;
                self.expires_s = Some(seconds.min(EXPIRES_MAX_S));
            }
            Some(("ip", address)) => {
                self.address = Some(address.parse::<IpAddr>().ok()?.to_canonical());
            }
            Some(("session", name)) => self.session = Some(session_name(name)?.to_owned()),
            Some((area, access)) => {
                let Some(index) = AREAS.iter().position(|&(_, name)| name == area) else {
                    return Some(false);
                };
                self.access[index] = Some(match access {
                    "none" => Access::None,
                    "read" => Access::Read,
                    "read_write" => Access::ReadWrite,
                    _ => return None,
                });
            }
            None => return Some(false),
        }
        Some(true)
    }
}

/// A name that a session may have.
pub(super) fn session_name(name: &str) -> Option<&str> {
    let is_plain = name.bytes().all(|letter| letter.is_ascii_graphic());
    (is_plain && (1..=SESSION_NAME_MAX).contains(&name.len())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    fn narrowed(own: &str, asked: &str) -> Option<String> {
        let left = scopes(own).narrowed(&Asked::of(asked).unwrap());
        left.map(|scopes| scopes.to_string())
    }

    #[test]
    fn areas_are_in_the_order_of_their_numbers() {
        for (index, (area, _)) in AREAS.into_iter().enumerate() {
            assert_eq!(area as usize, index);
        }
    }

    #[test]
    fn scopes_go_to_text_and_back() {
        let text = "account:read block_trade:read_write connection custody:read expires:60 \
                    ip:10.0.0.1 mainaccount session:bot-1 trade:read_write wallet:read";
        assert_eq!(scopes(text).to_string(), text);
        assert_eq!(scopes(" wallet:none  trade:read ").to_string(), "trade:read");
        assert_eq!(scopes("").to_string(), "");
        assert_eq!(scopes("ip:::ffff:10.0.0.1").to_string(), "ip:10.0.0.1");
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        let wrong = [
            "trade",
            "trade:",
            "trade:write",
            "ip:home",
            "expires:0",
            "expires:-1",
            "session:",
            "x",
        ];
        for word in wrong {
            let error = word.parse::<Scopes>().unwrap_err();
            assert_eq!(error.word, word);
        }
        assert!(format!("session:{}", "a".repeat(65)).parse::<Scopes>().is_err());
        // A client may ask for what only the original has.
        assert_eq!(Asked::of("block_rfq:read_write name:x telegram").unwrap(), Asked::default());
        assert!(Asked::of("block_rfq:read trade:all").is_err());
    }

    #[test]
    fn access_is_looked_up_by_area() {
        let scopes = scopes("trade:read_write account:read");
        let allows = |area, access| scopes.allows(Need { area, access });
        assert!(allows(Area::Trade, Access::ReadWrite) && allows(Area::Trade, Access::Read));
        assert!(allows(Area::Account, Access::Read));
        assert!(!allows(Area::Account, Access::ReadWrite));
        assert!(!allows(Area::Wallet, Access::Read));
        assert!(allows(Area::Wallet, Access::None));
    }

    #[test]
    fn a_scope_is_narrowed_and_never_widened() {
        let own = "account:read trade:read_write mainaccount";
        let cases = [
            ("", "account:read mainaccount trade:read_write"),
            ("connection", "account:read connection mainaccount trade:read_write"),
            ("trade:read", "account:read mainaccount trade:read"),
            ("trade:none account:none", "mainaccount"),
            ("account:read_write wallet:read_write", "account:read mainaccount trade:read_write"),
            ("session:a trade:none", "account:read mainaccount session:a"),
        ];
        for (asked, left) in cases {
            assert_eq!(narrowed(own, asked).as_deref(), Some(left), "{asked}");
        }
        assert_eq!(narrowed("trade:read", "mainaccount").as_deref(), Some("trade:read"));
    }

    #[test]
    fn life_and_address_are_the_narrower_ones() {
        assert_eq!(narrowed("expires:60", "expires:90").as_deref(), Some("expires:60"));
        assert_eq!(narrowed("expires:60", "expires:30").as_deref(), Some("expires:30"));
        assert_eq!(narrowed("", "expires:4294967295").as_deref(), Some("expires:31536000"));
        assert_eq!(narrowed("ip:::1", "ip:::1").as_deref(), Some("ip:::1"));
        assert_eq!(narrowed("ip:::1", "ip:::2"), None);
        assert_eq!(narrowed("", "ip:::2").as_deref(), Some("ip:::2"));
        let only = scopes("ip:10.0.0.1");
        assert!(only.admits(Some("10.0.0.1".parse().unwrap())));
        assert!(only.admits(Some("::ffff:10.0.0.1".parse().unwrap())));
        assert!(!only.admits(Some("10.0.0.2".parse().unwrap())) && !only.admits(None));
        assert!(scopes("").admits(None));
    }
}
