//! A comparison: a figure of one series by a figure of another, both of the same turn.

use serde::Serialize;

use crate::experiment::Series;
use crate::grid;
use crate::run::Point;

/// One number of a point; none where it cannot be stated.
pub(crate) type Figure = fn(&Point) -> Option<u64>;

pub(crate) const P50: Figure = |point| point.response.p50;
pub(crate) const P99: Figure = |point| point.response.p99;
pub(crate) const P999: Figure = |point| point.response.p999;
pub(crate) const MESSAGES: Figure = |point| Some(point.achieved_per_s);
pub(crate) const FILLS: Figure = |point| Some(point.fills_per_s);

/// Which way a ratio should lie, and its target where there is one.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost(Option<f64>),
    AtLeast(Option<f64>),
}

/// One row of a table of comparisons: a figure of one series by a figure of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison<N> {
    pub(crate) measure: &'static str,
    pub(crate) bound: Bound,
    pub(crate) of: Side<N>,
    pub(crate) by: Side<N>,
}

/// One side of a comparison: a figure of the series of this name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<N> {
    pub(crate) name: N,
    pub(crate) figure: Figure,
}

/// What a comparison found: a ratio of each turn in which both figures can be stated.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) measure: &'static str,
    pub(crate) bound: Bound,
    pub(crate) ratios: Vec<f64>,
}

impl<N> Series<N, Point> {
    /// A figure of this series by one of another, turn by turn.
    pub(crate) fn by(&self, figure: Figure, other: &Self, others: Figure) -> Vec<f64> {
        let turns = self.turns.iter().zip(&other.turns);
        turns.filter_map(|(of, by)| ratio(sound(of, figure), sound(by, others))).collect()
    }
}

impl<N: Copy + PartialEq> Comparison<N> {
    /// Finds both series; without one of them there are no ratios.
    pub(crate) fn within(&self, series: &[Series<N, Point>]) -> Compared {
        let Self { measure, bound, of, by } = *self;
        let ratios = find(series, of.name).zip(find(series, by.name));
        let ratios =
            ratios.map(|(one, other)| one.by(of.figure, other, by.figure)).unwrap_or_default();
        Compared { measure, bound, ratios }
    }
}

impl Compared {
    pub(crate) fn median(&self) -> Option<f64> {
        self.bound.median(&self.ratios)
    }

    /// Whether the target is reached; none without a target or without a ratio.
    pub(crate) fn holds(&self) -> Option<bool> {
        let median = self.median()?;
        match self.bound {
            Bound::AtMost(most) => most.map(|most| median <= most),
            Bound::AtLeast(least) => least.map(|least| least <= median),
        }
    }

    fn cells(&self) -> Vec<String> {
        let target = match self.bound {
            Bound::AtMost(Some(most)) => format!("<= {most} x"),
            Bound::AtLeast(Some(least)) => format!(">= {least} x"),
            Bound::AtMost(None) | Bound::AtLeast(None) => String::new(),
        };
        let holds = match self.holds() {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None if target.is_empty() => "",
            None => "n/a",
        };
        let turns = turns(&self.ratios);
        vec![self.measure.to_owned(), target, show(self.median()), holds.to_owned(), turns]
    }
}

impl Bound {
    /// The middle one; of an even number, the worse of the two in the middle.
    pub(crate) fn median<T: Copy + PartialOrd>(self, values: &[T]) -> Option<T> {
        let mut sorted = values.to_vec();
        sorted.sort_by(|one, other| one.partial_cmp(other).expect("no figure is NaN"));
        let index = match self {
            Self::AtMost(_) => sorted.len() / 2,
            Self::AtLeast(_) => sorted.len().saturating_sub(1) / 2,
        };
        sorted.get(index).copied()
    }
}

/// The series of that name.
fn find<N: PartialEq, M>(series: &[Series<N, M>], name: N) -> Option<&Series<N, M>> {
    series.iter().find(|series| series.name == name)
}

