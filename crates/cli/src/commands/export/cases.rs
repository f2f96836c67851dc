//! Rows about liquidation cases.

use engine::event::CaseEvent;

use super::rows::{Place, Teller, amount, number, optional, price, tagged, text};
use super::tables::{Table, Value};
use crate::failure::Failure;
use crate::stories::{Figures, figures};

impl Teller {
    /// A row for a step of a case.
    pub(super) fn case(&self, event: &CaseEvent, place: &mut Place<'_, '_>) -> Result<(), Failure> {
        let (what, body) = tagged(&event.what);
        let Figures { stands, counterparty, lots, mark, asset, amount: sum } = figures(&event.what);
        let [equity, maintenance, value] = match stands {
            Some(stands) => [stands.equity, stands.maintenance, stands.value].map(amount),
            None => [Value::Missing, Value::Missing, Value::Missing],
        };
        let row = [
            Value::Number(event.case.0),
            number(event.account),
            Value::Number(event.step.into()),
            text(what),
            equity,
            maintenance,
            value,
            optional(counterparty, number),
            optional(lots, |(id, _)| self.name(id)),
            optional(lots, |(_, lots)| Value::Integer(lots)),
            optional(lots, |(id, lots)| self.size(id, lots)),
            optional(mark, price),
            optional(asset, |asset| text(asset.to_string())),
            optional(sum, amount),
            text(body),
        ];
        place.row(Table::Cases, row)
    }
}
