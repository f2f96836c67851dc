//! Parameters: what a change would change, and the change itself, at once or with notice.

use engine::command::{Action, Announce, SetMethodology};
use engine::rules::{InstrumentTerms, VenueRules};
use engine::{LiquidationRules, State, change};
use instruments::Timestamp;
use risk::Methodology;
use risk::methodology::Rules;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::margins::{MarginMove, moves};
use super::submitted;
use crate::call::Call;
use crate::error::RpcError;
use crate::methods::market::listing;
use crate::params::{Flag, Nested, Nothing, Whole};
use crate::registry::{Method, method};

/// How long a change of methodology is noticed if nothing else is said.
const NOTICE_MS: i64 = 60_000;
/// How long before an announced change is made nothing else of the same record is changed at once.
const SOON_MS: i64 = 5_000;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/get_venue_rules", Account, Free, get_venue_rules, Nothing => Value, "The venue's limits"),
        method!("admin/set_venue_rules", AccountWrite, Free, set_venue_rules, RulesParams => ChangeReply, "Changes some of the venue's limits, or says what would change"),
        method!("admin/set_terms", AccountWrite, Free, set_terms, TermsParams => ChangeReply, "Changes some terms of an instrument, or says what would change"),
        method!("admin/get_liquidation", Account, Free, get_liquidation, Nothing => Value, "The rules of liquidation; null before there are any"),
        method!("admin/set_liquidation", AccountWrite, Free, set_liquidation, RulesParams => ChangeReply, "Changes some rules of liquidation, or says what would change"),
        method!("admin/set_methodology", AccountWrite, Free, set_methodology, MethodologyParams => ChangeReply, "Publishes a methodology with notice, or says in which lines it differs and whose margin it moves"),
    ]
}

/// What changes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeReply {
    /// The command's number, which is that of an announced change; none for a dry run.
    sequence: Option<u64>,
    /// From when it holds, in words.
    in_force: &'static str,
    /// The first tick at or after it makes an announced change, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<i64>,
    /// Until when maintenance margin is the lower of before and after, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_ends: Option<i64>,
    /// What changes.
    changes: Vec<Change>,
    /// Of a methodology's dry run: accounts whose margin would move, of the first 200 with positions or
    /// orders; the largest rise comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    margins: Option<Vec<MarginMove>>,
}

/// A parameter that changes, or a line of a methodology.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// Its name, or the line's number.
    parameter: String,
    /// As it is; null if it is not there.
    from: Value,
    /// As it will be; null if it goes.
    to: Value,
}

/// Rules that change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesParams {
    /// Rules by name, as `admin/get_venue_rules` or `admin/get_liquidation` has them; others stay as
    /// they are.
    changes: Nested<Value>,
    /// From when on, in milliseconds; at once unless said.
    effective_at: Option<Whole>,
    /// Only says what would change.
    dry_run: Option<Flag>,
}

async fn rules(call: &Call) -> Result<VenueRules, RpcError> {
    call.service.look(|state| *state.rules()).await
}

async fn get_venue_rules(call: &Call, _: Nothing) -> Result<Value, RpcError> {
    Ok(json(&rules(call).await?))
}

async fn set_venue_rules(call: &Call, params: RulesParams) -> Result<ChangeReply, RpcError> {
    let _turn = call.service.control.turn.lock().await;
    let is_same = |change: &change::Change| matches!(change, change::Change::VenueRules(_));
    let timed = Timed::of(call, params.effective_at, params.dry_run, is_same).await?;
    let before = rules(call).await?;
    let (after, changes) = changed(&before, &params.changes.0)?;
    after.check()?;
    let action = timed.action(Action::SetVenueRules(after), || {
        Ok(change::Change::VenueRules(named(&params.changes.0)?))
    })?;
    timed.change(call, changes, action).await
}

async fn get_liquidation(call: &Call, _: Nothing) -> Result<Value, RpcError> {
    let rules = call.service.look(|state| state.rules_of_liquidation().cloned()).await?;
    Ok(json(&rules))
}

async fn set_liquidation(call: &Call, params: RulesParams) -> Result<ChangeReply, RpcError> {
    let _turn = call.service.control.turn.lock().await;
    let is_same = |change: &change::Change| matches!(change, change::Change::Liquidation(_));
    let timed = Timed::of(call, params.effective_at, params.dry_run, is_same).await?;
    let before = call.service.look(|state: &State| state.rules_of_liquidation().cloned()).await?;
    let before = before.ok_or_else(|| {
        RpcError::invalid("changes", "there are no rules yet: submit set_liquidation first")
    })?;
    let (after, changes): (LiquidationRules, _) = changed(&before, &params.changes.0)?;
    after.check()?;
    let mut announced = params.changes.0;
    if let Some(adl) = announced.get_mut("adl") {
        // A policy is announced whole.
        *adl = json(&after.adl);
    }
    let action = timed.action(Action::SetLiquidation(Box::new(after)), || {
        Ok(change::Change::Liquidation(named(&announced)?))
    })?;
    timed.change(call, changes, action).await
}

