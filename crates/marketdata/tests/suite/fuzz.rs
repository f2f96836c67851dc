//! No input makes a reader panic: it answers with a value, or with an error that names a line.

use std::sync::LazyLock;

use plimsoll_marketdata::{
    FileError, read_history, read_market, read_orders, read_portfolio, sample, write_history,
    write_market, write_portfolio,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use risk::{Account, Market};

const CASES: f64 = 512.0;

fn config() -> ProptestConfig {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    let cases = (CASES * scale.unwrap_or(1.0_f64)).clamp(1.0, 1e8) as u32;
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

static SAMPLE: LazyLock<(Market, Vec<Account>)> = LazyLock::new(|| {
    let market = sample::snapshot().market;
    let accounts = sample::portfolio(&market).unwrap();
    (market, accounts)
});

/// Feeds every reader, and checks what it answers.
fn read_all(bytes: &[u8]) {
    let (market, accounts) = &*SAMPLE;
    let snapshot = read_market("f", bytes, None);
    if let Ok(snapshot) = &snapshot {
        snapshot.market.validate().unwrap();
        let marks = snapshot.options.iter().map(|option| snapshot.market.mark(&option.instrument));
        assert!(marks.clone().all(|mark| mark.is_ok()));
    }
    check(snapshot.map(drop));
    check(read_market("f", bytes, Some(market.time)).map(drop));
    check(read_portfolio("f", bytes, market).map(drop));
    check(read_orders("f", bytes, market, accounts.clone()).map(drop));
    check(read_history("f", bytes).map(drop));
}

fn check(answer: Result<(), FileError>) {
    if let Err(error) = answer {
        assert!(error.line >= 1 && !error.message.is_empty() && !error.remedy.is_empty());
        let text = error.to_string();
        assert!(text.starts_with(&format!("f:{}: ", error.line)) && text.len() < 700, "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

/// The first rows of a valid file of each format.
static VALID: LazyLock<Vec<String>> = LazyLock::new(|| {
    let (_, accounts) = &*SAMPLE;
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        text.lines().take(8).map(|line| format!("{line}\n")).collect::<String>()
    };
    let mut orders = String::from("account,instrument,quantity,limit_price,fee\n");
    orders += "pair,BTC-PERPETUAL,200,80000,0.000001\npair,\"ETH-PERPETUAL\",-10,2700.5,\n";
    let tardis = "exchange,symbol,timestamp,type,strike_price,expiration,bid_price,ask_price,\
                  mark_price,mark_iv,underlying_price\n\
                  deribit,BTC-27MAR26-100000-C,1770030000000000,call,100000,1774598400000000,0.01,,0.02,55,81000\n";
    vec![
        written(&|bytes| write_market(&sample::snapshot(), bytes).unwrap()),
        written(&|bytes| write_portfolio(accounts, bytes).unwrap()),
        written(&|bytes| write_history(&sample::history(), bytes).unwrap()),
        orders,
        tardis.to_owned(),
    ]
});

#[derive(Clone, Debug)]
enum Edit {
    Replace(Index, u8),
    Delete(Index, usize),
    Repeat(Index, usize),
    Insert(Index, &'static str),
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let tokens = vec![
        ",",
        "\n",
        "\"",
        "\"\"",
        "-",
        "0",
        "NaN",
        "inf",
        "1e999",
        "-1e-320",
        "9223372036854775807",
        "99999999999999999999",
        "\u{feff}",
        "\r",
        "é",
        "\0",
        "BTC",
        "perpetual",
        "index",
        "future",
        "USD",
        "2026-02-02",
        "+",
        ".",
        "call",
        "put",
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<Index>(), 1..200_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (any::<Index>(), select(tokens)).prop_map(|(at, token)| Edit::Insert(at, token)),
        any::<Index>().prop_map(Edit::Cut),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match edit {
            Edit::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Edit::Delete(at, count) => {
                let start = at.index(length);
                bytes.drain(start..(start + count).min(length));
            }
            Edit::Repeat(at, count) => {
                let start = at.index(length);
                let part = bytes[start..(start + count).min(length)].to_vec();
                bytes.splice(start..start, part);
            }
            Edit::Insert(at, token) => {
                let start = at.index(length);
                bytes.splice(start..start, token.bytes());
            }
            Edit::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_all(&bytes);
        read_all(&[&[0x1f, 0x8b, 8, 0], &*bytes].concat());
    }

    #[test]
    fn a_spoilt_file_is_answered(
        which: Index,
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        read_all(&edited(which.get(&VALID).clone().into_bytes(), &edits));
    }

    #[test]
    fn any_cells_are_answered(
        which: Index,
        row: Index,
        cells in prop::collection::vec((any::<Index>(), "[-+0-9.eE]{0,24}|[A-Z0-9_-]{0,20}|.{0,12}"), 1..4),
    ) {
        let text = which.get(&VALID);
        let mut lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let row = 1 + row.index(lines.len() - 1);
        for (column, cell) in &cells {
            let column = column.index(lines[row].len());
            lines[row][column] = cell;
        }
        let text: String = lines.iter().map(|fields| fields.join(",") + "\n").collect();
        read_all(text.as_bytes());
    }
}

#[test]
fn the_valid_files_are_valid() {
    let (market, accounts) = &*SAMPLE;
    let [chain, portfolio, history, orders, tardis] = &VALID[..] else { panic!("five files") };
    read_market("f", chain.as_bytes(), None).unwrap();
    read_portfolio("f", portfolio.as_bytes(), market).unwrap();
    read_history("f", history.as_bytes()).unwrap();
    read_orders("f", orders.as_bytes(), market, accounts.clone()).unwrap();
    read_market("f", tardis.as_bytes(), None).unwrap();
}
