//! The mix of commands that is timed.

use std::fmt;

use book::Side;
use instruments::Price;
use ledger::AccountId;
use plimsoll_engine::command::{Action, AmendOrder, OpenEpoch, OrderType};
use plimsoll_engine::{Event, InstrumentId};

use super::mirror::{Mirror, Resting};
use super::people::{ACCOUNTS, limit, order};
use super::venue::{self, COINS, Listed, SCENARIOS, SOURCES, Worker, listed};
use super::{COMMANDS_PER_EPOCH, Draws, Prepared, Recorder};

const SEED: u64 = 0x5EED_0062;
/// Orders that rest in each instrument on average.
const RESTING_PER_INSTRUMENT: i64 = 50;
/// An index moves by up to so many parts per million with a report.
const STEP_PPM: i64 = 150;

/// How many commands of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Limit orders that rest.
    pub new: u64,
    /// Cancellations.
    pub cancel: u64,
    /// Amendments.
    pub amend: u64,
    /// Orders that trade at once.
    pub marketable: u64,
    /// Price reports.
    pub marks: u64,
    /// Epochs.
    pub epochs: u64,
    /// Commands that were refused.
    pub refused: u64,
    /// Trades.
    pub trades: u64,
    /// Orders that rest at the end.
    pub resting: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new, cancel, amend, marketable, marks, epochs, refused, trades, resting } = self;
        write!(
            f,
            "{new} new limit orders, {cancel} cancellations, {amend} amendments, {marketable} \
             marketable orders, {marks} price reports, {epochs} risk epochs of {SCENARIOS} \
             scenarios; {trades} trades, {refused} refusals, {resting} orders resting at the end"
        )
    }
}

/// The mix under way.
pub struct Mix {
    draws: Draws,
    instruments: Vec<Listed>,
    mirror: Mirror,
    /// Each coin's price as the next report sees it, in units, and the source that reports next.
    prices: Vec<(i64, u16)>,
    worker: Worker,
    /// The epochs so far, if they are kept.
    pub prepared: Option<Prepared>,
    place: usize,
    /// What was made so far.
    pub counts: Counts,
}

impl Mix {
    /// A mix from its first command on. Epochs are kept if they are wanted.
    pub fn new(keep_epochs: bool) -> Self {
        Self {
            draws: Draws::new(SEED),
            instruments: listed(),
            mirror: Mirror::default(),
            prices: COINS.iter().map(|coin| (coin.index, 0)).collect(),
            worker: Worker::new(),
            prepared: keep_epochs.then(Prepared::new),
            place: 0,
            counts: Counts::default(),
        }
    }

    /// Fills the books with the orders that rest on average.
    pub fn fill_books(&mut self, recorder: &mut Recorder) {
        let wanted = self.resting_wanted();
        while i64::try_from(self.mirror.len()).expect("few") < wanted {
            let action = self.new_order(recorder);
            self.act(recorder, action);
        }
        self.counts = Counts::default();
    }

    /// Makes and applies so many commands of the mix, and the epochs between them.
    pub fn run(&mut self, recorder: &mut Recorder, commands: usize) {
        for _ in 0..commands {
            if self.place.is_multiple_of(COMMANDS_PER_EPOCH) {
                self.open_epoch(recorder);
            }
            self.place += 1;
            let action = match self.draws.below(100) {
                0..40 => self.new_order(recorder),
                40..70 => self.cancel(),
                70..90 => self.amend(recorder),
                90..98 => self.marketable(recorder),
                _ => self.report(recorder),
            };
            self.act(recorder, action);
        }
        self.counts.resting = self.mirror.len() as u64;
    }

    fn act(&mut self, recorder: &mut Recorder, action: Action) {
        let kind = match &action {
            Action::PlaceOrder(place) => match place.order.order_type {
                OrderType::Limit { .. } => &mut self.counts.new,
                _ => &mut self.counts.marketable,
            },
            Action::CancelOrder { .. } => &mut self.counts.cancel,
            Action::AmendOrder(_) => &mut self.counts.amend,
            _ => &mut self.counts.marks,
        };
        *kind += 1;
        let events = recorder.act(action);
        let is_refused = |event: &Event| matches!(event, Event::Rejected(_));
        self.counts.refused += u64::from(events.iter().any(is_refused));
        let trades = events.iter().filter(|event| matches!(event, Event::Trade(_)));
        self.counts.trades += trades.count() as u64;
        self.mirror.follow(events);
    }

    /// Opens an epoch as a worker would have: with the market and the hash of the arrays.
    fn open_epoch(&mut self, recorder: &mut Recorder) {
        let market = recorder.state.epoch_market();
        let mut open = OpenEpoch { market: Some(market), arrays_hash: None, holdings: Vec::new() };
        let epoch = self.worker.prepare(&recorder.state);
        open.arrays_hash = Some(epoch.arrays_hash().to_owned());
        // The engine is not offered it, and computes the same.
        if let Some(prepared) = &mut self.prepared {
            prepared.push((recorder.commands.len(), epoch));
        }
        recorder.must(Action::OpenEpoch(Box::new(open)));
        self.counts.epochs += 1;
    }

    fn resting_wanted(&self) -> i64 {
        RESTING_PER_INSTRUMENT * i64::try_from(self.instruments.len()).expect("few")
    }

