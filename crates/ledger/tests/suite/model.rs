//! The ledger and the naive reference agree: on every balance, every refusal and every posting
//! handed on, over random commands of all kinds, sensible and hostile.

use instruments::{Amount, Asset};
use plimsoll_ledger::{
    AccountId, AssetIndex, Effect, Ledger, LedgerAccount, Limits, Posted, Posting, PostingKind,
    Reference as PostingReference, Refusal, TransferEnd, TransferId, TransferKind, TransferRequest,
    TransferState, VenueAccount,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::cases;
use crate::reference::{Line, Reference};

const LIMITS: Limits = Limits { accounts_max: 4, assets_max: 3, transfers_max: 6 };
const TICKERS: [&str; 3] = ["USDC", "BTC", "ETH"];
const POCKETS: [fn(AccountId) -> LedgerAccount; 3] =
    [LedgerAccount::Available, LedgerAccount::Held, LedgerAccount::Pending];

#[derive(Clone, Debug)]
pub enum Command {
    OpenAccount,
    AddAsset,
    /// Lines, and an account that takes what they lack to zero in the asset of the first.
    Post(Vec<Line>, Option<LedgerAccount>),
    Request(TransferKind, TransferId, (AccountId, AssetIndex, i128), i128),
    Settle(TransferKind, TransferId, AccountId, TransferState),
    Forget(TransferKind, TransferId),
}

/// A ledger with its reference, and all that has been handed on.
pub struct Pair {
    pub ledger: Ledger,
    reference: Reference,
    sequence: u64,
}

impl Pair {
    pub fn new() -> Self {
        let transfers_max = LIMITS.transfers_max as usize;
        let ledger = Ledger::new(LIMITS).unwrap();
        Self { ledger, reference: Reference { transfers_max, ..Reference::default() }, sequence: 0 }
    }

    /// Gives both the command, and compares all that can be seen of them.
    pub fn apply(&mut self, command: &Command) {
        self.sequence += 1;
        let before = written(&self.ledger);
        let mut lines = Vec::new();
        let sequence = self.sequence;
        let sink = |posted: Posted<'_>| {
            assert_eq!(posted.posting.reference.sequence, sequence);
            lines.extend(posted.lines());
        };
        let outcome = apply(&mut self.ledger, command, sequence, sink);
        let expected = self.expected(command);
        assert_eq!(outcome.map_err(name), expected.map_err(str::to_owned), "{command:?}");
        if outcome.is_err() || outcome == Ok(Effect::Repeated) {
            assert!(lines.is_empty());
            assert_eq!(written(&self.ledger), before, "{command:?} was refused");
        }
        for (entry, balance) in lines {
            let expected = self.reference.balance(entry.account, entry.asset);
            assert_eq!(balance.units(), expected, "after {command:?}");
        }
        self.compare();
        assert_eq!(self.ledger.check(), Ok(()), "after {command:?}");
    }

    fn expected(&mut self, command: &Command) -> Result<Effect, &'static str> {
        let reference = &mut self.reference;
        match *command {
            Command::OpenAccount if reference.accounts < LIMITS.accounts_max => {
                reference.accounts += 1;
                Ok(Effect::Done)
            }
            Command::OpenAccount => Err("TooManyAccounts"),
            Command::AddAsset if reference.assets < LIMITS.assets_max => {
                reference.assets += 1;
                Ok(Effect::Done)
            }
            Command::AddAsset => Err("AssetExists"),
            Command::Post(ref lines, filler) => reference.post(&filled(lines, filler)),
            Command::Request(kind, id, what, allowed) => reference.request(kind, id, what, allowed),
            Command::Settle(kind, id, account, state) => reference.settle(kind, id, account, state),
            Command::Forget(kind, id) => {
                reference.forget(kind, id);
                Ok(Effect::Done)
            }
        }
    }

    fn compare(&self) {
        for asset in (0..LIMITS.assets_max).map(AssetIndex::new) {
            let accounts = (0..LIMITS.accounts_max).map(AccountId::new);
            let clients = accounts.flat_map(|account| POCKETS.map(|pocket| pocket(account)));
            let venue = VenueAccount::ALL.into_iter().map(LedgerAccount::Venue);
            for account in clients.chain(venue) {
                let expected = self.reference.balance(account, asset);
                assert_eq!(self.ledger.balance_of(account, asset).units(), expected, "{account}");
            }
            let sum = self.ledger.listing(asset).last().map(|line| line.sum);
            assert_eq!(sum.unwrap_or_default(), Amount::ZERO, "conservation");
        }
        let remembered = [TransferKind::Deposit, TransferKind::Withdrawal].map(|kind| {
            let transfers = self.ledger.transfers(kind).iter();
            transfers
                .map(|transfer| (kind, transfer.request.id, transfer.state))
                .collect::<Vec<_>>()
        });
        let expected = self.reference.transfers.iter();
        let expected: Vec<_> =
            expected.map(|(&(kind, id), found)| (kind, id, found.state)).collect();
        assert_eq!(remembered.concat(), expected);
    }
}

