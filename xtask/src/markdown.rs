//! Markdown, as much of it as the checks need: fences, code spans, links, table cells.

use std::ops::Range;

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// Outside of every fence: prose, headings, lists, tables.
    Text,
    /// Inside a fence of this language (empty if it names none).
    Fence(&'a str),
    /// The line that opens or closes a fence.
    Border,
}

/// One line of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) text: &'a str,
    pub(crate) place: Place<'a>,
}

/// The document line by line, each with its place.
pub(crate) fn lines(document: &str) -> Vec<Line<'_>> {
    // The open fence: its marker (three or more of one character) and its language.
    let mut fence: Option<(&str, &str)> = None;
    let place_of = |text| {
        let Some((marker, rest)) = fence_marker(text) else {
            return fence.map_or(Place::Text, |(_, language)| Place::Fence(language));
        };
        match fence {
            None => fence = Some((marker, rest)),
            Some((open, _)) if marker.starts_with(open) && rest.is_empty() => fence = None,
            Some((_, language)) => return Place::Fence(language),
        }
        Place::Border
    };
    let places: Vec<Place<'_>> = document.lines().map(place_of).collect();
    let numbered = document.lines().zip(1..).zip(places);
    numbered.map(|((text, number), place)| Line { number, text, place }).collect()
}

/// The lines outside of fences.
pub(crate) fn text_lines(document: &str) -> impl Iterator<Item = Line<'_>> {
    lines(document).into_iter().filter(|line| line.place == Place::Text)
}

/// The marker of a fence line and what follows it.
fn fence_marker(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let kind = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = text.trim_start_matches(kind);
    let marker = &text[..text.len() - rest.len()];
    // "```x```" on one line is a code span.
    (3 <= marker.len() && !rest.contains('`')).then_some((marker, rest.trim()))
}

/// The insides of the code spans of a line, as byte ranges.
fn span_ranges(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find('`') {
        let open = at + offset;
        let ticks = text[open..].len() - text[open..].trim_start_matches('`').len();
        let inside = open + ticks;
        let marker = &text[open..inside];
        at = inside;
        if let Some(length) = text[inside..].find(marker) {
            spans.push(inside..inside + length);
            at = inside + length + ticks;
        }
    }
    spans
}

/// What stands in backticks on a line.
pub(crate) fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    span_ranges(text).into_iter().map(|span| text[span].trim())
}

/// The line with the inside of every code span replaced by the letter `c`.
pub(crate) fn without_code(text: &str) -> String {
    let spans = span_ranges(text);
    let in_span = |at: usize| spans.iter().any(|span| span.contains(&at));
    text.char_indices().map(|(at, c)| if in_span(at) { 'c' } else { c }).collect()
}

/// The targets of the links and images of a line, without titles.
pub(crate) fn link_targets(text: &str) -> Vec<String> {
    let text = without_code(text);
    let inline = text.match_indices("](").map(|(at, opening)| {
        let rest = &text[at + opening.len()..];
        rest.split(')').next().unwrap_or(rest)
    });
    let reference = text.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    let targets = inline.chain(reference.map(|(_, target)| target));
    targets.filter_map(|target| target.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether a line belongs to a table.
pub(crate) fn is_table(text: &str) -> bool {
    text.trim_start().starts_with('|')
}

/// The first cell of a table's row.
pub(crate) fn first_cell(text: &str) -> Option<&str> {
    is_table(text).then(|| text.trim_start()[1..].split('|').next().unwrap_or("").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_open_and_close_with_the_same_marker() {
        let document = "a\n```sh\nb\n~~~\n```\nc\n~~~~\n~~~\n~~~~\n```x``` y\n";
        let places: Vec<Place<'_>> = lines(document).iter().map(|line| line.place).collect();
        let text = Place::Text;
        let border = Place::Border;
        let sh = Place::Fence("sh");
        let plain = Place::Fence("");
        assert_eq!(places, [text, border, sh, sh, border, text, border, plain, border, text]);
    }

    #[test]
    fn code_spans_are_found_whatever_their_marker() {
        let line = "use `a` and ``b`c`` but not ` this";
        assert_eq!(code_spans(line).collect::<Vec<_>>(), ["a", "b`c"]);
        assert_eq!(without_code("a `b. C` é `d`"), "a `cccc` é `c`");
    }

    #[test]
    fn links_are_found_outside_of_code() {
        for (line, expected) in [
            ("see [one](a.md) and ![two](b.png \"title\")", vec!["a.md", "b.png"]),
            ("[label]: c.md#part", vec!["c.md#part"]),
            ("`[no](link.md)`", vec![]),
            ("a list of [words] (and more)", vec![]),
        ] {
            assert_eq!(link_targets(line), expected, "{line}");
        }
    }

    #[test]
    fn the_first_cell_names_the_row() {
        assert_eq!(first_cell("| domain | what must be true |"), Some("domain"));
        assert_eq!(first_cell("no table"), None);
    }
}
