//! Who trades: accounts, their money, and the positions that they begin with.

use book::Side;
use instruments::{Amount, Asset, Price};
use ledger::{AccountId, TransferId};
use plimsoll_engine::InstrumentId;
use plimsoll_engine::command::{
    Action, OpenAccount, OrderTerms, OrderType, PlaceOrder, TransferRef, TransferRequest,
};
use risk::MarginModel;

use super::venue::{self, Listed, listed, reports};
use super::{Draws, Recorder};

/// Accounts of the venue.
pub const ACCOUNTS: u32 = 10_000;
/// Instruments in which each has a position.
const POSITIONS: u64 = 20;
const SEED: u64 = 0x5EED_0061;
/// Commands after which the sources report again, so that no index grows stale.
const COMMANDS_PER_REPORT: u32 = 20_000;
/// Steps that are coprime to 100, so that no instrument comes twice.
const STEPS: [u64; 8] = [1, 3, 7, 9, 11, 13, 17, 19];

/// Opens the accounts, brings their money, and lets pairs of them trade with each other.
pub fn open(recorder: &mut Recorder) {
    let mut transfer = 0;
    for number in 0..ACCOUNTS {
        let margin_model = MarginModel::Portfolio;
        recorder.must(Action::OpenAccount(OpenAccount { owner: None, margin_model }));
        for (asset, amount) in money(number) {
            transfer += 1;
            let (id, account) = (TransferId::new(transfer), AccountId::new(number));
            let request = TransferRequest { id, account, asset, amount };
            recorder.must(Action::AnnounceDeposit(request));
            recorder.must(Action::CreditDeposit(TransferRef { id, account }));
        }
    }
    trade(recorder);
    let now = recorder.state.time();
    reports(now).for_each(|report| recorder.must(report));
}

/// Market makers, who trade most, have the most money. The middle account needs a seventh of its
/// equity as initial margin.
fn money(number: u32) -> [(Asset, Amount); 3] {
    let dollars = match number {
        0..10 => 1_000_000,
        10..100 => 200_000,
        100..1_000 => 40_000,
        _ => 20_000,
    };
    let amount = |text: &str| text.parse().expect("an amount");
    [
        (venue::usdc(), amount(&dollars.to_string())),
        (venue::COINS[0].asset(), amount("0.1")),
        (venue::COINS[1].asset(), amount("2")),
    ]
}

/// Accounts 2n and 2n + 1 trade 20 instruments with each other, each a few hundred to a few
/// thousand dollars, at the mark.
fn trade(recorder: &mut Recorder) {
    let mut draws = Draws::new(SEED);
    let instruments = listed();
    let mut next_report = 0;
    for pair in 0..ACCOUNTS / 2 {
        let count = instruments.len() as u64;
        let start = draws.below(count);
        let step = STEPS[usize::try_from(draws.below(8)).expect("a step")];
        for k in 0..POSITIONS {
            let place = usize::try_from((start + k * step) % count).expect("an instrument");
            let id = InstrumentId(u32::try_from(place).expect("an instrument"));
            let lots = instruments[place].lots * draws.within(1, 10);
            let price = at_mark(recorder, id, &instruments[place]);
            let first = AccountId::new(2 * pair + u32::from(draws.below(2) == 1));
            let second = AccountId::new(first.number() ^ 1);
            recorder.must(limit(first, id, Side::Sell, lots, price));
            recorder.must(limit(second, id, Side::Buy, lots, price));
        }
        next_report += 2 * u32::try_from(POSITIONS).expect("few");
        if next_report >= COMMANDS_PER_REPORT {
            next_report = 0;
            let now = recorder.state.time();
            reports(now).for_each(|report| recorder.must(report));
        }
    }
}

/// The mark in whole ticks.
fn at_mark(recorder: &Recorder, id: InstrumentId, listed: &Listed) -> Price {
    let mark = recorder.state.mark(id).expect("what is listed has a mark").units();
    Price::from_units((mark / listed.tick).max(1) * listed.tick)
}

/// A limit order.
pub fn limit(account: AccountId, id: InstrumentId, side: Side, lots: i64, price: Price) -> Action {
    order(account, id, side, lots, OrderType::Limit { price })
}

/// An order without anything special.
pub fn order(
    account: AccountId,
    instrument: InstrumentId,
    side: Side,
    lots: i64,
    order_type: OrderType,
) -> Action {
    Action::PlaceOrder(PlaceOrder {
        account,
        request: None,
        order: OrderTerms {
            instrument,
            side,
            lots,
            order_type,
            trigger: None,
            reduce_only: false,
            display: None,
            expires: None,
            self_trade: book::SelfTrade::default(),
            protected: false,
            label: None,
        },
    })
}
