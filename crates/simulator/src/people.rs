//! Who trades: accounts, what they want, and the money that they begin with.

use engine::command::{
    Action, OpenAccount, ProtectMarketMaker, ProtectionRules, TransferRef, TransferRequest,
};
use instruments::{Amount, Asset, SCALE, Underlying};
use ledger::{AccountId, TransferId};
use risk::MarginModel;

use crate::draws::Draws;
use crate::market::asset;
use crate::options::Leverage;
use crate::venue::{dollars, usdc};

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Quotes everything, within limits on what it holds.
    Maker,
    /// Trades a perpetual against the other one, or against what it is really worth.
    Arbitrageur,
    /// Buys what has risen and sells what has fallen.
    Trend,
    /// The opposite.
    Reversal,
    /// Pays premiums.
    OptionBuyer,
    /// Takes premiums.
    OptionSeller,
    /// Does anything.
    Noise,
    /// Bids for what is liquidated, and unwinds it.
    Liquidator,
    /// The backstop vault.
    Vault,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub account: AccountId,
    pub role: Role,
    pub model: MarginModel,
    /// What it brought, in US dollars.
    pub bankroll: f64,
    /// How many times its bankroll it trades for.
    pub leverage: f64,
    /// How much of that it asks for, having been refused or not.
    pub appetite: f64,
    /// What it likes to be long by, in convictions.
    pub bias: f64,
    /// The main account, of a subaccount.
    pub owner: Option<AccountId>,
    /// Its next request.
    pub request: u64,
    /// Where a maker goes on quoting.
    pub cursor: usize,
}

/// One in so many of the others is a subaccount of the account before it.
const SUBACCOUNTS: u32 = 25;

/// Everybody who trades, by number, makers first.
pub(crate) fn everybody(
    accounts: u32,
    makers: u32,
    leverage: Leverage,
    draws: &mut Draws,
) -> Vec<Person> {
    let mut all: Vec<Person> = Vec::new();
    for number in 0..accounts {
        let mut person = person(number, makers, leverage, draws);
        let before = all.last().filter(|before| {
            before.owner.is_none() && number > makers && number.is_multiple_of(SUBACCOUNTS)
        });
        person.owner = before.map(|before| before.account);
        all.push(person);
    }
    all
}

fn person(number: u32, makers: u32, leverage: Leverage, draws: &mut Draws) -> Person {
    let (role, model) = if number < makers {
        (Role::Maker, MarginModel::Portfolio)
    } else {
        let role = match draws.below(100) {
            0..4 => Role::Arbitrageur,
            4..34 => Role::Trend,
            34..54 => Role::Reversal,
            54..70 => Role::OptionBuyer,
            70..80 => Role::OptionSeller,
            _ => Role::Noise,
        };
        let model = match (role, draws.below(10)) {
            (Role::Arbitrageur, _) | (_, 0..5) => MarginModel::Portfolio,
            (_, 5..8) => MarginModel::Cross,
            _ => MarginModel::Isolated,
        };
        (role, model)
    };
    // Those who are thin have little money and much leverage.
    let is_thin = match leverage {
        Leverage::Low => false,
        Leverage::Normal => draws.below(4) == 0,
        Leverage::High => draws.below(3) < 2,
    };
    let bankroll = match (role, is_thin) {
        (Role::Maker, _) => 30e6,
        (Role::Arbitrageur, _) => 1e6,
        (_, true) if leverage == Leverage::High => 2_000.0 + 48_000.0 * draws.unit() * draws.unit(),
        (_, true) => 500.0 + 4_500.0 * draws.unit(),
        _ => 10_000.0 + 190_000.0 * draws.unit() * draws.unit(),
    };
    // What margin allows differs by model.
    let most = if model == MarginModel::Portfolio { 3.2 } else { 40.0 };
    let share = if is_thin { 0.6 + 0.4 * draws.unit() } else { 0.05 + 0.25 * draws.unit() };
    let bias = if leverage == Leverage::High { 1.2 } else { 0.0 };
    let leverage = most * share;
    let account = AccountId::new(number);
    Person {
        account,
        role,
        model,
        bankroll,
        leverage,
        appetite: 1.0,
        bias,
        owner: None,
        request: 0,
        cursor: 0,
    }
}

impl Person {
    /// What it trades for at most now, in US dollars.
    pub fn reach(&self) -> f64 {
        self.bankroll * self.leverage * self.appetite
    }

    /// The id of its next request.
    pub fn next_request(&mut self) -> Option<u64> {
        self.request += 1;
        Some(self.request)
    }

    /// Opens it.
    pub fn open(&self) -> Action {
        Action::OpenAccount(OpenAccount { owner: self.owner, margin_model: self.model })
    }

    /// What it brings: mostly dollars, some of it coins; some accounts have nothing but coins.
    pub fn money(&self, prices: &[f64], draws: &mut Draws) -> Vec<(Asset, Amount)> {
        let in_coins = match draws.below(10) {
            0 => 1.0,
            1..4 => 0.5,
            4..6 => 0.1,
            _ => 0.0,
        };
        let in_coins = match self.role {
            Role::Maker => 0.5,
            Role::Liquidator | Role::Vault => 0.0,
            _ => in_coins,
        };
        let mut money = Vec::new();
        if in_coins < 1.0 {
            money.push((usdc(), dollars((self.bankroll * (1.0 - in_coins)) as i64)));
        }
        if in_coins > 0.0 {
            for (coin, price) in prices.iter().enumerate() {
                let units = self.bankroll * in_coins / prices.len() as f64 / price * SCALE as f64;
                money.push((asset(coin), Amount::from_units(units as i128)));
            }
        }
        money.retain(|(_, amount)| *amount > Amount::ZERO);
        money
    }

    /// Sets a maker's protection on so many coins.
    pub fn protection(&self, coins: usize) -> Vec<Action> {
        let base_max = [200 * SCALE, 5_000 * SCALE, 20_000 * SCALE, 8_000_000 * SCALE];
        let protect = |coin: usize| {
            Action::ProtectMarketMaker(ProtectMarketMaker {
                account: self.account,
                underlying: Underlying::of(asset(coin)),
                rules: Some(ProtectionRules {
                    window_ms: 20_000,
                    frozen_ms: 30_000,
                    base_max: base_max[coin],
                }),
            })
        };
        (0..coins).map(protect).collect()
    }
}

/// Announces and credits a deposit.
pub(crate) fn deposit(
    number: u64,
    account: AccountId,
    asset: Asset,
    amount: Amount,
) -> [Action; 2] {
    let id = TransferId::new(number);
    [
        Action::AnnounceDeposit(TransferRequest { id, account, asset, amount }),
        Action::CreditDeposit(TransferRef { id, account }),
    ]
}
