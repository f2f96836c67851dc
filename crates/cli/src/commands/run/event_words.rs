//! What happened, in words.

use engine::Rejection;
use engine::event::{Event, Rejected, Trade};
use instruments::{Amount, Asset};
use ledger::LedgerAccount;

use super::case_words::case_words;
use super::command_words::{self, shown};
use super::names::Names;
use super::word;
use crate::figures::{dollars, exact, grouped};

/// The event's kind and one line about it.
pub fn event_words(event: &Event, names: &Names) -> (&'static str, String) {
    let name = |id: &engine::InstrumentId| names.name(*id);
    match event {
        Event::Rejected(rejected) => ("rejected", rejection(rejected, names)),
        Event::Repeated { account, request, sequence } => {
            ("repeated", format!("{account}: request {request} was answered by command {sequence}"))
        }
        Event::Index { asset, price, confidence_ppm, status } => {
            let (price, sure) = (shown(*price), percent(i64::from(*confidence_ppm), 4));
            ("index", format!("{asset} {price}, {}, confidence {sure}", word(status)))
        }
        Event::Mark { instrument, price } => {
            ("mark", format!("{} {}", name(instrument), shown(*price)))
        }
        Event::Balance { account, asset, kind, change, balance } => {
            let who = match account {
                LedgerAccount::Available(account) => account.to_string(),
                LedgerAccount::Held(account) => format!("{account} on hold"),
                LedgerAccount::Pending(account) => format!("{account} pending"),
                LedgerAccount::Venue(account) => format!("venue's {account}"),
            };
            let sign = if change.units() < 0 { "" } else { "+" };
            let (change, balance) = (exact(change.units()), amount(*balance, *asset));
            ("balance", format!("{who}: {sign}{change} {asset}, {}, to {balance}", word(kind)))
        }
        Event::Trade(trade) => ("trade", traded(trade, names)),
        Event::MarginCall { account, equity, initial, maintenance, cure } => {
            let figures = margins(*equity, *initial);
            let (maintenance, cure) = (dollars(*maintenance), dollars(*cure));
            let text =
                format!("{account}: {figures}, maintenance {maintenance}; {cure} USD cures it");
            ("margin_call", text)
        }
        Event::MarginRestored { account, equity, initial } => {
            ("margin_restored", format!("{account}: {}", margins(*equity, *initial)))
        }
        Event::MarginModel { account, margin_model, equity, initial, maintenance, changed } => {
            let would = if *changed { "" } else { " would be" };
            let figures = margins(*equity, *initial);
            let (model, maintenance) = (margin_model.name(), dollars(*maintenance));
            let text = format!("{account}: {model}{would}, {figures}, maintenance {maintenance}");
            ("margin_model", text)
        }
        Event::Transfer { id, account, step } => {
            ("transfer", format!("{account}: {} (number {id})", word(step)))
        }
        Event::FundingRate { instrument, rate_8h_ppb } => {
            let rate = percent(*rate_8h_ppb, 7);
            ("funding_rate", format!("{}: longs pay {rate} over 8 hours", name(instrument)))
        }
        Event::Case(case) => ("case", case_words(case, names)),
        other => order_words(other, names).unwrap_or_else(|| venue_words(other, names)),
    }
}

