//! The methodologies in force and the risk epoch opened with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Instrument, Price, Timestamp, Underlying};
use risk::{
    Account, ByPosition, Confidence, DenseEpoch, EpochInputs, GrossTable, Haircut, History, Margin,
    MarginModel, Methodology, RiskError,
};

use crate::Rejection;
use crate::command::{EpochMarket, HistoryCloses};

/// Changes of one methodology whose notice may run at the same time.
pub(crate) const NOTICES_MAX: usize = 8;

/// A methodology and those that it replaced while their notice runs.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub methodology: Methodology,
    /// Whether an epoch has been opened with it.
    pub in_force: bool,
    /// Earlier ones, with the end of the notice.
    pub before: Vec<(Methodology, Timestamp)>,
}

/// Everything that margins are computed from beside accounts and live marks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Risk {
    pub portfolio: Option<Published>,
    pub position: Option<Published>,
    pub history: Option<Arc<PublishedHistory>>,
    pub epoch: Option<OpenedEpoch>,
    /// Epochs that were opened so far.
    pub epochs: u64,
    /// An epoch that a worker prepared.
    pub prepared: Option<PreparedEpoch>,
}

/// Daily closes as they came, and as scenarios are made of them.
#[derive(Debug)]
pub(crate) struct PublishedHistory {
    pub closes: HistoryCloses,
    pub history: History,
    /// Hash of the closes.
    pub hash: [u8; 32],
}

/// What an epoch was opened with, beside holdings: all that it takes to open it again.
#[derive(Debug)]
pub(crate) struct EpochSource {
    pub market: EpochMarket,
    /// Settlement averages that the live market had.
    pub averages: Vec<SettlementPoint>,
    pub history: Option<Arc<PublishedHistory>>,
    /// The methodologies, with those whose notice ran.
    pub portfolio: Option<Methodology>,
    pub position: Option<Methodology>,
    pub portfolio_before: Vec<(Methodology, Timestamp)>,
    pub position_before: Vec<(Methodology, Timestamp)>,
}

/// The models of an epoch.
pub(crate) struct Models {
    pub portfolio: Option<Arc<risk::Epoch>>,
    pub position: Option<Arc<ByPosition>>,
    pub portfolio_before: Vec<(Arc<risk::Epoch>, Timestamp)>,
    pub position_before: Vec<(Arc<ByPosition>, Timestamp)>,
    pub arrays_hash: String,
}

/// The mean index so far of an expiry that is about to settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SettlementPoint {
    pub underlying: Underlying,
    pub expiry: Timestamp,
    pub average: Price,
}

/// A risk epoch that a worker has prepared beside the engine: everything that opening it would
/// compute.
#[derive(Clone, Debug)]
pub struct PreparedEpoch {
    pub(crate) epoch: Arc<risk::Epoch>,
    pub(crate) arrays_hash: String,
    pub(crate) table: Option<Arc<GrossTable>>,
    pub(crate) dense: Option<Arc<DenseEpoch>>,
    pub(crate) instruments: Vec<Instrument>,
}

impl PreparedEpoch {
    /// Hashes an epoch's arrays and makes the bound of it. `instruments` are all instruments of
    /// the venue in the order of their numbers, as [`crate::State::instrument`] gives them.
    #[must_use]
    pub fn new(epoch: risk::Epoch, instruments: Vec<Instrument>) -> Self {
        let table = GrossTable::of(&epoch, &instruments).map(Arc::new);
        let arrays_hash = epoch.arrays_hash();
        let epoch = Arc::new(epoch);
        let dense = table.as_ref().and_then(|table| dense_of(&epoch, table, &instruments));
        Self { epoch, arrays_hash, table, dense, instruments }
    }

    pub(crate) fn methodology_is(&self, methodology: &Methodology) -> bool {
        self.epoch.methodology().hash() == methodology.hash()
    }

    /// The hash that the command which opens the epoch carries.
    #[must_use]
    pub fn arrays_hash(&self) -> &str {
        &self.arrays_hash
    }
}

/// The open epoch as others may keep it, to compute with beside the engine.
#[derive(Clone, Debug)]
pub struct EpochView {
    /// Its number; the first is 1.
    pub number: u64,
    /// The time of the market that it was opened on.
    pub opened: Timestamp,
    /// The hash of its arrays.
    pub arrays_hash: String,
    /// What `portfolio` accounts are margined by.
    pub portfolio: Option<Arc<risk::Epoch>>,
    /// What `cross` and `isolated` accounts are margined by.
    pub position: Option<Arc<ByPosition>>,
    /// What accounts held of each asset when it was opened, for haircuts.
    pub holdings: Vec<(Asset, Amount)>,
    pub(crate) source: Arc<EpochSource>,
}

