//! Metrics as text, by the library that knows the format.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::engine::{Durations, duration_bound};

/// What tells samples of a family apart.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A metric, with all its samples.
#[derive(Debug)]
pub(super) struct Family {
    /// Without the ending that its kind gives it.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) samples: Samples,
}

/// The samples of a metric, of one kind.
#[derive(Debug)]
pub(super) enum Samples {
    Counts(Vec<(Labels, u64)>),
    /// A counter of seconds.
    Seconds(Vec<(Labels, f64)>),
    Gauges(Vec<(Labels, f64)>),
    Durations(Vec<(Labels, Durations)>),
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        for Family { name, help, samples } in &self.0 {
            let kind = match samples {
                Samples::Counts(_) | Samples::Seconds(_) => MetricType::Counter,
                Samples::Gauges(_) => MetricType::Gauge,
                Samples::Durations(_) => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            match samples {
                Samples::Counts(samples) => each(&mut metric, samples, |metric, count| {
                    metric.encode_counter::<NoLabelSet, _, u64>(count, None)
                }),
                Samples::Seconds(samples) => each(&mut metric, samples, |metric, seconds| {
                    metric.encode_counter::<NoLabelSet, _, f64>(seconds, None)
                }),
                Samples::Gauges(samples) => {
                    each(&mut metric, samples, |metric, gauge| metric.encode_gauge(gauge))
                }
                Samples::Durations(samples) => each(&mut metric, samples, |metric, durations| {
                    let classes = durations.counts.iter().enumerate();
                    let buckets: Vec<(f64, u64)> = classes
                        .map(|(class, count)| {
                            (duration_bound(class).map_or(f64::INFINITY, |bound| bound.as_secs_f64()), *count)
                        })
                        .collect();
                    let count = durations.counts.iter().sum();
                    metric.encode_histogram::<NoLabelSet>(
                        durations.total.as_secs_f64(),
                        count,
                        &buckets,
                        None,
                    )
                }),
            }?;
        }
        Ok(())
    }
}

fn each<T>(
    metric: &mut MetricEncoder<'_>,
    samples: &[(Labels, T)],
    mut encode: impl FnMut(&mut MetricEncoder<'_>, &T) -> std::fmt::Result,
) -> std::fmt::Result {
    for (labels, value) in samples {
        match labels.is_empty() {
            true => encode(metric, value)?,
            false => encode(&mut metric.encode_family(labels)?, value)?,
        }
    }
    Ok(())
}

/// The text of all families.
pub(super) fn encoded(families: Vec<Family>) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}
