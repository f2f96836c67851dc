//! What the layers of the waterfall did, summed up: for a case, and for a day.

use std::ops::AddAssign;

use instruments::Amount;

/// Sums of what each layer did, in US dollars. Lots count at mark, balances at their index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// Traded in the order book.
    pub book: Amount,
    /// What that lost against mark; negative is a gain.
    pub book_loss: Amount,
    /// Fees of these trades.
    pub book_fees: Amount,
    /// Taken by bidders.
    pub auction: Amount,
    /// What owners paid them.
    pub discount: Amount,
    /// What owners kept because that was below the reserve.
    pub improvement: Amount,
    /// Taken by the backstop vault.
    pub vault: Amount,
    /// What owners paid it.
    pub vault_discount: Amount,
    /// Taken over for what the fund paid.
    pub taken_over: Amount,
    /// Paid by the fund.
    pub fund_paid: Amount,
    /// Received by the fund: fees, and what was left of accounts that others had paid for.
    pub fund_received: Amount,
    /// Closed against those who gained.
    pub deleveraged: Amount,
    /// What that cost them.
    pub deleveraging_cost: Amount,
    /// Cut from profits.
    pub cut: Amount,
    /// Left uncovered.
    pub outstanding: Amount,
}

/// What happened on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Cases that opened.
    pub opened: u64,
    /// Cases that ended.
    pub closed: u64,
    /// What the layers did.
    pub layers: Layers,
    /// What the fund covered of losses that had been left.
    pub covered: Amount,
}

impl Layers {
    /// Everything that changed hands.
    pub fn sold(&self) -> Amount {
        sum([self.book, self.auction, self.vault, self.taken_over, self.deleveraged])
    }

    /// What owners paid bidders and the vault.
    pub fn discounts(&self) -> Amount {
        sum([self.discount, self.vault_discount])
    }
}

impl AddAssign for Layers {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.book, other.book),
            (&mut self.book_loss, other.book_loss),
            (&mut self.book_fees, other.book_fees),
            (&mut self.auction, other.auction),
            (&mut self.discount, other.discount),
            (&mut self.improvement, other.improvement),
            (&mut self.vault, other.vault),
            (&mut self.vault_discount, other.vault_discount),
            (&mut self.taken_over, other.taken_over),
            (&mut self.fund_paid, other.fund_paid),
            (&mut self.fund_received, other.fund_received),
            (&mut self.deleveraged, other.deleveraged),
            (&mut self.deleveraging_cost, other.deleveraging_cost),
            (&mut self.cut, other.cut),
            (&mut self.outstanding, other.outstanding),
        ];
        for (all, more) in pairs {
            *all = sum([*all, more]);
        }
    }
}

impl AddAssign for Day {
    fn add_assign(&mut self, other: Self) {
        self.opened += other.opened;
        self.closed += other.closed;
        self.layers += other.layers;
        self.covered = sum([self.covered, other.covered]);
    }
}

/// The sum of a few amounts.
pub fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    amounts.into_iter().sum()
}
