//! A snapshot of a million accounts, written while the node works, and read.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use book::Side;
use instruments::{Amount, Timestamp};
use ledger::{AccountId, TransferId};
use node::{Handle, JournalReader, Options, replay};
use plimsoll_benches::Timing;
use plimsoll_benches::table::Row;
use plimsoll_engine::command::{
    Action, CancelOrders, OrderTerms, PlaceOrder, SetMethodology, TransferRef, TransferRequest,
};
use plimsoll_engine::{Limits, State};

use super::{Bench, Outcome};

const ACCOUNTS: u32 = 1_000_000;
/// Where time stands: the venue is opened and filled at once.
const NOW: Timestamp = Timestamp::from_milliseconds(1_770_307_200_000);
/// Commands in a second of load beside the snapshot are counted in steps of so many.
const BURST: u64 = 1_000;

/// The rows, and what was done.
pub fn rows() -> Outcome<(Vec<Row>, Vec<String>)> {
    let limits =
        Limits { accounts_max: ACCOUNTS + 10, transfers_max: ACCOUNTS + 10, ..Limits::default() };
    let bench = Bench::new(Options { limits, ..Options::default() })?;
    bench.clock.set(NOW);
    let begin = Instant::now();
    fill(&bench.node)?;
    let commands = bench.settled()?;
    let filled = begin.elapsed().as_secs_f64();
    // The shadow follows the whole journal with its first snapshot, and only then is there to go on.
    let begin = Instant::now();
    bench.node.snapshot()?;
    let first = begin.elapsed().as_secs_f64();

    let (alone, _) = beside(&bench, || {
        std::thread::sleep(std::time::Duration::from_secs(3));
        Ok(0)
    })?;
    let begin = Instant::now();
    let (loaded, sequence) = beside(&bench, || bench.node.snapshot())?;
    let written = begin.elapsed().as_secs_f64();
    let folder = bench.disk.folder();
    let bytes = std::fs::metadata(folder.join(format!("{sequence:020}.snapshot")))?.len();

    let reader = JournalReader::new(bench.disk.clone());
    let begin = Instant::now();
    let read = replay(&reader, sequence, true, &mut |_, _| {})?;
    let loading = begin.elapsed().as_secs_f64();
    if read.report.snapshot != Some(sequence) || read.report.commands != 0 {
        return Err("the snapshot was not what replay began with".into());
    }
    let row = |name: &str, seconds: f64, note: String| {
        let each = seconds * 1e9 / f64::from(ACCOUNTS);
        Row { engine: name.into(), timing: Timing { median: each, least: each }, note }
    };
    let rows = vec![
        row(
            "Plimsoll, written beside a running engine",
            written,
            format!(
                "{written:.1} s from the question to the durable file, catching up included; \
                 {:.0} MB; the engine took {loaded:.0} k commands/s meanwhile, and {alone:.0} k \
                 without",
                bytes as f64 / 1e6
            ),
        ),
        row("Plimsoll, loaded", loading, format!("{loading:.1} s, all checks and hashes included")),
    ];
    let conditions = vec![
        format!(
            "every account has a deposit and a position in a perpetual; {commands} commands made \
             them, in {filled:.0} s; the first snapshot, for which the shadow replays them all, \
             took {first:.0} s"
        ),
        "the load beside is orders that are placed and cancelled; one run".to_owned(),
    ];
    Ok((rows, conditions))
}

/// Opens a venue with one market, and gives every account a deposit and a position.
fn fill(node: &Handle) -> Outcome<()> {
    for text in OPENING {
        node.send_when_free(serde_json::from_str(text)?)?;
    }
    let text = risk::Methodology::built_in_text("standard").ok_or("standard ships")?.to_owned();
    let notice_ends = Timestamp::from_milliseconds(NOW.milliseconds() + 1);
    node.send_when_free(Action::SetMethodology(SetMethodology { text, notice_ends }))?;
    node.send_when_free(serde_json::from_str(r#"{"open_epoch":{}}"#)?)?;
    let amount = Amount::from_units(10_000 * i128::from(instruments::SCALE));
    for number in 0..ACCOUNTS {
        let account = AccountId::new(number);
        let id = TransferId::new(u64::from(number) + 1);
        let asset = instruments::Asset::USD;
        node.send_when_free(serde_json::from_str(OPEN_ACCOUNT)?)?;
        let request = TransferRequest { id, account, asset, amount };
        node.send_when_free(Action::AnnounceDeposit(request))?;
        node.send_when_free(Action::CreditDeposit(TransferRef { id, account }))?;
    }
    let (offer, bid) = (Quote::new(Side::Sell, 70_000)?, Quote::new(Side::Buy, 70_000)?);
    for pair in 0..ACCOUNTS / 2 {
        node.send_when_free(offer.of(2 * pair))?;
        node.send_when_free(bid.of(2 * pair + 1))?;
    }
    Ok(())
}

/// Runs `work` while orders are placed and cancelled; gives thousands of commands a second, and what
/// `work` gives.
fn beside(bench: &Bench, work: impl FnOnce() -> Result<u64, String>) -> Outcome<(f64, u64)> {
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let handle = bench.node.handle();
    let bid = Quote::new(Side::Buy, 69_000)?;
    let begin = Instant::now();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut account = 0;
            while !done.load(Ordering::Relaxed) {
                for _ in 0..BURST / 2 {
                    let cancel = cancel_all(account);
                    let placed = handle.send_when_free(bid.of(account));
                    if placed.and_then(|()| handle.send_when_free(cancel)).is_err() {
                        return;
                    }
                    account = (account + 7_919) % ACCOUNTS;
                }
                sent.fetch_add(BURST, Ordering::Relaxed);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })?;
    bench.node.read(State::sequence)?;
    let seconds = begin.elapsed().as_secs_f64();
    Ok((sent.load(Ordering::Relaxed) as f64 / seconds / 1e3, result))
}

/// Orders of one side at one price.
struct Quote(OrderTerms);

impl Quote {
    fn new(side: Side, dollars: i64) -> Outcome<Self> {
        let text = format!(
            r#"{{"instrument":0,"side":"{side}","lots":10,"type":{{"limit":{{"price":"{dollars}"}}}}}}"#
        );
        Ok(Self(serde_json::from_str(&text)?))
    }

    fn of(&self, account: u32) -> Action {
        let (account, request, order) = (AccountId::new(account), None, self.0.clone());
        Action::PlaceOrder(PlaceOrder { account, request, order })
    }
}

/// Cancels the orders of any account.
fn cancel_all(account: u32) -> Action {
    Action::CancelOrders(CancelOrders {
        account: AccountId::new(account),
        instrument: None,
        underlying: None,
        side: None,
        label: None,
        protected: false,
        request: None,
    })
}

const OPEN_ACCOUNT: &str = r#"{"open_account":{"margin_model":"cross"}}"#;

const OPENING: [&str; 5] = [
    r#"{"add_asset":{"asset":"USD"}}"#,
    r#"{"add_asset":{"asset":"BTC"}}"#,
    r#"{"set_sources":{"asset":"BTC","rules":{"sources_min":1},"sources":[{"source":1,"weight":1}]}}"#,
    r#"{"report_price":{"asset":"BTC","source":1,"price":"70000","observed":"2026-02-05T16:00:00Z"}}"#,
    r#"{"list_instrument":{"instrument":"BTC-PERPETUAL","terms":{"tick":"0.5"}}}"#,
];
