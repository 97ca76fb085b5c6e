//! Layers: which crate may know which. The table of docs/ARCHITECTURE.md, held against cargo.
//!
//! ```text
//!  mains      node      bench      sim      xtask
//!  stages     feeds     router     shard    publisher    audit    mesh    signals    desk
//!  durable    journal
//!  base       runtime   wire
//!  rules      domain
//! ```
//!
//! A row uses only rows below it, for its tests too; within a row nobody knows a neighbour.
//! A crate of the table that is not there yet is not missed.

use crate::finding::Finding;
use crate::workspace::{Crate, Dependency, Workspace};

/// One row of the table.
struct Row {
    name: &'static str,
    folders: &'static [&'static str],
}

/// The table, from top to bottom.
const ROWS: &[Row] = &[
    Row { name: "mains", folders: &["node", "bench", "sim", "xtask"] },
    Row {
        name: "stages",
        folders: &["feeds", "router", "shard", "publisher", "audit", "mesh", "signals", "desk"],
    },
    Row { name: "durable", folders: &["journal"] },
    Row { name: "base", folders: &["runtime", "wire"] },
    Row { name: "rules", folders: &["domain"] },
];

/// What the rows would allow and the design does not: who, whom, and why.
const NEVER: &[(&str, &str, &str)] = &[
    // Router and shard it may use, in `pipeline.rs` alone, which a test of bench holds.
    ("bench", "publisher", "bench measures from outside, through the front door"),
    ("bench", "feeds", "a load is sent by schedule, and does not wait for what it sends to"),
    ("runtime", "domain", "runtime knows no price and no account"),
];

/// The name of the package in a folder of the table.
pub(crate) fn package_name(folder: &str) -> String {
    match folder {
        "node" => "allot".to_owned(),
        "xtask" => "xtask".to_owned(),
        folder => format!("allot-{folder}"),
    }
}

/// Everything in which the workspace differs from the table.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.crates.iter().flat_map(check_crate).collect()
}

fn check_crate(member: &Crate) -> Vec<Finding> {
    let finding = |wrong, remedy| Finding::new(&member.manifest(), 1, wrong, remedy);
    let Some(height) = row(&member.folder) else {
        let wrong = format!("`{}` stands in no row", member.folder);
        return vec![finding(wrong, "give it its place in the table of xtask/src/layers.rs")];
    };
    let mut findings = Vec::new();
    let name = package_name(&member.folder);
    if member.name != name {
        findings.push(finding(format!("the package is called `{}`", member.name), "rename it"));
    }
    for dependency in &member.dependencies {
        if let Some(reason) = refusal(member, height, dependency) {
            let wrong = format!("`{}` uses `{}`: {reason}", member.folder, dependency.name);
            findings.push(finding(wrong, "turn the dependency round, or move what is shared down"));
        }
    }
    findings
}

/// Why a crate may not use another, if it may not.
fn refusal(member: &Crate, height: usize, used: &Dependency) -> Option<String> {
    let Some(folder) = used.folder.as_deref() else {
        let pure = member.folder == "domain" && !used.is_dev;
        return pure.then(|| "the rules depend on nothing".to_owned());
    };
    if member.folder == "xtask" {
        return Some("xtask must work when no other crate compiles".to_owned());
    }
    let never = NEVER.iter().find(|(user, used, _)| (*user, *used) == (&member.folder, folder));
    if let Some((_, _, reason)) = never {
        return Some((*reason).to_owned());
    }
    match row(folder) {
        None => Some("it stands in no row".to_owned()),
        Some(below) if below > height => None,
        Some(same) if same == height => Some(format!("neighbours in the row {}", ROWS[same].name)),
        Some(above) => Some(format!("the row {} is above", ROWS[above].name)),
    }
}

/// The row of a folder, counted from the top.
fn row(folder: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.folders.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{assert_findings, listing};
    use crate::repository::root;

    #[track_caller]
    fn check_members(members: &[(&str, &[&str])], beginnings: &[&str]) {
        assert_findings(&check(&Workspace::of(members)), beginnings);
    }

    #[test]
    fn the_workspace_is_layered_as_the_table_says() {
        let findings = check(&Workspace::open(&root()).unwrap());
        assert!(findings.is_empty(), "{}", listing(&findings));
    }

    #[test]
    fn a_row_uses_the_rows_below_it() {
        check_members(
            &[
                ("node", &["feeds", "shard", "journal", "wire", "domain", "ext:clap"]),
                ("shard", &["journal", "runtime", "dev:wire"]),
                ("domain", &["dev:ext:proptest"]),
                ("xtask", &["ext:anyhow"]),
            ],
            &[],
        );
    }

    #[test]
    fn nobody_knows_a_neighbour_or_a_row_above() {
        check_members(
            &[("wire", &["runtime"]), ("router", &["dev:shard"]), ("journal", &["shard"])],
            &[
                "wire/Cargo.toml:1: `wire` uses `allot-runtime`: neighbours in the row base;",
                "router/Cargo.toml:1: `router` uses `allot-shard`: neighbours in the row stages;",
                "journal/Cargo.toml:1: `journal` uses `allot-shard`: the row stages is above;",
            ],
        );
    }

    #[test]
    fn the_stated_exceptions_hold() {
        check_members(
            &[
                ("bench", &["shard", "publisher", "node"]),
                ("runtime", &["domain"]),
                ("domain", &["ext:serde"]),
                ("xtask", &["domain"]),
            ],
            &[
                "bench/Cargo.toml:1: `bench` uses `allot-publisher`: bench measures from outside",
                "bench/Cargo.toml:1: `bench` uses `allot`: neighbours",
                "runtime/Cargo.toml:1: `runtime` uses `allot-domain`: runtime knows no price",
                "domain/Cargo.toml:1: `domain` uses `serde`: the rules depend on nothing",
                "xtask/Cargo.toml:1: `xtask` uses `allot-domain`: xtask must work",
            ],
        );
    }

    #[test]
    fn what_the_table_does_not_name_has_no_place() {
        check_members(
            &[("helpers", &[]), ("wire", &["helpers"])],
            &[
                "helpers/Cargo.toml:1: `helpers` stands in no row;",
                "wire/Cargo.toml:1: `wire` uses `allot-helpers`: it stands in no row;",
            ],
        );
    }

    #[test]
    fn a_folder_stands_in_the_table_once() {
        let mut folders: Vec<&str> = ROWS.iter().flat_map(|row| row.folders).copied().collect();
        let count = folders.len();
        folders.sort_unstable();
        folders.dedup();
        assert_eq!(folders.len(), count);
        assert!(NEVER.iter().all(|(user, used, _)| row(user).is_some() && row(used).is_some()));
    }
}
