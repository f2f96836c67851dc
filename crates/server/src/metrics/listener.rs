//! The listener of those who watch: `/metrics`, `/health/live`, `/health/ready`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;

use super::{Metrics, sampler};
use crate::accept::{self, Plain};

/// The media type of what is told.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long somebody may take to ask, or ask nothing: several times what lies between two looks.
const PATIENCE: Duration = Duration::from_secs(120);

/// Somebody who listens. It ends when it is dropped.
pub(crate) struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// Dropped to stop.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Begins to answer, on a thread of its own: whatever keeps those that serve clients, it is told.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn begin(listener: TcpListener, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let listener = listener.into_std()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let metrics = Arc::clone(metrics);
        let thread = Builder::new().name("metrics".into()).spawn(move || {
            let served = runtime.block_on(serve(listener, metrics, stopped));
            if let Err(error) = served {
                tracing::error!(%error, "figures can't be told any more");
            }
            // What hangs on a look at the engine must not keep the venue from ending.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was told.
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    metrics: Arc<Metrics>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = Plain(TcpListener::from_std(listener)?);
    tokio::spawn(sampler::run(Arc::clone(&metrics)));
    let app = Router::new()
        .route("/metrics", get(figures))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(metrics);
    // Whoever hangs must not keep the venue from ending: nobody is waited for.
    let (_answering, stop) = watch::channel(false);
    tokio::select! {
        () = accept::answer(listener, app, PATIENCE, stop) => {}
        _ = stopped => {}
    }
    Ok(())
}

async fn figures(State(metrics): State<Arc<Metrics>>) -> Response {
    // Disks and locks may let one wait.
    match spawn_blocking(move || metrics.page()).await {
        Ok(page) => ([(header::CONTENT_TYPE, OPEN_METRICS)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn live(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.is_live() {
        true => "alive\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the engine has ended\n").into_response(),
    }
}

async fn ready(State(metrics): State<Arc<Metrics>>) -> Response {
    let Ok(found) = spawn_blocking(move || metrics.readiness()).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = if found.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&found).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
