//! Lot sizes by listing convention, for contracts known by name alone.

use crate::units::SCALE;
use crate::{ContractKind, Error, Instrument, SettlementStyle};

/// The size of one lot in 10⁻⁸, by base asset and contract family; the smallest sizes that the
/// venue whose names we speak lists (Deribit, contract specifications, 2025). Inverse futures are
/// sized in US dollars, all else in the base asset.
pub(crate) fn lot_size(base: &str, kind: ContractKind, style: SettlementStyle) -> Option<i64> {
    let option = matches!(kind, ContractKind::Option { .. });
    let inverse = style == SettlementStyle::Inverse;
    Some(match (base, option, inverse) {
        ("BTC", true, true) => SCALE / 10,
        ("ETH", true, true) => SCALE,
        ("BTC", false, true) => 10 * SCALE,
        ("ETH", false, true) => SCALE,
        ("BTC", true, false) => SCALE / 100,
        ("ETH", true, false) => SCALE / 10,
        ("SOL" | "BNB", true, false) => SCALE,
        ("XRP", true, false) => 100 * SCALE,
        ("BTC", false, false) => SCALE / 1_000,
        ("ETH", false, false) => SCALE / 100,
        ("SOL" | "BNB", false, false) => SCALE / 10,
        ("XRP", false, false) => SCALE,
        _ => return None,
    })
}

impl Instrument {
    /// The same contract with the lot size that its family is listed with.
    pub(crate) fn with_convention(mut self) -> Result<Self, Error> {
        self.lot_size = lot_size(self.base.name(), self.kind, self.style)
            .ok_or_else(|| Error::NoConvention(self.to_string()))?;
        Ok(self)
    }
}
