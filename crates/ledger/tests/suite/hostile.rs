//! What nobody should ask: refused with a reason, and not a byte has changed.

use instruments::Amount;
use plimsoll_ledger::{
    AccountId, AssetIndex, BALANCE_MAX, Ledger, LedgerAccount, Limits, Posting, PostingKind,
    Reference, Refusal, TransferEnd, TransferId, TransferKind, TransferRequest, TransferState,
    VenueAccount,
};

use crate::by_hand::{ANNA, ASSET, BEN, ledger, request, units};
use crate::model::written;

const FEES: LedgerAccount = LedgerAccount::Venue(VenueAccount::Fees);

/// Whatever is done to Anna's and Ben's ledger is refused, and leaves it as it was.
#[track_caller]
fn check<T: std::fmt::Debug + PartialEq>(
    expected: Refusal,
    deed: impl FnOnce(&mut Ledger) -> Result<T, Refusal>,
) {
    let mut ledger = ledger();
    let deposit = request(200, ANNA, 30);
    ledger.announce_deposit(deposit, 3, |_| ()).unwrap();
    ledger.request_withdrawal(request(1, ANNA, 100), units(100), 4, |_| ()).unwrap();
    ledger.request_withdrawal(request(2, BEN, 5), units(5), 5, |_| ()).unwrap();
    ledger.end_transfer(TransferEnd::VoidWithdrawal, TransferId::new(2), BEN, 6, |_| ()).unwrap();
    let before = written(&ledger);
    assert_eq!(deed(&mut ledger), Err(expected));
    assert_eq!(written(&ledger), before);
    assert_eq!(ledger.check(), Ok(()));
}

/// A posting that must not be handed on.
fn post(ledger: &mut Ledger, posting: Posting) -> Result<(), Refusal> {
    ledger.post(&posting, |_| panic!("handed on"))
}

fn posting() -> Posting {
    Posting::new(PostingKind::Transfer, Reference::default())
}

#[test]
fn postings() {
    let [anna, ben] = [ANNA, BEN].map(LedgerAccount::Available);
    let asset = "USDC".parse().unwrap();
    let one = units(1);
    check(Refusal::Unbalanced { asset, sum: one }, |ledger| {
        post(ledger, posting().with(anna, ASSET, one))
    });
    check(Refusal::UnknownAsset(AssetIndex::new(1)), |ledger| {
        post(ledger, posting().with_move(anna, ben, AssetIndex::new(1), one))
    });
    let nobody = AccountId::new(2);
    check(Refusal::UnknownAccount(nobody), |ledger| {
        post(ledger, posting().with_move(anna, LedgerAccount::Available(nobody), ASSET, one))
    });
    let incoming = LedgerAccount::Venue(VenueAccount::Incoming);
    for reserved in [LedgerAccount::Held(ANNA), LedgerAccount::Pending(ANNA), incoming] {
        check(Refusal::ReservedAccount(reserved), |ledger| {
            post(ledger, posting().with_move(reserved, anna, ASSET, one))
        });
    }
    check(Refusal::TooManyEntries(10), |ledger| {
        let five = (0..5).fold(posting(), |five, _| five.with_move(anna, ben, ASSET, one));
        post(ledger, five)
    });
    // The last entry fails, after others were booked.
    let rounding = LedgerAccount::Venue(VenueAccount::Rounding);
    let out = Refusal::OutOfBounds { account: rounding, asset, balance: units(-1) };
    check(out, |ledger| {
        let many = posting().with_move(anna, ben, ASSET, units(10));
        post(ledger, many.with_move(rounding, ben, ASSET, one))
    });
    let custody = LedgerAccount::Venue(VenueAccount::Custody);
    let out = Refusal::OutOfBounds { account: custody, asset, balance: units(1) };
    check(out, |ledger| post(ledger, posting().with_move(anna, custody, ASSET, units(1_051))));
}

