//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the system lets everybody raise it: a shell's is often 1024, and each
/// connection is one.
pub fn allow_many() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // What is refused stays as it was, and shows where connections are refused.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}
