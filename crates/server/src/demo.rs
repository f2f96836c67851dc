//! A market that lives in a venue: makers, traders, liquidators and price sources that are simulated and
//! trade in real time with whoever comes. `plimsoll serve --demo` has one.
//!
//! The demo is a client of the node like others. It keeps a twin of the node's state, which takes what the
//! node has released, and sends in each step what [`simulator::LiveMarket`] says. On a venue that has been
//! founded by a demo it goes on: with the index prices, instruments and accounts that are there.
//!
//! ```
//! use node::{Clock, JournalLog, JournalOptions, Node, Options};
//! use plimsoll_server::demo::{Demo, DemoClock, DemoFeed, DemoOptions};
//!
//! let (log, _) = JournalLog::open(journal::faulty::Memory::new(), JournalOptions::default())?;
//! let (clock, feed) = (DemoClock::real(), DemoFeed::new());
//! let to_demo = feed.clone();
//! let (node, _) = Node::open(log, clock.clone(), Options::default(), move |released| {
//!     to_demo.push(released.command);
//! })?;
//! let mut options = DemoOptions::default();
//! options.market.accounts = 20;
//! let demo = Demo::start(node.handle(), feed, clock, options)?;
//! let newcomer = node.view(demo.client_account())?.expect("it is open");
//! assert_eq!(newcomer.contents.balances[&"USDC".parse()?].to_string(), "100000");
//! demo.stop()?;
//! node.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod driver;
mod feed;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use ledger::AccountId;
use node::{Clock, Handle, SubmitError};
use simulator::{LiveOptions, SimulationError};

use driver::Driver;

pub use clock::{DemoClock, SPEED_MAX};
pub use feed::DemoFeed;

/// The shortest and the longest step: at the greatest speed prices must not grow old within one.
const STEP: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];
/// Messages of clients in a second at most.
const PER_SECOND_MAX: u32 = 10_000;
/// The speed above which more messages are sent, so that markets are not empty.
const DENSE: u32 = 10;

/// How a demo lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// The market: seed, accounts, coins, and real history if there is to be any.
    pub market: LiveOptions,
    /// From one step to the next, of the machine's time: 10 to 250 milliseconds.
    pub step: Duration,
    /// Messages of simulated clients in a second of the machine's time, to 10,000; more in proportion
    /// where time goes more than ten times as fast. Price reports and what else operators send come
    /// beside.
    pub per_second: u32,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { market: LiveOptions::default(), step: STEP[1], per_second: 80 }
    }
}

/// Why a demo does not start, or has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Options make no demo.
    #[error("{0}")]
    Usage(&'static str),
    /// The market can't be made, or can't go on with the venue.
    #[error(transparent)]
    Market(#[from] SimulationError),
    /// The venue refused what founds it.
    #[error("the demo's venue can't be founded: {0}")]
    NotFounded(String),
    /// A command was not taken.
    #[error("the demo: {0}")]
    Submit(SubmitError),
    /// A thread can't be started.
    #[error("the demo's thread can't be started: {0}")]
    Thread(io::Error),
    /// Nothing is heard of what the node releases.
    #[error("the demo hears nothing of its node (push what the node releases to the demo's feed)")]
    Silent,
    /// The demo's own engine stopped where the node's did not.
    #[error("the demo has stopped at a fault of its own (keep the journal; the venue goes on)")]
    Stopped,
    /// The node has ended.
    #[error("the node has ended")]
    Ended,
}

/// A market that lives until it is stopped or dropped, or its node ends.
#[derive(Debug)]
pub struct Demo {
    client_account: AccountId,
    /// Dropped to stop.
    go_on: SyncSender<()>,
    thread: JoinHandle<Result<(), DemoError>>,
}

impl Demo {
    /// Founds the venue or goes on with it, opens a risk epoch, and lets the market live from then on.
    ///
    /// `feed` must be shown every command that the node releases from now on, and `clock` be the
    /// node's. A historic one is set to the time of the node's last command.
    ///
    /// # Errors
    /// [`DemoError`]; the venue has what was done until then.
    pub fn start(
        handle: Handle,
        feed: DemoFeed,
        clock: DemoClock,
        options: DemoOptions,
    ) -> Result<Self, DemoError> {
        check(&options)?;
        let DemoOptions { market, step, per_second } = options;
        let mut driver = Driver::new(handle, feed, market, |last| {
            clock.go_on_from(last);
            clock.now().max(last)
        })?;
        driver.found(clock.now())?;
        let pace = f64::from(clock.speed().max(DENSE)) / f64::from(DENSE);
        let clients = f64::from(per_second) * pace * step.as_secs_f64();
        let clients = (clients.round() as usize).max(1);
        let client_account = driver.client_account();
        let (go_on, until) = sync_channel(0);
        let live = move || {
            // It is there to be looked at; who trades comes first.
            node::give_way();
            live(driver, &clock, step, clients, &until)
        };
        let thread = Builder::new().name("demo".into()).spawn(live).map_err(DemoError::Thread)?;
        Ok(Self { client_account, go_on, thread })
    }

    /// The newcomer's account, which has 100,000 USDC, 1 BTC and 10 ETH when the venue is founded, and
    /// is the same whenever a demo goes on with it.
    #[must_use]
    pub const fn client_account(&self) -> AccountId {
        self.client_account
    }

    /// Whether it still lives.
    #[must_use]
    pub fn lives(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Ends it after the step that it is in.
    ///
    /// # Errors
    /// What ended it before, unless that was the end of the node.
    pub fn stop(self) -> Result<(), DemoError> {
        drop(self.go_on);
        self.thread.join().unwrap_or(Err(DemoError::Stopped))
    }
}

fn check(options: &DemoOptions) -> Result<(), DemoError> {
    if !(STEP[0]..=STEP[1]).contains(&options.step) {
        return Err(DemoError::Usage("a demo's steps may be of 10 to 250 milliseconds"));
    }
    if !(1..=PER_SECOND_MAX).contains(&options.per_second) {
        return Err(DemoError::Usage("a demo may send 1 to 10,000 messages a second"));
    }
    Ok(())
}

/// Steps at their times until `until` hangs up; what took too long is not made up for.
fn live(
    mut driver: Driver,
    clock: &DemoClock,
    step: Duration,
    clients: usize,
    until: &Receiver<()>,
) -> Result<(), DemoError> {
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        due = (due + step).max(now);
        if until.recv_timeout(due - now) != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
        match driver.step(clock.now(), clients) {
            Ok(()) => {}
            Err(DemoError::Ended) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