/// A figure of a point; none where the point failed.
fn sound(point: &Point, figure: Figure) -> Option<u64> {
    figure(point).filter(|_| point.failed.is_none())
}

/// None without both figures, and none by zero.
fn ratio(of: Option<u64>, by: Option<u64>) -> Option<f64> {
    let by = by.filter(|by| 0 < *by)?;
    Some(of? as f64 / by as f64)
}

/// A ratio for a table.
pub(crate) fn show(ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if ratio < 10.0 => format!("{ratio:.3} x"),
        Some(ratio) => format!("{ratio:.1} x"),
        None => "n/a".to_owned(),
    }
}

/// The ratios of all turns for a table.
pub(crate) fn turns(ratios: &[f64]) -> String {
    ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" ")
}

/// A row for each comparison; `title` says of what.
pub(crate) fn table(title: &str, rows: &[Compared]) -> String {
    let head = [title, "target", "median", "holds", "turns"];
    grid::lay_out(&head, rows.iter().map(Compared::cells).collect(), &[0, 3, 4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latency;

    fn point(p50: Option<u64>, per_s: u64) -> Point {
        let response = Latency { p50, ..Latency::default() };
        Point { response, achieved_per_s: per_s, fills_per_s: per_s, ..Point::default() }
    }

    fn compared(bound: Bound, ratios: &[f64]) -> Compared {
        Compared { measure: "m", bound, ratios: ratios.to_vec() }
    }

    #[test]
    fn a_ratio_is_of_two_figures_of_the_same_turn() {
        let series = |name, turns: &[Point]| Series { name, turns: turns.to_vec() };
        let one = series("one", &[point(Some(30), 600), point(Some(40), 500), point(None, 100)]);
        let other = series("other", &[point(Some(20), 100), point(Some(10), 50), point(None, 1)]);
        assert_eq!(one.by(P50, &other, P50), [1.5, 4.0]);
        assert_eq!(one.by(MESSAGES, &other, MESSAGES), [6.0, 10.0, 100.0]);
        let bound = Bound::AtLeast(Some(5.0));
        let of = Side { name: "one", figure: FILLS };
        let by = Side { name: "other", figure: FILLS };
        let comparison = Comparison { measure: "m", bound, of, by };
        let found = comparison.within(&[one.clone(), other]);
        assert_eq!(found.median(), Some(10.0), "the median of ratios, no ratio of medians");
        let failed = Point { failed: Some("lost one".to_owned()), ..point(None, 1) };
        for by in [failed, point(None, 0)] {
            let found = comparison.within(&[one.clone(), series("other", &[by])]);
            assert_eq!((found.median(), found.holds()), (None, None));
        }
        assert!(comparison.within(&[one]).ratios.is_empty(), "there is no other");
    }

    #[test]
    fn the_median_of_the_turns_counts() {
        let at_most = |ratios| compared(Bound::AtMost(Some(1.15)), ratios).holds();
        assert_eq!(at_most(&[9.0, 1.1, 1.0, 8.0, 1.15]), Some(true));
        assert_eq!(at_most(&[9.0, 1.2, 1.0, 8.0, 1.15]), Some(false));
        assert_eq!(at_most(&[1.1, 1.2]), Some(false), "of two the worse");
        let at_least = compared(Bound::AtLeast(Some(0.8)), &[0.7, 0.9]);
        assert_eq!(at_least.holds(), Some(false), "of two the worse");
        assert_eq!(at_most(&[]), None);
        assert_eq!(compared(Bound::AtLeast(None), &[1.0]).holds(), None);
    }

    #[test]
    fn the_table_says_what_was_missed() {
        let bound = |least| Bound::AtLeast(Some(least));
        let rows = [compared(bound(2.0), &[1.0]), compared(bound(2.0), &[12.0])];
        let page = table("measure", &rows);
        for text in ["MISSED", "holds", ">= 2 x", "1.000 x", "12.0 x"] {
            assert!(page.contains(text), "{text}:\n{page}");
        }
    }
}
