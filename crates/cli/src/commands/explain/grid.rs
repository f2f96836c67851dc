//! The requirement of a grid.

use risk::{GridDetail, Margin};

use crate::document::{Cell, Document, Table};

/// Terms of each group of underlyings, and charges beside them.
pub fn requirement(document: &mut Document, detail: &GridDetail, margin: &Margin) {
    let mut terms = Table::of(&["underlying", "term", "loss", "worst scenario", "binds"]);
    for term in &detail.terms {
        terms.row([
            Cell::text(&term.underlyings),
            Cell::text(&term.name),
            Cell::Usd(term.value),
            Cell::text(&term.scenario),
            Cell::Flag(term.binds),
        ]);
    }
    document.table("terms", terms);
    let mut sum = Table::of(&["part", "initial", "maintenance"]);
    for charge in std::iter::once(&detail.counted).chain(&detail.charges) {
        sum.row([
            Cell::text(&charge.name),
            Cell::Usd(charge.initial),
            Cell::Usd(charge.maintenance),
        ]);
    }
    sum.row([Cell::text("margin"), Cell::Usd(margin.initial), Cell::Usd(margin.maintenance)]);
    document.table("requirement", sum);
}
