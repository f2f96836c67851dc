//! Clients that mean harm, that misbehave, and that vanish; and what they may rely on.

#![allow(clippy::unwrap_used)]

#[path = "hostile/certificate.rs"]
mod certificate;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/linked.rs"]
mod linked;
#[path = "hostile/sessions.rs"]
mod sessions;
#[path = "hostile/slow.rs"]
mod slow;
#[path = "hostile/socket.rs"]
mod socket;
#[path = "hostile/tls.rs"]
mod tls;
#[path = "methods/venue.rs"]
mod venue;
