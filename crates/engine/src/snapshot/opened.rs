//! Methodologies, history and the open epoch in a snapshot.
//!
//! Of an epoch stands there what it was opened with, and the hash of its arrays, with which those
//! that are computed anew are compared.

use std::io::{self, Write};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Asset, Price, Timestamp};
use risk::Methodology;

use super::{SnapshotError, contradicts};
use crate::State;
use crate::command::{EpochMarket, HistoryCloses};
use crate::epoch::{EpochSource, OpenedEpoch, Published, PublishedHistory, Risk, SettlementPoint};

/// A methodology's text, whether it is in force, and the texts of those whose notice runs.
type PublishedText = (String, bool, Vec<(String, Timestamp)>);

/// [`Risk`] as it is kept.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct RiskParts {
    portfolio: Option<PublishedText>,
    position: Option<PublishedText>,
    history: Option<HistoryCloses>,
    epochs: u64,
    epoch: Option<EpochParts>,
}

/// [`OpenedEpoch`] as it is kept.
#[derive(BorshSerialize, BorshDeserialize)]
struct EpochParts {
    number: u64,
    opened: Timestamp,
    prices: Vec<Option<Price>>,
    holdings: Vec<(Asset, Amount)>,
    arrays_hash: String,
    covered: Vec<bool>,
    due_announced: bool,
    market: EpochMarket,
    averages: Vec<SettlementPoint>,
    history: HistoryParts,
    portfolio: Option<String>,
    position: Option<String>,
    portfolio_before: Vec<(String, Timestamp)>,
    position_before: Vec<(String, Timestamp)>,
}

/// The history of an epoch: most often that which was published last.
#[derive(BorshSerialize, BorshDeserialize)]
enum HistoryParts {
    None,
    Published,
    Earlier(HistoryCloses),
}

impl RiskParts {
    pub fn write(risk: &Risk, sink: &mut impl Write) -> io::Result<()> {
        let published = |published: &Option<Published>| {
            let Published { methodology, in_force, before } = published.as_ref()?;
            Some((methodology.text().to_owned(), *in_force, texts(before)))
        };
        let history = risk.history.as_ref();
        let parts = Self {
            portfolio: published(&risk.portfolio),
            position: published(&risk.position),
            history: history.map(|history| history.closes.clone()),
            epochs: risk.epochs,
            epoch: risk.epoch.as_ref().map(|epoch| EpochParts::of(epoch, history)),
        };
        parts.serialize(sink)
    }
}

impl EpochParts {
    fn of(epoch: &OpenedEpoch, published: Option<&Arc<PublishedHistory>>) -> Self {
        let source = &*epoch.source;
        let text =
            |methodology: &Option<Methodology>| Some(methodology.as_ref()?.text().to_owned());
        Self {
            number: epoch.number,
            opened: epoch.opened,
            prices: epoch.prices.clone(),
            holdings: epoch.holdings.clone(),
            arrays_hash: epoch.arrays_hash.clone(),
            covered: epoch.covered.clone(),
            due_announced: epoch.due_announced,
            market: source.market.clone(),
            averages: source.averages.clone(),
            history: match &source.history {
                None => HistoryParts::None,
                Some(own) if published.is_some_and(|known| known.hash == own.hash) => {
                    HistoryParts::Published
                }
                Some(own) => HistoryParts::Earlier(own.closes.clone()),
            },
            portfolio: text(&source.portfolio),
            position: text(&source.position),
            portfolio_before: texts(&source.portfolio_before),
            position_before: texts(&source.position_before),
        }
    }
}

impl State {
    /// Puts methodologies, history and epoch in place, once assets and listings are.
    pub(super) fn restore_risk(&mut self, parts: RiskParts) -> Result<(), SnapshotError> {
        let published = |text: Option<PublishedText>| {
            let read = |(text, in_force, before): PublishedText| {
                let (methodology, before) = (parse(&text)?, parse_all(before)?);
                Ok::<_, SnapshotError>(Published { methodology, in_force, before })
            };
            text.map(read).transpose()
        };
        self.risk.portfolio = published(parts.portfolio)?;
        self.risk.position = published(parts.position)?;
        self.risk.history = parts.history.map(PublishedHistory::of).transpose()?.map(Arc::new);
        self.risk.epochs = parts.epochs;
        self.risk.epoch = parts.epoch.map(|epoch| self.opened_again(epoch)).transpose()?;
        Ok(())
    }

    /// Opens an epoch with what it was opened with.
    fn opened_again(&self, parts: EpochParts) -> Result<OpenedEpoch, SnapshotError> {
        let source = EpochSource {
            market: parts.market,
            averages: parts.averages,
            history: match parts.history {
                HistoryParts::None => None,
                HistoryParts::Published => self.risk.history.clone(),
                HistoryParts::Earlier(closes) => Some(Arc::new(PublishedHistory::of(closes)?)),
            },
            portfolio: parts.portfolio.as_deref().map(parse).transpose()?,
            position: parts.position.as_deref().map(parse).transpose()?,
            portfolio_before: parse_all(parts.portfolio_before)?,
            position_before: parse_all(parts.position_before)?,
        };
        if parts.covered.len() > self.listings.len() || parts.prices.len() > self.assets.len() {
            return Err(contradicts("the epoch covers more than there is"));
        }
        let covered = self.listings.iter().zip(&parts.covered).filter(|(_, covered)| **covered);
        let instruments: Vec<_> = covered.map(|(listing, _)| listing.instrument).collect();
        let market = self.market_of(&source)?;
        let models = source.models(&market, &parts.holdings, &instruments, None)?;
        if models.arrays_hash != parts.arrays_hash {
            let computed = models.arrays_hash;
            let kept = parts.arrays_hash;
            return Err(contradicts(format!(
                "the epoch's arrays are {computed} when computed anew, and were {kept}"
            )));
        }
        let (gross, dense) = self.tables_of(models.portfolio.as_ref(), None);
        Ok(OpenedEpoch {
            gross,
            dense,
            number: parts.number,
            opened: parts.opened,
            source: Arc::new(source),
            prices: parts.prices,
            holdings: parts.holdings,
            arrays_hash: parts.arrays_hash,
            portfolio: models.portfolio,
            position: models.position,
            portfolio_before: models.portfolio_before,
            position_before: models.position_before,
            covered: parts.covered,
            due_announced: parts.due_announced,
        })
    }
}

fn texts(methodologies: &[(Methodology, Timestamp)]) -> Vec<(String, Timestamp)> {
    let text = |(methodology, ends): &(Methodology, Timestamp)| (methodology.text().into(), *ends);
    methodologies.iter().map(text).collect()
}

fn parse(text: &str) -> Result<Methodology, SnapshotError> {
    Methodology::parse(text).map_err(|error| contradicts(format!("a methodology: {error}")))
}

fn parse_all(
    texts: Vec<(String, Timestamp)>,
) -> Result<Vec<(Methodology, Timestamp)>, SnapshotError> {
    texts.into_iter().map(|(text, ends)| Ok((parse(&text)?, ends))).collect()
}