/// Terms that change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsParams {
    /// The instrument, by its name.
    instrument: String,
    /// Terms by name, as `admin/get_instruments` has them; others stay as they are.
    changes: Nested<Value>,
    /// From when on, in milliseconds; at once unless said.
    effective_at: Option<Whole>,
    /// Only says what would change.
    dry_run: Option<Flag>,
}

async fn set_terms(call: &Call, params: TermsParams) -> Result<ChangeReply, RpcError> {
    let _turn = call.service.control.turn.lock().await;
    let instrument = listing(&call.service.venue.read(), &params.instrument)?.id;
    let is_same = move |change: &change::Change| matches!(change, change::Change::Terms { instrument: other, .. } if *other == instrument);
    let timed = Timed::of(call, params.effective_at, params.dry_run, is_same).await?;
    let before = call.service.venue.read().at(instrument).terms;
    let (terms, changes): (InstrumentTerms, _) = changed(&before, &params.changes.0)?;
    terms.check()?;
    let action = timed.action(Action::SetTerms { instrument, terms }, || {
        Ok(change::Change::Terms { instrument, changes: named(&params.changes.0)? })
    })?;
    timed.change(call, changes, action).await
}

/// When a change is made, if it is.
struct Timed {
    /// With notice, if so.
    effective_at: Option<Timestamp>,
    dry_run: bool,
}

impl Timed {
    /// A change at once is sent as the whole record: while an announced change of the same record is
    /// about to be made, it would undo that one.
    async fn of(
        call: &Call,
        at: Option<Whole>,
        dry_run: Option<Flag>,
        is_same: impl Fn(&change::Change) -> bool + Send + 'static,
    ) -> Result<Self, RpcError> {
        let effective_at = at.map(|at| Timestamp::from_milliseconds(at.0));
        let dry_run = dry_run.is_some_and(|flag| flag.0);
        let now = call.service.venue.read().time;
        if effective_at.is_some_and(|at| at <= now) {
            return Err(RpcError::invalid("effective_at", "must be in the future"));
        }
        if effective_at.is_none() && !dry_run {
            let soon = Timestamp::from_milliseconds(now.milliseconds().saturating_add(SOON_MS));
            let due = move |state: &State| {
                let mut all = state.announced();
                let due = all.find(|(_, one)| one.effective_at <= soon && is_same(&one.change));
                due.map(|(number, one)| (number, one.effective_at))
            };
            if let Some((number, at)) = call.service.look(due).await? {
                let reason = format!("change {number} is made at {at}: wait until it is");
                return Err(RpcError::invalid("changes", reason));
            }
        }
        Ok(Self { effective_at, dry_run })
    }

    /// The command that makes a change at once, or announces it.
    fn action(
        &self,
        at_once: Action,
        change: impl FnOnce() -> Result<change::Change, RpcError>,
    ) -> Result<Action, RpcError> {
        let Some(effective_at) = self.effective_at else { return Ok(at_once) };
        Ok(Action::Announce(Box::new(Announce { effective_at, change: change()? })))
    }

    /// Sends it, unless it is a dry run or nothing differs now that is to change now.
    async fn change(
        &self,
        call: &Call,
        changes: Vec<Change>,
        action: Action,
    ) -> Result<ChangeReply, RpcError> {
        let is_nothing = self.effective_at.is_none() && changes.is_empty();
        let sequence = match self.dry_run || is_nothing {
            true => None,
            false => Some(submitted(call, action).await?.sequence),
        };
        let in_force = match self.effective_at {
            None => "at once",
            Some(_) => "with the first tick at that time",
        };
        let effective_at = self.effective_at.map(Timestamp::milliseconds);
        let (notice_ends, margins) = (None, None);
        Ok(ChangeReply { sequence, in_force, effective_at, notice_ends, changes, margins })
    }
}

/// A methodology.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MethodologyParams {
    /// One that ships, by its name.
    built_in: Option<String>,
    /// Or the whole text of a file.
    text: Option<String>,
    /// How long maintenance margin is the lower of before and after, in milliseconds: a minute unless
    /// said.
    notice_ms: Option<Whole>,
    /// Only says what would change.
    dry_run: Option<Flag>,
}

