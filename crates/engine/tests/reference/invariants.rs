//! What must hold after every command.

use std::collections::BTreeMap;

use book::Side;
use engine::command::{Action, OpenEpoch, PlaceOrder};
use engine::event::Event;
use engine::record_tree::Hash;
use engine::{Command, InstrumentId, State};
use instruments::{Amount, Asset, Instrument, Quantity};
use ledger::{AccountId, LedgerAccount, VenueAccount};
use risk::{Account, ByPosition, Epoch, EpochInputs, Margin, MarginModel, Methodology, OpenOrder};

use crate::model::{Model, Published};

/// What is remembered of the state before a command.
pub struct Before {
    hash: Hash,
    /// The account that places an order, without it.
    placing: Option<Account>,
    /// The methodologies in force when an epoch is opened.
    in_force: [Option<Methodology>; 2],
}

impl Before {
    pub fn of(state: &mut State, model: &Model, command: &Command) -> Self {
        let hash = state.record_hash();
        let placing = match &command.action {
            Action::PlaceOrder(place) if command.sequence.is_multiple_of(4) => {
                state.account(place.account)
            }
            _ => None,
        };
        let in_force = match &command.action {
            Action::OpenEpoch(_) => [&model.portfolio, &model.position].map(in_force),
            _ => [None, None],
        };
        Self { hash, placing, in_force }
    }
}

/// The methodology that the open epoch was opened with.
fn in_force(published: &Option<Published>) -> Option<Methodology> {
    let published = published.as_ref()?;
    if published.in_force {
        return Some(published.methodology.clone());
    }
    published.before.last().map(|(methodology, _)| methodology.clone())
}

/// Checks everything that must hold; says what does not.
pub fn check(
    state: &mut State,
    model: &Model,
    before: &Before,
    command: &Command,
    events: &[Event],
) -> Result<(), String> {
    let hash = state.record_hash();
    ensure(hash == state.record_hash_from_scratch(), "the record hash is not that of the records")?;
    let refused = matches!(events, [Event::Rejected(_)]);
    ensure(!refused || hash == before.hash, "a refusal changed a record")?;
    state.audit()?;
    state.audit_credits()?;
    agree(state, model)?;
    no_hidden_debt(state, model)?;
    match &command.action {
        Action::PlaceOrder(place) => admission(model, before, place, events),
        Action::OpenEpoch(open) => parameters_do_not_liquidate(state, model, before, open, events),
        _ => Ok(()),
    }
}

fn ensure(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.into()) }
}

/// Both have the same balances, positions, orders, marks and restrictions.
fn agree(state: &State, model: &Model) -> Result<(), String> {
    for (number, known) in (0..).zip(&model.accounts) {
        let account = AccountId::new(number);
        let (found, expected) = (state.account(account).unwrap(), model.risk_account(account));
        if found != expected {
            return Err(format!("{account} is {found:#?}, in the reference {expected:#?}"));
        }
        let same = (state.margin_model(account), state.is_restricted(account))
            == (Some(known.model), Some(known.restricted));
        ensure(same, "model or restriction of an account differ")?;
    }
    for ((asset, account), balance) in &model.ledger.balances {
        let index = model.ledger.index_of(*asset).unwrap();
        let found = state.ledger().balance_of(*account, index).units();
        ensure(found == *balance, "a balance differs")?;
    }
    for (number, listing) in (0..).zip(&model.listings) {
        ensure(state.mark(InstrumentId(number)) == listing.mark, "a mark differs")?;
    }
    Ok(())
}

/// Invariants `conservation` and `no-hidden-debt`, counted in the reference: in every asset all
/// balances sum to zero; what funding has paid and has accrued to be paid sums to zero but for
/// fractions of units; and an account without positions has nothing but its balances, and interest
/// on those that are debts.
fn no_hidden_debt(state: &State, model: &Model) -> Result<(), String> {
    let (mut sums, mut funding) = (BTreeMap::<Asset, i128>::new(), BTreeMap::<Asset, i128>::new());
    for ((asset, account), balance) in &model.ledger.balances {
        *sums.entry(*asset).or_default() += balance;
        if *account == LedgerAccount::Venue(VenueAccount::Funding) {
            *funding.entry(*asset).or_default() += balance;
        }
    }
    ensure(sums.values().all(|sum| *sum == 0), "the balances of an asset do not sum to zero")?;
    let mut fractions = i128::try_from(model.listings.len()).unwrap();
    for (number, account) in (0..).zip(&model.accounts) {
        for (id, held) in &account.positions {
            let listing = &model.listings[id.0 as usize];
            let due = held.funding.accrued(i128::from(held.lots), listing.funding).unwrap();
            if listing.instrument.expiry().is_none() {
                *funding.entry(listing.instrument.settlement_asset()).or_default() -= due.units();
                fractions += 1;
            }
        }
        let view = state.account(AccountId::new(number)).unwrap();
        let owes = |asset: &Asset| view.balances.get(asset).is_some_and(|b| *b < Amount::ZERO);
        let mut accrued = view.accrued.iter();
        let hidden = account.positions.is_empty()
            && accrued.any(|(asset, due)| *due > Amount::ZERO || !owes(asset));
        ensure(!hidden, "an account without positions is owed or owes what no balance shows")?;
    }
    let within = |left: &i128| (0..=fractions).contains(left);
    ensure(funding.values().all(within), "funding paid and accrued does not sum to zero")
}

