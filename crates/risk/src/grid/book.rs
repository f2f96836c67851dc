//! What a grid margins: one underlying of one account, in plain numbers.

use instruments::OptionKind;

/// Everything of one account that depends on one underlying.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// The underlying's asset.
    pub underlying: String,
    /// Index price in US dollars.
    pub spot: f64,
    /// Confidence of the index, from 0 to 1.
    pub spot_confidence: f64,
    /// Expiries that legs refer to by their place.
    pub expiries: Vec<Expiry>,
    /// Positions and orders.
    pub legs: Vec<Leg>,
    /// Collateral whose price moves with this underlying.
    pub coins: Vec<Coin>,
}

/// One expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expiry {
    /// Years to expiry, act/365; zero once it has passed.
    pub years: f64,
    /// Interest rate per year, continuously compounded.
    pub rate: f64,
    /// The part of the forward that the running settlement average has fixed.
    pub fixed: f64,
    /// The part that still moves.
    pub variable: f64,
    /// Least confidence of its forward, rate and volatilities, from 0 to 1.
    pub confidence: f64,
}

/// A position, or an order if it has a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// What it is.
    pub contract: Contract,
    /// Whether it settles in the underlying itself.
    pub inverse: bool,
    /// Signed size in units of the underlying; of an inverse future or perpetual, in US dollars.
    pub size: f64,
    /// Mark price, in the asset that quotes the contract.
    pub mark: f64,
    /// Price of the asset that quotes a linear contract, in US dollars.
    pub worth: f64,
    /// Δ of one unit of size, in units of the underlying.
    pub delta: f64,
    /// Confidence of its own feed, from 0 to 1; options have that of their expiry.
    pub confidence: f64,
    /// What a long perpetual is expected to pay over 8 hours, per notional.
    pub funding_8h: f64,
    /// Rate of its fee; that of the methodology if none is given.
    pub fee_rate: Option<f64>,
    /// Share of its profit that is still open while it settles by an average.
    pub open: f64,
    /// The limit price, if this is an order.
    pub limit: Option<f64>,
    /// What filling all of an order costs beside its price, in US dollars.
    pub fee: f64,
}

/// What a leg is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contract {
    /// A perpetual.
    Perpetual,
    /// A future, by the place of its expiry.
    Future(usize),
    /// An option.
    Option {
        /// The place of its expiry.
        expiry: usize,
        /// Strike price in the quote asset.
        strike: f64,
        /// Call or put.
        kind: OptionKind,
        /// Volatility per √year.
        volatility: f64,
    },
}

/// Collateral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coin {
    /// What it is worth in US dollars.
    pub value: f64,
    /// Whether its price moves in the scenarios.
    pub in_scenarios: bool,
    /// Confidence of its own feed, from 0 to 1.
    pub confidence: f64,
    /// Share of it that is charged in initial margin.
    pub initial: f64,
    /// Share of it that is charged in maintenance margin.
    pub maintenance: f64,
}

impl Leg {
    /// A position of full confidence, quoted in US dollars; the caller changes what differs.
    #[must_use]
    pub const fn position(contract: Contract, size: f64, mark: f64) -> Self {
        Self {
            contract,
            inverse: false,
            size,
            mark,
            worth: 1.0,
            delta: 1.0,
            confidence: 1.0,
            funding_8h: 0.0,
            fee_rate: None,
            open: 1.0,
            limit: None,
            fee: 0.0,
        }
    }

    /// The place of its expiry.
    #[must_use]
    pub const fn expiry(&self) -> Option<usize> {
        match self.contract {
            Contract::Perpetual => None,
            Contract::Future(expiry) | Contract::Option { expiry, .. } => Some(expiry),
        }
    }

    /// Whether it is an option.
    #[must_use]
    pub const fn is_option(&self) -> bool {
        matches!(self.contract, Contract::Option { .. })
    }

    /// Whether it is an order.
    #[must_use]
    pub const fn is_order(&self) -> bool {
        self.limit.is_some()
    }

    /// Signed Δ of all of it, in units of the underlying.
    #[must_use]
    pub fn delta(&self) -> f64 {
        self.size * self.delta
    }
}

impl Expiry {
    /// The forward as it stands.
    #[must_use]
    pub fn forward(&self) -> f64 {
        self.fixed + self.variable
    }
}
