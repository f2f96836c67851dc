//! What scripts have reached, counted by name.

use std::collections::BTreeMap;

use engine::command::{Action, Group, OrderTerms};
use engine::event::{Event, TransferStep};
use engine::{Command, Rejection};
use instruments::{Amount, Price};
use serde::Serialize;

use crate::model::Model;
use crate::outline;

/// What must be reached, by kind; `+` stands for a space.
const REQUIRED: &[(&str, &str)] = &[
    (
        "command",
        "tick set_venue_rules upgrade add_asset set_sources open_account list_instrument set_terms \
         set_market_state begin_call uncross set_methodology set_history report_price set_surface \
         open_epoch review announce_deposit credit_deposit void_deposit request_withdrawal \
         confirm_withdrawal void_withdrawal transfer move_capital change_margin_model place_order \
         place_group amend_order cancel_order cancel_orders mass_quote protect_market_maker \
         reset_protection set_cancel_on_disconnect disconnect announce withdraw_change",
    ),
    (
        "event",
        "rejected repeated venue_rules_set upgraded asset_added sources_set account_opened listed \
         terms_set market_state_set call_began uncrossed methodology_set history_set index \
         surface_set mark epoch_opened epoch_due breaker_tripped transfer balance margin_model \
         order_accepted rested trade position cancelled reduced amended repriced triggered \
         quotes_frozen protection_set cancel_on_disconnect margin_call margin_restored \
         funding_rate settled expired expiry_delayed change_announced change_withdrawn \
         change_made change_dropped",
    ),
    (
        "rejection",
        "sequence time_backwards time_out_of_range unknown_rules out_of_range unknown_account \
         owner_is_subaccount unknown_asset unknown_instrument expired already_listed not_listable \
         no_surface methodology history notice_in_past unknown_source sources report_time \
         price_out_of_range surface no_index epoch arrays_hash epoch_market ledger \
         withdrawals_stopped withdrawable owners_differ not_a_capital_account request_reused \
         request_forgotten market stale_index no_epoch epoch_overdue not_in_epoch no_methodology \
         lots tick band expires_in_past terms nothing_to_reduce too_many_orders \
         too_many_instruments position_limit open_interest margin unmargined book unknown_order \
         not_amendable too_many_quotes quotes_frozen group too_many_activations model_margin \
         venue_full empty_change change_announced unknown_change",
    ),
    (
        "ledger",
        "too_many_accounts too_many_assets asset_exists not_positive amount_too_large \
         out_of_bounds id_taken anothers_transfer unknown_transfer already_settled \
         too_many_transfers more_than_available more_than_allowed",
    ),
    (
        "book",
        "price_out_of_bounds display_too_small display_without_rest post_only_would_take \
         call_period no_call_period",
    ),
    (
        "cancelled",
        "book:requested book:unfilled book:fill_or_kill book:self_trade book:no_price \
         cancel_orders expired reduce_only one_cancels_other restricted protection disconnect \
         instrument_expired replaced refused not_triggered",
    ),
    ("reduced", "book:self_trade reduce_only"),
    (
        "posting",
        "deposit_announced deposit_credited deposit_voided withdrawal_requested \
         withdrawal_confirmed withdrawal_voided fee funding settlement premium interest transfer \
         rounding capital",
    ),
    (
        "transfer",
        "deposit_announced deposit_credited deposit_voided withdrawal_requested \
         withdrawal_confirmed withdrawal_voided already_done",
    ),
    (
        "accepted",
        "limit post_only immediate_or_cancel fill_or_kill market market_limit allow cancel_taker \
         cancel_maker cancel_both decrement reduce-only display expires protected",
    ),
    (
        "trigger",
        "last+rising+price last+rising+trail last+falling+price last+falling+trail \
         mark+rising+price mark+rising+trail mark+falling+price mark+falling+trail \
         index+rising+price index+rising+trail index+falling+price index+falling+trail",
    ),
    (
        "group",
        "cancels triggers+one+first triggers+one+complete triggers+one_cancels_other+first \
         triggers+one_cancels_other+complete",
    ),
    ("order", "of+cross of+isolated of+portfolio"),
    ("margin", "call+cross call+isolated call+portfolio"),
    ("market", "open reduce_only halted halted+for+a+time"),
    ("index", "fresh lone stale"),
    ("funding", "rate+-1 rate+0 rate+1"),
    ("expired", "in+the+money out+of+the+money future"),
    ("amended", "true false"),
    ("uncrossed", "true false"),
    ("frozen", "true false"),
    ("epoch", "with+its+hash with+a+market with+notice"),
    ("rebate", "paid"),
];

