//! What the system says of the process and of the disk under the data folder.

use std::path::Path;
use std::sync::Arc;

use super::page::Page;

/// Gives what is free on the disk of a folder and how large it is, in bytes.
pub type Disk = Arc<dyn Fn(&Path) -> Option<(u64, u64)> + Send + Sync>;

/// As the system says.
pub fn disk_of() -> Disk {
    Arc::new(|folder| {
        let found = rustix::fs::statvfs(folder).ok()?;
        Some((found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize))
    })
}

/// Writes down what the process uses, under the names that all programs have for it. Systems without
/// `/proc` say nothing.
pub fn write(page: &mut Page<'_>) -> Result<(), std::fmt::Error> {
    let Some(used) = Used::now() else { return Ok(()) };
    page.gauge(
        "process_resident_memory_bytes",
        "Memory that the process holds",
        used.memory as f64,
    )?;
    page.counter("process_cpu_seconds", "Processor time of the process", used.seconds)?;
    page.gauge("process_open_fds", "Open files and connections", used.files as f64)?;
    page.gauge("process_threads", "Threads of the process", used.threads as f64)
}

struct Used {
    memory: u64,
    seconds: f64,
    files: usize,
    threads: u64,
}

impl Used {
    fn now() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program stands in parentheses and may have any letters.
        let after: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| after.get(place)?.parse::<u64>().ok();
        let ticks = rustix::param::clock_ticks_per_second();
        let pages = number(21)?;
        Some(Self {
            memory: pages * u64::try_from(rustix::param::page_size()).ok()?,
            seconds: (number(11)? + number(12)?) as f64 / ticks as f64,
            files: std::fs::read_dir("/proc/self/fd").ok()?.count(),
            threads: number(17)?,
        })
    }
}
