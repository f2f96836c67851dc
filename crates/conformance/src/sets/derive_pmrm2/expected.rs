//! Comparison with what a file prints.
//!
//! The original counts in 18 decimals and its tests' expectations in doubles, so the tolerance is
//! relative to the larger of the number itself and the sizes that cancel in it. Margins and the
//! loss of every scenario must be printed; of what only repeats or splits them, what is printed is
//! compared.

mod lists;

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
        self.values(result, case)?;
        self.charges(result, case)?;
        self.margins(result, case)?;
        self.expiries(result, case)?;
        self.volatilities(result, case)
    }

    /// Compares the number in a field that must be there.
    fn number(
        &self,
        (result, case): (&Node<'_>, &mut Case),
        name: &str,
        got: f64,
    ) -> Result<(), VectorError> {
        let expected = result.number_at(name)?;
        case.compare(name, expected, got, scale(expected, self.gross()), TOLERANCE);
        Ok(())
    }

    /// Compares the number in a field that may be missing.
    fn printed(
        &self,
        (result, case): (&Node<'_>, &mut Case),
        name: &str,
        got: f64,
    ) -> Result<(), VectorError> {
        match result.optional(name)? {
            None => Ok(()),
            Some(_) => self.number((result, case), name, got),
        }
    }

    /// What the account holds.
    fn values(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let account = self.account;
        for (name, got) in [
            ("PerpMTM", account.perpetual_profit),
            ("UnrealisedPerpPNL", account.perpetual_profit),
            ("UnrealisedFunding", account.funding),
            ("Cash", account.cash),
        ] {
            self.printed((result, case), name, got)?;
        }
        self.number((result, case), "OptionMTM", self.options())?;
        self.number((result, case), "CollateralMTM", self.collateral())?;
        self.number((result, case), "PortfolioMTM", self.mark_to_market())
    }

    fn options(&self) -> f64 {
        self.values.iter().sum()
    }

    fn collateral(&self) -> f64 {
        self.account.book.coins.iter().map(|coin| coin.value).sum()
    }

    fn mark_to_market(&self) -> f64 {
        let account = self.account;
        self.options()
            + self.collateral()
            + account.perpetual_profit
            + account.funding
            + account.cash
    }

    /// Charges beside the scenarios. The file states initial margin's beyond maintenance margin's,
    /// and as `Normal` what normal initial margin takes in place of both.
    fn charges(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let rules = &self.plan.rules;
        let place = |name: &str| {
            let place = rules.charges.iter().position(|charge| charge.name == name);
            place.expect("the methodology has this charge")
        };
        let amount = |name: &str| self.outcome.groups[0].charges[place(name)];
        let charge = |name: &str| {
            let (rule, pair) = (&rules.charges[place(name)], amount(name));
            (rule.initial * pair.initial, rule.maintenance * pair.maintenance)
        };
        let basis = rules.terms.iter().position(|term| term.name == "basis");
        let basis = self.outcome.groups[0].terms[basis.expect("the methodology has this term")];
        let (perpetuals, options) = (charge("perpetuals"), charge("short options"));
        let collaterals = charge("collateral");
        for (name, got) in [
            ("ForwardContingency", -basis),
            ("MMPerpCont", -perpetuals.1),
            ("IMPerpCont", perpetuals.1 - perpetuals.0),
            ("MMOptionCont", -options.1),
            ("IMOptionCont", options.1 - options.0),
            ("MMBaseCont", -collaterals.1),
            ("IMBaseCont", collaterals.1 - collaterals.0),
            ("OracleCont", -charge("confidence").0),
        ] {
            self.number((result, case), name, got)?;
        }
        let normal = &self.plan.normal;
        for (name, rate, charge) in [
            ("IMPerpContNormal", normal.perpetuals, "perpetuals"),
            ("IMOptionContNormal", normal.options, "short options"),
        ] {
            if let Some(rate) = rate {
                self.printed((result, case), name, -rate * amount(charge).initial)?;
            }
        }
        self.printed((result, case), "IMBaseContNormal", -collaterals.0)
    }

    /// Factors and margins.
    fn margins(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let factors = &self.plan.rules.margin;
        let initial = factors.initial_at(self.account.stable_price);
        for (name, got) in [
            ("im_loss_factor", initial),
            ("IMLossFactor", initial),
            ("MMLossFactor", factors.maintenance),
        ] {
            if let Some(expected) = result.optional(name)? {
                let expected = expected.number()?;
                case.compare(name, expected, got, scale(expected, 0.0), TOLERANCE);
            }
        }
        let mark_to_market = self.mark_to_market();
        let initial = mark_to_market - self.outcome.initial;
        let maintenance = mark_to_market - self.outcome.maintenance;
        self.number((result, case), "IM", initial)?;
        self.number((result, case), "MM", maintenance)?;
        self.printed((result, case), "IMHand", initial)?;
        self.printed((result, case), "MMHand", maintenance)
    }

    /// Losses in every scenario, found by shock and direction among those of their kind, and the
    /// worst of each list.
    fn scenarios(&self, result: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let mut left: Vec<_> = self.plan.scenarios.iter().collect();
        for (list, worst, damped) in
            [("reg_losses", "worst_reg_loss", false), ("tail_losses", "worst_tail_loss", true)]
        {
            let mut profits = vec![];
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
                let name = format!("{list} {shock:+} {word}");
                profits.push(self.loss(left.remove(found), name, expected.number()?, case));
            }
            self.worst((result, case), worst, &profits)?;
        }
        self.skews(&mut left, result, case)?;
        match left.first() {
            None => Ok(()),
            Some(planned) => {
                let (shock, word) = (planned.relative_move, &planned.direction);
                Err(result.error(format!("no loss is given for the scenario {shock:+} {word}")))
            }
        }
    }

    fn skews(
        &self,
        left: &mut Vec<&Planned>,
        result: &Node<'_>,
        case: &mut Case,
    ) -> Result<(), VectorError> {
        let mut profits = vec![];
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
            let name = format!("skew_losses {name}");
            profits.push(self.loss(left.remove(found), name, expected.number()?, case));
        }
        self.worst((result, case), "worst_skew_loss", &profits)
    }

    /// Compares one scenario's profit and says what was computed.
    fn loss(&self, planned: &Planned, name: String, expected: f64, case: &mut Case) -> f64 {
        let (block, place) = planned.place;
        let got = self.outcome.groups[0].profits[block][place];
        case.compare(name, expected, got, scale(expected, self.gross()), TOLERANCE);
        got
    }

    /// The least profit of a list. Where all of them are gains no published file says whether that
    /// is the least gain or no loss, so either counts.
    fn worst(
        &self,
        (result, case): (&Node<'_>, &mut Case),
        name: &str,
        profits: &[f64],
    ) -> Result<(), VectorError> {
        let least = profits.iter().copied().reduce(f64::min).unwrap_or_default();
        let no_loss = match result.optional(name)? {
            Some(expected) => least > 0.0 && expected.number()? == 0.0,
            None => false,
        };
        self.printed((result, case), name, if no_loss { 0.0 } else { least })
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
