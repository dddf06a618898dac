//! Everything that is told to Prometheus: families of series with their names, labels and values, and how they are
//! written. It must not know what is counted.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::histogram::{Histogram, Observed};

/// The labels of a series: names and values.
pub(crate) type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// How families are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' text, version 0.0.4.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What is said of it in `Content-Type`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[derive(Debug, Clone)]
enum Value {
    Count(u64),
    Parts(f64),
    Gauge(f64),
    Histogram(Observed),
}

/// All series of one name.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    /// Its name; of a counter without `_total`.
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    series: Vec<(Labels, Value)>,
}

impl Family {
    /// One more series of a counter.
    pub(crate) fn count(&mut self, labels: impl Into<Labels>, value: u64) {
        self.add(labels, Value::Count(value));
    }

    /// The same with parts of a whole.
    pub(super) fn count_parts(&mut self, labels: impl Into<Labels>, value: f64) {
        self.add(labels, Value::Parts(value));
    }

    /// One more series of a gauge.
    pub(crate) fn set(&mut self, labels: impl Into<Labels>, value: f64) {
        self.add(labels, Value::Gauge(value));
    }

    /// One more series of a histogram.
    pub(crate) fn times(&mut self, labels: impl Into<Labels>, histogram: &Histogram) {
        self.add(labels, Value::Histogram(histogram.read()));
    }

    fn add(&mut self, labels: impl Into<Labels>, value: Value) {
        self.series.push((labels.into(), value));
    }
}

/// All families, in the order in which they are told.
#[derive(Debug, Default)]
pub(crate) struct Families(Vec<Family>);

impl Families {
    /// A counter of this name, which ends in `_total`.
    pub(crate) fn counter(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        debug_assert!(name.ends_with("_total"), "{name}");
        // The ending is of its series only, and is added to them.
        let name = name.strip_suffix("_total").unwrap_or(name);
        self.family(name, help, MetricType::Counter)
    }

    /// A gauge.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, help, MetricType::Gauge)
    }

    /// A histogram of times in seconds.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        debug_assert!(name.ends_with("_seconds"), "{name}");
        self.family(name, help, MetricType::Histogram)
    }

    fn family(&mut self, name: &'static str, help: &'static str, kind: MetricType) -> &mut Family {
        self.0.push(Family {
            name,
            help,
            kind,
            series: Vec::new(),
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn write(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut written = String::new();
        match format {
            Format::Text => prometheus_text::encode(&mut written, &registry)?,
            Format::OpenMetrics => text::encode(&mut written, &registry)?,
        }
        Ok(written)
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in &self.0 {
            let Family {
                name,
                help,
                kind,
                series,
            } = family;
            let mut metric = encoder.encode_descriptor(name, help, None, *kind)?;
            for (labels, value) in series {
                match labels.is_empty() {
                    true => write_value(value, &mut metric)?,
                    false => write_value(value, &mut metric.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}

fn write_value(value: &Value, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    match value {
        Value::Count(value) => metric.encode_counter::<NoLabelSet, _, f64>(value, None),
        Value::Parts(value) => metric.encode_counter::<NoLabelSet, _, f64>(value, None),
        Value::Gauge(value) => metric.encode_gauge(value),
        Value::Histogram(observed) => metric.encode_histogram::<NoLabelSet>(
            observed.sum,
            observed.count,
            &observed.buckets,
            None,
        ),
    }
}
