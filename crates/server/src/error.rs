//! Errors as clients see them: the dialect's codes, and words that say what to do.

use engine::Rejection;
use engine::rules::MarketState;
use serde::Serialize;

use crate::auth::Denied;

/// An error of a call.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// The dialect's code.
    pub code: i32,
    /// The dialect's name of it.
    pub message: &'static str,
    /// More.
    #[serde(skip_serializing_if = "ErrorData::is_empty")]
    pub data: ErrorData,
}

/// What an error is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ErrorData {
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which parameter is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// When to try again, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
}

impl ErrorData {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RpcError {
    /// An error by code and name.
    #[must_use]
    pub fn new(code: i32, message: &'static str) -> Self {
        Self { code, message, data: ErrorData::default() }
    }

    /// With a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.data.reason = Some(reason.into());
        self
    }

    /// A parameter that is missing or wrong.
    #[must_use]
    pub fn invalid(param: &str, reason: impl Into<String>) -> Self {
        let mut error = Self::new(-32602, "Invalid params").because(reason);
        error.data.param = Some(param.to_owned());
        error
    }

    /// No such method.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        let short: String = method.chars().take(64).collect();
        Self::new(-32601, "Method not found").because(format!("there is no method `{short}`"))
    }

    /// Who calls has not said who they are.
    #[must_use]
    pub fn unauthorized(reason: impl Into<String>) -> Self {
        Self::new(13009, "unauthorized").because(reason)
    }

    /// Who calls may not do this.
    #[must_use]
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(13021, "forbidden").because(reason)
    }

    /// An instrument that is not listed.
    #[must_use]
    pub fn no_instrument(param: &str) -> Self {
        Self::invalid(param, "instrument not found: see public/get_instruments")
    }

    /// An order that is not there, or not the caller's: the same words for both.
    #[must_use]
    pub fn no_order() -> Self {
        Self::new(10004, "order_not_found")
    }

    /// Too much at once; to be tried again after a while.
    #[must_use]
    pub fn too_many(reason: impl Into<String>, wait_ms: u64) -> Self {
        let mut error = Self::new(10028, "too_many_requests").because(reason);
        error.data.wait = Some(wait_ms);
        error
    }

    /// The engine's queue is full.
    #[must_use]
    pub fn busy() -> Self {
        let mut error = Self::new(10047, "matching_engine_queue_full");
        error.data.wait = Some(50);
        error
    }

    /// The venue is going down.
    #[must_use]
    pub fn closing() -> Self {
        Self::new(11051, "system_maintenance")
            .because("the venue is being stopped: try again later")
    }
}

impl From<Denied> for RpcError {
    fn from(denied: Denied) -> Self {
        let mut error = Self::new(denied.code(), denied.message()).because(denied.reason());
        error.data.param = denied.parameter().map(str::to_owned);
        error
    }
}

impl From<Rejection> for RpcError {
    fn from(rejection: Rejection) -> Self {
        let (code, message) = code_of(&rejection);
        Self::new(code, message).because(rejection.to_string())
    }
}

fn code_of(rejection: &Rejection) -> (i32, &'static str) {
    use Rejection as R;
    match rejection {
        R::Margin { .. } | R::ModelMargin { .. } | R::Withdrawable { .. } => {
            (10009, "not_enough_funds")
        }
        R::Ledger(_) => (10009, "not_enough_funds"),
        R::Lots { .. } => (10021, "invalid_amount"),
        R::Tick { .. } => (10043, "price_wrong_tick"),
        R::Band { price, high, .. } if price > high => (10007, "price_too_high"),
        R::Band { .. } => (10005, "price_too_low"),
        R::PriceOutOfRange(_) => (10023, "invalid_price"),
        R::UnknownOrder(_) => (10004, "order_not_found"),
        R::NotAmendable(_) => (11044, "not_open_order"),
        R::UnknownInstrument(_) | R::Expired(_) | R::NotInEpoch(_) | R::NotListable { .. } => {
            (10020, "invalid_or_unsupported_instrument")
        }
        R::Market { state: MarketState::Halted, .. } => (10012, "book_closed"),
        R::Market { .. } | R::StaleIndex(_) => (10012, "book_closed"),
        R::NoEpoch | R::EpochOverdue | R::NoMethodology | R::NoIndex(_) => (10040, "retry"),
        R::Unmargined(_) => (10040, "retry"),
        R::Book(book::Refusal::PostOnlyWouldTake { .. }) => (11054, "post_only_reject"),
        R::TooManyOrders(_) | R::TooManyActivations(_) => (10013, "pme_max_total_open_orders"),
        R::InLiquidation(_) => (10019, "locked_by_admin"),
        R::WithdrawalsStopped(_) => (13028, "temporarily_unavailable"),
        R::UnknownAccount(_) | R::OwnersDiffer { .. } | R::NotALiquidator(_) => {
            (13021, "forbidden")
        }
        R::RequestReused(_) | R::RequestForgotten { .. } => (11043, "bad_argument"),
        _ => (11030, "other_reject"),
    }
}
