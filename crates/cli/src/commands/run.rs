//! `plimsoll run`: a script of commands, applied in memory.

pub mod case_words;
mod command_words;
mod event_words;
pub mod names;
mod outlet;
mod script;
mod shorthand;
mod summary;
mod tree;

use std::fmt::Write;

use clap::Args;
use engine::event::CaseStep;
use engine::{Command, Event, Limits, State};
use serde::Serialize;

use super::Answer;
use crate::arguments::Output;
use crate::escape::printable;
use crate::failure::Failure;
use crate::figures::hex;
use crate::render::{is_coloured, render};
use crate::target::Target;
use command_words::command_words;
pub use command_words::shown;
use event_words::event_words;
use names::Names;
use outlet::Outlet;
use script::Script;
use shorthand::{Context, write_out};
use summary::{Counts, summary};

const EXAMPLES: &str = "\
Examples:
  plimsoll run docs/run/first-trade.jsonl
  plimsoll run docs/run/margin-call.jsonl --json | jq -c 'select(.margin_call)'
  plimsoll run commands.jsonl --events events.jsonl --state-hash
  grep -v review commands.jsonl | plimsoll run -

A line is a command, as {\"time\":\"2026-02-05T16:00:00Z\",\"add_asset\":{\"asset\":\"USDC\"}}. The time may
be left out after the first line. Blank lines and lines that begin with # or // are comments.
docs/run.md walks through four scripts, docs/commands.md lists every command.";

/// Apply a script of commands to a venue in memory, and say what happens
///
/// A command that the venue refuses is an event like others, and the run goes on. A line that is no
/// command ends it with exit code 2, and nothing is written to standard output.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArguments {
    /// The script, a command in JSON per line; `-` for standard input
    #[arg(value_name = "COMMANDS")]
    script: String,
    /// Write the events as lines of JSON to a file, too
    #[arg(long, value_name = "FILE")]
    events: Option<String>,
    /// Say the hash of the venue's records at the end
    #[arg(long)]
    state_hash: bool,
    /// Write the events as lines of JSON and nothing else; the same as --output json
    #[arg(long)]
    json: bool,
}

/// Applies every command of the script.
pub fn run(arguments: &RunArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    if output == Output::Csv {
        let remedy = "a run has no CSV: use --output table or json, or --events FILE";
        return Err(Failure::Usage(remedy.to_owned()));
    }
    let file = arguments.events.as_deref().map(Target::of).transpose()?;
    if let Some(file) = &file {
        file.refuse_same("--events", &[("the script", Some(&arguments.script))])?;
    }
    let mut venue = Venue::new(output, file.is_some())?;
    let mut script = Script::open(&arguments.script)?;
    while script.advance()? {
        venue.apply(&script)?;
    }
    let hash = arguments.state_hash.then(|| hex(&venue.state.record_hash()));
    if let (Some(file), Some(events)) = (file, venue.events) {
        let mut events = events.finish()?;
        file.write(|out| std::io::copy(&mut events, out).map(drop))?;
    }
    let text = match output {
        Output::Table => {
            let mut text = if venue.counts.commands > 0 { vec![b'\n'] } else { vec![] };
            text.extend(render(&summary(&venue.counts, &venue.state, hash.as_deref()), output));
            text
        }
        _ => hash.map(|hash| format!("{{\"state_hash\":\"{hash}\"}}\n")).unwrap_or_default().into(),
    };
    Ok(Answer { before: Some(venue.told.finish()?), text, failure: None })
}

/// The venue while the script runs.
struct Venue {
    state: State,
    names: Names,
    counts: Counts,
    /// For standard output.
    told: Outlet,
    /// For the file of events.
    events: Option<Outlet>,
    teller: Option<Teller>,
    /// Events of one command, kept for its memory.
    happened: Vec<Event>,
}

