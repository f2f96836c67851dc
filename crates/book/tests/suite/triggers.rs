//! Triggers: by hand, and against a naive list.

use plimsoll_book::{
    AccountId, Direction, Limits, OrderId, PriceSource, Refusal, Target, Ticks, Trigger, Triggers,
};
use proptest::prelude::*;

use crate::commands::cases;

use Direction::{Falling, Rising};
use PriceSource::{Index, Last, Mark};

const LIMITS: Limits = Limits {
    price_min: Ticks(-200),
    price_max: Ticks(500),
    lots_max: plimsoll_book::Lots(1),
    orders_max: 12,
    orders_per_account_max: 5,
    parts_max: 1,
    window: 64,
};

fn at(id: u64, direction: Direction, price: i64) -> Trigger {
    let target = Target::Price(Ticks(price));
    Trigger { id: OrderId(id), account: AccountId(id as u32 % 3), source: Mark, direction, target }
}

fn trailing(id: u64, direction: Direction, extreme: i64, offset: i64) -> Trigger {
    let target = Target::Trail { offset: Ticks(offset), extreme: Ticks(extreme) };
    Trigger { target, ..at(id, direction, 0) }
}

fn with(triggers: &[Trigger]) -> Triggers {
    let mut all = Triggers::new(LIMITS).unwrap();
    triggers.iter().for_each(|trigger| all.insert(*trigger).unwrap());
    all
}

fn fire(triggers: &mut Triggers, price: i64) -> Vec<u64> {
    let mut fired = Vec::new();
    triggers.fire(Mark, Ticks(price), &mut fired).unwrap();
    fired.iter().map(|trigger| trigger.id.0).collect()
}

#[test]
fn the_first_reached_fires_first_then_the_oldest() {
    let mut triggers = with(&[
        at(1, Rising, 105),
        at(2, Rising, 103),
        at(3, Rising, 105),
        at(4, Falling, 95),
        at(5, Falling, 97),
    ]);
    assert_eq!(triggers.next(Mark, Rising), Some(Ticks(103)));
    assert_eq!(triggers.next(Mark, Falling), Some(Ticks(97)));
    assert_eq!(fire(&mut triggers, 102), [0_u64; 0]);
    assert_eq!(fire(&mut triggers, 105), [2, 1, 3]);
    assert_eq!(fire(&mut triggers, 90), [5, 4]);
    assert!(triggers.is_empty() && triggers.next(Mark, Rising).is_none());
}

#[test]
fn only_the_watched_price_fires() {
    let mut triggers = with(&[Trigger { source: Last, ..at(1, Rising, 100) }, at(2, Rising, 100)]);
    let mut fired = Vec::new();
    triggers.fire(Index, Ticks(300), &mut fired).unwrap();
    assert_eq!(fired, []);
    assert_eq!(fire(&mut triggers, 300), [2]);
    triggers.fire(Last, Ticks(100), &mut fired).unwrap();
    assert_eq!(fired[0].id, OrderId(1));
}

#[test]
fn a_trailing_stop_follows_and_never_gives_way() {
    let mut triggers = with(&[trailing(1, Falling, 100, 5), trailing(2, Rising, 100, 7)]);
    assert_eq!(fire(&mut triggers, 104), [0_u64; 0]);
    assert_eq!(triggers.get(OrderId(1)).unwrap().price(), Ticks(99));
    assert_eq!(triggers.get(OrderId(2)).unwrap().price(), Ticks(107));
    assert_eq!(fire(&mut triggers, 100), [0_u64; 0]);
    assert_eq!(triggers.get(OrderId(1)).unwrap().price(), Ticks(99));
    assert_eq!(fire(&mut triggers, 99), [1]);
    assert_eq!(fire(&mut triggers, 90), [0_u64; 0]);
    assert_eq!(triggers.next(Mark, Rising), Some(Ticks(97)));
    assert_eq!(fire(&mut triggers, 97), [2]);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut triggers = with(&[at(1, Rising, 100)]);
    let (min, max) = (LIMITS.price_min, LIMITS.price_max);
    let bounds = Refusal::PriceOutOfBounds { min, max };
    assert_eq!(triggers.insert(at(1, Rising, 100)), Err(Refusal::DuplicateOrder));
    assert_eq!(triggers.insert(at(2, Rising, i64::MAX)), Err(bounds));
    assert_eq!(triggers.insert(trailing(2, Rising, i64::MIN, 1)), Err(bounds));
    for offset in [i64::MIN, 0, 701, i64::MAX] {
        let refusal = Refusal::TrailOutOfBounds { offset: Ticks(offset), max: Ticks(700) };
        assert_eq!(triggers.insert(trailing(2, Rising, 100, offset)), Err(refusal));
    }
    assert_eq!(triggers.cancel(OrderId(2)), Err(Refusal::UnknownOrder));
    for price in [i64::MIN, i64::MAX] {
        assert_eq!(triggers.fire(Mark, Ticks(price), &mut Vec::new()), Err(bounds));
    }
    assert_eq!((triggers.len(), triggers.stamp()), (1, 1));
}