/// What only a venue that liquidates has: the tests of liquidation reach it. And what takes more
/// commands than a script has: a case by hand reaches that.
const ELSEWHERE: &[(&str, &str)] = &[
    ("command", "set_liquidation register_liquidator place_bid cancel_bid"),
    ("event", "liquidation_set liquidator_set case deficit_covered"),
    (
        "rejection",
        "liquidation_rules in_liquidation unknown_case not_a_liquidator own_case \
         no_auction case_step too_many_bids unknown_bid too_many_changes",
    ),
    ("transfer", ""),
];

#[derive(Default)]
pub struct Coverage(pub BTreeMap<String, u64>);

impl Coverage {
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    fn reached(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn count(&mut self, command: &Command, events: &[Event], model: &Model) {
        self.reached(format!("command {}", name(&command.action)));
        for event in events {
            self.reached(format!("event {}", name(event)));
            self.count_event(event, model);
        }
        let accepted = events.iter().any(|event| matches!(event, Event::OrderAccepted { .. }));
        if accepted {
            self.count_orders(&command.action);
        }
        let opened = matches!(events, [Event::EpochOpened { .. }]);
        if let Action::OpenEpoch(open) = &command.action
            && opened
        {
            for (what, has) in
                [("its hash", open.arrays_hash.is_some()), ("a market", open.market.is_some())]
            {
                if has {
                    self.reached(format!("epoch with {what}"));
                }
            }
        }
    }

    fn count_event(&mut self, event: &Event, model: &Model) {
        match event {
            Event::Rejected(rejected) => {
                self.reached(format!("rejection {}", name(&rejected.reason)));
                match &rejected.reason {
                    Rejection::Ledger(refusal) => self.reached(format!("ledger {}", name(refusal))),
                    Rejection::Book(refusal) => self.reached(format!("book {}", name(refusal))),
                    _ => {}
                }
            }
            Event::Cancelled { reason, .. } => self.reached(format!("cancelled {}", full(reason))),
            Event::Reduced { reason, .. } => self.reached(format!("reduced {}", full(reason))),
            Event::Balance { kind, .. } => self.reached(format!("posting {}", name(kind))),
            Event::Transfer { step, .. } => self.reached(format!("transfer {}", name(step))),
            Event::MarketStateSet { state, until, .. } => {
                let halt = if until.is_some() { " for a time" } else { "" };
                self.reached(format!("market {}{halt}", name(state)));
            }
            Event::Index { status, .. } => self.reached(format!("index {}", name(status))),
            Event::FundingRate { rate_8h_ppb, .. } => {
                self.reached(format!("funding rate {}", rate_8h_ppb.signum()));
            }
            Event::MarginCall { account, .. } => {
                let of = model.accounts[account.number() as usize].model;
                self.reached(format!("margin call {}", of.name()));
            }
            Event::OrderAccepted { account, .. } => {
                let of = model.accounts[account.number() as usize].model;
                self.reached(format!("order of {}", of.name()));
            }
            Event::Expired { instrument, price } => {
                let listed = model.listings[instrument.0 as usize].instrument;
                let paid = listed.payoff(*price, instruments::Rounding::Floor);
                let worth = |pays: &Price| if *pays > Price::ZERO { "in" } else { "out of" };
                let how = match paid {
                    None => "future".into(),
                    Some(pays) => format!("{} the money", worth(&pays.unwrap_or(*price))),
                };
                self.reached(format!("expired {how}"));
            }
            Event::EpochOpened { .. }
                if model.portfolio.iter().chain(&model.position).any(|p| !p.before.is_empty()) =>
            {
                self.reached("epoch with notice".into());
            }
            Event::Amended { kept_place, .. } => self.reached(format!("amended {kept_place}")),
            Event::Uncrossed { price, .. } => {
                self.reached(format!("uncrossed {}", price.is_some()))
            }
            Event::QuotesFrozen { until, .. } => {
                self.reached(format!("frozen {}", until.is_some()))
            }
            Event::Trade(trade) => {
                let name = model.listings[trade.instrument.0 as usize].instrument.to_string();
                self.reached(format!("traded {name}"));
                if trade.maker_fee < Amount::ZERO {
                    self.reached("rebate paid".into());
                }
            }
            _ => {}
        }
    }

    fn count_orders(&mut self, action: &Action) {
        match action {
            Action::PlaceOrder(place) => self.count_terms(&place.order),
            Action::PlaceGroup(group) => match &group.group {
                Group::OneCancelsOther(_) => self.reached("group cancels".into()),
                Group::OneTriggersOther { then, when, .. } => {
                    self.reached(format!("group triggers {} {}", name(then), name(when)));
                }
            },
            _ => {}
        }
    }

    fn count_terms(&mut self, terms: &OrderTerms) {
        self.reached(format!("accepted {}", name(&terms.order_type)));
        self.reached(format!("accepted {}", name(&terms.self_trade)));
        if let Some(trigger) = terms.trigger {
            let (source, direction) = (name(&trigger.source), name(&trigger.direction));
            self.reached(format!("trigger {source} {direction} {}", name(&trigger.at)));
        }
        let flags = [
            ("reduce-only", terms.reduce_only),
            ("display", terms.display.is_some()),
            ("expires", terms.expires.is_some()),
            ("protected", terms.protected),
        ];
        for (what, has) in flags {
            if has {
                self.reached(format!("accepted {what}"));
            }
        }
    }

    /// # Panics
    /// If scripts as they are generated leave something out.
    pub fn assert_complete(&self) {
        let mut missing = Vec::new();
        for (kind, names) in REQUIRED {
            let wanted =
                names.split_whitespace().map(|name| format!("{kind} {}", name.replace('+', " ")));
            missing.extend(wanted.filter(|what| !self.0.contains_key(what)));
        }
        assert!(missing.is_empty(), "no script has reached: {missing:#?}");
    }

    /// Every name with its count, one a line.
    pub fn lines(&self) -> String {
        self.0.iter().map(|(what, count)| format!("{count:>9} {what}\n")).collect()
    }
}

/// The name of a variant.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value).unwrap() {
        serde_json::Value::Object(map) => map.keys().next().unwrap().clone(),
        serde_json::Value::String(name) => name,
        other => other.to_string(),
    }
}

/// The name of a variant with the one in it.
fn full(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap().replace(['{', '}', '"'], "")
}

/// Whatever is added must be reached, here or where liquidation is tested.
#[test]
fn every_kind_is_required() {
    for (kind, variants) in [
        ("command", outline::variants::<Action>()),
        ("event", outline::variants::<Event>()),
        ("rejection", outline::variants::<Rejection>()),
        ("transfer", outline::variants::<TransferStep>()),
    ] {
        let lists = [REQUIRED, ELSEWHERE].map(|list| {
            let (_, names) = list.iter().find(|(known, _)| *known == kind).unwrap();
            names.split_whitespace().collect::<Vec<_>>()
        });
        let (mut required, mut variants) = (lists.concat(), variants);
        required.sort_unstable();
        variants.sort_unstable();
        assert_eq!(required, variants, "{kind}");
    }
}