impl EpochView {
    /// The daily closes that its scenarios are made of, if there are any.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.source.history.as_ref().map(|published| &published.history)
    }
}

/// The open epoch.
#[derive(Clone, Debug)]
pub(crate) struct OpenedEpoch {
    pub number: u64,
    pub opened: Timestamp,
    pub source: Arc<EpochSource>,
    /// Index prices that it was opened at, by place of the asset.
    pub prices: Vec<Option<Price>>,
    pub holdings: Vec<(Asset, Amount)>,
    pub arrays_hash: String,
    /// How many instruments were listed; those that had expired are not in it.
    pub portfolio: Option<Arc<risk::Epoch>>,
    pub position: Option<Arc<ByPosition>>,
    /// The same under methodologies whose notice runs.
    pub portfolio_before: Vec<(Arc<risk::Epoch>, Timestamp)>,
    pub position_before: Vec<(Arc<ByPosition>, Timestamp)>,
    /// Instruments that it covers, by number.
    pub covered: Vec<bool>,
    pub due_announced: bool,
    /// The bound without scenarios, where the methodology has one.
    pub gross: Option<Gross>,
    /// The epoch by the numbers of instruments, and of assets as the bound has them.
    pub dense: Option<Arc<DenseEpoch>>,
}

/// What the bound without scenarios is computed from.
#[derive(Clone, Debug)]
pub(crate) struct Gross {
    /// By number of the instrument.
    pub table: Arc<GrossTable>,
    /// Place and haircut of each of the table's assets.
    pub assets: Vec<(usize, Haircut)>,
    /// Places of the venue's assets that the table does not know.
    pub others: Vec<usize>,
    /// The first expiry of an instrument of the epoch.
    pub expires: Option<Timestamp>,
    /// 10⁻⁸ US dollars of a tick.
    pub tick: i128,
}

/// An epoch by the numbers of instruments, and of assets as its bound has them.
pub(crate) fn dense_of(
    epoch: &Arc<risk::Epoch>,
    table: &GrossTable,
    instruments: &[Instrument],
) -> Option<Arc<DenseEpoch>> {
    DenseEpoch::of(Arc::clone(epoch), instruments, table.assets()).map(Arc::new)
}

impl OpenedEpoch {
    pub fn has_model(&self, model: MarginModel) -> bool {
        match model {
            MarginModel::Portfolio => self.portfolio.is_some(),
            MarginModel::Cross | MarginModel::Isolated => self.position.is_some(),
        }
    }

    /// Whether accounts of a model may have an asset as collateral: without a haircut nothing can be said
    /// of it.
    pub fn knows(&self, model: MarginModel, asset: Asset) -> bool {
        let haircuts = match model {
            MarginModel::Portfolio => self.portfolio.as_ref().map(|epoch| epoch.haircuts()),
            _ => self.position.as_ref().map(|rules| rules.haircuts()),
        };
        haircuts.is_some_and(|haircuts| haircuts.get(asset).is_some())
    }

