//! The small venue on which every script plays: how it is opened.

use engine::command::{
    Action, AddAsset, ClosesDay, HistoryCloses, ListInstrument, OpenAccount, OpenEpoch,
    PriceReport, SetMethodology, SetSources, SourceWeight, Surface, SurfaceExpiry, TransferRef,
    TransferRequest,
};
use engine::prices::{BreakerRules, FundingRules, IndexRules, InterestRules, MarkRules};
use engine::rules::{FeeRules, InstrumentTerms, VenueRules};
use instruments::{Amount, Asset, Instrument, Price, SCALE, Timestamp, Underlying};
use ledger::{AccountId, TransferId};
use risk::{FixedCurve, MarginModel};

use super::random::Random;

/// 2026-02-05 08:00 UTC, when the nearest contracts expire.
pub const FIRST_EXPIRY: i64 = 1_770_278_400_000;

pub const INSTRUMENTS: [&str; 10] = [
    "BTC-PERPETUAL",
    "BTC_USDC-PERPETUAL",
    "BTC-5FEB26",
    "BTC-5FEB26-60000-C",
    "BTC_USDC-5FEB26-60000-P",
    "ETH-PERPETUAL",
    "ETH_USDC-6FEB26",
    "ETH-6FEB26-3000-P",
    "BTC_USDC-27MAR26-70000-C",
    "BTC-5FEB26-61000-P",
];

pub fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

/// A price of whole units of the quoting asset.
pub fn whole(price: i64) -> Price {
    Price::from_units(price * SCALE)
}

pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

/// How often steps of the opening are left out or spoilt, in 1000.
const SPOILT: u64 = 4;

/// The commands that open the venue, without numbers and times: (milliseconds since the last one,
/// what).
pub fn opening(random: &mut Random, start: i64, count: [u16; 3]) -> Vec<(i64, Action)> {
    let mut all = vec![Action::SetVenueRules(venue_rules(random))];
    all.extend(assets(random, count));
    for model in accounts(random) {
        all.push(Action::OpenAccount(model));
    }
    for text in [core_text(random), standard_text(random)] {
        let notice_ends = at(start + random.pick(&[600_000, 3_600_000]));
        all.push(Action::SetMethodology(SetMethodology { text, notice_ends }));
    }
    if random.percent(30) {
        all.push(Action::SetHistory(history(random, start)));
    }
    all.extend(first_prices(random, start, count));
    for name in INSTRUMENTS {
        if random.percent(85) {
            all.push(Action::ListInstrument(listing(random, name)));
        }
    }
    let (market, arrays_hash, holdings) = (None, None, Vec::new());
    all.push(Action::OpenEpoch(Box::new(OpenEpoch { market, arrays_hash, holdings })));
    all.extend(deposits(random));
    all.retain(|_| !random.per_mille(SPOILT));
    all.into_iter().map(|action| (0, action)).collect()
}

pub fn venue_rules(random: &mut Random) -> VenueRules {
    let mut rules = VenueRules { reviews_per_price: 3, ..VenueRules::default() };
    rules.epoch_age_max_ms = random.pick(&[600_000, 3_600_000, 86_400_000]);
    rules.epoch_move_max_ppm = random.pick(&[50_000, 300_000]);
    rules.profit_maturity_ms = random.pick(&[1, 1_000, 60_000]);
    rules.requests_max = random.pick(&[1, 2, 64]);
    rules.orders_per_account_max = random.pick(&[4, 30, 1_000]);
    rules.instruments_per_account_max = random.pick(&[3, 500]);
    rules.activations_max = random.pick(&[1, 2, 100]);
    rules.quotes_max = random.pick(&[1, 5]);
    rules.withdrawal_confidence_ppm = random.pick(&[0, 500_000, 990_000]);
    rules
}

