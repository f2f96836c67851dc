//! Indices lose nothing: neither by how often they are counted, nor by splits and merges, nor
//! between those who pay and those who receive.

use instruments::Amount;
use plimsoll_ledger::{
    AccountId, Accrual, AssetIndex, INDEX_SCALE, Index, Ledger, LedgerAccount, Limits, Posting,
    PostingKind, Reference, Residue, VenueAccount,
};
use proptest::prelude::*;

use crate::cases;

const SCALE: i128 = INDEX_SCALE as i128;
const HOLDERS: usize = 5;
const ASSET: AssetIndex = AssetIndex::new(0);
const FUNDING: LedgerAccount = LedgerAccount::Venue(VenueAccount::Funding);
const ROUNDING: LedgerAccount = LedgerAccount::Venue(VenueAccount::Rounding);

fn step() -> impl Strategy<Value = i128> {
    prop_oneof![-10_i128..10, -2 * SCALE..2 * SCALE, -1_000_000 * SCALE..1_000_000 * SCALE]
}

fn size() -> impl Strategy<Value = i128> {
    prop_oneof![-5_i128..5, -1_000_000_i128..1_000_000]
}

fn index(steps: i128) -> Index {
    Index::from_steps(steps).unwrap()
}

/// One perpetual's holders, and the ledger that clears what they pay each other.
struct Venue {
    ledger: Ledger,
    now: Index,
    lots: [i128; HOLDERS],
    accruals: [Accrual; HOLDERS],
}

impl Venue {
    fn new() -> Self {
        let limits = Limits { accounts_max: HOLDERS as u32, assets_max: 1, transfers_max: 0 };
        let mut ledger = Ledger::new(limits).unwrap();
        ledger.add_asset("USDC".parse().unwrap()).unwrap();
        while ledger.open_account().is_ok() {}
        let accruals = [Accrual::default(); HOLDERS];
        Self { ledger, now: Index::ZERO, lots: [0; HOLDERS], accruals }
    }

    fn trade(&mut self, buyer: usize, seller: usize, lots: i128) {
        for (holder, lots) in [(buyer, lots), (seller, -lots)] {
            self.accruals[holder].advance(self.lots[holder], self.now).unwrap();
            self.lots[holder] += lots;
        }
    }

    fn pay(&mut self, holder: usize) {
        self.accruals[holder].advance(self.lots[holder], self.now).unwrap();
        let amount = self.accruals[holder].take();
        self.post(FUNDING, LedgerAccount::Available(AccountId::new(holder as u32)), amount);
    }

    fn post(&mut self, from: LedgerAccount, to: LedgerAccount, amount: Amount) {
        let posting = Posting::new(PostingKind::Funding, Reference::default());
        self.ledger.post(&posting.with_move(from, to, ASSET, amount), |_| ()).unwrap();
    }

    /// The pool has what is owed to holders, and less than a unit for each of them besides.
    fn check(&self) {
        let owed: Amount = (0..HOLDERS)
            .map(|holder| self.accruals[holder].accrued(self.lots[holder], self.now).unwrap())
            .sum();
        let spare = self.ledger.venue(VenueAccount::Funding, ASSET).units() - owed.units();
        assert!((0..HOLDERS as i128).contains(&spare), "{spare} beyond what is owed");
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Move(i128),
    Trade(usize, usize, i128),
    Pay(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        step().prop_map(Deed::Move),
        (0..HOLDERS, 0..HOLDERS, size())
            .prop_map(|(buyer, seller, lots)| Deed::Trade(buyer, seller, lots)),
        (0..HOLDERS).prop_map(Deed::Pay),
    ]
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// However often it is counted and paid: the floor of the exact sum, once.
    #[test]
    fn counting_often_changes_nothing(
        deeds in prop::collection::vec((size(), step(), any::<bool>()), 1..40),
    ) {
        let (mut now, mut exact, mut paid) = (0, 0, 0);
        let mut accrual = Accrual::starting_at(Index::ZERO);
        for (size, step, take) in deeds {
            now += step;
            exact += size * step;
            prop_assert_eq!(accrual.accrued(size, index(now)).unwrap().units() + paid, exact.div_euclid(SCALE));
            accrual.advance(size, index(now)).unwrap();
            if take {
                paid += accrual.take().units();
            }
            prop_assert_eq!(Accrual::from_bytes(&accrual.to_bytes()), Some(accrual));
        }
        paid += accrual.take().units();
        prop_assert_eq!(paid, exact.div_euclid(SCALE));
    }

    /// A position cut in any pieces, each counted by itself, and put together again.
    #[test]
    fn splits_and_merges_change_no_bit(
        sizes in prop::collection::vec(size(), 1..8),
        steps in prop::collection::vec(step(), 1..8),
    ) {
        let mut whole = Accrual::starting_at(Index::ZERO);
        let mut pieces = vec![Accrual::starting_at(Index::ZERO); sizes.len()];
        let mut now = 0;
        for step in steps {
            now += step;
            whole.advance(sizes.iter().sum(), index(now)).unwrap();
            for (piece, &size) in pieces.iter_mut().zip(&sizes) {
                piece.advance(size, index(now)).unwrap();
            }
        }
        let merged = pieces.into_iter().reduce(|a, b| a.merged(b).unwrap()).unwrap();
        prop_assert_eq!(merged, whole);
    }

    /// Holders trade, the index moves, some are paid; in the end everybody is flat and paid, and
    /// the pool is empty to the unit.
    #[test]
    fn funding_clears_to_the_unit(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut venue = Venue::new();
        for deed in deeds {
            match deed {
                Deed::Move(steps) => venue.now = venue.now.advanced(steps).unwrap(),
                Deed::Trade(buyer, seller, lots) => venue.trade(buyer, seller, lots),
                Deed::Pay(holder) => venue.pay(holder),
            }
            venue.check();
        }
        for holder in 1..HOLDERS {
            venue.trade(0, holder, venue.lots[holder]);
        }
        prop_assert_eq!(venue.lots, [0; HOLDERS]);
        let mut residue = Residue::default();
        for holder in 0..HOLDERS {
            venue.pay(holder);
            let whole = residue.collect(venue.accruals[holder].leave());
            venue.post(FUNDING, ROUNDING, whole);
        }
        prop_assert_eq!(residue, Residue::default());
        prop_assert_eq!(venue.ledger.venue(VenueAccount::Funding, ASSET), Amount::ZERO);
        let rounding = venue.ledger.venue(VenueAccount::Rounding, ASSET).units();
        prop_assert!((0..HOLDERS as i128).contains(&rounding));
        prop_assert_eq!(venue.ledger.check(), Ok(()));
    }

    #[test]
    fn any_size_and_index_is_answered(size: i128, from: i128, to: i128) {
        let (from, to) = (from >> 1, to >> 1);
        let (Ok(from), Ok(to)) = (Index::from_steps(from), Index::from_steps(to)) else {
            return Ok(());
        };
        for shift in [0, 27, 64, 100] {
            let mut accrual = Accrual::starting_at(from);
            if accrual.advance(size >> shift, to).is_err() {
                prop_assert_eq!(accrual, Accrual::starting_at(from));
            }
        }
    }
}