pub fn written(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    ledger.write(&mut bytes);
    bytes
}

/// The name of a refusal's kind.
fn name(refusal: Refusal) -> String {
    assert!(refusal.to_string().len() > 10);
    let text = format!("{refusal:?}");
    text.split(|character: char| !character.is_alphanumeric()).next().unwrap().to_owned()
}

fn apply(
    ledger: &mut Ledger,
    command: &Command,
    sequence: u64,
    sink: impl FnOnce(Posted<'_>),
) -> Result<Effect, Refusal> {
    let done = Effect::Done;
    match *command {
        Command::OpenAccount => ledger.open_account().map(|_| done),
        Command::AddAsset => {
            let next = TICKERS[ledger.assets().count().min(2)];
            ledger.add_asset(next.parse::<Asset>().unwrap()).map(|_| done)
        }
        Command::Post(ref lines, filler) => {
            let reference = PostingReference { sequence, value: 7 };
            let mut posting = Posting::new(PostingKind::Transfer, reference);
            for (account, asset, amount) in filled(lines, filler) {
                posting = posting.with(account, asset, Amount::from_units(amount));
            }
            ledger.post(&posting, sink).map(|()| done)
        }
        Command::Request(kind, id, (account, asset, amount), allowed) => {
            let amount = Amount::from_units(amount);
            let request = TransferRequest { id, account, asset, amount };
            match kind {
                TransferKind::Deposit => ledger.announce_deposit(request, sequence, sink),
                TransferKind::Withdrawal => {
                    let allowed = Amount::from_units(allowed);
                    ledger.request_withdrawal(request, allowed, sequence, sink)
                }
            }
        }
        Command::Settle(kind, id, account, state) => {
            let completed = state == TransferState::Completed;
            let end = match (kind, completed) {
                (TransferKind::Deposit, true) => TransferEnd::CreditDeposit,
                (TransferKind::Deposit, false) => TransferEnd::VoidDeposit,
                (TransferKind::Withdrawal, true) => TransferEnd::ConfirmWithdrawal,
                (TransferKind::Withdrawal, false) => TransferEnd::VoidWithdrawal,
            };
            ledger.end_transfer(end, id, account, sequence, sink)
        }
        Command::Forget(kind, id) => {
            ledger.forget_transfers(kind, id);
            Ok(done)
        }
    }
}

fn filled(lines: &[Line], filler: Option<LedgerAccount>) -> Vec<Line> {
    let mut lines = lines.to_vec();
    if let (Some(filler), Some(&(_, asset, _))) = (filler, lines.first()) {
        let same = lines.iter().filter(|line| line.1 == asset);
        let sum = same.fold(0_i128, |sum, line| sum.wrapping_add(line.2));
        lines.push((filler, asset, sum.wrapping_neg()));
    }
    lines
}

fn amount() -> impl Strategy<Value = i128> {
    prop_oneof![
        20 => -2_000_i128..2_000,
        2 => -(1_i128 << 101)..(1 << 101),
        2 => select(vec![0, 1, -1, 1 << 99, 1 << 100, -(1 << 100), (1 << 100) + 1]),
        1 => select(vec![i128::MAX, i128::MIN, i128::MIN + 1]),
    ]
}

fn account_id() -> impl Strategy<Value = AccountId> {
    prop_oneof![30 => 0_u32..4, 1 => Just(4), 1 => Just(u32::MAX)].prop_map(AccountId::new)
}

fn asset_index() -> impl Strategy<Value = AssetIndex> {
    prop_oneof![20 => Just(0_u16), 10 => 1_u16..3, 1 => 3_u16..].prop_map(AssetIndex::new)
}

fn ledger_account() -> impl Strategy<Value = LedgerAccount> {
    prop_oneof![
        12 => account_id().prop_map(LedgerAccount::Available),
        8 => select(VenueAccount::ALL.to_vec()).prop_map(LedgerAccount::Venue),
        1 => (account_id(), 1_usize..3).prop_map(|(account, pocket)| POCKETS[pocket](account)),
    ]
}

fn transfer_kind() -> impl Strategy<Value = TransferKind> {
    select(vec![TransferKind::Deposit, TransferKind::Withdrawal])
}

fn transfer_id() -> impl Strategy<Value = TransferId> {
    prop_oneof![30 => 0_u64..12, 1 => Just(u64::MAX)].prop_map(TransferId::new)
}

pub fn command() -> impl Strategy<Value = Command> {
    let line = (ledger_account(), asset_index(), amount());
    let post = (prop::collection::vec(line, 0..10), prop::option::weighted(0.9, ledger_account()));
    // A post of one line and its balance is the commonest.
    let pair = (ledger_account(), asset_index(), amount(), ledger_account());
    let what = (account_id(), asset_index(), prop_oneof![Just(500_i128), amount()]);
    let state = select(vec![TransferState::Completed, TransferState::Voided]);
    prop_oneof![
        1 => Just(Command::OpenAccount),
        1 => Just(Command::AddAsset),
        8 => pair.prop_map(|(from, asset, amount, to)| {
            Command::Post(vec![(from, asset, amount)], Some(to))
        }),
        6 => post.prop_map(|(lines, filler)| Command::Post(lines, filler)),
        12 => (transfer_kind(), transfer_id(), what, prop_oneof![3 => Just(i128::MAX), 1 => amount()])
            .prop_map(|(kind, id, what, allowed)| Command::Request(kind, id, what, allowed)),
        12 => (transfer_kind(), transfer_id(), account_id(), state)
            .prop_map(|(kind, id, account, state)| Command::Settle(kind, id, account, state)),
        1 => (transfer_kind(), transfer_id()).prop_map(|(kind, id)| Command::Forget(kind, id)),
    ]
}

pub fn commands() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(command(), 1..80).prop_map(|commands| {
        // Something to act on.
        let mut all = vec![Command::AddAsset, Command::OpenAccount, Command::OpenAccount];
        all.extend(commands);
        all
    })
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_ledger_is_the_reference(commands in commands()) {
        let mut pair = Pair::new();
        for command in &commands {
            pair.apply(command);
        }
    }

    #[test]
    fn the_same_commands_give_the_same_bytes(commands in commands()) {
        let run = || {
            let (mut ledger, mut log) = (Ledger::new(LIMITS).unwrap(), Vec::new());
            for (sequence, command) in (1..).zip(&commands) {
                let sink = |posted: Posted<'_>| log.push(format!("{posted:?}"));
                let _ = apply(&mut ledger, command, sequence, sink);
            }
            (written(&ledger), log)
        };
        prop_assert_eq!(run(), run());
    }
}
