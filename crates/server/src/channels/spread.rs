//! Messages to many, one after another: all writers at once would hold up who trades.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Due;

/// How many are told at once at least.
const AT_ONCE: usize = 32;
/// In how many parts more are told.
const PARTS: usize = 25;
/// How long others have the threads in between.
const PAUSE: Duration = Duration::from_millis(2);
/// By how much the clock may be late though cores are free.
const GRAIN: Duration = Duration::from_millis(1);
/// How many times longer than one waits for a core it is where they are short, and by how much at most.
const LATE_TIMES: u32 = 4;
const LATE_MAX: Duration = Duration::from_millis(40);

/// Sends messages, those that have waited first. What few hear is sent at once.
pub async fn spread(all: Vec<Due>) {
    let total: usize = all.iter().map(|due| due.to.len()).sum();
    let at_once = total.div_ceil(PARTS).max(AT_ONCE);
    let mut sent = 0;
    for Due { message, to } in all {
        for subscriber in to {
            if sent == at_once {
                pause().await;
                sent = 0;
            }
            // Who has no room hears nothing more, and is closed by its own writer.
            if !subscriber.send(&message) {
                subscriber.end();
            }
            sent += 1;
        }
    }
}

/// Lets others run, and much longer where one has to wait for a core: who trades comes first. Channels
/// that tell of every 100 ms then tell of more at once.
async fn pause() {
    let begun = Instant::now();
    sleep(PAUSE).await;
    let late = begun.elapsed().saturating_sub(PAUSE + GRAIN);
    if !late.is_zero() {
        sleep((late * LATE_TIMES).min(LATE_MAX)).await;
    }
}
