//! Instruments, tickers, books: what everybody sees.

use std::collections::BTreeMap;

use instruments::{Asset, ContractKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::names::{self, Kind};
use crate::number::Decimal;
use crate::params::{Flag, Nothing, Whole};
use crate::registry::{Method, method};
use crate::shapes::instruments::InstrumentShape;
use crate::shapes::market::{BookShape, SummaryShape, TickerShape};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/get_currencies", Public, Request, get_currencies, Nothing => Vec<CurrencyShape>, "All currencies"),
        method!("public/get_instruments", Public, Instruments, get_instruments, InstrumentsParams => Vec<InstrumentShape>, "Instruments of a currency and kind, or all"),
        method!("public/get_instrument", Public, Request, get_instrument, InstrumentParams => InstrumentShape, "One instrument"),
        method!("public/get_contract_size", Public, Request, get_contract_size, InstrumentParams => ContractSize, "The size of a contract"),
        method!("public/get_expirations", Public, Request, get_expirations, ExpirationsParams => BTreeMap<String, BTreeMap<&'static str, Vec<String>>>, "Expiries by currency and kind"),
        method!("public/get_combos", Public, Request, get_combos, CombosParams => Vec<ComboShape>, "Combinations: none are listed"),
        method!("public/ticker", Public, Request, ticker, InstrumentParams => TickerShape, "The ticker of an instrument"),
        method!("public/get_order_book", Public, Request, get_order_book, BookParams => BookShape, "The book of an instrument"),
        method!("public/get_book_summary_by_currency", Public, Request, summary_by_currency, CurrencyKindParams => Vec<SummaryShape>, "Summaries of all books of a currency"),
        method!("public/get_book_summary_by_instrument", Public, Request, summary_by_instrument, InstrumentParams => Vec<SummaryShape>, "The summary of one book"),
        method!("public/get_index_price", Public, Request, get_index_price, IndexParams => IndexPrice, "The price of an index"),
        method!("public/get_index_price_names", Public, Request, get_index_names, NamesParams => Vec<String>, "The names of all indexes"),
    ]
}

/// An instrument of a venue by its name.
///
/// # Errors
/// If there is none.
pub fn listing<'a>(venue: &'a Venue, name: &str) -> Result<&'a Listing, RpcError> {
    venue.listing(name).ok_or_else(|| RpcError::no_instrument("instrument_name"))
}

/// A currency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CurrencyShape {
    /// Its ticker.
    currency: String,
    /// Its name.
    currency_long: String,
    /// The coin's kind.
    coin_type: String,
    /// Decimals of its amounts.
    fee_precision: u8,
    /// What a withdrawal costs: nothing.
    withdrawal_fee: Decimal,
    /// The least that it costs.
    min_withdrawal_fee: Decimal,
    /// Confirmations that a deposit needs, which custody decides.
    min_confirmations: u8,
    /// Whether it backs positions in other currencies: always.
    in_cross_collateral_pool: bool,
}

async fn get_currencies(call: &Call, _: Nothing) -> Result<Vec<CurrencyShape>, RpcError> {
    let venue = call.service.venue.read();
    let shape = |asset: &Asset| {
        let name = asset.to_string();
        let currency_long = match name.as_str() {
            "BTC" => "Bitcoin",
            "ETH" => "Ether",
            "SOL" => "Solana",
            "XRP" => "XRP",
            "BNB" => "BNB",
            "USDC" => "USD Coin",
            "USDT" => "Tether USD",
            "USD" => "US Dollar",
            other => other,
        };
        CurrencyShape {
            currency_long: currency_long.to_owned(),
            coin_type: name.clone(),
            currency: name,
            fee_precision: 8,
            withdrawal_fee: Decimal(0),
            min_withdrawal_fee: Decimal(0),
            min_confirmations: 1,
            in_cross_collateral_pool: true,
        }
    };
    Ok(venue.assets.iter().map(shape).collect())
}

