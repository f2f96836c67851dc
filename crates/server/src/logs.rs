//! Logs: what happens to the venue and to those who connect, a line each, without any secret.
//!
//! A call's parameters are never logged, nor anything else that a client may choose but its request id:
//! methods that there are not are `unknown`. Only the program's own lines are taken, since libraries may
//! log what goes over their connections.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// What the program's own lines begin with.
const OWN: &str = "plimsoll";
/// Letters of a request id at most.
const ID_MAX: usize = 64;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: an object each.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLevel(LevelFilter);

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = LevelFilter::from_str(text);
        level.map(Self).map_err(|_| "must be off, error, warn, info, debug or trace")
    }
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Takes in what the program logs, and writes it.
pub fn logger<W>(format: LogFormat, level: LogLevel, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let own = Targets::new().with_target(OWN, level.0);
    let lines = fmt::layer().with_ansi(false).with_writer(writer);
    match format {
        LogFormat::Human => Box::new(Registry::default().with(lines.with_filter(own))),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            Box::new(Registry::default().with(lines.with_span_list(false).with_filter(own)))
        }
    }
}

/// Logs to standard error from now on. Who has begun before goes on.
pub fn begin(format: LogFormat, level: LogLevel) {
    let logger = logger(format, level, std::io::stderr);
    // Another one may have begun, in a test.
    let _ = tracing::subscriber::set_global_default(logger);
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of a request: the one that it came with, if it will do, or a new one.
pub(crate) fn request_id(given: Option<&str>) -> String {
    let fine = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.:".contains(&letter);
    match given {
        Some(id) if !id.is_empty() && id.len() <= ID_MAX && id.bytes().all(fine) => id.to_owned(),
        _ => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("{:x}-{:x}", since.as_millis(), NEXT.fetch_add(1, Ordering::Relaxed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_if_it_is_short_and_plain() {
        assert_eq!(request_id(Some("a-1_b.2:3")), "a-1_b.2:3");
        for unfit in ["", "a b", "a\nb", &"a".repeat(65), "ü"] {
            assert_ne!(request_id(Some(unfit)), unfit);
        }
        assert_ne!(request_id(None), request_id(None));
    }
}
