//! How fast what one position needs grows while prices move.

use instruments::{ContractKind, Instrument, OptionKind, Quantity, SCALE};

use super::{ByPosition, Opened};
use crate::RiskError;
use crate::equity::AMOUNT_MAX;
use crate::market::Market;
use crate::methodology::{NotionalAt, OptionRates};

/// More than all that the slopes of a position lose by being computed in floating point.
const ROUNDING: f64 = 1.0 / (1_u64 << 40) as f64;
/// How many times its share of the mark's fall an inverse contract may need more; see [`NeedSlopes`].
const INVERSE: f64 = 4.0;

/// How fast the maintenance margin of one position grows at most, in US dollars for each dollar that a
/// price moves by: 10⁻⁸ units of the underlying.
///
/// Let S be the index of the underlying and m the mark in US dollars: of an inverse future or perpetual
/// as it is, else times the price of the asset of settlement. What the position needs at S and m is at
/// most what it needs now, at S₀ and m₀, and
///
/// ```text
/// index_fall·max(0, S₀ − S) + index_rise·max(0, S − S₀)
///   + mark_fall·max(0, m₀ − m) + mark_rise·max(0, m − m₀)
/// ```
///
/// apart from a tick by which each figure is rounded up. The provision for fees is in it, what an
/// expiry's cap gives back is not. Of an inverse future or perpetual it holds while S is at most a
/// quarter above S₀ and m at most a quarter below m₀.
///
/// **Options and linear contracts.** At a fixed size q the formulas are made of `min`, `max` and sums
/// of straight lines in S and m, so each is at most as steep as the steepest of its lines. A short
/// call has `q·rate·S − q·max(0, K − S)` and its floor; where the two rates are the same the floor is
/// above the line everywhere. A short put has `q·rate·S − q·max(0, S − K)`, which rises as the index
/// falls, its floor and its cap. A short option's mark counts in full even where the rules keep it out
/// of the requirement, since health takes it from equity or from the requirement
/// ([`crate::waterfall::Solvency`]).
///
/// **Inverse contracts.** Size is N/m, so with c = rate + slope·N/m the need is `c·N/m·S`, or `c·N` at
/// notionals taken at mark. From S₀ to S at the mark of now it grows by `c·N/m₀` for each dollar. From
/// m₀ to m = m₀ − δ, with δ ≤ m₀/4, 1/m grows by `δ/(m·m₀) ≤ 4/3·δ/m₀²` and its square by at most 7/3
/// times as much of itself; with S ≤ 5/4·S₀ the need grows by at most 5/4·4/3·7/3 < 4 times its part
/// δ/m₀.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeedSlopes {
    /// As the index of the underlying falls.
    pub index_fall: i128,
    /// As the index rises.
    pub index_rise: i128,
    /// As the mark in US dollars falls; zero but for inverse futures and perpetuals.
    pub mark_fall: i128,
    /// As the mark rises.
    pub mark_rise: i128,
}

/// The same for one unit of the underlying.
#[derive(Clone, Copy, Debug, Default)]
struct PerUnit {
    index_fall: f64,
    index_rise: f64,
    mark_fall: f64,
    mark_rise: f64,
}

impl ByPosition {
    /// How fast the maintenance margin of so many signed lots grows at most.
    ///
    /// # Errors
    /// What the market or the methodology lacks for the instrument; [`RiskError::AmountTooLarge`].
    pub fn slopes(
        &self,
        market: &Market,
        instrument: &Instrument,
        lots: Quantity,
    ) -> Result<NeedSlopes, RiskError> {
        let rules = self.methodology.position_rules()?;
        let (name, haircuts) = (self.methodology.name(), &self.haircuts);
        Opened { rules, name, market, haircuts }.slopes(instrument, lots.lots())
    }
}

impl Opened<'_> {
    fn slopes(&self, instrument: &Instrument, lots: i64) -> Result<NeedSlopes, RiskError> {
        let terms = self.terms(instrument)?;
        let size = terms.units(lots.unsigned_abs() as f64);
        let rates = &self.rules.options.maintenance;
        let mut slopes = match instrument.kind() {
            ContractKind::Option { kind, .. } if lots < 0 => PerUnit::of_short(rates, kind),
            ContractKind::Option { .. } => PerUnit {
                index_rise: rates.long_rate,
                mark_rise: rates.long_mark,
                ..PerUnit::default()
            },
            _ => {
                let rate = self.need(instrument, &terms, lots)?.maintenance
                    / (size * self.notional_price(&terms));
                PerUnit::of_notional(self.rules.notional_at, rate)
            }
        };
        if let Some(fees) = &self.rules.fees {
            let fees = match instrument.is_option() {
                true => PerUnit {
                    index_rise: fees.option,
                    mark_rise: fees.option_cap,
                    ..PerUnit::default()
                },
                false => PerUnit::of_notional(self.rules.notional_at, fees.future),
            };
            slopes.index_rise += fees.index_rise;
            slopes.mark_rise += fees.mark_rise;
        }
        if instrument.is_sized_in_quote() {
            let need = slopes.index_rise * terms.index + slopes.mark_rise * terms.mark;
            slopes.mark_fall = INVERSE * need / terms.mark;
            slopes.mark_rise = 0.0;
        }
        let whole = |per_unit: f64| {
            let units = (per_unit * size * SCALE as f64 * (1.0 + ROUNDING)).ceil();
            match units.is_finite() && units < AMOUNT_MAX as f64 {
                true => Ok(units as i128 + i128::from(units > 0.0)),
                false => Err(RiskError::AmountTooLarge(instrument.base())),
            }
        };
        Ok(NeedSlopes {
            index_fall: whole(slopes.index_fall)?,
            index_rise: whole(slopes.index_rise)?,
            mark_fall: whole(slopes.mark_fall)?,
            mark_rise: whole(slopes.mark_rise)?,
        })
    }
}

impl PerUnit {
    /// A share of a notional.
    fn of_notional(at: NotionalAt, share: f64) -> Self {
        match at {
            NotionalAt::Index => Self { index_rise: share, ..Self::default() },
            NotionalAt::Mark => Self { mark_rise: share, ..Self::default() },
        }
    }

    fn of_short(rates: &OptionRates, kind: OptionKind) -> Self {
        // The floor is never above the rate; where it is the rate, distance from the money changes
        // nothing.
        let is_sloped = rates.short_rate > rates.short_floor;
        let sloped = |slope: f64| if is_sloped { slope } else { 0.0 };
        match kind {
            OptionKind::Call => Self {
                index_rise: rates.short_rate + sloped(1.0),
                mark_rise: 1.0,
                ..Self::default()
            },
            OptionKind::Put => Self {
                index_fall: sloped((1.0 - rates.short_rate).max(0.0)),
                index_rise: rates.short_rate.max(rates.put_cap.unwrap_or_default()),
                mark_rise: 1.0 + rates.put_mark_floor,
                ..Self::default()
            },
        }
    }
}
