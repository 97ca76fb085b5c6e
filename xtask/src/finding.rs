//! A finding: one place in the repository, what is wrong there, and how to fix it.

use std::fmt;

/// One problem. Findings sort by path, then by line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the repository's root.
    path: String,
    /// The line, counted from 1; 1 also stands for the file as a whole.
    line: usize,
    /// What is wrong, as the first half of a sentence.
    wrong: String,
    /// What to do, as its second half.
    remedy: String,
}

impl Finding {
    /// A finding at one line of a file.
    pub(crate) fn new(
        path: &str,
        line: usize,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        assert!(0 < line);
        Self { path: path.to_owned(), line, wrong: wrong.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.wrong, self.remedy)
    }
}

/// The findings as text, one a line: what the tests compare.
#[cfg(test)]
pub(crate) fn listing(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

/// Asserts that there is exactly one finding for each expected beginning, in order.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_findings(findings: &[Finding], beginnings: &[&str]) {
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let matches = found.len() == beginnings.len()
        && found.iter().zip(beginnings).all(|(line, beginning)| line.starts_with(beginning));
    assert!(matches, "expected beginnings {beginnings:#?}\nfound\n{}", listing(findings));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_clickable_line() {
        let finding = Finding::new("domain/src/price.rs", 7, "a tab", "use spaces");
        assert_eq!(finding.to_string(), "domain/src/price.rs:7: a tab; use spaces");
    }

    #[test]
    fn findings_sort_by_place_with_lines_as_numbers() {
        let mut findings = [
            Finding::new("b", 1, "x", "y"),
            Finding::new("a", 10, "x", "y"),
            Finding::new("a", 9, "x", "y"),
        ];
        findings.sort();
        assert_findings(&findings, &["a:9:", "a:10:", "b:1:"]);
    }
}
