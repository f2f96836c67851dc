//! Cash that open orders may move, and what haircuts and the weight of debts take of it.
//!
//! A fill that closes part of a future turns profit that counts in full into a balance that counts
//! after its haircut. What may be closed is not only what is held: one resting order may open what
//! another then closes. So per instrument the cheapest of all that is or may be bought is taken
//! together with the dearest of all that is or may be sold, and the other way round for losses. No
//! sequence of partial fills realises more; and each fill lowers what is left to realise by at least
//! what it has realised, since it removes a pair of bought and sold lots, or puts lots at the mean of
//! their prices.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Quantity, Rounding, mul_div};

use crate::RiskError;
use crate::account::{Account, OpenOrder};
use crate::haircut::Haircuts;
use crate::market::Market;
use crate::orders::check_terms;

/// Binary places of the worth of one lot.
const PLACES: u32 = 32;

/// Cash that open orders may bring to or take from the balances of one asset, in 10⁻⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub inflow: i128,
    pub outflow: i128,
}

/// Cash that orders may move if all of them fill, in whatever order, by asset. A premium received
/// counts where `values_options`: there it takes the place of value that was in equity in full.
pub(crate) fn flows(
    account: &Account,
    orders: &[OpenOrder],
    values_options: bool,
) -> Result<BTreeMap<Asset, Flow>, RiskError> {
    let mut flows: BTreeMap<Asset, Flow> = BTreeMap::new();
    let mut sides: BTreeMap<Instrument, Sides> = BTreeMap::new();
    for order in orders {
        check_terms(order)?;
        let instrument = order.instrument;
        let flow = flows.entry(instrument.settlement_asset()).or_default();
        if instrument.is_option() {
            let premium = value(&instrument, order.quantity, order)?;
            let cash = -premium.units() - order.fee.units();
            flow.add(if values_options { cash } else { cash.min(0) });
        } else {
            flow.add(-order.fee.units());
            sides.entry(instrument).or_default().add_order(order)?;
        }
    }
    for (instrument, mut sides) in sides {
        if let Some(held) = account.positions.get(&instrument) {
            sides.add(&instrument, held.quantity.lots(), held.cost)?;
        }
        let flow = flows.entry(instrument.settlement_asset()).or_default();
        let (made, lost) = sides.realised().ok_or_else(|| too_large(&instrument))?;
        flow.inflow += made;
        flow.outflow += lost;
    }
    Ok(flows)
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
    let worth = |units: i128| crate::equity::worth(market, asset, Amount::from_units(units));
    let counted = |units: i128| Ok::<_, RiskError>(haircut.apply(worth(units)?).units());
    let balance = account.balances.get(&asset).copied().unwrap_or_default().units();
    let held = counted(balance)?;
    let lost_in = worth(flow.inflow)?.units() - (counted(balance + flow.inflow)? - held);
    let lost_out = held - counted(balance - flow.outflow)? - worth(flow.outflow)?.units();
    Ok(lost_in.max(0) + lost_out.max(0))
}

impl Flow {
    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    fn add(&mut self, cash: i128) {
        self.inflow += cash.max(0);
        self.outflow += (-cash).max(0);
    }
}

/// What is or may be bought and sold of one future.
#[derive(Default)]
struct Sides {
    bought: Vec<Lots>,
    sold: Vec<Lots>,
}

/// Some lots at one price.
#[derive(Clone, Copy)]
struct Lots {
    /// What one is worth there, in 2⁻³² of 10⁻⁸ of the settlement asset.
    each: i128,
    lots: i128,
}

impl Sides {
    fn add_order(&mut self, order: &OpenOrder) -> Result<(), RiskError> {
        let cost = value(&order.instrument, order.quantity, order)?;
        self.add(&order.instrument, order.quantity.lots(), cost)
    }

    /// Adds signed lots that cost so much in all.
    fn add(&mut self, instrument: &Instrument, lots: i64, cost: Amount) -> Result<(), RiskError> {
        let each = mul_div(cost.units(), 1 << PLACES, lots.into(), Rounding::Floor);
        let each = each.ok_or_else(|| too_large(instrument))?;
        let side = if lots > 0 { &mut self.bought } else { &mut self.sold };
        side.push(Lots { each, lots: i128::from(lots).abs() });
        Ok(())
    }

    /// The most that fills can gain and lose in cash, in 10⁻⁸, rounded up.
    fn realised(&mut self) -> Option<(i128, i128)> {
        self.bought.sort_unstable_by_key(|lots| lots.each);
        self.sold.sort_unstable_by_key(|lots| lots.each);
        let (bought, sold) = (&self.bought, &self.sold);
        let made = paired(bought.iter(), sold.iter().rev(), |bought, sold| sold - bought)?;
        let lost = paired(bought.iter().rev(), sold.iter(), |bought, sold| bought - sold)?;
        Some((made, lost))
    }
}

/// Sum over pairs of lots, best first, as long as it rises; in 10⁻⁸, rounded up.
fn paired<'a>(
    bought: impl Iterator<Item = &'a Lots>,
    sold: impl Iterator<Item = &'a Lots>,
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
