//! Charges beside the scenarios, each a pure function of a book.

use std::collections::BTreeMap;

use super::book::{Contract, Leg};
use super::scan::Scan;
use super::value::{Step, Valuer};
use crate::methodology::{ChargeKind, ChargePrice, UnderlyingRules};

/// What a charge comes to before its own factors: for initial and for maintenance margin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pair {
    /// In initial margin.
    pub initial: f64,
    /// In maintenance margin.
    pub maintenance: f64,
}

impl Pair {
    const fn both(amount: f64) -> Self {
        Self { initial: amount, maintenance: amount }
    }

    /// The sum of two.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            initial: self.initial + other.initial,
            maintenance: self.maintenance + other.maintenance,
        }
    }
}

/// A charge on a book.
pub(crate) fn charge(kind: &ChargeKind, scan: &Scan<'_>, rules: &UnderlyingRules) -> Pair {
    let charges = Charges { scan, valuer: Valuer { rules: scan.rules, book: scan.book } };
    let both = match kind {
        ChargeKind::Basis { moves, add, multiple } => charges.basis(moves, *add, *multiple),
        ChargeKind::DeltaFloor { hedged, unhedged } => charges.delta_floor(*hedged, *unhedged),
        ChargeKind::Perpetuals => charges.perpetuals() * scan.book.spot,
        ChargeKind::ShortStrikes => charges.short_strikes() * scan.book.spot,
        ChargeKind::Collateral => return charges.collateral(),
        ChargeKind::Confidence { threshold, rate } => charges.confidence(*threshold, *rate),
        ChargeKind::Roll { price } => charges.roll(rules.roll_rate, rules.roll_min, *price),
        ChargeKind::Funding { orders } => charges.funding(*orders),
        ChargeKind::Fees { futures, options, option_cap } => {
            charges.fees(*futures, *options, *option_cap)
        }
        ChargeKind::Theta { days } => charges.theta(days / 365.0),
        ChargeKind::Minimum { price } => charges.minimum(rules.minimum_rate, *price),
    };
    Pair::both(both)
}

struct Charges<'a> {
    scan: &'a Scan<'a>,
    valuer: Valuer<'a>,
}

