//! A chart as uPlot is told to draw it: what `assets/report.js` reads out of the page.

use serde::Serialize;

/// One picture, with lines or with stacked bars.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// What is left out, or how to read it.
    pub(crate) note: String,
    pub(crate) kind: Kind,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// The names of the bars; lines have none.
    pub(crate) bars: Vec<String>,
    pub(crate) series: Vec<Series>,
    /// Places on the x axis that have a name.
    pub(crate) marks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Lines,
    Bars,
}

/// One direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Axis {
    pub(crate) title: &'static str,
    pub(crate) logarithmic: bool,
    pub(crate) unit: Unit,
}

/// How a number on an axis is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Nanoseconds,
    Seconds,
    Rate,
    /// `1 / (1 - p)`, written as p in percent.
    Percentile,
}

/// One line, or the parts of one name in all bars.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// The run that it belongs to, which chooses its colour; of bars the place of the part.
    pub(crate) colour: usize,
    /// From 0, faint, to 1: a run's points under rising load become stronger.
    pub(crate) strength: f64,
    pub(crate) dash: Dash,
    pub(crate) points: Vec<(f64, f64)>,
}

/// How a line is drawn: a percentile each has its own, whatever the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Chart {
    /// Whether there is more to see than a dot in a frame.
    pub(crate) fn is_worth_drawing(&self) -> bool {
        match self.kind {
            Kind::Lines => self.series.iter().any(|line| 1 < line.points.len()),
            Kind::Bars => !self.series.is_empty(),
        }
    }
}
