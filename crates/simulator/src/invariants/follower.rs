//! The venue as its events tell it: balances, positions, instruments, kept beside the engine.

use std::collections::{BTreeMap, BTreeSet};

use engine::command::{Action, ListInstrument};
use engine::event::Trade;
use engine::rules::FeeRules;
use engine::{Command, Event, InstrumentId, State};
use instruments::{Amount, Asset};
use ledger::{AccountId, LedgerAccount, VenueAccount};

use super::{Broken, ensure};

/// Balances and positions by events, and what the last command touched.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    balances: BTreeMap<(Asset, LedgerAccount), i128>,
    sums: BTreeMap<Asset, i128>,
    positions: BTreeMap<(AccountId, InstrumentId), i64>,
    /// Sum of all positions, and of the long ones.
    nets: BTreeMap<InstrumentId, (i64, i64)>,
    fees: BTreeMap<InstrumentId, FeeRules>,
    touched: Touched,
}

#[derive(Debug, Default)]
struct Touched {
    /// With the balance that the last event told.
    balances: BTreeMap<(Asset, LedgerAccount), i128>,
    instruments: BTreeSet<InstrumentId>,
    books: BTreeSet<InstrumentId>,
    accounts: BTreeSet<AccountId>,
    /// Margin calls, and trades.
    sums: u64,
}

impl Touched {
    fn clear(&mut self) {
        self.balances.clear();
        self.instruments.clear();
        self.books.clear();
        self.accounts.clear();
        self.sums = 0;
    }
}

impl Follower {
    /// Knows the positions of a venue that is there, and nothing else of it.
    pub fn of_positions(state: &State) -> Self {
        let mut follower = Self::default();
        for account in (0..state.accounts()).map(AccountId::new) {
            let Some(view) = state.account(account) else { continue };
            for (instrument, held) in &view.positions {
                if let Some(id) = state.instrument_id(instrument) {
                    follower.set_position(account, id, held.quantity.lots());
                }
            }
        }
        follower
    }

    /// An account's position.
    pub fn position(&self, account: AccountId, instrument: InstrumentId) -> i64 {
        self.positions.get(&(account, instrument)).copied().unwrap_or(0)
    }

    /// An account's positions.
    pub fn positions_of(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (InstrumentId, i64)> + '_ {
        let all = (account, InstrumentId(0))..=(account, InstrumentId(u32::MAX));
        self.positions.range(all).map(|((_, instrument), lots)| (*instrument, *lots))
    }

    /// What trading an instrument costs.
    pub fn fees(&self, instrument: InstrumentId) -> FeeRules {
        self.fees.get(&instrument).copied().unwrap_or_default()
    }

    /// Balances by asset and account.
    pub const fn balances(&self) -> &BTreeMap<(Asset, LedgerAccount), i128> {
        &self.balances
    }

