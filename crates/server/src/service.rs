//! Everything that answers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use engine::Action;
use instruments::Asset;
use ledger::AccountId;
use node::{AccountView, Answer, Handle, SubmitError};
use tokio::sync::{oneshot, watch};

use crate::auth::{Authority, Login, OracleKeys};
use crate::channels::Channels;
use crate::control::Control;
use crate::error::RpcError;
use crate::feed::{Inlet, Shared};
use crate::history::History;
use crate::limits::Limits;
use crate::looks::Looks;
use crate::metrics::{Metrics, Requests};
use crate::registry::{ADMIN_METHODS, Access, Methods, Reply};
use crate::shapes::holdings::Holdings;
use crate::shapes::portfolio::SummaryShape;
use crate::socket::Connections;
use crate::worker::Trouble;

/// The venue behind its listeners.
pub struct Service {
    /// The way to the engine.
    pub node: Handle,
    /// The venue as released.
    pub venue: Shared,
    /// Where answers wait until what was released before them can be seen.
    pub inlet: Inlet,
    /// Bytes of a request at most.
    pub request_bytes_max: usize,
    /// What can be called here.
    pub methods: &'static Methods,
    /// Keys and tokens of those who call here.
    pub authority: Arc<Authority>,
    /// Keys and tokens of clients: the same, but for operators.
    pub clients: Arc<Authority>,
    /// Keys of price sources.
    pub oracle: Arc<OracleKeys>,
    /// Rates.
    pub limits: Limits,
    /// Subscriptions.
    pub channels: Arc<Channels>,
    /// How many connections each address has.
    pub connections: Connections,
    /// The last number given to a withdrawal.
    pub withdrawals: AtomicU64,
    /// What looks at the engine share.
    pub looks: Looks,
    /// What is too old to be in memory.
    pub history: Arc<History>,
    /// What operators have decided.
    pub control: Arc<Control>,
    /// What the venue can't do by itself.
    pub trouble: Trouble,
    /// Figures of the venue.
    pub metrics: Arc<Metrics>,
    /// Those of this listener's calls.
    pub requests: Arc<Requests>,
    /// Becomes true when the venue is being stopped.
    pub stop: watch::Receiver<bool>,
}

impl Service {
    /// Whether those who call here are operators.
    #[must_use]
    pub fn is_for_operators(&self) -> bool {
        std::ptr::eq(self.methods, &raw const ADMIN_METHODS)
    }

    /// Waits until the venue is being stopped.
    pub async fn closing(&self) {
        let mut stop = self.stop.clone();
        // If nobody can stop it any more it is stopped.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Hands a command to the engine and waits until it is durable and can be seen.
    ///
    /// # Errors
    /// If the queue is full, or the venue is being stopped: the command is not executed then. If the
    /// venue stops while it waits, nobody knows.
    pub async fn submit(&self, action: Action) -> Result<Answer, RpcError> {
        let (reply, answer) = oneshot::channel();
        let inlet = self.inlet.clone();
        let then = move |answer| inlet.answer(reply, answer);
        self.node.submit_then(action, then).map_err(|error| match error {
            SubmitError::Full(_) => RpcError::busy(),
            SubmitError::TooLong(most) => {
                RpcError::new(11050, "bad_request").because(format!("it has over {most} bytes"))
            }
            _ => RpcError::closing(),
        })?;
        answer.await.map_err(|_| RpcError::closing())
    }

    /// An account with market and epoch, all as of one command.
    ///
    /// # Errors
    /// If there is no such account, or the venue is being stopped.
    pub async fn view(&self, account: AccountId) -> Result<AccountView, RpcError> {
        let node = self.node.clone();
        let seen = tokio::task::spawn_blocking(move || node.view(account)).await;
        let seen = seen.map_err(|_| RpcError::closing())?.map_err(|_| RpcError::closing())?;
        seen.ok_or_else(|| RpcError::forbidden("the account is not open"))
    }

    /// A number for a withdrawal that has none: the host's clock, never the same twice.
    #[must_use]
    pub fn next_withdrawal(&self) -> u64 {
        let now = crate::rpc::microseconds();
        let next = |last: u64| Some(now.max(last + 1));
        let last = self.withdrawals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        now.max(last.unwrap_or(0) + 1)
    }

    /// Counts a call that is done, and logs it: what operators change, and what fails by the venue's own
    /// fault, wherever something is logged.
    pub fn note_call(&self, call: &NotedCall<'_>) {
        let method = self.requests.name(call.method);
        let time = self.requests.note(method, call.reply, call.since);
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let code = call.reply.as_ref().err().map_or(0, |error| error.code);
        let key = call.login.map_or("", |login| &login.client_id);
        let account = call.login.map(|login| login.account.number());
        let request = call.request;
        let changes = |method: &crate::registry::Method| method.access == Access::AccountWrite;
        let is_act = std::ptr::eq(self.methods, &raw const ADMIN_METHODS)
            && self.methods.get(method).is_some_and(changes);
        if is_act {
            tracing::info!(request, method, key, code, microseconds, "an operator's act");
        } else if Requests::is_fault(code) {
            tracing::warn!(request, method, key, account, code, microseconds, "a call failed");
        } else {
            tracing::debug!(request, method, key, account, code, microseconds, "a call");
        }
    }

    /// Tells account summaries to those who hear them.
    pub async fn tell_portfolios(&self) {
        for (name, account, currency) in self.channels.portfolios() {
            let (assets, holdings) = {
                let venue = self.venue.read();
                let Some(known) = venue.account(account) else { continue };
                (venue.assets.clone(), Holdings::of(&venue, known))
            };
            let Ok(view) = self.view(account).await else { continue };
            let is_wanted = move |asset: &Asset| {
                currency.as_ref().is_none_or(|wanted| *wanted == asset.to_string())
            };
            let work = move || {
                let assets = assets.into_iter().filter(is_wanted);
                let priced = assets.filter(|asset| view.market.price(*asset).is_ok());
                let all = priced.map(|asset| SummaryShape::of(&holdings, &view, asset, None));
                all.collect::<Result<Vec<_>, _>>()
            };
            let summaries = self.compute(work).await;
            for summary in summaries.unwrap_or_default() {
                if let Ok(data) = serde_json::value::to_raw_value(&summary) {
                    self.channels.tell_portfolio(&name, account, &data);
                }
            }
        }
    }

    /// Looks up forwards, volatilities and marks, for Greeks.
    ///
    /// # Errors
    /// If the venue is being stopped.
    pub async fn refresh_market(&self) -> Result<(), RpcError> {
        let node = self.node.clone();
        let look = move || node.read(|state| Arc::new(state.market().clone()));
        let seen = tokio::task::spawn_blocking(look).await.map_err(|_| RpcError::closing())?;
        self.venue.set_market(seen.map_err(|_| RpcError::closing())?);
        Ok(())
    }
}

/// A call that is done.
pub struct NotedCall<'a> {
    /// The id of the request.
    pub request: &'a str,
    /// What was called.
    pub method: &'a str,
    /// By whom.
    pub login: Option<&'a Login>,
    /// What came of it.
    pub reply: &'a Reply,
    /// When it was read.
    pub since: Instant,
}

/// The host's clock in milliseconds: for signatures, tokens and rates, never for the venue.
#[must_use]
pub fn host_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