/// Which instruments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstrumentsParams {
    /// The currency; none or `any` for all.
    currency: Option<String>,
    /// The kind; none or `any` for all.
    kind: Option<String>,
    /// Whether those that have expired are wanted instead.
    expired: Option<Flag>,
}

async fn get_instruments(
    call: &Call,
    params: InstrumentsParams,
) -> Result<Vec<InstrumentShape>, RpcError> {
    let currency = names::currency_or_any(params.currency.as_deref())?;
    let kind = names::kind_or_any(params.kind.as_deref())?;
    let expired = params.expired.is_some_and(|expired| expired.0);
    let venue = call.service.venue.read();
    let wanted = venue
        .listings
        .iter()
        .filter(|listing| listing.is_active() != expired && is_wanted(listing, currency, kind));
    Ok(wanted.map(InstrumentShape::of).collect())
}

fn is_wanted(listing: &Listing, currency: Option<Asset>, wanted: Option<Kind>) -> bool {
    currency.is_none_or(|currency| names::is_of(&listing.instrument, currency))
        && wanted.is_none_or(|wanted| names::kind(&listing.instrument) == wanted)
}

/// Which instrument.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstrumentParams {
    /// Its name.
    pub instrument_name: String,
}

async fn get_instrument(
    call: &Call,
    params: InstrumentParams,
) -> Result<InstrumentShape, RpcError> {
    let venue = call.service.venue.read();
    let name = &params.instrument_name;
    let found = venue.listing(name);
    let found = found.or_else(|| venue.listings.iter().rev().find(|listing| listing.name == *name));
    found.map(InstrumentShape::of).ok_or_else(|| RpcError::no_instrument("instrument_name"))
}

/// The size of a contract.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ContractSize {
    /// In the unit of amounts.
    contract_size: Decimal,
}

async fn get_contract_size(
    call: &Call,
    params: InstrumentParams,
) -> Result<ContractSize, RpcError> {
    let venue = call.service.venue.read();
    let listing = listing(&venue, &params.instrument_name)?;
    Ok(ContractSize { contract_size: Decimal(listing.instrument.lot_size().into()) })
}

/// Which expiries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpirationsParams {
    /// The currency; `any` or `grouped` for all.
    currency: Option<String>,
    /// `future`, `option` or `any`.
    kind: Option<String>,
    /// A pair, as `btc_usdc`.
    #[serde(rename = "currency_pair")]
    pair: Option<String>,
}

async fn get_expirations(
    call: &Call,
    params: ExpirationsParams,
) -> Result<BTreeMap<String, BTreeMap<&'static str, Vec<String>>>, RpcError> {
    let currency = params.currency.as_deref().filter(|currency| *currency != "grouped");
    let currency = names::currency_or_any(currency)?;
    let kind = names::kind_or_any(params.kind.as_deref())?;
    let venue = call.service.venue.read();
    type ByKind = BTreeMap<&'static str, Vec<(i64, String)>>;
    let mut all: BTreeMap<String, ByKind> = BTreeMap::new();
    for listing in venue.names.values().map(|id| venue.at(*id)) {
        let instrument = &listing.instrument;
        let pair = params.pair.as_deref();
        let is_of_pair = pair.is_none_or(|pair| names::index_name(instrument) == pair);
        if !is_wanted(listing, currency, kind) || !is_of_pair {
            continue;
        }
        let text = match instrument.kind() {
            ContractKind::Spot => continue,
            ContractKind::Perpetual => "PERPETUAL".to_owned(),
            _ => listing.name.split('-').nth(1).unwrap_or_default().to_owned(),
        };
        let expiry = instrument.expiry().map_or(i64::MAX, |expiry| expiry.milliseconds());
        let group = names::currency(instrument).to_string().to_ascii_lowercase();
        let kinds = all.entry(group).or_default();
        let expiries = kinds.entry(names::kind(instrument).name()).or_default();
        if !expiries.iter().any(|(_, known)| *known == text) {
            expiries.push((expiry, text));
        }
    }
    let sorted = |mut expiries: Vec<(i64, String)>| {
        expiries.sort();
        expiries.into_iter().map(|(_, text)| text).collect()
    };
    let kinds = |kinds: BTreeMap<_, Vec<_>>| {
        kinds.into_iter().map(|(kind, expiries)| (kind, sorted(expiries))).collect()
    };
    Ok(all.into_iter().map(|(currency, of)| (currency, kinds(of))).collect())
}

