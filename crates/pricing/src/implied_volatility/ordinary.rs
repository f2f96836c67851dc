//! Ordinary quotes, solved in vectors.

use super::{Quote, QuoteBatch};
use crate::OptionKind;
use crate::black76::{INPUT_MAX, PRICE_MIN, SERIES_BELOW, first, mills_difference_series};
use numerics::{Kernel, LANES_MAX, Lanes, Mask, vector};

/// √(2π).
pub(super) const SQRT_2PI: f64 = 2.506_628_274_631_000_2;
/// 1 − 2/π.
const START_SLOPE: f64 = 1.0 - std::f64::consts::FRAC_2_PI;
/// A step below this share of v leaves an error of its fourth power.
const STEP_DONE: f64 = 1e-4;
/// More steps than an ordinary quote needs.
const STEPS_MAX: usize = 5;
/// Quotes are ordinary from this value over min(F, K) on …
const VALUE_MIN: f64 = 1e-290;
/// … up to this one, …
const VALUE_MAX: f64 = 0.5;
/// … up to this |ln(F/K)|, …
const MONEYNESS_MAX: f64 = 30.0;
/// … and from this σ√T on.
const DEVIATION_MIN: f64 = 0.005;

/// One vector of quotes. `sign` is 1 for calls and −1 for puts.
#[derive(Clone, Copy)]
struct Quotes<L> {
    sign: L,
    price: L,
    forward: L,
    strike: L,
    time: L,
}

/// The volatilities, and where they hold: false where a quote is not ordinary.
#[inline(always)]
fn solve<L: Lanes>(quotes: Quotes<L>) -> (L, L::Mask) {
    let Quotes { sign, price, forward, strike, time } = quotes;
    let (zero, one) = (L::splat(0.0), L::splat(1.0));
    let (lower, upper) = (forward.min(strike), forward.max(strike));

    // The out-of-the-money value: less F − K where that is in the money, and
    // less what its subtraction lost (Møller 1965, Knuth).
    let difference = sign * (forward - strike);
    let (minuend, subtrahend) = (sign * forward, sign * strike);
    let rest = minuend - difference;
    let lost = (minuend - (difference + rest)) + (rest - subtrahend);
    let inside = zero.lt(difference);
    let value = L::select(inside, (price - difference) - lost, price) / lower;
    let k = vector::ln_ratio(upper, lower);
    let ordinary = L::splat(VALUE_MIN).le(value)
        & value.le(L::splat(VALUE_MAX))
        & k.le(L::splat(MONEYNESS_MAX))
        & zero.lt(time)
        & time.max(upper).le(L::splat(INPUT_MAX))
        & L::splat(PRICE_MIN).le(lower)
        & difference.lt(price);

    let mut v = start(k, lower / upper, value);
    let target = one / (value * L::splat(SQRT_2PI));
    let mut active = ordinary;
    for _ in 0..STEPS_MAX {
        let step = householder_step(k, v, target);
        v = L::select(active, v + step, v);
        active = active & L::splat(STEP_DONE).lt((step / v).abs());
        if !active.any() {
            break;
        }
    }
    let solved = ordinary & !active & L::splat(DEVIATION_MIN).le(v);
    (v / time.sqrt(), solved)
}

/// The explicit formula of Stefanica and Radoičić (2017), from k = |ln(F/K)|,
/// e^−k and the out-of-the-money value over min(F, K).
#[inline(always)]
fn start<L: Lanes>(k: L, exp_minus_k: L, value: L) -> L {
    let (zero, one, two) = (L::splat(0.0), L::splat(1.0), L::splat(2.0));
    let ey = exp_minus_k;
    let iy = one / ey;
    let g = vector::exp_in_range(k.min(L::splat(MONEYNESS_MAX)) * L::splat(START_SLOPE));
    let ig = one / g;
    let (product, inverse) = (ey * g, iy * ig);
    let alpha = value * ey;
    let r = alpha.mul_add(two, one - ey);
    let r2 = r * r;
    let a = g - ig;
    let a2 = a * a;
    let b = (inverse + product) * L::splat(4.0) - iy * two * (g + ig) * (ey.mul_add(ey, one) - r2);
    let w = one + ey;
    let c = iy * iy * (alpha * two * (r + (one - ey))) * (w * w - r2);
    let beta = c * two / (b + (b * b + a2 * c * L::splat(4.0)).sqrt());
    let beta = beta.max(L::splat(1e-300)).min(one);
    let gamma = vector::ln_of_normal(beta) * L::splat(-std::f64::consts::FRAC_PI_2);
    let (low, high) = ((gamma - k).max(zero).sqrt(), (gamma + k).max(zero).sqrt());
    // Below this value the forward is nearer than half a deviation.
    let turn = (one - product * product).max(zero).sqrt() * L::splat(0.5) - L::splat(0.5)
        + ey * L::splat(0.5);
    let v = L::select(alpha.lt(turn), high - low, high + low);
    v.max(L::splat(1e-4))
}