fn order_words(event: &Event, names: &Names) -> Option<(&'static str, String)> {
    let size_of = |id: &engine::InstrumentId, lots: &i64| names.size_of(*id, *lots);
    let size = |id: &engine::InstrumentId, lots: &i64| names.size(*id, *lots);
    Some(match event {
        Event::OrderAccepted { order, account, instrument, side, lots, limit, waits, label } => {
            let limit = limit.map(|price| format!(", limit {}", shown(price)));
            let waits = waits.then_some(", waits").unwrap_or_default();
            let label = label.as_ref().map(|label| format!(", labelled {}", label.text()));
            let [limit, label] = [limit, label].map(Option::unwrap_or_default);
            let what = size_of(instrument, lots);
            let text = format!("order {order} of {account}: {side} {what}{limit}{waits}{label}");
            ("order_accepted", text)
        }
        Event::Rested { order, instrument, side, price, displayed, open } => {
            let hidden = match displayed == open {
                true => String::new(),
                false => format!(", {} shown", size(instrument, displayed)),
            };
            let (what, price) = (size_of(instrument, open), shown(*price));
            ("rested", format!("order {order}: {side} {what} at {price}{hidden}"))
        }
        Event::Position { account, instrument, lots, cost, realised } => {
            let asset = names.instrument(*instrument).map(|known| known.settlement_asset());
            let amount = |amount: Amount| match asset {
                Some(asset) => self::amount(amount, asset),
                None => exact(amount.units()),
            };
            let (held, cost) = (size_of(instrument, lots), amount(*cost));
            let realised = match *realised == Amount::ZERO {
                true => String::new(),
                false => format!(", realised {}", amount(*realised)),
            };
            ("position", format!("{account}: {held}, cost {cost}{realised}"))
        }
        Event::Cancelled { order, account, instrument, lots, reason } => {
            let (left, why) = (size_of(instrument, lots), word(reason));
            ("cancelled", format!("order {order} of {account}: {left} left, {why}"))
        }
        Event::Reduced { order, instrument, lots, open, reason } => {
            let [by, open] = [lots, open].map(|lots| size(instrument, lots));
            ("reduced", format!("order {order} by {by} to {open}, {}", word(reason)))
        }
        Event::Amended { order, instrument, price, open, kept_place } => {
            let place = if *kept_place { "keeps" } else { "loses" };
            let (open, price) = (size_of(instrument, open), shown(*price));
            ("amended", format!("order {order}: {open} at {price}, {place} its place"))
        }
        Event::Repriced { order, from, to } => {
            ("repriced", format!("order {order} from {} to {}", shown(*from), shown(*to)))
        }
        Event::Triggered { order } => ("triggered", format!("order {order}")),
        Event::QuotesFrozen { account, underlying, until } => {
            let until = until.map_or("until they are reset".to_owned(), |at| format!("until {at}"));
            ("quotes_frozen", format!("{account}: quotes on {underlying}, {until}"))
        }
        Event::ProtectionSet { account, underlying } => {
            ("protection_set", format!("{account}: quotes on {underlying}"))
        }
        Event::CancelOnDisconnect { account, enabled } => {
            let whether = if *enabled { "on" } else { "off" };
            ("cancel_on_disconnect", format!("{account}: {whether}"))
        }
        _ => return None,
    })
}

