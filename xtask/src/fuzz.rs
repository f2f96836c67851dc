//! `cargo xtask fuzz`: each fuzz target for a while.

use std::path::Path;

use clap::Args;

use crate::Outcome;
use crate::process::{self, command};

#[derive(Args)]
pub struct Arguments {
    /// How long to run each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub seconds: u32,
    /// The target to run; all of them if none is named
    pub target: Option<String>,
}

/// Runs one target, or all in turn; stops at the first that crashes.
pub fn run(root: &Path, arguments: &Arguments) -> Outcome {
    let names = chosen(targets(root)?, arguments.target.as_deref())?;
    if !process::succeeds(command(root, "cargo", ["+nightly", "fuzz", "--version"])) {
        return Err(String::from(
            "fuzzing needs nightly Rust and cargo-fuzz. Install them with\n  \
             rustup toolchain install nightly --profile minimal\n  \
             cargo install --locked cargo-fuzz",
        ));
    }
    let limit = format!("-max_total_time={}", arguments.seconds);
    for name in &names {
        println!("──── {name}, {} s", arguments.seconds);
        process::run(command(root, "cargo", ["+nightly", "fuzz", "run", name, "--", &limit]))
            .map_err(|message| {
                format!("{message}; an input that crashes is kept in fuzz/artifacts/{name}")
            })?;
    }
    Ok(())
}

/// The names of the fuzz targets, sorted.
pub fn targets(root: &Path) -> Outcome<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn chosen(known: Vec<String>, wanted: Option<&str>) -> Outcome<Vec<String>> {
    match wanted {
        _ if known.is_empty() => Err(String::from("there are no targets in fuzz/fuzz_targets")),
        None => Ok(known),
        Some(name) if known.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => Err(format!("no fuzz target {name}; there are {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn targets_are_the_rust_files() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(targets(root.path()), Ok(vec![]));
        let folder = root.path().join("fuzz/fuzz_targets");
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["trades.rs", "market.rs", "notes.md"] {
            std::fs::write(folder.join(file), "").unwrap();
        }
        assert_eq!(targets(root.path()), Ok(names(&["market", "trades"])));
    }

    #[test]
    fn one_target_or_all() {
        let known = names(&["market", "trades"]);
        assert_eq!(chosen(known.clone(), None), Ok(known.clone()));
        assert_eq!(chosen(known.clone(), Some("trades")), Ok(names(&["trades"])));
        let error = chosen(known, Some("trade")).unwrap_err();
        assert_eq!(error, "no fuzz target trade; there are market, trades");
        assert!(chosen(vec![], None).is_err());
    }
}
