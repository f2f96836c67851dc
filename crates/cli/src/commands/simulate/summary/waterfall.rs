//! What liquidation came to.

use simulator::{Layer, Waterfall};

use crate::document::{Cell, Document, Table};

/// Cases by the deepest layer that they reached, and what each layer took.
pub fn sections(waterfall: &Waterfall, document: &mut Document) {
    let mut layers = Table::of(&[
        "deepest layer",
        "cases",
        "reached by",
        "recovered",
        "restored",
        "resolved",
        "ended",
        "open",
    ]);
    for (layer, cases) in &waterfall.layers {
        let reached = match layer {
            Layer::Opened => waterfall.cases(),
            layer => waterfall.reached.get(layer).copied().unwrap_or(0),
        };
        layers.row([
            Cell::text(layer.name()),
            Cell::Count(cases.cases),
            Cell::Count(reached),
            Cell::Count(cases.recovered),
            Cell::Count(cases.restored),
            Cell::Count(cases.resolved),
            Cell::Count(cases.ended),
            Cell::Count(cases.open),
        ]);
    }
    document.table("waterfall", layers);
    let usd = |number: f64| Cell::Number(number, 0);
    let seconds = |ms: i64| Cell::Number(ms as f64 / 1_000.0, 1);
    document.fields(
        "liquidation",
        vec![
            ("cases", Cell::Count(waterfall.cases())),
            ("traded in the book usd", usd(waterfall.in_book)),
            ("cost in the book usd", usd(waterfall.book_cost)),
            ("auctioned usd", usd(waterfall.auctioned)),
            ("to the vault usd", usd(waterfall.to_vault)),
            ("discount paid usd", usd(waterfall.discount)),
            ("discount kept below reserve usd", usd(waterfall.improvement)),
            ("fees to the fund usd", usd(waterfall.fees)),
            ("taken over from insolvent usd", usd(waterfall.taken_over)),
            ("fund paid usd", usd(waterfall.fund_paid)),
            ("premiums among it usd", usd(waterfall.premium)),
            ("deleveraged usd", usd(waterfall.deleveraged)),
            ("deleveraging cost usd", usd(waterfall.deleveraging_cost)),
            ("cut from profits usd", usd(waterfall.cut)),
            ("outstanding usd", usd(waterfall.outstanding)),
            ("bad debt usd", usd(waterfall.bad_debt())),
            ("median seconds to close", seconds(waterfall.time_median_ms())),
            ("most seconds to close", seconds(waterfall.time_most_ms())),
        ],
    );
}
