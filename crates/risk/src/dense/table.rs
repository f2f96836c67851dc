//! An epoch where instruments and assets are numbers.

use std::ops::Range;
use std::sync::Arc;

use instruments::{Asset, Instrument, Underlying};

use super::kernel::STEP;
use crate::epoch::Epoch;
use crate::exposure::LegKey;
use crate::haircut::Haircut;
use crate::methodology::{Aggregator, AssetKind};

/// An [`Epoch`] where instruments and assets are numbers: all that the exact computation looks up,
/// side by side, and risk arrays in half the memory where their numbers allow it.
#[derive(Debug)]
pub struct DenseEpoch {
    pub(super) epoch: Arc<Epoch>,
    /// By number; `None` for what can't be margined here.
    pub(super) instruments: Vec<Option<Terms>>,
    pub(super) assets: Vec<AssetTerms>,
    /// Assets that no scenario moves and that are charged for it, by name.
    pub(super) wrong_way: Vec<usize>,
    /// Keys of legs, rising.
    pub(super) legs: Vec<LegKey>,
    /// The scenarios of each underlying, in the order of `underlyings`.
    pub(super) segments: Vec<Segment>,
    /// Places of joint scenarios, and of all; whole vectors.
    pub(super) joint: usize,
    pub(super) len: usize,
    pub(super) rows: Rows,
    pub(super) coins: Vec<f64>,
}

/// All risk arrays, one after another.
#[derive(Debug)]
pub(super) enum Rows {
    /// Where every number fits.
    Short(Vec<i32>),
    Long(Vec<f64>),
}

/// Where the scenarios of one underlying are among the sums of an account.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub span: Range<usize>,
    /// How many there are; the rest of the span is padding.
    pub count: usize,
    /// Whether they are own ones, beside joint ones; otherwise it stands alone.
    pub is_joint: bool,
}

/// An instrument.
#[derive(Debug)]
pub(super) struct Terms {
    pub instrument: Instrument,
    pub is_option: bool,
    /// The place of its risk array in the epoch.
    pub array: usize,
    /// Its settlement asset.
    pub asset: usize,
    pub leg: usize,
    /// What it gains in each scenario.
    pub row: RowAt,
    /// The largest magnitude of that.
    pub magnitude: f64,
}

/// Where a row is: its joint part, if its underlying is in the universe, and behind it the one of
/// the underlying's own scenarios.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAt {
    pub start: usize,
    pub segment: usize,
    pub is_joint: bool,
}

/// An asset.
#[derive(Debug)]
pub(super) struct AssetTerms {
    pub asset: Asset,
    pub haircut: Haircut,
    pub is_joint: bool,
    pub coin: Option<RowAt>,
    pub magnitude: f64,
    /// The correlation that is charged where no scenario moves it.
    pub wrong_way: f64,
    /// The price below which debts in it are charged.
    pub peg: f64,
}

impl DenseEpoch {
    /// The epoch for lists of instruments and assets, which accounts then refer to by their places. An
    /// account with an instrument that the epoch has no array of is not margined here.
    ///
    /// `None` if the epoch does not know all of the assets, or caps offsets between underlyings.
    #[must_use]
    pub fn of(epoch: Arc<Epoch>, instruments: &[Instrument], assets: &[Asset]) -> Option<Self> {
        let set = epoch.scenarios();
        let caps =
            |aggregator: &Aggregator| matches!(aggregator, Aggregator::WorstWithOffset { .. });
        if set.blocks.iter().any(|block| caps(&block.aggregator)) {
            return None;
        }
        let known = instruments.iter().filter(|instrument| epoch.array(instrument).is_ok());
        let mut legs: Vec<LegKey> = known.clone().map(leg_key).collect();
        let coins = assets.iter().filter(|asset| epoch.coin(**asset).is_some());
        let mut underlyings: Vec<Underlying> =
            known.map(Instrument::underlying).chain(coins.map(|a| Underlying::of(*a))).collect();
        legs.sort_unstable();
        legs.dedup();
        underlyings.sort_unstable();
        underlyings.dedup();
        let joint = set.joint.len().next_multiple_of(STEP);
        let mut len = joint;
        let segments = underlyings.iter().map(|underlying| {
            let is_joint = epoch.is_joint(*underlying);
            let count = if is_joint { set.own.len() } else { set.alone.len() };
            let start = len;
            len += count.next_multiple_of(STEP);
            Segment { span: start..len, count, is_joint }
        });
        let mut builder =
            Builder { joint, segments: segments.collect(), underlyings, rows: vec![] };
        let assets: Vec<AssetTerms> =
            assets.iter().map(|asset| builder.asset(&epoch, *asset)).collect::<Option<_>>()?;
        let mut wrong_way: Vec<usize> =
            (0..assets.len()).filter(|place| assets[*place].wrong_way > 0.0).collect();
        wrong_way.sort_unstable_by_key(|place| assets[*place].asset);
        let coins = std::mem::take(&mut builder.rows);
        let terms = instruments.iter().map(|i| builder.instrument(&epoch, i, &assets, &legs));
        let instruments = terms.collect();
        let Builder { segments, rows, .. } = builder;
        Some(Self {
            instruments,
            assets,
            wrong_way,
            legs,
            segments,
            joint,
            len,
            rows: Rows::of(rows),
            coins,
            epoch,
        })
    }

