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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::nice;

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
}
