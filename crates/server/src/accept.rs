//! Connections, from their first byte to their last.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Extension};
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// When it is tried again to accept what could not be.
const AGAIN: Duration = Duration::from_millis(50);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct RemoteAddress(pub SocketAddr);

/// Accepts connections as they are.
pub struct Plain(pub TcpListener);

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Replies are small, and must not wait for more.
                    let _ = stream.set_nodelay(true);
                    return (stream, address);
                }
                // Too many open files, most likely: some may be closed soon.
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Answers who connects until it is to stop; then whoever is being answered still is. A connection ends
/// that is not asked anything, or not all of it, for as long as patience lasts: who only held connections
/// open would hold all that the system has.
pub async fn answer(
    mut listener: impl Listener<Addr = SocketAddr>,
    app: Router,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            (stream, address) = listener.accept() => {
                let app = app.clone().layer(Extension(ConnectInfo(RemoteAddress(address))));
                open.spawn(serve(stream, app, patience, stop.clone()));
            }
            Some(_) = open.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn serve<S>(stream: S, app: Router, patience: Duration, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection.with_upgrades());
    tokio::select! {
        // What goes wrong with a connection ends it, and is its client's to know.
        _ = connection.as_mut() => return,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If nobody can stop it any more it is stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}
