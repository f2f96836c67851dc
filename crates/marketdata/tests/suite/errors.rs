//! Every way in which a file can be wrong, with the line and the remedy that the error names.

use std::io::{Read, Write, repeat};

use flate2::Compression;
use flate2::write::GzEncoder;
use plimsoll_marketdata::{
    FileError, Snapshot, read_history, read_market, read_orders, read_portfolio, sample,
};

const CHAIN: &str = "\
timestamp,instrument_name,option_type,strike,expiry_datetime,bid_price,ask_price,mark_price,futures_price,implied_volatility,delta,vega,open_interest,currency,index_price,other
2026-02-02T12:00:00Z,BTC-27MAR26-100000-C,call,100000.0,2026-03-27T08:00:00+00:00,0.0195,,0.02,81000.123456789,0.55,0.2,81.5,12.5,BTC,80500.5,x
2026-02-02T12:00:00Z,BTC-27MAR26-100000-P,put,100000,2026-03-27T08:00:00+00:00,,0.26,0,81000.1,0.56,-0.8,81.5,0,BTC,80500.7,y
";

const TARDIS: &str = "\
exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,vega,theta,rho
deribit,BTC-27MAR26-100000-C,1770030000000000,1770030000001000,call,100000,1774598400000000,10,,0.0195,2,54,0.0205,2,56,0.02,55,BTC-27MAR26,81000,0.2,0,81,-20,0
deribit,BTC-27MAR26-100000-C,1770033600000000,1770033600001000,call,100000,1774598400000000,10,,0.0215,2,54,0.0225,2,56,0.022,57.5,BTC-27MAR26,81500,0.2,0,81,-20,0
deribit,ETH-3FEB26-2600-P,1770033500000000,1770033500001000,put,2600,1770105600000000,10,,,0,0,0.01,2,80,0.008,75,SYN.ETH-3FEB26,2640.5,-0.4,0,1,-1,0
";

