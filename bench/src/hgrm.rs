//! The `.hgrm` text of a histogram, in the layout of HdrHistogram's Java library and of wrk2, for
//! existing plotters. Values are in microseconds.

use std::fmt::Write;

use hdrhistogram::Histogram;

/// Points for each halving of what is left to 100 %, as the plotters expect.
const TICKS_PER_HALF: u32 = 5;

/// Nanoseconds in the unit of the file.
const SCALE: f64 = 1_000.0;

/// A table of value, percentile, count so far, and 1/(1 - percentile); then three lines of facts.
pub(crate) fn write(histogram: &Histogram<u64>) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes everything");
    line(format!(
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    ));
    let mut count = 0;
    for point in histogram.iter_quantiles(TICKS_PER_HALF) {
        count += point.count_since_last_iteration();
        let value = point.value_iterated_to() as f64 / SCALE;
        let percentile = point.quantile_iterated_to();
        let head = format!("{value:12.3} {percentile:2.12} {count:10}");
        // The fourth column of the last point would be infinite; it is left out.
        if percentile < 1.0 {
            line(format!("{head} {:14.2}", 1.0 / (1.0 - percentile)));
        } else {
            line(head);
        }
    }
    let facts = [
        [("Mean", histogram.mean() / SCALE), ("StdDeviation", histogram.stdev() / SCALE)],
        [("Max", histogram.max() as f64 / SCALE), ("Total count", histogram.len() as f64)],
    ];
    for [(first, one), (second, two)] in facts {
        let decimals = if second == "Total count" { 0 } else { 3 };
        line(format!("#[{first:<7} = {one:12.3}, {second:<14} = {two:12.decimals$}]"));
    }
    let (buckets, sub_buckets) = (histogram.buckets(), histogram.distinct_values());
    let sub_buckets = sub_buckets * 2 / (usize::from(buckets) + 1);
    line(format!("#[{:<7} = {buckets:12}, {:<14} = {sub_buckets:12}]", "Buckets", "SubBuckets"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency;

    fn lines() -> Vec<String> {
        let mut histogram = latency::histogram();
        (1..=1_000).for_each(|value| histogram.saturating_record(value * 1_000));
        write(&histogram).lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_head_is_that_of_the_java_library() {
        let lines = lines();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
    }

    #[test]
    fn the_columns_rise_and_the_last_has_no_fourth() {
        let lines = lines();
        let table: Vec<Vec<f64>> = lines[2..]
            .iter()
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        for pair in table.windows(2) {
            assert!((0..3).all(|column| pair[0][column] <= pair[1][column]), "{pair:?}");
        }
        let (last, others) = table.split_last().unwrap();
        assert_eq!((last.len(), last[1], last[2]), (3, 1.0, 1_000.0));
        assert!(others.iter().all(|line| line.len() == 4));
    }

    #[test]
    fn the_foot_has_the_facts_that_plotters_look_for() {
        let lines = lines();
        let foot = &lines[lines.len() - 3..];
        assert!(foot[0].starts_with("#[Mean    =      500."), "{}", foot[0]);
        assert!(foot[0].contains(", StdDeviation   =      288."), "{}", foot[0]);
        assert!(foot[1].ends_with(", Total count    =         1000]"), "{}", foot[1]);
        assert!(foot[2].ends_with(", SubBuckets     =         2048]"), "{}", foot[2]);
    }
}
