//! Latencies: percentiles of a histogram, as deep as its count allows.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest time that is recorded, a minute; longer ones count as a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// A percentile is stated where at least ten samples lie above it.
const SAMPLES_ABOVE: f64 = 10.0;

/// Points of a spectrum for each halving of what is left to 100 %.
const TICKS_PER_HALF: u32 = 5;

/// A histogram of nanoseconds, three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    with_digits(3)
}

/// A histogram of nanoseconds for one second of a run, two digits: there are many of them.
pub(crate) fn rough_histogram() -> Histogram<u64> {
    with_digits(2)
}

fn with_digits(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, digits).expect("fixed bounds that are in order")
}

/// Figures of a histogram, in nanoseconds. A percentile that its count does not support is missing.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) min: u64,
    pub(crate) mean: u64,
    pub(crate) p50: Option<u64>,
    pub(crate) p90: Option<u64>,
    pub(crate) p99: Option<u64>,
    pub(crate) p999: Option<u64>,
    pub(crate) p9999: Option<u64>,
    pub(crate) max: u64,
    /// Percentile and nanoseconds.
    pub(crate) spectrum: Vec<(f64, u64)>,
}

impl Latency {
    /// All of it.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| percentile(histogram, quantile);
        let points = histogram.iter_quantiles(TICKS_PER_HALF);
        let points =
            points.map(|point| (percent(point.quantile_iterated_to()), point.value_iterated_to()));
        Self {
            count: histogram.len(),
            min: histogram.min(),
            mean: whole(histogram.mean()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: histogram.max(),
            spectrum: points.collect(),
        }
    }
}

/// The value at a quantile, if the count supports it: p99 from 1,000 samples on, p99.9 from 10,000,
/// p99.99 from 100,000.
pub(crate) fn percentile(histogram: &Histogram<u64>, quantile: f64) -> Option<u64> {
    // The product has a rounding error, so the comparison has a margin.
    let above = histogram.len() as f64 * (1.0 - quantile);
    (SAMPLES_ABOVE - 1e-6 <= above).then(|| histogram.value_at_quantile(quantile))
}

/// A quantile in percent, to nine decimals: it reads back from JSON unchanged.
fn percent(quantile: f64) -> f64 {
    (quantile * 1e11).round() / 1e9
}

/// A positive double as a whole number.
pub(crate) fn whole(value: f64) -> u64 {
    format!("{value:.0}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_count(count: u64) -> Latency {
        let mut histogram = histogram();
        (1..=count).for_each(|value| histogram.saturating_record(value));
        Latency::of(&histogram)
    }

    #[test]
    fn a_percentile_is_as_deep_as_the_count_allows() {
        let depth = |count| {
            let latency = of_count(count);
            [latency.p50, latency.p90, latency.p99, latency.p999, latency.p9999]
                .iter()
                .filter(|percentile| percentile.is_some())
                .count()
        };
        let depths = [(0, 0), (19, 0), (20, 1), (99, 1), (100, 2), (999, 2), (1_000, 3)];
        for (count, expected) in depths {
            assert_eq!(depth(count), expected, "{count}");
        }
        for (count, expected) in [(9_999, 3), (10_000, 4), (99_999, 4), (100_000, 5)] {
            assert_eq!(depth(count), expected, "{count}");
        }
    }

    #[test]
    fn three_digits_are_kept_and_what_is_too_long_is_counted() {
        let latency = of_count(1_000);
        assert_eq!((latency.count, latency.min, latency.max), (1_000, 1, 1_000));
        assert_eq!(latency.p99, Some(990));
        let mut histogram = histogram();
        histogram.saturating_record(u64::MAX);
        assert_eq!(histogram.len(), 1);
        assert!(LONGEST_NS <= histogram.max());
    }

    #[test]
    fn a_spectrum_rises_to_the_greatest() {
        let latency = of_count(5_000);
        let values: Vec<_> = latency.spectrum.iter().map(|(_, value)| *value).collect();
        assert!(values.is_sorted());
        assert!(values.last().unwrap().abs_diff(5_000) < 8, "{values:?}");
        assert!((latency.spectrum.last().unwrap().0 - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_double_is_made_whole() {
        assert_eq!((whole(0.4), whole(1_234.5), whole(-3.0)), (0, 1_234, 0));
    }
}
