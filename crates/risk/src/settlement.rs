//! Cash that open orders may move, and what haircuts and the weight of debts take of it.
//!
//! A fill that closes part of a future turns profit that counts in full into a balance that counts
//! after its haircut. What may be closed is not only what is held: one resting order may open what
//! another then closes. So per instrument the cheapest of all that is or may be bought is taken
//! together with the dearest of all that is or may be sold, and the other way round for losses. No
//! sequence of partial fills realises more; and each fill lowers what is left to realise by at least
//! what it has realised, since it removes a pair of bought and sold lots, or puts lots at the mean of
//! their prices.

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding, mul_div};

use crate::account::{Account, OpenOrder};
use crate::haircut::{Haircut, Haircuts};
use crate::market::Market;
use crate::orders::check_terms;
use crate::{FlatMap, RiskError};

/// Binary places of the worth of one lot.
const PLACES: u32 = 32;

/// Cash that open orders may bring to or take from the balances of one asset, in 10⁻⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub inflow: i128,
    pub outflow: i128,
}

/// Cash that orders may move if all of them fill, in whatever order, by asset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    by_asset: FlatMap<Asset, Flow>,
    /// Lots of futures that are or may be bought and sold: room to add them up in.
    lots: Vec<Lots<Instrument>>,
}

impl Flows {
    /// The flows of some orders. A premium received counts where `values_options`: there it takes the
    /// place of value that was in equity in full.
    pub fn of(
        account: &Account,
        orders: &[OpenOrder],
        values_options: bool,
    ) -> Result<Self, RiskError> {
        let mut flows = Self::default();
        flows.fill(account, orders, values_options)?;
        Ok(flows)
    }

    /// The same in the memory of other flows.
    pub fn fill(
        &mut self,
        account: &Account,
        orders: &[OpenOrder],
        values_options: bool,
    ) -> Result<(), RiskError> {
        self.by_asset.clear();
        self.lots.clear();
        for order in orders {
            check_terms(order)?;
            let instrument = order.instrument;
            let flow = self.by_asset.entry(instrument.settlement_asset()).or_default();
            let cost = value(&instrument, order.quantity, order)?;
            if instrument.is_option() {
                let cash = -cost.units() - order.fee.units();
                flow.add(if values_options { cash } else { cash.min(0) });
            } else {
                flow.add(-order.fee.units());
                self.push(instrument, order.quantity.lots(), cost)?;
            }
        }
        self.add_positions(account)?;
        sort(&mut self.lots);
        for lots in by_instrument(&self.lots) {
            let instrument = lots[0].instrument;
            let (made, lost) = realised(lots).ok_or_else(|| too_large(&instrument))?;
            let flow = self.by_asset.entry(instrument.settlement_asset()).or_default();
            flow.inflow += made;
            flow.outflow += lost;
        }
        Ok(())
    }

    fn push(&mut self, instrument: Instrument, lots: i64, cost: Amount) -> Result<(), RiskError> {
        let lots = Lots::of(instrument, lots, cost).ok_or_else(|| too_large(&instrument))?;
        self.lots.push(lots);
        Ok(())
    }

    /// Adds the positions that orders may close or add to.
    fn add_positions(&mut self, account: &Account) -> Result<(), RiskError> {
        self.lots.sort_unstable_by_key(|lots| lots.instrument);
        let ordered = self.lots.len();
        for place in 0..ordered {
            let instrument = self.lots[place].instrument;
            let first = place == 0 || self.lots[place - 1].instrument != instrument;
            if let Some(held) = account.positions.get(&instrument).filter(|_| first) {
                self.push(instrument, held.quantity.lots(), held.cost)?;
            }
        }
        Ok(())
    }

    /// The flow of an asset.
    pub fn get(&self, asset: Asset) -> Flow {
        self.by_asset.get(&asset).copied().unwrap_or_default()
    }

    /// Every asset that orders may move.
    pub fn iter(&self) -> impl Iterator<Item = (Asset, Flow)> {
        self.by_asset.iter().map(|(asset, flow)| (*asset, *flow))
    }
}

/// What haircuts and the weight of debts take from those flows in one asset, in 10⁻⁸ US dollars.
/// Cash comes in at a haircut; it goes out of a balance at no more than full value, but what then is
/// owed weighs more.
pub(crate) fn lost(
    market: &Market,
    haircuts: &Haircuts,
    methodology: &str,
    account: &Account,
    asset: Asset,
    flow: Flow,
) -> Result<i128, RiskError> {
    let unknown = || RiskError::UnknownAsset { methodology: methodology.into(), asset };
    let haircut = haircuts.get(asset).ok_or_else(unknown)?;
    let balance = account.balances.get(&asset).copied().unwrap_or_default();
    let lost = lost_at(haircut, market.price(asset)?, balance, flow);
    lost.ok_or(RiskError::AmountTooLarge(asset))
}

