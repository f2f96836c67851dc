//! Threads that can wait, on a machine where others can't.

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

#[cfg(all(test, target_os = "linux"))]
mod tests {
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