#[test]
fn counts_are_bounded() {
    let mut triggers = Triggers::new(LIMITS).unwrap();
    let of = |id, account| Trigger { account: AccountId(account), ..at(id, Rising, 100) };
    (0..5).for_each(|id| triggers.insert(of(id, 1)).unwrap());
    assert_eq!(triggers.insert(of(5, 1)), Err(Refusal::AccountFull { max: 5 }));
    (5..12).for_each(|id| triggers.insert(of(id, id as u32)).unwrap());
    assert_eq!(triggers.insert(of(99, 99)), Err(Refusal::BookFull { max: 12 }));
    let of_account: Vec<u64> = triggers.of(AccountId(1)).map(|trigger| trigger.id.0).collect();
    assert_eq!(of_account, [0, 1, 2, 3, 4]);
}

#[test]
fn the_format_of_a_trigger() {
    let trigger = Trigger { source: Index, ..trailing(258, Falling, -1, 3) };
    let record = with(&[trigger]).record(OrderId(258)).unwrap();
    let expected: Vec<u8> = [
        &[2, 1, 0, 0, 0, 0, 0, 0][..],
        &[0, 0, 0, 0, 2, 1, 1, 0],
        &[0xFF; 8],
        &[3, 0, 0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(record.to_vec(), expected);
    assert_eq!(Trigger::from_bytes(&record), Ok((trigger, 1)));
    for offset in [12, 13, 14, 15] {
        let mut other = record;
        other[offset] = 9;
        assert!(Trigger::from_bytes(&other).is_err());
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(Trigger),
    Cancel(u64),
    Price(PriceSource, i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let source = prop_oneof![Just(Last), Just(Mark), Just(Index)];
    let direction = prop_oneof![Just(Rising), Just(Falling)];
    let target = prop_oneof![
        (90_i64..111).prop_map(|price| Target::Price(Ticks(price))),
        (1_i64..9, 95_i64..106).prop_map(|(offset, extreme)| Target::Trail {
            offset: Ticks(offset),
            extreme: Ticks(extreme)
        }),
    ];
    let insert = (0_u64..30, 0_u32..4, source.clone(), direction, target);
    prop_oneof![
        3 => insert.prop_map(|(id, account, source, direction, target)| {
            let (id, account) = (OrderId(id), AccountId(account));
            Step::Insert(Trigger { id, account, source, direction, target })
        }),
        1 => (0_u64..30).prop_map(Step::Cancel),
        2 => (source, 85_i64..116).prop_map(|(source, price)| Step::Price(source, price)),
    ]
}

/// What the naive list fires: every trigger is looked at, then sorted.
fn naive_fire(list: &mut Vec<Trigger>, source: PriceSource, price: Ticks) -> Vec<Trigger> {
    for trigger in list.iter_mut().filter(|trigger| trigger.source == source) {
        if let Target::Trail { extreme, .. } = &mut trigger.target {
            let is_better =
                if trigger.direction == Rising { price < *extreme } else { price > *extreme };
            *extreme = if is_better { price } else { *extreme };
        }
    }
    let is_reached = |trigger: &Trigger| {
        let reached = if trigger.direction == Rising {
            price >= trigger.price()
        } else {
            price <= trigger.price()
        };
        trigger.source == source && reached
    };
    let mut fired: Vec<Trigger> =
        list.iter().filter(|trigger| is_reached(trigger)).copied().collect();
    list.retain(|trigger| !is_reached(trigger));
    fired.sort_by_key(|trigger| {
        let price = trigger.price().0;
        (trigger.direction == Falling, if trigger.direction == Rising { price } else { -price })
    });
    fired
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(500), ..ProptestConfig::default() })]

    #[test]
    fn triggers_are_the_naive_list(steps in prop::collection::vec(any_step(), 1..200)) {
        let (mut triggers, mut list) = (Triggers::new(LIMITS).unwrap(), Vec::<Trigger>::new());
        for step in steps {
            match step {
                Step::Insert(trigger) => {
                    let of_account = list.iter().filter(|t| t.account == trigger.account).count();
                    let is_known = list.iter().any(|t| t.id == trigger.id);
                    let is_taken = triggers.insert(trigger).is_ok();
                    prop_assert_eq!(is_taken, !is_known && list.len() < 12 && of_account < 5);
                    if is_taken {
                        list.push(trigger);
                    }
                }
                Step::Cancel(id) => {
                    let place = list.iter().position(|trigger| trigger.id.0 == id);
                    let expected = place.map(|place| list.remove(place));
                    prop_assert_eq!(triggers.cancel(OrderId(id)).ok(), expected);
                }
                Step::Price(source, price) => {
                    let mut fired = Vec::new();
                    triggers.fire(source, Ticks(price), &mut fired).unwrap();
                    prop_assert_eq!(fired, naive_fire(&mut list, source, Ticks(price)));
                }
            }
            // By way of its records, now and then, it is the same.
            if triggers.len() % 3 == 0 {
                let records: Vec<_> = triggers.records().collect();
                triggers = Triggers::restore(LIMITS, triggers.stamp(), &records).unwrap();
            }
            for account in 0..4 {
                let expected: Vec<Trigger> =
                    list.iter().filter(|t| t.account == AccountId(account)).copied().collect();
                prop_assert_eq!(triggers.of(AccountId(account)).collect::<Vec<_>>(), expected);
            }
        }
    }
}
