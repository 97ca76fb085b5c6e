//! One sentence per line, so that a change to a sentence is a change to one line.
//!
//! The rule is heuristic and reports nothing when in doubt: code, tables, headings, initials,
//! abbreviations and a lead-in in bold do not end a sentence.

use crate::finding::Finding;
use crate::markdown::{Line, is_table, text_lines, without_code};
use crate::repository::TextFile;

/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: &[&str] = &[
    "approx", "cf", "corp", "dr", "eq", "etc", "fig", "inc", "ltd", "mr", "mrs", "ms", "no", "nos",
    "p", "pp", "sec", "st", "vs",
];
/// What may stand between the end of a sentence and the space after it.
const CLOSERS: &[char] = &[')', ']', '"', '\'', '*', '_', '”', '’'];
/// What may stand before the first letter of a sentence.
const OPENERS: &[char] = &['(', '[', '"', '\'', '*', '_', '“', '‘'];

/// All findings of these rules in one document.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut above: Option<Line<'_>> = None;
    for line in text_lines(&file.text) {
        let is_prose = is_prose(line.text);
        let prose = without_code(without_marker(line.text));
        if is_prose && has_two_sentences(&prose) {
            let remedy = "put each on its own line";
            findings.push(Finding::new(&file.path, line.number, "two sentences", remedy));
        }
        let continued = above.filter(|above| is_prose && above.number + 1 == line.number);
        if continued.is_some_and(|above| is_broken(above.text, line.text)) {
            let wrong = "a sentence broken over lines";
            let remedy = "join it to the line above";
            findings.push(Finding::new(&file.path, line.number, wrong, remedy));
        }
        above = is_prose.then_some(line);
    }
    findings
}

/// Whether a line outside of fences is prose, and not a heading, a table, code or a comment.
fn is_prose(text: &str) -> bool {
    let trimmed = text.trim_start();
    let is_indented_code = text.starts_with("    ") && !is_list_item(trimmed);
    let is_other = trimmed.is_empty() || trimmed.starts_with(['#', '<']) || is_table(text);
    !is_other && !is_indented_code
}

fn is_list_item(text: &str) -> bool {
    without_marker(text).len() < text.len()
}

/// The line without the marks of a list or a quotation before it.
fn without_marker(text: &str) -> &str {
    let text = text.trim_start();
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = (number.len() < text.len()).then(|| number.strip_prefix(". ")).flatten();
    let marked = ["- ", "* ", "+ ", "> "].iter().find_map(|marker| text.strip_prefix(marker));
    numbered.or(marked).map_or(text, without_marker)
}

/// Whether a sentence ends before the end of the line and another begins.
fn has_two_sentences(prose: &str) -> bool {
    prose.match_indices(' ').any(|(space, _)| {
        let before = &prose[..space];
        let after = prose[space..].trim_start();
        begins_sentence(after) && ends_sentence(before) && !is_lead_in(before)
    })
}

fn begins_sentence(after: &str) -> bool {
    after.trim_start_matches(OPENERS).starts_with(char::is_uppercase)
}

fn ends_sentence(before: &str) -> bool {
    let before = before.trim_end_matches(CLOSERS);
    let Some(sentence) = before.strip_suffix('.') else {
        return before.ends_with(['!', '?']);
    };
    let sentence = sentence.trim_end_matches(CLOSERS);
    let word = sentence.rsplit([' ', '(', '[', '"', '*', '/']).next().unwrap_or("");
    let word = word.to_lowercase();
    // Initials and abbreviations with inner stops ("i.e"), numbers of steps, dots in a row.
    let is_short = word.split('.').all(|part| part.chars().count() <= 1);
    let is_number = word.chars().all(|c| c.is_ascii_digit());
    let has_dots = word.ends_with('.');
    !is_short && !is_number && !has_dots && !ABBREVIATIONS.contains(&word.as_str())
}

/// Whether everything before is in bold or italics: the name of what the line is about.
fn is_lead_in(before: &str) -> bool {
    ["**", "__", "*", "_"].iter().any(|mark| {
        let inside = before.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        inside.is_some_and(|inside| !inside.contains(mark))
    })
}

/// Whether the line above stops in the middle of a sentence that goes on here.
fn is_broken(above: &str, here: &str) -> bool {
    let above = above.trim_end_matches(CLOSERS);
    let has_ended = above.ends_with(['.', '!', '?', ':', ';', '\\']);
    !has_ended
        && !is_list_item(here.trim_start())
        && here.trim_start().starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_prose(text: &str, beginnings: &[&str]) {
        let file = TextFile { path: "a.md".to_owned(), text: format!("{text}\n") };
        assert_findings(&check(&file), beginnings);
    }

    #[test]
    fn two_sentences_on_a_line_are_found() {
        for text in [
            "One thing. Another thing.",
            "Is it so? It is!",
            "- In a list (really). And on.",
            "1. As `code.rs` says. Then more.",
            "> Somebody said it. Twice.",
            "It ends **here**. *There* it begins.",
            "A [link](a.md). The next.",
            "**Bold** begins it. Then more.",
        ] {
            check_prose(text, &["a.md:1: two sentences"]);
        }
    }

    #[test]
    fn what_only_looks_like_two_sentences_is_left_alone() {
        for text in [
            "One thing, e.g. This or i.e. That, cf. Knuth, vs. Dijkstra.",
            "By J. R. Smith, D. Knuth and others etc. And so on",
            "**Ties.** Larger residual first.",
            "*Ties.* Larger residual first.",
            "1. The first.",
            "# A title. With a stop.",
            "| a cell. Another | b. C |",
            "`a. B` is code, and libzmq 4.3. or 4.4 a version.",
            "    let a = b. C;",
            "Version 2. Nothing more",
            "And so on... But why",
            "<!-- A comment. Two. -->",
        ] {
            check_prose(text, &[]);
        }
        check_prose("```text\nOne. Two. Three.\n```", &[]);
    }

    #[test]
    fn a_sentence_stays_on_its_line() {
        check_prose("It goes on\nand on.", &["a.md:2: a sentence broken"]);
        check_prose("- It goes on,\n  and on.", &["a.md:2: a sentence broken"]);
        check_prose("It ends.\nit begins, badly.", &[]);
        check_prose("As follows:\nthis.", &[]);
        check_prose("A list of\n- one\n- two", &[]);
        check_prose("One\n\ntwo", &[]);
        check_prose("# Title\nand prose", &[]);
        check_prose("Two names\nTwo lines", &[]);
    }
}
