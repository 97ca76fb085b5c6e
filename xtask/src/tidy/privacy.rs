//! Privacy: no file has a local path of one machine, or the name of a package registry.
//!
//! The machine that builds chooses the source of packages (in the configuration of cargo and pip),
//! so no file names a registry, and the lock file names the default one only.

use crate::finding::Finding;
use crate::repository::TextFile;

/// Local folders, each in two pieces, so that this file has no finding.
const LOCAL_FOLDERS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Names of registries, and the options that choose another, in two pieces each.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("registry.npm", "js.org"),
    concat!("proxy.go", "lang.org"),
    concat!("spar", "se+http"),
    concat!("replace", "-with"),
    concat!("index", "-url"),
];

/// The only source that the lock file may name.
const LOCK_SOURCE: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// All findings of these rules in one file.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    let is_lock = file.path.split('/').next_back() == Some("Cargo.lock");
    let mut findings = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        if let Some(folder) = local_folder(line) {
            let wrong = format!("a path of one machine, {folder}");
            findings.push(Finding::new(&file.path, number, wrong, "make it relative"));
        }
        if is_lock {
            findings.extend(foreign_source(file, line, number));
        } else if let Some(name) = REGISTRIES.iter().find(|name| line.contains(**name)) {
            let wrong = format!("a registry is named, {name}");
            let remedy = "remove it; the configuration of the machine chooses the registry";
            findings.push(Finding::new(&file.path, number, wrong, remedy));
        }
    }
    findings
}

/// The local folder that an absolute path on this line begins with.
fn local_folder(line: &str) -> Option<&'static str> {
    let is_absolute = |folder: &str| {
        line.match_indices(folder).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"._-~})]*".contains(c))
        })
    };
    LOCAL_FOLDERS.iter().copied().find(|folder| is_absolute(folder))
}

fn foreign_source(file: &TextFile, line: &str, number: usize) -> Option<Finding> {
    let source = line.strip_prefix("source = \"")?.trim_end_matches('"');
    let remedy = "lock it with cargo's default registry";
    (source != LOCK_SOURCE)
        .then(|| Finding::new(&file.path, number, format!("a source of its own, {source}"), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_line(path: &str, line: &str, wrong: Option<&str>) {
        let file = TextFile { path: path.to_owned(), text: format!("{line}\n") };
        let beginning = wrong.map(|wrong| format!("{path}:1: {wrong}"));
        let beginnings: Vec<&str> = beginning.as_deref().into_iter().collect();
        assert_findings(&check(&file), &beginnings);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for folder in LOCAL_FOLDERS {
            let wrong = Some("a path of one machine");
            check_line("a.sh", &format!("cd {folder}allot"), wrong);
            check_line("a.md", &format!("({folder}x)"), wrong);
            check_line("a.csv", &format!("{folder}x,1"), wrong);
            check_line("a.sh", &format!("cd ..{folder}x"), None);
            check_line("a.sh", &format!("cd \"${{root}}{folder}x\""), None);
        }
    }

    #[test]
    fn no_file_names_a_registry() {
        for name in REGISTRIES {
            check_line("docs/a.md", &format!("see https://{name}/x"), Some("a registry is named"));
        }
        check_line("Cargo.toml", "[patch.crates-io]", None);
    }

    #[test]
    fn the_lock_file_knows_the_default_registry_alone() {
        check_line("Cargo.lock", &format!("source = \"{LOCK_SOURCE}\""), None);
        check_line("Cargo.lock", "source = \"git+https://x/y\"", Some("a source of its own"));
        check_line("fuzz/Cargo.lock", &format!("source = \"{LOCK_SOURCE}\""), None);
    }
}
