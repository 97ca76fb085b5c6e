//! Comparisons: a Rust file compares with `<` and `<=`, so that smaller values stand on the left.
//!
//! rustfmt puts spaces around a comparison and none before the `>` that closes a list of generics.
//! The exception is a list that ends on a line of its own; the line where it began ends with `<`.
//! `->`, `=>` and `>>` are not comparisons.

use crate::finding::Finding;
use crate::repository::TextFile;
use crate::tidy::mask;

/// All `>` and `>=` between operands.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    let code = mask::code(&file.text);
    let lines: Vec<&str> = code.lines().collect();
    let mut findings = Vec::new();
    for index in 0..lines.len() {
        for operator in operators(&lines[..=index]) {
            let wrong = format!("a comparison with `{operator}`");
            let remedy = "swap the operands and use `<` or `<=`";
            findings.push(Finding::new(&file.path, index + 1, wrong, remedy));
        }
    }
    findings
}

/// The comparisons on the last of these lines.
fn operators(lines: &[&str]) -> Vec<&'static str> {
    let line = lines.last().copied().unwrap_or_default();
    let found = line.match_indices('>').filter_map(|(at, _)| {
        let before = &line[..at];
        let after = &line[at + 1..];
        let is_first = before.trim().is_empty();
        let stands_apart = is_first || before.ends_with(' ');
        if !stands_apart || after.starts_with('>') {
            return None;
        }
        match after.strip_prefix('=') {
            Some(_) => Some(">="),
            None if is_first && closes_generics(lines) => None,
            None => Some(">"),
        }
    });
    found.collect()
}

/// Whether the last of these lines ends a list of generics: the nearest line above that is indented
/// no deeper ends with `<`.
fn closes_generics(lines: &[&str]) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let Some((last, above)) = lines.split_last() else { return false };
    let is_outer = |line: &&&str| !line.trim().is_empty() && indent(line) <= indent(last);
    above.iter().rev().find(is_outer).is_some_and(|line| line.trim_end().ends_with('<'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_line(code: &str, operators: &[&str]) {
        let file = TextFile { path: "a.rs".to_owned(), text: format!("{code}\n") };
        let last = code.lines().count();
        let beginnings: Vec<String> = operators
            .iter()
            .map(|found| format!("a.rs:{last}: a comparison with `{found}`"))
            .collect();
        let beginnings: Vec<&str> = beginnings.iter().map(String::as_str).collect();
        assert_findings(&check(&file), &beginnings);
    }

    #[test]
    fn a_comparison_with_the_greater_value_on_the_left_is_found() {
        check_line("if a > b {}", &[">"]);
        check_line("if a >= b && c > d {}", &[">=", ">"]);
        check_line("assert!(a.len() >= 7);", &[">="]);
        check_line("let a = one\n    > two;", &[">"]);
        check_line("let a = one\n    >= two;", &[">="]);
        check_line("n if n > 3 => x,", &[">"]);
    }

    #[test]
    fn other_uses_of_the_sign_are_left_alone() {
        for code in [
            "if a < b && c <= d {}",
            "fn a() -> Vec<u8> { b::<Vec<u8>>(c) }",
            "x => <A as B>::C,",
            "let a = b >> 2;",
            "a >>= 2;",
            "impl<A> From<A> for B {}",
            "impl<\n    A,\n> From<A> for B {}",
            "let a: Option<\n    B,\n> = c;",
            "let a = \"b > c\"; // d > e",
            "where F: Fn() -> A,",
        ] {
            check_line(code, &[]);
        }
    }
}
