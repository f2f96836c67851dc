//! What an epoch asks of a book: panels of scenarios, and which rows an account's positions and
//! coins take in them.

use std::collections::BTreeMap;

use instruments::{Asset, Underlying};
use numerics::fused::TailRanks;

use super::{Book, Panel, WholeBookError};
use crate::account::Account;
use crate::epoch::{CoinArray, Epoch};
use crate::margin::Assessment;
use crate::market::Market;
use crate::methodology::Aggregator;
use crate::portfolio::PortfolioVector;
use crate::requirement::tail_count;
use crate::scenario::BlockSpan;

/// Everything about a run but the accounts.
pub(super) struct Plan<'e> {
    pub epoch: &'e Epoch,
    pub columns: Vec<Column>,
    /// Coins by asset; assets without price risk are missing.
    coins: BTreeMap<Asset, Coin>,
    /// Most that counts of each asset's balance, in 10⁻⁸.
    counted_max: BTreeMap<Asset, i128>,
    /// Blocks over the sum of all underlyings, by their index in the scenario set.
    pub worst: Vec<(usize, Panel)>,
    pub tails: Vec<TailSection>,
    /// Blocks over each underlying by itself, whose worst losses are squared.
    pub roots: Vec<(usize, Panel)>,
    /// The scenarios of underlyings that stand alone.
    pub alone: Panel,
    /// Whether some block aggregates in a way that no reduction here carries.
    pub needs_vectors: bool,
}

/// A block whose tail counts.
pub(super) struct TailSection {
    pub block: usize,
    pub panel: Panel,
    pub ranks: TailRanks,
}

/// Where an instrument's rows are.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub underlying: Underlying,
    /// Whether the underlying shares joint scenarios.
    pub is_joint: bool,
    /// The row in the panels of joint and own scenarios, or in that of scenarios alone.
    pub row: u32,
    pub magnitude: f64,
}

/// Where a coin's rows are.
#[derive(Clone, Copy)]
pub(super) struct Coin {
    pub underlying: Underlying,
    pub is_joint: bool,
    pub row: u32,
    pub magnitude: f64,
}

/// An amount of a coin whose price scenarios move.
pub(super) struct CoinAmount {
    pub coin: Coin,
    pub units: f64,
}

/// Rows of one kind: those of underlyings in the universe, or of those that stand alone.
#[derive(Default)]
struct Kind<'e> {
    joint: Vec<&'e [f64]>,
    own: Vec<&'e [f64]>,
}

impl<'e> Kind<'e> {
    fn push(&mut self, joint: &'e [f64], own: &'e [f64]) -> u32 {
        self.joint.push(joint);
        self.own.push(own);
        u32::try_from(self.own.len() - 1).expect("a book's columns are counted in 32 bits")
    }
}

impl<'e> Plan<'e> {
    pub fn of(epoch: &'e Epoch, market: &Market, book: &Book) -> Result<Self, WholeBookError> {
        let [mut universe, mut others] = [Kind::default(), Kind::default()];
        let mut columns = Vec::with_capacity(book.instruments().len());
        for instrument in book.instruments() {
            let array = epoch.array(instrument)?;
            let underlying = instrument.underlying();
            let is_joint = epoch.is_joint(underlying);
            let kind = if is_joint { &mut universe } else { &mut others };
            let row = kind.push(&array.joint, &array.own);
            columns.push(Column { underlying, is_joint, row, magnitude: array.magnitude });
        }
        let [mut universe_coins, mut other_coins] = [Kind::default(), Kind::default()];
        let (mut coins, mut counted_max) = (BTreeMap::new(), BTreeMap::new());
        for asset in assets(epoch, market, book)? {
            let is_joint = epoch.is_joint(Underlying::of(asset));
            counted_max.insert(asset, counted(epoch, market, asset, is_joint)?);
            let Some(CoinArray { joint, own, magnitude, .. }) = epoch.coin(asset) else { continue };
            let kind = if is_joint { &mut universe_coins } else { &mut other_coins };
            let row = kind.push(joint, own);
            let (underlying, magnitude) = (Underlying::of(asset), *magnitude);
            coins.insert(asset, Coin { underlying, is_joint, row, magnitude });
        }
        let panel = |block: &BlockSpan| {
            let part = |rows: &[&'e [f64]]| -> Vec<&'e [f64]> {
                rows.iter().map(|row| &row[block.span.clone()]).collect()
            };
            let (rows, unrounded) = if block.joint {
                (part(&universe.joint), part(&universe_coins.joint))
            } else {
                (part(&universe.own), part(&universe_coins.own))
            };
            Panel::of_ticks(block.span.len(), &rows, &unrounded)
        };
        let set = epoch.scenarios();
        let (mut worst, mut tails, mut roots) = (vec![], vec![], vec![]);
        let mut needs_vectors = false;
        for (index, block) in set.blocks.iter().enumerate() {
            match block.aggregator {
                Aggregator::Worst => worst.push((index, panel(block))),
                Aggregator::ExpectedShortfall { alpha_ppm } => {
                    let k = tail_count(block.span.len(), alpha_ppm);
                    if k > 0 {
                        let ranks = TailRanks { sum: k, value: k };
                        tails.push(TailSection { block: index, panel: panel(block), ranks });
                    }
                }
                Aggregator::RootSumSquares => roots.push((index, panel(block))),
                Aggregator::WorstWithOffset { .. } => needs_vectors = true,
            }
        }
        let alone = Panel::of_ticks(set.alone.len(), &others.own, &other_coins.own);
        Ok(Self { epoch, columns, coins, counted_max, worst, tails, roots, alone, needs_vectors })
    }

    /// What an account has of each asset, as far as it counts, in 10⁻⁸, by asset.
    pub fn counted<'b>(
        &'b self,
        book: &'b Book,
        account: usize,
    ) -> impl Iterator<Item = (Asset, i128)> + 'b {
        book.amounts(account).iter().filter_map(|holding| {
            let most = self.counted_max.get(&holding.asset).copied().unwrap_or(0);
            let units = holding.profit + holding.balance.min(most);
            (units != 0).then_some((holding.asset, units))
        })
    }

    /// Those of them whose price scenarios move.
    pub fn coins<'b>(
        &'b self,
        book: &'b Book,
        account: usize,
    ) -> impl Iterator<Item = CoinAmount> + 'b {
        self.counted(book, account).filter_map(|(asset, units)| {
            self.coins.get(&asset).map(|coin| CoinAmount { coin: *coin, units: units as f64 })
        })
    }
}

/// Every asset of the book. A balance of one that the methodology does not know can't be margined.
fn assets(epoch: &Epoch, market: &Market, book: &Book) -> Result<Vec<Asset>, WholeBookError> {
    // Whether there is a balance, by asset.
    let mut assets = BTreeMap::<Asset, bool>::new();
    for holding in book.holdings() {
        *assets.entry(holding.asset).or_default() |= holding.balance != 0;
    }
    for (asset, has_balance) in &assets {
        if *has_balance {
            market.price(*asset)?;
            epoch.parameters(*asset)?;
        }
    }
    Ok(assets.into_keys().collect())
}

/// How much of a balance counts at most.
fn counted(
    epoch: &Epoch,
    market: &Market,
    asset: Asset,
    is_joint: bool,
) -> Result<i128, WholeBookError> {
    if !is_joint {
        return Ok(0);
    }
    let (account, vector) = (Account::default(), PortfolioVector::empty(epoch));
    let assessment = Assessment { epoch, market, account: &account, vector: &vector };
    Ok(assessment.units_counted_max(asset)?)
}
