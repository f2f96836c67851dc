//! What can be subscribed to, by the names that the dialect gives it.

use engine::InstrumentId;
use instruments::{Asset, ContractKind};

use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::names::{self, Kind};

/// How often a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// After each command that changes something.
    Raw,
    /// At every so many hundred milliseconds, if something changed.
    Every(u32),
}

/// Which instruments a channel is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One.
    One(InstrumentId),
    /// All of a kind, in a currency.
    All {
        /// The kind; none is any.
        kind: Option<Kind>,
        /// The currency; none is any.
        currency: Option<Asset>,
    },
}

/// Which steps of liquidation cases a channel is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cases {
    /// Those in a currency; none is any.
    In(Option<Asset>),
    /// Those of one case.
    One(u64),
    /// Those that who subscribes has a part in.
    Own,
}

/// What a channel tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Topic {
    /// Every level of a book, as changes.
    Book(InstrumentId),
    /// So many levels, prices rounded to a group.
    GroupedBook {
        /// Whose.
        instrument: InstrumentId,
        /// In units of price; none leaves prices as they are.
        group: Option<i64>,
        /// Levels of each side.
        depth: usize,
    },
    /// The ticker.
    Ticker(InstrumentId),
    /// The best bid and ask.
    Quote(InstrumentId),
    /// Trades.
    Trades(Scope),
    /// Interest and index of a perpetual.
    Perpetual(InstrumentId),
    /// The newest candle of so many minutes.
    Chart(InstrumentId, i64),
    /// An index.
    Index(Asset, String),
    /// Marks of all options on an index.
    OptionMarks(Asset),
    /// A volatility index.
    Volatility(Asset),
    /// Instruments that begin and end.
    States(Scope),
    /// The state of the platform.
    Platform,
    /// Orders of who subscribes.
    UserOrders(Scope),
    /// Trades of who subscribes.
    UserTrades(Scope),
    /// Orders, trades and positions of who subscribes.
    UserChanges(Scope),
    /// The account summary of who subscribes, in a currency; none is all.
    Portfolio(Option<String>),
    /// Steps of liquidation cases.
    Cases(Cases),
    /// Changes of parameters that are announced.
    Announcements,
}

impl Topic {
    /// Whether only the owner of an account may subscribe.
    #[must_use]
    pub fn is_private(&self) -> bool {
        matches!(
            self,
            Self::UserOrders(_)
                | Self::UserTrades(_)
                | Self::UserChanges(_)
                | Self::Portfolio(_)
                | Self::Cases(Cases::Own)
        )
    }

    /// Reads the name of a channel.
    #[must_use]
    pub fn parse(name: &str, venue: &Venue) -> Option<(Self, Pace)> {
        let parts: Vec<&str> = name.split('.').collect();
        let one = |name: &str| venue.names.get(name).copied();
        let topic = match parts[..] {
            ["book", instrument, group, depth, pace] => {
                let group = match group {
                    "none" => None,
                    text => Some(instruments::parse_fixed(text, 8).ok()?),
                };
                let group = group.map(i64::try_from).transpose().ok()?.filter(|group| *group > 0);
                let depth = depth.parse().ok().filter(|depth| [1, 10, 20].contains(depth))?;
                let instrument = one(instrument)?;
                return Some((Self::GroupedBook { instrument, group, depth }, pace_of(pace)?));
            }
            ["book", instrument, pace] => {
                return Some((Self::Book(one(instrument)?), pace_of(pace)?));
            }
            ["ticker" | "incremental_ticker", instrument, pace] => {
                return Some((Self::Ticker(one(instrument)?), pace_of(pace)?));
            }
            ["incremental_ticker", instrument] => Self::Ticker(one(instrument)?),
            ["quote", instrument] => Self::Quote(one(instrument)?),
            ["trades", instrument, pace] => {
                return Some((Self::Trades(Scope::One(one(instrument)?)), pace_of(pace)?));
            }
            ["trades", kind, currency, pace] => {
                return Some((Self::Trades(scope(kind, currency)?), pace_of(pace)?));
            }
            ["perpetual", instrument, pace] => {
                let id = one(instrument)?;
                let is_perpetual = venue.at(id).instrument.kind() == ContractKind::Perpetual;
                return is_perpetual.then_some((Self::Perpetual(id), pace_of(pace)?));
            }
            ["chart", "trades", instrument, resolution] => {
                let minutes = names::resolution(resolution)?;
                return Some((Self::Chart(one(instrument)?, minutes), Pace::Every(10)));
            }
            ["deribit_price_index", index] => {
                let asset = names::index_asset(index, venue)?;
                return Some((Self::Index(asset, index.to_owned()), Pace::Every(10)));
            }
            ["markprice", "options", index] => {
                let asset = names::index_asset(index, venue)?;
                return Some((Self::OptionMarks(asset), Pace::Every(10)));
            }
            ["deribit_volatility_index", index] => {
                return Some((
                    Self::Volatility(names::index_asset(index, venue)?),
                    Pace::Every(10),
                ));
            }
            ["instrument", "state", kind, currency] => Self::States(scope(kind, currency)?),
            ["platform_state"] => Self::Platform,
            ["user", what @ ("orders" | "trades" | "changes"), instrument, pace] => {
                let scope = Scope::One(one(instrument)?);
                return Some((user(what, scope)?, pace_of(pace)?));
            }
            ["user", what @ ("orders" | "trades" | "changes"), kind, currency, pace] => {
                return Some((user(what, scope(kind, currency)?)?, pace_of(pace)?));
            }
            ["user", "portfolio", currency] => {
                let any = currency.eq_ignore_ascii_case("any");
                let topic = Self::Portfolio((!any).then(|| currency.to_ascii_uppercase()));
                return Some((topic, Pace::Every(10)));
            }
            ["x", "liquidations", currency] => Self::Cases(Cases::In(currency_of(currency)?)),
            ["x", "announcements"] => Self::Announcements,
            ["user", "x_cases"] => Self::Cases(Cases::Own),
            ["x", "auction", case] => Self::Cases(Cases::One(case.parse().ok()?)),
            _ => return None,
        };
        Some((topic, Pace::Raw))
    }
}

impl Scope {
    /// Whether an instrument is in it.
    #[must_use]
    pub fn has(&self, listing: &Listing) -> bool {
        match self {
            Self::One(id) => *id == listing.id,
            Self::All { kind, currency } => {
                kind.is_none_or(|kind| names::kind(&listing.instrument) == kind)
                    && currency.is_none_or(|currency| names::is_of(&listing.instrument, currency))
            }
        }
    }
}

fn user(what: &str, scope: Scope) -> Option<Topic> {
    Some(match what {
        "orders" => Topic::UserOrders(scope),
        "trades" => Topic::UserTrades(scope),
        "changes" => Topic::UserChanges(scope),
        _ => return None,
    })
}

fn pace_of(text: &str) -> Option<Pace> {
    Some(match text {
        "raw" => Pace::Raw,
        "100ms" => Pace::Every(1),
        "agg2" => Pace::Every(10),
        _ => return None,
    })
}

fn scope(kind: &str, currency: &str) -> Option<Scope> {
    let kind = match kind {
        "any" => None,
        kind => Some(Kind::parse(kind)?),
    };
    Some(Scope::All { kind, currency: currency_of(currency)? })
}

/// A currency, or none for `any`; nothing for what is no currency.
fn currency_of(text: &str) -> Option<Option<Asset>> {
    match text {
        "any" => Some(None),
        text => text.to_ascii_uppercase().parse().ok().map(Some),
    }
}
