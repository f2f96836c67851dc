//! Price sources report, each with its signature.

use engine::command::{Action, PriceReport};
use instruments::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::SignedPrice;
use crate::call::Call;
use crate::error::RpcError;
use crate::names;
use crate::params::{Number, Whole};
use crate::registry::{Method, method};
use crate::service::host_ms;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/x_report_price", Public, Free, report_price, ReportParams => u64, "A price source reports a price that it has signed; gives the command's number"),
    ]
}

/// A price with its signature.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportParams {
    /// The asset.
    asset: String,
    /// Who reports.
    source: Whole,
    /// The price in US dollars.
    price: Number,
    /// When the source saw it, in milliseconds.
    observed: Whole,
    /// Ed25519 over `plimsoll-price`, asset, source, price and time, each on a line that ends with a
    /// line break; 128 hexadecimal digits.
    signature: String,
}

async fn report_price(call: &Call, params: ReportParams) -> Result<u64, RpcError> {
    let asset = names::currency_or_any(Some(&params.asset))?;
    let asset = asset.ok_or_else(|| RpcError::invalid("asset", "value required"))?;
    let source = u16::try_from(params.source.0)
        .map_err(|_| RpcError::invalid("source", "must be 0 to 65535"))?;
    let price = super::trading::price("price", params.price)?;
    let observed = Timestamp::from_milliseconds(params.observed.0);
    let signature = params.signature.as_str();
    call.service
        .oracle
        .check(&SignedPrice { asset, source, price, observed, signature }, host_ms())?;
    let report = PriceReport { asset, source, price, observed };
    Ok(call.submit(Action::ReportPrice(report)).await?.sequence)
}