    /// Margin of an account at live marks; while notice of a change runs, maintenance margin is
    /// the lower of old and new.
    ///
    /// # Errors
    /// What the epoch lacks for this account.
    pub fn margin(
        &self,
        market: &risk::Market,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, RiskError> {
        let now = market.time;
        match model {
            MarginModel::Portfolio => {
                let epoch = self.portfolio.as_ref().expect("the model was looked up before");
                let mut margin = risk::margin(epoch, market, account)?;
                for (epoch, ends) in &self.portfolio_before {
                    // An old one that can't margin the account keeps nothing from the new one.
                    if now < *ends
                        && let Ok(before) = risk::margin(epoch, market, account)
                    {
                        margin = margin.under_notice(&before);
                    }
                }
                Ok(margin)
            }
            MarginModel::Cross | MarginModel::Isolated => {
                let rules = self.position.as_ref().expect("the model was looked up before");
                let mut margin = rules.margin(market, account, model)?;
                for (rules, ends) in &self.position_before {
                    if now < *ends
                        && let Ok(before) = rules.margin(market, account, model)
                    {
                        margin = margin.under_notice(&before);
                    }
                }
                Ok(margin)
            }
        }
    }

    /// The most of an asset that may leave an account at live marks.
    ///
    /// # Errors
    /// What the epoch lacks for this account.
    pub fn withdrawable(
        &self,
        market: &risk::Market,
        account: &Account,
        model: MarginModel,
        asset: Asset,
    ) -> Result<Amount, RiskError> {
        let margin_of = |account: &Account| self.margin(market, account, model);
        risk::withdrawable_by(margin_of, market, account, asset, Confidence::from_ppm(0))
    }
}

impl EpochSource {
    /// Opens the methodologies on a market. What a worker has prepared is not computed again.
    ///
    /// # Errors
    /// [`Rejection::Epoch`].
    pub fn models(
        &self,
        market: &risk::Market,
        holdings: &[(Asset, Amount)],
        instruments: &[Instrument],
        prepared: Option<&PreparedEpoch>,
    ) -> Result<Models, Rejection> {
        let holdings: BTreeMap<Asset, Amount> = holdings.iter().copied().collect();
        let history = self.history.as_ref().map(|published| &published.history);
        let inputs = EpochInputs { market, history, venue_balances: &holdings };
        let refused = |error: RiskError| Rejection::Epoch(error.to_string());
        let epoch_of = |methodology: &Methodology| {
            let by_hash = |prepared: &&PreparedEpoch| prepared.methodology_is(methodology);
            if let Some(prepared) = prepared.filter(by_hash) {
                return Ok(Arc::clone(&prepared.epoch));
            }
            let epoch = risk::Epoch::open(methodology, inputs, instruments);
            epoch.map(Arc::new).map_err(refused)
        };
        let rules_of = |methodology: &Methodology| {
            ByPosition::open(methodology, inputs).map(Arc::new).map_err(refused)
        };
        let portfolio = self.portfolio.as_ref().map(epoch_of).transpose()?;
        let mut portfolio_before = Vec::new();
        for (methodology, ends) in &self.portfolio_before {
            portfolio_before.push((epoch_of(methodology)?, *ends));
        }
        let position = self.position.as_ref().map(rules_of).transpose()?;
        let mut position_before = Vec::new();
        for (methodology, ends) in &self.position_before {
            position_before.push((rules_of(methodology)?, *ends));
        }
        let arrays_hash = match (&portfolio, &position) {
            (Some(epoch), _) => match prepared.filter(|p| Arc::ptr_eq(&p.epoch, epoch)) {
                Some(prepared) => prepared.arrays_hash.clone(),
                None => epoch.arrays_hash(),
            },
            (None, Some(rules)) => rules.methodology().hash(),
            (None, None) => {
                let problem = "no methodology is published: send set_methodology first";
                return Err(Rejection::Epoch(problem.into()));
            }
        };
        Ok(Models { portfolio, position, portfolio_before, position_before, arrays_hash })
    }
}

impl PublishedHistory {
    /// # Errors
    /// [`Rejection::History`].
    pub fn of(closes: HistoryCloses) -> Result<Self, Rejection> {
        let days: Vec<_> = closes.days.iter().map(|day| (day.date, day.closes.clone())).collect();
        let history = History::from_prices(&closes.assets, &days);
        let history = history.map_err(|error| Rejection::History(error.to_string()))?;
        let mut hasher = blake3::Hasher::new();
        borsh::to_writer(&mut hasher, &closes).expect("a hasher takes every byte");
        Ok(Self { closes, history, hash: *hasher.finalize().as_bytes() })
    }
}

impl Published {
    /// Replaces the methodology of one kind by another; those in force before count for
    /// maintenance until the notice ends.
    ///
    /// # Errors
    /// If more notices run than may.
    pub fn replace(
        published: &mut Option<Self>,
        methodology: Methodology,
        notice_ends: Timestamp,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let Some(current) = published else {
            *published = Some(Self { methodology, in_force: false, before: Vec::new() });
            return Ok(());
        };
        current.before.retain(|(_, ends)| *ends > now);
        if current.in_force {
            if current.before.len() == NOTICES_MAX {
                let most =
                    format!("notice of {NOTICES_MAX} changes runs already: wait for one to end");
                return Err(Rejection::Methodology(most));
            }
            let old = std::mem::replace(&mut current.methodology, methodology);
            current.before.push((old, notice_ends));
            current.in_force = false;
        } else {
            current.methodology = methodology;
        }
        Ok(())
    }
}