fn market(text: &str) -> Result<Snapshot, FileError> {
    read_market("market.csv", text.as_bytes(), None)
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The error of a text in which one part is replaced, as it is printed.
fn broken(text: &str, part: &str, by: &str) -> String {
    assert!(text.contains(part), "{part}");
    market(&text.replacen(part, by, 1)).unwrap_err().to_string()
}

#[track_caller]
fn check(error: &str, start: &str, words: &str) {
    assert!(error.starts_with(start) && error.contains(words), "{error}");
    assert!(error.split_once("; ").is_some_and(|(_, remedy)| remedy.len() > 8), "{error}");
    assert!(error.len() < 400, "{error}");
}

#[test]
fn a_chain_is_read() {
    let snapshot = market(CHAIN).unwrap();
    assert_eq!(snapshot.options.len(), 2);
    assert_eq!(snapshot.options[0].bid.unwrap().to_string(), "0.0195");
    assert_eq!(snapshot.options[0].ask, None);
    let market = &snapshot.market;
    assert_eq!(market.price("BTC".parse().unwrap()).unwrap().to_string(), "80500.6");
    assert_eq!(market.price("USDC".parse().unwrap()).unwrap().to_string(), "1");
    let option = "BTC-27MAR26-100000-P".parse().unwrap();
    let expiry = market.expiry(&option).unwrap();
    assert_eq!(expiry.forward.to_string(), "81000.11172839");
    // The call is out of the money, so its volatility is the strike's; the mark of zero is valid.
    assert_eq!(expiry.volatility.volatility(100_000.0, 81_000.0, 0.1), 0.55);
    assert_eq!(market.mark(&option).unwrap().to_string(), "0");
}

#[test]
fn a_chain_may_be_gzipped_marked_and_end_lines_in_any_way() {
    let plain = format!("{:?}", market(CHAIN).unwrap());
    for text in [
        format!("\u{feff}{CHAIN}"),
        CHAIN.replace('\n', "\r\n"),
        CHAIN.replace('\n', "\n\n"),
        CHAIN.trim_end().to_owned(),
    ] {
        assert_eq!(format!("{:?}", market(&text).unwrap()), plain);
    }
    let read = read_market("market.csv.gz", &*gzipped(CHAIN), None).unwrap();
    assert_eq!(format!("{read:?}"), plain);
}

#[test]
fn other_rows_give_futures_perpetuals_and_stablecoins() {
    let text = CHAIN.to_owned()
        + "2026-02-02T12:00:00Z,BTC-PERPETUAL,perpetual,,,,,80510.5,,,,,,BTC,80500.6,\n\
           2026-02-02T12:00:00Z,SOL_USDC-27MAR26,future,,2026-03-27T08:00:00Z,,,,113.5,,,,,,112.4,\n\
           2026-02-02T12:00:00Z,USDT,index,,,,,,,,,,,,0.9991,\n";
    let market = market(&text).unwrap().market;
    let mark = |name: &str| market.mark(&name.parse().unwrap()).unwrap().to_string();
    assert_eq!(mark("BTC-PERPETUAL"), "80510.5");
    assert_eq!(mark("SOL_USDC-27MAR26"), "113.5");
    assert_eq!(market.price("USDT".parse().unwrap()).unwrap().to_string(), "0.9991");
    assert!(market.mark(&"SOL_USDC-27MAR26-100-C".parse().unwrap()).is_err());
}

#[test]
fn a_tardis_file_is_read_up_to_a_time() {
    let read = |at: Option<&str>| {
        let at = at.map(|at| at.parse().unwrap());
        read_market("tardis.csv", TARDIS.as_bytes(), at).unwrap()
    };
    let last = read(None);
    assert_eq!(last.market.time.to_string(), "2026-02-02T12:00:00Z");
    assert_eq!(last.options.len(), 2);
    let call = &last.options[0];
    assert_eq!((call.mark.to_string().as_str(), call.volatility), ("0.022", 0.575));
    assert_eq!(last.market.price("BTC".parse().unwrap()).unwrap().to_string(), "81500");
    let early = read(Some("2026-02-02T11:30:00Z"));
    assert_eq!(early.market.time.to_string(), "2026-02-02T11:30:00Z");
    assert_eq!((early.options.len(), early.options[0].volatility), (1, 0.55));
    let expired = read(Some("2026-02-03T08:00:00Z"));
    assert_eq!(expired.options.len(), 1);
}

#[test]
fn a_tardis_file_that_leaves_options_out_says_how_many() {
    let unmarked =
        TARDIS.replace("0.008,75,", "0.008,,").replace("ETH-3FEB26-2600-P", "DOGE-3FEB26-1-P");
    assert_eq!(market(&unmarked).unwrap().left_out, 1);
    let unmarked = TARDIS.replace("0.008,75,", "0.008,,");
    let snapshot = market(&unmarked).unwrap();
    assert_eq!((snapshot.left_out, snapshot.options.len()), (1, 1));
}

#[test]
fn a_tardis_file_gone_wrong() {
    check(
        &broken(TARDIS, "mark_price,", "marked,"),
        "market.csv:1: mark_price",
        "lacks this column",
    );
    check(&broken(TARDIS, ",55,BTC", ",0,BTC"), "market.csv:2: mark_iv", "not greater than zero");
    check(&broken(TARDIS, ",55,BTC", ",NaN,BTC"), "market.csv:2: mark_iv", "not a finite number");
    check(
        &broken(TARDIS, ",55,BTC", ",55000,BTC"),
        "market.csv:2: mark_iv",
        "none that a market has",
    );
    check(&broken(TARDIS, "1770030000000000", "noon"), "market.csv:2: timestamp", "not a time");
    check(&broken(TARDIS, "call,100000,", "put,100000,"), "market.csv:2: type", "contradicts");
    check(
        &broken(TARDIS, "call,100000,", "call,90000,"),
        "market.csv:2: strike_price",
        "contradicts",
    );
    check(
        &broken(TARDIS, "1774598400000000", "1774598400000000000"),
        "market.csv:2: expiration",
        "contradicts",
    );
    check(
        &broken(TARDIS, "BTC-27MAR26,81000", "BTC-27MAR26,-1"),
        "market.csv:2: underlying_price",
        "negative",
    );
    check(
        &broken(TARDIS, "BTC-27MAR26-100000-C", "BTC-PERPETUAL"),
        "market.csv:2: symbol",
        "not an option",
    );
    let early = Some("2026-01-01".parse().unwrap());
    let error = read_market("market.csv", TARDIS.as_bytes(), early).unwrap_err();
    check(&error.to_string(), "market.csv:", "no update at or before 2026-01-01T00:00:00Z");
    let late = Some("2027-01-01".parse().unwrap());
    let error = read_market("market.csv", TARDIS.as_bytes(), late).unwrap_err();
    check(&error.to_string(), "market.csv:", "live, marked option");
}

#[test]
fn headers_gone_wrong() {
    check(&market("").unwrap_err().to_string(), "market.csv:1:", "the file is empty");
    check(&market("\n \n").unwrap_err().to_string(), "market.csv:1:", "the file is empty");
    check(&market("a,b\n1,2\n").unwrap_err().to_string(), "market.csv:1:", "no market file");
    let header = &CHAIN[..=CHAIN.find('\n').unwrap()];
    check(&market(header).unwrap_err().to_string(), "market.csv:1:", "no rows");
    for column in
        ["timestamp", "option_type", "strike", "mark_price", "futures_price", "index_price"]
    {
        let error = broken(CHAIN, column, "x");
        check(&error, &format!("market.csv:1: {column}:"), "the header lacks this column");
    }
    check(&broken(CHAIN, "open_interest", "delta"), "market.csv:1:", "`delta` twice");
}

#[test]
fn numbers_gone_wrong() {
    for (part, by, column, words) in [
        ("0.55", "NaN", "implied_volatility", "`NaN` is not a finite number"),
        ("0.55", "inf", "implied_volatility", "`inf` is not a finite number"),
        ("0.55", "0", "implied_volatility", "0 is not greater than zero"),
        ("0.55", "-0.55", "implied_volatility", "-0.55 is not greater than zero"),
        ("0.55", "", "implied_volatility", "the field is empty"),
        ("0.55", "55", "implied_volatility", "none that a market has"),
        (",0.02,", ",-0.02,", "mark_price", "the price -0.02 is negative"),
        (",0.02,", ",1e300,", "mark_price", "the price 1e300 is too large"),
        (",0.02,", ",two,", "mark_price", "`two` is not a finite number"),
        ("0.0195", "-1", "bid_price", "the price -1 is negative"),
        ("81000.123456789", "0", "futures_price", "the price 0 is not greater than zero"),
        ("81000.123456789", "-81000", "futures_price", "the price -81000 is negative"),
        ("81000.123456789", "0.000000001", "futures_price", "is not greater than zero"),
        ("81000.123456789", "1", "futures_price", "more than 100 times away from the index"),
        ("80500.5", "0", "index_price", "the price 0 is not greater than zero"),
        ("80500.5", "80,500.5", "", "the row has 17 fields where the header has 16"),
        (",0.2,", ",x,", "delta", "`x` is not a finite number"),
    ] {
        let start = if column.is_empty() {
            "market.csv:2: ".into()
        } else {
            format!("market.csv:2: {column}: ")
        };
        check(&broken(CHAIN, part, by), &start, words);
    }
}

#[test]
fn instruments_gone_wrong() {
    for (part, by, column, words) in [
        (
            "BTC-27MAR26-100000-C",
            "BTC-27MAR26-100000-X",
            "instrument_name",
            "the last part must be C or P",
        ),
        ("BTC-27MAR26-100000-C", "DOGE-27MAR26-1-C", "instrument_name", "no listing convention"),
        ("call,", "put,", "option_type", "`put` contradicts the name BTC-27MAR26-100000-C"),
        ("call,", "swap,", "option_type", "`swap` is no kind of instrument"),
        ("call,", "future,", "option_type", "contradicts"),
        ("call,", "perpetual,", "option_type", "contradicts"),
        ("call,100000.0", "call,90000", "strike", "`90000` contradicts"),
        ("2026-03-27T08", "2026-03-28T08", "expiry_datetime", "contradicts"),
        ("12.5,BTC", "12.5,ETH", "currency", "`ETH` contradicts"),
        ("2026-02-02T12", "today", "timestamp", "is not a time"),
    ] {
        check(&broken(CHAIN, part, by), &format!("market.csv:2: {column}: "), words);
    }
    let later = CHAIN.replace("2026-02-02T12", "2026-04-02T12");
    check(
        &market(&later).unwrap_err().to_string(),
        "market.csv:2: expiry_datetime: ",
        "expired at",
    );
    let twice = CHAIN.replace("100000-P,put", "100000-C,call");
    check(
        &market(&twice).unwrap_err().to_string(),
        "market.csv:3: instrument_name: ",
        "already on line 2",
    );
    let row = CHAIN.lines().nth(2).unwrap();
    let two_times = CHAIN.replace(row, &row.replace("12:00:00Z", "12:00:01Z"));
    check(
        &market(&two_times).unwrap_err().to_string(),
        "market.csv:3: timestamp: ",
        "the time of line 2",
    );
    let early = Some("2026-02-02T11:59:59Z".parse().unwrap());
    let error = read_market("market.csv", CHAIN.as_bytes(), early).unwrap_err();
    check(&error.to_string(), "market.csv:2: timestamp: ", "later than the time asked for");
}

#[test]
fn quotes_and_fields_gone_wrong() {
    check(&broken(CHAIN, ",x\n", ",\"x\n"), "market.csv:2: ", "does not end on its line");
    check(&broken(CHAIN, ",x\n", ",x\"y\n"), "market.csv:2: ", "does not end on its line");
    check(&broken(CHAIN, ",x\n", ",x,\n"), "market.csv:2: ", "17 fields");
    check(&broken(CHAIN, ",x\n", "\n"), "market.csv:2: ", "15 fields");
    assert!(market(&CHAIN.replace(",x\n", ",\"a, \"\"b\"\"\"\n")).is_ok());
}

#[test]
fn bytes_gone_wrong() {
    let read = |bytes: &[u8]| read_market("market.csv", bytes, None).unwrap_err().to_string();
    let mut bytes = CHAIN.as_bytes().to_vec();
    *bytes.last_mut().unwrap() = 0xff;
    check(&read(&bytes), "market.csv:3: ", "not UTF-8");
    let whole = gzipped(CHAIN);
    check(&read(&gzipped("")), "market.csv:1: ", "the file is empty");
    check(&read(&whole[..2]), "market.csv:1: ", "the gzip data ends in the middle");
    check(&read(&whole[..whole.len() - 9]), "market.csv:", "the gzip data ends in the middle");
    let mut damaged = whole.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 0x55;
    check(&read(&damaged), "market.csv:", "the gzip data is damaged");
}

#[test]
fn an_endless_line_is_refused_at_once() {
    let endless = CHAIN.as_bytes().chain(repeat(b'7'));
    let error = read_market("market.csv", endless, None).unwrap_err();
    check(&error.to_string(), "market.csv:4: ", "longer than 65536 bytes");
    let quoted = CHAIN.as_bytes().chain(&b"\"a\n"[..]).chain(repeat(b'\n'));
    let error = read_market("market.csv", quoted.take(10_000_000), None).unwrap_err();
    check(&error.to_string(), "market.csv:4: ", "does not end on its line");
    let rows = "date,BTC\n".as_bytes().chain(repeat(b'\n').take(1_000_000));
    assert!(read_history("history.csv", rows).is_err());
}

#[test]
fn portfolios_gone_wrong() {
    let market = sample::snapshot().market;
    let read = |rows: &str| {
        let text = format!("account,instrument,quantity,entry_price\n{rows}");
        read_portfolio("portfolio.csv", text.as_bytes(), &market)
    };
    let accounts =
        read("b,BTC,1.5,\na,USDC,-20,\nb,BTC-PERPETUAL,-200,81000\n\"c, d\",USD,0,\n").unwrap();
    let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c, d"]);
    let position = accounts[0].positions.values().next().unwrap();
    assert_eq!((position.quantity.lots(), position.cost.to_string()), (-20, "0.00246914".into()));
    for (row, column, words) in [
        ("a,BTC-27MAR26-101234-C,1,", "instrument", "the market does not list"),
        ("a,BTC-6FEB25-90000-C,1,", "instrument", "expired at 2025-02-06T08:00:00Z"),
        ("a,BTC-PERP,1,", "instrument", "is not an instrument name"),
        ("a,BTC_USDC,1,", "instrument", "the market does not list BTC_USDC"),
        ("a,DOGE,1,", "instrument", "the market has no price of DOGE"),
        ("a,btc,1,", "instrument", "is not an asset name"),
        ("a,,1,", "instrument", "is not an asset name"),
        (",BTC,1,", "account", "is not an account's name"),
        (" a,BTC,1,", "account", "is not an account's name"),
        ("a,BTC,NaN,", "quantity", "not a plain decimal number"),
        ("a,BTC,inf,", "quantity", "not a plain decimal number"),
        ("a,BTC,,", "quantity", "not a plain decimal number"),
        ("a,BTC,0.000000001,", "quantity", "more than 8 decimals"),
        ("a,BTC,1,50000", "entry_price", "collateral has no entry price"),
        ("a,BTC-PERPETUAL,15,", "quantity", "not a whole number of lots of 10 USD"),
        ("a,BTC-PERPETUAL,0,", "quantity", "the quantity is zero"),
        ("a,USDC,1000000000000001,", "quantity", "worth more than the limit"),
        ("a,BTC-PERPETUAL,-10,0.000000000001", "entry_price", "not greater than zero"),
        ("a,BTC-PERPETUAL,-1000000,0.00000001", "entry_price", "is no price of BTC-PERPETUAL"),
        ("a,BTC-27MAR26-100000-C,1,5000", "entry_price", "write the price in BTC"),
        ("a,BTC_USDC-PERPETUAL,20000000000,", "quantity", "worth more than the limit"),
        ("a,BTC-PERPETUAL,10,0", "entry_price", "not greater than zero"),
        ("a,BTC-PERPETUAL,10,-5", "entry_price", "is negative"),
        ("a,BTC-PERPETUAL,10,x", "entry_price", "not a finite number"),
        ("a,BTC-PERPETUAL,99999999999999999999999999999999,", "quantity", "too large"),
    ] {
        let error = read(&format!("z,USDC,1,\n{row}\n")).unwrap_err();
        check(&error.to_string(), &format!("portfolio.csv:3: {column}: "), words);
    }
    let error = read("a,BTC,1,\nb,BTC,1,\na,BTC,2,\n").unwrap_err();
    check(&error.to_string(), "portfolio.csv:4: instrument: ", "already holds it on line 2");
    check(&read("").unwrap_err().to_string(), "portfolio.csv:1: ", "no rows");
    let error = read_portfolio("p.csv", &b"account,instrument\n"[..], &market).unwrap_err();
    check(&error.to_string(), "p.csv:1: quantity: ", "lacks this column");
}

#[test]
fn orders_gone_wrong() {
    let market = sample::snapshot().market;
    let accounts = || sample::portfolio(&market).unwrap();
    let read = |rows: &str| {
        let text = format!("account,instrument,quantity,limit_price,fee\n{rows}");
        read_orders("orders.csv", text.as_bytes(), &market, accounts())
    };
    let with =
        read("pair,BTC-PERPETUAL,200,80000,0.000001\npair,BTC-PERPETUAL,100,79000,\n").unwrap();
    let pair = with.iter().find(|account| account.name == "pair").unwrap();
    assert_eq!(pair.orders.len(), 2);
    for (row, column, words) in [
        ("nobody,BTC-PERPETUAL,10,80000,", "account", "no account `nobody`"),
        ("pair,BTC,10,80000,", "instrument", "an asset is no instrument"),
        ("pair,BTC-PERPETUAL,10,,", "limit_price", "the field is empty"),
        ("pair,BTC-PERPETUAL,10,0,", "limit_price", "not greater than zero"),
        ("pair,BTC-PERPETUAL,10,1,", "limit_price", "is no price of BTC-PERPETUAL"),
        ("pair,BTC-PERPETUAL,0,80000,", "quantity", "the quantity is zero"),
        ("pair,BTC-PERPETUAL,10,80000,-1", "fee", "not an amount of zero or more"),
    ] {
        check(
            &read(&format!("{row}\n")).unwrap_err().to_string(),
            &format!("orders.csv:2: {column}: "),
            words,
        );
    }
}

#[test]
fn histories_gone_wrong() {
    let read = |text: &str| read_history("history.csv", text.as_bytes());
    let history = read("date,BTC,ETH\n2026-02-01,80000,\n2026-02-03,,2600.5\n").unwrap();
    assert_eq!(history.days[1].closes, [None, Some(2600.5)]);
    for (text, start, words) in [
        ("day,BTC\n2026-02-01,1\n", "history.csv:1: ", "`day`, not `date`"),
        ("date\n2026-02-01\n", "history.csv:1: ", "names no asset"),
        ("date,bitcoin\n2026-02-01,1\n", "history.csv:1: ", "`bitcoin` is not an asset's name"),
        ("date,BTC\n", "history.csv:1: ", "no rows"),
        ("date,BTC\n2026-02-30,1\n", "history.csv:2: date: ", "not a date"),
        ("date,BTC\n2026-02-01T00:00:00Z,1\n", "history.csv:2: date: ", "not a date"),
        ("date,BTC\n2026-02-01,0\n", "history.csv:2: BTC: ", "not greater than zero"),
        ("date,BTC\n2026-02-01,-1\n", "history.csv:2: BTC: ", "not greater than zero"),
        ("date,BTC\n2026-02-01,1e-320\n", "history.csv:2: BTC: ", "none that an asset has"),
        ("date,BTC\n2026-02-01,nan\n", "history.csv:2: BTC: ", "not a finite number"),
        (
            "date,BTC\n2026-02-02,1\n2026-02-01,1\n",
            "history.csv:3: date: ",
            "after a later day on line 2",
        ),
        ("date,BTC\n2026-02-02,1\n2026-02-02,1\n", "history.csv:3: date: ", "already on line 2"),
        ("date,BTC,BTC\n2026-02-02,1,1\n", "history.csv:1: ", "`BTC` twice"),
    ] {
        check(&read(text).unwrap_err().to_string(), start, words);
    }
}