fn assets(random: &mut Random, count: [u16; 3]) -> Vec<Action> {
    let mut all = Vec::new();
    for name in ["USD", "USDC", "BTC", "ETH"] {
        let interest = InterestRules {
            base_ppb: random.pick(&[0, 10_000_000_000]),
            ..InterestRules::default()
        };
        let move_ppm = random.pick(&[0, 20_000, 100_000, 300_000]);
        let halt_ms = random.pick(&[0, 2_000, 300_000]);
        let breaker = BreakerRules { move_ppm, halt_ms, ..BreakerRules::default() };
        all.push(Action::AddAsset(AddAsset { asset: asset(name), interest, breaker }));
    }
    for (name, count) in ["USDC", "BTC", "ETH"].into_iter().zip(count) {
        all.push(Action::SetSources(sources(random, name, count)));
    }
    all
}

pub fn sources(random: &mut Random, name: &str, count: u16) -> SetSources {
    let age_max_ms = random.weighted(&[(1, 30_000), (3, 3_600_000), (3, 86_400_000)]);
    let rules = IndexRules {
        age_max_ms,
        fresh_ms: age_max_ms / 2,
        sources_min: random.pick(&[1, 1, 1, 2]),
        band_ppm: random.pick(&[20_000, 500_000]),
    };
    let weight = |random: &mut Random| u32::try_from(random.within(1, 3)).unwrap();
    let sources =
        (1..=count).map(|source| SourceWeight { source, weight: weight(random) }).collect();
    SetSources { asset: asset(name), rules, sources }
}

fn accounts(random: &mut Random) -> Vec<OpenAccount> {
    let model = |random: &mut Random| {
        random.weighted(&[
            (4, MarginModel::Portfolio),
            (3, MarginModel::Cross),
            (2, MarginModel::Isolated),
        ])
    };
    let mut all: Vec<OpenAccount> =
        (0..4).map(|_| OpenAccount { owner: None, margin_model: model(random) }).collect();
    for owner in [0, 0] {
        let owner = Some(AccountId::new(owner));
        all.push(OpenAccount { owner, margin_model: model(random) });
    }
    all
}

/// Portfolio margin with few scenarios: the same code paths in a fraction of the time.
pub fn core_text(random: &mut Random) -> String {
    let text = risk::Methodology::built_in_text("core").unwrap();
    let multiple = random.pick(&["5.0", "4.0", "7.0"]);
    let tails = text.find("    { move = -0.33").unwrap()..text.find("    { move = 5.00").unwrap();
    let mut text = text.to_owned();
    text.replace_range(tails, "");
    text.replace("points = 9", "points = 3")
        .replace("multiple = 5.0\ndecay", &format!("multiple = {multiple}\ndecay"))
        .replace("universe = [\"BTC\", \"ETH\", \"XRP\", \"BNB\"]", "universe = [\"BTC\", \"ETH\"]")
        .replace("seed_days = 30", "seed_days = 3")
        .replace("days = 1_000\ndays_min = 250", "days = 12\ndays_min = 6")
        .replace("days = 250\nscale_up", "days = 4\nscale_up")
}

pub fn standard_text(random: &mut Random) -> String {
    let text = risk::Methodology::built_in_text("standard").unwrap();
    let rate = random.pick(&["0.02", "0.03", "0.01"]);
    text.replace("initial = { rate = 0.02", &format!("initial = {{ rate = {rate}"))
}

pub fn history(random: &mut Random, start: i64) -> HistoryCloses {
    let assets = vec![asset("BTC"), asset("ETH")];
    let today = start - start.rem_euclid(Timestamp::DAY);
    let count = random.pick(&[14, 20]);
    let mut closes = [60_000_000, 3_000_000];
    let days = (1..=count).map(|day| {
        for close in &mut closes {
            *close += *close * random.within(-50, 50) / 1_000;
        }
        let closes = closes.map(|close| Some(Price::from_units(close * (SCALE / 1_000)))).to_vec();
        ClosesDay { date: at(today - (count + 1 - day) * Timestamp::DAY), closes }
    });
    HistoryCloses { assets, days: days.collect() }
}

/// First prices of all assets, from all sources that an index may have, and the surfaces.
fn first_prices(random: &mut Random, start: i64, count: [u16; 3]) -> Vec<Action> {
    let mut all = Vec::new();
    let prices = [("USDC", whole(1)), ("BTC", whole(60_000)), ("ETH", whole(3_000))];
    for ((name, price), count) in prices.into_iter().zip(count) {
        for source in 1..=count {
            let (asset, observed) = (asset(name), at(start));
            all.push(Action::ReportPrice(PriceReport { asset, source, price, observed }));
        }
    }
    all.push(Action::SetSurface(surface(random, "BTC", 60_000)));
    all.push(Action::SetSurface(surface(random, "ETH", 3_000)));
    all
}