    /// Takes in what happened; checks what events say of themselves.
    pub fn follow(&mut self, command: &Command, events: &[Event]) -> Result<(), Broken> {
        self.touched.clear();
        for event in events {
            match event {
                Event::Balance { account, asset, change, balance, .. } => {
                    let key = (*asset, *account);
                    *self.sums.entry(*asset).or_default() += change.units();
                    let kept = self.balances.entry(key).or_default();
                    *kept += change.units();
                    self.touched.balances.insert(key, balance.units());
                    if let LedgerAccount::Available(client) = account {
                        self.touched.accounts.insert(*client);
                    }
                }
                Event::Position { account, instrument, lots, .. } => {
                    self.set_position(*account, *instrument, *lots);
                }
                Event::Listed { id, .. } => {
                    if let Action::ListInstrument(ListInstrument { terms, .. }) = &command.action {
                        self.fees.insert(*id, terms.fees);
                    }
                }
                Event::TermsSet { instrument } => {
                    if let Action::SetTerms { terms, .. } = &command.action {
                        self.fees.insert(*instrument, terms.fees);
                    }
                }
                Event::Rested { instrument, .. } | Event::Amended { instrument, .. } => {
                    self.touched.books.insert(*instrument);
                }
                Event::Trade(trade) => {
                    self.touched.books.insert(trade.instrument);
                    self.touched.sums += 1;
                    check_trade(trade)?;
                }
                Event::MarginCall { account, equity, initial, cure, .. } => {
                    self.touched.sums += 1;
                    let short = initial.units() - equity.units();
                    ensure(short > 0 && cure.units() == short, "figures add up", || {
                        format!("{account} is called for {cure}, with {equity} of {initial}")
                    })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn set_position(&mut self, account: AccountId, instrument: InstrumentId, lots: i64) {
        let before = match lots {
            0 => self.positions.remove(&(account, instrument)),
            lots => self.positions.insert((account, instrument), lots),
        };
        let before = before.unwrap_or(0);
        let (net, long) = self.nets.entry(instrument).or_default();
        *net += lots - before;
        *long += lots.max(0) - before.max(0);
        self.touched.instruments.insert(instrument);
        self.touched.accounts.insert(account);
    }

    /// Checks all that the last command touched.
    pub fn check(
        &self,
        state: &State,
        counts: &mut BTreeMap<&'static str, u64>,
    ) -> Result<(), Broken> {
        let mut count = |invariant, checks: usize| {
            *counts.entry(invariant).or_default() += checks as u64;
        };
        // Sums are looked at after every command, whatever it touched.
        count("conservation", 1 + self.touched.balances.len());
        self.check_sums()?;
        for ((asset, account), told) in &self.touched.balances {
            self.check_balance(state, *asset, *account)?;
            let kept = self.balances[&(*asset, *account)];
            ensure(*told == kept, "conservation", || {
                format!("{account:?} was told to have {told} of {asset}, and has {kept}")
            })?;
        }
        count("positions sum to zero", self.touched.instruments.len());
        for instrument in &self.touched.instruments {
            self.check_instrument(state, *instrument)?;
        }
        count("books are not crossed", self.touched.books.len());
        for instrument in &self.touched.books {
            check_book(state, *instrument)?;
        }
        count("no-hidden-debt", self.touched.accounts.len());
        for account in &self.touched.accounts {
            self.check_account(state, *account)?;
        }
        if self.touched.sums > 0 {
            *counts.entry("figures add up").or_default() += self.touched.sums;
        }
        counts.retain(|_, checks| *checks > 0);
        Ok(())
    }

    /// Every asset's balances sum to zero.
    fn check_sums(&self) -> Result<(), Broken> {
        for (asset, sum) in &self.sums {
            ensure(*sum == 0, "conservation", || {
                format!("the balances of {asset} sum to {}", Amount::from_units(*sum))
            })?;
        }
        Ok(())
    }

    /// A balance is the sum of its entries, and has the sign that its account may have.
    fn check_balance(
        &self,
        state: &State,
        asset: Asset,
        account: LedgerAccount,
    ) -> Result<(), Broken> {
        let ledger = state.ledger();
        let index = ledger.index_of(asset);
        let index = index.ok_or_else(|| Broken::new("conservation", format!("{asset} is gone")))?;
        let found = ledger.balance_of(account, index).units();
        let kept = self.balances[&(asset, account)];
        ensure(found == kept, "conservation", || {
            format!("{account:?} has {found} of {asset}, and its entries sum to {kept}")
        })?;
        let (invariant, is_allowed) = match account {
            LedgerAccount::Held(_) | LedgerAccount::Pending(_) => ("holds", found >= 0),
            LedgerAccount::Venue(VenueAccount::Insurance) => ("fund floor", found >= 0),
            LedgerAccount::Venue(VenueAccount::Rounding | VenueAccount::Bids) => {
                ("conservation", found >= 0)
            }
            LedgerAccount::Venue(
                VenueAccount::Custody | VenueAccount::Incoming | VenueAccount::Deficit,
            ) => ("conservation", found <= 0),
            _ => return Ok(()),
        };
        ensure(is_allowed, invariant, || format!("{account:?} has {found} of {asset}"))
    }

    /// Positions sum to zero, and the long ones to the open interest.
    pub fn check_instrument(&self, state: &State, id: InstrumentId) -> Result<(), Broken> {
        let (net, long) = self.nets.get(&id).copied().unwrap_or_default();
        ensure(net == 0, "positions sum to zero", || format!("those in {id} sum to {net}"))?;
        let open_interest = state.open_interest(id);
        ensure(long == open_interest, "positions sum to zero", || {
            format!("{long} lots of {id} are held long, and open interest is {open_interest}")
        })
    }

    /// An account has the positions that events told; without any it has nothing but its balances,
    /// and interest on those that are debts.
    pub fn check_account(&self, state: &State, account: AccountId) -> Result<(), Broken> {
        let Some(view) = state.account(account) else {
            return Err(Broken::new("no-hidden-debt", format!("{account} is gone")));
        };
        let known = self.positions_of(account).map(|(id, lots)| (state.instrument(id), lots));
        let known: BTreeMap<_, _> = known.collect();
        let found = view.positions.iter();
        let found: BTreeMap<_, _> =
            found.map(|(instrument, at)| (Some(*instrument), at.quantity.lots())).collect();
        ensure(found == known, "positions are those of events", || {
            format!("{account} has {found:?}, and events told {known:?}")
        })?;
        if !found.is_empty() {
            return Ok(());
        }
        let owes = |asset: &Asset| view.balances.get(asset).is_some_and(|b| *b < Amount::ZERO);
        let mut accrued = view.accrued.iter();
        let hidden = accrued.find(|(asset, due)| **due > Amount::ZERO || !owes(asset));
        ensure(hidden.is_none(), "no-hidden-debt", || {
            format!("{account} has no positions, and {hidden:?} that no balance shows")
        })
    }

    /// Every instrument, balance and account that was ever told of.
    pub fn check_all(&self, state: &State) -> Result<u64, Broken> {
        self.check_sums()?;
        for (asset, account) in self.balances.keys() {
            self.check_balance(state, *asset, *account)?;
        }
        for id in (0..state.instruments()).map(InstrumentId) {
            self.check_instrument(state, id)?;
            check_book(state, id)?;
        }
        for account in (0..state.accounts()).map(AccountId::new) {
            self.check_account(state, account)?;
        }
        let checks = self.balances.len() as u64 + u64::from(state.instruments());
        Ok(checks + u64::from(state.accounts()))
    }
}

/// A trade's fees are not less than nothing together.
fn check_trade(trade: &Trade) -> Result<(), Broken> {
    let fees = trade.maker_fee.units() + trade.taker_fee.units();
    let adds_up = fees >= 0 && trade.lots > 0 && trade.maker_open >= 0 && trade.taker_open >= 0;
    ensure(adds_up, "figures add up", || format!("{trade:?}"))
}

/// The best bid is below the best offer, but in a call period.
fn check_book(state: &State, id: InstrumentId) -> Result<(), Broken> {
    let Some(book) = state.book(id).filter(|book| book.phase() == book::Phase::Continuous) else {
        return Ok(());
    };
    let best = [book::Side::Buy, book::Side::Sell].map(|side| book.best(side));
    let [Some(bid), Some(offer)] = best else { return Ok(()) };
    ensure(bid < offer, "books are not crossed", || {
        format!("{id} has a bid of {} and an offer of {} ticks", bid.0, offer.0)
    })
}
