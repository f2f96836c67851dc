//! The engine's state hash across builds: the same commands must give the same events and records
//! whatever the compiler made of the code.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Outcome;
use crate::process::{command, output};

/// Commands of the mix in a usual run and in a long one.
const COMMANDS: &str = "20000";
const COMMANDS_LONG: &str = "1000000";

/// One way to build the engine.
struct Build {
    name: &'static str,
    release: bool,
    /// Flags of the compiler; builds with flags have a target folder each, so that none of them
    /// throws away what another has built.
    flags: &'static str,
}

const DEV: Build = Build { name: "dev", release: false, flags: "" };
const PORTABLE: Build =
    Build { name: "dev-portable", release: false, flags: "--cfg plimsoll_portable" };
const RELEASE: Build = Build { name: "release", release: true, flags: "" };
const NATIVE: Build =
    Build { name: "release-native", release: true, flags: "-C target-cpu=native" };
const RELEASE_PORTABLE: Build =
    Build { name: "release-portable", release: true, flags: "--cfg plimsoll_portable" };

/// Runs the engine's `state_hash` in several builds and compares what they print.
pub fn run(root: &Path, long: bool) -> Outcome {
    let (commands, builds): (_, &[Build]) = match long {
        true => (COMMANDS_LONG, &[DEV, RELEASE, NATIVE, RELEASE_PORTABLE]),
        false => (COMMANDS, &[DEV, PORTABLE]),
    };
    let mut printed = Vec::new();
    for build in builds {
        let start = Instant::now();
        let lines = output(build.command(root, commands))?;
        let lines = String::from_utf8_lossy(&lines).into_owned();
        println!("{:<17}{:>7.1} s", build.name, start.elapsed().as_secs_f64());
        printed.push((build.name, lines));
    }
    println!("{}", printed[0].1.trim_end());
    compare(&printed)
}

/// An error unless all builds have printed the same.
fn compare(printed: &[(&str, String)]) -> Outcome {
    let (first, expected) = &printed[0];
    match printed.iter().find(|(_, lines)| lines != expected) {
        None => Ok(()),
        Some((other, lines)) => Err(format!(
            "the engine's hashes differ between builds\n{first}:\n{expected}{other}:\n{lines}\
             something that decides a result depends on the compiler or on the processor"
        )),
    }
}

impl Build {
    fn command(&self, root: &Path, commands: &str) -> Command {
        let run = ["run", "--quiet", "--package", "plimsoll-engine", "--example", "state_hash"];
        let mut cargo = command(root, "cargo", run);
        if self.release {
            cargo.arg("--release");
        }
        if !self.flags.is_empty() {
            cargo.env("CARGO_TARGET_DIR", target(root).join("state-hash").join(self.name));
            let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
            cargo.env("RUSTFLAGS", format!("{flags} {}", self.flags));
        }
        cargo.args(["--", commands]);
        cargo
    }
}

/// The folder that cargo builds in.
fn target(root: &Path) -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.map_or_else(|| root.join("target"), |folder| root.join(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_build() {
        let same = [("dev", "a\n".to_owned()), ("release", "a\n".to_owned())];
        assert_eq!(compare(&same), Ok(()));
        let other = [("dev", "a\n".to_owned()), ("release", "b\n".to_owned())];
        let message = compare(&other).unwrap_err();
        assert!(message.contains("dev:\na\n") && message.contains("release:\nb\n"), "{message}");
    }
}
