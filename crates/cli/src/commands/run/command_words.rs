//! What a command asks, in words.

use book::{Direction, PriceSource, Side};
use engine::Action;
use engine::change::Change;
use engine::command::{
    Group, MarketScope, OrderTerms, OrderType, QuoteSide, TriggerAt, TriggerTerms, TriggerThen,
    WhenFilled,
};
use instruments::Price;

use super::names::{Names, sized};
use super::word;
use crate::figures::{dollars, exact, grouped, share};

/// One line about a command.
pub fn command_words(action: &Action, names: &Names) -> String {
    match action {
        Action::PlaceOrder(place) => format!("{}: {}", place.account, order(&place.order, names)),
        Action::PlaceGroup(place) => format!("{}: {}", place.account, group(&place.group, names)),
        Action::AmendOrder(amend) => {
            let price = amend.price.map(|price| format!(", limit {}", shown(price)));
            let lots = amend.lots.map(|lots| format!(", {} lots open", grouped(&lots.to_string())));
            let [price, lots] = [price, lots].map(Option::unwrap_or_default);
            format!("{}: amend order {}{price}{lots}", amend.account, amend.order)
        }
        Action::CancelOrder { account, order, .. } => format!("{account}: cancel order {order}"),
        Action::CancelOrders(cancel) => {
            let of = |word: &str, text: Option<String>| text.map(|text| format!("{word}{text}"));
            let parts = [
                of(" on ", cancel.instrument.map(|id| names.name(id))),
                of(" on ", cancel.underlying.map(|underlying| underlying.to_string())),
                of(" to ", cancel.side.map(|side| side.to_string())),
                of(" labelled ", cancel.label.as_ref().map(|label| label.text().to_owned())),
            ];
            let what = if cancel.protected { "quotes" } else { "orders" };
            let parts: String = parts.into_iter().flatten().collect();
            format!("{}: cancel {what}{parts}", cancel.account)
        }
        Action::MassQuote(mass) => {
            let quotes = mass.quotes.iter().map(|quote| {
                let side = |side: Option<QuoteSide>| match side {
                    Some(side) => {
                        format!(
                            "{} at {}",
                            names.size(quote.instrument, side.lots),
                            shown(side.price)
                        )
                    }
                    None => "none".to_owned(),
                };
                let (bid, ask) = (side(quote.bid), side(quote.ask));
                format!("{} bid {bid}, offer {ask}", names.name(quote.instrument))
            });
            format!("{}: quote {}", mass.account, quotes.collect::<Vec<_>>().join("; "))
        }
        Action::ProtectMarketMaker(protect) => {
            let on = match &protect.rules {
                Some(rules) => format!("protect quotes on, window {} ms,", rules.window_ms),
                None => "no longer protect quotes on".to_owned(),
            };
            format!("{}: {on} {}", protect.account, protect.underlying)
        }
        Action::ResetProtection { account, underlying } => {
            format!("{account}: let quotes on {underlying} trade again")
        }
        Action::SetCancelOnDisconnect { account, enabled } => {
            let whether = if *enabled { "cancel" } else { "keep" };
            format!("{account}: {whether} orders when the connection is lost")
        }
        Action::Disconnect { account } => format!("{account}: the connection is lost"),
        other => liquidation_words(other)
            .or_else(|| money_words(other))
            .unwrap_or_else(|| venue_words(other, names)),
    }
}

fn liquidation_words(action: &Action) -> Option<String> {
    Some(match action {
        Action::SetLiquidation(rules) => {
            let vault = rules.vault.map(|vault| format!(", {vault} is the vault"));
            format!("rules of liquidation, paid in {}{}", rules.cash, vault.unwrap_or_default())
        }
        Action::RegisterLiquidator { account, registered } => {
            let may = if *registered { "may" } else { "may no more" };
            format!("{account} {may} bid in auctions")
        }
        Action::PlaceBid(bid) => {
            let [part, least] =
                [bid.share_ppb, bid.least_ppb].map(|ppb| share(u64::from(ppb) * 1_000_000_000));
            let (account, case, limit) = (bid.account, bid.case, dollars(bid.limit));
            format!("{account}: bid for {part} of {case} from {least} on, {limit} USD at most")
        }
        Action::CancelBid { account, case, .. } => {
            format!("{account}: take back the bid in {case}")
        }
        _ => return None,
    })
}

