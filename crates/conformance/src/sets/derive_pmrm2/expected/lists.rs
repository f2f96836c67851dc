//! What a file prints for each expiry and each option.

use risk::grid::Contract;

use super::{Computed, TOLERANCE, scale};
use crate::json::Node;
use crate::{Case, VectorError};

impl Computed<'_> {
    /// Values and discounts expiry by expiry, in the order in which they first stand.
    pub(super) fn expiries(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let gross = self.gross();
        let marked = result.field("OptionMTMPerExpiry")?.items()?;
        let factors = result.field("discount_factors")?.items()?;
        let discounted = match result.optional("OptionMTMPerExpiryDiscounted")? {
            Some(list) => Some(list.items()?),
            None => None,
        };
        let lengths = [Some(&marked), Some(&factors), discounted.as_ref()].into_iter().flatten();
        if lengths.map(Vec::len).any(|length| length != self.values.len()) {
            return Err(result.error("there is not one value and discount for each expiry"));
        }
        let rule = self.plan.rules.discount.expect("the file's parameters have one");
        for (i, expiry) in self.account.book.expiries.iter().enumerate() {
            let days = 365.0 * self.account.expiries[i];
            let pair = factors[i].items()?;
            let [gain, debt] = &pair[..] else {
                return Err(factors[i].error("two discount factors are needed here"));
            };
            let value = self.values[i];
            let (of_gain, of_debt) = (rule.of_gain(expiry), rule.of_debt(expiry));
            let counted = value * if value >= 0.0 { of_gain } else { of_debt };
            for (name, expected, got, gross) in [
                ("OptionMTMPerExpiry", Some(&marked[i]), value, gross),
                (
                    "OptionMTMPerExpiryDiscounted",
                    discounted.as_ref().map(|list| &list[i]),
                    counted,
                    gross,
                ),
                ("discount factor of gains", Some(gain), of_gain, 0.0),
                ("discount factor of debts", Some(debt), of_debt, 0.0),
            ] {
                if let Some(expected) = expected {
                    let (name, expected) = (format!("{name}, {days:.4} days"), expected.number()?);
                    case.compare(name, expected, got, scale(expected, gross), TOLERANCE);
                }
            }
        }
        Ok(())
    }

    /// What scenarios make of each option's volatility, in the order of the file.
    pub(super) fn volatilities(
        &self,
        result: &Node<'_>,
        case: &mut Case,
    ) -> Result<(), VectorError> {
        for (name, direction, is_multiplier) in [
            ("VolShockUpMultiplier", "up", true),
            ("VolShockDownMultiplier", "down", true),
            ("VolShockUpEvaluated", "up", false),
            ("VolShockDownEvaluated", "down", false),
        ] {
            let Some(list) = result.optional(name)? else { continue };
            let printed = list.items()?;
            let computed = self.moved(direction, is_multiplier);
            if printed.len() != computed.len() {
                return Err(list.error("one number for each option is needed here"));
            }
            for (i, (expected, got)) in printed.iter().zip(computed).enumerate() {
                let expected = expected.number()?;
                // A multiplier below zero counts as zero, and may be printed as either.
                let got = if is_multiplier && expected == 0.0 { got.max(0.0) } else { got };
                let name = format!("{name}, option {}", i + 1);
                case.compare(name, expected, got, scale(expected, 0.0), TOLERANCE);
            }
        }
        Ok(())
    }

    /// Per option the multiplier of its volatility, or what it makes of it.
    fn moved(&self, direction: &str, is_multiplier: bool) -> Vec<f64> {
        let (book, rules) = (&self.account.book, &self.plan.rules.volatility);
        let of = |expiry: usize, strike: f64, volatility: f64| {
            let expiry = &book.expiries[expiry];
            let x = numerics::ln(strike / expiry.variable);
            match is_multiplier {
                true => rules.multiplier(direction, expiry.years, x),
                false => rules.moved(direction, volatility, expiry.years, x),
            }
        };
        let options = book.legs.iter().filter_map(|leg| match leg.contract {
            Contract::Option { expiry, strike, volatility, .. } => {
                Some(of(expiry, strike, volatility).expect("the file's parameters have this move"))
            }
            Contract::Perpetual | Contract::Future(_) => None,
        });
        options.collect()
    }
}
