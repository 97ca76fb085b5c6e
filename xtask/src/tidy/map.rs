//! The map: documents that must name every folder and dependency.
//!
//! A document that does not exist has no finding.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::markdown::{code_spans, first_cell, link_targets, text_lines};
use crate::repository::Repository;
use crate::workspace::Workspace;

const README: &str = "README.md";
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

/// All findings of these rules.
pub(crate) fn check(repository: &Repository, workspace: &Workspace) -> Vec<Finding> {
    let mut findings = missing_folders(repository, workspace, README);
    findings.extend(missing_folders(repository, workspace, ARCHITECTURE));
    findings.extend(missing_dependencies(repository, workspace));
    findings
}

/// The folders of the workspace that a document does not name.
fn missing_folders(repository: &Repository, workspace: &Workspace, path: &str) -> Vec<Finding> {
    let Some(document) = repository.file(path) else {
        return Vec::new();
    };
    let names = names(&document.text);
    let missing = workspace.crates.iter().filter(|member| !names.contains(&member.folder));
    let finding = |folder| {
        let wrong = format!("the folder `{folder}` is not on the map");
        Finding::new(path, 1, wrong, "describe it in one line")
    };
    missing.map(|member| finding(&member.folder)).collect()
}

/// Every name in a document: in code, in a link, or in the first cell of a row.
fn names(document: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: &str| {
        let name = name.trim_start_matches("./").trim_start_matches("../");
        names.insert(name.trim_end_matches('/').to_owned());
    };
    for line in text_lines(document) {
        code_spans(line.text).for_each(&mut add);
        first_cell(line.text).into_iter().for_each(&mut add);
        link_targets(line.text).iter().for_each(|target| add(target));
    }
    names
}

/// The external packages that a crate uses and the architecture document does not name.
fn missing_dependencies(repository: &Repository, workspace: &Workspace) -> Vec<Finding> {
    let Some(document) = repository.file(ARCHITECTURE) else {
        return Vec::new();
    };
    let named: BTreeSet<&str> =
        text_lines(&document.text).flat_map(|line| code_spans(line.text)).collect();
    let mut findings = Vec::new();
    for member in &workspace.crates {
        let others = member.dependencies.iter().filter(|used| used.folder.is_none());
        for used in others.filter(|used| !named.contains(used.name.as_str())) {
            let wrong = format!("`{}` is not in {ARCHITECTURE}", used.name);
            let remedy = "say there what it is for, with its name in backticks";
            findings.push(Finding::new(&member.manifest(), 1, wrong, remedy));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    const MEMBERS: &[(&str, &[&str])] =
        &[("domain", &["dev:ext:proptest"]), ("wire", &["domain", "ext:serde"]), ("node", &[])];

    #[track_caller]
    fn check_map(files: &[(&str, &str)], beginnings: &[&str]) {
        assert_findings(&check(&Repository::of(files), &Workspace::of(MEMBERS)), beginnings);
    }

    #[test]
    fn a_document_that_is_not_there_lacks_nothing() {
        check_map(&[], &[]);
    }

    #[test]
    fn the_readme_names_every_folder() {
        check_map(&[(README, "| domain | rules |\n`wire/`\n[the binary](node/)\n")], &[]);
        let missing = "README.md:1: the folder `wire` is not on the map";
        check_map(&[(README, "`domain`, wire, `wire/src/lib.rs` and `./node`\n")], &[missing]);
    }

    #[test]
    fn the_architecture_names_every_folder_and_every_dependency() {
        let complete = "`domain` `wire` [node](../node) use `serde` and `proptest`\n";
        check_map(&[(ARCHITECTURE, complete)], &[]);
        check_map(
            &[(ARCHITECTURE, "`domain` `wire` `serde` and proptest\n")],
            &[
                "docs/ARCHITECTURE.md:1: the folder `node` is not on the map",
                "domain/Cargo.toml:1: `proptest` is not in docs/ARCHITECTURE.md",
            ],
        );
    }
}