fn money_words(action: &Action) -> Option<String> {
    Some(match action {
        Action::AnnounceDeposit(deposit) => {
            let (amount, asset) = (exact(deposit.amount.units()), deposit.asset);
            format!("{}: deposit {} of {amount} {asset} seen", deposit.account, deposit.id)
        }
        Action::CreditDeposit(deposit) => {
            format!("{}: deposit {} confirmed", deposit.account, deposit.id)
        }
        Action::VoidDeposit(deposit) => {
            format!("{}: deposit {} did not come", deposit.account, deposit.id)
        }
        Action::RequestWithdrawal(request) => {
            let (amount, asset) = (exact(request.amount.units()), request.asset);
            format!("{}: withdraw {amount} {asset}, number {}", request.account, request.id)
        }
        Action::ConfirmWithdrawal(withdrawal) => {
            format!("{}: withdrawal {} has left", withdrawal.account, withdrawal.id)
        }
        Action::VoidWithdrawal(withdrawal) => {
            format!("{}: withdrawal {} will not be made", withdrawal.account, withdrawal.id)
        }
        Action::Transfer(transfer) => {
            let (amount, asset) = (exact(transfer.amount.units()), transfer.asset);
            format!("{}: {amount} {asset} to {}", transfer.from, transfer.to)
        }
        Action::MoveCapital(capital) => {
            let amount = exact(capital.amount.units());
            format!("{amount} {} into {}", capital.asset, capital.account)
        }
        _ => return None,
    })
}

fn venue_words(action: &Action, names: &Names) -> String {
    match action {
        Action::Tick {} => "time passes".to_owned(),
        Action::SetVenueRules(_) => "limits of the venue".to_owned(),
        Action::Upgrade { rules_version } => format!("rules version {rules_version}"),
        Action::AddAsset(add) => format!("add {}", add.asset),
        Action::SetSources(set) => {
            let count = set.sources.len();
            format!("index of {} from {count} source{}", set.asset, plural(count))
        }
        Action::OpenAccount(open) => {
            let owner = open.owner.map(|owner| format!(" under {owner}")).unwrap_or_default();
            format!("open an account{owner}, {} margin", open.margin_model.name())
        }
        Action::ListInstrument(list) => {
            let call = if list.call { ", opens with a call" } else { "" };
            let lot = sized(&list.instrument, 1);
            let tick = shown(list.terms.tick);
            format!("list {}, tick {tick}, lot {lot}{call}", list.instrument)
        }
        Action::SetTerms { instrument, .. } => format!("new terms of {}", names.name(*instrument)),
        Action::SetMarketState(set) => {
            let scope = match set.scope {
                MarketScope::All => "all markets".to_owned(),
                MarketScope::Underlying(underlying) => format!("markets on {underlying}"),
                MarketScope::Instrument(id) => names.name(id),
            };
            format!("{scope}: {}", word(&set.state))
        }
        Action::BeginCall { instrument } => format!("call period of {}", names.name(*instrument)),
        Action::Uncross { instrument } => format!("uncross {}", names.name(*instrument)),
        Action::SetMethodology(set) => {
            let named = set.text.lines().find_map(|line| line.strip_prefix("name = "));
            format!("methodology {}", named.unwrap_or("without a name").trim_matches('"'))
        }
        Action::SetHistory(history) => {
            let count = history.days.len();
            format!("closes of {} day{}", grouped(&count.to_string()), plural(count))
        }
        Action::ReportPrice(report) => {
            let (asset, price) = (report.asset, shown(report.price));
            format!("source {} sees {asset} at {price}", report.source)
        }
        Action::SetSurface(surface) => {
            let (underlying, expiries) = (surface.underlying, surface.expiries.len());
            let ending = if expiries == 1 { "y" } else { "ies" };
            format!("forwards and volatilities of {underlying}, {expiries} expir{ending}")
        }
        Action::OpenEpoch(_) => "open a risk epoch".to_owned(),
        Action::Review { from, count } => {
            format!("review {count} account{} from {from} on", plural(*count as usize))
        }
        Action::ChangeMarginModel(change) => {
            let dry = if change.dry_run { ", dry run" } else { "" };
            format!("{}: {} margin{dry}", change.account, change.margin_model.name())
        }
        Action::Announce(announce) => {
            format!("{} from {} on", change(&announce.change, names), announce.effective_at)
        }
        Action::WithdrawChange { change } => format!("withdraw change {change}"),
        // Those are said in the other functions.
        other => word(other),
    }
}