#[test]
fn amounts_at_the_edges() {
    let anna = LedgerAccount::Available(ANNA);
    let asset = "USDC".parse().unwrap();
    for amount in [i128::MIN, -BALANCE_MAX.units() - 1] {
        let amount = units(amount);
        let refused = Refusal::AmountTooLarge(units(amount.units().wrapping_neg()));
        check(refused, |ledger| post(ledger, posting().with_move(anna, FEES, ASSET, amount)));
    }
    check(Refusal::AmountTooLarge(units(-i128::MAX)), |ledger| {
        post(ledger, posting().with_move(anna, FEES, ASSET, units(i128::MAX)))
    });
    // Anna has 900 available, 100 on hold and 30 pending: a total of 1030 that may not pass 2^100.
    let balance = BALANCE_MAX.units() + 900;
    let out = Refusal::OutOfBounds { account: anna, asset, balance: units(balance) };
    check(out, |ledger| post(ledger, posting().with_move(FEES, anna, ASSET, BALANCE_MAX)));
    let most = BALANCE_MAX.units() - 1_030;
    let mut ledger = ledger();
    ledger.announce_deposit(request(200, ANNA, 30), 3, |_| ()).unwrap();
    let posting = posting();
    ledger.post(&posting.with_move(FEES, anna, ASSET, units(most)), |_| ()).unwrap();
    let beyond = posting.with_move(FEES, anna, ASSET, units(1));
    assert!(matches!(ledger.post(&beyond, |_| ()), Err(Refusal::OutOfBounds { .. })));
    // At the bound everything can still be settled.
    ledger.end_transfer(TransferEnd::CreditDeposit, TransferId::new(200), ANNA, 4, |_| ()).unwrap();
    ledger.request_withdrawal(request(1, ANNA, 500), units(500), 5, |_| ()).unwrap();
    ledger.end_transfer(TransferEnd::VoidWithdrawal, TransferId::new(1), ANNA, 6, |_| ()).unwrap();
    assert_eq!(ledger.available(ANNA, ASSET), BALANCE_MAX);
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn transfers() {
    let (deposit, withdrawal) = (TransferKind::Deposit, TransferKind::Withdrawal);
    let [first, second, third] = [1, 2, 3].map(TransferId::new);
    let sink = |_: plimsoll_ledger::Posted<'_>| panic!("handed on");
    for amount in [0, -1, i128::MIN] {
        check(Refusal::NotPositive(units(amount)), |ledger| {
            ledger.announce_deposit(request(300, ANNA, amount), 9, sink)
        });
        check(Refusal::NotPositive(units(amount)), |ledger| {
            ledger.request_withdrawal(request(3, ANNA, amount), units(9), 9, sink)
        });
    }
    let (asked, available) = (units(901), units(900));
    check(Refusal::MoreThanAvailable { asked, available }, |ledger| {
        ledger.request_withdrawal(request(3, ANNA, 901), units(2_000), 9, sink)
    });
    for allowed in [units(899), Amount::ZERO, units(i128::MIN)] {
        check(Refusal::MoreThanAllowed { asked: units(900), allowed }, |ledger| {
            ledger.request_withdrawal(request(3, ANNA, 900), allowed, 9, sink)
        });
    }
    check(Refusal::IdTaken { kind: withdrawal, id: first }, |ledger| {
        ledger.request_withdrawal(request(1, ANNA, 99), units(900), 9, sink)
    });
    check(Refusal::IdTaken { kind: withdrawal, id: first }, |ledger| {
        ledger.request_withdrawal(request(1, BEN, 100), units(900), 9, sink)
    });
    check(Refusal::AnothersTransfer { kind: withdrawal, id: first, account: BEN }, |ledger| {
        ledger.end_transfer(TransferEnd::VoidWithdrawal, first, BEN, 9, sink)
    });
    check(Refusal::UnknownTransfer { kind: withdrawal, id: third }, |ledger| {
        ledger.end_transfer(TransferEnd::ConfirmWithdrawal, third, ANNA, 9, sink)
    });
    // A deposit's id is no withdrawal's.
    check(Refusal::UnknownTransfer { kind: deposit, id: TransferId::new(201) }, |ledger| {
        ledger.end_transfer(TransferEnd::CreditDeposit, TransferId::new(201), ANNA, 9, sink)
    });
    check(Refusal::ForgottenTransfer { kind: deposit, id: first }, |ledger| {
        ledger.announce_deposit(request(1, ANNA, 1), 9, sink)
    });
    let state = TransferState::Voided;
    check(Refusal::AlreadySettled { kind: withdrawal, id: second, state }, |ledger| {
        ledger.end_transfer(TransferEnd::ConfirmWithdrawal, second, BEN, 9, sink)
    });
    let nobody = AccountId::new(7);
    check(Refusal::UnknownAccount(nobody), |ledger| {
        ledger.announce_deposit(request(300, nobody, 1), 9, sink)
    });
    check(Refusal::UnknownAsset(AssetIndex::new(9)), |ledger| {
        let request = TransferRequest { asset: AssetIndex::new(9), ..request(300, ANNA, 1) };
        ledger.announce_deposit(request, 9, sink)
    });
}

#[test]
fn a_full_table_takes_no_more_until_settled_ones_are_forgotten() {
    let mut ledger = ledger();
    for id in 1..=4 {
        ledger.request_withdrawal(request(id, ANNA, 10), units(10), id, |_| ()).unwrap();
    }
    let (kind, limit) = (TransferKind::Withdrawal, 4);
    let fifth = request(5, ANNA, 10);
    let full = Err(Refusal::TooManyTransfers { kind, limit });
    assert_eq!(ledger.request_withdrawal(fifth, units(10), 5, |_| ()), full);
    ledger
        .end_transfer(TransferEnd::ConfirmWithdrawal, TransferId::new(2), ANNA, 6, |_| ())
        .unwrap();
    ledger.forget_transfers(kind, TransferId::new(5));
    assert_eq!(ledger.transfers(kind).len(), 3, "open ones stay");
    assert!(ledger.request_withdrawal(fifth, units(10), 7, |_| ()).is_ok());
    // An open one from before can still be settled.
    assert!(
        ledger
            .end_transfer(TransferEnd::ConfirmWithdrawal, TransferId::new(1), ANNA, 8, |_| ())
            .is_ok()
    );
}

#[test]
fn limits() {
    let limits = Limits { accounts_max: 1, assets_max: 1, transfers_max: 0 };
    let mut ledger = Ledger::new(limits).unwrap();
    ledger.open_account().unwrap();
    assert_eq!(ledger.open_account(), Err(Refusal::TooManyAccounts(1)));
    ledger.add_asset("USDC".parse().unwrap()).unwrap();
    let [usdc, btc] = ["USDC", "BTC"].map(|name| name.parse().unwrap());
    assert_eq!(ledger.add_asset(usdc), Err(Refusal::AssetExists(usdc)));
    assert_eq!(ledger.add_asset(btc), Err(Refusal::TooManyAssets(1)));
    for limits in
        [Limits { accounts_max: (1 << 24) + 1, ..limits }, Limits { assets_max: 1_025, ..limits }]
    {
        assert_eq!(Ledger::new(limits), Err(Refusal::LimitsTooLarge));
    }
}
