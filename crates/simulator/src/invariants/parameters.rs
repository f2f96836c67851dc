//! Invariant `parameters don't liquidate`: while the notice of a change runs, no account is below
//! maintenance margin that is not under the methodology before, on the same market.

use std::collections::BTreeMap;

use engine::command::{HistoryCloses, OpenEpoch, SetMethodology};
use engine::{Event, InstrumentId, State};
use instruments::{Amount, Instrument, Timestamp};
use ledger::AccountId;
use risk::{Account, ByPosition, Epoch, EpochInputs, History, Margin, MarginModel, Methodology};

use super::{Broken, ensure};

const NAME: &str = "parameters don't liquidate";

/// Methodologies as they were published, with those whose notice runs.
#[derive(Debug, Default)]
pub(super) struct Notices {
    portfolio: Published,
    position: Published,
    history: Option<History>,
}

#[derive(Debug, Default)]
struct Published {
    now: Option<Methodology>,
    /// The one before, and until when its maintenance margin counts too.
    before: Option<(Methodology, Timestamp)>,
}

/// What accounts are margined by under the methodology before.
enum Old {
    Portfolio(Box<Epoch>),
    Position(Box<ByPosition>),
}

impl Notices {
    /// Whether the notice of any change runs.
    pub fn run_at(&self, now: Timestamp) -> bool {
        let all = [&self.portfolio, &self.position];
        all.iter().any(|published| published.before.as_ref().is_some_and(|(_, ends)| now < *ends))
    }

    /// Takes note of a methodology.
    pub fn published(&mut self, set: &SetMethodology, now: Timestamp, events: &[Event]) {
        let taken = events.iter().any(|event| matches!(event, Event::MethodologySet { .. }));
        let Ok(methodology) = Methodology::parse(&set.text) else { return };
        if !taken {
            return;
        }
        let place = match methodology.scenario_rules() {
            Ok(_) => &mut self.portfolio,
            Err(_) => &mut self.position,
        };
        let replaced = place.now.replace(methodology);
        // Of changes at the same time the first one's notice is the one that is looked at.
        if place.before.as_ref().is_none_or(|(_, ends)| *ends <= now) {
            place.before = replaced.map(|methodology| (methodology, set.notice_ends));
        }
    }

    /// Takes note of the closes that scenarios are made of.
    pub fn closes(&mut self, closes: &HistoryCloses) {
        let days = closes.days.iter().map(|day| (day.date, day.closes.clone()));
        self.history = History::from_prices(&closes.assets, &days.collect::<Vec<_>>()).ok();
    }

    /// Compares all accounts when an epoch is opened during a notice; says how many.
    pub fn check(&self, state: &State, open: &OpenEpoch, events: &[Event]) -> Result<u64, Broken> {
        let opened = events.iter().any(|event| matches!(event, Event::EpochOpened { .. }));
        if !opened || !self.run_at(state.time()) || open.market.is_some() {
            return Ok(0);
        }
        let mut checked = 0;
        for (published, is_portfolio) in [(&self.portfolio, true), (&self.position, false)] {
            let Some((before, ends)) = &published.before else { continue };
            if state.time() >= *ends {
                continue;
            }
            let Some(old) = self.open(state, open, before, is_portfolio) else { continue };
            for account in (0..state.accounts()).map(AccountId::new) {
                let model = state.margin_model(account);
                if model.is_some_and(|model| (model == MarginModel::Portfolio) == is_portfolio) {
                    checked += check_account(state, account, &old)?;
                }
            }
        }
        Ok(checked)
    }

    fn open(
        &self,
        state: &State,
        open: &OpenEpoch,
        methodology: &Methodology,
        is_portfolio: bool,
    ) -> Option<Old> {
        let market = state.market();
        let venue_balances: BTreeMap<_, _> = open.holdings.iter().copied().collect();
        let history = self.history.as_ref();
        let inputs = EpochInputs { market, history, venue_balances: &venue_balances };
        if !is_portfolio {
            let rules = ByPosition::open(methodology, inputs).ok()?;
            return Some(Old::Position(Box::new(rules)));
        }
        let epoch = Epoch::open(methodology, inputs, &covered(state)).ok()?;
        Some(Old::Portfolio(Box::new(epoch)))
    }
}

/// The instruments that an epoch opened on the live market covers.
fn covered(state: &State) -> Vec<Instrument> {
    let market = state.market();
    let named = (0..state.instruments()).map(InstrumentId).filter_map(|id| {
        let instrument = state.instrument(id)?;
        (state.instrument_id(&instrument) == Some(id)).then_some(instrument)
    });
    named
        .filter(|instrument| market.quotes.contains_key(instrument))
        .filter(|instrument| instrument.expiry().is_none_or(|expiry| expiry > market.time))
        .collect()
}

fn check_account(state: &State, account: AccountId, old: &Old) -> Result<u64, Broken> {
    let (Some(view), Ok(new)) = (state.account(account), state.margin(account)) else {
        return Ok(0);
    };
    let Some(before) = old.margin(state, &view, account) else { return Ok(0) };
    let was_healthy = before.health() >= Amount::ZERO;
    let is_worse = new.health() < Amount::ZERO;
    ensure(!(was_healthy && is_worse), NAME, || {
        let [was, is] = [&before, &new].map(|m| (m.equity.total, m.maintenance));
        format!(
            "{account} was at {was:?} (equity, maintenance) under the old one, and is at {is:?}"
        )
    })?;
    Ok(1)
}

impl Old {
    fn margin(&self, state: &State, view: &Account, account: AccountId) -> Option<Margin> {
        let market = state.market();
        match self {
            Self::Portfolio(epoch) => risk::margin(epoch, market, view).ok(),
            Self::Position(rules) => rules.margin(market, view, state.margin_model(account)?).ok(),
        }
    }
}
