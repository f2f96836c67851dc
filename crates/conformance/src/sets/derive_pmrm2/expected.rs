//! Comparison with what a file prints.
//!
//! The original counts in 18 decimals and its tests' expectations in doubles, so the tolerance is
//! relative to the larger of the number itself and the sizes that cancel in it.

use risk::grid::{Contract, Leg, Outcome};

use super::inputs::{Account, Plan, Planned};
use crate::json::Node;
use crate::{Case, VectorError};

const TOLERANCE: f64 = 1e-8;

/// What was computed for a file.
pub struct Computed<'a> {
    pub plan: &'a Plan,
    pub account: &'a Account,
    pub outcome: &'a Outcome,
    /// Value of each expiry's options.
    pub values: Vec<f64>,
}

impl Computed<'_> {
    /// Compares every quantity that the inputs determine.
    pub fn compare(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        self.scenarios(result, case)?;
        let values: f64 = self.values.iter().sum();
        let collateral: f64 = self.account.book.coins.iter().map(|coin| coin.value).sum();
        let account = self.account;
        let mark_to_market =
            values + collateral + account.perpetual_profit + account.funding + account.cash;
        let charge = |name: &str| {
            let place = self.plan.rules.charges.iter().position(|charge| charge.name == name);
            let place = place.expect("the methodology has this charge");
            let rule = &self.plan.rules.charges[place];
            let pair = self.outcome.groups[0].charges[place];
            (rule.initial * pair.initial, rule.maintenance * pair.maintenance)
        };
        let basis = self.plan.rules.terms.iter().position(|term| term.name == "basis");
        let basis = self.outcome.groups[0].terms[basis.expect("the methodology has this term")];
        let (perpetuals, options) = (charge("perpetuals"), charge("short options"));
        let collaterals = charge("collateral");
        let gross = self.gross();
        let mut number = |name: &str, got: f64| -> Result<(), VectorError> {
            let expected = result.number_at(name)?;
            case.compare(name, expected, got, scale(expected, gross), TOLERANCE);
            Ok(())
        };
        number("OptionMTM", values)?;
        number("CollateralMTM", collateral)?;
        number("PortfolioMTM", mark_to_market)?;
        number("ForwardContingency", -basis)?;
        number("MMPerpCont", -perpetuals.1)?;
        number("IMPerpCont", perpetuals.1 - perpetuals.0)?;
        number("MMOptionCont", -options.1)?;
        number("IMOptionCont", options.1 - options.0)?;
        number("MMBaseCont", -collaterals.1)?;
        number("IMBaseCont", collaterals.1 - collaterals.0)?;
        number("OracleCont", -charge("confidence").0)?;
        number("IM", mark_to_market - self.outcome.initial)?;
        number("MM", mark_to_market - self.outcome.maintenance)?;
        self.expiries(result, case)
    }

    /// Losses in every scenario, found by shock and direction among those of their kind.
    fn scenarios(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let mut left: Vec<_> = self.plan.scenarios.iter().collect();
        for (list, damped) in [("reg_losses", false), ("tail_losses", true)] {
            for item in result.field(list)?.items()? {
                let row = item.items()?;
                let [shock, direction, expected] = &row[..] else {
                    return Err(item.error("a shock, a direction and a loss are needed here"));
                };
                let (shock, word) = (shock.number()?, plain_direction(direction)?);
                let same = |planned: &&Planned| {
                    planned.direction.eq_ignore_ascii_case(word)
                        && (planned.relative_move - shock).abs() < 1e-9
                };
                let of_list = |planned: &&Planned| same(planned) && planned.damped == damped;
                let found = left.iter().position(of_list).or_else(|| left.iter().position(same));
                let found =
                    found.ok_or_else(|| item.error("no scenario of the file is this one"))?;
                let planned = left.remove(found);
                let name = format!("{list} {shock:+} {word}");
                self.loss(planned.place, name, expected.number()?, case);
            }
        }
        for item in result.field("skew_losses")?.items()? {
            let row = item.items()?;
            let [name, expected] = &row[..] else {
                return Err(item.error("a name and a loss are needed here"));
            };
            let name = name.text()?;
            let word = name.split('_').next().unwrap_or_default();
            let same = |planned: &&Planned| planned.direction.eq_ignore_ascii_case(word);
            let any = |planned: &&Planned| is_skew(&planned.direction);
            let found = left.iter().position(same).or_else(|| left.iter().position(any));
            let found = found.ok_or_else(|| item.error("the file has fewer skew scenarios"))?;
            let planned = left.remove(found);
            let name = format!("skew_losses {name}");
            self.loss(planned.place, name, expected.number()?, case);
        }
        match left.first() {
            None => Ok(()),
            Some(planned) => {
                let (shock, word) = (planned.relative_move, &planned.direction);
                Err(result.error(format!("no loss is given for the scenario {shock:+} {word}")))
            }
        }
    }

    fn loss(&self, (block, place): (usize, usize), name: String, expected: f64, case: &mut Case) {
        let got = self.outcome.groups[0].profits[block][place];
        case.compare(name, expected, got, scale(expected, self.gross()), TOLERANCE);
    }

    /// Values and discounts expiry by expiry, in the order in which they first stand.
    fn expiries(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let gross = self.gross();
        let marked = result.field("OptionMTMPerExpiry")?.items()?;
        let factors = result.field("discount_factors")?.items()?;
        if marked.len() != self.values.len() || factors.len() != self.values.len() {
            return Err(result.error("there is not one value and discount for each expiry"));
        }
        let rule = self.plan.rules.discount.expect("the file's parameters have one");
        for (i, expiry) in self.account.book.expiries.iter().enumerate() {
            let days = 365.0 * self.account.expiries[i];
            let expected = marked[i].number()?;
            let name = format!("OptionMTMPerExpiry, {days:.4} days");
            case.compare(name, expected, self.values[i], scale(expected, gross), TOLERANCE);
            let pair = factors[i].items()?;
            let [gain, debt] = &pair[..] else {
                return Err(factors[i].error("two discount factors are needed here"));
            };
            for (name, expected, got) in [
                ("of gains", gain.number()?, rule.of_gain(expiry)),
                ("of debts", debt.number()?, rule.of_debt(expiry)),
            ] {
                let name = format!("discount factor {name}, {days:.4} days");
                case.compare(name, expected, got, scale(expected, 0.0), TOLERANCE);
            }
        }
        Ok(())
    }

    /// Value of all legs without their signs: what sums of them round against.
    fn gross(&self) -> f64 {
        let book = &self.account.book;
        let unit = |leg: &Leg| match leg.contract {
            Contract::Option { strike, .. } => book.spot.max(strike),
            Contract::Perpetual | Contract::Future(_) => book.spot,
        };
        let legs = book.legs.iter().map(|leg| leg.size.abs() * unit(leg));
        let coins = book.coins.iter().map(|coin| coin.value.abs());
        legs.chain(coins).sum::<f64>() + self.account.cash.abs()
    }
}

/// Relative to the expected number; where that is rounding noise, to a millionth of the sizes that
/// cancel.
fn scale(expected: f64, gross: f64) -> f64 {
    expected.abs().max(1e-6 * gross).max(f64::MIN_POSITIVE)
}

fn plain_direction(direction: &Node<'_>) -> Result<&'static str, VectorError> {
    match direction.number()? {
        1.0 => Ok("Up"),
        0.0 => Ok("None"),
        -1.0 => Ok("Down"),
        other => Err(direction.error(format!("{other} is no direction: 1, 0 or −1"))),
    }
}

fn is_skew(direction: &str) -> bool {
    direction.eq_ignore_ascii_case("linear") || direction.eq_ignore_ascii_case("abs")
}
