//! When requests are due, and a thread that says so.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::client::Turn;

/// How long the thread sleeps at most: requests that are due meanwhile wait as long.
const NAP: Duration = Duration::from_micros(250);

/// Requests at a steady rate.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the first one is due.
    pub start: Instant,
    /// Requests a second.
    pub rate: u32,
    /// How many.
    pub count: u64,
}

impl Pace {
    /// For so long.
    pub fn new(start: Instant, rate: u32, time: Duration) -> Self {
        let count = u128::from(rate) * time.as_millis() / 1_000;
        Self { start, rate, count: u64::try_from(count).unwrap_or(u64::MAX) }
    }

    /// When a request is due: it depends on nothing that happens.
    pub fn due(&self, number: u64) -> Instant {
        let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(self.rate.max(1));
        self.start + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Tells each client in turn when a request of its is due. `go_on` is told how many were, and says
    /// whether to.
    pub fn keep(
        self,
        phase: usize,
        clients: &[UnboundedSender<Turn>],
        go_on: impl Fn(u64) -> bool,
    ) {
        let mut told = 0;
        while told < self.count && go_on(told) {
            let now = Instant::now();
            let mut due = self.due(told);
            while told < self.count && due <= now {
                let client = (told % clients.len() as u64) as usize;
                // A client whose connection is lost asks nothing.
                let _ = clients[client].send(Turn::Ask { due, phase });
                told += 1;
                due = self.due(told);
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()).min(NAP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_when_follows_from_the_rate() {
        let start = Instant::now();
        let pace = Pace::new(start, 3, Duration::from_secs(2));
        assert_eq!(pace.count, 6);
        assert_eq!(pace.due(0), start);
        assert_eq!(pace.due(3), start + Duration::from_secs(1));
        assert_eq!(pace.due(1), start + Duration::from_nanos(333_333_333));
    }

    #[test]
    fn clients_take_turns() {
        let (clients, mut told): (Vec<_>, Vec<_>) =
            (0..3).map(|_| tokio::sync::mpsc::unbounded_channel()).unzip();
        let pace = Pace::new(Instant::now(), 100_000, Duration::from_millis(1));
        pace.keep(0, &clients, |_| true);
        drop(clients);
        let dues: Vec<Vec<Instant>> = told
            .iter_mut()
            .map(|told| {
                std::iter::from_fn(|| told.try_recv().ok())
                    .map(|turn| match turn {
                        Turn::Ask { due, .. } => due,
                        Turn::Leave => panic!("nobody leaves"),
                    })
                    .collect()
            })
            .collect();
        assert_eq!(dues.iter().map(Vec::len).collect::<Vec<_>>(), [34, 33, 33]);
        assert_eq!((dues[0][0], dues[1][0], dues[0][1]), (pace.due(0), pace.due(1), pace.due(3)));
    }
}
