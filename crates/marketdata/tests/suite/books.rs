//! Books: the same accounts as a portfolio file gives, from CSV and from Parquet of every make; and
//! an answer to every file, however spoilt.

use std::sync::{Arc, LazyLock};

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use plimsoll_marketdata::{
    FileError, NamedBook, read_book_csv, read_book_parquet_bytes, read_portfolio, sample,
    write_portfolio,
};
use proptest::prelude::*;
use proptest::sample::Index;
use risk::Market;
use risk::whole_book::Book;

static MARKET: LazyLock<Market> = LazyLock::new(|| sample::snapshot().market);

/// A column of a Parquet file, nulls left out of its values.
#[derive(Clone, Debug)]
enum Values {
    Text(Vec<Option<String>>),
    Double(Vec<Option<f64>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
}

/// Numbers, or nulls where there are none.
fn split<T: Clone>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (values.iter().flatten().cloned().collect(), levels)
}

/// How a file is written.
#[derive(Clone, Debug)]
struct Make {
    compression: Compression,
    dictionary: bool,
    version: WriterVersion,
    text_encoding: Encoding,
    group_rows: usize,
}

const PLAIN: Make = Make {
    compression: Compression::UNCOMPRESSED,
    dictionary: true,
    version: WriterVersion::PARQUET_1_0,
    text_encoding: Encoding::PLAIN,
    group_rows: 1_000,
};

/// A field of a schema.
fn field(name: &str, kind: &str) -> String {
    let end = if kind.ends_with('}') { "" } else { ";" };
    kind.replace('*', name) + end
}

