//! What a client and the venue live through, in figures.

use instruments::Amount;
use plimsoll_ledger::{
    AccountId, AssetIndex, Balance, Effect, Ledger, LedgerAccount, Limits, Posting, PostingKind,
    Reference, Refusal, TransferEnd, TransferId, TransferKind, TransferRequest, TransferState,
    VenueAccount, split_exactly,
};

pub const ASSET: AssetIndex = AssetIndex::new(0);
pub const ANNA: AccountId = AccountId::new(0);
pub const BEN: AccountId = AccountId::new(1);

/// Anna has 1000 units of USDC, Ben 50.
pub fn ledger() -> Ledger {
    let limits = Limits { accounts_max: 10, assets_max: 3, transfers_max: 4 };
    let mut ledger = Ledger::new(limits).unwrap();
    ledger.add_asset("USDC".parse().unwrap()).unwrap();
    for (account, amount) in [(ANNA, 1_000), (BEN, 50)] {
        assert_eq!(ledger.open_account(), Ok(account));
        let request = request(100 + u64::from(account.number()), account, amount);
        ledger.announce_deposit(request, 1, |_| ()).unwrap();
        ledger.end_transfer(TransferEnd::CreditDeposit, request.id, account, 2, |_| ()).unwrap();
    }
    ledger.forget_transfers(TransferKind::Deposit, TransferId::new(102));
    ledger
}

pub fn units(units: i128) -> Amount {
    Amount::from_units(units)
}

pub fn request(id: u64, account: AccountId, amount: i128) -> TransferRequest {
    TransferRequest { id: TransferId::new(id), account, asset: ASSET, amount: units(amount) }
}

fn balance(available: i128, held: i128, pending: i128) -> Balance {
    Balance { available: units(available), held: units(held), pending: units(pending) }
}

fn custody(ledger: &Ledger) -> i128 {
    ledger.venue(VenueAccount::Custody, ASSET).units()
}

#[test]
fn a_deposit_is_pending_and_then_available() {
    let mut ledger = ledger();
    let deposit = request(200, ANNA, 30);
    assert_eq!(ledger.announce_deposit(deposit, 5, |_| ()), Ok(Effect::Done));
    assert_eq!(ledger.balance(ANNA, ASSET), balance(1_000, 0, 30));
    assert_eq!(ledger.venue(VenueAccount::Incoming, ASSET), units(-30));
    assert_eq!(custody(&ledger), -1_050);
    assert_eq!(
        ledger.end_transfer(TransferEnd::CreditDeposit, deposit.id, ANNA, 6, |_| ()),
        Ok(Effect::Done)
    );
    assert_eq!(ledger.balance(ANNA, ASSET), balance(1_030, 0, 0));
    assert_eq!(ledger.venue(VenueAccount::Incoming, ASSET), units(0));
    assert_eq!(custody(&ledger), -1_080);
    let remembered = *ledger.transfer(TransferKind::Deposit, deposit.id).unwrap();
    assert_eq!((remembered.opened, remembered.settled), (5, 6));
    assert_eq!(remembered.state, TransferState::Completed);
}

#[test]
fn a_deposit_that_does_not_come_leaves_nothing() {
    let mut ledger = ledger();
    let deposit = request(200, ANNA, 30);
    ledger.announce_deposit(deposit, 5, |_| ()).unwrap();
    assert_eq!(
        ledger.end_transfer(TransferEnd::VoidDeposit, deposit.id, ANNA, 6, |_| ()),
        Ok(Effect::Done)
    );
    assert_eq!(ledger.balance(ANNA, ASSET), balance(1_000, 0, 0));
    assert_eq!(custody(&ledger), -1_050);
}