/// What is announced.
pub fn change(change: &Change, names: &Names) -> String {
    match change {
        Change::VenueRules(_) => "other limits of the venue".to_owned(),
        Change::Terms { instrument, .. } => format!("other terms of {}", names.name(*instrument)),
        Change::Liquidation(_) => "other rules of liquidation".to_owned(),
    }
}

fn order(order: &OrderTerms, names: &Names) -> String {
    let verb = if order.side == Side::Buy { "buy" } else { "sell" };
    let how = match order.order_type {
        OrderType::Limit { price } => format!("limit {}", shown(price)),
        OrderType::PostOnly { price, .. } => format!("post only at {}", shown(price)),
        OrderType::ImmediateOrCancel { price } => {
            format!("immediate or cancel, limit {}", shown(price))
        }
        OrderType::FillOrKill { price } => format!("fill or kill, limit {}", shown(price)),
        OrderType::Market {} => "at market".to_owned(),
        OrderType::MarketLimit {} => "at market, the rest rests".to_owned(),
    };
    let mut text = format!("{verb} {}, {how}", names.size_of(order.instrument, order.lots));
    if let Some(terms) = &order.trigger {
        text.push_str(&trigger(terms));
    }
    if order.reduce_only {
        text.push_str(", reduce only");
    }
    if let Some(display) = order.display {
        text.push_str(&format!(", {} shown", names.size(order.instrument, display)));
    }
    if let Some(expires) = order.expires {
        text.push_str(&format!(", until {expires}"));
    }
    if order.protected {
        text.push_str(", protected");
    }
    if let Some(label) = &order.label {
        text.push_str(&format!(", labelled {}", label.text()));
    }
    text
}

fn trigger(terms: &TriggerTerms) -> String {
    let source = match terms.source {
        PriceSource::Last => "last price",
        PriceSource::Mark => "mark",
        PriceSource::Index => "index",
    };
    let verb = if terms.direction == Direction::Rising { "rises" } else { "falls" };
    match terms.at {
        TriggerAt::Price(price) => format!(", once the {source} {verb} to {}", shown(price)),
        TriggerAt::Trail(price) => format!(", once the {source} {verb} by {}", shown(price)),
    }
}

fn group(group: &Group, names: &Names) -> String {
    let pair = |pair: &[OrderTerms; 2]| {
        let [one, other] = pair;
        format!("{} | or {}", order(one, names), order(other, names))
    };
    match group {
        Group::OneCancelsOther(orders) => pair(orders),
        Group::OneTriggersOther { first, then, when } => {
            let when = match when {
                WhenFilled::First => "any of it has traded",
                WhenFilled::Complete => "all of it has traded",
            };
            let then = match then {
                TriggerThen::One(terms) => order(terms, names),
                TriggerThen::OneCancelsOther(orders) => pair(orders),
            };
            format!("{} | when {when}: {then}", order(first, names))
        }
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A price with its thousands set apart.
pub fn shown(price: Price) -> String {
    exact(i128::from(price.units()))
}
