//! A whole book against its accounts one by one, and tails against sorted integers.

use std::num::NonZeroUsize;

use instruments::{Amount, Quantity};
use numerics::Level;
use plimsoll_risk as risk;
use proptest::prelude::*;
use risk::whole_book::{
    Book, BookAmount, BookLine, BookTail, Panel, RunSettings, SparseLots, THREADS_MAX, TailRanks,
    WholeBookError, book_margin, tails, threads_for, thresholds_per_account,
};
use risk::{Account, Epoch, MarginDetail, Methodology};

use crate::world::{
    self, EPOCH, Legs, WORLD, account, asset, balances, cases, core, hold, instrument, legs,
};

/// Every vector width that this CPU has, with one thread and with several.
fn settings() -> impl Iterator<Item = RunSettings<'static>> {
    Level::available().flat_map(|level| {
        [1, 3].map(|threads| RunSettings {
            threads: NonZeroUsize::new(threads).unwrap(),
            level,
            ..RunSettings::default()
        })
    })
}

#[derive(Clone, Debug)]
struct Case {
    rows: Vec<Vec<f64>>,
    accounts: Vec<Vec<(u32, i64)>>,
    ranks: TailRanks,
    thresholds: Vec<f64>,
}

fn rows(scenarios: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let spread = prop::sample::select(vec![0_i64, 1, 3, 1 << 20, 1 << 52]);
    spread.prop_flat_map(move |spread| {
        let value = (-spread..=spread).prop_map(|value| value as f64);
        prop::collection::vec(prop::collection::vec(value, scenarios), 1..6)
    })
}

/// Lots from none to more than doubles hold, and an instrument held several times.
fn positions(columns: usize) -> impl Strategy<Value = Vec<(u32, i64)>> {
    let lots = prop_oneof![
        6 => -5_i64..=5,
        3 => -1_000_000_i64..=1_000_000,
        1 => prop::sample::select(vec![i64::MAX, i64::MIN, 1 << 52, -(1 << 53) - 1, 0]),
    ];
    prop::collection::vec((0..columns as u32, lots), 0..12)
}

fn threshold() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => Just(f64::INFINITY),
        2 => -100.0..100.0_f64,
        1 => any::<f64>(),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let scenarios = prop_oneof![1 => Just(1_usize), 6 => 1_usize..120, 1 => 1_000..1_100_usize];
    scenarios.prop_flat_map(|scenarios| (rows(scenarios), 1..=scenarios)).prop_flat_map(
        |(rows, sum)| {
            let accounts = prop::collection::vec((positions(rows.len()), threshold()), 0..20);
            (Just(rows), accounts, prop_oneof![Just(sum), Just(1 + sum / 40)], 0.0..1.0_f64)
                .prop_map(|(rows, accounts, sum, share)| {
                    let (accounts, thresholds) = accounts.into_iter().unzip();
                    let ranks = TailRanks { sum, value: 1 + (share * sum as f64) as usize };
                    Case { rows, accounts, ranks, thresholds }
                })
        },
    )
}

