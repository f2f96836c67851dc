//! How far prices are from where they were when credits were kept.
//!
//! Now and then an epoch makes a *reference*: prices, marks and funding as they are then, and the
//! epoch's table. Credits count from the newest one. For each asset a reference knows how far it is by now: the
//! index of the asset, the mark of the instrument on it that is furthest from its own, and the
//! funding of that which has paid or got most, each as a share of its size. Another epoch is a way
//! too: by how much more, or less, of its size an instrument or asset may add to a bound than in that
//! of the reference. Prices that come back have gone nowhere.

use std::collections::VecDeque;

use instruments::{ContractKind, Price, Quantity, Rounding, SCALE};
use ledger::INDEX_SCALE;
use risk::Confidence;

use crate::epoch::Gross;
use crate::listing::Listing;
use crate::{InstrumentId, State};

/// Prices that credit tells apart: the assets in the first places; the rest share the last.
pub(super) const DRIVERS: usize = 8;
/// Binary places of a way.
pub(super) const PLACES: u32 = 32;
/// Further away than a quarter of its size a price says nothing about a reference's sizes any more.
const WAY_MAX: u64 = 1 << (PLACES - 2);
/// Where what is held would count more often there is no reference.
const WEIGHT_MAX: u64 = 4;
/// References that are kept; credits that count from older ones are void.
const REFERENCES_MAX: usize = 32;
/// New credits count from a reference for so many epochs, while prices are within a hundredth.
const EPOCHS: u32 = 2;
const WAY_SHORT: u64 = (1 << PLACES) / 100;
/// Binary places of the share of a lot's worth that one unit of its settlement asset is.
const RATE_PLACES: u32 = 48;

/// The references that credits count from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Movement {
    references: VecDeque<Reference>,
    /// How many there were before the first of them.
    before: u64,
    /// Whether every feed is trusted and every stablecoin at its peg.
    pub(super) calm: bool,
    /// Room for what was marked anew; empty in between.
    moved: Vec<Moved>,
}

/// An instrument that was marked anew.
#[derive(Clone, Copy, Debug)]
struct Moved {
    id: InstrumentId,
    base: usize,
    /// What one lot is worth now, if that is known.
    floor: Option<i64>,
    /// What a perpetual has been paid so far.
    funding: Option<i128>,
}

/// Prices at one moment, and how far they are by now.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    assets: Vec<AssetPoint>,
    /// By instrument, apart from all else, since every mark reads them.
    marks: Vec<MarkPoint>,
    /// By instrument; none for what could not be bounded.
    lots: Vec<Option<LotPoint>>,
    gross: Gross,
    /// How many times over the size of what is held counts.
    weight: u64,
    /// The most that gross sizes may be, by driver.
    sizes_max: [u64; DRIVERS],
    /// Epochs since.
    epochs: u32,
    /// By how much more, or less, the open epoch may add to a bound.
    changes: [u64; DRIVERS],
    steps: [u64; DRIVERS],
}

/// An asset in a reference.
#[derive(Clone, Debug)]
struct AssetPoint {
    price: Option<Price>,
    /// How far its index is, and the marks and the funding of instruments on it at most.
    index: u64,
    marks: u64,
    funding: u64,
}

/// An instrument's mark in a reference.
#[derive(Clone, Copy, Debug, Default)]
struct MarkPoint {
    /// What one lot was worth, in 2^-16 units of the settlement asset.
    floor: i64,
    /// At least the share of a lot's size that a unit of the settlement asset is, while its price is
    /// near; zero for what could not be bounded.
    rate: u64,
}

/// An instrument in a reference.
#[derive(Clone, Copy, Debug)]
pub(super) struct LotPoint {
    /// The prices that move it: of its underlying, and of the asset that it settles in.
    pub drivers: [u8; 2],
    /// What one lot had been paid.
    funding: i128,
    /// What sizes are counted in, in 10⁻⁸ US dollars: what one lot was worth at the index, or for
    /// an option what it was worth, moved with the index or needed, if all that was less.
    pub weight: u64,
    /// What one lot of the underlying was worth.
    pub notional: u64,
    /// At least the delta of one lot, in ticks: no more than what it is worth, in this epoch or one soon
    /// after.
    pub delta: u64,
}

pub(super) const fn driver(place: usize) -> usize {
    if place < DRIVERS { place } else { DRIVERS - 1 }
}

impl Movement {
    /// The reference with a number; the first has 1.
    pub(super) fn reference(&self, number: u64) -> Option<&Reference> {
        let place = number.checked_sub(self.before + 1)?;
        self.references.get(usize::try_from(place).ok()?)
    }