impl Venue {
    fn new(output: Output, keeps_events: bool) -> Result<Self, Failure> {
        let unusable = |refusal: ledger::Refusal| Failure::Usage(refusal.to_string());
        Ok(Self {
            state: State::new(Limits::default()).map_err(unusable)?,
            names: Names::default(),
            counts: Counts::default(),
            told: Outlet::new(),
            events: keeps_events.then(Outlet::new),
            teller: (output == Output::Table).then(Teller::new),
            happened: Vec::new(),
        })
    }

    /// Applies the command on the script's line.
    fn apply(&mut self, script: &Script) -> Result<(), Failure> {
        let command = self.read(script)?;
        self.happened.clear();
        engine::apply(&mut self.state, &command, &mut self.happened);
        self.counts.commands += 1;
        if let Some(teller) = &mut self.teller {
            self.told.text(teller.command(script.line, &command, &self.names))?;
        }
        for event in &self.happened {
            self.names.note(&command.action, event);
            self.counts.note(event);
            match &mut self.teller {
                Some(teller) => self.told.text(teller.event(event, &self.names))?,
                None => self.told.event(command.sequence, event)?,
            }
            if let Some(events) = &mut self.events {
                events.event(command.sequence, event)?;
            }
        }
        Ok(())
    }

    fn read(&self, script: &Script) -> Result<Command, Failure> {
        let context = Context {
            names: &self.names,
            folder: &script.folder,
            sequence: self.state.sequence() + 1,
            time: (self.counts.commands > 0).then(|| self.state.time()),
        };
        let line = script.text();
        let written = write_out(line, &context)
            .map_err(|problem| script.failure(problem.at, problem.message))?;
        serde_json::from_str(&written.text).map_err(|error| {
            // Errors name a column from one, of the line as it was written out.
            let at = written.origin(error.column().saturating_sub(1));
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            script.failure(at, text.strip_suffix(&place).unwrap_or(&text))
        })
    }
}

/// Commands and events for people to read.
struct Teller {
    text: String,
    is_coloured: bool,
}

/// Room for the longest kinds of events but few.
const KIND_WIDTH: usize = 16;

impl Teller {
    fn new() -> Self {
        Self { text: String::new(), is_coloured: is_coloured() }
    }

    fn command(&mut self, line: u64, command: &Command, names: &Names) -> &str {
        let words = command_words(&command.action, names);
        let words = printable(&words);
        let [bold, plain] = if self.is_coloured { ["\u{1b}[1m", "\u{1b}[0m"] } else { ["", ""] };
        self.text.clear();
        let _ = writeln!(self.text, "{bold}{line:>4}  {}  {words}{plain}", command.time);
        &self.text
    }

    fn event(&mut self, event: &Event, names: &Names) -> &str {
        let (kind, words) = event_words(event, names);
        let words = printable(&words);
        let stands_out = match event {
            Event::Rejected(_) | Event::MarginCall { .. } => true,
            Event::Case(case) => matches!(case.what, CaseStep::Opened { .. }),
            _ => false,
        };
        let [red, plain] = match self.is_coloured && stands_out {
            true => ["\u{1b}[31m", "\u{1b}[0m"],
            false => ["", ""],
        };
        self.text.clear();
        let _ = write!(self.text, "        {red}{kind:<KIND_WIDTH$}  {words}");
        self.text.truncate(self.text.trim_end().len());
        let _ = writeln!(self.text, "{plain}");
        &self.text
    }
}

/// A choice by its word in JSON, with blanks.
pub fn word(choice: &impl Serialize) -> String {
    self::choice(choice).replace('_', " ")
}

/// A choice by its word in JSON, the innermost where one holds another.
pub fn choice(choice: &impl Serialize) -> String {
    let value = serde_json::to_value(choice).expect("choices are strings or objects in JSON");
    match value {
        serde_json::Value::String(word) => word,
        serde_json::Value::Object(object) => match object.into_iter().next() {
            Some((_, serde_json::Value::String(word))) => word,
            Some((word, _)) => word,
            None => String::new(),
        },
        other => other.to_string(),
    }
}
