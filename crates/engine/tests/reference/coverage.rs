//! What scripts have reached, counted by name.

use std::collections::BTreeMap;

use engine::command::{Action, Group, OrderTerms};
use engine::event::Event;
use engine::{Command, Rejection};
use instruments::Amount;
use serde::Serialize;

use crate::model::Model;

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
            Event::Expired { instrument, .. } => {
                let name = model.listings[instrument.0 as usize].instrument.to_string();
                self.reached(format!("expired {}", name.rsplit('-').next().unwrap()));
            }
            Event::Amended { kept_place, .. } => self.reached(format!("amended {kept_place}")),
            Event::Uncrossed { price, .. } => self.reached(format!("uncrossed {}", price.is_some())),
            Event::QuotesFrozen { until, .. } => self.reached(format!("frozen {}", until.is_some())),
            Event::Trade(trade) => {
                let name = model.listings[trade.instrument.0 as usize].instrument.to_string();
                self.reached(format!("traded {name}"));
                if trade.maker_fee < Amount::ZERO {
                    self.reached("rebate".into());
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

    pub fn assert_complete(&self) {
        for (what, count) in &self.0 {
            println!("{count:>9} {what}");
        }
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
