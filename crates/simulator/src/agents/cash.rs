//! Money that comes, goes and moves; margin models; connections.

use std::collections::VecDeque;

use engine::command::{Action, ChangeMarginModel, Transfer, TransferRef, TransferRequest};
use engine::event::{Event, TransferStep};
use instruments::{Amount, Asset, SCALE};
use ledger::{AccountId, Ledger, TransferId, TransferKind, TransferState};
use risk::MarginModel;

use crate::draws::Draws;
use crate::market::asset;
use crate::options::Leverage;
use crate::people::{Person, Role, deposit};
use crate::venue::{dollars, usdc};

/// Accounts that may be on its list of those who were called.
const CALLED_MAX: usize = 4_096;

/// Keeps what is on its way.
#[derive(Debug)]
pub(crate) struct Cashier {
    /// How many of a thousand margin calls are answered.
    answered: u64,
    /// How many coins there are.
    coins: usize,
    /// Numbers that deposits and withdrawals were given.
    deposits: u64,
    withdrawals: u64,
    /// Withdrawals on their way.
    leaving: VecDeque<(TransferId, AccountId)>,
    /// Who was called for margin, and how much would do.
    called: VecDeque<(AccountId, Amount)>,
}

impl Cashier {
    /// With nothing on its way.
    pub fn new(leverage: Leverage) -> Self {
        let answered = if leverage == Leverage::High { 100 } else { 500 };
        let (leaving, called) = (VecDeque::new(), VecDeque::new());
        Self { answered, coins: 0, deposits: 0, withdrawals: 0, leaving, called }
    }

    /// Takes note of what happened.
    pub fn follow(&mut self, event: &Event) {
        match event {
            Event::Transfer { id, account, step: TransferStep::WithdrawalRequested } => {
                self.leaving.push_back((*id, *account));
            }
            Event::MarginCall { account, cure, .. } if self.called.len() < CALLED_MAX => {
                self.called.push_back((*account, *cure));
            }
            _ => {}
        }
    }

    /// The first deposits.
    pub fn found(&mut self, people: &[Person], prices: &[f64], draws: &mut Draws) -> Vec<Action> {
        self.coins = prices.len();
        let mut actions = Vec::new();
        for person in people {
            for (asset, amount) in person.money(prices, draws) {
                self.deposits += 1;
                actions.extend(deposit(self.deposits, person.account, asset, amount));
            }
        }
        actions
    }

    /// Goes on with a venue that has transfers, its own ones below an id.
    pub fn go_on(&mut self, coins: usize, ledger: &Ledger, end: TransferId) {
        let last = |kind| {
            let all = ledger.transfers(kind);
            let end = all.partition_point(|transfer| transfer.request.id < end);
            all[..end].last().map_or(0, |transfer| transfer.request.id.number())
        };
        self.coins = coins;
        self.deposits = last(TransferKind::Deposit);
        self.withdrawals = last(TransferKind::Withdrawal);
        let all = ledger.transfers(TransferKind::Withdrawal).iter();
        let open = all.filter(|transfer| transfer.state == TransferState::Open);
        self.leaving = open.map(|open| (open.request.id, open.request.account)).collect();
    }

    /// What moves money in one step.
    pub fn act(&mut self, people: &mut [Person], draws: &mut Draws) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some((account, cure)) = self.called.pop_front()
            && draws.permille(self.answered)
        {
            let amount = Amount::from_units(cure.units() / 100 * 120 + i128::from(SCALE));
            actions.extend(self.bring(account, usdc(), amount));
        }
        if self.leaving.len() > 3 || draws.permille(200) {
            actions.extend(self.leaving.pop_front().map(|(id, account)| {
                let reference = TransferRef { id, account };
                // Those of others are all paid out.
                let is_strange = account.number() as usize >= people.len();
                match draws.permille(800) || is_strange {
                    true => Action::ConfirmWithdrawal(reference),
                    false => Action::VoidWithdrawal(reference),
                }
            }));
        }
        if draws.permille(300) {
            let person = draws.place(people.len());
            actions.extend(self.odd_job(people, person, draws));
        }
        actions
    }

    fn bring(&mut self, account: AccountId, asset: Asset, amount: Amount) -> Vec<Action> {
        self.deposits += 1;
        deposit(self.deposits, account, asset, amount).into()
    }

    fn odd_job(&mut self, people: &mut [Person], place: usize, draws: &mut Draws) -> Vec<Action> {
        let person = &mut people[place];
        let account = person.account;
        let share = person.bankroll * 0.2 * draws.unit();
        match draws.below(12) {
            0..3 => self.bring(account, usdc(), dollars(share as i64 + 1)),
            3 => {
                let coin = draws.place(self.coins);
                let amount = Amount::from_units((share / 10_000.0 * SCALE as f64) as i128 + 1);
                self.bring(account, asset(coin), amount)
            }
            4..7 => {
                self.withdrawals += 1;
                let id = TransferId::new(self.withdrawals);
                let amount = dollars(share as i64 + 1);
                let request = TransferRequest { id, account, asset: usdc(), amount };
                vec![Action::RequestWithdrawal(request)]
            }
            7..9 => {
                let (from, to) = match (person.owner, draws.permille(500)) {
                    (Some(owner), true) => (account, owner),
                    (Some(owner), false) => (owner, account),
                    // Between owners: refused.
                    (None, _) => (account, AccountId::new(0)),
                };
                let amount = dollars(share as i64 + 1);
                let giver = people.iter_mut().find(|person| person.account == from);
                let request = giver.and_then(Person::next_request);
                vec![Action::Transfer(Transfer { from, to, asset: usdc(), amount, request })]
            }
            9 => {
                let models = [MarginModel::Portfolio, MarginModel::Cross, MarginModel::Isolated];
                let margin_model = models[draws.place(3)];
                let (dry_run, request) = (draws.permille(500), person.next_request());
                let change = ChangeMarginModel { account, margin_model, dry_run, request };
                vec![Action::ChangeMarginModel(change)]
            }
            10 => vec![Action::SetCancelOnDisconnect { account, enabled: draws.permille(500) }],
            _ if person.role == Role::Maker => Vec::new(),
            _ => vec![Action::Disconnect { account }],
        }
    }
}
