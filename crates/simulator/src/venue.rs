//! What the venue is told before anybody trades, and its instruments.

use engine::command::{
    Action, AddAsset, Capital, ClosesDay, HistoryCloses, ListInstrument, PriceReport,
    SetMethodology, SetSources, SourceWeight,
};
use engine::prices::{BreakerRules, FundingRules, IndexRules, InterestRules, MarkRules};
use engine::rules::{FeeRules, InstrumentTerms, VenueRules};
use engine::{Event, InstrumentId, Limits, State};
use instruments::{Amount, Asset, Instrument, Price, SCALE, Timestamp};
use ledger::VenueAccount;

use crate::market::{COINS, asset, coin_of};
use crate::world::Day;

/// Accounts compared with their margin after each price.
const REVIEWS_PER_PRICE: u32 = 6;
/// Request ids that are remembered of an account.
const REQUESTS_MAX: u32 = 64;
/// How long a change of the methodology is noticed.
pub(crate) const NOTICE_MS: i64 = 6 * Timestamp::HOUR;

/// How large the venue may grow with so many accounts.
pub(crate) fn limits(accounts: u32) -> Limits {
    Limits {
        accounts_max: accounts + 64,
        assets_max: 8,
        transfers_max: 40 * accounts + 1_000,
        instruments_max: 20_000,
        orders_max: 1_000_000,
        vectors_max: 4_096,
    }
}

/// US dollars on a chain.
pub(crate) fn usdc() -> Asset {
    Asset::USDC
}

/// Rules and assets, with so many coins, and so many sources of each index.
pub(crate) fn opening(coins: usize, count: u16) -> Vec<Action> {
    let rules = VenueRules {
        reviews_per_price: REVIEWS_PER_PRICE,
        requests_max: REQUESTS_MAX,
        epoch_market_age_max_ms: 60_000,
        epoch_market_move_max_ppm: 20_000,
        ..VenueRules::default()
    };
    let mut actions = vec![Action::SetVenueRules(rules)];
    let coins = (0..coins).map(asset);
    actions.extend([Asset::USD, usdc()].into_iter().chain(coins.clone()).map(add_asset));
    actions.push(sources(usdc(), count, 3_600_000));
    actions.extend(coins.map(|coin| sources(coin, count, 60_000)));
    actions
}

/// What the venue brings in for the insurance fund, in US dollars.
pub(crate) fn capital(fund: i64) -> Action {
    let account = VenueAccount::Insurance;
    Action::MoveCapital(Capital { account, asset: usdc(), amount: dollars(fund) })
}

/// Whole units of an asset.
pub(crate) fn dollars(whole: i64) -> Amount {
    Amount::from_units(i128::from(whole) * i128::from(SCALE))
}

