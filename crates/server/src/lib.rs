//! The venue as a service: JSON-RPC over HTTP and WebSocket.

#![deny(missing_docs)]

mod accept;
pub mod auth;
pub mod backup;
mod call;
mod changes;
mod channels;
mod control;
pub mod demo;
mod documents;
mod error;
mod feed;
mod greeks;
pub mod history;
mod http;
mod limits;
mod logs;
mod looks;
mod methods;
mod metrics;
mod names;
mod number;
mod params;
mod ranks;
mod registry;
mod risk_curve;
mod rpc;
mod serve;
mod service;
mod shapes;
mod socket;
mod tls;
pub mod upgrade;
mod worker;

pub use limits::LimitRules;
pub use logs::{LogFormat, LogLevel, begin as begin_logs, logger};
#[doc(hidden)]
pub use rpc::{ADMIN_REQUEST_BYTES_MAX, REQUEST_BYTES_MAX, read_all_ways};
pub use serve::{ServeError, ServeOptions, Server};
pub use service::host_ms;
pub use tls::TlsError;
