//! A connection that trades.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::desk::Desk;
use super::tally::{Sent, Tally};
use crate::wire::{Socket, next_text};

/// Requests that are written at once at most: what is due then goes out together.
const TOGETHER: usize = 64;
/// Requests of a client without an answer at most. What is due then is asked once there is room, and counts
/// from when it was due: a venue that has more to do than it can is asked the same, later.
const WAITING_MAX: usize = 64;
/// How often a client that waits for room looks whether its requests are still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// What a client is told to do.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// Ask something that is due at a time.
    Ask {
        /// When.
        due: Instant,
        /// With which rate; when another one is measured it is too late.
        phase: usize,
    },
    /// Take back all orders.
    Leave,
}

/// Counts of all clients.
pub type SharedTally = Arc<Mutex<Tally>>;

/// A client.
pub struct Client {
    /// Tells it what to do.
    pub turns: UnboundedSender<Turn>,
    desk: Arc<Mutex<Desk>>,
    /// Why it ended before its time.
    lost: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl Client {
    /// Begins to trade.
    pub fn start(socket: Socket, desk: Desk, tally: &SharedTally) -> Self {
        let (turns, told) = unbounded_channel();
        let (desk, lost) = (Arc::new(Mutex::new(desk)), Arc::default());
        let (sink, stream) = socket.split();
        let answered = Arc::new(Notify::new());
        let writer = Writer {
            sink,
            desk: Arc::clone(&desk),
            tally: Arc::clone(tally),
            answered: Arc::clone(&answered),
            phase: 0,
            sent: Vec::new(),
            room_since: Instant::now(),
        };
        let writer = writer.run(told);
        let reader = read(stream, Arc::clone(&desk), Arc::clone(tally), answered);
        let reason: Arc<Mutex<Option<String>>> = Arc::clone(&lost);
        let task = tokio::spawn(async move {
            // The writer ends well when nothing more is to be done; the reader never does.
            let why = tokio::select! {
                written = writer => written.err(),
                why = reader => Some(why),
            };
            *locked(&reason) = why;
        });
        Self { turns, desk, lost, task }
    }

    /// What it has.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        locked(&self.desk)
    }

    /// Whether its connection is gone.
    pub fn is_lost(&self) -> bool {
        self.task.is_finished()
    }

    /// Closes the connection; says why it was lost if it was.
    pub async fn close(self) -> Option<String> {
        drop(self.turns);
        // A task that panicked says so on standard error.
        let ended = self.task.await;
        let why = locked(&self.lost).take();
        why.or_else(|| ended.err().map(|error| error.to_string()))
    }
}

/// What a lock guards, whoever panicked with it.
pub fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a client asks with.
struct Writer {
    sink: SplitSink<Socket, Message>,
    desk: Arc<Mutex<Desk>>,
    tally: SharedTally,
    answered: Arc<Notify>,
    /// The rate that is measured.
    phase: usize,
    /// Requests that are on their way out.
    sent: Vec<Sent>,
    /// When an answer last left room for more.
    room_since: Instant,
}

impl Writer {
    async fn run(mut self, mut told: UnboundedReceiver<Turn>) -> Result<(), String> {
        let mut turns = Vec::new();
        while told.recv_many(&mut turns, TOGETHER).await > 0 {
            self.phase = locked(&self.tally).phase();
            for turn in turns.drain(..) {
                match turn {
                    Turn::Ask { due, phase } => self.ask(due, phase).await?,
                    Turn::Leave => {
                        let text = locked(&self.desk).leave();
                        self.feed(text).await?;
                    }
                }
            }
            self.flush().await?;
        }
        // The venue may be gone already.
        let _ = self.sink.close().await;
        Ok(())
    }

    async fn ask(&mut self, due: Instant, phase: usize) -> Result<(), String> {
        if self.is_full() {
            self.flush().await?;
            self.wait_for_room().await;
        }
        if phase != self.phase {
            return Ok(());
        }
        let (text, sent) = locked(&self.desk).ask(due, self.room_since, phase);
        self.sent.push(sent);
        self.feed(text).await
    }

    fn is_full(&self) -> bool {
        locked(&self.desk).unanswered() >= WAITING_MAX
    }

    /// Waits until an answer leaves room, or the rate is measured no more.
    async fn wait_for_room(&mut self) {
        while self.is_full() {
            // Of another rate nobody tells.
            let _ = timeout(LOOK, self.answered.notified()).await;
            let phase = locked(&self.tally).phase();
            if std::mem::replace(&mut self.phase, phase) != phase {
                break;
            }
        }
        self.room_since = Instant::now();
    }

    async fn feed(&mut self, text: String) -> Result<(), String> {
        self.sink.feed(Message::text(text)).await.map_err(|error| error.to_string())
    }

    async fn flush(&mut self) -> Result<(), String> {
        self.sink.flush().await.map_err(|error| error.to_string())?;
        let now = Instant::now();
        let mut tally = locked(&self.tally);
        self.sent.drain(..).for_each(|one| tally.sent(&one, now));
        Ok(())
    }
}

async fn read(
    mut stream: SplitStream<Socket>,
    desk: Arc<Mutex<Desk>>,
    tally: SharedTally,
    answered: Arc<Notify>,
) -> String {
    while let Some(text) = next_text(&mut stream).await {
        let now = Instant::now();
        let taken = locked(&desk).take_in(&text, now, &mut locked(&tally));
        if let Err(error) = taken {
            return error;
        }
        answered.notify_one();
    }
    "the venue hung up".to_owned()
}
