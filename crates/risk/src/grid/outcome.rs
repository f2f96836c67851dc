//! From profits and charges to a requirement, and from it to initial and maintenance margin.

use super::book::Book;
use super::charges::{Pair, charge};
use super::scan::{Rows, Scan};
use crate::methodology::{Across, GridRules, TermPart, UnderlyingRules};

/// The requirement of one account, unrounded, in US dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Underlyings that are margined together, each group by itself.
    pub groups: Vec<Group>,
    /// Sum of the groups' requirements, open orders counted.
    pub requirement: f64,
    /// What the requirement comes to in initial margin, and that of positions alone in maintenance.
    pub counted: Pair,
    /// What each charge adds beside it.
    pub beside: Vec<Pair>,
    /// What open orders lose on entry, where that counts beside the requirement.
    pub order_losses: f64,
    /// Initial margin.
    pub initial: f64,
    /// Maintenance margin.
    pub maintenance: f64,
}

/// Underlyings that are margined together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their assets.
    pub underlyings: Vec<String>,
    /// Per block the profit in each scenario, gains by their share.
    pub profits: Vec<Vec<f64>>,
    /// Per block the worst loss, zero or more, and its scenario.
    pub losses: Vec<(f64, usize)>,
    /// Per charge its amount, before its own factors.
    pub charges: Vec<Pair>,
    /// Per term its value.
    pub terms: Vec<f64>,
    /// The largest term, the first if several are; `None` if none is above zero.
    pub binding: Option<usize>,
    /// The largest term, zero or more.
    pub requirement: f64,
}

/// Books of one account with the values of their legs.
#[derive(Clone, Copy)]
pub(crate) struct Prepared<'a> {
    pub rules: &'a GridRules,
    pub underlyings: &'a [&'a UnderlyingRules],
    pub books: &'a [Book],
    pub rows: &'a [Rows],
}

impl Prepared<'_> {
    /// A scan of one book.
    pub fn scan(&self, place: usize, orders: bool) -> Scan<'_> {
        let (book, rows) = (&self.books[place], &self.rows[place]);
        Scan { rules: self.rules, book, rows, orders }
    }

    /// Places of the books that are margined together.
    pub fn places(&self) -> Vec<Vec<usize>> {
        let all = 0..self.books.len();
        match self.rules.valuation.across {
            Across::Apart => all.map(|place| vec![place]).collect(),
            Across::Together => vec![all.collect()],
        }
    }

    /// Initial and maintenance margin; `stable_price` is that of the settlement stablecoin.
    pub fn outcome(&self, stable_price: f64) -> Outcome {
        let (groups, held) = (self.groups(true), self.groups(false));
        let sum = |groups: &[Group]| groups.iter().map(|group| group.requirement).sum::<f64>();
        let factors = &self.rules.margin;
        let counted = Pair {
            initial: factors.initial_at(stable_price) * sum(&groups),
            maintenance: factors.maintenance * sum(&held),
        };
        let charges = self.rules.charges.iter().enumerate();
        let beside: Vec<Pair> = charges
            .map(|(i, charge)| {
                let total = |groups: &[Group], of: fn(&Pair) -> f64| {
                    groups.iter().map(|group| of(&group.charges[i])).sum::<f64>()
                };
                Pair {
                    initial: charge.initial * total(&groups, |pair| pair.initial),
                    maintenance: charge.maintenance * total(&held, |pair| pair.maintenance),
                }
            })
            .collect();
        let places = 0..self.books.len();
        let order_losses = places.map(|place| self.scan(place, true).order_losses()).sum();
        let Pair { initial, maintenance } = beside.iter().copied().fold(counted, Pair::plus);
        Outcome {
            requirement: sum(&groups),
            counted,
            beside,
            order_losses,
            initial: initial + order_losses,
            maintenance,
            groups,
        }
    }

    fn groups(&self, orders: bool) -> Vec<Group> {
        self.places().iter().map(|places| self.group(places, orders)).collect()
    }

    fn group(&self, places: &[usize], orders: bool) -> Group {
        let blocks = 0..self.rules.blocks.len();
        let profits: Vec<Vec<f64>> =
            blocks.map(|block| self.profits(places, block, orders)).collect();
        let losses: Vec<(f64, usize)> = profits.iter().map(|profits| worst(profits)).collect();
        let charges = self.charges(places, orders);
        let part = |part: TermPart| match part {
            TermPart::Block(block) => losses[block].0,
            TermPart::Charge(charge) => charges[charge].initial,
        };
        let terms = self.rules.terms.iter();
        let terms: Vec<f64> =
            terms.map(|term| self.rules.parts(term).into_iter().map(part).sum()).collect();
        let requirement = terms.iter().copied().fold(0.0, f64::max);
        let binding = terms.iter().position(|term| *term == requirement && requirement > 0.0);
        let underlyings = places.iter().map(|i| self.books[*i].underlying.clone()).collect();
        Group { underlyings, profits, losses, charges, terms, binding, requirement }
    }

    fn profits(&self, places: &[usize], block: usize, orders: bool) -> Vec<f64> {
        let mut sums = vec![0.0; self.rules.blocks[block].scenarios.len()];
        for place in places {
            let profits = self.scan(*place, orders).profits(block);
            for (sum, profit) in sums.iter_mut().zip(profits) {
                *sum += self.counted_share(*place, profit) * profit;
            }
        }
        sums
    }

    /// Share of a book's profit that counts: gains offset losses only in part.
    pub fn counted_share(&self, place: usize, profit: f64) -> f64 {
        if profit > 0.0 { self.underlyings[place].gain_share } else { 1.0 }
    }

    fn charges(&self, places: &[usize], orders: bool) -> Vec<Pair> {
        let of = |kind| {
            let pairs = places
                .iter()
                .map(|place| charge(kind, &self.scan(*place, orders), self.underlyings[*place]));
            pairs.fold(Pair::default(), Pair::plus)
        };
        self.rules.charges.iter().map(|charge| of(&charge.of)).collect()
    }
}

/// The worst loss, zero or more, and its scenario; the first if several are.
fn worst(profits: &[f64]) -> (f64, usize) {
    let least = |best: (f64, usize), (scenario, profit): (usize, &f64)| {
        if *profit < best.0 { (*profit, scenario) } else { best }
    };
    let start = (profits.first().copied().unwrap_or(0.0), 0);
    let (profit, scenario) = profits.iter().enumerate().fold(start, least);
    ((-profit).max(0.0), scenario)
}