/// Which combinations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CombosParams {
    /// The currency.
    #[serde(rename = "currency")]
    _currency: Option<String>,
}

/// A combination.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComboShape {
    /// Its name.
    id: String,
}

async fn get_combos(_: &Call, _: CombosParams) -> Result<Vec<ComboShape>, RpcError> {
    Ok(Vec::new())
}

async fn ticker(call: &Call, params: InstrumentParams) -> Result<TickerShape, RpcError> {
    let venue = call.service.venue.read();
    let listing = listing(&venue, &params.instrument_name)?;
    Ok(TickerShape::of(&venue, listing))
}

/// Which book.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BookParams {
    /// Of which instrument.
    instrument_name: String,
    /// Levels of each side: 5 unless said, 10,000 at most.
    depth: Option<Whole>,
}

async fn get_order_book(call: &Call, params: BookParams) -> Result<BookShape, RpcError> {
    let depth = params.depth.map_or(5, |depth| depth.0);
    let depth = usize::try_from(depth).ok().filter(|depth| (1..=10_000).contains(depth));
    let depth = depth.ok_or_else(|| RpcError::invalid("depth", "must be 1 to 10000"))?;
    let venue = call.service.venue.read();
    let listing = listing(&venue, &params.instrument_name)?;
    Ok(BookShape::of(&venue, listing, depth))
}

/// A currency and a kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrencyKindParams {
    /// The currency; `any` for all.
    currency: String,
    /// The kind; none or `any` for all.
    kind: Option<String>,
}

async fn summary_by_currency(
    call: &Call,
    params: CurrencyKindParams,
) -> Result<Vec<SummaryShape>, RpcError> {
    let currency = names::currency_or_any(Some(&params.currency))?;
    let kind = names::kind_or_any(params.kind.as_deref())?;
    let venue = call.service.venue.read();
    let all = venue.names.values().map(|id| venue.at(*id));
    let wanted = all.filter(|listing| is_wanted(listing, currency, kind));
    Ok(wanted.map(|listing| SummaryShape::of(&venue, listing)).collect())
}

async fn summary_by_instrument(
    call: &Call,
    params: InstrumentParams,
) -> Result<Vec<SummaryShape>, RpcError> {
    let venue = call.service.venue.read();
    let listing = listing(&venue, &params.instrument_name)?;
    Ok(vec![SummaryShape::of(&venue, listing)])
}

/// Which index.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexParams {
    /// Its name, as `btc_usd`.
    index_name: String,
}

/// The price of an index.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IndexPrice {
    /// The price.
    index_price: Decimal,
    /// The same: nothing is estimated.
    estimated_delivery_price: Decimal,
}

async fn get_index_price(call: &Call, params: IndexParams) -> Result<IndexPrice, RpcError> {
    let venue = call.service.venue.read();
    let asset = names::index_asset(&params.index_name, &venue);
    let price = asset.and_then(|asset| venue.index(asset));
    let price = price.ok_or_else(|| RpcError::invalid("index_name", "there is no such index"))?;
    Ok(IndexPrice { index_price: price.into(), estimated_delivery_price: price.into() })
}

/// Which names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamesParams {
    /// Whether more than names is wanted; it is not looked at.
    #[serde(rename = "extended")]
    _extended: Option<Flag>,
}

async fn get_index_names(call: &Call, _: NamesParams) -> Result<Vec<String>, RpcError> {
    let venue = call.service.venue.read();
    let living = venue.names.values().map(|id| names::index_name(&venue.at(*id).instrument));
    let unique: std::collections::BTreeSet<String> = living.collect();
    Ok(unique.into_iter().collect())
}
