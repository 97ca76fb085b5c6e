//! Rules for the names of files: a noun each, and a module's file beside its folder.

use std::path::Path;

use crate::finding::Finding;
use crate::repository::TextFile;

/// Names that do not describe the content, so that anything ends up there.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "misc", "prelude", "types"];

/// All findings in the path of one file.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !matches!(file.extension(), "rs" | "py" | "sh" | "js") {
        return findings;
    }
    if file.path.ends_with("/mod.rs") {
        let remedy = "call it after its folder, and put it beside the folder";
        findings.push(Finding::new(&file.path, 1, "a file called mod.rs", remedy));
    }
    let stems = Path::new(&file.path).iter().map(Path::new).filter_map(Path::file_stem);
    for stem in stems.filter_map(|stem| stem.to_str()) {
        if EMPTY_NAMES.contains(&stem) {
            let wrong = format!("the name `{stem}` does not describe the file");
            let remedy = "name it after what it defines, or move it to its only caller";
            findings.push(Finding::new(&file.path, 1, wrong, remedy));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[test]
    fn a_file_is_named_for_its_noun() {
        for (path, expected) in [
            ("domain/src/price.rs", None),
            ("domain/src/utils.rs", Some("the name `utils`")),
            ("wire/src/types/fill.rs", Some("the name `types`")),
            ("node/tests/common.rs", Some("the name `common`")),
            ("clients/python/helpers.py", Some("the name `helpers`")),
            ("domain/src/ledger/mod.rs", Some("a file called mod.rs")),
            ("docs/common.md", None),
            ("domain/src/utility.rs", None),
        ] {
            let file = TextFile { path: path.to_owned(), text: String::new() };
            let beginning = expected.map(|wrong| format!("{path}:1: {wrong}"));
            let beginnings: Vec<&str> = beginning.as_deref().into_iter().collect();
            assert_findings(&check(&file), &beginnings);
        }
    }
}