    pub(super) fn newest(&self) -> Option<(u64, &Reference)> {
        let number = self.before + self.references.len() as u64;
        Some((number, self.references.back()?))
    }

    /// Whether every feed is trusted and every stablecoin at its peg.
    pub fn is_calm(&self) -> bool {
        self.calm
    }

    fn drop_oldest(&mut self, count: usize) {
        self.references.drain(..count);
        self.before += count as u64;
    }
}

impl Reference {
    /// How far each driver is, in 2^-32 of its size.
    pub(super) const fn steps(&self) -> &[u64; DRIVERS] {
        &self.steps
    }

    pub(super) const fn gross(&self) -> &Gross {
        &self.gross
    }

    /// How many times over the size of what is held counts: what moves is equity, and what it needs as
    /// a coin, its haircut where orders may realise it, and the weight of a debt.
    pub(super) const fn weight(&self) -> u64 {
        self.weight
    }

    /// The most that gross sizes may be, counted so many times, in 10⁻⁸ US dollars.
    pub(super) const fn sizes_max(&self) -> &[u64; DRIVERS] {
        &self.sizes_max
    }

    /// What one lot of an instrument counts as.
    #[inline]
    pub(super) fn lot(&self, id: InstrumentId) -> Option<&LotPoint> {
        self.lots.get(id.place())?.as_ref()
    }

    /// Whether prices are near enough for it to say something.
    pub(super) fn is_near(&self) -> bool {
        self.steps.iter().all(|steps| *steps <= WAY_MAX)
    }

    /// Whether new credits may count from it still.
    fn serves(&self) -> bool {
        self.epochs < EPOCHS && self.steps.iter().all(|steps| *steps < WAY_SHORT)
    }

    /// Takes the ways of instruments anew.
    fn measure(&mut self, moved: &[Moved]) {
        for Moved { base, .. } in moved {
            if let Some(asset) = self.assets.get_mut(*base) {
                (asset.marks, asset.funding) = (0, 0);
            }
        }
        for Moved { id, base, floor, funding } in moved {
            let point = self.marks.get(id.place()).filter(|point| point.rate > 0);
            let (Some(point), Some(asset)) = (point, self.assets.get_mut(*base)) else { continue };
            let mark = floor.map_or(u64::MAX, |floor| point.way_of_mark(floor));
            asset.marks = asset.marks.max(mark);
            if let (Some(funding), Some(Some(lot))) = (funding, self.lots.get(id.place())) {
                let funding = point.way_of_funding(funding.abs_diff(lot.funding));
                asset.funding = asset.funding.max(funding);
            }
        }
        self.sum();
    }

    fn sum(&mut self) {
        self.steps = self.changes;
        for (place, asset) in self.assets.iter().enumerate() {
            let steps = &mut self.steps[driver(place)];
            for way in [asset.index, asset.marks, asset.funding] {
                *steps = steps.saturating_add(way);
            }
        }
    }
}

impl MarkPoint {
    /// How far a lot is by its mark.
    fn way_of_mark(&self, floor: i64) -> u64 {
        // The worth at another mark, rounded up, and for the rounding of both.
        self.way((self.floor.abs_diff(floor) >> crate::bound::PLACES) + 2)
    }

    /// How far it is by its funding.
    fn way_of_funding(&self, steps: u128) -> u64 {
        let units = if steps == 0 { 0 } else { steps / u128::from(INDEX_SCALE) + 1 };
        u64::try_from(units).map_or(u64::MAX, |units| self.way(units))
    }

    fn way(&self, units: u64) -> u64 {
        let way = (u128::from(units) * u128::from(self.rate)) >> (RATE_PLACES - PLACES);
        u64::try_from(way).map_or(u64::MAX, |way| way.saturating_add(1))
    }
}

impl State {
    /// All credits are void; those to come count from now.
    pub(crate) fn void_credits(&mut self) {
        let all = self.movement.references.len();
        self.movement.drop_oldest(all);
        self.add_reference();
    }

    /// An epoch has followed another. References from which nothing can be told about it are
    /// dropped.
    pub(crate) fn carry_credits(&mut self) {
        let mut references = std::mem::take(&mut self.movement.references);
        let mut lost = 0;
        for (place, reference) in references.iter_mut().enumerate() {
            match self.changes_since(reference) {
                Some(changes) => reference.changes = changes,
                None => lost = place + 1,
            }
            reference.epochs += 1;
            reference.sum();
        }
        // What was listed since is in no reference yet.
        let listed = self.listings.len();
        let serves =
            references.back().is_some_and(|last| last.serves() && last.lots.len() == listed);
        self.movement.references = references;
        self.movement.drop_oldest(lost);
        match serves && !self.movement.references.is_empty() {
            true => self.look_whether_calm(),
            false => self.add_reference(),
        }
    }