/// Invariant `admission`: an account at or above initial margin is there still, whatever part of an
/// accepted order fills at its limit; below it neither E − IM nor E/MM falls.
fn admission(
    model: &Model,
    before: &Before,
    place: &PlaceOrder,
    events: &[Event],
) -> Result<(), String> {
    let (Some(view), Some(Event::OrderAccepted { lots, limit: Some(limit), instrument, .. })) =
        (&before.placing, events.first())
    else {
        return Ok(());
    };
    let (account, listing) = (place.account, &model.listings[instrument.0 as usize]);
    let signed = |lots: i64| if place.order.side == Side::Buy { lots } else { -lots };
    let ppm = listing.terms.fees.maker_ppm.max(listing.terms.fees.taker_ppm);
    let order = |lots: i64| OpenOrder {
        instrument: listing.instrument,
        quantity: Quantity::from_lots(signed(lots)),
        limit: *limit,
        fee: model.fee(listing, lots, *limit, ppm),
    };
    let (market, margin_model) = (model.market(), model.accounts[account.number() as usize].model);
    let margin_of = |account: &Account| {
        let margin = model.margin_on(&market, account, margin_model);
        margin.map_err(|error| format!("an accepted order cannot be margined: {error}"))
    };
    let alone = margin_of(view)?;
    let mut with_order = view.clone();
    with_order.orders.push(order(*lots));
    let was_above = margin_of(&with_order)?.excess() >= Amount::ZERO;
    for part in [1, lots / 3, lots / 2, *lots] {
        if part == 0 {
            continue;
        }
        let filled = risk::account_after_fill(view, &order(*lots), signed(part));
        let mut filled = filled.map_err(|error| error.to_string())?;
        if was_above && part < *lots {
            filled.orders.push(order(lots - part));
        }
        let after = margin_of(&filled)?;
        // What a fill rounds against the account, and the fee of its part, up to a cent.
        let allowed = Amount::from_units(-1_000_000);
        let holds = if was_above {
            after.excess() >= allowed
        } else {
            after.excess() >= alone.excess() && !ratio_falls(&alone, &after)
        };
        if !holds {
            let [was, is] = [&alone, &after].map(|m| (m.equity.total, m.initial, m.maintenance));
            let open = margin_of(&with_order)?.initial;
            let name = listing.instrument;
            return Err(format!(
                "admission, {margin_model:?} {name}: {was:?} with the order {open:?}; {part} of {lots} lots filled at {limit}: {is:?}"
            ));
        }
    }
    Ok(())
}

/// Whether E/MM falls, or where equity is negative E − MM.
fn ratio_falls(before: &Margin, after: &Margin) -> bool {
    let [before, after] = [before, after].map(|margin| {
        let maintenance = margin.maintenance.units().max(0);
        (margin.equity.total.units(), maintenance)
    });
    if before.0 < 0 {
        return after.0 - after.1 < before.0 - before.1;
    }
    after.0.saturating_mul(before.1) < before.0.saturating_mul(after.1)
}

/// Invariant `parameters don't liquidate`: an epoch with new methodologies under notice makes no
/// account liquidatable that is healthy under the old ones on the same market.
fn parameters_do_not_liquidate(
    state: &State,
    model: &Model,
    before: &Before,
    open: &OpenEpoch,
    events: &[Event],
) -> Result<(), String> {
    let opened = matches!(events.first(), Some(Event::EpochOpened { .. }));
    if open.market.is_some() || !opened {
        return Ok(());
    }
    let market = model.market();
    let venue_balances = open.holdings.iter().copied().collect();
    let history = model.history.as_ref();
    let inputs = EpochInputs { market: &market, history, venue_balances: &venue_balances };
    let covered = |listing: &&crate::model::ListingNow| {
        listing.instrument.expiry().is_none_or(|expiry| expiry > market.time)
            && market.quotes.contains_key(&listing.instrument)
    };
    let covered = model.listings.iter().filter(covered);
    let instruments: Vec<Instrument> = covered.map(|listing| listing.instrument).collect();
    let changed = |place: usize, now: &Option<Published>| {
        let old = before.in_force[place].clone()?;
        let now = now.as_ref()?;
        let noticed = now.before.iter().any(|(known, _)| known.hash() == old.hash());
        (now.methodology.hash() != old.hash() && noticed).then_some(old)
    };
    let portfolio = changed(0, &model.portfolio);
    let portfolio = portfolio.map(|old| Epoch::open(&old, inputs, &instruments).unwrap());
    let position = changed(1, &model.position);
    let position = position.map(|old| ByPosition::open(&old, inputs).unwrap());
    for (number, known) in (0..).zip(&model.accounts) {
        let account = AccountId::new(number);
        let mut view = state.account(account).unwrap();
        let old = |view: &Account| match known.model {
            MarginModel::Portfolio => {
                portfolio.as_ref().and_then(|old| risk::margin(old, &market, view).ok())
            }
            model => position.as_ref().and_then(|old| old.margin(&market, view, model).ok()),
        };
        let Some(margin) = old(&view) else { continue };
        // The account as it is, and with so many dollars less or more that it is healthy just so.
        for dollars in [0, -margin.health().units()] {
            let balance = view.balances.entry(Asset::USD).or_default();
            *balance = Amount::from_units(balance.units() + dollars);
            let (Some(old), Ok(new)) = (old(&view), model.margin_on(&market, &view, known.model))
            else {
                continue;
            };
            if old.health() >= Amount::ZERO && new.health() < Amount::ZERO {
                let [was, is] = [&old, &new].map(|m| (m.equity.total, m.maintenance));
                let of = known.model;
                return Err(format!(
                    "parameters liquidate {account}, {of:?}: {was:?} becomes {is:?}"
                ));
            }
        }
    }
    Ok(())
}
