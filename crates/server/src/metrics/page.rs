//! Writing figures down, one family after another.

use std::fmt::Error;

use node::Spread;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Labels of a figure.
pub type Labels<const N: usize> = [(&'static str, String); N];

/// Nanoseconds of a second: what times are counted in, and what they are told in.
pub const SECOND: f64 = 1e9;

/// Where figures are written to.
pub struct Page<'a>(pub DescriptorEncoder<'a>);

impl Page<'_> {
    /// A figure that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        self.begin(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// The same, where it may be unknown.
    pub fn maybe(&mut self, name: &str, help: &str, value: Option<f64>) -> Result<(), Error> {
        let mut encoder = self.begin(name, help, MetricType::Gauge)?;
        value.map_or(Ok(()), |value| encoder.encode_gauge(&value))
    }

    /// One of each of several things.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<N>, f64)>,
    ) -> Result<(), Error> {
        let mut encoder = self.begin(name, help, MetricType::Gauge)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A figure that only goes up. `_total` is added to its name.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        let mut encoder = self.begin(name, help, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, f64, f64>(&value, None)
    }

    /// One of each of several things.
    pub fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<N>, f64)>,
    ) -> Result<(), Error> {
        let mut encoder = self.begin(name, help, MetricType::Counter)?;
        for (labels, value) in values {
            let mut encoder = encoder.encode_family(&labels)?;
            encoder.encode_counter::<NoLabelSet, f64, f64>(&value, None)?;
        }
        Ok(())
    }

    /// How numbers are spread, each divided by a scale.
    pub fn spread(
        &mut self,
        name: &str,
        help: &str,
        spread: &Spread,
        scale: f64,
    ) -> Result<(), Error> {
        encode(self.begin(name, help, MetricType::Histogram)?, spread, scale)
    }

    /// One of each of several things.
    pub fn spreads<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        scale: f64,
        spreads: impl IntoIterator<Item = (Labels<N>, &'a Spread)>,
    ) -> Result<(), Error> {
        let mut encoder = self.begin(name, help, MetricType::Histogram)?;
        for (labels, spread) in spreads {
            encode(encoder.encode_family(&labels)?, spread, scale)?;
        }
        Ok(())
    }

    /// What a thing is, in words.
    pub fn info<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: &Labels<N>,
    ) -> Result<(), Error> {
        self.begin(name, help, MetricType::Info)?.encode_info(labels)
    }

    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}

/// Bounds are powers of two. For times those below a microsecond are told together.
fn encode(mut encoder: MetricEncoder<'_>, spread: &Spread, scale: f64) -> Result<(), Error> {
    let counts = spread.counts();
    let (first, last) = if scale > 1.0 { (10, counts.len() - 2) } else { (0, 14) };
    let bound = |place: usize| (1_u64 << place) as f64 / scale;
    let below: u64 = counts[..=first].iter().sum();
    let beyond: u64 = counts[last..].iter().sum();
    let middle = (first + 1..last).map(|place| (bound(place), counts[place]));
    let ends = [(f64::INFINITY, beyond)];
    let buckets: Vec<(f64, u64)> =
        [(bound(first), below)].into_iter().chain(middle).chain(ends).collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram::<NoLabelSet>(spread.sum() as f64 / scale, count, &buckets, None)
}
