//! Signatures that were used, so that none is used twice.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::denied::Denied;
use super::header::WINDOW_MS;

/// How many signatures of a key are kept at most: 6 MB, and more than limits on calls let through.
const SIGNATURES_MAX: usize = 60_000;

/// How old a signature is when it is forgotten: not at the end of the window, since the host's
/// clock may be set back.
const KEPT_MS: i64 = 2 * WINDOW_MS;

/// How long after its first use a look may come again.
const AGAIN_MS: i64 = 1_000;

/// How a signature is used.
#[derive(Clone, Copy)]
pub(super) struct Use {
    /// From where.
    pub address: Option<IpAddr>,
    /// Whether what was signed changes nothing.
    pub reads: bool,
}

/// The signatures of one key that may still be within the window, with their first use.
///
/// A signature covers its time, its nonce and all that was signed, so it stands for them: two
/// requests in the same millisecond may have the same nonce, as those of some clients do, and the
/// same request twice is a replay. One exception does no harm: the nonce of some clients is the
/// time, and two tasks of theirs may look at the same thing within one millisecond. So what only
/// looks is answered again, for a second and at the address that was answered before.
#[derive(Default)]
pub(super) struct Used(BTreeMap<(i64, [u8; 32]), (i64, Option<IpAddr>)>);

impl Used {
    /// Admits a signature that was found right: within the window, and for the first time.
    ///
    /// Those from before the start can't be told from replays, so they are refused too.
    pub fn admit(
        &mut self,
        (time_ms, code): (i64, [u8; 32]),
        how: Use,
        now_ms: i64,
        started_ms: i64,
    ) -> Result<(), Denied> {
        let behind = now_ms.saturating_sub(time_ms);
        if behind.saturating_abs() > WINDOW_MS {
            let reason = format!(
                "the timestamp is {} ms {} the venue's clock; at most {WINDOW_MS} are allowed",
                behind.saturating_abs(),
                if behind > 0 { "behind" } else { "ahead of" },
            );
            return Err(Denied::Unauthorized(reason.into()));
        }
        if time_ms < started_ms {
            let reason = "signed before the venue started; sign again with the time of now";
            return Err(Denied::Unavailable(reason.into()));
        }
        let oldest_ms = now_ms.saturating_sub(KEPT_MS);
        while self.0.first_key_value().is_some_and(|((time, _), _)| *time < oldest_ms) {
            self.0.pop_first();
        }
        if let Some((first_ms, address)) = self.0.get(&(time_ms, code)) {
            let is_soon = (0..=AGAIN_MS).contains(&now_ms.saturating_sub(*first_ms));
            if how.reads && is_soon && how.address == *address {
                return Ok(());
            }
            let reason = "this signature was used before; sign each request with a new nonce";
            return Err(Denied::Unauthorized(reason.into()));
        }
        if self.0.len() >= SIGNATURES_MAX {
            let reason = "too many signed requests within a minute; log in once and use the token";
            return Err(Denied::Unavailable(reason.into()));
        }
        self.0.insert((time_ms, code), (now_ms, how.address));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn code(used: &mut Used, number: u64, time: i64, now: i64) -> i32 {
        let mut code = [0; 32];
        code[..8].copy_from_slice(&number.to_le_bytes());
        let how = Use { address: None, reads: false };
        used.admit((time, code), how, now, NOW - 100_000)
            .map_or_else(|denied| denied.code(), |()| 0)
    }

    #[test]
    fn a_signature_is_good_once_and_within_a_minute() {
        let mut used = Used::default();
        assert_eq!(code(&mut used, 1, NOW, NOW), 0);
        assert_eq!(code(&mut used, 1, NOW, NOW), 13_009);
        assert_eq!(code(&mut used, 1, NOW, NOW + 60_000), 13_009);
        assert_eq!(code(&mut used, 1, NOW, NOW + 60_001), 13_009);
        assert_eq!(code(&mut used, 2, NOW + 60_001, NOW), 13_009);
        assert_eq!(code(&mut used, 2, NOW + 60_000, NOW), 0);
        assert_eq!(code(&mut used, 2, NOW + 60_000, NOW + 120_000), 13_009);
        assert_eq!(code(&mut used, 3, NOW + 180_000, NOW + 120_001), 0);
        assert_eq!(used.0.len(), 2, "the first is forgotten");
        for time in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(code(&mut used, 4, time, NOW), 13_009);
        }
    }

    #[test]
    fn what_was_signed_before_the_start_has_to_be_signed_again() {
        assert_eq!(code(&mut Used::default(), 1, NOW - 100_001, NOW - 99_999), 13_028);
    }

    #[test]
    fn a_key_that_signs_too_much_waits_until_the_oldest_expire() {
        let mut used = Used::default();
        for number in 0..SIGNATURES_MAX as u64 {
            assert_eq!(code(&mut used, number, NOW, NOW), 0);
        }
        assert_eq!(code(&mut used, u64::MAX, NOW + 1, NOW + 1), 13_028);
        assert_eq!(code(&mut used, 0, NOW, NOW + 1), 13_009);
        assert_eq!(code(&mut used, u64::MAX, NOW + 120_001, NOW + 120_001), 0);
    }

    #[test]
    fn a_look_may_come_again_at_once_from_where_it_came() {
        let mut used = Used::default();
        let home = Some(IpAddr::from([10, 0, 0, 1]));
        let mut admit = |address, reads, now| {
            used.admit((NOW, [7; 32]), Use { address, reads }, now, NOW - 1).is_ok()
        };
        assert!(admit(home, true, NOW) && admit(home, true, NOW) && admit(home, true, NOW + 1_000));
        assert!(!admit(home, true, NOW + 1_001), "later it is a replay");
        assert!(!admit(home, true, NOW - 1), "the clock was set back");
        assert!(!admit(Some(IpAddr::from([10, 0, 0, 2])), true, NOW), "somebody else");
        assert!(!admit(home, false, NOW), "what changes something is done once");
    }
}
