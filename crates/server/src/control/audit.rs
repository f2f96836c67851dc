//! Who did what when: a file that is only ever added to.
//!
//! An act is written down, and durable, before it is done; what became of it follows in a second line.
//! Commands of the engine stand in the journal as well, and the line has their number.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file in the data folder.
const FILE: &str = "audit.jsonl";
/// Acts that are kept in memory; all are in the file.
const REMEMBERED: usize = 1_000;
/// Bytes of parameters that are written down; what is longer is cut, and a command's is in the journal.
const PARAMS_BYTES_MAX: usize = 4_096;

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Act {
    /// Its number, from 1 on.
    pub act: u64,
    /// When, in milliseconds of the machine's clock.
    pub time: i64,
    /// Whose key it was done with.
    pub key: String,
    /// What was called.
    pub method: String,
    /// With what; the beginning of it where it is long.
    pub params: Value,
    /// What became of it; none if the venue ended before it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What became of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// 0 if it was done, else the error's code.
    pub code: i32,
    /// The number of its command in the journal, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A line of the file: an act, or what became of one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Act(Act),
    Outcome { act: u64, outcome: Outcome },
}

/// The file.
pub struct Audit {
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    last: u64,
    acts: VecDeque<Act>,
}

impl Audit {
    /// That of a data folder. A line that was cut short by a crash is passed over.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(data: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(data.join(FILE))?;
        let mut inner_acts = VecDeque::new();
        let (mut last, mut whole) = (0, true);
        let mut lines = BufReader::new(&file);
        let mut text = Vec::new();
        while lines.read_until(b'\n', &mut text)? > 0 {
            whole = text.ends_with(b"\n");
            match serde_json::from_slice(&text) {
                Ok(Line::Act(act)) => {
                    last = act.act.max(last);
                    remember(&mut inner_acts, act);
                }
                Ok(Line::Outcome { act, outcome }) => conclude(&mut inner_acts, act, outcome),
                Err(_) => {}
            }
            text.clear();
        }
        file.seek(SeekFrom::End(0))?;
        if !whole {
            file.write_all(b"\n")?;
        }
        Ok(Self { inner: Mutex::new(Inner { file, last, acts: inner_acts }) })
    }

    /// Takes down what is about to be done; gives its number.
    ///
    /// # Errors
    /// What the operating system says: it must not be done then.
    pub fn begin(&self, time: i64, key: &str, method: &str, params: &Value) -> io::Result<u64> {
        let mut inner = self.inner();
        let act = Act {
            act: inner.last + 1,
            time,
            key: key.to_owned(),
            method: method.to_owned(),
            params: clipped(params),
            outcome: None,
        };
        inner.write(&Line::Act(act.clone()))?;
        inner.last = act.act;
        remember(&mut inner.acts, act);
        Ok(inner.last)
    }

    /// Takes down what became of it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn end(&self, act: u64, outcome: Outcome) -> io::Result<()> {
        let mut inner = self.inner();
        inner.write(&Line::Outcome { act, outcome: outcome.clone() })?;
        conclude(&mut inner.acts, act, outcome);
        Ok(())
    }

    /// The newest acts, the newest first.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<Act> {
        self.inner().acts.iter().rev().take(count).cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let whole = self.file.metadata()?.len();
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // Part of a line would spoil the next one; if this fails too, the next start says so.
            let _ = self.file.set_len(whole);
        }
        written
    }
}

fn remember(acts: &mut VecDeque<Act>, act: Act) {
    acts.push_back(act);
    if acts.len() > REMEMBERED {
        acts.pop_front();
    }
}

fn conclude(acts: &mut VecDeque<Act>, number: u64, outcome: Outcome) {
    if let Some(act) = acts.iter_mut().rev().find(|act| act.act == number) {
        act.outcome = Some(outcome);
    }
}

fn clipped(params: &Value) -> Value {
    let text = params.to_string();
    if text.len() <= PARAMS_BYTES_MAX {
        return params.clone();
    }
    let mut end = PARAMS_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Value::String(format!("{}… ({} bytes)", &text[..end], text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_there_after_a_crash_in_the_middle_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let params = serde_json::json!({"underlying": "BTC"});
        let outcome = || Outcome { code: 0, sequence: Some(7), reason: None };
        let audit = Audit::open(folder.path()).unwrap();
        assert_eq!(audit.begin(5, "key", "admin/halt", &params).unwrap(), 1);
        audit.end(1, outcome()).unwrap();
        assert_eq!(audit.begin(6, "key", "admin/submit", &"x".repeat(9_000).into()).unwrap(), 2);
        drop(audit);
        let path = folder.path().join(FILE);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"act\":2,\"outc");
        std::fs::write(&path, text).unwrap();
        let audit = Audit::open(folder.path()).unwrap();
        assert_eq!(audit.begin(7, "other", "admin/resume", &params).unwrap(), 3);
        let audit = Audit::open(folder.path()).unwrap();
        let newest = audit.newest(10);
        assert_eq!(newest.iter().map(|act| act.act).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!((newest[2].outcome.clone(), newest[1].outcome.clone()), (Some(outcome()), None));
        assert!(newest[1].params.as_str().unwrap().ends_with("… (9002 bytes)"));
        assert_eq!(audit.newest(1).len(), 1);
    }
}
