//! Threads that can wait, on a machine where others can't.

use std::time::{Duration, Instant};

/// How much less a thread counts that gives way: about a third of another.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Lets this thread, and those that it starts, run after others while cores are short. Where only
/// whole processes have a priority, nothing changes.
pub fn give_way() {
    // Without it the thread is no worse than another.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

/// Has this thread, and those that it starts, run only where nothing else wants the core: whatever else
/// comes takes it at once, and does not wait for a turn to end. Elsewhere than on Linux nothing changes.
pub fn run_when_idle() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        // Without it the thread is no worse than another.
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

/// How long such a thread works at a time.
const WORK: Duration = Duration::from_micros(300);
/// How long it rests then; the system makes twice as much of it.
const REST: Duration = Duration::from_micros(50);

/// Breaks in long work that can wait. A system may let a thread have its turn of some milliseconds to the
/// end, even where others wait and another core is idle; who sleeps for a moment lets them in at once.
#[derive(Debug)]
pub struct Breaks {
    since: Instant,
}

impl Default for Breaks {
    fn default() -> Self {
        Self { since: Instant::now() }
    }
}

impl Breaks {
    /// Takes a break if it is time for one; to be called within the work, again and again.
    pub fn take(&mut self) {
        if self.since.elapsed() > WORK {
            std::thread::sleep(REST);
            self.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_is_taken_once_it_is_time() {
        let (now, hour) = (Instant::now(), Duration::from_secs(3_600));
        let mut breaks = Breaks { since: now + hour };
        breaks.take();
        assert_eq!(breaks.since, now + hour, "none yet");
        let mut breaks = Breaks { since: now.checked_sub(WORK * 2).unwrap_or(now) };
        std::thread::sleep(WORK * 2);
        breaks.take();
        assert!(breaks.since >= now + REST);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod priorities {
    use rustix::process::nice;
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy,
    };

    #[test]
    fn one_thread_gives_way_alone() {
        let before = nice(0).unwrap();
        let there = std::thread::spawn(|| {
            super::give_way();
            nice(0).unwrap()
        });
        assert_eq!(there.join().unwrap(), (before + super::NICE).min(19));
        assert_eq!(nice(0).unwrap(), before);
    }

    #[test]
    fn what_runs_when_idle_starts_what_runs_when_idle() {
        let before = thread_schedule_policy().unwrap();
        let there = std::thread::spawn(|| {
            super::run_when_idle();
            std::thread::spawn(thread_schedule_policy).join().unwrap().unwrap()
        });
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!(there.join().unwrap(), idle);
        assert_eq!(thread_schedule_policy().unwrap(), before);
    }
}
