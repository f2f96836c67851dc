//! Rates: credits that fill up with time and that requests use up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ledger::AccountId;

use crate::error::RpcError;
use crate::registry::Cost;
use crate::shapes::portfolio::{LimitsShape, MatchingLimits, RateShape, TradingLimits};

/// Buckets that are remembered at most; full ones are forgotten first.
const BUCKETS_MAX: usize = 100_000;
/// Credits of a request that no engine sees.
const REQUEST_CREDITS: u64 = 500;

/// How much may be asked.
#[derive(Clone, Copy, Debug)]
pub struct LimitRules {
    /// Credits of requests that no engine sees, at once.
    pub pool: u64,
    /// Credits a second that come back.
    pub refill: u64,
    /// Orders a second, of an account.
    pub matching_rate: u32,
    /// Orders at once.
    pub matching_burst: u32,
    /// Simulations a second, of an account.
    pub simulation_rate: u32,
    /// Simulations at once.
    pub simulation_burst: u32,
    /// WebSocket connections of an address.
    pub connections_per_address: usize,
    /// Subscriptions of a connection.
    pub subscriptions_max: usize,
    /// How long the head of a request over HTTP and then the rest of it may take, and how long a
    /// connection may go without one.
    pub patience: Duration,
}

impl Default for LimitRules {
    /// As the original publishes them.
    fn default() -> Self {
        Self {
            pool: 50_000,
            refill: 10_000,
            matching_rate: 5,
            matching_burst: 20,
            simulation_rate: 1,
            simulation_burst: 5,
            connections_per_address: 32,
            subscriptions_max: 500,
            patience: Duration::from_secs(30),
        }
    }
}

/// Who uses credits up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// An account, wherever it calls from.
    Account(AccountId),
    /// An address, for calls without account.
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pool {
    Requests,
    Matching,
    Instruments,
    Simulation,
}

/// Credits that are left, in thousandths, and when they were counted.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u64,
    at_ms: i64,
}

/// The rates of everybody.
#[derive(Debug)]
pub struct Limits {
    /// How much may be asked.
    pub rules: LimitRules,
    buckets: Mutex<BTreeMap<(Payer, Pool), Bucket>>,
}

impl Limits {
    /// With nothing used up.
    #[must_use]
    pub fn new(rules: LimitRules) -> Self {
        Self { rules, buckets: Mutex::default() }
    }

    /// Takes what a call costs.
    ///
    /// # Errors
    /// 10028, with the wait after which there is enough.
    pub fn take(&self, payer: Payer, cost: Cost, now_ms: i64) -> Result<(), RpcError> {
        let rules = &self.rules;
        let matching = (u64::from(rules.matching_burst), u64::from(rules.matching_rate));
        let simulation = (u64::from(rules.simulation_burst), u64::from(rules.simulation_rate));
        let (pool, price, (most, rate)) = match cost {
            Cost::Free => return Ok(()),
            Cost::Request => (Pool::Requests, REQUEST_CREDITS, (rules.pool, rules.refill)),
            Cost::Matching => (Pool::Matching, 1, matching),
            // One in ten seconds, five at once; a request beside it.
            Cost::Instruments => (Pool::Instruments, 10, (50, 1)),
            Cost::Simulation => (Pool::Simulation, 1, simulation),
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            // Whoever has not called for a minute has everything back.
            buckets.retain(|_, bucket| now_ms - bucket.at_ms < 60_000);
        }
        let full = Bucket { left: most * 1_000, at_ms: now_ms };
        let bucket = buckets.entry((payer, pool)).or_insert(full);
        let passed = u64::try_from(now_ms - bucket.at_ms).unwrap_or(0);
        bucket.left = (bucket.left + passed.saturating_mul(rate)).min(most * 1_000);
        bucket.at_ms = now_ms;
        let needed = price * 1_000;
        if bucket.left < needed {
            let wait = (needed - bucket.left).div_ceil(rate.max(1));
            return Err(RpcError::too_many("too many requests: wait, then try again", wait));
        }
        bucket.left -= needed;
        Ok(())
    }

    /// As clients are told.
    #[must_use]
    pub fn shape(&self) -> LimitsShape {
        let LimitRules { pool, refill, matching_rate: rate, matching_burst: burst, .. } =
            self.rules;
        let matching = RateShape { rate, burst };
        let credits = |credits: u64| u32::try_from(credits / REQUEST_CREDITS).unwrap_or(u32::MAX);
        LimitsShape {
            matching_engine: MatchingLimits {
                trading: TradingLimits { total: matching },
                cancel_all: matching,
                maximum_quotes: matching,
            },
            non_matching_engine: RateShape { rate: credits(refill), burst: credits(pool) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_come_back_with_time() {
        let limits = Limits::new(LimitRules::default());
        let payer = Payer::Account(AccountId::new(1));
        let order = |now| limits.take(payer, Cost::Matching, now);
        assert!((0..20).all(|_| order(1_000).is_ok()), "the burst goes through");
        let refused = order(1_000).expect_err("it is used up");
        assert_eq!((refused.code, refused.data.wait), (10028, Some(200)));
        assert!(order(1_199).is_err() && order(1_200).is_ok());
        let other = Payer::Account(AccountId::new(2));
        assert!(limits.take(other, Cost::Matching, 1_000).is_ok(), "each has its own");
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing() {
        let limits = Limits::new(LimitRules::default());
        let payer = Payer::Address(IpAddr::from([127, 0, 0, 1]));
        for _ in 0..100 {
            limits.take(payer, Cost::Request, 10_000).expect("the pool has a hundred");
        }
        assert!(limits.take(payer, Cost::Request, 5_000).is_err());
    }
}
