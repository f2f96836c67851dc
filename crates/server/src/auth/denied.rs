//! Why somebody is not let in, in the codes of the original.

use std::borrow::Cow;
use std::fmt;

use super::text::NoRandomness;

/// Why somebody is not let in.
///
/// What it says is for the caller: it never tells a client id that exists from one that does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Client id and secret or signature don't belong together, or the header can't be read.
    InvalidCredentials(Cow<'static, str>),
    /// A token that is wrong or has expired, or a signature that is stale or was used before.
    Unauthorized(Cow<'static, str>),
    /// The credentials are right and do not allow this.
    Forbidden(Cow<'static, str>),
    /// The venue can't tell now; the same may go through later.
    Unavailable(Cow<'static, str>),
    /// A parameter can't be read.
    InvalidParameter {
        /// The parameter.
        name: &'static str,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
}

impl Denied {
    /// The answer to an unknown client id, to a wrong secret and to a wrong signature alike.
    pub(super) const WRONG: Self = Self::InvalidCredentials(Cow::Borrowed(
        "client id and secret or signature do not belong together",
    ));

    /// The code in a reply.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::InvalidCredentials(_) => 13_004,
            Self::Unauthorized(_) => 13_009,
            Self::Forbidden(_) => 13_021,
            Self::Unavailable(_) => 13_028,
            Self::InvalidParameter { .. } => -32_602,
        }
    }

    /// The message in a reply.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::InvalidCredentials(_) => "invalid_credentials",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Unavailable(_) => "temporarily_unavailable",
            Self::InvalidParameter { .. } => "Invalid params",
        }
    }

    /// What to tell the caller beside it.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::InvalidCredentials(reason)
            | Self::Unauthorized(reason)
            | Self::Forbidden(reason)
            | Self::Unavailable(reason)
            | Self::InvalidParameter { reason, .. } => reason,
        }
    }

    /// The parameter that can't be read, if it is one.
    #[must_use]
    pub const fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::InvalidParameter { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.message(), self.code(), self.reason())
    }
}

impl std::error::Error for Denied {}

impl From<NoRandomness> for Denied {
    fn from(_: NoRandomness) -> Self {
        Self::Unavailable("no token can be made now; try again".into())
    }
}
