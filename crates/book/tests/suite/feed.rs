//! A real futures feed: its depth updates build the book, its trades take from it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use plimsoll_book::{
    AccountId, Book, Crossing, Event, Limits, Lots, NewOrder, OrderId, OrderKind, SelfTrade, Side,
    Ticks,
};
use serde_json::Value;

/// Who quotes all depth, and who takes.
const MARKET: AccountId = AccountId(0);
const TAKER: AccountId = AccountId(1);

/// The feed, if it is at hand: in `$PLIMSOLL_DATA`, or beside the repository. Its absence is loud,
/// and an error where nothing may be skipped.
fn feed() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("PLIMSOLL_DATA").map_or(beside, PathBuf::from);
    let path = data.join("orderbook/binance-futures_btcusdt_20240808.jsonl.gz");
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", path.display());
    eprintln!("SKIPPED: no real feed, because {} is missing", path.display());
    None
}

/// What happened over the whole feed, in lots of a thousandth of a bitcoin.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    updates: u64,
    trades: u64,
    /// Trades that found all they asked for at their price.
    trades_filled: u64,
    lots_asked: i64,
    lots_filled: i64,
    /// What was not shown when the trade came: hidden orders, and depth that came later.
    lots_unfilled: i64,
    /// Levels that a new quote on the other side proves gone.
    stale_levels: u64,
}

struct Replay {
    book: Book,
    events: Vec<Event>,
    report: Report,
    next_id: u64,
    /// The update that the feed's snapshot holds.
    snapshot: Option<u64>,
}

impl Replay {
    fn new() -> Self {
        let book = Book::new(Limits { orders_per_account_max: 100_000, ..Limits::default() });
        let (events, report) = (Vec::new(), Report::default());
        Self { book: book.unwrap(), events, report, next_id: 1 << 40, snapshot: None }
    }

    fn line(&mut self, line: &str) {
        let (_, json) = line.split_once(' ').unwrap();
        let message: Value = serde_json::from_str(json).unwrap();
        let (stream, data) = (&message["stream"], &message["data"]);
        match stream.as_str() {
            // What a snapshot already holds would take it back in time.
            Some(name) if name.contains("@depth") && data["u"].as_u64() < self.snapshot => {}
            Some(name) if name.contains("@depth") => self.depth(&data["b"], &data["a"]),
            Some(name) if name.ends_with("@trade") => self.trade(data),
            Some(_) => {}
            None => {
                self.snapshot = message["lastUpdateId"].as_u64();
                self.book.mass_cancel(MARKET, None, &mut self.events);
                self.depth(&message["bids"], &message["asks"]);
            }
        }
    }

    /// Sets levels to the sizes told: first what leaves, then what comes.
    fn depth(&mut self, bids: &Value, asks: &Value) {
        self.report.updates += 1;
        let levels = |side: Side, list: &Value| -> Vec<(Side, Ticks, Lots)> {
            let list = list.as_array().unwrap().iter();
            list.map(|level| (side, price(&level[0]), lots(&level[1]))).collect()
        };
        let all = [levels(Side::Buy, bids), levels(Side::Sell, asks)].concat();
        let (gone, set): (Vec<_>, Vec<_>) = all.iter().partition(|(_, _, lots)| lots.0 == 0);
        for (side, price, _) in gone {
            if self.book.order(name(side, price)).is_some() {
                self.book.cancel(name(side, price), &mut self.events);
            }
        }
        for (side, price, lots) in set {
            self.drop_stale(side.opposite(), price);
            self.quote(side, price, lots);
        }
        self.check();
    }

    /// The feed's book is not crossed, so what a quote would take is no longer there.
    fn drop_stale(&mut self, side: Side, price: Ticks) {
        while let Some(best) = self.book.best(side) {
            let is_stale = if side == Side::Buy { best >= price } else { best <= price };
            if !is_stale {
                break;
            }
            self.report.stale_levels += 1;
            self.book.cancel(name(side, best), &mut self.events);
        }
    }