    fn add_reference(&mut self) {
        if self.movement.references.len() == REFERENCES_MAX {
            self.movement.drop_oldest(1);
        }
        if let Some(reference) = self.reference_now() {
            self.movement.references.push_back(reference);
        }
        self.look_whether_calm();
    }

    fn reference_now(&self) -> Option<Reference> {
        let gross = self.risk.epoch.as_ref()?.gross.clone()?;
        let mut beside = 0;
        for (known, (place, _)) in gross.assets.iter().enumerate() {
            beside = gross.table.counts_beside(known, self.assets[*place].price?)?.max(beside);
        }
        // Never below two: four times as much covers what an order loses on entry in two blocks.
        let weight = 1 + beside.div_ceil(1 << PLACES).max(1);
        if weight > WEIGHT_MAX {
            return None;
        }
        let asset = |asset: &crate::asset::AssetState| AssetPoint {
            price: asset.price,
            index: 0,
            marks: 0,
            funding: 0,
        };
        let points = self.listings.iter().map(|listing| self.lot_point(listing, &gross));
        let points: Vec<_> = points.collect();
        let marks =
            points.iter().map(|point| point.map_or_else(MarkPoint::default, |(mark, _)| mark));
        Some(Reference {
            assets: self.assets.iter().map(asset).collect(),
            marks: marks.collect(),
            lots: points.iter().map(|point| point.map(|(_, lot)| lot)).collect(),
            sizes_max: sizes_max(&gross, weight),
            gross,
            weight,
            epochs: 0,
            changes: [0; DRIVERS],
            steps: [0; DRIVERS],
        })
    }

    fn lot_point(&self, listing: &Listing, gross: &Gross) -> Option<(MarkPoint, LotPoint)> {
        let row = self.rows.get(listing.id.place()).filter(|row| row.is_known())?;
        let notional = self.notional(listing)?;
        let unit = gross.table.unit(listing.id.0)?;
        let price = u128::try_from(self.assets[listing.settlement].price?.units()).ok()?;
        let weight = match listing.instrument.is_option() {
            true => {
                let needs = u128::from(unit.long.max(unit.short).max(unit.delta));
                let needs = needs * gross.tick.unsigned_abs();
                let worth = u128::from(row.floor().unsigned_abs() >> crate::bound::PLACES);
                let worth = worth * price / u128::from(SCALE.cast_unsigned());
                u64::try_from(needs.max(worth)).ok()?.clamp(notional / 16 + 1, notional)
            }
            false => notional,
        };
        // A fourth more than at this price: as far as it may go.
        let worth = (price * 5) << RATE_PLACES;
        let rate = worth.div_ceil(u128::from(weight) * u128::from(SCALE.cast_unsigned()) * 4);
        let mark = MarkPoint { floor: row.floor(), rate: u64::try_from(rate).ok()? };
        let delta = u128::from(notional).checked_mul(2)?.div_ceil(gross.tick.unsigned_abs());
        let lot = LotPoint {
            drivers: [listing.base, listing.settlement].map(|place| driver(place) as u8),
            funding: listing.funding.steps(),
            weight,
            notional,
            delta: u64::try_from(delta).ok()?,
        };
        Some((mark, lot))
    }

    /// What one lot of an instrument is worth at the index, in 10⁻⁸ US dollars and not below one.
    pub(crate) fn notional(&self, listing: &Listing) -> Option<u64> {
        let index = self.assets[listing.base].price?;
        let base = listing.instrument.base_size(Quantity::from_lots(1), index).ok()?;
        let worth = instruments::Amount::from_units(base).worth(index, Rounding::Ceil).ok()?;
        Some(u64::try_from(worth.units()).ok()?.max(1))
    }

