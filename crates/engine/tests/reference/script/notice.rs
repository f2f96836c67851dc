//! Changes with notice, put between what a script does otherwise.

use engine::InstrumentId;
use engine::change::{Change, LiquidationChange, TermsChange, VenueRulesChange};
use engine::command::{Action, Announce};

use super::venue::at;
use super::{Random, View};

/// One script in so many has them. They have dice of their own, so that the other scripts are those
/// that they were.
const ONE_IN: u64 = 5;

pub struct Notices {
    random: Random,
}

impl Notices {
    pub fn of(seed: u64) -> Option<Self> {
        (seed % ONE_IN == ONE_IN - 1).then(|| Self { random: Random::new(!seed) })
    }

    pub fn next(&mut self, view: &View, now: i64) -> Option<Action> {
        match self.random.below(50) {
            0..6 => Some(self.announce(view, now)),
            6 => {
                let waiting = view.changes.first().copied().unwrap_or(1);
                Some(Action::WithdrawChange { change: self.random.pick(&[waiting, waiting, 0]) })
            }
            _ => None,
        }
    }

    fn announce(&mut self, view: &View, now: i64) -> Action {
        let ahead = [
            (20, self.random.within(1, 5_000)),
            (4, self.random.within(5_000, 4_000_000)),
            (1, self.random.pick(&[0, -1, i64::MAX - now])),
        ];
        let effective_at = at(now + self.random.weighted(&ahead));
        let change = match self.random.below(20) {
            0..4 => Change::VenueRules(self.venue_rules()),
            4 => Change::Liquidation(Box::new(LiquidationChange {
                buffer_ppb: Some(1),
                ..LiquidationChange::default()
            })),
            _ => {
                let beyond = view.instruments.len() as u64 + u64::from(self.random.percent(2));
                let instrument = self.random.below(beyond.max(1));
                let instrument = InstrumentId(u32::try_from(instrument).unwrap());
                Change::Terms { instrument, changes: self.terms() }
            }
        };
        Action::Announce(Box::new(Announce { effective_at, change }))
    }

    fn venue_rules(&mut self) -> VenueRulesChange {
        let mut changes = VenueRulesChange::default();
        match self.random.below(5) {
            0 => changes.quotes_max = Some(self.random.pick(&[0, 1, 5])),
            1 => changes.profit_maturity_ms = Some(self.random.pick(&[1, 1_000, 60_000])),
            2 => changes.orders_per_account_max = Some(self.random.pick(&[4, 30])),
            3 => changes.reviews_per_price = Some(self.random.pick(&[1, 5])),
            _ => {}
        }
        changes
    }

    /// Some make sense alone and not together, or not with what is set meanwhile.
    fn terms(&mut self) -> TermsChange {
        let mut changes = TermsChange::default();
        match self.random.below(9) {
            0 => changes.fees.maker_ppm = Some(self.random.pick(&[-500, -400, 0, 200])),
            1 => changes.fees.taker_ppm = Some(self.random.pick(&[0, 300, 500, 100_001])),
            2 => changes.position_max = Some(self.random.pick(&[40, 1_000_000])),
            3 => changes.lots_max = Some(self.random.pick(&[100_000, 1 << 40])),
            4 => changes.band_ppm = Some(self.random.pick(&[20_000, 100_000])),
            5 => changes.settlement_ms = Some(self.random.pick(&[0, 1_000, 60_000])),
            6 => changes.mark.clamp_ppm = Some(self.random.pick(&[0, 20_000, 500_000])),
            7 => changes.funding.interest_ppb = Some(self.random.pick(&[0, 100_000])),
            _ => {}
        }
        changes
    }
}