    pub(super) fn terms(&self, instrument: u32) -> Option<&Terms> {
        self.instruments.get(instrument as usize)?.as_ref()
    }

    /// Where the part of a row is that lies in the joint scenarios or, if `segment` says which, in those of
    /// an underlying. It has one there.
    pub(super) fn part(&self, row: RowAt, segment: Option<usize>) -> Range<usize> {
        let Some(segment) = segment else { return row.start..row.start + self.joint };
        let start = row.start + if row.is_joint { self.joint } else { 0 };
        start..start + self.segments[segment].span.len()
    }
}

impl Rows {
    fn of(rows: Vec<f64>) -> Self {
        let short = rows.iter().map(|ticks| {
            let short = *ticks as i32;
            (f64::from(short) == *ticks).then_some(short)
        });
        match short.collect::<Option<Vec<i32>>>() {
            Some(short) => Self::Short(short),
            None => Self::Long(rows),
        }
    }
}

struct Builder {
    joint: usize,
    segments: Vec<Segment>,
    underlyings: Vec<Underlying>,
    rows: Vec<f64>,
}

impl Builder {
    fn asset(&mut self, epoch: &Epoch, asset: Asset) -> Option<AssetTerms> {
        let (haircut, parameters) = (epoch.haircuts().get(asset)?, epoch.parameters(asset).ok()?);
        let is_joint = epoch.is_joint(Underlying::of(asset));
        let array = epoch.coin(asset);
        let coin = match array {
            Some(array) => Some(self.row(Underlying::of(asset), &array.joint, &array.own)?),
            None => None,
        };
        let magnitude = array.map_or(0.0, |array| array.magnitude);
        let is_stable = parameters.kind == AssetKind::Stable;
        Some(AssetTerms {
            asset,
            haircut,
            is_joint,
            coin,
            magnitude,
            wrong_way: if is_joint { 0.0 } else { parameters.wrong_way_correlation.max(0.0) },
            peg: if is_stable { parameters.peg_threshold } else { 0.0 },
        })
    }

    fn instrument(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        assets: &[AssetTerms],
        legs: &[LegKey],
    ) -> Option<Terms> {
        let place = epoch.array_place(instrument).ok()?;
        let array = epoch.array_at(place);
        let asset = assets.iter().position(|a| a.asset == instrument.settlement_asset())?;
        let row = self.row(instrument.underlying(), &array.joint, &array.own)?;
        // A coin that an order brings is added beside the order's row.
        let alike = |coin: RowAt| coin.is_joint == row.is_joint;
        assets[asset].coin.is_none_or(alike).then_some(())?;
        Some(Terms {
            instrument: *instrument,
            is_option: instrument.is_option(),
            array: place,
            asset,
            leg: legs.binary_search(&leg_key(instrument)).ok()?,
            row,
            magnitude: array.magnitude,
        })
    }

    /// Writes a row in whole vectors.
    fn row(&mut self, underlying: Underlying, joint: &[f64], own: &[f64]) -> Option<RowAt> {
        let segment = self.underlyings.binary_search(&underlying).ok()?;
        let Segment { ref span, count, is_joint } = self.segments[segment];
        if own.len() != count {
            return None;
        }
        let start = self.rows.len();
        if is_joint {
            self.rows.extend_from_slice(joint);
            self.rows.resize(start + self.joint, 0.0);
        }
        let own_start = self.rows.len();
        self.rows.extend_from_slice(own);
        self.rows.resize(own_start + span.len(), 0.0);
        Some(RowAt { start, segment, is_joint })
    }
}

fn leg_key(instrument: &Instrument) -> LegKey {
    (instrument.underlying(), instrument.expiry())
}
