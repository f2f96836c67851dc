//! What positions come to need while prices move is within their slopes.

use std::sync::LazyLock;

use instruments::{Instrument, Price, Quantity};
use plimsoll_risk::position::NeedSlopes;
use plimsoll_risk::waterfall::Solvency;
use plimsoll_risk::{
    Account, ByPosition, MarginDetail, MarginModel, Market, Methodology, PositionDetail, Quote,
};
use proptest::prelude::*;

use crate::world::{Legs, WORLD, account, cases, legs};

/// Every methodology that margins by position, and one whose rules are all sloped.
static RULES: LazyLock<Vec<ByPosition>> = LazyLock::new(|| {
    let steep = Methodology::built_in_text("paradex-xm")
        .unwrap()
        .replace("short_floor = 0.05", "short_floor = 0.02, put_mark_floor = 0.3")
        .replace("put_cap = 0.5", "put_cap = 0.4")
        .replace("rate = 0.02 }", "rate = 0.02, slope = 0.01 }")
        .replace("rate = 0.01 }", "rate = 0.01, slope = 0.005 }")
        .replace("notional_at = \"mark\"", "notional_at = \"index\"")
        .replace("short_floor = 0.10,", "short_floor = 0.10, put_mark_floor = 0.3,");
    let named = ["standard", "derive-srm", "paradex-xm"].map(Methodology::built_in);
    let steep = Methodology::parse(&steep).unwrap();
    let open = |methodology: &Methodology| ByPosition::open(methodology, WORLD.inputs()).unwrap();
    named.map(Option::unwrap).iter().chain([&steep]).map(open).collect()
});

/// The world with each mark so many times what it is there, in thousandths, and a stated one.
fn market(instruments: &[Instrument], index: &[i64; 3], marks: &[i64]) -> Market {
    let mut market = WORLD.market.clone();
    for (instrument, times) in instruments.iter().zip(marks.iter().cycle()) {
        let mark = WORLD.market.mark(instrument).unwrap().units();
        let mark = Price::from_units((mark / 1_000 * times).max(1));
        market.quotes.insert(*instrument, Quote { mark, funding_8h: 0.0 });
    }
    for (name, times) in ["BTC", "ETH", "USDC"].into_iter().zip(index) {
        let asset = market.assets.get_mut(&name.parse().unwrap()).unwrap();
        asset.price = Price::from_units(asset.price.units() / 1_000 * times);
    }
    market
}

/// Position by position what is needed, with charges that are not given back.
fn needs(rules: &ByPosition, market: &Market, account: &Account) -> (i128, i128) {
    let margin = rules.margin(market, account, MarginModel::Cross).unwrap();
    let MarginDetail::Position(PositionDetail { positions, charges }) = &margin.detail else {
        panic!("position rules give margin by position")
    };
    let positions: i128 = positions.iter().map(|position| position.maintenance.units()).sum();
    let charges = charges.iter().map(|charge| charge.maintenance.units().max(0));
    // What health takes for short options where the requirement is below their mark.
    let stands = Solvency::of(market, account, &margin).unwrap();
    let counted = stands.equity - margin.equity.total.units();
    (positions + charges.sum::<i128>(), -counted)
}

/// A mark in US dollars, in 10⁻⁸.
fn dollars(market: &Market, instrument: &Instrument) -> i128 {
    let mark = i128::from(market.mark(instrument).unwrap().units());
    if instrument.is_sized_in_quote() {
        return mark;
    }
    let price = market.price(instrument.settlement_asset()).unwrap().units();
    mark * i128::from(price) / i128::from(instruments::SCALE)
}

fn check(legs: &Legs, index: &[[i64; 3]; 2], marks: &[Vec<i64>; 2]) -> Result<(), TestCaseError> {
    let majors = |place: usize| ["BTC", "ETH"].contains(&WORLD.instruments[place].base().name());
    let legs = legs.iter().filter(|(place, _)| majors(*place)).copied().collect();
    let account = account(&legs, &[0; 5]);
    let instruments: Vec<Instrument> = account.positions.keys().copied().collect();
    let [before, after] = [0, 1].map(|at| market(&instruments, &index[at], &marks[at]));
    let moved = |slope: [i128; 2], from: i128, to: i128| {
        (slope[0] * (from - to).max(0) + slope[1] * (to - from).max(0)) / 100_000_000 + 1
    };
    for rules in RULES.iter() {
        let mut most = 0;
        for (instrument, position) in &account.positions {
            let lots: Quantity = position.quantity;
            let slopes = rules.slopes(&before, instrument, lots).unwrap();
            let NeedSlopes { index_fall, index_rise, mark_fall, mark_rise } = slopes;
            let index = |market: &Market| market.price(instrument.base()).unwrap().units().into();
            most += moved([index_fall, index_rise], index(&before), index(&after));
            let [from, to] = [&before, &after].map(|market| dollars(market, instrument));
            most += moved([mark_fall, mark_rise], from, to);
            // Each of its figures is rounded up to a tick, what an option is worth down to a unit of
            // a coin, and the mark in US dollars was rounded here.
            let coin = after.price(instrument.settlement_asset()).unwrap().units();
            most += 4 * rules.tick().unwrap() + i128::from(lots.lots().abs());
            most += 2 * i128::from(coin) / i128::from(instruments::SCALE) + 2;
        }
        let (from, shorts_from) = needs(rules, &before, &account);
        let (to, shorts_to) = needs(rules, &after, &account);
        let name = rules.methodology().name();
        prop_assert!(to - from <= most, "{name}: {from} to {to}, at most {most} more");
        let shorts = shorts_to - shorts_from;
        prop_assert!(shorts <= most, "{name}: short options by {shorts}, at most {most} more");
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn needs_rise_no_faster_than_their_slopes(
        a in legs(6),
        index in [700_i64..1_300, 700_i64..1_300, 980_i64..1_020],
        marks in prop::collection::vec(300_i64..3_000, 1..8),
        // Within a quarter, where inverse contracts have slopes.
        way in [751_i64..1_250, 751_i64..1_250, 990_i64..1_010],
        moves in prop::collection::vec(751_i64..2_000, 8),
    ) {
        let there = [0, 1, 2].map(|place| index[place] * way[place] / 1_000);
        let then = marks.iter().zip(&moves).map(|(mark, way)| mark * way / 1_000).collect();
        check(&a, &[index, there], &[marks, then])?;
    }
}