    /// A limit order near the best price that rests.
    fn new_order(&mut self, recorder: &Recorder) -> Action {
        let account = self.account();
        let (id, listed) = self.instrument();
        let side = self.side();
        let lots = listed.lots * self.draws.within(1, 10);
        let (side, price) = self.resting_price(recorder, id, &listed, side);
        limit(account, id, side, lots, price)
    }

    fn cancel(&mut self) -> Action {
        let Resting { id, account, .. } = self.resting();
        Action::CancelOrder { account, order: id, request: None }
    }

    /// Half of the amendments move an order near the mark, half change its size.
    fn amend(&mut self, recorder: &Recorder) -> Action {
        let Resting { id, account, instrument, side, price, open } = self.resting();
        let listed = self.instruments[instrument.0 as usize];
        let (mut to, mut lots) = (None, None);
        if self.draws.below(2) == 0 {
            let (found, at) = self.resting_price(recorder, instrument, &listed, side);
            // Where only the other side can rest, the order stays.
            let at = if found == side { at.units() } else { price };
            to = Some(Price::from_units(at));
        } else {
            let other = listed.lots * self.draws.within(1, 10);
            lots = Some(if other == open { open + listed.lots } else { other });
        }
        Action::AmendOrder(AmendOrder { account, order: id, price: to, lots, request: None })
    }

    /// An order that trades with the best of the other side: larger while more orders rest than
    /// should, so that their number stays about the same.
    fn marketable(&mut self, recorder: &Recorder) -> Action {
        let account = self.account();
        let (id, listed) = self.instrument();
        let mut side = self.side();
        let book = recorder.state.book(id).expect("it is listed");
        if book.best(side.opposite()).is_none() {
            side = side.opposite();
        }
        let Some(best) = book.best(side.opposite()) else {
            return self.new_order(recorder);
        };
        let mark = recorder.state.mark(id).expect("it is listed").units();
        let best = best.0 * listed.tick;
        // Ten ticks through the best price, or to the mark if that is further.
        let through = match side {
            Side::Buy => (best + 10 * listed.tick).max(mark / listed.tick * listed.tick),
            Side::Sell => (best - 10 * listed.tick).min(mark / listed.tick * listed.tick),
        };
        let price = Price::from_units(through.max(listed.tick));
        let excess = i64::try_from(self.mirror.len()).expect("few") - self.resting_wanted();
        let most = (12 + excess / 50).clamp(2, 60);
        let lots = listed.lots * self.draws.within(1, most);
        order(account, id, side, lots, OrderType::ImmediateOrCancel { price })
    }

    /// A source reports a price a little off the one before.
    fn report(&mut self, recorder: &Recorder) -> Action {
        let coin = usize::try_from(self.draws.below(COINS.len() as u64)).expect("a coin");
        let step = self.draws.within(-STEP_PPM, STEP_PPM);
        let (price, source) = &mut self.prices[coin];
        *price += *price / 1_000_000 * step;
        let reporting = *source;
        *source = (*source + 1) % SOURCES;
        venue::report(COINS[coin].asset(), reporting, *price, recorder.state.time())
    }

    fn account(&mut self) -> AccountId {
        let number = self.draws.skewed(u64::from(ACCOUNTS));
        AccountId::new(u32::try_from(number).expect("an account"))
    }

    fn instrument(&mut self) -> (InstrumentId, Listed) {
        let place = self.draws.below(self.instruments.len() as u64);
        let id = InstrumentId(u32::try_from(place).expect("an instrument"));
        (id, self.instruments[id.0 as usize])
    }

    fn side(&mut self) -> Side {
        Side::BOTH[usize::try_from(self.draws.below(2)).expect("a side")]
    }

    /// An order that rests, any as likely as another.
    fn resting(&mut self) -> Resting {
        let place = self.draws.below(self.mirror.len() as u64);
        self.mirror.at(usize::try_from(place).expect("a place"))
    }

    /// Where an order rests: a little off the mark, and not across the best price of the other
    /// side. Where that leaves a buyer no price, it is a seller's.
    fn resting_price(
        &mut self,
        recorder: &Recorder,
        id: InstrumentId,
        listed: &Listed,
        side: Side,
    ) -> (Side, Price) {
        let mark = recorder.state.mark(id).expect("it is listed").units();
        // Up to 0.3 % of a future, up to 6 % of an option; near the mark most.
        let most_ppm = if listed.option { 60_000 } else { 3_000 };
        let away =
            mark / 1_000 * i64::try_from(self.draws.skewed(most_ppm)).expect("small") / 1_000;
        let book = recorder.state.book(id).expect("it is listed");
        let best = |side: Side| book.best(side).map(|ticks| ticks.0);
        let (below, above) = ((mark - away) / listed.tick, (mark + away) / listed.tick + 1);
        let buy = best(Side::Sell).map_or(below, |ask| below.min(ask - 1));
        let sell = best(Side::Buy).map_or(above, |bid| above.max(bid + 1));
        let (side, ticks) = match side {
            Side::Buy if buy >= 1 => (Side::Buy, buy),
            _ => (Side::Sell, sell),
        };
        (side, Price::from_units(ticks * listed.tick))
    }
}
