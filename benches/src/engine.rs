//! The engine end to end: commands in, events out, in memory, on one thread.

#[path = "../../crates/engine/examples/pinned/script.rs"]
pub mod pinned;

use std::time::Instant;

use ledger::AccountId;
use pinned::{Mix, Prepared, Recorder};
use plimsoll_benches::table::{Row, Table};
use plimsoll_benches::{Arguments, Timing};
use plimsoll_engine::command::{Action, OrderType};
use plimsoll_engine::record_tree::Hash;
use plimsoll_engine::{Command, State, apply, codec};

/// Commands of the mix that are timed.
const COMMANDS: usize = 500_000;
/// Of those, as many from the first on, where every order takes the exact path.
const COMMANDS_EXACT: usize = 50_000;
/// Timed runs of each kind, each on a fresh state.
const TURNS: usize = 5;
const TURNS_EXACT: usize = 3;

/// Runs the benchmark.
pub fn run(_: &Arguments) -> Result<Vec<Table>, String> {
    let script = Script::new();
    let bound = script.way("Plimsoll, fast bound", COMMANDS, TURNS, |_| {})?;
    let exact =
        script.way("Plimsoll, every order exact", COMMANDS_EXACT, TURNS_EXACT, |state| {
            state.force_exact(true);
        })?;
    let kinds = script.kinds();
    let whole = Table {
        name: "engine",
        title: "Engine end to end".to_owned(),
        item: "command",
        conditions: script.conditions(),
        rows: vec![bound, exact],
    };
    let by_kind = Table {
        name: "engine",
        title: "Engine by kind of command".to_owned(),
        item: "command",
        conditions: vec![
            "as above, with the fast bound, in one run; reading the clock counts, about 25 ns"
                .to_owned(),
        ],
        rows: kinds,
    };
    Ok(vec![whole, by_kind])
}

/// The script, with the state that it starts from and what comes out of it.
struct Script {
    start: State,
    commands: Vec<Command>,
    prepared: Prepared,
    /// How many commands of each kind there are, in words.
    mix: String,
    /// Hash of all events, those of the opening among them.
    answers: String,
    /// Hash of the records after all commands.
    end: Hash,
}

/// What one run took.
struct Run {
    state: State,
    /// Of all commands together, or of each if that was asked.
    nanoseconds: u64,
    each: Vec<u32>,
}

impl Script {
    fn new() -> Self {
        let mut recorder: Recorder = pinned::opened();
        let mut mix = Mix::new(true);
        mix.fill_books(&mut recorder);
        let start = recorder.state.clone();
        drop(recorder.take());
        mix.run(&mut recorder, COMMANDS);
        let commands = recorder.take();
        let end = recorder.state.record_hash();
        let prepared = mix.prepared.take().unwrap_or_default();
        let (mix, answers) = (mix.counts.to_string(), recorder.answers());
        Self { start, commands, prepared, mix, answers, end }
    }

    /// So many commands of the mix with the epochs between them.
    fn first(&self, commands: usize) -> &[Command] {
        let epochs = commands.div_ceil(pinned::COMMANDS_PER_EPOCH);
        &self.commands[..(commands + epochs).min(self.commands.len())]
    }

    /// Applies commands to a fresh state.
    fn apply(&self, commands: &[Command], prepare: fn(&mut State), each: bool) -> Run {
        let mut state = self.start.clone();
        prepare(&mut state);
        let mut events = Vec::new();
        let mut times = Vec::with_capacity(if each { commands.len() } else { 0 });
        let mut epochs = self.prepared.clone().into_iter().peekable();
        let begin = Instant::now();
        for (place, command) in commands.iter().enumerate() {
            if let Some((_, epoch)) = epochs.next_if(|(at, _)| *at == place) {
                state.offer_epoch(epoch);
            }
            events.clear();
            if each {
                let begin = Instant::now();
                state.look_ahead(|next| commands.get(place + 1 + next));
                apply(&mut state, command, &mut events);
                times.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
            } else {
                state.look_ahead(|next| commands.get(place + 1 + next));
                apply(&mut state, command, &mut events);
            }
        }
        let nanoseconds = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Run { state, nanoseconds, each: times }
    }

    /// Times a way to admit orders: some turns as a whole, and one command by command. Allocations are
    /// counted by another program. All must end in the same state.
    fn way(
        &self,
        name: &str,
        count: usize,
        turns: usize,
        prepare: fn(&mut State),
    ) -> Result<Row, String> {
        let commands = self.first(count);
        let mut run = self.apply(commands, prepare, true);
        let end = run.state.record_hash();
        let expected = match commands.len() == self.commands.len() {
            true => self.end,
            false => self.apply(commands, |_| {}, false).state.record_hash(),
        };
        if end != expected {
            return Err(format!("{name}: the state differs from the one that the script left"));
        }
        let mut times = Vec::new();
        for _ in 0..turns {
            let run = self.apply(commands, prepare, false);
            times.push(run.nanoseconds as f64 / commands.len() as f64);
        }
        times.sort_by(f64::total_cmp);
        let timing = Timing { median: times[turns / 2], least: times[0] };
        let allocations = allocations(count, name.contains("exact"))?;
        run.each.sort_unstable();
        let note = format!(
            "{:.0} k commands/s; p50 {}, p99 {}, p99.9 {}; {allocations:.2} allocations a command in \
             the second half",
            1e6 / timing.median,
            microseconds(&run.each, 0.5),
            microseconds(&run.each, 0.99),
            microseconds(&run.each, 0.999),
        );
        Ok(Row { engine: name.into(), timing, note })
    }

