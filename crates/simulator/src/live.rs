//! A market that lives beside a venue which others use too: the agents, prices, sources and liquidators of
//! a simulation, with time that never ends.
//!
//! [`LiveMarket`] says what is to be sent; whoever has it sends that to a node, shows it what the node
//! released, and keeps a [`State`] which is where the node is. It begins with any state: of a venue that
//! has had no command, of one whose founding was interrupted, or of one that it goes on with.
//!
//! ```
//! use engine::{Command, Limits, State, apply};
//! use plimsoll_simulator::{LiveMarket, LiveOptions, LiveStep};
//!
//! let mut state = State::new(Limits::default())?;
//! let mut time = "2026-02-05T16:00:00Z".parse()?;
//! let options = LiveOptions { accounts: 20, ..LiveOptions::default() };
//! let mut market = LiveMarket::new(&options, &state, time)?;
//! let (mut events, mut trades) = (Vec::new(), 0);
//! let mut step = LiveStep { offer: None, actions: market.founding(&state, time) };
//! for _ in 0..20 {
//!     if let Some(offer) = step.offer.take() {
//!         state.offer_epoch(offer);
//!     }
//!     for action in step.actions {
//!         let command = Command { sequence: state.sequence() + 1, time, action };
//!         events.clear();
//!         apply(&mut state, &command, &mut events);
//!         market.follow(&command, &events);
//!         trades += events.iter().filter(|event| matches!(event, engine::Event::Trade(_))).count();
//!     }
//!     time = instruments::Timestamp::from_milliseconds(time.milliseconds() + 250);
//!     step = market.step(&state, time, 50);
//! }
//! assert!(market.is_founded(&state) && trades > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use engine::command::{Action, OpenAccount};
use engine::{Command, Event, PreparedEpoch, State};
use instruments::{Amount, SCALE, Timestamp};
use ledger::{AccountId, TransferId, TransferKind, TransferState, VenueAccount};
use risk::MarginModel;

use crate::SimulationError;
use crate::habits::Habits;
use crate::invariants::Follower;
use crate::market::{COIN_COUNT, asset, history};
use crate::options::{Leverage, LiquidationSetup, Options, RealData};
use crate::people::deposit;
use crate::venue::{Listings, usdc};
use crate::world::World;

/// Deposits and withdrawals of others have ids from here on; those of the market are below.
pub const TRANSFERS_FROM: TransferId = TransferId::new(1 << 48);
/// The deposits of the client's account.
const CLIENT_DEPOSITS: u64 = 1 << 47;
/// What it is given, in whole units: US dollars, and of the first two coins.
const CLIENT_DOLLARS: i64 = 100_000;
const CLIENT_COINS: [i64; 2] = [1, 10];
const ACCOUNTS_MIN: u32 = 8;
const ACCOUNTS_MAX: u32 = 10_000;

/// What is asked of a live market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Everything that is drawn follows from it.
    pub seed: u64,
    /// Accounts of those who trade, 8 to 10,000; liquidators, the vault and the client's account come
    /// beside. A venue goes on with the number that it was founded with.
    pub accounts: u32,
    /// The first so many of BTC, ETH, BNB and XRP are traded. Likewise.
    pub coins: usize,
    /// How many instruments are listed at once at most; perpetuals come first.
    pub instruments: usize,
    /// How much those who trade owe for what they have.
    pub leverage: Leverage,
    /// Liquidation.
    pub liquidation: LiquidationSetup,
    /// Prices as they were; made of the seed without, and after they end.
    pub real: Option<RealData>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            accounts: 100,
            coins: COIN_COUNT,
            instruments: 320,
            leverage: Leverage::default(),
            liquidation: LiquidationSetup::default(),
            real: None,
        }
    }
}

/// What is to be sent now.
#[derive(Clone, Debug, Default)]
pub struct LiveStep {
    /// A risk epoch that was prepared, to be offered before anything is sent.
    pub offer: Option<PreparedEpoch>,
    /// Commands, in order.
    pub actions: Vec<Action>,
}

/// A market that lives.
pub struct LiveMarket {
    world: World,
    /// Positions as events tell them.
    follower: Follower,
    /// When real prices end.
    ends: Option<Timestamp>,
    /// How many accounts it has, the client's not counted.
    accounts: u32,
    /// How many of the coins the client's account is given.
    given: usize,
}

impl LiveMarket {
    /// A market for a venue that is in a state at a time.
    ///
    /// # Errors
    /// Options that make no market; files of real history; a venue that was founded otherwise.
    pub fn new(
        options: &LiveOptions,
        state: &State,
        now: Timestamp,
    ) -> Result<Self, SimulationError> {
        let LiveOptions { seed, accounts, coins, instruments, leverage, .. } = *options;
        history::check_coins(coins)?;
        if !(ACCOUNTS_MIN..=ACCOUNTS_MAX).contains(&accounts) {
            let problem = "a live market may have 8 to 10,000 accounts";
            return Err(SimulationError::Usage(problem.to_owned()));
        }
        let real = match &options.real {
            Some(real) => history::read_on(real, coins, now)?,
            None => None,
        };
        let (real, ends) = real.unzip();
        let liquidation = options.liquidation.clone();
        let asked = Options {
            seed,
            accounts,
            coins,
            instruments,
            leverage,
            liquidation,
            ..Options::default()
        };
        let mut world = World::new(&asked, Habits::live(accounts), now, real, None);
        let accounts = u32::try_from(world.people.len()).expect("accounts are few");
        world.listings = Listings::of(state);
        let follower = Follower::of_positions(state);
        let given = coins.min(CLIENT_COINS.len());
        let mut market = Self { world, follower, ends, accounts, given };
        if !market.is_own(state, coins) {
            return Err(SimulationError::OtherVenue { accounts: options.accounts, coins });
        }
        if market.is_founded(state) {
            market.world.go_on(seed, state, TransferId::new(CLIENT_DEPOSITS));
        }
        Ok(market)
    }

