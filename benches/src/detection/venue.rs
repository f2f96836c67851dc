//! A venue with very many accounts, some of them near the line.

use std::fmt;

use book::Side;
use instruments::{Amount, Asset, Instrument, Price, SCALE, Timestamp};
use ledger::{AccountId, TransferId};
use plimsoll_engine::command::{
    Action, OpenAccount, OrderTerms, OrderType, PlaceOrder, PriceReport, SetMethodology,
    TransferRef, TransferRequest,
};
use plimsoll_engine::rules::VenueRules;
use plimsoll_engine::{Command, Event, InstrumentId, Limits, State, apply};
use risk::MarginModel;

/// Bitcoin where positions are opened, and where near ones are near.
const OPENED_AT: i64 = 50_000;
const MARKED_AT: i64 = 46_500;
const ETHER_AT: i64 = 2_000;
const START: i64 = 1_770_307_200_000;
const INSTRUMENTS: [&str; 2] = ["BTC_USDC-PERPETUAL", "ETH_USDC-PERPETUAL"];
/// Bitcoin of a position in thousandths; ether is 20 times as many coins.
const SIZES: [i64; 4] = [10, 40, 200, 1_000];

const PLAIN: &str = r#"{"instrument":0,"side":"buy","lots":1,"type":{"limit":{"price":"1"}}}"#;

/// How many accounts, how they are margined, and how many of them are near the line.
#[derive(Clone, Copy)]
pub struct Population {
    pub accounts: u32,
    pub near: u32,
    pub model: MarginModel,
}

impl fmt::Display for Population {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model.name();
        write!(f, "{} {model} accounts, {} near", thousands(self.accounts), thousands(self.near))
    }
}

fn thousands(number: u32) -> String {
    match number {
        0..1_000_000 => format!("{},{:03}", number / 1_000, number % 1_000),
        _ => format!("{},{:03},{:03}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000),
    }
}

/// What an account holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Holding {
    /// Long or short bitcoin.
    side: Side,
    /// Ether the other way.
    hedged: bool,
    size: usize,
}

/// What a holding needs: margin where it is opened, and maintenance where it is marked, in 10⁻⁸
/// US dollars; and what of a dollar paid in does not count, in parts per billion.
struct Need {
    holding: Holding,
    initial: i128,
    maintenance: i128,
    haircut: i128,
}

/// The venue.
pub struct Venue {
    pub state: State,
    pub random: Random,
    time: i64,
    events: Vec<Event>,
    /// Terms of an order, of which the first four are replaced.
    plain: OrderTerms,
    /// Cases that were opened.
    pub cases: u32,
    /// Basis points that bitcoin is away from where it was.
    away: i64,
    model: MarginModel,
}

/// SplitMix64.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `least` to `most`.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        least + (self.next() % (most - least + 1).unsigned_abs()).cast_signed()
    }
}

impl Venue {
    /// A venue with a population, marked and with liquidation on.
    pub fn of(population: Population) -> Result<Self, String> {
        let needs = needs(population.model)?;
        let mut venue = Self::opened(population.accounts, population.model)?;
        for pair in 0..population.accounts / 2 {
            let size = venue.random.within(0, 3) as usize;
            let hedged = venue.random.within(0, 4) == 0;
            let mut beyond = [Amount::ZERO; 2];
            for (account, side) in [(2 * pair, Side::Buy), (2 * pair + 1, Side::Sell)] {
                let is_near = side == Side::Buy && pair < population.near;
                let need = |hedged| {
                    let holding = Holding { side, hedged, size };
                    let need = needs.iter().find(|need| need.holding == holding);
                    need.ok_or("every holding has a need")
                };
                // The first of two positions is opened alone.
                let alone = need(false)?.initial;
                // Thousandths of the notional that it may lose yet.
                let distance = if is_near {
                    venue.random.within(300, 5_000)
                } else {
                    venue.random.within(5_000, 100_000)
                };
                let deposit = need(hedged)?.deposit(distance);
                let first = deposit.max(Amount::from_units(alone + alone / 20));
                beyond[account as usize % 2] = Amount::from_units(first.units() - deposit.units());
                venue.account(account, first)?;
            }
            venue.trade(2 * pair + 1, 2 * pair, hedged, size)?;
            for (account, beyond) in [2 * pair, 2 * pair + 1].into_iter().zip(beyond) {
                if beyond > Amount::ZERO {
                    venue.withdraw(account, beyond)?;
                }
            }
        }
        venue.settle_in()?;
        Ok(venue)
    }

