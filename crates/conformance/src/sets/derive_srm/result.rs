//! A case's figures, computed.

use risk::methodology::PositionRules;
use risk::position::Need;

use super::scenario::{Expiry, Scenario, Underlying};

/// What the options of one underlying need, each figure over all expiries.
#[derive(Default)]
struct Options {
    /// Each option by itself.
    alone: Need,
    /// The cap of the last expiry at its plain forward: cases print no other.
    cap: Need,
    /// What counts: of each expiry the smaller of the two.
    counted: Need,
    /// Units sold short.
    short: f64,
    value: f64,
    /// Initial margin for prices that are little trusted.
    oracle: f64,
}

impl Scenario {
    /// Every figure by its name in the file; what is needed is negative there.
    pub fn result(&self, rules: &PositionRules) -> Vec<(String, f64)> {
        let peg = rules.peg.as_ref().map_or(0.0, |peg| peg.share(self.stable));
        let options = self.underlyings.each_ref().map(|underlying| underlying.options(rules));
        let pairs = || self.underlyings.iter().zip(&options);
        let each = |figure: &dyn Fn(&Underlying) -> f64| -> f64 {
            self.underlyings.iter().map(figure).sum()
        };
        let need = options.iter().map(|options| options.counted).fold(Need::default(), Need::plus);
        let perpetuals = self.underlyings.iter().map(|underlying| underlying.perpetuals(rules));
        let perpetuals = perpetuals.fold(Need::default(), Need::plus);
        let coins = each(&|one| one.coin_share(rules) * one.coin * one.spot);
        let oracle: f64 = pairs().map(|(one, options)| one.oracle(rules) + options.oracle).sum();
        let exposed = |(one, options): (&Underlying, &Options)| {
            (options.short + one.perpetual.abs()) * one.spot
        };
        let depeg = peg * pairs().map(exposed).sum::<f64>();
        let unrealised = each(&|one| one.unrealised);
        let funding = each(&|one| one.funding);
        let settled = coins + unrealised + funding + self.cash;
        let maintenance = settled - need.maintenance - perpetuals.maintenance;
        let initial = settled - need.initial - perpetuals.initial - oracle - depeg;
        // A coin's worth is counted in the stablecoin, everything else is settled in it.
        let value = options.iter().map(|options| options.value).sum::<f64>()
            + each(&|one| one.coin_value(self.stable))
            + unrealised
            + funding
            + self.cash;
        let mut figures = vec![
            ("PortfolioMtM", value),
            ("UnrealizedPNL", unrealised),
            ("UnsettledFunding", funding),
            ("PerpMargin", -perpetuals.maintenance),
            ("OracleConts", -oracle),
            ("DepegIMs", -depeg),
            ("BaseMargin", coins),
            ("Cash", self.cash),
            ("HandMM", maintenance),
            ("HandIM", initial),
            ("realMM", maintenance),
            ("realIM", initial),
        ]
        .into_iter()
        .map(|(name, figure)| (name.to_owned(), figure))
        .collect::<Vec<_>>();
        for (one, options) in pairs() {
            for (part, need) in
                [("", options.counted), ("Isolated", options.alone), ("Bounded", options.cap)]
            {
                figures.push((format!("{}Option{part}IM", one.name), -need.initial));
                figures.push((format!("{}Option{part}MM", one.name), -need.maintenance));
            }
        }
        figures
    }
}

impl Underlying {
    fn options(&self, rules: &PositionRules) -> Options {
        let mut options = Options::default();
        for expiry in &self.expiries {
            let alone = expiry.alone(rules, self.spot);
            let counted = match expiry.cap(rules, expiry.settling) {
                Some(cap) => alone.min(cap),
                None => alone,
            };
            let short = expiry.short();
            let confidence = self.spot_confidence.min(expiry.confidence);
            options.alone = options.alone.plus(alone);
            options.cap = expiry.cap(rules, expiry.forward).unwrap_or_default();
            options.counted = options.counted.plus(counted);
            options.short += short;
            options.value += expiry.options.iter().map(|(leg, mark)| leg.size * mark).sum::<f64>();
            options.oracle += oracle_share(rules, confidence) * short * self.spot;
        }
        options
    }

    fn perpetuals(&self, rules: &PositionRules) -> Need {
        let rules = rules.futures.get(self.name);
        let need = |rules: &risk::methodology::FutureRules| {
            rules.need(self.perpetual.abs(), self.perpetual_mark)
        };
        rules.map(need).unwrap_or_default()
    }

    fn coin_share(&self, rules: &PositionRules) -> f64 {
        rules.collateral.get(self.name).copied().unwrap_or_default()
    }

    /// Worth of the coin in the stablecoin of the given price.
    fn coin_value(&self, stable: f64) -> f64 {
        if self.coin == 0.0 { 0.0 } else { self.coin * self.spot / stable }
    }

    /// The charge on perpetual and coin for prices that are little trusted.
    fn oracle(&self, rules: &PositionRules) -> f64 {
        let perpetual = self.spot_confidence.min(self.perpetual_confidence);
        let perpetual = oracle_share(rules, perpetual) * self.perpetual.abs();
        (perpetual + oracle_share(rules, self.spot_confidence) * self.coin) * self.spot
    }
}

impl Expiry {
    fn alone(&self, rules: &PositionRules, spot: f64) -> Need {
        let need = |(leg, mark): &(risk::position::OptionLeg, f64)| {
            if leg.size < 0.0 {
                rules.options.short(leg.kind, leg.strike, spot, *mark).times(-leg.size)
            } else {
                rules.options.long(spot, *mark).times(leg.size)
            }
        };
        self.options.iter().map(need).fold(Need::default(), Need::plus)
    }

    fn cap(&self, rules: &PositionRules, forward: f64) -> Option<Need> {
        let legs: Vec<_> = self.options.iter().map(|(leg, _)| *leg).collect();
        rules.expiry_cap.map(|cap| cap.need(forward, &legs))
    }

    fn short(&self) -> f64 {
        self.options.iter().map(|(leg, _)| (-leg.size).max(0.0)).sum()
    }
}

fn oracle_share(rules: &PositionRules, confidence: f64) -> f64 {
    rules.oracle.map_or(0.0, |oracle| oracle.share(confidence))
}
