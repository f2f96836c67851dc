//! Invariant `admission`: an account at or above initial margin is there still, whatever part of an
//! accepted order fills at unchanged marks; below it already, neither E − IM nor E/MM falls.

use std::collections::BTreeSet;

use book::Side;
use engine::command::{MassQuote, OrderTerms, PlaceOrder};
use engine::rules::FeeRules;
use engine::{Action, Command, Event, State};
use instruments::{Amount, Instrument, Price, Quantity, Rounding, mul_div};
use ledger::AccountId;
use risk::{Account, Margin, MarginModel, OpenOrder};

use super::{Before, Broken, Invariants, ensure};

const NAME: &str = "admission";
/// What fills round against the account, and the fee of its part, in 10⁻⁸ US dollars: a cent.
const ROUNDING: i128 = 1_000_000;
/// Others who are margined before and after an order that may trade with theirs.
const OTHERS_MAX: usize = 4;

/// How an account stands at live marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    account: AccountId,
    excess: Amount,
}

impl Standing {
    fn of(state: &State, account: AccountId) -> Option<Self> {
        Some(Self { account, excess: state.margin(account).ok()?.excess() })
    }
}

/// The account that asks, and those whose orders are first in line against it.
pub(super) fn before(
    state: &State,
    command: &Command,
) -> (Option<(Account, Standing)>, Vec<Standing>) {
    let (asking, instrument) = match &command.action {
        Action::PlaceOrder(place) => {
            (place.account, Some((place.order.instrument, place.order.side)))
        }
        Action::AmendOrder(amend) => (amend.account, None),
        Action::MassQuote(MassQuote { account, .. }) => (*account, None),
        _ => return (None, Vec::new()),
    };
    let standing = Standing::of(state, asking);
    let asked = state.account(asking).zip(standing);
    let book = instrument.and_then(|(id, side)| Some((state.book(id)?, side)));
    let mut others = BTreeSet::new();
    if let Some((book, side)) = book {
        let first = book.orders(side.opposite()).map(|order| AccountId::new(order.account.0));
        others.extend(first.filter(|other| *other != asking).take(OTHERS_MAX));
    }
    let others = others.into_iter().filter_map(|other| Standing::of(state, other)).collect();
    (asked, others)
}

/// Checks who stood above initial margin, and takes an order apart.
pub(super) fn check(
    state: &State,
    invariants: &mut Invariants,
    before: &Before,
    command: &Command,
    events: &[Event],
) -> Result<(), Broken> {
    let asking = before.asking.as_ref().map(|(_, standing)| standing);
    for standing in before.others.iter().chain(asking) {
        if standing.excess < Amount::ZERO {
            continue;
        }
        let Some(after) = Standing::of(state, standing.account) else { continue };
        invariants.count(NAME);
        ensure(after.excess.units() >= -ROUNDING, NAME, || {
            let Standing { account, excess } = standing;
            format!("{account} had {excess} above initial margin, and has {}", after.excess)
        })?;
    }
    if let (Action::PlaceOrder(place), Some((view, _))) = (&command.action, &before.asking) {
        partial_fills(state, invariants, view, place, events)?;
    }
    Ok(())
}