/// A Parquet file of named columns, each with its declared type.
fn written(columns: &[(&str, &str, Values)], make: &Make) -> Vec<u8> {
    let fields: String = columns.iter().map(|(name, kind, _)| field(name, kind)).collect();
    let schema = Arc::new(parse_message_type(&format!("message book {{ {fields} }}")).unwrap());
    let mut properties = WriterProperties::builder()
        .set_compression(make.compression)
        .set_dictionary_enabled(make.dictionary)
        .set_writer_version(make.version);
    if !make.dictionary {
        for name in ["account", "instrument"] {
            properties = properties.set_column_encoding(name.into(), make.text_encoding);
        }
    }
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties.build())).unwrap();
    let rows = match &columns[0].2 {
        Values::Text(values) => values.len(),
        Values::Double(values) => values.len(),
        Values::Int32(values) => values.len(),
        Values::Int64(values) => values.len(),
    };
    for start in (0..rows).step_by(make.group_rows) {
        let span = start..(start + make.group_rows).min(rows);
        let mut group = writer.next_row_group().unwrap();
        for (_, _, values) in columns {
            let mut column = group.next_column().unwrap().unwrap();
            macro_rules! write {
                ($kind:ty, $values:expr) => {{
                    let (values, levels) = split($values);
                    column.typed::<$kind>().write_batch(&values, Some(&levels), None).unwrap();
                }};
            }
            match values {
                Values::Text(values) => {
                    let texts: Vec<Option<ByteArray>> = values[span.clone()]
                        .iter()
                        .map(|text| text.as_deref().map(ByteArray::from))
                        .collect();
                    write!(ByteArrayType, &texts);
                }
                Values::Double(values) => write!(DoubleType, &values[span.clone()]),
                Values::Int32(values) => write!(Int32Type, &values[span.clone()]),
                Values::Int64(values) => write!(Int64Type, &values[span.clone()]),
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

const TEXT: &str = "OPTIONAL BYTE_ARRAY * (UTF8)";
const DOUBLE: &str = "OPTIONAL DOUBLE *";

fn text(values: &[&str]) -> Values {
    Values::Text(values.iter().map(|&text| Some(text.to_owned())).collect())
}

/// The sample portfolio, as CSV and as columns.
fn sample_csv() -> String {
    let mut bytes = Vec::new();
    write_portfolio(&sample::portfolio(&MARKET).unwrap(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn columns_of(csv: &str) -> Vec<(&'static str, &'static str, Values)> {
    let field = |index: usize| {
        csv.lines().skip(1).map(move |line| line.split(',').nth(index).unwrap().to_owned())
    };
    let words = |index| Values::Text(field(index).map(Some).collect());
    let number = |text: String| (!text.is_empty()).then(|| text.parse().unwrap());
    vec![
        ("account", TEXT, words(0)),
        ("instrument", TEXT, words(1)),
        ("quantity", DOUBLE, Values::Double(field(2).map(number).collect())),
        ("entry_price", DOUBLE, Values::Double(field(3).map(number).collect())),
    ]
}

fn read(bytes: Vec<u8>) -> Result<NamedBook, FileError> {
    read_book_parquet_bytes("f", bytes, &MARKET)
}

#[test]
fn a_book_is_the_portfolio_of_the_same_rows() {
    let csv = sample_csv();
    let accounts = read_portfolio("f", csv.as_bytes(), &MARKET).unwrap();
    let expected = Book::of(&MARKET, &accounts).unwrap();
    let named = read_book_csv("f", csv.as_bytes(), &MARKET).unwrap();
    assert_eq!(named.book, expected);
    assert!(named.accounts.iter().eq(accounts.iter().map(|account| &account.name)));
    // Rows in any order: the same accounts by name.
    let mut lines: Vec<&str> = csv.lines().skip(1).collect();
    lines.sort_by_key(|line| line.bytes().rev().map(usize::from).sum::<usize>() % 31);
    let mixed = format!("{}\n{}\n", csv.lines().next().unwrap(), lines.join("\n"));
    let mixed = read_book_csv("f", mixed.as_bytes(), &MARKET).unwrap();
    for (place, name) in mixed.accounts.iter().enumerate() {
        let other = named.accounts.iter().position(|known| known == name).unwrap();
        assert_eq!(mixed.book.positions().account(place), named.book.positions().account(other));
    }
}

#[test]
fn parquet_of_every_make_is_read() {
    let csv = sample_csv();
    let expected = read_book_csv("f", csv.as_bytes(), &MARKET).unwrap();
    let zstd = Compression::ZSTD(Default::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for (dictionary, text_encoding) in [
                (true, Encoding::PLAIN),
                (false, Encoding::PLAIN),
                (false, Encoding::DELTA_BYTE_ARRAY),
                (false, Encoding::DELTA_LENGTH_BYTE_ARRAY),
            ] {
                for group_rows in [1, 7, 1_000] {
                    let make = Make { compression, dictionary, version, text_encoding, group_rows };
                    let found = read(written(&columns_of(&csv), &make));
                    assert_eq!(found.as_ref(), Ok(&expected), "{make:?}");
                }
            }
        }
    }
    let gzip = Make { compression: Compression::LZ4, ..PLAIN };
    // The writer was not built for it either, so only the name of the codec can be checked.
    assert!(std::panic::catch_unwind(|| written(&columns_of(&csv), &gzip)).is_err());
}

#[test]
fn numbers_and_strings_mean_the_same() {
    let names = ("instrument", TEXT, text(&["BTC-PERPETUAL", "USDC", "BTC_USDC-PERPETUAL"]));
    let account = |kind, values| ("account", kind, values);
    let quantity = |kind, values| ("quantity", kind, values);
    let words = read(written(
        &[
            account(TEXT, text(&["7", "7", "4000000000"])),
            names.clone(),
            quantity(TEXT, text(&["-200", "1500", "3"])),
        ],
        &PLAIN,
    ))
    .unwrap();
    let numbers = [
        (
            account("OPTIONAL INT64 *", Values::Int64(vec![Some(7), Some(7), Some(4_000_000_000)])),
            quantity("OPTIONAL INT64 *", Values::Int64(vec![Some(-200), Some(1_500), Some(3)])),
        ),
        (
            account(
                "OPTIONAL INT32 * (UINT_32)",
                Values::Int32(vec![Some(7), Some(7), Some(4_000_000_000_u32.cast_signed())]),
            ),
            quantity(
                "OPTIONAL DOUBLE *",
                Values::Double(vec![Some(-200.0), Some(1.5e3), Some(3.0)]),
            ),
        ),
    ];
    for (account, quantity) in numbers {
        let found = read(written(&[account, names.clone(), quantity], &PLAIN)).unwrap();
        assert_eq!(found, words);
    }
    assert_eq!(words.accounts, ["7", "4000000000"]);
    assert_eq!(words.book.positions().account(0).1, [-20]);
}

/// What a program got by adding up decimals is read as their sum; no other digits are dropped.
#[test]
fn balances_are_whole_units_within_rounding() {
    let book = |quantity: f64| {
        let columns = [
            ("account", TEXT, text(&["anna"])),
            ("instrument", TEXT, text(&["BTC"])),
            ("quantity", DOUBLE, Values::Double(vec![Some(quantity)])),
        ];
        read(written(&columns, &PLAIN))
    };
    assert_eq!(book(0.1 + 0.2), book(0.3));
    assert_eq!(book(-0.1 - 0.7), book(-0.8));
    assert_ne!(book(0.3), book(0.300_000_01));
    check(book(0.300_000_001), 1, Some("quantity"), "0.300000001");
    check(book(0.3_f64.next_up().next_up().next_up()), 1, Some("quantity"), "0.3000000000000001");
}

/// Where, in which column, and the beginning of what is wrong.
#[track_caller]
fn check(found: Result<NamedBook, FileError>, line: u64, column: Option<&str>, message: &str) {
    let error = found.unwrap_err();
    assert_eq!((error.line, error.column.as_deref()), (line, column), "{error}");
    assert!(error.message.contains(message) && !error.remedy.is_empty(), "{error}");
}

#[test]
fn rows_that_are_wrong_are_named() {
    let csv = |rows: &str| {
        let text = format!("account,instrument,quantity,entry_price\n{rows}");
        read_book_csv("f", text.as_bytes(), &MARKET)
    };
    let good = "anna,BTC,1.5,\n";
    check(csv(&format!("{good},BTC,1,\n")), 3, Some("account"), "not an account's name");
    check(csv(&format!("{good}ben,DOGE,1,\n")), 3, Some("instrument"), "no price of DOGE");
    check(csv(&format!("{good}ben,BTC-PERP,1,\n")), 3, Some("instrument"), "no instrument's name");
    check(csv(&format!("{good}ben,BTC-27MAR26-1-C,1,\n")), 3, Some("instrument"), "not list");
    check(csv(&format!("{good}ben,BTC,,\n")), 3, Some("quantity"), "missing");
    check(csv(&format!("{good}ben,BTC,NaN,\n")), 3, Some("quantity"), "NaN");
    check(csv(&format!("{good}ben,BTC,1e99,\n")), 3, Some("quantity"), "1e99");
    check(csv(&format!("{good}ben,BTC,99999999999999,\n")), 3, Some("quantity"), "worth more");
    check(
        csv(&format!("{good}ben,BTC-PERPETUAL,15,\n")),
        3,
        Some("quantity"),
        "whole number of lots",
    );
    check(csv(&format!("{good}ben,BTC-PERPETUAL,0,\n")), 3, Some("quantity"), "zero");
    check(csv(&format!("{good}ben,BTC-PERPETUAL,10,-5\n")), 3, Some("entry_price"), "no price of");
    check(csv(&format!("{good}ben,BTC-PERPETUAL,10,5\n")), 3, Some("entry_price"), "no price of");
    check(csv(&format!("{good}ben,BTC-PERPETUAL,10,inf\n")), 3, Some("entry_price"), "no price of");
    check(csv(&format!("{good}ben,BTC,10,5\n")), 3, Some("entry_price"), "no entry price");
    let twice = "ben,BTC-PERPETUAL,10,\nanna,BTC,2,\nben,BTC-PERPETUAL,-10,\n";
    check(
        csv(&format!("{good}{twice}")),
        4,
        Some("instrument"),
        "`anna` already holds BTC in row 2",
    );
    check(
        csv(&format!("{good}{}", twice.replace("anna", "carl"))),
        5,
        Some("instrument"),
        "`ben` already holds BTC-PERPETUAL in row 3",
    );
    check(csv(""), 1, None, "no rows");
    check(
        read_book_csv("f", "account,instrument\n".as_bytes(), &MARKET),
        1,
        Some("quantity"),
        "lacks",
    );
}

#[test]
fn parquet_that_is_wrong_is_named() {
    let book = |account: Values, instrument: Values, quantity: (&'static str, Values)| {
        let columns = [
            ("account", TEXT, account),
            ("instrument", TEXT, instrument),
            ("quantity", quantity.0, quantity.1),
        ];
        read(written(&columns, &PLAIN))
    };
    let two = || text(&["anna", "ben"]);
    let btc = || text(&["BTC", "BTC"]);
    let sizes = |second| (DOUBLE, Values::Double(vec![Some(1.0), second]));
    let null = || Values::Text(vec![Some("anna".into()), None]);
    check(book(null(), btc(), sizes(Some(1.0))), 2, Some("account"), "null");
    check(book(two(), null(), sizes(Some(1.0))), 1, Some("instrument"), "asset's name");
    let unnamed = Values::Text(vec![Some("BTC".into()), None]);
    check(book(two(), unnamed, sizes(Some(1.0))), 2, Some("instrument"), "null");
    check(book(two(), btc(), sizes(None)), 2, Some("quantity"), "missing");
    check(book(two(), btc(), sizes(Some(f64::NAN))), 2, Some("quantity"), "NaN");
    check(book(two(), btc(), sizes(Some(f64::INFINITY))), 2, Some("quantity"), "inf");
    check(book(two(), btc(), sizes(Some(1e-9))), 2, Some("quantity"), "0.000000001");
    let dates = ("OPTIONAL INT32 * (DATE)", Values::Int32(vec![Some(1), Some(2)]));
    check(book(two(), btc(), dates), 1, Some("quantity"), "DATE");
    let of = |columns: &[(&str, &str, Values)]| read(written(columns, &PLAIN));
    check(of(&[("account", TEXT, two())]), 1, Some("instrument"), "lacks this column");
    let doubled = [("account", TEXT, two()), ("account", TEXT, two()), ("instrument", TEXT, btc())];
    check(of(&doubled), 1, Some("account"), "twice");
    let group = "OPTIONAL group * { REQUIRED BYTE_ARRAY name (UTF8); }";
    let nested = [("account", group, two()), ("instrument", TEXT, btc())];
    check(of(&nested), 1, Some("account"), "structure");
    check(
        of(&[
            ("account", TEXT, text(&[])),
            ("instrument", TEXT, text(&[])),
            ("quantity", TEXT, text(&[])),
        ]),
        1,
        None,
        "no rows",
    );
}

#[test]
fn what_is_no_parquet_is_refused() {
    let good = written(&columns_of(&sample_csv()), &PLAIN);
    for length in [0, 1, 4, 11, 12, 40, good.len() / 2, good.len() - 1] {
        let error = read(good[..length].to_vec()).unwrap_err();
        assert!(error.remedy.contains("damaged"), "{error}");
    }
    let csv = sample_csv();
    assert!(read(csv.into_bytes()).is_err());
    let mut long = good.clone();
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    check(read(long), 1, None, "impossible length");
}

/// Metadata of groups within groups, deep enough to exhaust a stack.
#[test]
fn bottomless_metadata_are_refused() {
    let file = |metadata: &[u8]| {
        let mut bytes = b"PAR1".to_vec();
        bytes.extend(metadata);
        bytes.extend((metadata.len() as u32).to_le_bytes());
        bytes.extend(b"PAR1");
        bytes
    };
    // Fields of one structure within the next; then a schema whose every group has one child.
    let structures = vec![0x1C; 1 << 20];
    let mut schema = vec![0x15, 0x02, 0x19, 0xFC, 0x80, 0x80, 0x10];
    for _ in 0..1 << 18 {
        schema.extend([0x48, 0x01, b'g', 0x15, 0x02, 0x00]);
    }
    let mut children = vec![0x15, 0x02, 0x19, 0x1C];
    children.extend([0x48, 0x01, b'g', 0x15, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0x00, 0x00]);
    let mut list = vec![0x15, 0x02, 0x49, 0xFC];
    list.extend([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    for metadata in [&structures[..], &schema, &children, &list, &[], &[0x00]] {
        let error = read(file(metadata)).unwrap_err();
        assert!(error.remedy.contains("damaged"), "{error}");
    }
}

fn cases(base: u32) -> ProptestConfig {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    let cases = base.saturating_mul(scale.unwrap_or(1));
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Small files of every make, so that an edit mostly hits something that matters.
static VALID: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let csv: String = sample_csv().lines().take(9).map(|line| format!("{line}\n")).collect();
    let columns = columns_of(&csv);
    let make = |compression, dictionary, version, group_rows| {
        let text_encoding = Encoding::DELTA_BYTE_ARRAY;
        written(&columns, &Make { compression, dictionary, version, text_encoding, group_rows })
    };
    let (old, new) = (WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0);
    vec![
        make(Compression::UNCOMPRESSED, true, old, 100),
        make(Compression::UNCOMPRESSED, false, new, 3),
        make(Compression::SNAPPY, true, new, 100),
        make(Compression::ZSTD(Default::default()), false, old, 4),
    ]
});

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn spoilt_parquet_is_answered(
        which: Index,
        edits in prop::collection::vec((any::<Index>(), any::<u8>(), 0..3_u8), 1..5),
        near_the_end: bool,
    ) {
        let mut bytes = which.get(&VALID).clone();
        for (at, byte, kind) in edits {
            let from = if near_the_end { bytes.len() - bytes.len().min(900) } else { 0 };
            let at = from + at.index(bytes.len() - from);
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                _ => bytes.splice(at..at, [byte]).for_each(drop),
            }
        }
        if let Err(error) = read(bytes) {
            prop_assert!(!error.message.is_empty() && !error.remedy.is_empty());
            prop_assert!(error.to_string().len() < 700 && !error.to_string().contains('\n'));
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(bytes.clone()).is_err());
        let size = (bytes.len() as u32).to_le_bytes();
        let framed = [&b"PAR1"[..], &bytes, &size, b"PAR1"].concat();
        prop_assert!(read(framed).is_err());
        let _ = read_book_csv("f", &*bytes, &MARKET);
    }
}