/// The definition: whole vectors of 128-bit integers, sorted.
fn sorted_tail(case: &Case, positions: &[(u32, i64)]) -> BookTail {
    let profit = |s: usize| -> i128 {
        let of = |(column, lots): &(u32, i64)| {
            i128::from(*lots) * case.rows[*column as usize][s] as i128
        };
        positions.iter().map(of).sum()
    };
    let mut profits: Vec<i128> = (0..case.rows[0].len()).map(profit).collect();
    profits.sort_unstable();
    BookTail {
        least: profits[0],
        value: profits[case.ranks.value - 1],
        sum: profits[..case.ranks.sum].iter().sum(),
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn tails_are_those_of_sorted_vectors(case in case()) {
        let rows: Vec<&[f64]> = case.rows.iter().map(Vec::as_slice).collect();
        let panel = Panel::of(rows[0].len(), &rows).unwrap();
        let mut book = SparseLots::new();
        case.accounts.iter().for_each(|positions| book.push(positions.iter().copied()));
        let expected: Vec<_> =
            case.accounts.iter().map(|positions| sorted_tail(&case, positions)).collect();
        let mut left = None;
        for settings in settings() {
            let mut thresholds = case.thresholds.clone();
            let (found, first) = tails(&panel, &book, case.ranks, &settings, &mut thresholds).unwrap();
            prop_assert_eq!(&found, &expected);
            // What the run leaves behind makes the next one sure of every tail.
            let (again, warm) = tails(&panel, &book, case.ranks, &settings, &mut thresholds).unwrap();
            prop_assert_eq!(&again, &expected);
            prop_assert_eq!((warm.recomputed, warm.wide), (0, first.wide));
            let left = left.get_or_insert_with(|| thresholds.clone());
            prop_assert_eq!(&*left, &thresholds);
        }
    }
}

/// Accounts large and small; `scale` takes some beyond what doubles hold.
fn accounts() -> impl Strategy<Value = Vec<Account>> {
    let scale = prop::sample::select(vec![1_i64, 1, 1, 1_000_000, 10_000_000_000]);
    prop::collection::vec((legs(12), balances(), scale), 0..6).prop_map(|accounts| {
        let scaled = |(legs, balances, scale): (Legs, [i64; 5], i64)| {
            let legs = legs.into_iter().map(|(index, lots)| (index, lots * scale)).collect();
            account(&legs, &balances)
        };
        accounts.into_iter().map(scaled).collect()
    })
}

/// The requirement of each account by itself.
fn one_by_one(epoch: &Epoch, accounts: &[Account]) -> Vec<BookLine> {
    let set = epoch.scenarios();
    accounts
        .iter()
        .map(|account| {
            let margin = risk::margin(epoch, &WORLD.market, account).unwrap();
            let MarginDetail::Scenario(detail) = &margin.detail else { panic!("by scenarios") };
            let requirement = &detail.requirement;
            let alone: i128 = requirement.alone.iter().map(|(_, loss, _)| loss).sum();
            let block = |name: &str| {
                let index = set.blocks.iter().position(|block| block.name == name);
                index.map(|index| &requirement.blocks[index])
            };
            let systematic = block("systematic").map_or(0, |block| block.loss.numerator);
            let recent = block("recent");
            BookLine {
                worst_loss: systematic + alone,
                value_at_risk: recent.map_or(0, |block| block.value_at_risk.unwrap()),
                expected_shortfall: recent
                    .map_or(0, |block| -(-block.loss.numerator).div_euclid(block.loss.denominator)),
                requirement: requirement.ticks,
            }
        })
        .collect()
}

fn check_book(epoch: &Epoch, accounts: &[Account]) {
    let book = Book::of(&WORLD.market, accounts).unwrap();
    let expected = one_by_one(epoch, accounts);
    for settings in settings() {
        let mut thresholds = vec![f64::INFINITY; accounts.len() * thresholds_per_account(epoch)];
        for _ in 0..2 {
            let found =
                book_margin(epoch, &WORLD.market, &book, &settings, &mut thresholds).unwrap();
            assert_eq!(found.lines, expected);
            assert_eq!(found.tally.accounts as usize, accounts.len());
            assert_eq!(found.tally.recomputed, 0);
        }
        // Thresholds from nowhere change nothing.
        for (place, threshold) in thresholds.iter_mut().enumerate() {
            *threshold = [f64::NEG_INFINITY, 0.0, f64::NAN, -1e9, 1e18][place % 5];
        }
        let found = book_margin(epoch, &WORLD.market, &book, &settings, &mut thresholds).unwrap();
        assert_eq!(found.lines, expected);
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_book_is_its_accounts(accounts in accounts(), alone in any::<bool>()) {
        check_book(world::epoch(alone), &accounts);
    }
}

/// Core with the blocks of an offset cap and a second tail.
fn capped() -> Methodology {
    let block = "\n[[block]]\nname = \"capped\"\naggregator = { kind = \"worst_with_offset\", offset_ppm = 300_000 }\n\
                 [block.moves]\nkind = \"together\"\npoints = 5\nvolatility = [\"same\"]\n\
                 [[term]]\nname = \"capped\"\nweights = { capped = 1_000_000 }\n";
    let text = Methodology::built_in_text("core")
        .unwrap()
        .replace("subadditive = true", "subadditive = false");
    let at = text.find("\n[[term]]").unwrap();
    Methodology::parse(&format!("{}{block}{}", &text[..at], &text[at..])).unwrap()
}

#[test]
fn a_cap_on_offsets_takes_every_account_by_itself() {
    let epoch = WORLD.epoch(&capped());
    let accounts: Vec<Account> = (0..40)
        .map(|n| account(&vec![(n * 3, 100), (n * 3 + 1, -150), (n + 60, 20)], &[5, 0, 900, 0, 3]))
        .collect();
    check_book(&epoch, &accounts);
    let book = Book::of(&WORLD.market, &accounts).unwrap();
    let mut thresholds = vec![f64::INFINITY; 40 * thresholds_per_account(&epoch)];
    let settings = RunSettings::default();
    let found = book_margin(&epoch, &WORLD.market, &book, &settings, &mut thresholds).unwrap();
    assert_eq!(found.tally.wide, 40);
}

/// More accounts than a thread takes at a time.
#[test]
fn many_accounts_over_several_threads() {
    let accounts: Vec<Account> = (0..2_500_usize)
        .map(|n| {
            let scale = if n % 1_000 == 999 { 1_000_000_000 } else { 1 };
            let legs = vec![(n % 150, 30 * scale), ((n * 7) % 150, -20), ((n * 11) % 150, 5)];
            account(&legs, &[(n % 7) as i64, 0, (n % 50) as i64 - 20, 0, (n % 3) as i64])
        })
        .collect();
    let book = Book::of(&WORLD.market, &accounts).unwrap();
    let mut results = Vec::new();
    for threads in [1, 2, 5, 60_000, usize::MAX] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let settings = RunSettings { threads, ..RunSettings::default() };
        let mut thresholds = vec![f64::INFINITY; 2_500 * thresholds_per_account(&EPOCH)];
        results
            .push(book_margin(&EPOCH, &WORLD.market, &book, &settings, &mut thresholds).unwrap());
    }
    assert_eq!(results[0].lines[..300], one_by_one(&EPOCH, &accounts[..300]));
    assert!(results.iter().all(|result| *result == results[0]));
    assert_eq!(results[0].tally.wide, 2);
    assert_eq!(results[0].worst_block.as_deref(), Some("systematic"));
    assert_eq!(results[0].tail_block.as_deref(), Some("recent"));
}

#[test]
fn no_more_threads_are_taken_than_there_is_work_for() {
    let book = |accounts: usize, positions: usize| {
        let mut book = SparseLots::new();
        (0..accounts).for_each(|_| book.push((0..positions).map(|_| (0, 1))));
        book
    };
    let taken =
        |book: &SparseLots, wanted| threads_for(book, NonZeroUsize::new(wanted).unwrap()).get();
    assert_eq!(taken(&book(0, 0), 8), 1);
    assert_eq!(taken(&book(1_024, 1), 8), 1);
    assert_eq!(taken(&book(1_025, 1), 8), 2);
    assert_eq!(taken(&book(5_000, 0), 3), 3);
    // A chunk of many positions is cut.
    assert_eq!(taken(&book(3, 1 << 20), 8), 3);
    assert_eq!(taken(&book(1_024 * 1_100, 0), 60_000), THREADS_MAX.get());
}

#[test]
fn profit_of_futures_counts_as_coin() {
    let mut trader = Account::named("trader");
    let perpetual = instrument("BTC-PERPETUAL");
    trader.trade(perpetual, Quantity::from_lots(5_000), "50000".parse().unwrap()).unwrap();
    trader.accrued.insert(asset("ETH"), Amount::from_units(700_000_000));
    trader.balances.insert(asset("BTC"), "0".parse().unwrap());
    let mut idle = Account::named("idle");
    hold(&mut idle, perpetual, 5_000);
    check_book(&EPOCH, &[Account::named("empty"), trader, idle]);
}

#[test]
fn parts_of_a_book_add_up() {
    let (perpetual, future) = (instrument("BTC-PERPETUAL"), instrument("ETH-27MAR26"));
    let amount = |account, units| BookAmount {
        account,
        asset: asset("BTC"),
        balance: Amount::from_units(units),
        profit: Amount::from_units(2 * units),
    };
    let mut split = SparseLots::new();
    split.push([(0, 5), (1, 7), (2, -4), (1, -7)]);
    split.push([]);
    let instruments = vec![perpetual, future, perpetual];
    let split = Book::new(instruments, split, vec![amount(1, 3), amount(0, 1), amount(1, 4)]);
    let mut whole = SparseLots::new();
    whole.push([(0, 1)]);
    whole.push([]);
    let whole = Book::new(vec![perpetual, future], whole, vec![amount(0, 1), amount(1, 7)]);
    assert_eq!(split, whole);
    assert_eq!(whole.unwrap().instruments(), [perpetual, future]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let settings = RunSettings::default();
    let panel = Panel::of(2, &[&[1.0, 2.0]]).unwrap();
    let mut book = SparseLots::new();
    book.push([]);
    book.push([(0, 1), (3, 1)]);
    let ranks = TailRanks { sum: 2, value: 1 };
    let error = tails(&panel, &book, ranks, &settings, &mut [0.0; 2]).unwrap_err();
    assert_eq!(error, WholeBookError::Column { account: 1, column: 3, rows: 1 });
    let book = SparseLots::from_parts(vec![0, 1], vec![0], vec![1]).unwrap();
    for ranks in [
        TailRanks { sum: 3, value: 1 },
        TailRanks { sum: 1, value: 2 },
        TailRanks { sum: 0, value: 0 },
    ] {
        let error = tails(&panel, &book, ranks, &settings, &mut [0.0]).unwrap_err();
        assert_eq!(error, WholeBookError::Ranks { ranks, scenarios: 2 });
    }
    let error = tails(&panel, &book, ranks, &settings, &mut []).unwrap_err();
    assert_eq!(error, WholeBookError::Thresholds { found: 0, wanted: 1 });
    for (offsets, columns) in
        [(vec![0, 2], vec![0]), (vec![1, 1], vec![0]), (vec![], vec![]), (vec![0, 3, 1], vec![0])]
    {
        let lots = vec![1; columns.len()];
        assert_eq!(SparseLots::from_parts(offsets, columns, lots), Err(WholeBookError::Shape));
    }
    let mut huge = SparseLots::new();
    huge.push([(0, i64::MAX), (0, 1)]);
    let error = Book::new(vec![instrument("BTC-PERPETUAL")], huge, vec![]).unwrap_err();
    assert_eq!(error, WholeBookError::LotsTooLarge { account: 0 });
    assert!(error.to_string().contains("64 bits"), "{error}");
    let mut trader = Account::named("trader");
    trader.orders.push(world::order(0, 1, 0, 0));
    let error = Book::of(&WORLD.market, &[trader]).unwrap_err();
    assert_eq!(error, WholeBookError::Orders { account: 0 });
    let error = book_margin(
        &EPOCH,
        &WORLD.market,
        &Book::of(&WORLD.market, &[]).unwrap(),
        &settings,
        &mut [1.0],
    );
    assert_eq!(error.unwrap_err(), WholeBookError::Thresholds { found: 1, wanted: 0 });
    assert!(core().scenario_rules().is_ok());
}

#[test]
fn an_account_that_margin_refuses_is_refused() {
    for (name, units) in [("DOGE", 1), ("DOGE", -1)] {
        let mut account = Account::named("odd");
        account.balances.insert(asset(name), Amount::from_units(units));
        let expected = risk::margin(&EPOCH, &WORLD.market, &account).unwrap_err();
        let book = Book::of(&WORLD.market, &[account]).unwrap();
        let mut thresholds = vec![f64::INFINITY; thresholds_per_account(&EPOCH)];
        let settings = RunSettings::default();
        let found = book_margin(&EPOCH, &WORLD.market, &book, &settings, &mut thresholds);
        assert_eq!(found.unwrap_err(), WholeBookError::Risk(expected));
    }
}