/// Fills parts of an accepted order, each on the account as it was.
fn partial_fills(
    state: &State,
    invariants: &mut Invariants,
    view: &Account,
    place: &PlaceOrder,
    events: &[Event],
) -> Result<(), Broken> {
    let Some(Event::OrderAccepted { lots, limit: Some(limit), .. }) = events.first() else {
        return Ok(());
    };
    let (lots, limit) = (*lots, *limit);
    let OrderTerms { instrument: id, side, .. } = place.order;
    let Some(instrument) = state.instrument(id) else { return Ok(()) };
    let fees = invariants.follower().fees(id);
    let signed = |lots: i64| if side == Side::Buy { lots } else { -lots };
    let order = |lots: i64| OpenOrder {
        instrument,
        quantity: Quantity::from_lots(signed(lots)),
        limit,
        fee: fee(state, &instrument, lots, limit, &fees),
    };
    let margins = Margins::of(state, place.account);
    let alone = margins.of_account(view)?;
    let mut with_order = view.clone();
    with_order.orders.push(order(lots));
    let was_above = margins.of_account(&with_order)?.excess() >= Amount::ZERO;
    for part in [1, lots / 2, lots] {
        if part == 0 {
            continue;
        }
        let filled = risk::account_after_fill(view, &order(lots), signed(part));
        let mut filled = filled.map_err(|error| Broken::new(NAME, error.to_string()))?;
        if was_above && part < lots {
            filled.orders.push(order(lots - part));
        }
        let after = margins.of_account(&filled)?;
        let holds = if was_above {
            after.excess().units() >= -ROUNDING
        } else {
            let ratio_falls = !invariants.notices.run_at(state.time()) && falls(&alone, &after);
            after.excess() >= alone.excess() && !ratio_falls
        };
        invariants.count(NAME);
        ensure(holds, NAME, || {
            let [was, is] = [&alone, &after].map(|m| (m.equity.total, m.initial, m.maintenance));
            let account = place.account;
            format!(
                "{account} was at {was:?} (equity, initial, maintenance), and is at {is:?} once \
                 {part} of {lots} lots of {instrument} filled at {limit}"
            )
        })?;
    }
    Ok(())
}

/// Margins of an account that need not be one of the venue's.
pub(super) struct Margins<'s> {
    state: &'s State,
    epoch: Option<engine::EpochView>,
    model: MarginModel,
}

impl<'s> Margins<'s> {
    pub fn of(state: &'s State, account: AccountId) -> Self {
        let model = state.margin_model(account).unwrap_or(MarginModel::Portfolio);
        Self { state, epoch: state.epoch(), model }
    }

    fn of_account(&self, account: &Account) -> Result<Margin, Broken> {
        let market = self.state.market();
        let epoch = self.epoch.as_ref();
        let margin = match self.model {
            MarginModel::Portfolio => {
                let epoch = epoch.and_then(|epoch| epoch.portfolio.as_ref());
                epoch.map(|epoch| risk::margin(epoch, market, account))
            }
            model => {
                let epoch = epoch.and_then(|epoch| epoch.position.as_ref());
                epoch.map(|rules| rules.margin(market, account, model))
            }
        };
        let missing = || Broken::new(NAME, "an order was accepted without an epoch");
        margin.ok_or_else(missing)?.map_err(|error| {
            Broken::new(NAME, format!("an accepted order cannot be margined: {error}"))
        })
    }
}

/// The fee that margin reserves for an order: the larger of maker's and taker's at its limit.
fn fee(state: &State, instrument: &Instrument, lots: i64, limit: Price, fees: &FeeRules) -> Amount {
    let ppm = i128::from(fees.maker_ppm.max(fees.taker_ppm));
    let quantity = Quantity::from_lots(lots);
    let share = |of: i128, ppm: i128| mul_div(of, ppm, 1_000_000, Rounding::Ceil).unwrap_or(0);
    let traded = instrument.value(quantity, limit, Rounding::Ceil).unwrap_or(Amount::ZERO);
    let traded = traded.units().abs();
    if !instrument.is_option() {
        return Amount::from_units(share(traded, ppm));
    }
    let index = state.market().price(instrument.base()).unwrap_or(Price::ZERO);
    let mut worth = instrument.base_size(quantity, index).unwrap_or(0);
    if instrument.settlement_asset() != instrument.base() {
        let dollars = Amount::from_units(worth).worth(index, Rounding::Ceil);
        worth = dollars.unwrap_or(Amount::ZERO).units();
    }
    let cap = share(traded, i128::from(fees.premium_cap_ppm));
    Amount::from_units(share(worth, ppm).clamp(-cap, cap))
}

/// Whether E/MM falls, or where equity is negative E − MM.
fn falls(before: &Margin, after: &Margin) -> bool {
    let [before, after] = [before, after].map(|margin| {
        let maintenance = margin.maintenance.units().max(0);
        (margin.equity.total.units(), maintenance)
    });
    if before.0 < 0 {
        return after.0 - after.1 < before.0 - before.1;
    }
    after.0.saturating_mul(before.1) < before.0.saturating_mul(after.1)
}