    fn quote(&mut self, side: Side, price: Ticks, lots: Lots) {
        let id = name(side, price);
        if self.book.order(id).is_some() {
            return self.book.amend(id, price, lots, &mut self.events);
        }
        let order = NewOrder {
            id,
            account: MARKET,
            side,
            lots,
            kind: OrderKind::PostOnly { price, crossing: Crossing::Reject },
            display: None,
            self_trade: SelfTrade::CancelTaker,
        };
        self.book.submit(&order, &mut self.events);
    }

    /// A trade as the taker that made it: what is not at its price is cancelled.
    fn trade(&mut self, data: &Value) {
        let (price, lots) = (price(&data["p"]), lots(&data["q"]));
        let side = if data["m"].as_bool().unwrap() { Side::Sell } else { Side::Buy };
        let found = self.book.fillable(side, price, lots, TAKER, SelfTrade::CancelTaker);
        self.next_id += 1;
        let order = NewOrder {
            id: OrderId(self.next_id),
            account: TAKER,
            side,
            lots,
            kind: OrderKind::ImmediateOrCancel { price },
            display: None,
            self_trade: SelfTrade::CancelTaker,
        };
        self.book.submit(&order, &mut self.events);
        let (mut filled, mut unfilled) = (0, 0);
        for event in &self.events {
            match event {
                Event::Fill { lots, .. } => filled += lots.0,
                Event::Cancelled { lots, .. } => unfilled += lots.0,
                other => panic!("a taker neither filled nor cancelled: {other:?}"),
            }
        }
        assert_eq!((filled + unfilled, filled), (lots.0, found.lots.0));
        self.report.trades += 1;
        self.report.trades_filled += u64::from(unfilled == 0);
        self.report.lots_asked += lots.0;
        self.report.lots_filled += filled;
        self.report.lots_unfilled += unfilled;
        self.check();
    }

    fn check(&mut self) {
        let is_refused = |event: &&Event| matches!(event, Event::Refused { .. });
        assert_eq!(self.events.iter().find(is_refused), None);
        self.events.clear();
        if let (Some(bid), Some(ask)) = (self.book.best(Side::Buy), self.book.best(Side::Sell)) {
            assert!(bid < ask, "crossed: {bid} bid, {ask} asked");
        }
        if self.report.updates.is_multiple_of(100) {
            assert_eq!(self.book.check(), Ok(()));
        }
    }
}

fn name(side: Side, price: Ticks) -> OrderId {
    OrderId(price.0 as u64 * 2 + u64::from(side == Side::Sell))
}

/// A price in ticks of 0.10.
fn price(text: &Value) -> Ticks {
    let hundredths = decimal(text, 2);
    assert_eq!(hundredths % 10, 0);
    Ticks(hundredths / 10)
}

fn lots(text: &Value) -> Lots {
    Lots(decimal(text, 3))
}

fn decimal(text: &Value, decimals: usize) -> i64 {
    let (whole, part) = text.as_str().unwrap().split_once('.').unwrap();
    assert_eq!(part.len(), decimals);
    format!("{whole}{part}").parse().unwrap()
}

#[test]
fn a_real_feed_is_replayed_without_a_crossed_book_or_a_lost_lot() {
    let Some(path) = feed() else { return };
    let mut replay = Replay::new();
    let lines = BufReader::new(MultiGzDecoder::new(File::open(path).unwrap())).lines();
    lines.for_each(|line| replay.line(&line.unwrap()));
    let Replay { book, report, .. } = replay;
    assert_eq!(book.check(), Ok(()));
    let expected = Report {
        updates: 6_552,
        trades: 21_313,
        trades_filled: 19_568,
        lots_asked: 2_429_366,
        lots_filled: 2_255_557,
        lots_unfilled: 173_809,
        stale_levels: 0,
    };
    assert_eq!(report, expected);
    assert_eq!(report.lots_asked, report.lots_filled + report.lots_unfilled);
    assert_eq!(book.volume(), i128::from(report.lots_filled));
    let totals = book.totals();
    assert_eq!(totals.submitted, totals.filled + totals.cancelled + totals.open);
}
