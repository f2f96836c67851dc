//! The page of all figures.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use node::Handle;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::page::{Labels, Page, SECOND};
use super::requests::{Ended, Requests};
use super::{Metrics, engine_figures, process};
use crate::service::Service;

/// Writes figures when they are asked for.
#[derive(Debug)]
struct Figures(Arc<Metrics>);

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.0.write(&mut Page(encoder))
    }
}

impl Metrics {
    /// All figures, in the text format of OpenMetrics.
    pub fn page(self: &Arc<Self>) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Figures(Arc::clone(self))));
        let mut page = String::new();
        encode(&mut page, &registry).expect("text can be written to memory");
        page
    }

    fn write(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        page.info("plimsoll_build", "The program", &[("version", version)])?;
        page.gauge("plimsoll_uptime_seconds", "Since the start", self.age().as_secs_f64())?;
        let is_ready = f64::from(u8::from(self.readiness().ready));
        page.gauge("plimsoll_ready", "Whether clients can be served: /health/ready", is_ready)?;
        self.write_requests(page)?;
        self.waterfall.write(page)?;
        page.spread(
            "plimsoll_epoch_preparation_seconds",
            "How long preparing a risk epoch took",
            &self.epochs_prepared,
            SECOND,
        )?;
        let disk = (self.disk)(&self.data);
        let free = disk.map(|(free, _)| free as f64);
        page.maybe("plimsoll_disk_free_bytes", "Room on the disk of the data folder", free)?;
        let part = disk.map(|(free, all)| free as f64 / all.max(1) as f64);
        page.maybe("plimsoll_disk_free_ratio", "The same as a part of the disk", part)?;
        process::write(page)?;
        let Some(service) = self.service() else { return Ok(()) };
        self.write_node(page, &service.node)?;
        self.write_venue(page, &service)
    }

    fn write_requests(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let sides = [("clients", &*self.clients), ("operators", &*self.operators)];
        let times = sides.iter().flat_map(|(side, requests)| {
            requests.times().map(|(method, time)| (named(side, method), time))
        });
        page.spreads(
            "plimsoll_request_duration_seconds",
            "From when a call was read to when its answer was made",
            SECOND,
            times,
        )?;
        let counts = sides.iter().flat_map(|(side, requests)| {
            requests.counts().into_iter().map(|(method, code, count)| {
                let [side, method] = named(side, method);
                ([side, method, ("code", code.to_string())], count as f64)
            })
        });
        page.counters("plimsoll_requests", "Calls by code, 0 being a result", counts)?;
        let mut counter = |name: &str, help: &str, value: fn(&Requests) -> &AtomicU64| {
            let sides = sides.iter().map(|(side, requests)| {
                ([("listener", (*side).to_owned())], value(requests).load(Relaxed) as f64)
            });
            page.counters(name, help, sides)
        };
        counter("plimsoll_rate_limited", "Calls turned away by the rates", |all| &all.limited)?;
        counter("plimsoll_logins_refused", "Logins refused", |all| &all.logins_refused)?;
        counter("plimsoll_server_faults", "Calls that failed by the venue's own fault", |all| {
            &all.faults
        })?;
        let ended = sides.iter().flat_map(|(side, requests)| {
            requests.ended().map(|(why, count)| {
                let labels: Labels<2> =
                    [("listener", (*side).to_owned()), ("reason", why.name().to_owned())];
                (labels, count as f64)
            })
        });
        page.counters("plimsoll_connections_ended", "WebSocket connections that ended", ended)?;
        let ended = sides.iter().flat_map(|(_, requests)| requests.ended());
        let slow = ended.filter(|(why, _)| *why == Ended::Slow).map(|(_, count)| count);
        let slow: u64 = slow.sum();
        page.counter(
            "plimsoll_slow_readers",
            "WebSocket connections closed since they did not read",
            slow as f64,
        )
    }

    fn write_node(&self, page: &mut Page<'_>, node: &Handle) -> Result<(), Error> {
        let (meter, status) = (node.meter(), node.status());
        let queued = meter.queued() as f64;
        page.gauge("plimsoll_queue_depth", "What waits for the engine", queued)?;
        page.gauge("plimsoll_queue_max", "What may wait at most", node.queue_max() as f64)?;
        let part = queued / node.queue_max().max(1) as f64;
        page.gauge("plimsoll_queue_fill_ratio", "The same as a part of it", part)?;
        let count = |count: &AtomicU64| count.load(Relaxed) as f64;
        page.counter(
            "plimsoll_queue_refused",
            "Commands refused by a full queue",
            count(&meter.refused),
        )?;
        page.counter("plimsoll_commands", "Commands that are durable", count(&meter.commands))?;
        page.counter("plimsoll_events", "What happened by them", count(&meter.events))?;
        page.counter("plimsoll_journal_bytes", "Bytes given to the journal", count(&meter.bytes))?;
        page.spread("plimsoll_batch_commands", "Commands synced together", &meter.batches, 1.0)?;
        let mut times = |name, help, spread| page.spread(name, help, spread, SECOND);
        times("plimsoll_journal_sync_seconds", "Writing and syncing a batch", &meter.synced)?;
        times("plimsoll_apply_seconds", "Applying a batch, margin included", &meter.applied)?;
        times(
            "plimsoll_command_duration_seconds",
            "From when a command was handed in until it was durable",
            &meter.durable,
        )?;
        let [sync, command] = self.seen().worst().map(|worst| worst as f64 / SECOND);
        page.gauge("plimsoll_journal_sync_worst_seconds", "The slowest sync of a minute", sync)?;
        page.gauge("plimsoll_command_worst_seconds", "The slowest command of a minute", command)?;
        let ended = f64::from(u8::from(meter.has_ended.load(Relaxed)));
        page.gauge("plimsoll_engine_ended", "Whether the engine has ended", ended)?;
        page.gauge(
            "plimsoll_engine_silence_seconds",
            "How long the engine has owed an answer",
            self.silence().as_secs_f64(),
        )?;
        page.gauge("plimsoll_sequence", "The last durable command", status.released as f64)?;
        let (snapshot, since) = (status.snapshot, self.seen().snapshot);
        let behind = status.released.saturating_sub(snapshot) as f64;
        page.gauge("plimsoll_snapshot_lag_commands", "Commands since the last snapshot", behind)?;
        page.maybe(
            "plimsoll_snapshot_age_seconds",
            "Since the newest snapshot, or the start after it",
            since.map(|(_, since)| since.elapsed().as_secs_f64()),
        )?;
        let failed = f64::from(u8::from(status.snapshot_error.is_some()));
        page.gauge("plimsoll_snapshot_failed", "Whether the last snapshot failed", failed)
    }

    fn write_venue(&self, page: &mut Page<'_>, service: &Service) -> Result<(), Error> {
        let (feed, history) = self.lags();
        page.gauge(
            "plimsoll_feed_lag_commands",
            "Commands that clients can't see yet",
            feed as f64,
        )?;
        page.gauge(
            "plimsoll_history_lag_commands",
            "Commands that are not in the history yet",
            history as f64,
        )?;
        let operators = self.admin();
        let sides = [("clients", Some(service)), ("operators", operators.as_deref())];
        let open = sides.iter().filter_map(|(side, service)| {
            let count = service.as_ref()?.connections.count();
            Some(([("listener", (*side).to_owned())], count as f64))
        });
        page.gauges("plimsoll_connections", "WebSocket connections", open)?;
        let (channels, subscriptions) = service.channels.count();
        page.gauge("plimsoll_channels", "Channels that somebody hears", channels as f64)?;
        page.gauge("plimsoll_subscriptions", "Subscriptions to them", subscriptions as f64)?;
        let troubles = service.trouble.all().len();
        page.gauge(
            "plimsoll_worker_troubles",
            "What the venue can't do by itself",
            troubles as f64,
        )?;
        let keys = f64::from(u8::from(service.clients.trouble().is_some()));
        page.gauge("plimsoll_keys_trouble", "Whether the file of keys can't be read", keys)?;
        let is_read_only = f64::from(u8::from(service.control.read_only().is_some()));
        page.gauge("plimsoll_read_only", "Whether clients' writes are refused", is_read_only)?;
        let (health, standing) = {
            let seen = self.seen();
            (seen.health.clone(), seen.standing)
        };
        if let Some(standing) = standing {
            engine_figures::write_standing(page, &standing)?;
        }
        health.map_or(Ok(()), |health| engine_figures::write(page, &health))
    }
}

fn named(side: &str, method: &str) -> Labels<2> {
    [("listener", side.to_owned()), ("method", method.to_owned())]
}
