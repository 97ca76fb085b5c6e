//! Rules for documents: one title each, and no broken links.

use crate::finding::Finding;
use crate::markdown::{Line, link_targets, text_lines};
use crate::repository::{Repository, TextFile};

/// A document has exactly one title.
pub(crate) fn check_title(file: &TextFile) -> Option<Finding> {
    let titles = text_lines(&file.text).filter(|line| line.text.starts_with("# "));
    let titles: Vec<Line<'_>> = titles.collect();
    match titles.as_slice() {
        [_] => None,
        [] => Some(Finding::new(&file.path, 1, "no title", "begin with `# ` and the subject")),
        [_, second, ..] => {
            let remedy = "make it a section with `## `";
            Some(Finding::new(&file.path, second.number, "a second title", remedy))
        }
    }
}

/// The relative links that lead to no file and no folder of the repository.
pub(crate) fn check_links(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files.iter().filter(|file| file.extension() == "md") {
        for line in text_lines(&file.text) {
            for target in link_targets(line.text) {
                if is_broken(repository, &file.path, &target) {
                    let wrong = format!("a link to {target}, which does not exist");
                    findings.push(Finding::new(&file.path, line.number, wrong, "correct the path"));
                }
            }
        }
    }
    findings
}

fn is_broken(repository: &Repository, document: &str, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or("");
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    if is_elsewhere || path.is_empty() {
        return false;
    }
    resolved(document, path).is_none_or(|path| !repository.has(&path))
}

/// The path that a link means, if it stays inside the repository.
fn resolved(document: &str, target: &str) -> Option<String> {
    let mut folders: Vec<&str> = document.split('/').collect();
    folders.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(folders.pop()?),
            name => folders.push(name),
        }
    }
    Some(folders.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[test]
    fn a_document_has_one_title() {
        for (text, beginnings) in [
            ("# One\n\n## Part\n", vec![]),
            ("## Part\n", vec!["a.md:1: no title"]),
            ("# One\n\n# Two\n", vec!["a.md:3: a second title"]),
            ("# One\n\n```sh\n# a comment\n```\n", vec![]),
        ] {
            let file = TextFile { path: "a.md".to_owned(), text: text.to_owned() };
            let findings: Vec<Finding> = check_title(&file).into_iter().collect();
            assert_findings(&findings, &beginnings);
        }
    }

    #[test]
    fn links_lead_to_something() {
        let text = "# Wire\n\
            [up](../README.md) [beside](A.md#part) [folder](../domain/) [here](#part)\n\
            [web](https://example.com/x) [root](..) `[code](no.md)`\n\
            [gone](gone.md)\n\
            [out](../../README.md)\n";
        let repository = Repository::of(&[
            ("README.md", "# R\n"),
            ("docs/A.md", "# A\n"),
            ("docs/WIRE.md", text),
            ("domain/src/lib.rs", ""),
        ]);
        let expected = ["docs/WIRE.md:4: a link to gone.md", "docs/WIRE.md:5: a link to ../../RE"];
        assert_findings(&check_links(&repository), &expected);
    }
}
