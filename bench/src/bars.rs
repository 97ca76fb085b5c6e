//! Stacked bars as one SVG element that needs no other file.

use std::fmt::Write;

use crate::chart::{COLOURS, escape};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 30.0;

/// From one bar to the next, and how much of it is bar.
const BAR_STEP: f64 = 26.0;
const BAR_HEIGHT: f64 = 18.0;

/// From one name of a part to the next.
const KEY_STEP: f64 = 78.0;

/// One bar.
pub(crate) struct Bar {
    pub(crate) name: String,
    /// The name of each part and its length. Parts of one name have one colour.
    pub(crate) parts: Vec<(String, f64)>,
}

impl Bar {
    fn length(&self) -> f64 {
        self.parts.iter().map(|(_, length)| length).sum()
    }
}

/// Draws the bars one under the other, on one scale; a sentence if there is nothing to draw.
pub(crate) fn draw(bars: &[Bar], show: fn(f64) -> String) -> String {
    let longest = bars.iter().map(Bar::length).fold(0.0, f64::max);
    if longest <= 0.0 {
        return "<p>nothing to draw</p>".to_owned();
    }
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in bars.iter().flat_map(|bar| &bar.parts) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let height = TOP + BAR_STEP * bars.len() as f64;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n");
    for (place, name) in names.iter().enumerate() {
        let (x, colour, name) = (LEFT + KEY_STEP * place as f64, colour(place), escape(name));
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"14\" fill=\"{colour}\">{name}</text>");
    }
    for (place, bar) in bars.iter().enumerate() {
        let top = TOP + BAR_STEP * place as f64;
        draw_bar(&mut svg, bar, top, |name| {
            let place = names.iter().position(|known| *known == name).unwrap_or_default();
            (colour(place), (WIDTH - LEFT - RIGHT) / longest, show)
        });
    }
    svg + "</svg>\n"
}

type Look = (&'static str, f64, fn(f64) -> String);

fn draw_bar(svg: &mut String, bar: &Bar, top: f64, look: impl Fn(&str) -> Look) {
    let line = top + BAR_HEIGHT - 5.0;
    let beside = LEFT - 8.0;
    let name = escape(&bar.name);
    let _ = writeln!(svg, "<text x=\"{beside}\" y=\"{line}\" text-anchor=\"end\">{name}</text>");
    let mut x = LEFT;
    let mut total = String::new();
    for (name, length) in &bar.parts {
        let (colour, scale, show) = look(name);
        let (width, title) = (length * scale, format!("{}: {}", escape(name), show(*length)));
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" \
             fill=\"{colour}\"><title>{title}</title></rect>"
        );
        x += width;
        total = show(bar.length());
    }
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{line}\">{total}</text>", x + 6.0);
}

fn colour(place: usize) -> &'static str {
    COLOURS[place % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, lengths: &[f64]) -> Bar {
        let parts = ["one", "two"].into_iter().map(str::to_owned).zip(lengths.iter().copied());
        Bar { name: name.to_owned(), parts: parts.collect() }
    }

    fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
        let rects = svg.split("<rect").skip(1);
        let value = |rect: &str| rect.split(attribute).nth(1)?.split('"').next()?.parse().ok();
        rects.filter_map(value).collect()
    }

    #[test]
    fn parts_follow_one_another_on_one_scale() {
        let svg = draw(&[bar("a<b", &[1.0, 3.0]), bar("c", &[2.0])], |value| format!("{value}"));
        let (starts, widths) = (numbers(&svg, " x=\""), numbers(&svg, " width=\""));
        assert_eq!((starts.len(), widths.len()), (3, 3));
        assert!((widths[1] - 3.0 * widths[0]).abs() < 0.3, "{widths:?}");
        assert!((widths[2] - 2.0 * widths[0]).abs() < 0.3, "{widths:?}");
        assert!((starts[1] - starts[0] - widths[0]).abs() < 0.3, "{starts:?}");
        assert!((starts[1] + widths[1] - (WIDTH - RIGHT)).abs() < 0.3, "the longest fills it");
        assert!(svg.contains("a&lt;b") && svg.contains("<title>two: 3</title>"), "{svg}");
    }

    #[test]
    fn no_length_is_nothing_to_draw() {
        assert!(draw(&[bar("a", &[0.0])], |_| String::new()).contains("nothing to draw"));
        assert!(draw(&[], |_| String::new()).contains("nothing to draw"));
    }
}
