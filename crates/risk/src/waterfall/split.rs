//! Splitting whole units by weight: water-filling below capacities, largest remainders, ties by key.

use ethnum::U256;

use super::WaterfallError;

/// The most that a need, a capacity and a weight may be: 2¹¹², so that all products fit 256 bits.
pub const AMOUNT_MAX: u128 = 1 << 112;

/// One who may be given a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<K> {
    /// Who: unique, and what decides ties, the lesser first.
    pub key: K,
    /// The most that the part may be.
    pub capacity: u128,
    /// In proportion to what it grows; nothing is given without weight.
    pub weight: u128,
}

/// Who was given what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The parts, in the order of the claims. They sum to the need less what is unmet.
    pub parts: Vec<u128>,
    /// What exceeds all capacities.
    pub unmet: u128,
}

/// Splits `need` over claims as water fills vessels: `min(capacity, τ·weight)` with one τ for all,
/// exact to the unit. What whole units leave over goes to the largest remainders, one each, ties to
/// the lesser key. The result does not depend on the order of the claims.
///
/// # Errors
/// [`WaterfallError::Duplicate`] for a key that stands twice, [`WaterfallError::TooLarge`] beyond
/// [`AMOUNT_MAX`] and for weights that sum to 2¹²⁷ or more.
pub fn water_fill<K: Ord + Copy>(
    need: u128,
    claims: &[Claim<K>],
) -> Result<Filled, WaterfallError> {
    check(need, claims)?;
    let mut open: Vec<usize> =
        (0..claims.len()).filter(|&i| claims[i].weight > 0 && claims[i].capacity > 0).collect();
    // Whose vessel is full first stands first; the key only makes the order one and the same.
    open.sort_unstable_by(|&a, &b| {
        let (a, b) = (&claims[a], &claims[b]);
        let fullness = product(a.capacity, b.weight).cmp(&product(b.capacity, a.weight));
        fullness.then_with(|| a.key.cmp(&b.key))
    });
    let capacity: u128 = open.iter().map(|&i| claims[i].capacity).fold(0, u128::saturating_add);
    let mut rest = need.min(capacity);
    let unmet = need - rest;
    let mut weight: u128 = open.iter().map(|&i| claims[i].weight).sum();
    let mut parts = vec![0; claims.len()];
    let mut full = 0;
    for &i in &open {
        let claim = &claims[i];
        if product(claim.capacity, weight) > product(rest, claim.weight) {
            break;
        }
        parts[i] = claim.capacity;
        rest -= claim.capacity;
        weight -= claim.weight;
        full += 1;
    }
    by_remainder(rest, weight, claims, &open[full..], &mut parts);
    Ok(Filled { parts, unmet })
}

/// Splits `total` by weight, exact to the unit: shares rounded down, and what that leaves over to
/// the largest remainders, one each, ties to the lesser key (Hamilton's method).
///
/// # Errors
/// As [`water_fill`], and [`WaterfallError::NoWeight`] where there is something to split and no
/// weight is above zero.
pub fn largest_remainder<K: Ord + Copy>(
    total: u128,
    weights: &[(K, u128)],
) -> Result<Vec<u128>, WaterfallError> {
    let claim = |&(key, weight): &(K, u128)| Claim { key, capacity: total, weight };
    let claims: Vec<_> = weights.iter().map(claim).collect();
    let filled = water_fill(total, &claims)?;
    if filled.unmet > 0 { Err(WaterfallError::NoWeight) } else { Ok(filled.parts) }
}

/// Gives `rest` to claims none of which it fills; `weight` is the sum of theirs.
fn by_remainder<K: Ord + Copy>(
    rest: u128,
    weight: u128,
    claims: &[Claim<K>],
    open: &[usize],
    parts: &mut [u128],
) {
    let mut left = rest;
    let mut remainders = Vec::with_capacity(open.len());
    for &i in open {
        let whole = product(rest, claims[i].weight);
        let weight = U256::from(weight);
        // Less than the capacity, which has 128 bits.
        parts[i] = (whole / weight).as_u128();
        left -= parts[i];
        remainders.push((whole % weight, i));
    }
    remainders.sort_unstable_by(|(a, i), (b, j)| {
        b.cmp(a).then_with(|| claims[*i].key.cmp(&claims[*j].key))
    });
    for (_, i) in remainders {
        if left == 0 {
            break;
        }
        parts[i] += 1;
        left -= 1;
    }
    assert!(left == 0, "remainders sum to fewer units than there are claims");
}

fn check<K: Ord + Copy>(need: u128, claims: &[Claim<K>]) -> Result<(), WaterfallError> {
    if need > AMOUNT_MAX {
        return Err(WaterfallError::TooLarge("what is to be split"));
    }
    let mut weights = 0_u128;
    for claim in claims {
        if claim.capacity > AMOUNT_MAX || claim.weight > AMOUNT_MAX {
            return Err(WaterfallError::TooLarge("a capacity or weight"));
        }
        weights = weights
            .checked_add(claim.weight)
            .filter(|sum| *sum < 1 << 127)
            .ok_or(WaterfallError::TooLarge("the sum of weights"))?;
    }
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_unstable_by_key(|&i| (claims[i].key, i));
    let twice = order.windows(2).find(|pair| claims[pair[0]].key == claims[pair[1]].key);
    match twice {
        Some(pair) => Err(WaterfallError::Duplicate { first: pair[0], second: pair[1] }),
        None => Ok(()),
    }
}

fn product(a: u128, b: u128) -> U256 {
    U256::from(a) * U256::from(b)
}