#[test]
fn no_withdrawal_is_paid_with_a_deposit_that_may_not_come() {
    let mut ledger = ledger();
    // Anna has all that custody holds and 30 more, which Ben owes.
    let [anna, ben] = [ANNA, BEN].map(LedgerAccount::Available);
    let posting = Posting::new(PostingKind::Transfer, Reference::default());
    ledger.post(&posting.with_move(ben, anna, ASSET, units(80)), |_| ()).unwrap();
    ledger.announce_deposit(request(200, BEN, 500), 5, |_| ()).unwrap();
    let withdrawal = request(1, ANNA, 1_080);
    ledger.request_withdrawal(withdrawal, units(1_080), 6, |_| ()).unwrap();
    let refused =
        ledger.end_transfer(TransferEnd::ConfirmWithdrawal, withdrawal.id, ANNA, 7, |_| ());
    assert!(matches!(refused, Err(Refusal::OutOfBounds { .. })), "custody holds 1050");
    ledger.end_transfer(TransferEnd::VoidDeposit, TransferId::new(200), BEN, 8, |_| ()).unwrap();
    ledger.end_transfer(TransferEnd::VoidWithdrawal, withdrawal.id, ANNA, 9, |_| ()).unwrap();
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn a_withdrawal_holds_and_then_leaves() {
    let mut ledger = ledger();
    let withdrawal = request(1, ANNA, 400);
    let mut log = Vec::new();
    ledger
        .request_withdrawal(withdrawal, units(400), 5, |posted| log.push(*posted.posting))
        .unwrap();
    assert_eq!(ledger.balance(ANNA, ASSET), balance(600, 400, 0));
    ledger
        .end_transfer(TransferEnd::ConfirmWithdrawal, withdrawal.id, ANNA, 6, |posted| {
            log.push(*posted.posting)
        })
        .unwrap();
    assert_eq!(ledger.balance(ANNA, ASSET), balance(600, 0, 0));
    assert_eq!(custody(&ledger), -650);
    let kinds: Vec<_> = log.iter().map(|posting| (posting.kind, posting.reference)).collect();
    let reference = |sequence| Reference { sequence, value: 1 };
    assert_eq!(
        kinds,
        [
            (PostingKind::WithdrawalRequested, reference(5)),
            (PostingKind::WithdrawalConfirmed, reference(6))
        ]
    );
}

#[test]
fn a_withdrawal_that_is_voided_comes_back() {
    let mut ledger = ledger();
    let withdrawal = request(1, ANNA, 400);
    ledger.request_withdrawal(withdrawal, units(400), 5, |_| ()).unwrap();
    ledger.end_transfer(TransferEnd::VoidWithdrawal, withdrawal.id, ANNA, 6, |_| ()).unwrap();
    assert_eq!(ledger.balance(ANNA, ASSET), balance(1_000, 0, 0));
}

#[test]
fn nothing_happens_twice() {
    let mut ledger = ledger();
    let withdrawal = request(1, ANNA, 400);
    for expected in [Effect::Done, Effect::Repeated, Effect::Repeated] {
        assert_eq!(ledger.request_withdrawal(withdrawal, units(400), 5, |_| ()), Ok(expected));
    }
    for expected in [Effect::Done, Effect::Repeated] {
        let effect =
            ledger.end_transfer(TransferEnd::ConfirmWithdrawal, withdrawal.id, ANNA, 6, |_| ());
        assert_eq!(effect, Ok(expected));
    }
    // The request repeats what has long been confirmed: still no second withdrawal.
    assert_eq!(ledger.request_withdrawal(withdrawal, units(0), 7, |_| ()), Ok(Effect::Repeated));
    assert_eq!(ledger.balance(ANNA, ASSET), balance(600, 0, 0));
    ledger.forget_transfers(TransferKind::Withdrawal, TransferId::new(2));
    let (kind, id) = (TransferKind::Withdrawal, withdrawal.id);
    let forgotten = Err(Refusal::ForgottenTransfer { kind, id });
    assert_eq!(ledger.request_withdrawal(withdrawal, units(400), 8, |_| ()), forgotten);
}

#[test]
fn a_trading_fee_is_shared_with_the_insurance_fund() {
    let mut ledger = ledger();
    let mut shares = Vec::new();
    split_exactly(units(101), &[80, 20], &mut shares).unwrap();
    let [fees, insurance] = [VenueAccount::Fees, VenueAccount::Insurance].map(LedgerAccount::Venue);
    let posting = Posting::new(PostingKind::Fee, Reference { sequence: 9, value: 77 })
        .with(LedgerAccount::Available(ANNA), ASSET, units(-101))
        .with(fees, ASSET, shares[0].amount)
        .with(insurance, ASSET, shares[1].amount);
    let mut after = Vec::new();
    ledger
        .post(&posting, |posted| after.extend(posted.lines().map(|line| line.1.units())))
        .unwrap();
    assert_eq!(after, [899, 81, 20]);
}

#[test]
fn a_premium_may_leave_a_debt() {
    let mut ledger = ledger();
    let [anna, ben] = [ANNA, BEN].map(LedgerAccount::Available);
    let posting = Posting::new(PostingKind::Premium, Reference::default());
    ledger.post(&posting.with_move(ben, anna, ASSET, units(80)), |_| ()).unwrap();
    assert_eq!(ledger.available(BEN, ASSET), units(-30));
    assert_eq!(ledger.clients_total(ASSET), units(1_050));
}

#[test]
fn the_insurance_fund_pays_what_it_has() {
    let mut ledger = ledger();
    let fund = LedgerAccount::Venue(VenueAccount::Insurance);
    let ben = LedgerAccount::Available(BEN);
    let posting = Posting::new(PostingKind::Insurance, Reference::default());
    ledger.post(&posting.with_move(ben, fund, ASSET, units(10)), |_| ()).unwrap();
    ledger.post(&posting.with_move(fund, ben, ASSET, units(10)), |_| ()).unwrap();
    let refused = ledger.post(&posting.with_move(fund, ben, ASSET, units(1)), |_| ());
    let asset = "USDC".parse().unwrap();
    let expected = Refusal::OutOfBounds { account: fund, asset, balance: units(-1) };
    assert_eq!(refused, Err(expected));
}

#[test]
fn the_listing_adds_up() {
    let mut ledger = ledger();
    ledger.request_withdrawal(request(1, BEN, 20), units(50), 3, |_| ()).unwrap();
    let lines: Vec<_> =
        ledger.listing(ASSET).map(|line| (line.account, line.sum.units())).collect();
    assert_eq!(
        lines,
        [
            (LedgerAccount::Venue(VenueAccount::Custody), -1_050),
            (LedgerAccount::Available(ANNA), -50),
            (LedgerAccount::Available(BEN), -20),
            (LedgerAccount::Held(BEN), 0),
        ]
    );
}

#[test]
fn everything_of_an_account_in_the_order_of_assets() {
    let mut ledger = ledger();
    let [eth, btc] = ["ETH", "BTC"].map(|name| ledger.add_asset(name.parse().unwrap()).unwrap());
    let deposit = TransferRequest { asset: btc, ..request(300, ANNA, 7) };
    ledger.announce_deposit(deposit, 3, |_| ()).unwrap();
    let all: Vec<_> = ledger.balances(ANNA).collect();
    assert_eq!(all, [(ASSET, balance(1_000, 0, 0)), (btc, balance(0, 0, 7))]);
    assert_eq!(ledger.index_of("ETH".parse().unwrap()), Some(eth));
    assert_eq!(ledger.asset(btc).unwrap().name(), "BTC");
}

#[test]
fn a_balance_record_byte_by_byte() {
    let mut ledger = ledger();
    ledger.request_withdrawal(request(1, BEN, 20), units(50), 3, |_| ()).unwrap();
    let mut bytes = Vec::new();
    ledger.write_account(BEN, &mut bytes);
    let mut expected = [0; 56];
    expected[0] = 1; // account
    expected[8] = 30; // available
    expected[24] = 20; // held
    assert_eq!(bytes, expected);

    bytes.clear();
    ledger.write_venue(ASSET, &mut bytes);
    assert_eq!(bytes.len(), 10 * 24);
    assert_eq!(bytes[..8], [0; 8]);
    assert_eq!(bytes[8..24], (-1_050_i128).to_le_bytes());
    assert_eq!(bytes[24], VenueAccount::Incoming.code());
}