pub fn surface(random: &mut Random, name: &str, price: i64) -> Surface {
    let price = price.min(1_000_000_000);
    let expiries = match name {
        "BTC" => vec![FIRST_EXPIRY, FIRST_EXPIRY + 50 * Timestamp::DAY],
        _ => vec![FIRST_EXPIRY + Timestamp::DAY],
    };
    let expiries = expiries.into_iter().map(|expiry| SurfaceExpiry {
        expiry: at(expiry),
        forward: whole(price + price * random.within(-5, 10) / 1_000),
        volatility: match random.below(3) {
            0 => FixedCurve::Flat { volatility_ppb: random.within(200_000_000, 900_000_000) },
            1 => FixedCurve::Quoted(vec![
                (whole(price * 9 / 10), 650_000_000),
                (whole(price), random.within(400_000_000, 700_000_000)),
                (whole(price * 11 / 10), 600_000_000),
            ]),
            _ => FixedCurve::Svi {
                a_ppb: 10_000_000,
                b_ppb: 40_000_000,
                rho_ppb: -300_000_000,
                m_ppb: -5_000_000,
                s_ppb: 100_000_000,
            },
        },
    });
    Surface { underlying: Underlying::of(asset(name)), expiries: expiries.collect() }
}

pub fn listing(random: &mut Random, name: &str) -> ListInstrument {
    let instrument: Instrument = name.parse().unwrap();
    let terms = terms(random, &instrument);
    ListInstrument { instrument, terms, call: random.percent(3) }
}

/// Ticks so coarse that orders meet.
pub fn terms(random: &mut Random, instrument: &Instrument) -> InstrumentTerms {
    let inverse = instrument.settlement_asset() == instrument.base();
    let tick = match (instrument.is_option(), inverse, instrument.base().name()) {
        (true, true, _) => Price::from_units(SCALE / 2_000),
        (true, false, _) => whole(25),
        (false, _, "BTC") => whole(50),
        (false, ..) => whole(5),
    };
    let fees = FeeRules {
        maker_ppm: random.pick(&[0, -100, 200]),
        taker_ppm: random.pick(&[300, 500]),
        ..FeeRules::default()
    };
    let perpetual = instrument.expiry().is_none();
    InstrumentTerms {
        tick,
        lots_max: random.pick(&[100_000, 1_000_000]),
        position_max: random.weighted(&[(9, 1_000_000), (1, 40)]),
        open_interest_max: random.weighted(&[(9, 10_000_000), (1, 60)]),
        band_ppm: random.pick(&[20_000, 100_000]),
        band_min: if instrument.is_option() { Price::from_units(tick.units() * 4) } else { tick },
        fees,
        mark: MarkRules { clamp_ppm: 20_000, gap_max_ms: 20_000, ..MarkRules::default() },
        funding: FundingRules {
            interest_ppb: random.pick(&[0, 100_000, -100_000]),
            ..FundingRules::default()
        },
        settlement_ms: if perpetual {
            random.pick(&[0, 0, 60_000, 3_600_000])
        } else {
            random.pick(&[0, 0, 600_000])
        },
        parts_max: random.pick(&[4, 100]),
    }
}

fn deposits(random: &mut Random) -> Vec<Action> {
    let mut all = Vec::new();
    let mut id = 0;
    for account in 0..6 {
        for (name, most) in [("USDC", 100_000), ("BTC", 2), ("ETH", 30), ("USD", 50_000)] {
            if random.percent(55) {
                id += 1;
                let amount = random.pick(&[most / 50 + 1, most / 10 + 1, most]);
                let amount = Amount::from_units(i128::from(amount) * i128::from(SCALE));
                let (id, account) = (TransferId::new(id), AccountId::new(account));
                let request = TransferRequest { id, account, asset: asset(name), amount };
                all.push(Action::AnnounceDeposit(request));
                all.push(Action::CreditDeposit(TransferRef { id, account }));
            }
        }
    }
    all
}
