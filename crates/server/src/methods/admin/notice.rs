//! Changes that are announced: what waits, and taking one back.

use engine::State;
use engine::change::{Announced, Change as Announcement};
use engine::command::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{Change, differ, json, merge};
use super::{SubmitReply, submitted};
use crate::call::Call;
use crate::error::RpcError;
use crate::params::{Nothing, Whole};
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/get_changes", Account, Free, get_changes, Nothing => Vec<ChangeRow>, "Changes that are announced, the earliest first"),
        method!("admin/withdraw_change", AccountWrite, Free, withdraw_change, WithdrawParams => SubmitReply, "Withdraws a change before its time"),
    ]
}

/// A change that is announced.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeRow {
    /// Its number.
    change: u64,
    /// `terms`, `venue_rules` or `liquidation`.
    of: &'static str,
    /// The instrument, if it is of terms.
    instrument: Option<String>,
    /// When it was announced, in milliseconds.
    announced: i64,
    /// From when on it holds, in milliseconds.
    effective_at: i64,
    /// What it would change by now.
    changes: Vec<Change>,
}

impl ChangeRow {
    fn of(state: &State, change: u64, known: &Announced) -> Self {
        let (of, id, before, named) = match &known.change {
            Announcement::Terms { instrument, changes } => (
                "terms",
                Some(*instrument),
                json(&state.instrument_terms(*instrument)),
                json(changes),
            ),
            Announcement::VenueRules(changes) => {
                ("venue_rules", None, json(state.rules()), json(changes))
            }
            Announcement::Liquidation(changes) => {
                ("liquidation", None, json(&state.rules_of_liquidation()), json(changes))
            }
        };
        let mut after: Value = before.clone();
        merge(&mut after, &named);
        let mut changes = Vec::new();
        differ("", &before, &after, &mut changes);
        Self {
            change,
            of,
            instrument: id.and_then(|id| state.instrument(id)).map(|one| one.to_string()),
            announced: known.announced.milliseconds(),
            effective_at: known.effective_at.milliseconds(),
            changes,
        }
    }
}

async fn get_changes(call: &Call, _: Nothing) -> Result<Vec<ChangeRow>, RpcError> {
    let rows = |state: &State| -> Vec<ChangeRow> {
        state.announced().map(|(number, known)| ChangeRow::of(state, number, known)).collect()
    };
    let mut rows = call.service.look(rows).await?;
    rows.sort_by_key(|row| (row.effective_at, row.change));
    Ok(rows)
}

/// Which change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawParams {
    /// Its number.
    change: Whole,
}

async fn withdraw_change(call: &Call, params: WithdrawParams) -> Result<SubmitReply, RpcError> {
    let change = u64::try_from(params.change.0)
        .map_err(|_| RpcError::invalid("change", "must be the number of a change"))?;
    submitted(call, Action::WithdrawChange { change }).await
}