    /// By how much more, or less, of its size each driver may add to a bound in the open epoch than in
    /// that of a reference. `None` if they can't be compared.
    fn changes_since(&self, reference: &Reference) -> Option<[u64; DRIVERS]> {
        let (before, after) = (&reference.gross, self.risk.epoch.as_ref()?.gross.as_ref()?);
        let same = before.tick == after.tick && before.others == after.others;
        if !same || before.assets.len() != after.assets.len() {
            return None;
        }
        let mut changes = [0_u64; DRIVERS];
        for (known, (old, new)) in before.assets.iter().zip(&after.assets).enumerate() {
            let price = self.assets[new.0].price?;
            let haircut = u128::from(new.1.ppb.abs_diff(old.1.ppb));
            let rise = before.table.asset_rise(&after.table, known, price)?;
            let fall = after.table.asset_rise(&before.table, known, price)?;
            let change = rise.checked_add(fall)?.checked_add(share(haircut, 1_000_000_000))?;
            let same = old.0 == new.0 && new.1.holding_max == old.1.holding_max;
            let sum = &mut changes[driver(new.0)];
            *sum = sum.checked_add(change).filter(|_| same)?;
        }
        let mut of_lots = [0_u64; DRIVERS];
        for (listing, point) in self.listings.iter().zip(&reference.lots) {
            let Some(point) = point.as_ref().filter(|_| !listing.expired) else { continue };
            if self.notional(listing)? / 2 > point.notional {
                return None;
            }
            let rise = before.table.unit_rise(&after.table, listing.id.0)?;
            let fall = after.table.unit_rise(&before.table, listing.id.0)?;
            let units = u128::from(rise.max(fall)) * after.tick.unsigned_abs();
            let most = &mut of_lots[driver(listing.base)];
            // Its size counts so many times over.
            let whole = u128::from(point.weight) * u128::from(reference.weight);
            *most = (*most).max(share(units, whole));
        }
        for (change, of_lots) in changes.iter_mut().zip(of_lots) {
            *change = change.checked_add(of_lots)?;
        }
        Some(changes)
    }

    /// An asset's index has been looked at.
    pub(crate) fn note_index_move(&mut self, place: usize) {
        let now = self.assets[place].price;
        for reference in &mut self.movement.references {
            let Some(asset) = reference.assets.get_mut(place) else { continue };
            asset.index = match (now, asset.price) {
                (Some(now), Some(then)) => {
                    let away = u128::from(now.units().abs_diff(then.units()));
                    // Sizes may have been counted at a price that was a quarter lower.
                    share(away.saturating_mul(4), u128::from(then.units().unsigned_abs()) * 3)
                }
                (None, None) => 0,
                _ => u64::MAX,
            };
            reference.sum();
        }
        self.look_whether_calm();
    }

    /// Instruments have been marked anew: of each asset's either all that live, or none.
    pub(crate) fn note_mark_moves(&mut self, marked: &[InstrumentId]) {
        let mut moved = std::mem::take(&mut self.movement.moved);
        moved.extend(marked.iter().map(|id| {
            let (listing, row) = (&self.listings[id.place()], &self.rows[id.place()]);
            let floor = row.is_known().then(|| row.floor());
            let perpetual = listing.instrument.kind() == ContractKind::Perpetual;
            let funding = perpetual.then(|| listing.funding.steps());
            Moved { id: *id, base: listing.base, floor, funding }
        }));
        for reference in &mut self.movement.references {
            reference.measure(&moved);
        }
        moved.clear();
        self.movement.moved = moved;
    }

    fn look_whether_calm(&mut self) {
        let gross = self.risk.epoch.as_ref().and_then(|epoch| epoch.gross.as_ref());
        self.movement.calm = gross.is_some_and(|gross| {
            let places = gross.assets.iter().enumerate();
            places.into_iter().all(|(known, (place, _))| {
                let asset = &self.assets[*place];
                let confidence = Confidence::from_ppm(asset.confidence_ppm);
                asset.price.is_some_and(|price| gross.table.is_calm(known, price, confidence))
            })
        });
    }
}

/// By driver half of what counts at most of any of its assets, as often as sizes count.
///
/// Lots bring cash of the asset that they settle in: of a position what it has gained, which is a size
/// too, and what it gains while prices go a third up; of an order that fills no more than four times its
/// size, as limits and fees are checked. So what is held of an asset stays below what counts.
fn sizes_max(gross: &Gross, weight: u64) -> [u64; DRIVERS] {
    let mut sizes_max = [u64::MAX; DRIVERS];
    for (place, haircut) in &gross.assets {
        let most = haircut.holding_max.units().max(0).unsigned_abs() / 2;
        let most = most.saturating_mul(weight.into());
        let known = &mut sizes_max[driver(*place)];
        *known = u64::try_from(most).unwrap_or(u64::MAX).min(*known);
    }
    sizes_max
}

/// A part of a whole, rounded up; the most if it is not below one.
fn share(part: u128, whole: u128) -> u64 {
    if part >= whole {
        return u64::MAX;
    }
    part.checked_shl(PLACES)
        .map_or(u64::MAX, |part| u64::try_from(part.div_ceil(whole)).unwrap_or(u64::MAX))
}
