//! When contracts expire, and what strikes they have.

use instruments::Timestamp;

/// Contracts expire at 08:00 UTC.
const EXPIRY_MS: i64 = 8 * Timestamp::HOUR;
/// 2 January 1970 was a Friday.
const FRIDAY: i64 = 1;

/// The expiries that are listed: the next two days', the next two Fridays', and the fourth and
/// eighth Friday from here, each at least `notice_ms` away.
pub(crate) fn expiries(now: Timestamp, notice_ms: i64) -> Vec<Timestamp> {
    let first = now.milliseconds() + notice_ms;
    let mut day = (first - EXPIRY_MS).div_euclid(Timestamp::DAY) + 1;
    let mut found: Vec<i64> = vec![day, day + 1];
    while day.rem_euclid(7) != FRIDAY {
        day += 1;
    }
    found.extend([0, 1, 4, 8].map(|weeks| day + 7 * weeks));
    found.sort_unstable();
    found.dedup();
    let at = |day: i64| Timestamp::from_milliseconds(day * Timestamp::DAY + EXPIRY_MS);
    found.into_iter().map(at).collect()
}

/// Strikes around a forward: `count` on each side of the nearest, in round steps that widen with
/// time.
pub(crate) fn strikes(forward: f64, days: f64, count: i64) -> Vec<f64> {
    // About a third of a standard deviation at 60 % a year, at least one percent.
    let wanted = forward * (0.2 * (days / 365.0).sqrt()).max(0.01);
    let step = round_step(wanted);
    let middle = (forward / step).round();
    (-count..=count).map(|k| (middle + k as f64) * step).filter(|strike| *strike > 0.0).collect()
}

/// The largest of 1, 2, 5, 10, … not above a size, at least 1.
fn round_step(wanted: f64) -> f64 {
    let mut step = 1.0;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(30) {
        if step * factor > wanted {
            break;
        }
        step *= factor;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_days_and_fridays_at_eight() {
        let now: Timestamp = "2026-02-05T16:00:00Z".parse().unwrap();
        let found: Vec<String> =
            expiries(now, Timestamp::HOUR).iter().map(ToString::to_string).collect();
        let expected = ["02-06", "02-07", "02-13", "03-06", "04-03"];
        assert_eq!(found, expected.map(|day| format!("2026-{day}T08:00:00Z")));
    }

    #[test]
    fn strikes_are_round() {
        assert_eq!(strikes(78_321.0, 30.0, 1), [76_000.0, 78_000.0, 80_000.0]);
        assert_eq!(strikes(2_611.0, 1.0, 1), [2_600.0, 2_620.0, 2_640.0]);
    }
}