    /// The account of whoever comes to look: nothing is sent for it once the venue is founded.
    #[must_use]
    pub const fn client_account(&self) -> AccountId {
        AccountId::new(self.accounts)
    }

    /// Whether a venue has been founded as this market founds it: its last deposit is there.
    #[must_use]
    pub fn is_founded(&self, state: &State) -> bool {
        let last = TransferId::new(CLIENT_DEPOSITS + self.given as u64);
        state.ledger().transfer(TransferKind::Deposit, last).is_some_and(|deposit| {
            deposit.state == TransferState::Completed
                && deposit.request.account == self.client_account()
        })
    }

    /// What founds the venue, or is still missing: rules, prices, instruments, accounts and money. Nothing
    /// once it is founded.
    pub fn founding(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if self.is_founded(state) {
            return Vec::new();
        }
        let messages = self.world.founding(now);
        let mut actions: Vec<Action> = messages.all.into_iter().map(|(_, action)| action).collect();
        actions.extend(self.client());
        let mut opened = 0;
        actions.retain(|action| match action {
            Action::OpenAccount(_) => {
                opened += 1;
                opened > state.accounts()
            }
            _ => is_missing(state, action),
        });
        actions
    }

    /// What is sent in a step that ends now: what operators do, and about so many messages of clients.
    /// `state` is where the venue is. The first step brings prices and the second a risk epoch: before,
    /// clients' orders are refused.
    pub fn step(&mut self, state: &State, now: Timestamp, clients: usize) -> LiveStep {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.ends = None;
            self.world.leave_history(now);
        }
        let messages = self.world.step(state, &self.follower, now, clients);
        let actions = messages.all.into_iter().map(|(_, action)| action).collect();
        LiveStep { offer: messages.offer, actions }
    }

    /// Takes note of a command that was executed, whoever sent it.
    pub fn follow(&mut self, command: &Command, events: &[Event]) {
        self.world.follow(command, events);
        // Events that contradict each other are for those to find who check the venue.
        let _ = self.follower.follow(command, events);
        let is_refused = events.iter().any(|event| matches!(event, Event::Rejected(_)));
        if is_refused && matches!(command.action, Action::OpenEpoch(_)) {
            self.world.worker.refused = true;
        }
    }

    /// The client's account and its money.
    fn client(&self) -> Vec<Action> {
        let margin_model = MarginModel::Portfolio;
        let open = Action::OpenAccount(OpenAccount { owner: None, margin_model });
        let coins = (0..self.given).map(|coin| (asset(coin), CLIENT_COINS[coin]));
        let all = std::iter::once((usdc(), CLIENT_DOLLARS)).chain(coins);
        let deposits = (CLIENT_DEPOSITS..).zip(all).flat_map(|(id, (asset, whole))| {
            let amount = Amount::from_units(i128::from(whole) * i128::from(SCALE));
            deposit(id, self.client_account(), asset, amount)
        });
        std::iter::once(open).chain(deposits).collect()
    }

    /// Whether what there is was founded by a market like this one, or may be the beginning of that.
    fn is_own(&self, state: &State, coins: usize) -> bool {
        let ledger = state.ledger();
        let is_known = |coin: usize| ledger.index_of(asset(coin)).is_some();
        if (coins..COIN_COUNT).any(is_known) {
            return false;
        }
        if self.is_founded(state) {
            return (0..coins).all(is_known);
        }
        let is_as_ours = |number: u32| {
            let ours = self.world.people.get(number as usize);
            let ours = ours.map_or(MarginModel::Portfolio, |person| person.model);
            state.margin_model(AccountId::new(number)) == Some(ours)
        };
        let first = ledger.transfer(TransferKind::Deposit, TransferId::new(CLIENT_DEPOSITS));
        first.is_none_or(|first| first.request.account == self.client_account())
            && state.accounts() <= self.accounts + 1
            && (0..state.accounts()).all(is_as_ours)
    }
}

/// Whether a venue lacks what a founding command does.
fn is_missing(state: &State, action: &Action) -> bool {
    let ledger = state.ledger();
    let deposit = |id| ledger.transfer(TransferKind::Deposit, id);
    match action {
        Action::AddAsset(add) => ledger.index_of(add.asset).is_none(),
        Action::ListInstrument(list) => state.instrument_id(&list.instrument).is_none(),
        Action::AnnounceDeposit(announced) => deposit(announced.id).is_none(),
        Action::CreditDeposit(credited) => {
            deposit(credited.id).is_none_or(|known| known.state == TransferState::Open)
        }
        Action::MoveCapital(capital) => ledger
            .index_of(capital.asset)
            .is_none_or(|index| ledger.venue(VenueAccount::Insurance, index) == Amount::ZERO),
        _ => true,
    }
}