/// Our portfolio margin, with the coins that are traded for its universe.
pub(crate) fn core(coins: usize) -> String {
    let text = risk::Methodology::built_in_text("core").expect("it ships");
    let quoted: Vec<String> = COINS[..coins].iter().map(|coin| format!("\"{coin}\"")).collect();
    let universe = quoted.join(", ");
    let line = |line: &str| match line.starts_with("universe = ") {
        true => format!("universe = [{universe}]\n"),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Margin position by position.
pub(crate) fn standard() -> String {
    risk::Methodology::built_in_text("standard").expect("it ships").to_owned()
}

/// A methodology, with notice.
pub(crate) fn methodology(text: String, now: Timestamp) -> Action {
    let notice_ends = Timestamp::from_milliseconds(now.milliseconds() + NOTICE_MS);
    Action::SetMethodology(SetMethodology { text, notice_ends })
}

/// A source's report.
pub(crate) fn report(asset: Asset, source: u16, price: f64, observed: Timestamp) -> Action {
    let price = Price::from_units((price * SCALE as f64).round() as i64);
    Action::ReportPrice(PriceReport { asset, source, price, observed })
}

/// The closes of days as a command.
pub(crate) fn closes(coins: usize, days: &[Day]) -> Action {
    let price = |close: &Option<f64>| {
        close.map(|close| Price::from_units((close * SCALE as f64).round() as i64))
    };
    let day = |(date, closes): &Day| ClosesDay {
        date: *date,
        closes: closes.iter().map(price).collect(),
    };
    Action::SetHistory(HistoryCloses {
        assets: (0..coins).map(asset).collect(),
        days: days.iter().map(day).collect(),
    })
}

fn add_asset(asset: Asset) -> Action {
    let (interest, breaker) = (InterestRules::default(), BreakerRules::default());
    Action::AddAsset(AddAsset { asset, interest, breaker })
}

fn sources(asset: Asset, count: u16, age_max_ms: u32) -> Action {
    let rules = IndexRules { age_max_ms, fresh_ms: age_max_ms / 2, ..IndexRules::default() };
    let sources = (0..count).map(|source| SourceWeight { source, weight: 1 }).collect();
    Action::SetSources(SetSources { asset, rules, sources })
}

/// Lists an instrument at an index.
pub(crate) fn list(instrument: Instrument, index: f64) -> Action {
    let traded = Traded::of(InstrumentId(0), instrument);
    let in_quote = (index * 0.02 * SCALE as f64) as i64;
    let band_min = match (instrument.is_option(), traded.is_in_coins()) {
        (false, _) => 0,
        (true, true) => SCALE / 50,
        (true, false) => in_quote,
    };
    let terms = InstrumentTerms {
        tick: Price::from_units(traded.tick),
        lots_max: 1_000_000_000,
        position_max: 1_000_000_000,
        open_interest_max: 10_000_000_000,
        band_ppm: 50_000,
        band_min: Price::from_units(band_min),
        fees: FeeRules { maker_ppm: -50, taker_ppm: 400, ..FeeRules::default() },
        mark: MarkRules::default(),
        funding: FundingRules::default(),
        settlement_ms: if instrument.is_option() { 0 } else { 8 * Timestamp::HOUR },
        parts_max: 100,
    };
    Action::ListInstrument(ListInstrument { instrument, terms, call: false })
}

/// An instrument as those who trade it know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traded {
    pub id: InstrumentId,
    pub instrument: Instrument,
    /// The place of its coin.
    pub coin: usize,
    /// Its tick in units.
    pub tick: i64,
    /// Whether it has neither expired nor been taken away.
    pub lives: bool,
}

impl Traded {
    fn of(id: InstrumentId, instrument: Instrument) -> Self {
        let coin = coin_of(instrument.base()).unwrap_or_default();
        let is_inverse = instrument.settlement_asset() == instrument.base();
        let tick = match (instrument.is_option(), is_inverse) {
            (true, true) => SCALE / 10_000,
            (true, false) => [SCALE, SCALE / 10, SCALE / 100, SCALE / 10_000][coin],
            (false, _) => [SCALE / 2, SCALE / 20, SCALE / 100, SCALE / 10_000][coin],
        };
        Self { id, instrument, coin, tick, lives: true }
    }

    /// Whether prices are in coins.
    pub fn is_in_coins(&self) -> bool {
        let instrument = &self.instrument;
        instrument.is_option() && instrument.settlement_asset() == instrument.base()
    }

    /// What one lot is of, in US dollars at an index.
    pub fn lot_dollars(&self, index: f64) -> f64 {
        let size = self.instrument.lot_size() as f64 / SCALE as f64;
        if self.instrument.is_sized_in_quote() { size } else { size * index }
    }

    /// So many dollars in whole lots, at least one.
    pub fn lots(&self, dollars: f64, index: f64) -> i64 {
        let lots = dollars / self.lot_dollars(index);
        if lots.is_finite() { (lots.clamp(1.0, 1e8)) as i64 } else { 1 }
    }
}

/// All instruments by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listings {
    all: Vec<Traded>,
    /// The numbers of those that live, ascending.
    living: Vec<InstrumentId>,
}

impl Listings {
    /// Those of a venue that is there.
    pub fn of(state: &State) -> Self {
        let ids = (0..state.instruments()).map(InstrumentId);
        let traded = |id: InstrumentId| {
            let instrument = state.instrument(id).expect("numbers are below the count");
            let lives = state.instrument_id(&instrument) == Some(id);
            Traded { lives, ..Traded::of(id, instrument) }
        };
        let all: Vec<Traded> = ids.map(traded).collect();
        let living = all.iter().filter(|traded| traded.lives).map(|traded| traded.id).collect();
        Self { all, living }
    }

    /// Takes note of what happened.
    pub fn follow(&mut self, event: &Event) {
        match event {
            Event::Listed { id, instrument } => {
                self.all.push(Traded::of(*id, *instrument));
                self.living.push(*id);
            }
            Event::Expired { instrument, .. } => {
                if let Some(traded) = self.all.get_mut(instrument.0 as usize) {
                    traded.lives = false;
                }
                self.living.retain(|id| id != instrument);
            }
            _ => {}
        }
    }

    /// An instrument by its number.
    pub fn get(&self, id: InstrumentId) -> Option<&Traded> {
        self.all.get(id.0 as usize)
    }

    /// All by number, expired ones too.
    pub fn all(&self) -> &[Traded] {
        &self.all
    }

    /// Those that live.
    pub fn living(&self) -> impl ExactSizeIterator<Item = &Traded> {
        self.living.iter().map(|id| &self.all[id.0 as usize])
    }

    /// The number of one that lives by its place among them.
    pub fn living_at(&self, place: usize) -> Option<&Traded> {
        self.living.get(place).and_then(|id| self.get(*id))
    }
}
