//! Tidy: the house style, as far as a program can check it.
//!
//! It has the rules that rustc, clippy and rustfmt do not have: names of files, lengths, leftovers,
//! imports, comparisons, Markdown, and documents that must name every folder.
//! Each rule is a function from a file, or from the whole repository, to findings.

use std::fs;

use anyhow::{Result, bail};

use crate::finding::Finding;
use crate::layers;
use crate::repository::{Repository, TextFile, root};
use crate::workspace::Workspace;

mod text;
mod names;
mod privacy;
mod rust;
mod mask;
mod imports;
mod import_cycles;
mod comparisons;
mod test_layout;
mod document;
mod sentences;
mod map;
mod commands;
mod lints;

/// Checks the repository and prints every finding.
///
/// # Errors
/// If there is a finding, or the repository cannot be read.
pub(crate) fn run() -> Result<()> {
    let (repository, workspace) = open()?;
    let findings = check(&repository, &workspace);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} text files, no finding", repository.files.len()),
        1 => bail!("tidy has one finding"),
        count => bail!("tidy has {count} findings"),
    }
    Ok(())
}

/// Puts the imports of every Rust file in order, and prints the files that it changed.
///
/// # Errors
/// If the repository cannot be read, or a file cannot be written.
pub(crate) fn fix_imports() -> Result<()> {
    let root = root();
    for file in Repository::open(&root)?.files.iter().filter(|file| file.extension() == "rs") {
        let fixed = imports::fixed(&file.text);
        if fixed != file.text {
            fs::write(root.join(&file.path), fixed)?;
            println!("{}", file.path);
        }
    }
    println!("now run `cargo fmt --all`, which sorts each group");
    Ok(())
}

fn open() -> Result<(Repository, Workspace)> {
    let root = root();
    Ok((Repository::open(&root)?, Workspace::open(&root)?))
}

/// All findings, sorted.
fn check(repository: &Repository, workspace: &Workspace) -> Vec<Finding> {
    let mut findings = layers::check(workspace);
    findings.extend(repository.files.iter().flat_map(check_file));
    findings.extend(document::check_links(repository));
    findings.extend(import_cycles::check(repository));
    findings.extend(map::check(repository, workspace));
    findings.extend(commands::check(repository));
    findings.extend(lints::check(repository, workspace));
    findings.sort();
    findings
}

/// The rules for one file.
fn check_file(file: &TextFile) -> Vec<Finding> {
    let mut findings = text::check(file);
    findings.extend(names::check(file));
    findings.extend(privacy::check(file));
    match file.extension() {
        "rs" => findings.extend(check_rust(file)),
        "md" => {
            findings.extend(document::check_title(file));
            findings.extend(sentences::check(file));
        }
        _ => {}
    }
    findings
}

/// The rules for one Rust file.
fn check_rust(file: &TextFile) -> Vec<Finding> {
    let mut findings = rust::check(file);
    findings.extend(imports::check(file));
    findings.extend(comparisons::check(file));
    findings.extend(test_layout::check(file));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{assert_findings, listing};

    #[test]
    fn the_repository_is_tidy() {
        let (repository, workspace) = open().unwrap();
        let findings = check(&repository, &workspace);
        assert!(findings.is_empty(), "\n{}", listing(&findings));
    }

    #[test]
    fn findings_of_all_rules_come_sorted_by_place() {
        let repository = Repository::of(&[
            ("wire/src/lib.rs", "fn one() {}\n"),
            ("docs/WIRE.md", "# Wire\n\n[gone](GONE.md)\n"),
            ("a.sh", "#!/usr/bin/env bash \n"),
        ]);
        let workspace = Workspace::of(&[("wire", &["runtime"])]);
        assert_findings(
            &check(&repository, &workspace),
            &["a.sh:1:", "docs/WIRE.md:3:", "wire/Cargo.toml:1:", "wire/src/lib.rs:1:"],
        );
    }
}