/// One step of fourth order on ln(value(v)) − ln(value), `target` being
/// 1/(value·√(2π)).
///
/// With D = M(h−t) − M(h+t): value(v) = φ(h−t)·D, its slope is φ(h−t), so that
/// the logarithm's is 1/D.
#[inline(always)]
fn householder_step<L: Lanes>(k: L, v: L, target: L) -> L {
    let zero = L::splat(0.0);
    let inverse_v = L::splat(1.0) / v;
    let h = k * inverse_v;
    let t = v * L::splat(0.5);
    let near = h - t;
    let half_square = near * near * L::splat(0.5);
    let (mills_near, mills_far) = vector::mills_of_two(near.abs(), h + t);
    let mut difference = mills_near - mills_far;
    let negative = near.lt(zero);
    if negative.any() {
        // M(−x) = √(2π)·exp(x²/2) − M(x).
        let reflected = vector::exp_in_range(half_square.min(L::splat(700.0)));
        let body = reflected.mul_add(L::splat(SQRT_2PI), -mills_near) - mills_far;
        difference = L::select(negative, body, difference);
    }
    let small = v.lt(L::splat(SERIES_BELOW));
    if small.any() {
        difference = L::select(small, mills_difference_series(h, t), difference);
    }
    let difference = difference.max(L::splat(f64::MIN_POSITIVE));
    let error = vector::ln_of_normal(difference * target) - half_square;
    step_from_error(error, difference, h, v, inverse_v)
}

/// Householder's step for a function whose value is `error` and whose slope is
/// 1/d, where the slope of ln(slope·d) is that of Black's vega.
#[inline(always)]
pub(super) fn step_from_error<L: Lanes>(error: L, d: L, h: L, v: L, inverse_v: L) -> L {
    let one = L::splat(1.0);
    let curve = h * inverse_v;
    let k2 = h.mul_add(curve, v * L::splat(-0.25));
    let k3 = k2.mul_add(k2, (curve * curve).mul_add(L::splat(-3.0), L::splat(-0.25)));
    let inverse_d = one / d;
    let newton = -(error * d);
    let second = k2 - inverse_d;
    let third = k3 - inverse_d * (k2 * L::splat(3.0) - inverse_d * L::splat(2.0));
    let numerator = (second * newton).mul_add(L::splat(0.5), one);
    let inner = (third * newton).mul_add(L::splat(1.0 / 6.0), second);
    newton * numerator / newton.mul_add(inner, one)
}

/// One quote by one lane; None if it is not ordinary.
pub(super) struct Single(pub(super) Quote);

impl Kernel for Single {
    type Output = Option<f64>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Option<f64> {
        let Self(Quote { kind, price, forward, strike, time }) = self;
        let (volatility, solved) = solve(Quotes {
            sign: L::splat(kind.sign()),
            price: L::splat(price),
            forward: L::splat(forward),
            strike: L::splat(strike),
            time: L::splat(time),
        });
        solved.any().then(|| first(volatility))
    }
}

/// A block of quotes; marks those that are not ordinary.
pub(super) struct Block<'a> {
    pub(super) quotes: &'a QuoteBatch<'a>,
    pub(super) out: &'a mut [f64],
    pub(super) unsolved: &'a mut [u8],
}

impl Block<'_> {
    #[inline(always)]
    fn mark<L: Lanes>(&mut self, start: usize, solved: L::Mask) -> bool {
        let bits = solved.bits();
        let count = L::LANES.min(self.out.len() - start);
        let missing = !bits & ((1 << count) - 1);
        if missing == 0 {
            return false;
        }
        for lane in 0..count {
            self.unsolved[start + lane] = (missing >> lane & 1) as u8;
        }
        true
    }
}

impl Kernel for Block<'_> {
    /// Whether some quote is left.
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(mut self) -> bool {
        let QuoteBatch { kinds, prices, forwards, strikes, times } = *self.quotes;
        let tail = self.out.len() - self.out.len() % L::LANES;
        let mut left = false;
        for start in (0..tail).step_by(L::LANES) {
            let mut signs = [0.0; LANES_MAX];
            for (sign, kind) in signs[..L::LANES].iter_mut().zip(&kinds[start..start + L::LANES]) {
                *sign = kind.sign();
            }
            let (volatility, solved) = solve(Quotes {
                sign: L::load(&signs),
                price: L::load(&prices[start..]),
                forward: L::load(&forwards[start..]),
                strike: L::load(&strikes[start..]),
                time: L::load(&times[start..]),
            });
            volatility.store(&mut self.out[start..]);
            left |= self.mark::<L>(start, solved);
        }
        if tail < self.out.len() {
            let mut last = [OptionKind::Call; LANES_MAX];
            last[..kinds.len() - tail].copy_from_slice(&kinds[tail..]);
            let (volatility, solved) = solve(Quotes {
                sign: L::load(&last.map(OptionKind::sign)),
                price: L::load_padded(&prices[tail..], 0.2),
                forward: L::load_padded(&forwards[tail..], 1.0),
                strike: L::load_padded(&strikes[tail..], 1.0),
                time: L::load_padded(&times[tail..], 1.0),
            });
            volatility.store_prefix(&mut self.out[tail..]);
            left |= self.mark::<L>(tail, solved);
        }
        left
    }
}