async fn set_methodology(call: &Call, params: MethodologyParams) -> Result<ChangeReply, RpcError> {
    let text = match (&params.built_in, params.text) {
        (Some(name), None) => Methodology::built_in_text(name).map(str::to_owned),
        (None, Some(text)) => Some(text),
        _ => None,
    };
    let text = text.ok_or_else(|| {
        let names = Methodology::built_in_names().join(", ");
        RpcError::invalid("built_in", format!("give one of {names}, or a text"))
    })?;
    let parsed = Methodology::parse(&text);
    let parsed = parsed.map_err(|error| RpcError::invalid("text", error.to_string()))?;
    let is_position = matches!(parsed.rules(), Rules::Position(_));
    let before = call.service.look(move |state| {
        let epoch = state.epoch()?;
        let text = match is_position {
            true => epoch.position.as_ref()?.methodology().text().to_owned(),
            false => epoch.portfolio.as_ref()?.methodology().text().to_owned(),
        };
        Some(text)
    });
    let changes = lines(&before.await?.unwrap_or_default(), &text);
    let notice = params.notice_ms.map_or(NOTICE_MS, |notice| notice.0);
    let now = call.service.venue.read().time.milliseconds();
    let notice_ends = now.saturating_add(notice);
    let is_dry = params.dry_run.is_some_and(|flag| flag.0);
    let margins = match is_dry {
        true => Some(moves(call, parsed, is_position).await?),
        false => None,
    };
    let sequence = match is_dry {
        true => None,
        false => {
            let notice_ends = Timestamp::from_milliseconds(notice_ends);
            let set = SetMethodology { text, notice_ends };
            Some(submitted(call, Action::SetMethodology(set)).await?.sequence)
        }
    };
    let notice_ends = Some(notice_ends);
    let in_force = "with the next risk epoch";
    let effective_at = None;
    Ok(ChangeReply { sequence, in_force, effective_at, notice_ends, changes, margins })
}

/// Fields that change, as they are announced.
fn named<T: DeserializeOwned>(changes: &Value) -> Result<T, RpcError> {
    serde_json::from_value(changes.clone())
        .map_err(|error| RpcError::invalid("changes", error.to_string()))
}

pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("plain records are JSON")
}

/// A record with some members replaced, and which of them differ.
fn changed<T: Serialize + DeserializeOwned>(
    before: &T,
    changes: &Value,
) -> Result<(T, Vec<Change>), RpcError> {
    let invalid = |why: String| RpcError::invalid("changes", why);
    let mut after = json(before);
    if !changes.is_object() {
        return Err(invalid("must be an object of names and values".into()));
    }
    merge(&mut after, changes);
    let after: T = serde_json::from_value(after).map_err(|error| invalid(error.to_string()))?;
    let mut differing = Vec::new();
    differ("", &json(before), &json(&after), &mut differing);
    Ok((after, differing))
}

/// Replaces members, those of objects within one by one. JSON is nested as deep as requests may be.
pub(super) fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) if !is_other_kind(into, changes) => {
            for (name, value) in changes {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

/// Whether what is one of several kinds, written `{"kind": {…}}`, becomes another.
fn is_other_kind(into: &Map<String, Value>, changes: &Map<String, Value>) -> bool {
    into.len() == 1 && changes.len() == 1 && into.keys().ne(changes.keys())
}

/// The members in which two records differ.
pub(super) fn differ(name: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                let of = |all: &Map<String, Value>| all.get(key).cloned().unwrap_or_default();
                differ(&name, &of(one), &of(other), changes);
            }
        }
        _ if before == after => {}
        _ => changes.push(Change {
            parameter: name.to_owned(),
            from: before.clone(),
            to: after.clone(),
        }),
    }
}

/// The lines in which two texts differ, between what they begin and end with alike.
fn lines(before: &str, after: &str) -> Vec<Change> {
    let (one, other): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let alike = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[alike..], &other[alike..]);
    let tail = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[..one.len() - tail], &other[..other.len() - tail]);
    let line = |of: &[&str], place: usize| of.get(place).map_or(Value::Null, |&line| line.into());
    let all = (0..one.len().max(other.len())).map(|place| Change {
        parameter: format!("line {}", alike + place + 1),
        from: line(one, place),
        to: line(other, place),
    });
    all.filter(|change| change.from != change.to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_what_changes_and_nothing_else() {
        let rules = VenueRules::default();
        let changes = serde_json::json!({"quotes_max": 50, "requests_max": rules.requests_max});
        let (after, changes) = changed(&rules, &changes).unwrap();
        assert_eq!(after, VenueRules { quotes_max: 50, ..rules });
        let expected = Change { parameter: "quotes_max".into(), from: 100.into(), to: 50.into() };
        assert_eq!(changes, [expected]);
        let terms: InstrumentTerms =
            serde_json::from_value(serde_json::json!({"tick": "0.5"})).unwrap();
        let (after, changes) =
            changed(&terms, &serde_json::json!({"fees": {"taker_ppm": 300}})).unwrap();
        assert_eq!((after.fees.taker_ppm, after.fees.insurance_ppm), (300, 200_000));
        assert_eq!(changes[0].parameter, "fees.taker_ppm");
        for wrong in [serde_json::json!(5), serde_json::json!({"qotes_max": 5})] {
            assert!(changed(&rules, &wrong).is_err());
        }
    }

    #[test]
    fn lines_that_differ_are_numbered() {
        let found = lines("a\nb\nc\nd", "a\nB\nc\nd");
        let expected = Change { parameter: "line 2".into(), from: "b".into(), to: "B".into() };
        assert_eq!(found, [expected]);
        assert_eq!(lines("a", "a"), []);
        assert_eq!(lines("", "a\nb").len(), 2);
        assert_eq!(lines("a\nb\nc", "a\nc")[0].to, Value::Null);
    }
}
