use instruments::{Asset, Instrument, Timestamp, Underlying};

/// Why a margin could not be computed. Every variant names what is missing and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RiskError {
    /// The market has no price of an asset that an account or contract needs.
    #[error("the market has no price of {0}: add it to the market file or remove the position")]
    NoPrice(Asset),
    /// The market does not quote an instrument.
    #[error("the market does not list {0}: check its name, expiry and strike")]
    UnknownInstrument(Instrument),
    /// The instrument expired before the market's time.
    #[error("{instrument} expired at {expiry}, before the market's time: settle it and remove it")]
    Expired {
        /// The instrument.
        instrument: Instrument,
        /// When it expired.
        expiry: Timestamp,
    },
    /// The methodology has no parameters for an underlying.
    #[error(
        "the methodology `{methodology}` has no parameters for {underlying}: add an entry for it"
    )]
    UnknownUnderlying {
        /// The methodology's name.
        methodology: String,
        /// The underlying without parameters.
        underlying: Underlying,
    },
    /// The methodology has no parameters for an asset held as collateral.
    #[error(
        "the methodology `{methodology}` does not list {asset}: add it under [[asset]] or [collateral]"
    )]
    UnknownAsset {
        /// The methodology's name.
        methodology: String,
        /// The asset without parameters.
        asset: Asset,
    },
    /// The epoch was opened without an instrument that an account holds.
    #[error("the risk epoch holds no array for {0}: open it with every instrument of the accounts")]
    NoArray(Instrument),
    /// The history has too few days on which every underlying of the universe has a return.
    #[error(
        "the history has {found} days before {time} on which all of {universe} have a return; \
         {needed} are needed: give a longer file or one with fewer gaps"
    )]
    ShortHistory {
        /// Joint returns found.
        found: usize,
        /// Joint returns needed.
        needed: usize,
        /// The market's time.
        time: Timestamp,
        /// The underlyings of the universe.
        universe: String,
    },
    /// The history has no column for an underlying of the methodology's universe.
    #[error("the history has no column {0}, which the methodology's universe names")]
    NoHistory(Asset),
    /// There are no profits to take a quantile of.
    #[error("there are no profits: value at risk needs at least one day")]
    NoProfits,
    /// A number of the market is not usable.
    #[error("{what} is {value}, which is not {wanted}")]
    MarketValue {
        /// Which number.
        what: String,
        /// Its value.
        value: f64,
        /// What it must be.
        wanted: &'static str,
    },
    /// An order that cannot be margined.
    #[error("the order on {instrument} is refused: {problem}")]
    OrderTerms {
        /// What it would trade.
        instrument: Instrument,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The history's rows don't fit its columns, or a number in them is not usable.
    #[error("the history's day {day}: {problem}")]
    HistoryValue {
        /// Which day.
        day: Timestamp,
        /// What is wrong.
        problem: &'static str,
    },
    /// A linear contract quoted in a coin, whose price moves in scenarios that do not know it.
    #[error("{0} is quoted in a coin: linear contracts are quoted in US dollars or a stablecoin")]
    QuotedInCoin(Instrument),
    /// The operation needs a methodology of another kind.
    #[error("methodology `{name}` is of kind `{found}`; this needs kind `{wanted}`")]
    WrongKind {
        /// The methodology's name.
        name: String,
        /// Its kind.
        found: &'static str,
        /// The kind needed.
        wanted: &'static str,
    },
    /// Exact arithmetic on an instrument failed.
    #[error("{instrument}: {source}")]
    Instrument {
        /// The instrument.
        instrument: Instrument,
        /// What went wrong.
        source: Box<instruments::Error>,
    },
    /// An amount of an asset is beyond what the arithmetic holds.
    #[error("the value of the {0} balance does not fit: it is beyond any real amount")]
    AmountTooLarge(Asset),
    /// The risk of one lot is beyond what an array holds.
    #[error(
        "the risk of one lot of {0} does not fit: its price or lot size is beyond any real one"
    )]
    ArrayTooLarge(Instrument),
    /// An account is beyond a limit that keeps every sum exact.
    #[error("{what}: {found} is more than the limit of {limit}")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// What was found.
        found: u64,
        /// The most allowed.
        limit: u64,
    },
}

impl RiskError {
    /// Says which instrument an arithmetic error belongs to.
    pub(crate) fn of(instrument: &Instrument) -> impl Fn(instruments::Error) -> Self {
        let instrument = *instrument;
        move |source| Self::Instrument { instrument, source: Box::new(source) }
    }
}