impl Charges<'_> {
    fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.scan.book.legs.iter().filter(|leg| self.scan.counts(leg))
    }

    fn options_of(&self, expiry: usize) -> impl Iterator<Item = &Leg> {
        self.legs().filter(move |leg| leg.is_option() && leg.expiry() == Some(expiry))
    }

    /// What some legs gain by a step; of an order no more than nothing.
    fn change<'l>(&self, legs: impl Iterator<Item = &'l Leg>, step: Step) -> f64 {
        let one = |leg: &Leg| {
            let today = self.valuer.value(leg, Step::of(0.0));
            let gain = leg.size * (self.valuer.value(leg, step) - today);
            if leg.is_order() { gain.min(0.0) } else { gain }
        };
        legs.map(one).sum()
    }

    /// The larger magnitude of a sum with all bids and with all asks filled.
    fn larger_side<'l>(legs: impl Iterator<Item = &'l Leg>, of: impl Fn(&Leg) -> f64) -> f64 {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for leg in legs {
            let part = of(leg);
            low += if leg.is_order() { part.min(0.0) } else { part };
            high += if leg.is_order() { part.max(0.0) } else { part };
        }
        low.abs().max(high.abs())
    }

    fn basis(&self, moves: &[f64], add: f64, multiple: f64) -> f64 {
        let mut total = 0.0;
        for (place, expiry) in self.scan.book.expiries.iter().enumerate() {
            let change = |m: &f64| self.change(self.options_of(place), Step::of(*m));
            let worst = moves.iter().map(change).fold(0.0, f64::min);
            total -= worst * (add + multiple * expiry.years);
        }
        total
    }

    fn delta_floor(&self, hedged_rate: f64, unhedged_rate: f64) -> f64 {
        let sum = |orders: bool, sign: f64| {
            let side = self.legs().filter(|leg| leg.is_order() == orders);
            side.map(|leg| (leg.delta() * sign).max(0.0)).sum::<f64>()
        };
        let (held_long, held_short) = (sum(false, 1.0), sum(false, -1.0));
        let (long, short) = (held_long + sum(true, 1.0), held_short + sum(true, -1.0));
        let unhedged = (long - held_short).max(short - held_long).max(0.0);
        let hedged = (long.max(short) - unhedged).max(0.0);
        (hedged * hedged_rate + unhedged * unhedged_rate) * self.scan.book.spot
    }

    /// Net size of perpetuals in units of the underlying, without its sign.
    fn perpetuals(&self) -> f64 {
        let perpetuals = self.legs().filter(|leg| leg.contract == Contract::Perpetual);
        Self::larger_side(perpetuals, Leg::delta)
    }

    fn short_strikes(&self) -> f64 {
        let mut strikes: BTreeMap<(usize, u64), f64> = BTreeMap::new();
        for leg in self.legs() {
            if let Contract::Option { expiry, strike, .. } = leg.contract {
                // A resting bid is never counted on to cover.
                let size = if leg.is_order() { leg.size.min(0.0) } else { leg.size };
                *strikes.entry((expiry, strike.to_bits())).or_default() += size;
            }
        }
        strikes.values().map(|net| (-net).max(0.0)).sum()
    }

    fn collateral(&self) -> Pair {
        self.scan.book.coins.iter().fold(Pair::default(), |sum, coin| Pair {
            initial: sum.initial + coin.value.abs() * coin.initial,
            maintenance: sum.maintenance + coin.value.abs() * coin.maintenance,
        })
    }

    fn confidence(&self, threshold: f64, rate: f64) -> f64 {
        let book = self.scan.book;
        let charge =
            |c: f64, notional: f64| if c < threshold { (1.0 - c) * rate * notional } else { 0.0 };
        let perpetuals = self.legs().filter(|leg| leg.contract == Contract::Perpetual);
        let least = perpetuals.map(|leg| leg.confidence).fold(book.spot_confidence, f64::min);
        let mut total = charge(least, self.perpetuals() * book.spot);
        for (place, expiry) in book.expiries.iter().enumerate() {
            let gross: f64 = self.options_of(place).map(|leg| leg.size.abs()).sum();
            total += charge(least.min(expiry.confidence), gross * book.spot);
        }
        for coin in &book.coins {
            total += charge(coin.confidence.min(book.spot_confidence), coin.value.abs());
        }
        total
    }

    fn roll(&self, rate: f64, least: f64, price: ChargePrice) -> f64 {
        let mut groups: BTreeMap<Option<usize>, Vec<&Leg>> = BTreeMap::new();
        for leg in self.legs() {
            groups.entry(leg.expiry()).or_default().push(leg);
        }
        let group = |(expiry, legs): (&Option<usize>, &Vec<&Leg>)| {
            let years = expiry.map_or(0.0, |place| self.scan.book.expiries[place].years);
            let delta = |leg: &Leg| leg.delta() * self.price(leg, price);
            Self::larger_side(legs.iter().copied(), delta) * (rate * years).max(least)
        };
        groups.iter().map(group).sum()
    }

    /// US dollars per unit of the underlying at which a charge takes a leg.
    fn price(&self, leg: &Leg, price: ChargePrice) -> f64 {
        match price {
            ChargePrice::Mark if !leg.is_option() => leg.mark * leg.worth,
            ChargePrice::Mark | ChargePrice::Index => self.scan.book.spot,
        }
    }

    fn funding(&self, order_sign: f64) -> f64 {
        let perpetuals = self.legs().filter(|leg| leg.contract == Contract::Perpetual);
        let payment = |leg: &Leg| {
            let sign = if leg.is_order() { order_sign } else { 1.0 };
            sign * leg.delta() * leg.funding_8h
        };
        (perpetuals.map(payment).sum::<f64>() * self.scan.book.spot).max(0.0)
    }

    fn fees(&self, futures: f64, options: f64, option_cap: f64) -> f64 {
        let fee = |leg: &Leg| {
            if leg.is_option() {
                let rate = leg.fee_rate.unwrap_or(options);
                let mark = leg.mark * self.valuer.mark_worth(leg);
                (rate * self.scan.book.spot).min(option_cap * mark) * leg.size.abs()
            } else {
                let rate = leg.fee_rate.unwrap_or(futures);
                let notional = if leg.inverse { 1.0 } else { leg.mark * leg.worth };
                rate * leg.size.abs() * notional
            }
        };
        self.legs().map(fee).sum()
    }

    fn theta(&self, years: f64) -> f64 {
        let options = self.legs().filter(|leg| leg.is_option());
        (-self.change(options, Step { years, ..Step::of(0.0) })).max(0.0)
    }

    fn minimum(&self, rate: f64, price: ChargePrice) -> f64 {
        let charged = self.legs().filter(|leg| !leg.is_option() || leg.size < 0.0);
        let notional = |leg: &Leg| {
            let size = if leg.is_option() { leg.size } else { leg.delta() };
            size.abs() * self.price(leg, price)
        };
        rate * charged.map(notional).sum::<f64>()
    }
}
