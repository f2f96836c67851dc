//! Running other programs: plainly, quietly, or line by line.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

/// A command that runs `program` in `folder`.
pub fn command<I, S>(folder: &Path, program: &str, arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs a command with its output on the terminal.
pub fn run(mut command: Command) -> Outcome {
    let status = command.status().map_err(|error| not_started(&command, &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{}` failed ({status})", shown(&command))),
    }
}

/// Whether a command runs and succeeds; its output is thrown away.
pub fn succeeds(mut command: Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// What a command writes to standard output.
pub fn output(mut command: Command) -> Outcome<Vec<u8>> {
    let output = command.output().map_err(|error| not_started(&command, &error))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(format!("`{}` failed ({})", shown(&command), output.status)),
    }
}

/// Runs a command, handing each line of its standard output to `each` as it
/// comes; standard error stays on the terminal. True when it succeeded.
pub fn stream(mut command: Command, mut each: impl FnMut(&str)) -> Outcome<bool> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(&command, &error))?;
    let pipe = child.stdout.take().expect("standard output was piped just above");
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length_bytes = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| format!("reading from `{}`: {error}", shown(&command)))?;
        if length_bytes == 0 {
            break;
        }
        each(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
    }
    let status =
        child.wait().map_err(|error| format!("waiting for `{}`: {error}", shown(&command)))?;
    Ok(status.success())
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    format!("`{program}` could not be started: {error}; install it, or put it on PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo(argument: &str) -> Command {
        command(Path::new("."), "cargo", [argument])
    }

    #[test]
    fn streams_every_line() {
        let mut lines = Vec::new();
        let succeeded = stream(cargo("--version"), |line| lines.push(line.to_owned()));
        assert_eq!(succeeded, Ok(true));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("cargo "));
    }

    #[test]
    fn tells_success_from_failure() {
        assert!(succeeds(cargo("--version")));
        assert!(!succeeds(cargo("--no-such-flag")));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(command(Path::new("."), "no-such-program", ["x"])).unwrap_err();
        assert!(error.contains("`no-such-program` could not be started"), "{error}");
    }
}
