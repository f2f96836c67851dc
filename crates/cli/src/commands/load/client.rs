//! A connection that trades.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::desk::Desk;
use super::tally::Tally;
use crate::wire::{Socket, next_text};

/// Requests that are written at once at most: what is due then goes out together.
const TOGETHER: usize = 64;

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
        let writer = write(sink, told, Arc::clone(&desk), Arc::clone(tally));
        let reader = read(stream, Arc::clone(&desk), Arc::clone(tally));
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

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut told: UnboundedReceiver<Turn>,
    desk: Arc<Mutex<Desk>>,
    tally: SharedTally,
) -> Result<(), String> {
    let (mut turns, mut sent) = (Vec::new(), Vec::new());
    while told.recv_many(&mut turns, TOGETHER).await > 0 {
        let now = locked(&tally).phase();
        for turn in turns.drain(..) {
            let text = match turn {
                Turn::Ask { phase, .. } if phase != now => continue,
                Turn::Ask { due, phase } => {
                    let (text, one) = locked(&desk).ask(due, phase);
                    sent.push(one);
                    text
                }
                Turn::Leave => locked(&desk).leave(),
            };
            sink.feed(Message::text(text)).await.map_err(|error| error.to_string())?;
        }
        sink.flush().await.map_err(|error| error.to_string())?;
        let now = Instant::now();
        let mut tally = locked(&tally);
        sent.drain(..).for_each(|one| tally.sent(&one, now));
    }
    // The venue may be gone already.
    let _ = sink.close().await;
    Ok(())
}

async fn read(
    mut stream: SplitStream<Socket>,
    desk: Arc<Mutex<Desk>>,
    tally: SharedTally,
) -> String {
    while let Some(text) = next_text(&mut stream).await {
        let now = Instant::now();
        let taken = locked(&desk).take_in(&text, now, &mut locked(&tally));
        if let Err(error) = taken {
            return error;
        }
    }
    "the venue hung up".to_owned()
}
