//! One definition of each method: how it is called, checked, answered and documented.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::error::RpcError;
use crate::methods;

/// What a method gives: JSON, written once.
pub type Reply = Result<Box<RawValue>, RpcError>;

/// A reply to come.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Who may read the account.
    Account,
    /// Who may change the account.
    AccountWrite,
    /// Who may see orders and trades.
    Trade,
    /// Who may place orders.
    TradeWrite,
    /// Who may see deposits and withdrawals.
    Wallet,
    /// Who may move money.
    WalletWrite,
}

impl Access {
    /// Whether it is for those who may change something.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::AccountWrite | Self::TradeWrite | Self::WalletWrite)
    }
}

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Nothing: it only keeps a connection alive.
    Free,
    /// A request that no engine sees.
    Request,
    /// A list of all instruments.
    Instruments,
    /// An order, amendment or cancellation.
    Matching,
    /// Much arithmetic.
    Simulation,
}

/// A method.
pub struct Method {
    /// Its name, as `public/ticker`.
    pub name: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What a call counts as.
    pub cost: Cost,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The schema of its parameters.
    pub params: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its result.
    pub result: fn(&mut SchemaGenerator) -> Schema,
    /// Whether parameters can be read as its own.
    pub check: fn(Value) -> Result<(), RpcError>,
    /// Does it.
    pub call: for<'a> fn(&'a Call, Value) -> Pending<'a>,
}

impl Method {
    /// Whether a call over HTTP changes nothing but credits.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(self.access, Access::Account | Access::Trade | Access::Wallet)
    }
}

/// Defines a method: a name, who may call it, what it counts as, and the function that does it.
macro_rules! method {
    ($name:literal, $access:ident, $cost:ident, $handler:path, $params:ty => $result:ty, $summary:literal) => {
        $crate::registry::Method {
            name: $name,
            access: $crate::registry::Access::$access,
            cost: $crate::registry::Cost::$cost,
            summary: $summary,
            params: $crate::registry::schema_of::<$params>,
            result: $crate::registry::schema_of::<$result>,
            check: |params| $crate::params::read::<$params>(params).map(drop),
            call: |call, params| {
                Box::pin(async move {
                    let params: $params = $crate::params::read(params)?;
                    let result: $result = $handler(call, params).await?;
                    $crate::registry::written(&result)
                })
            },
        }
    };
}
pub(crate) use method;

/// The schema of a type.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A result as JSON.
///
/// # Errors
/// -32603 if a value has no JSON, which no result of ours has.
pub fn written<T: Serialize>(result: &T) -> Reply {
    serde_json::value::to_raw_value(result)
        .map_err(|error| RpcError::new(-32603, "Internal error").because(error.to_string()))
}

/// Methods by name.
pub type Methods = LazyLock<BTreeMap<&'static str, Method>>;

/// All methods of clients.
pub static METHODS: Methods = LazyLock::new(|| by_name(methods::all()));

/// All methods of operators.
pub static ADMIN_METHODS: Methods = LazyLock::new(|| by_name(methods::admin::methods()));

fn by_name(methods: Vec<Method>) -> BTreeMap<&'static str, Method> {
    methods.into_iter().map(|method| (method.name, method)).collect()
}