/// The same from haircut, index and balance of the asset; `None` beyond any real amount.
pub(crate) fn lost_at(haircut: Haircut, price: Price, balance: Amount, flow: Flow) -> Option<i128> {
    let worth = |units: i128| Amount::from_units(units).worth(price, Rounding::Floor).ok();
    let counted = |units: i128| Some(haircut.apply(worth(units)?).units());
    let balance = balance.units();
    let held = counted(balance)?;
    let lost_in = worth(flow.inflow)?.units() - (counted(balance + flow.inflow)? - held);
    let lost_out = held - counted(balance - flow.outflow)? - worth(flow.outflow)?.units();
    Some(lost_in.max(0) + lost_out.max(0))
}

impl Flow {
    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn add(&mut self, cash: i128) {
        self.inflow += cash.max(0);
        self.outflow += (-cash).max(0);
    }
}

/// Some lots of a future, which is told apart by a key, at one price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lots<K> {
    pub instrument: K,
    is_sold: bool,
    /// What one is worth there, in 2⁻³² of 10⁻⁸ of the settlement asset.
    each: i128,
    lots: i128,
}

impl<K> Lots<K> {
    /// Signed lots that cost so much in all; `None` beyond any real amount.
    pub fn of(instrument: K, lots: i64, cost: Amount) -> Option<Self> {
        let each = mul_div(cost.units(), 1 << PLACES, lots.into(), Rounding::Floor)?;
        Some(Self { instrument, is_sold: lots <= 0, each, lots: i128::from(lots).abs() })
    }
}

/// Sorts by instrument, buys before sells, the cheapest first.
pub(crate) fn sort<K: Copy + Ord>(lots: &mut [Lots<K>]) {
    lots.sort_unstable_by_key(|lots| (lots.instrument, lots.is_sold, lots.each));
}

/// Those of each instrument, of sorted ones.
pub(crate) fn by_instrument<K: Eq>(lots: &[Lots<K>]) -> impl Iterator<Item = &[Lots<K>]> {
    lots.chunk_by(|one, other| one.instrument == other.instrument)
}

/// The most that fills of one future can gain and lose in cash, in 10⁻⁸, rounded up. Its lots are
/// sorted: buys, then sells, both rising.
pub(crate) fn realised<K: Copy>(lots: &[Lots<K>]) -> Option<(i128, i128)> {
    let (bought, sold) = lots.split_at(lots.partition_point(|lots| !lots.is_sold));
    let made = paired(bought.iter(), sold.iter().rev(), |bought, sold| sold - bought)?;
    let lost = paired(bought.iter().rev(), sold.iter(), |bought, sold| bought - sold)?;
    Some((made, lost))
}

/// Sum over pairs of lots, best first, as long as it rises; in 10⁻⁸, rounded up.
fn paired<'a, K: Copy + 'a>(
    bought: impl Iterator<Item = &'a Lots<K>>,
    sold: impl Iterator<Item = &'a Lots<K>>,
    apart: impl Fn(i128, i128) -> i128,
) -> Option<i128> {
    let (mut bought, mut sold) = (bought.copied().peekable(), sold.copied().peekable());
    let mut sum = 0_i128;
    while let (Some(buy), Some(sell)) = (bought.peek_mut(), sold.peek_mut()) {
        let each = apart(buy.each, sell.each);
        if each <= 0 {
            break;
        }
        let lots = buy.lots.min(sell.lots);
        sum = sum.checked_add(each.checked_mul(lots)?)?;
        (buy.lots, sell.lots) = (buy.lots - lots, sell.lots - lots);
        bought.next_if(|buy| buy.lots == 0);
        sold.next_if(|sell| sell.lots == 0);
    }
    // Shares of a cost are rounded on each of their ways.
    Some(if sum == 0 { 0 } else { (sum >> PLACES) + 1 })
}

fn value(
    instrument: &Instrument,
    quantity: Quantity,
    order: &OpenOrder,
) -> Result<Amount, RiskError> {
    instrument.value(quantity, order.limit, Rounding::Ceil).map_err(RiskError::of(instrument))
}

fn too_large(instrument: &Instrument) -> RiskError {
    RiskError::AmountTooLarge(instrument.settlement_asset())
}
