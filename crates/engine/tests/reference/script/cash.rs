//! Money that comes, goes, and moves.

use engine::command::{Action, Capital, ChangeMarginModel, Transfer, TransferRef, TransferRequest};
use instruments::{Amount, Asset, SCALE};
use ledger::{AccountId, TransferId, VenueAccount};
use risk::MarginModel;

use super::venue::asset;
use super::{Script, View};

impl Script {
    fn money(&mut self) -> (Asset, Amount) {
        let (name, most) = self.random.weighted(&[
            (5, ("USDC", 50_000)),
            (4, ("BTC", 2)),
            (2, ("ETH", 20)),
            (1, ("USD", 1_000)),
            (1, ("SOL", 5)),
        ]);
        let units = match self.random.below(10) {
            0 => self.random.pick(&[0, -5, 1, i64::MAX]),
            1..3 => self.random.within(1, most * SCALE),
            _ => self.random.within(1, most * SCALE / 20),
        };
        (asset(name), Amount::from_units(i128::from(units)))
    }

    fn transfer_request(&mut self, view: &View) -> TransferRequest {
        self.next_transfer += 1;
        let id = if self.random.percent(6) {
            self.random.below(self.next_transfer)
        } else {
            self.next_transfer
        };
        let (asset, amount) = self.money();
        TransferRequest { id: TransferId::new(id), account: self.account(view), asset, amount }
    }

    /// One of those that are open, or one that may never have been.
    fn one_of(&mut self, open: &[(u64, u32)], view: &View) -> TransferRef {
        let (id, account) = if open.is_empty() { (7, 0) } else { self.random.pick(open) };
        let account =
            if self.random.percent(5) { self.account(view) } else { AccountId::new(account) };
        TransferRef { id: TransferId::new(id), account }
    }

    pub(super) fn deposit(&mut self, view: &View) -> Action {
        let open = self.open_deposits.clone();
        match self.random.below(10) {
            0..5 => {
                let request = self.transfer_request(view);
                self.open_deposits.push((request.id.number(), request.account.number()));
                Action::AnnounceDeposit(request)
            }
            5..9 => Action::CreditDeposit(self.one_of(&open, view)),
            _ => Action::VoidDeposit(self.one_of(&open, view)),
        }
    }

    pub(super) fn withdraw(&mut self, view: &View) -> Action {
        let open = self.open_withdrawals.clone();
        match self.random.below(10) {
            0..6 => {
                let request = self.transfer_request(view);
                self.open_withdrawals.push((request.id.number(), request.account.number()));
                Action::RequestWithdrawal(request)
            }
            6..8 => Action::ConfirmWithdrawal(self.one_of(&open, view)),
            _ => Action::VoidWithdrawal(self.one_of(&open, view)),
        }
    }

    pub(super) fn transfer(&mut self, _: &View) -> Action {
        let pairs = [(0, 4), (4, 0), (4, 5), (5, 0), (0, 5), (1, 2), (3, 3), (0, 99)];
        let (from, to) = self.random.pick(&pairs);
        let (from, to) = (AccountId::new(from), AccountId::new(to));
        let (asset, amount) = self.money();
        let request = self.request();
        Action::Transfer(Transfer { from, to, asset, amount, request })
    }

    pub(super) fn capital(&mut self, _: &View) -> Action {
        let account = self.random.pick(&[
            VenueAccount::Insurance,
            VenueAccount::Insurance,
            VenueAccount::Fees,
            VenueAccount::Interest,
            VenueAccount::Custody,
            VenueAccount::Settlement,
        ]);
        let (asset, amount) = self.money();
        let amount =
            if self.random.percent(40) { Amount::from_units(-amount.units()) } else { amount };
        Action::MoveCapital(Capital { account, asset, amount })
    }

    pub(super) fn change_model(&mut self, view: &View) -> Action {
        let margin_model =
            self.random.pick(&[MarginModel::Portfolio, MarginModel::Cross, MarginModel::Isolated]);
        let dry_run = self.random.percent(40);
        let request = self.request();
        Action::ChangeMarginModel(ChangeMarginModel {
            account: self.account(view),
            margin_model,
            dry_run,
            request,
        })
    }
}