    /// A row for each kind of command.
    fn kinds(&self) -> Vec<Row> {
        let run = self.apply(&self.commands, |_| {}, true);
        let mut kinds: Vec<(&str, Vec<u32>)> = Vec::new();
        for (command, time) in self.commands.iter().zip(run.each) {
            let name = kind(&command.action);
            match kinds.iter_mut().find(|(known, _)| *known == name) {
                Some((_, times)) => times.push(time),
                None => kinds.push((name, vec![time])),
            }
        }
        kinds.sort_by_key(|(_, times)| std::cmp::Reverse(times.len()));
        let mut rows: Vec<Row> =
            kinds.into_iter().map(|(name, times)| kind_row(name, times)).collect();
        rows.push(self.epoch_inside());
        rows
    }

    /// An epoch that no worker has prepared.
    fn epoch_inside(&self) -> Row {
        let open =
            self.commands.iter().find(|command| matches!(command.action, Action::OpenEpoch(_)));
        let open = open.expect("a script begins with an epoch");
        let mut times = Vec::new();
        for _ in 0..TURNS {
            let mut state = self.start.clone();
            let mut events = Vec::new();
            let begin = Instant::now();
            apply(&mut state, open, &mut events);
            times.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
        kind_row("risk epoch, computed inside", times)
    }

    /// How much of its equity an account needs at the start.
    fn utilisation(&self) -> String {
        let share = |number: u32| {
            let margin = self.start.margin(AccountId::new(number)).ok()?;
            Some(margin.initial.units() as f64 / margin.equity.total.units() as f64)
        };
        let mut shares: Vec<f64> = (0..pinned::ACCOUNTS).filter_map(share).collect();
        shares.sort_by(f64::total_cmp);
        let at = |part: usize| 100.0 * shares[shares.len() * part / 100];
        format!(
            "initial margin is {:.0} % of equity for the middle account, {:.0} % and more for a \
             tenth, {:.0} % and more for a hundredth",
            at(50),
            at(90),
            at(99)
        )
    }

    fn conditions(&self) -> Vec<String> {
        let mut checksum = pinned::Hash::default();
        let mut bytes = Vec::new();
        let mut length = 0;
        for command in &self.commands {
            checksum.add_all(std::slice::from_ref(command));
            bytes.clear();
            codec::encode_into(command, &mut bytes).expect("none of the script is long");
            length += bytes.len();
        }
        let hex: String = self.end.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        vec![
            format!(
                "{} instruments on 4 underlyings, {} portfolio accounts, 20 positions each at \
                 the start; account ⌊10,000·u³⌋ acts, so market makers trade most",
                pinned::INSTRUMENTS,
                pinned::ACCOUNTS
            ),
            self.utilisation(),
            format!(
                "{COMMANDS} commands, the first {COMMANDS_EXACT} of them where every order is \
                 exact: {}",
                self.mix
            ),
            format!(
                "a risk epoch before every {} of them, prepared beforehand as by workers; each price marks \
                 its instruments and reviews 10 accounts",
                pinned::COMMANDS_PER_EPOCH
            ),
            format!(
                "checksum of these commands {}, of all events {}, of the state after them {hex}; \
                 {:.1} bytes a command as encoded for a journal",
                checksum.text(),
                self.answers,
                length as f64 / self.commands.len() as f64
            ),
            "one thread, in memory, without journal; each run on a fresh state".to_owned(),
        ]
    }
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::PlaceOrder(place) => match place.order.order_type {
            OrderType::Limit { .. } => "new limit order",
            _ => "marketable order",
        },
        Action::CancelOrder { .. } => "cancellation",
        Action::AmendOrder(amend) if amend.price.is_some() => "amendment of the price",
        Action::AmendOrder(_) => "amendment of the size",
        Action::ReportPrice(_) => "price report",
        _ => "risk epoch, prepared",
    }
}

/// Allocations for each command, as the program next to this one counts them.
fn allocations(count: usize, is_exact: bool) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = program.with_file_name("allocations");
    let wrong =
        |problem: String| format!("{}: {problem}: build all programs first", program.display());
    let word = is_exact.then_some("exact");
    let output = std::process::Command::new(&program).arg(count.to_string()).args(word).output();
    let output = output.map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| wrong(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// The median is that of the commands, and the least is of one command.
fn kind_row(name: &str, mut times: Vec<u32>) -> Row {
    times.sort_unstable();
    let sum: u64 = times.iter().map(|time| u64::from(*time)).sum();
    let note = format!(
        "{} of them; mean {:.2} µs, p99 {}, p99.9 {}",
        times.len(),
        sum as f64 / times.len() as f64 / 1e3,
        microseconds(&times, 0.99),
        microseconds(&times, 0.999)
    );
    let timing = Timing { median: f64::from(times[times.len() / 2]), least: f64::from(times[0]) };
    Row { engine: name.into(), timing, note }
}

/// A quantile of rising nanoseconds.
fn microseconds(rising: &[u32], share: f64) -> String {
    let place = ((rising.len() - 1) as f64 * share) as usize;
    format!("{:.2} µs", f64::from(rising[place]) / 1e3)
}
