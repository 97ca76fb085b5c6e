//! Lints: every crate uses those of the workspace. Only runtime has a clippy.toml of its own, which
//! replaces the one at the root.

use crate::finding::Finding;
use crate::repository::Repository;
use crate::workspace::Workspace;

const ROOT: &str = "clippy.toml";
/// Runtime owns clocks and threads, which the clippy.toml at the root bans.
const EXEMPT: &str = "runtime/clippy.toml";

/// All findings of these rules.
pub(crate) fn check(repository: &Repository, workspace: &Workspace) -> Vec<Finding> {
    let mut findings = strays(repository);
    findings.extend(forgotten_settings(repository));
    findings.extend(without_lints(repository, workspace));
    findings
}

/// The clippy.toml files of other crates.
fn strays(repository: &Repository) -> Vec<Finding> {
    let is_stray = |path: &str| path.ends_with("/clippy.toml") && path != EXEMPT;
    let strays = repository.files.iter().filter(|file| is_stray(&file.path));
    let remedy = "remove it, and put an #[expect] with its reason where it is needed";
    let wrong = "it undoes the bans of the root's clippy.toml for a whole crate";
    strays.map(|file| Finding::new(&file.path, 1, wrong, remedy)).collect()
}

/// The settings of the root that runtime does not repeat. The lists of bans are its own.
fn forgotten_settings(repository: &Repository) -> Vec<Finding> {
    let (Some(root), Some(exempt)) = (repository.file(ROOT), repository.file(EXEMPT)) else {
        return Vec::new();
    };
    let is_setting = |line: &&str| {
        line.starts_with(char::is_alphabetic) && line.contains(" = ") && !line.ends_with('[')
    };
    let settings = root.text.lines().filter(is_setting);
    let forgotten = settings.filter(|setting| !exempt.text.lines().any(|line| line == *setting));
    let finding = |setting| {
        let wrong = format!("it lacks `{setting}` of the root's clippy.toml");
        Finding::new(EXEMPT, 1, wrong, "repeat it, because this file replaces that one")
    };
    forgotten.map(finding).collect()
}

/// The crates that do not take the lints of the workspace.
fn without_lints(repository: &Repository, workspace: &Workspace) -> Vec<Finding> {
    let manifests =
        workspace.crates.iter().filter_map(|member| repository.file(&member.manifest()));
    let lax = manifests.filter(|manifest| !manifest.text.contains("[lints]\nworkspace = true\n"));
    let remedy = "add `[lints]` with `workspace = true`";
    lax.map(|file| Finding::new(&file.path, 1, "a crate without lints", remedy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_files(files: &[(&str, &str)], beginnings: &[&str]) {
        let workspace = Workspace::of(&[("wire", &[])]);
        assert_findings(&check(&Repository::of(files), &workspace), beginnings);
    }

    #[test]
    fn only_runtime_may_have_bans_of_its_own() {
        let files = [("clippy.toml", ""), ("runtime/clippy.toml", ""), ("wire/clippy.toml", "")];
        check_files(&files, &["wire/clippy.toml:1: it undoes the bans"]);
    }

    #[test]
    fn runtime_repeats_the_settings_and_not_the_bans() {
        let root = ("clippy.toml", "# why\nlines = 70\nbans = [\n    { path = \"x\" },\n]\n");
        check_files(&[root, ("runtime/clippy.toml", "lines = 70\n")], &[]);
        let wrong = "runtime/clippy.toml:1: it lacks `lines = 70`";
        check_files(&[root, ("runtime/clippy.toml", "lines = 90\n")], &[wrong]);
    }

    #[test]
    fn every_crate_takes_the_lints_of_the_workspace() {
        check_files(&[("wire/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n")], &[]);
        check_files(&[("wire/Cargo.toml", "[package]\n")], &["wire/Cargo.toml:1: a crate without"]);
    }
}
