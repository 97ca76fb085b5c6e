//! Rules for every text that people edit: widths, lengths, white space, leftovers.

use std::borrow::Cow;

use crate::finding::Finding;
use crate::markdown;
use crate::repository::TextFile;
use crate::tidy::mask;
use crate::words::contains_word;

/// The width of a line of code, in characters.
const COLUMNS_MAX: usize = 100;
/// The length of a file.
const LINES_MAX: usize = 800;

/// Marks of unfinished work, in two pieces each, so that this file has no finding.
const LEFTOVERS: &[&str] =
    &[concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X"), concat!("HA", "CK")];

/// All findings of these rules in one file.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    if !is_edited(file) {
        return Vec::new();
    }
    let mut findings = white_space(file);
    findings.extend(length(file));
    findings.extend(leftovers(file));
    if matches!(file.extension(), "rs" | "toml" | "sh" | "py" | "") {
        findings.extend(columns(file));
    }
    findings
}

/// Whether people write this file. Measurements and lock files are written by programs, and what
/// comes for the browser is kept as its publisher made it.
fn is_edited(file: &TextFile) -> bool {
    if file.path.ends_with(".min.js") {
        return false;
    }
    match file.extension() {
        "rs" | "toml" | "md" | "sh" | "py" | "yml" | "yaml" | "html" | "css" | "js" => true,
        "" => file.text.starts_with("#!"),
        _ => false,
    }
}

fn white_space(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, number) in file.text.split('\n').zip(1..) {
        if line.ends_with(char::is_whitespace) {
            findings.push(Finding::new(&file.path, number, "white space at the end", "remove it"));
        }
        if file.extension() == "rs" && line.contains('\t') {
            findings.push(Finding::new(&file.path, number, "a tab", "use spaces, or \\t"));
        }
    }
    let last = file.text.lines().count().max(1);
    if !file.text.ends_with('\n') {
        findings.push(Finding::new(&file.path, last, "no newline at the end", "add one"));
    } else if file.text.ends_with("\n\n") {
        findings.push(Finding::new(&file.path, last, "an empty line at the end", "remove it"));
    }
    findings
}

fn length(file: &TextFile) -> Option<Finding> {
    let count = file.text.lines().count();
    // Third-party libraries for the browser come as one file.
    if count <= LINES_MAX || matches!(file.extension(), "js" | "css") {
        return None;
    }
    let wrong = format!("{count} lines; at most {LINES_MAX} are allowed");
    Some(Finding::new(&file.path, LINES_MAX + 1, wrong, "split the file"))
}

fn columns(file: &TextFile) -> Vec<Finding> {
    let code = if file.extension() == "rs" { mask::code(&file.text) } else { String::new() };
    // A line that begins inside a literal is data, and a URL cannot be broken.
    let begins_in_literal = code.lines().map(|line| line.starts_with(mask::LITERAL));
    let mut findings = Vec::new();
    let lines = file.text.lines().zip(1..).zip(begins_in_literal.chain(std::iter::repeat(false)));
    for ((line, number), is_data) in lines {
        let count = line.chars().count();
        if COLUMNS_MAX < count && !is_data && !line.contains("://") {
            let wrong = format!("{count} columns; at most {COLUMNS_MAX} are allowed");
            findings.push(Finding::new(&file.path, number, wrong, "break the line"));
        }
    }
    findings
}

fn leftovers(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        // In a document, a word in backticks is mentioned, not used.
        let is_document = file.extension() == "md";
        let line = if is_document { markdown::without_code(line).into() } else { Cow::from(line) };
        for word in LEFTOVERS.iter().filter(|word| contains_word(&line, word)) {
            let wrong = format!("a leftover `{word}`");
            findings.push(Finding::new(&file.path, number, wrong, "do it, or file an issue"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_text(path: &str, text: &str, beginnings: &[&str]) {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        assert_findings(&check(&file), beginnings);
    }

    #[test]
    fn white_space_ends_no_line() {
        check_text("a.rs", "one \ntwo\n", &["a.rs:1: white space"]);
        check_text("a.md", "one\r\n", &["a.md:1: white space"]);
        check_text("a.csv", "one \n", &[]);
    }

    #[test]
    fn a_file_ends_with_one_newline() {
        check_text("a.sh", "one\ntwo", &["a.sh:2: no newline"]);
        check_text("a.sh", "one\n\n", &["a.sh:2: an empty line"]);
        check_text("a.py", "", &["a.py:1: no newline"]);
    }

    #[test]
    fn rust_has_no_tabs() {
        check_text("a.rs", "\tone\n", &["a.rs:1: a tab"]);
        check_text("a.toml", "\tone\n", &[]);
    }

    #[test]
    fn code_is_a_hundred_columns_wide() {
        let wide = format!("{}\n", "x".repeat(101));
        check_text("a.py", &wide, &["a.py:1: 101 columns"]);
        check_text(".ci/run", &format!("#!/bin/sh\n{wide}"), &[".ci/run:2: 101 columns"]);
        check_text("a.rs", &format!("{}\n", "é".repeat(100)), &[]);
        check_text("a.md", &wide, &[]);
        check_text("a.rs", &format!("// https://{wide}"), &[]);
    }

    #[test]
    fn the_lines_of_a_literal_may_be_wide() {
        let wide = "x".repeat(101);
        check_text("a.rs", &format!("const A: &str = \"\n{wide}\";\n"), &[]);
        check_text("a.rs", &format!("const A: &str = \"{wide}\";\n"), &["a.rs:1: 120 columns"]);
    }

    #[test]
    fn a_file_has_eight_hundred_lines_at_most() {
        check_text("a.rs", &"x\n".repeat(800), &[]);
        check_text("a.rs", &"x\n".repeat(801), &["a.rs:801: 801 lines"]);
        check_text("Cargo.lock", &"x\n".repeat(801), &[]);
    }

    #[test]
    fn leftovers_are_found_and_words_about_them_are_not() {
        for word in LEFTOVERS {
            check_text("a.rs", &format!("// {word}: later\n"), &["a.rs:1: a leftover"]);
            check_text("a.md", &format!("No `{word}` is left.\n"), &[]);
            check_text("a.rs", &format!("let {word}ED = 1;\n"), &[]);
        }
    }
}