fn venue_words(event: &Event, names: &Names) -> (&'static str, String) {
    let name = |id: &engine::InstrumentId| names.name(*id);
    match event {
        Event::VenueRulesSet => ("venue_rules_set", String::new()),
        Event::Upgraded { rules_version } => ("upgraded", format!("version {rules_version}")),
        Event::AssetAdded { asset } => ("asset_added", asset.to_string()),
        Event::SourcesSet { asset } => ("sources_set", asset.to_string()),
        Event::AccountOpened { account, owner, margin_model } => {
            let owner = owner.map(|owner| format!(" under {owner}")).unwrap_or_default();
            ("account_opened", format!("{account}{owner}, {} margin", margin_model.name()))
        }
        Event::Listed { id, instrument } => ("listed", format!("{instrument} as {id}")),
        Event::TermsSet { instrument } => ("terms_set", name(instrument)),
        Event::MarketStateSet { instrument, state, until } => {
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            ("market_state_set", format!("{}: {}{until}", name(instrument), word(state)))
        }
        Event::CallBegan { instrument } => ("call_began", name(instrument)),
        Event::Uncrossed { instrument, price, lots } => {
            let what = match price {
                Some(price) => {
                    format!("{} at {}", names.size_of(*instrument, *lots), shown(*price))
                }
                None => format!("{}: nothing traded", name(instrument)),
            };
            ("uncrossed", what)
        }
        Event::MethodologySet { name, hash } => {
            let short = hash.get(..12).unwrap_or(hash);
            ("methodology_set", format!("{name}, hash {short}…"))
        }
        Event::HistorySet { days } => {
            ("history_set", format!("{} days", grouped(&days.to_string())))
        }
        Event::SurfaceSet { underlying } => ("surface_set", underlying.to_string()),
        Event::EpochOpened { epoch, arrays_hash } => {
            let short = arrays_hash.get(..12).unwrap_or(arrays_hash);
            ("epoch_opened", format!("epoch {epoch}, arrays {short}…"))
        }
        Event::EpochDue => ("epoch_due", "open the next risk epoch".to_owned()),
        Event::BreakerTripped { asset, until } => {
            ("breaker_tripped", format!("{asset}: its markets are halted until {until}"))
        }
        Event::Settled { instrument, price } => {
            ("settled", format!("{} at {}", name(instrument), shown(*price)))
        }
        Event::Expired { instrument, price } => {
            ("expired", format!("{} at {}", name(instrument), shown(*price)))
        }
        Event::ExpiryDelayed { instrument } => ("expiry_delayed", name(instrument)),
        Event::LiquidationSet => ("liquidation_set", String::new()),
        Event::LiquidatorSet { account, registered } => {
            let may = if *registered { "may bid" } else { "may bid no more" };
            ("liquidator_set", format!("{account} {may}"))
        }
        Event::DeficitCovered { asset, amount } => {
            ("deficit_covered", format!("the fund covers {}", self::amount(*amount, *asset)))
        }
        Event::ChangeAnnounced { change, effective_at, what } => {
            let what = command_words::change(what, names);
            ("change_announced", format!("change {change}: {what} from {effective_at} on"))
        }
        Event::ChangeWithdrawn { change } => ("change_withdrawn", format!("change {change}")),
        Event::ChangeMade { change } => ("change_made", format!("change {change}")),
        Event::ChangeDropped { change, reason } => {
            ("change_dropped", format!("change {change}: {reason}"))
        }
        // Those are said in the other functions.
        other => ("event", word(other)),
    }
}

fn rejection(rejected: &Rejected, names: &Names) -> String {
    let order = rejected.order.map(|order| format!("order {order}: ")).unwrap_or_default();
    let who = rejected.account.map(|account| format!("{account}: ")).unwrap_or_default();
    let why = match &rejected.reason {
        Rejection::Market { instrument, state } => {
            format!("the market of {} is {}", names.name(*instrument), word(state))
        }
        reason => reason.to_string(),
    };
    format!("{who}{order}{why}")
}

fn traded(trade: &Trade, names: &Names) -> String {
    let asset = names.instrument(trade.instrument).map(|known| known.settlement_asset());
    let unit = asset.map(|asset| format!(" {asset}")).unwrap_or_default();
    let (what, price) = (names.size_of(trade.instrument, trade.lots), shown(trade.price));
    let party = |order: book::OrderId, account: ledger::AccountId, fee: Amount| {
        let fee = exact(fee.units());
        format!("{account} (order {order}, fee {fee}{unit})")
    };
    let taker = party(trade.taker, trade.taker_account, trade.taker_fee);
    let maker = party(trade.maker, trade.maker_account, trade.maker_fee);
    let verb = if trade.taker_side == book::Side::Buy { "buys from" } else { "sells to" };
    format!("{what} at {price}: {taker} {verb} {maker}")
}

fn margins(equity: Amount, initial: Amount) -> String {
    format!("equity {}, initial margin {}", dollars(equity), dollars(initial))
}

fn amount(amount: Amount, asset: Asset) -> String {
    format!("{} {asset}", exact(amount.units()))
}

/// A share in units of which 10^`decimals` are one percent.
fn percent(share: i64, decimals: u32) -> String {
    format!("{} %", instruments::format_fixed(i128::from(share), decimals))
}
