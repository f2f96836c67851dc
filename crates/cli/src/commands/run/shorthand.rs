//! What people may write shorter than the engine reads it: names for numbers, sizes for lots, files
//! for their contents. Everything is replaced where it stands, so that errors keep their place.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use engine::command::{ClosesDay, HistoryCloses};
use instruments::{Instrument, Price, Timestamp};
use marketdata::sample;
use risk::{History, Methodology};
use serde::de::IgnoredAny;

use super::names::Names;
use super::tree::{Member, Node, parse, plain};
use crate::inputs;

/// What stands around a line.
pub struct Context<'a> {
    /// Instruments by name.
    pub names: &'a Names,
    /// The folder that files are named from.
    pub folder: &'a Path,
    /// The number of a command that has none.
    pub sequence: u64,
    /// The time of a command that has none.
    pub time: Option<Timestamp>,
}

/// What can't be replaced, and where it stands in the line.
#[derive(Debug)]
pub struct Problem {
    /// The byte at which it begins.
    pub at: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A line as the engine reads it.
#[derive(Debug)]
pub struct Written {
    /// The line.
    pub text: String,
    /// Each replacement: where it stands now, and where what it replaces stood.
    moved: Vec<(Range<usize>, Range<usize>)>,
}

impl Written {
    /// The byte of the line as it was typed for one of it as it is now.
    pub fn origin(&self, at: usize) -> usize {
        let before = self.moved.iter().rev().find(|(now, _)| now.start <= at);
        match before {
            Some((now, was)) if at < now.end => was.start,
            Some((now, was)) => was.end + (at - now.end),
            None => at,
        }
    }
}

/// Replaces what is short in a line.
///
/// # Errors
/// A name that is not listed, a size between lots, a file that can't be read. A line that is no JSON
/// is left as it is: whoever reads it says why.
pub fn write_out(line: &str, context: &Context<'_>) -> Result<Written, Problem> {
    let mut edits = Edits { line, context, edits: Vec::new() };
    match parse(line) {
        Some(Node::Object(place, members)) => edits.command(&place, &members)?,
        Some(_) => {}
        None => one_only(line)?,
    }
    Ok(edits.applied())
}

/// Refuses a line with more than one command.
fn one_only(line: &str) -> Result<(), Problem> {
    let mut values = serde_json::Deserializer::from_str(line).into_iter::<IgnoredAny>();
    if let Some(Ok(_)) = values.next() {
        let end = values.byte_offset();
        if let Some(Ok(_)) = values.next() {
            let blanks = line[end..].len() - line[end..].trim_start().len();
            let message = "another command begins here: put each on a line of its own".to_owned();
            return Err(Problem { at: end + blanks, message });
        }
    }
    Ok(())
}

struct Edits<'a> {
    line: &'a str,
    context: &'a Context<'a>,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    fn command(&mut self, place: &Range<usize>, members: &[Member]) -> Result<(), Problem> {
        self.stamp(place.start + 1, members);
        for member in members {
            match (self.words(&member.key), &member.value) {
                // Here the name is what is listed.
                (Some("list_instrument"), _) => {}
                (Some("set_methodology"), Node::Object(place, fields)) => {
                    self.methodology(place, fields, self.time(members))?;
                }
                (Some("set_history"), Node::Object(_, fields)) => self.history(fields)?,
                (Some("report_price"), Node::Object(place, fields)) => {
                    self.end_with(place, fields, "observed", self.time(members));
                }
                (_, value) => self.value(value, None)?,
            }
        }
        Ok(())
    }

