//! Connections that only listen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::market::Market;
use crate::failure::Failure;
use crate::wire::{Socket, Target, next_text};

/// Connections that are opened at the same time.
const AT_ONCE: usize = 16;
/// How often they look what came: what they do is to be little beside what is measured.
const LOOK: Duration = Duration::from_millis(250);
/// What stands for an instrument in a channel's name.
const PLACE: &str = "{instrument}";

/// What all of them heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// Notifications.
    pub notifications: AtomicU64,
    /// Books of which a change was missed: `prev_change_id` was not the last `change_id`.
    pub gaps: AtomicU64,
    /// Connections that the venue closed.
    pub lost: AtomicU64,
    /// Whether they are no longer wanted.
    over: AtomicBool,
}

impl Heard {
    /// From now on, connections that end are not lost.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Opens so many connections, each of which listens to the channels of one instrument.
pub async fn listen(
    target: &Target,
    market: &Market,
    channels: &[String],
    count: u32,
) -> Result<Arc<Heard>, Failure> {
    let heard = Arc::new(Heard::default());
    let mut opening = FuturesUnordered::new();
    let mut opened = 0;
    let mut numbers = 0..count as usize;
    while opened < count {
        while opening.len() < AT_ONCE
            && let Some(number) = numbers.next()
        {
            let name = &market[number % market.len()].name;
            let channels = channels.iter().map(|channel| channel.replace(PLACE, name)).collect();
            opening.push(open(target, channels));
        }
        let Some(socket) = opening.next().await else { break };
        tokio::spawn(hear(socket?, Arc::clone(&heard)));
        opened += 1;
    }
    Ok(heard)
}

async fn open(target: &Target, channels: Vec<String>) -> Result<Socket, Failure> {
    let mut wire = target.connect().await?;
    let wanted = channels.len();
    let heard = wire.call("public/subscribe", json!({"channels": channels})).await?;
    if heard.as_array().map(Vec::len) != Some(wanted) {
        return Err(Failure::Usage(format!("--channels: the venue knows no others than {heard}")));
    }
    Ok(wire.into_socket())
}

async fn hear(mut socket: Socket, heard: Arc<Heard>) {
    let mut last = BTreeMap::new();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_there = true;
    while is_there {
        looks.tick().await;
        while let Some(text) = next_text(&mut socket).now_or_never() {
            let Some(text) = text else {
                is_there = false;
                break;
            };
            let Some(gap) = gap(&text, &mut last) else { continue };
            heard.notifications.fetch_add(1, Ordering::Relaxed);
            heard.gaps.fetch_add(u64::from(gap), Ordering::Relaxed);
        }
    }
    if !heard.over.load(Ordering::Relaxed) {
        heard.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether something is missing before a notification; none if it is no notification. The text is looked
/// through and not parsed: subscribers share the cores with the venue that is measured.
fn gap(text: &str, last: &mut BTreeMap<String, u64>) -> Option<bool> {
    let (channel, _) = after(text, r#""channel":""#)?.split_once('"')?;
    // Only books have such numbers.
    let Some(change) = number(text, r#""change_id":"#) else { return Some(false) };
    let before = match last.get_mut(channel) {
        Some(before) => Some(std::mem::replace(before, change)),
        None => last.insert(channel.to_owned(), change),
    };
    let previous = number(text, r#""prev_change_id":"#);
    // What a channel begins with may have come before the subscription was answered.
    Some(before.zip(previous).is_some_and(|(before, previous)| before != previous))
}

fn number(text: &str, name: &str) -> Option<u64> {
    let digits = after(text, name)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

fn after<'t>(text: &'t str, part: &str) -> Option<&'t str> {
    text.split_once(part).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_change_is_seen() {
        let mut last = BTreeMap::new();
        let mut hear = |change: u64, previous: Option<u64>| {
            let data = json!({"change_id": change, "prev_change_id": previous, "bids": [[1, 2]]});
            let params = json!({"channel": "book.A.100ms", "data": data});
            gap(&json!({"method": "subscription", "params": params}).to_string(), &mut last)
        };
        assert_eq!(hear(4, Some(3)), Some(false));
        assert_eq!(hear(5, None), Some(false));
        assert_eq!(hear(9, Some(5)), Some(false));
        assert_eq!(hear(12, Some(11)), Some(true));
        assert_eq!(hear(13, Some(12)), Some(false));
        let list = json!({"params": {"channel": "trades.A.100ms", "data": [{}]}}).to_string();
        assert_eq!(gap(&list, &mut last), Some(false));
        assert_eq!(gap(r#"{"id": 1, "result": []}"#, &mut last), None);
    }
}
