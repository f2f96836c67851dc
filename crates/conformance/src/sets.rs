//! The sets, one module each.

mod deribit;
mod derive_auction;
mod derive_pmrm2;
mod derive_srm;
mod implied_volatility;
mod lognormal_es;
mod okx;
mod ore;
mod paradex;

use std::path::PathBuf;

use crate::{Case, VectorError, VectorFile, collect};

/// A kind of vector file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Portfolio margin of Derive, manager PMRM2.
    DerivePmrm2,
    /// Standard margin of Derive.
    DeriveSrm,
    /// Liquidation auctions of Derive.
    DeriveAuction,
    /// Portfolio and cross margin of Paradex, by its package `paradex_py`.
    Paradex,
    /// Portfolio margin of Deribit.
    Deribit,
    /// Multi-risk portfolio margin of OKX.
    Okx,
    /// Value at risk and expected shortfall of Open Source Risk Engine's historical simulation.
    Ore,
    /// Closed-form expected shortfall of a log-normal forward.
    LognormalEs,
    /// Out-of-the-money option prices with their volatilities.
    ImpliedVolatility,
}

impl Set {
    /// Every set.
    pub const ALL: [Self; 9] = [
        Self::DerivePmrm2,
        Self::DeriveSrm,
        Self::DeriveAuction,
        Self::Paradex,
        Self::Deribit,
        Self::Okx,
        Self::Ore,
        Self::LognormalEs,
        Self::ImpliedVolatility,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DerivePmrm2 => "derive-pmrm2",
            Self::DeriveSrm => "derive-srm",
            Self::DeriveAuction => "derive-auction",
            Self::Paradex => "paradex",
            Self::Deribit => "deribit",
            Self::Okx => "okx",
            Self::Ore => "ore",
            Self::LognormalEs => "lognormal-es",
            Self::ImpliedVolatility => "implied-volatility",
        }
    }

    /// How its files' names end.
    #[must_use]
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Ore | Self::ImpliedVolatility => &[".csv"],
            _ => &[".json"],
        }
    }

    /// The set of a name on the command line.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// What its vectors are, in a few words.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::DerivePmrm2 => "Derive's portfolio margin, manager PMRM2",
            Self::DeriveSrm => "Derive's standard margin",
            Self::DeriveAuction => "Derive's liquidation auctions, solvent and insolvent",
            Self::Paradex => "Paradex's portfolio and cross margin, by its package paradex_py",
            Self::Deribit => "Deribit's portfolio margin, by its answer to a simulation",
            Self::Okx => "OKX's multi-risk portfolio margin, by its position builder",
            Self::Ore => "Open Source Risk Engine's historical value at risk and shortfall",
            Self::LognormalEs => "expected shortfall of a log-normal forward, in closed form",
            Self::ImpliedVolatility => "volatilities back from prices computed at 60 digits",
        }
    }

    /// Reads files and folders of this set, and what lies beside a file and belongs to it.
    ///
    /// # Errors
    /// [`VectorError`] for a path that can't be read, and for a folder without a file of this set.
    pub fn read(self, paths: &[PathBuf]) -> Result<Vec<VectorFile>, VectorError> {
        let files = collect(paths, self.endings())?;
        match self {
            Self::Ore => ore::complete(files),
            _ => Ok(files),
        }
    }

    pub(crate) fn check(self, files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
        match self {
            Self::DerivePmrm2 => derive_pmrm2::check(files),
            Self::DeriveSrm => derive_srm::check(files),
            Self::DeriveAuction => derive_auction::check(files),
            Self::Paradex => paradex::check(files),
            Self::Deribit => deribit::check(files),
            Self::Okx => okx::check(files),
            Self::Ore => ore::check(files),
            Self::LognormalEs => lognormal_es::check(files),
            Self::ImpliedVolatility => implied_volatility::check(files),
        }
    }
}