    /// Bitcoin falls to where near ones are near, and liquidation begins.
    fn settle_in(&mut self) -> Result<(), String> {
        self.report("BTC", MARKED_AT * SCALE)?;
        self.open_epoch()?;
        self.act(r#"{"set_liquidation":{"cash":"USDC"}}"#)
    }

    fn opened(accounts: u32, model: MarginModel) -> Result<Self, String> {
        let room = accounts + 2;
        let limits = Limits { accounts_max: room, transfers_max: room, ..Limits::default() };
        let state = State::new(limits).map_err(|error| error.to_string())?;
        let random = Random(7);
        let plain = serde_json::from_str(PLAIN).map_err(text)?;
        let (time, events) = (START, Vec::new());
        let mut venue = Self { state, random, time, events, plain, cases: 0, away: 0, model };
        let rules = VenueRules { reviews_per_price: 0, ..VenueRules::default() };
        venue.apply(Action::SetVenueRules(rules))?;
        venue.act(r#"{"add_asset":{"asset":"USD"}}"#)?;
        for (asset, price) in [("USDC", 1), ("BTC", OPENED_AT), ("ETH", ETHER_AT)] {
            venue.act(&format!(r#"{{"add_asset":{{"asset":"{asset}"}}}}"#))?;
            venue.act(&format!(
                r#"{{"set_sources":{{"asset":"{asset}","rules":{{"sources_min":1,"age_max_ms":86400000,"fresh_ms":86400000}},"sources":[{{"source":1,"weight":1}}]}}}}"#
            ))?;
            venue.report(asset, price * SCALE)?;
        }
        for name in INSTRUMENTS {
            venue.act(&format!(
                r#"{{"list_instrument":{{"instrument":"{name}","terms":{{"tick":"0.5","fees":{{"maker_ppm":0,"taker_ppm":0}}}}}}}}"#
            ))?;
        }
        for name in ["core", "standard"] {
            let text = risk::Methodology::built_in_text(name).ok_or("it ships")?.to_owned();
            let notice_ends = Timestamp::from_milliseconds(START + 60_000);
            venue.apply(Action::SetMethodology(SetMethodology { text, notice_ends }))?;
        }
        venue.history()?;
        venue.open_epoch()?;
        Ok(venue)
    }

    /// Closes of 1,250 days that rise and fall by a few per cent.
    fn history(&mut self) -> Result<(), String> {
        let today = START - START % Timestamp::DAY;
        let mut random = Random(11);
        let mut closes = [OPENED_AT, ETHER_AT, 2, 600].map(|price| price * SCALE);
        let days: Vec<String> = (0..1_250)
            .map(|day| {
                let whole = random.within(-300, 300);
                for close in &mut closes {
                    *close = *close / 10_000 * (10_000 + whole + random.within(-150, 150));
                }
                let closes = closes.map(|close| format!("\"{}\"", Price::from_units(close)));
                let date = today - (1_250 - day) * Timestamp::DAY;
                format!(r#"{{"date":{date},"closes":[{}]}}"#, closes.join(","))
            })
            .collect();
        self.act(&format!(
            r#"{{"set_history":{{"assets":["BTC","ETH","XRP","BNB"],"days":[{}]}}}}"#,
            days.join(",")
        ))
    }

    /// An account with so many dollars.
    fn account(&mut self, number: u32, amount: Amount) -> Result<(), String> {
        let (account, id) = (AccountId::new(number), TransferId::new(u64::from(number) + 1));
        let asset: Asset = Asset::USDC;
        self.apply(Action::OpenAccount(OpenAccount { owner: None, margin_model: self.model }))?;
        self.apply(Action::AnnounceDeposit(TransferRequest { id, account, asset, amount }))?;
        self.apply(Action::CreditDeposit(TransferRef { id, account }))
    }

    fn withdraw(&mut self, number: u32, amount: Amount) -> Result<(), String> {
        let (account, id) = (AccountId::new(number), TransferId::new(u64::from(number) + 1));
        let asset = Asset::USDC;
        self.apply(Action::RequestWithdrawal(TransferRequest { id, account, asset, amount }))?;
        self.apply(Action::ConfirmWithdrawal(TransferRef { id, account }))
    }

    /// One account buys bitcoin from another; hedged, the other buys ether for it.
    fn trade(&mut self, seller: u32, buyer: u32, hedged: bool, size: usize) -> Result<(), String> {
        self.order(seller, 0, Side::Sell, SIZES[size], OPENED_AT)?;
        self.order(buyer, 0, Side::Buy, SIZES[size], OPENED_AT)?;
        if hedged {
            self.order(buyer, 1, Side::Sell, 20 * SIZES[size], ETHER_AT)?;
            self.order(seller, 1, Side::Buy, 20 * SIZES[size], ETHER_AT)?;
        }
        Ok(())
    }

    fn order(
        &mut self,
        account: u32,
        id: u32,
        side: Side,
        thousandths: i64,
        price: i64,
    ) -> Result<(), String> {
        let instrument: Instrument = INSTRUMENTS[id as usize].parse().map_err(text)?;
        let lots = SCALE / 1_000 * thousandths / instrument.lot_size();
        let price = Price::from_units(price * SCALE);
        let order_type = OrderType::Limit { price };
        let order = OrderTerms {
            instrument: InstrumentId(id),
            side,
            lots,
            order_type,
            ..self.plain.clone()
        };
        let (account, request) = (AccountId::new(account), None);
        self.apply(Action::PlaceOrder(PlaceOrder { account, request, order }))
    }

    pub fn open_epoch(&mut self) -> Result<(), String> {
        self.act(r#"{"open_epoch":{}}"#)
    }

    /// Bitcoin moves by so many basis points, and stays within 25.
    pub fn mark(&mut self, by: i64) -> Result<(), String> {
        let away = (self.away + by).clamp(-25, 25);
        self.move_to(away)
    }

    /// Bitcoin moves to so many basis points from where it was.
    pub fn move_to(&mut self, away: i64) -> Result<(), String> {
        self.away = away;
        self.report("BTC", MARKED_AT * SCALE / 10_000 * (10_000 + self.away))
    }

    fn report(&mut self, asset: &str, price: i64) -> Result<(), String> {
        self.time += 100;
        let observed = Timestamp::from_milliseconds(self.time);
        let (asset, price) = (asset.parse().map_err(text)?, Price::from_units(price));
        self.apply(Action::ReportPrice(PriceReport { asset, source: 1, price, observed }))
    }

    fn act(&mut self, action: &str) -> Result<(), String> {
        let action = serde_json::from_str(action).map_err(text)?;
        self.apply(action)
    }

    fn apply(&mut self, action: Action) -> Result<(), String> {
        self.events.clear();
        let time = Timestamp::from_milliseconds(self.time);
        let command = Command { sequence: self.state.sequence() + 1, time, action };
        apply(&mut self.state, &command, &mut self.events);
        let cases = self.events.iter().filter(|event| matches!(event, Event::Case(_)));
        self.cases += cases.count() as u32;
        let refused = self.events.iter().find(|event| matches!(event, Event::Rejected(_)));
        refused.map_or(Ok(()), |event| Err(format!("{event:?}")))
    }
}

impl Need {
    /// What to pay in for a distance from the line in thousandths of a per cent of the notional.
    fn deposit(&self, distance: i64) -> Amount {
        let thousandths = i128::from(SIZES[self.holding.size]);
        let worth = |price: i64| thousandths * i128::from(price) * i128::from(SCALE) / 1_000;
        let moved = worth(OPENED_AT) - worth(MARKED_AT);
        let gained = if self.holding.side == Side::Buy { -moved } else { moved };
        let equity = self.maintenance + worth(MARKED_AT) * i128::from(distance) / 100_000;
        let paid = (equity - gained).max(self.initial + self.initial / 100);
        // The haircut, and a little more: it grows with what the venue has.
        Amount::from_units(
            paid + paid * self.haircut / (1_000_000_000 - self.haircut) + paid / 90_000,
        )
    }
}

/// What every holding needs, of a venue where each account has more than enough.
fn needs(model: MarginModel) -> Result<Vec<Need>, String> {
    let mut venue = Venue::opened(2 * 2 * SIZES.len() as u32, model)?;
    let mut holdings = Vec::new();
    for size in 0..SIZES.len() {
        for hedged in [false, true] {
            let first = holdings.len() as u32;
            for (account, side) in [(first, Side::Buy), (first + 1, Side::Sell)] {
                let plenty = Amount::from_units(1_000_000 * i128::from(SCALE));
                venue.account(account, plenty)?;
                holdings.push(Holding { side, hedged, size });
            }
            venue.trade(first + 1, first, hedged, size)?;
        }
    }
    let margins = |state: &State| -> Result<Vec<risk::Margin>, String> {
        (0..holdings.len() as u32).map(|n| state.margin(AccountId::new(n)).map_err(text)).collect()
    };
    let opened = margins(&venue.state)?;
    venue.report("BTC", MARKED_AT * SCALE)?;
    venue.open_epoch()?;
    let marked = margins(&venue.state)?;
    let need = |((holding, opened), marked): ((&Holding, &risk::Margin), &risk::Margin)| Need {
        holding: *holding,
        initial: opened.initial.units(),
        maintenance: marked.maintenance.units(),
        haircut: marked.equity.collateral.first().map_or(0, |line| line.haircut_ppb.into()),
    };
    Ok(holdings.iter().zip(&opened).zip(&marked).map(need).collect())
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
