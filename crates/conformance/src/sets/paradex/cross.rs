//! Cross margin: each market by itself, by its own rates.

use std::collections::BTreeMap;

use risk::Methodology;
use risk::methodology::FeeRules;
use risk::position::Need;

use super::account::{Account, Contract, Holding, Market};
use super::{Figure, Measure};
use crate::VectorError;
use crate::json::Node;

/// What is held and ordered in one market, in signed units of the underlying.
#[derive(Default)]
struct Open {
    held: f64,
    bids: f64,
    asks: f64,
    /// What filling the orders would lose against mark at once.
    loss: f64,
}

/// Every figure of the package's cross margin.
pub(super) fn figures(account: &Account, node: &Node<'_>) -> Result<Vec<Figure>, VectorError> {
    let methodology = Methodology::built_in("paradex-xm").expect("it ships");
    let rules = methodology.position_rules().expect("it is of that kind");
    let Some(fees) = rules.fees else { return Err(node.error("the methodology has no [fees]")) };
    let (mut need, mut provision, mut loss) = (Need::default(), Need::default(), 0.0);
    for (name, open) in open(account) {
        let market = &account.markets[name];
        need = need.plus(open.need(market));
        provision = provision.plus(open.provision(market, fees));
        loss += open.loss;
    }
    let delta = account.all().map(|(holding, market)| holding.size * market.delta).sum();
    let notional = |name, value| Figure { name, value, measure: Measure::Notional };
    let initial = account.coins + need.initial + provision.initial + loss;
    let maintenance = account.coins + need.maintenance + provision.maintenance;
    Ok(vec![
        notional("IMR", initial),
        notional("MMR", maintenance),
        notional("net_imr", need.initial),
        notional("net_mmr", need.maintenance),
        notional("fee_provision_imr", provision.initial),
        notional("fee_provision_mmr", provision.maintenance),
        notional("open_loss", loss),
        notional("spot_balance_margin", account.coins),
        Figure { name: "portfolio_delta", value: delta, measure: Measure::Delta },
    ])
}

fn open(account: &Account) -> BTreeMap<&str, Open> {
    let mut markets: BTreeMap<&str, Open> = BTreeMap::new();
    for Holding { market, size, limit } in account.positions.iter().chain(&account.orders) {
        let open = markets.entry(market).or_default();
        match limit {
            None => open.held += size,
            Some(limit) => {
                *(if *size > 0.0 { &mut open.bids } else { &mut open.asks }) += size;
                open.loss += ((limit - account.markets[market].mark) * size).max(0.0);
            }
        }
    }
    markets
}

impl Open {
    /// The larger need with all bids filled and with all asks filled, and the need as it stands.
    fn need(&self, market: &Market) -> Need {
        let long = need(market, (self.held + self.bids).max(0.0));
        let short = need(market, (self.held + self.asks).min(0.0));
        Need {
            initial: long.initial.max(short.initial),
            maintenance: need(market, self.held).maintenance,
        }
    }

    /// Fees of closing the most that may be open, and what is open.
    fn provision(&self, market: &Market, fees: FeeRules) -> Need {
        let rate = market.fee_rate;
        let fees = FeeRules { future: rate, option: rate, ..fees };
        let per_unit = match market.contract {
            Some(Contract::Option { .. }) => fees.of_option(market.index, market.mark),
            _ => fees.of_future(market.mark),
        };
        let most = (self.held + self.bids).max(-(self.held + self.asks)).max(0.0);
        Need { initial: per_unit * most, maintenance: per_unit * self.held.abs() }
    }
}

/// What signed units need by the rates of their market.
fn need(market: &Market, size: f64) -> Need {
    match &market.contract {
        Some(Contract::Future(rules)) => rules.need(size.abs(), market.mark),
        Some(Contract::Option { kind, strike, rules, .. }) => {
            let per_unit = if size < 0.0 {
                rules.short(*kind, *strike, market.index, market.mark)
            } else {
                rules.long(market.index, market.mark)
            };
            per_unit.times(size.abs())
        }
        None => Need::default(),
    }
}
