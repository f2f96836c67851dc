//! `cargo xtask bench`: measure, and write down what was measured.
//!
//! The benches are a workspace of their own, so that the peers which Plimsoll
//! is measured against are no part of its own build. Their program prints
//! Markdown; a full run is kept as docs/benchmarks.md.

use std::path::Path;

use clap::Args;

use crate::Outcome;
use crate::process::{self, command};

const PAGE: &str = "docs/benchmarks.md";

#[derive(Args)]
pub struct Arguments {
    /// Measure the peers too
    #[arg(long)]
    pub peers: bool,
    /// Measure only what has one of these words in its name; the page is then left as it is
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
}

/// Runs the benches; a run without filters rewrites the page.
pub fn run(root: &Path, arguments: &Arguments) -> Outcome {
    const WORKSPACE: [&str; 3] = ["--release", "--manifest-path", "benches/Cargo.toml"];
    // One program runs the other.
    let all = [&["build"][..], &WORKSPACE, &["--bins"]].concat();
    if !command(root, "cargo", all).status().is_ok_and(|status| status.success()) {
        return Err("the benches could not be built".into());
    }
    let run = [&["run"][..], &WORKSPACE, &["--bin", "bench", "--"]].concat();
    let mut cargo = command(root, "cargo", run);
    if arguments.peers {
        cargo.arg("--peers");
    }
    cargo.args(&arguments.filters);
    let shown = process::shown(&cargo);
    let mut measured = String::new();
    let succeeded = process::stream(cargo, |line| {
        println!("{line}");
        measured.push_str(line);
        measured.push('\n');
    })?;
    if !succeeded {
        return Err(format!("`{shown}` failed; {PAGE} is left as it was"));
    }
    if !arguments.filters.is_empty() {
        println!("\na filtered run: {PAGE} is left as it was");
        return Ok(());
    }
    let text = page(&Machine::this(), arguments.peers, &measured);
    std::fs::write(root.join(PAGE), text).map_err(|error| format!("{PAGE}: {error}"))?;
    println!("\nwritten to {PAGE}");
    Ok(())
}

struct Machine {
    processor: String,
    cores: usize,
}

impl Machine {
    fn this() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            processor: processor(&cpuinfo)
                .unwrap_or_else(|| format!("unknown processor ({})", std::env::consts::ARCH)),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The processor's model, as Linux names it.
fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

fn page(machine: &Machine, peers: bool, measured: &str) -> String {
    let Machine { processor, cores } = machine;
    let plural = if *cores == 1 { "core" } else { "cores" };
    let flag = if peers { " --peers" } else { "" };
    format!(
        "# Benchmarks\n\n\
         Measured on {processor} with {cores} {plural}, in the release profile, by\n\
         `cargo xtask bench{flag}`, which writes this page.\n\n\
         The first row of a table is Plimsoll's. A figure is the time per item, as the median of\n\
         repeated runs and as the least of them; *times ours* is a row's median divided by\n\
         Plimsoll's, so above one is slower. All rows of a table were measured in the same run, on\n\
         the same inputs. Ratios carry over to other machines better than times do, and a\n\
         difference of a few per cent is noise.\n\n\
         {}\n",
        measured.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_machine_and_command() {
        let machine = Machine { processor: String::from("Acme 9000"), cores: 1 };
        let text = page(&machine, true, "\n## Margin\n\n| a | b |\n\n");
        assert!(text.starts_with("# Benchmarks\n"));
        assert!(text.contains("Acme 9000 with 1 core,"), "{text}");
        assert!(text.contains("`cargo xtask bench --peers`"), "{text}");
        assert!(text.ends_with("## Margin\n\n| a | b |\n"), "{text}");
    }

    #[test]
    fn the_processor_is_read_as_linux_writes_it() {
        let text = "processor\t: 0\nmodel name\t: Acme 9000 @ 3 GHz\nprocessor\t: 1\n";
        assert_eq!(processor(text).as_deref(), Some("Acme 9000 @ 3 GHz"));
        assert_eq!(processor(""), None);
    }
}
