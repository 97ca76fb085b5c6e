//! A line chart as one SVG element that needs no other file.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 45.0;

/// From one name of a line to the next.
const NAME_HEIGHT: f64 = 14.0;

/// A palette that people with colour blindness can tell apart.
pub(crate) const COLOURS: &[&str] =
    &["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00"];

/// One direction.
pub(crate) struct Axis {
    pub(crate) title: &'static str,
    /// Logarithmic or linear.
    pub(crate) logarithmic: bool,
    /// Formats the label of a tick.
    pub(crate) show: fn(f64) -> String,
}

/// One line.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) dashed: bool,
}

/// An axis laid over what is to be shown.
struct Scale<'a> {
    axis: &'a Axis,
    low: f64,
    high: f64,
}

impl<'a> Scale<'a> {
    fn new(axis: &'a Axis, values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
        }
        if axis.logarithmic {
            (low, high) = (low.max(f64::MIN_POSITIVE).log10(), high.max(f64::MIN_POSITIVE).log10());
        } else {
            low = low.min(0.0);
        }
        let high = if high - low < 1e-9 { low + 1.0 } else { high };
        Self { axis, low, high }
    }

    /// Where a value is, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let value = if self.axis.logarithmic { value.log10() } else { value };
        (value - self.low) / (self.high - self.low)
    }

    /// Round values between the ends.
    fn ticks(&self) -> Vec<f64> {
        if self.axis.logarithmic { self.factors() } else { self.steps() }
    }

    fn factors(&self) -> Vec<f64> {
        let mantissas: &[f64] = if self.high - self.low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = Vec::new();
        let mut exponent = self.low.floor();
        while exponent <= self.high {
            ticks.extend(mantissas.iter().map(|mantissa| mantissa * 10_f64.powf(exponent)));
            exponent += 1.0;
        }
        ticks.retain(|tick| (-1e-9..=1.0 + 1e-9).contains(&self.place(*tick)));
        ticks
    }

    fn steps(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| rough <= *step).unwrap_or(rough);
        let (mut ticks, mut count) = (Vec::new(), (self.low / step).ceil());
        while count * step <= self.high + step * 1e-9 {
            // Nine decimals: a sum of doubles would be shown as 0.6000000000000001.
            ticks.push((count * step * 1e9).round() / 1e9);
            count += 1.0;
        }
        ticks
    }
}

/// Draws the chart; a sentence if there are no points.
pub(crate) fn draw(x: &Axis, y: &Axis, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|line| &line.points);
    if points().next().is_none() {
        return "<p>nothing to draw</p>".to_owned();
    }
    let across = Scale::new(x, points().map(|(x, _)| *x));
    let up = Scale::new(y, points().map(|(_, y)| *y));
    let at = |(x, y): (f64, f64)| {
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        (LEFT + across.place(x) * width, TOP + (1.0 - up.place(y)) * height)
    };
    // Many names need more room than the frame.
    let height = HEIGHT.max(TOP + NAME_HEIGHT * (series.len() as f64 + 1.0));
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n");
    axes(&mut svg, &across, &up);
    for (place, line) in series.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let dash = if line.dashed { " stroke-dasharray=\"5 3\"" } else { "" };
        let _ = write!(svg, "<g class=\"series\"><g class=\"line\" stroke=\"{colour}\"{dash}>");
        let places = line.points.iter().map(|point| at(*point));
        let path: Vec<_> = places.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, "<polyline points=\"{}\"/>", path.join(" "));
        // A line of one point would not be seen.
        if let (1, Some((x, y))) = (path.len(), places.clone().next()) {
            let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
        }
        let down = TOP + NAME_HEIGHT * place as f64 + 8.0;
        let beside = WIDTH - RIGHT + 14.0;
        let name = escape(&line.name);
        let _ = writeln!(
            svg,
            "</g><text class=\"key\" x=\"{beside}\" y=\"{down}\" fill=\"{colour}\">{name}\
             </text></g>"
        );
    }
    svg + "</svg>\n"
}

fn axes(svg: &mut String, across: &Scale<'_>, up: &Scale<'_>) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in across.ticks() {
        let x = LEFT + across.place(tick) * (right - LEFT);
        let shown = (across.axis.show)(tick);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{shown}</text>",
            bottom + 14.0
        );
    }
    for tick in up.ticks() {
        let y = bottom - up.place(tick) * (bottom - TOP);
        let shown = (up.axis.show)(tick);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    let (middle, under) = ((LEFT + right) / 2.0, HEIGHT - 10.0);
    let half = (TOP + bottom) / 2.0;
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{middle}\" y=\"{under}\" text-anchor=\"middle\">{}</text>\
         <text class=\"title\" transform=\"translate(14 {half}) rotate(-90)\" \
         text-anchor=\"middle\">{}</text>",
        across.axis.title, up.axis.title
    );
}

/// Escapes a text for HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(logarithmic: bool) -> Axis {
        Axis { title: "t", logarithmic, show: |value| format!("{value}") }
    }

    #[test]
    fn ticks_are_round() {
        let linear = axis(false);
        let scale = Scale::new(&linear, [0.0, 97.0].into_iter());
        assert_eq!(scale.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0]);
        let scale = Scale::new(&linear, [0.0, 1.0].into_iter());
        assert_eq!(scale.ticks(), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        let logarithmic = axis(true);
        let scale = Scale::new(&logarithmic, [1.0, 100_000.0].into_iter());
        assert_eq!(scale.ticks().len(), 6);
        assert!((scale.place(1_000.0) - 0.6).abs() < 1e-9);
    }

    #[test]
    fn every_line_is_inside_the_frame() {
        let points = vec![(1.0, 10.0), (10.0, 1_000.0), (1_000.0, 30.0)];
        let line = Series { name: "a<b".to_owned(), points, dashed: true };
        let svg = draw(&axis(true), &axis(true), &[line]);
        let path = svg.split("polyline points=\"").nth(1).unwrap().split('"').next().unwrap();
        for point in path.split(' ') {
            let (x, y) = point.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{point}");
            assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{point}");
        }
        assert!(svg.contains("a&lt;b"));
    }

    #[test]
    fn nothing_and_one_point_can_be_drawn() {
        assert!(draw(&axis(true), &axis(true), &[]).contains("nothing to draw"));
        let line = Series { name: String::new(), points: vec![(5.0, 5.0)], dashed: false };
        assert!(draw(&axis(true), &axis(false), &[line]).contains("<circle"));
    }
}