    fn words(&self, place: &Range<usize>) -> Option<&'a str> {
        plain(self.line, place)
    }

    fn member<'m>(&self, members: &'m [Member], name: &str) -> Option<&'m Member> {
        members.iter().find(|member| self.words(&member.key) == Some(name))
    }

    /// Number and time, where they are left out.
    fn stamp(&mut self, at: usize, members: &[Member]) {
        let mut stamp = String::new();
        if self.member(members, "sequence").is_none() {
            let _ = write!(stamp, "\"sequence\":{},", self.context.sequence);
        }
        if let (None, Some(time)) = (self.member(members, "time"), self.context.time) {
            let _ = write!(stamp, "\"time\":\"{time}\",");
        }
        if members.is_empty() {
            stamp.pop();
        }
        self.edits.push((at..at, stamp));
    }

    /// The command's time.
    fn time(&self, members: &[Member]) -> Option<Timestamp> {
        match self.member(members, "time").map(|member| &member.value) {
            Some(Node::Text(place)) => self.words(place)?.parse().ok(),
            Some(Node::Other(place)) => {
                self.line[place.clone()].parse().ok().map(Timestamp::from_milliseconds)
            }
            Some(_) => None,
            None => self.context.time,
        }
    }

    /// Names and sizes of one value; an instrument holds for what is inside its object.
    fn value(&mut self, value: &Node, outer: Option<Instrument>) -> Result<(), Problem> {
        match value {
            Node::Object(_, members) => {
                let instrument = match self.member(members, "instrument") {
                    Some(member) => self.instrument(&member.value)?,
                    None => outer,
                };
                for Member { key, value } in members {
                    match (self.words(key), value) {
                        (Some("instrument"), _) => {}
                        (Some("size"), Node::Text(_)) => {
                            self.edits.push((key.clone(), "\"lots\"".to_owned()));
                            self.size(key, value, instrument)?;
                        }
                        (Some("size"), Node::Other(place)) => {
                            let message = "a size is written as words, \"0.1\"; a number counts lots: \
                                           \"lots\":5";
                            return Err(Problem { at: place.start, message: message.to_owned() });
                        }
                        (Some("display"), Node::Text(_)) => self.size(key, value, instrument)?,
                        _ => self.value(value, instrument)?,
                    }
                }
            }
            // Quotes of a market begin with their instrument.
            Node::Array(items) => {
                for item in items {
                    match item {
                        Node::Array(parts) => {
                            if let Some(Node::Text(place)) = parts.first()
                                && let Some((id, _)) = self.listed(place)
                            {
                                self.edits.push((place.clone(), id));
                            }
                        }
                        item => self.value(item, outer)?,
                    }
                }
            }
            Node::Text(_) | Node::Other(_) => {}
        }
        Ok(())
    }

    /// An instrument by its name or number.
    fn instrument(&mut self, value: &Node) -> Result<Option<Instrument>, Problem> {
        match value {
            Node::Text(place) => {
                let (id, instrument) = self.listed(place).ok_or_else(|| {
                    let name = self.line[place.clone()].trim_matches('"');
                    let message = match (self.context.names.refusal(name), name.parse()) {
                        (Some(why), _) => {
                            format!("`{name}` was refused when it was to be listed: {why}")
                        }
                        (None, Ok(Instrument { .. })) => {
                            format!(
                                "`{name}` is not listed here: list it with list_instrument first"
                            )
                        }
                        (None, Err(error)) => error.to_string(),
                    };
                    Problem { at: place.start, message }
                })?;
                self.edits.push((place.clone(), id));
                Ok(Some(instrument))
            }
            Node::Other(place) => {
                let id = self.line[place.clone()].parse().ok().map(engine::InstrumentId);
                Ok(id.and_then(|id| self.context.names.instrument(id)))
            }
            _ => Ok(None),
        }
    }

    fn listed(&self, place: &Range<usize>) -> Option<(String, Instrument)> {
        let (id, instrument) = self.context.names.find(self.words(place)?)?;
        Some((id.0.to_string(), instrument))
    }

    fn size(
        &mut self,
        key: &Range<usize>,
        value: &Node,
        instrument: Option<Instrument>,
    ) -> Result<(), Problem> {
        let Node::Text(place) = value else { return Ok(()) };
        let Some(instrument) = instrument else {
            let message = "a size in words needs a listed instrument beside it: give the number of \
                           lots, as \"lots\":5";
            return Err(Problem { at: key.start, message: message.to_owned() });
        };
        let size = self.line[place.clone()].trim_matches('"');
        let lots = instrument
            .lots_of(size)
            .map_err(|error| Problem { at: place.start, message: error.to_string() })?;
        self.edits.push((place.clone(), lots.lots().to_string()));
        Ok(())
    }

    /// A methodology that ships or stands in a file becomes its text; notice that is left out ends at
    /// once.
    fn methodology(
        &mut self,
        place: &Range<usize>,
        fields: &[Member],
        time: Option<Timestamp>,
    ) -> Result<(), Problem> {
        if let Some((member, source)) = self.source(fields)? {
            let text = match &source {
                Source::BuiltIn(name) => {
                    Methodology::built_in_text(name).map(str::to_owned).ok_or_else(|| {
                        let names = Methodology::built_in_names().join(", ");
                        format!("no methodology `{name}` ships; these do: {names}")
                    })
                }
                Source::File(path) => std::fs::read_to_string(path)
                    .map_err(|error| format!("{path}: cannot be read: {error}")),
            };
            let text = text.map_err(|message| self.problem(member, message))?;
            self.replace(member, format!("\"text\":{}", serde_json::Value::from(text)));
        }
        let next = |time: Timestamp| time.milliseconds().saturating_add(1);
        let ends = time.map(|time| Timestamp::from_milliseconds(next(time)));
        self.end_with(place, fields, "notice_ends", ends);
        Ok(())
    }

    /// A time at the end of an object that has none of its name.
    fn end_with(
        &mut self,
        object: &Range<usize>,
        fields: &[Member],
        name: &str,
        time: Option<Timestamp>,
    ) {
        if let (None, Some(time)) = (self.member(fields, name), time)
            && !fields.is_empty()
        {
            let at = object.end - 1;
            self.edits.push((at..at, format!(",\"{name}\":\"{time}\"")));
        }
    }

    /// A history that ships or stands in a file becomes its closes.
    fn history(&mut self, fields: &[Member]) -> Result<(), Problem> {
        let Some((member, source)) = self.source(fields)? else { return Ok(()) };
        let history = match &source {
            Source::BuiltIn(name) if name == "sample" => Ok(sample::history()),
            Source::BuiltIn(name) => {
                Err(format!("no history `{name}` ships; the one that does is `sample`"))
            }
            Source::File(path) => inputs::open(path)
                .and_then(|file| Ok(marketdata::read_history(path, file)?))
                .map_err(|failure| failure.to_string()),
        };
        let closes = history.and_then(|history| closes(&history));
        let closes = closes.map_err(|message| self.problem(member, message))?;
        let text = serde_json::to_string(&closes).expect("closes are strings in JSON");
        let inside = &text[1..text.len() - 1];
        self.replace(member, inside.to_owned());
        Ok(())
    }

    /// Where a text comes from that is not written out.
    fn source<'m>(&self, fields: &'m [Member]) -> Result<Option<(&'m Member, Source)>, Problem> {
        for member in fields {
            let word = self.words(&member.key);
            let (Some("built_in" | "file"), Node::Text(place)) = (word, &member.value) else {
                continue;
            };
            let text: String = serde_json::from_str(&self.line[place.clone()])
                .map_err(|error| self.problem(member, error.to_string()))?;
            let source = match word {
                Some("file") => {
                    Source::File(self.context.folder.join(text).to_string_lossy().into_owned())
                }
                _ => Source::BuiltIn(text),
            };
            return Ok(Some((member, source)));
        }
        Ok(None)
    }

    fn problem(&self, member: &Member, message: String) -> Problem {
        Problem { at: value_place(member).start, message }
    }

    fn replace(&mut self, member: &Member, with: String) {
        self.edits.push((member.key.start..value_place(member).end, with));
    }

    fn applied(mut self) -> Written {
        self.edits.sort_by_key(|(place, _)| (place.start, place.end));
        let mut text = String::with_capacity(self.line.len() + 64);
        let (mut moved, mut copied) = (Vec::with_capacity(self.edits.len()), 0);
        for (place, with) in &self.edits {
            text.push_str(&self.line[copied..place.start]);
            let start = text.len();
            text.push_str(with);
            moved.push((start..text.len(), place.clone()));
            copied = place.end;
        }
        text.push_str(&self.line[copied..]);
        Written { text, moved }
    }
}

enum Source {
    BuiltIn(String),
    File(String),
}

fn value_place(member: &Member) -> &Range<usize> {
    match &member.value {
        Node::Object(place, _) | Node::Text(place) | Node::Other(place) => place,
        Node::Array(_) => &member.key,
    }
}

/// Closes as a command states them: in 10⁻⁸ of a dollar.
fn closes(history: &History) -> Result<HistoryCloses, String> {
    let price = |close: &Option<f64>| -> Result<Option<Price>, String> {
        let exact = |close: &f64| format!("{close:.8}").parse::<Price>();
        close.as_ref().map(exact).transpose().map_err(|error| error.to_string())
    };
    let days = history.days.iter().map(|day| {
        let closes = day.closes.iter().map(price).collect::<Result<_, _>>()?;
        Ok(ClosesDay { date: day.date, closes })
    });
    Ok(HistoryCloses { assets: history.assets.clone(), days: days.collect::<Result<_, String>>()? })
}
