//! Layers: which crate may know which. The table of docs/ARCHITECTURE.md, held against cargo.
//!
//! ```text
//!  mains      node        bench      sim       xtask
//!  wiring     server
//!  clients    feeds       console
//!  client     clients/rust
//!  systems    allocation  desk       signals   mesh
//!  core       router      shard      publisher
//!  durable    journal
//!  base       runtime     wire
//!  protocol   zmtp
//!  values     domain
//! ```
//!
//! A row uses only rows below it, for its tests too; within a row nobody knows a neighbour.
//! A system is one folder. Of its crates, `rules` uses `domain` alone, `audit` uses `domain` and
//! the rules it checks, and `service` joins the rules to the core. A folder of the table that is
//! not there yet is not missed.

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
    Row { name: "wiring", folders: &["server"] },
    Row { name: "clients", folders: &["feeds", "console"] },
    Row { name: "client", folders: &["clients/rust"] },
    Row { name: SYSTEMS, folders: &["allocation", "desk", "signals", "mesh", TEST_SYSTEM] },
    Row { name: "core", folders: &["router", "shard", "publisher"] },
    Row { name: "durable", folders: &["journal"] },
    Row { name: "base", folders: &["runtime", "wire"] },
    Row { name: "protocol", folders: &["zmtp"] },
    Row { name: "values", folders: &["domain"] },
];

/// The row of the systems.
const SYSTEMS: &str = "systems";

/// The system of the tests: small, and the recipe of docs/ARCHITECTURE.md followed.
const TEST_SYSTEM: &str = "server/tests/counter";

/// The crates of a system.
const ROOMS: &[&str] = &["rules", "service", "audit"];

/// What the rows would allow and the design does not: who, whom, and why.
const NEVER: &[(&str, &str, &str)] = &[
    // The wiring it may use, in `pipeline.rs` alone, which a test of bench holds.
    ("bench", "publisher", "bench measures from outside, through the front door"),
    ("bench", "router", "bench measures from outside, through the front door"),
    ("bench", "shard", "bench measures from outside, through the front door"),
    ("bench", "feeds", "a load is sent by schedule, and does not wait for what it sends to"),
    ("runtime", "domain", "runtime carries bytes and knows no value"),
    ("zmtp", "domain", "zmtp carries bytes and knows no value"),
];

/// The name of the package in a folder of the table.
pub(crate) fn package_name(folder: &str) -> String {
    match folder {
        "node" => "allot".to_owned(),
        "xtask" => "xtask".to_owned(),
        TEST_SYSTEM => "allot-counter".to_owned(),
        "clients/rust" => "allot-client".to_owned(),
        folder => format!("allot-{}", folder.replace('/', "-")),
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
    if !room(&member.folder).is_none_or(|room| ROOMS.contains(&room)) {
        let wrong = format!("`{}` is no room of a system", member.folder);
        findings.push(finding(wrong, "a system has `rules`, `service` and `audit`"));
    }
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
    let room = room(&member.folder);
    let Some(folder) = used.folder.as_deref() else {
        if used.name.starts_with("allot") {
            return Some("what is in the repository is used by its path".to_owned());
        }
        let pure = (member.folder == "domain" || room == Some("rules")) && !used.is_dev;
        return pure.then(|| "the rules depend on nothing outside of the repository".to_owned());
    };
    if member.folder == "xtask" {
        return Some("xtask must work when no other crate compiles".to_owned());
    }
    let never = NEVER.iter().find(|(user, used, _)| (*user, *used) == (&member.folder, folder));
    if let Some((_, _, reason)) = never {
        return Some((*reason).to_owned());
    }
    let is_own_system = top(&member.folder) == top(folder) && room.is_some();
    if let Some(reason) = room_refusal(room, folder, is_own_system) {
        return Some(reason.to_owned());
    }
    match self::row(folder) {
        None => Some("it stands in no row".to_owned()),
        Some(below) if height < below => None,
        Some(_) if is_own_system => None,
        Some(same) if same == height => Some(format!("neighbours in the row {}", ROWS[same].name)),
        Some(above) => Some(format!("the row {} is above", ROWS[above].name)),
    }
}

/// Why a room of a system may not use a folder, whatever its row.
fn room_refusal(room: Option<&str>, folder: &str, is_own_system: bool) -> Option<&'static str> {
    let is_own_rules = is_own_system && self::room(folder) == Some("rules");
    match room? {
        "rules" if folder != "domain" => Some("rules use `domain` alone"),
        "audit" if folder != "domain" && !is_own_rules => {
            Some("an audit uses `domain` and the rules it checks")
        }
        "service" if is_own_system && !is_own_rules => Some("a service uses its rules alone"),
        _ => None,
    }
}

/// The row of a folder, counted from the top.
fn row(folder: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.folders.contains(&folder) || row.folders.contains(&top(folder)))
}

/// The folder of the table that a folder stands in.
fn top(folder: &str) -> &str {
    match folder.split_once('/') {
        Some((top, _)) if folder != TEST_SYSTEM => top,
        _ => folder,
    }
}

/// Which room of a system a folder is: `rules`, `service` or `audit`.
fn room(folder: &str) -> Option<&str> {
    let height = row(folder)?;
    let (_, room) = folder.split_once('/').filter(|_| folder != TEST_SYSTEM)?;
    (ROWS[height].name == SYSTEMS).then_some(room)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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

    /// Everything in the repository that a folder depends on, through whatever is between.
    fn reached<'a>(workspace: &'a Workspace, folder: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            let member = workspace.crates.iter().find(|member| member.folder == folder);
            for used in member.into_iter().flat_map(|member| &member.dependencies) {
                if let Some(used) = used.folder.as_deref()
                    && reached.insert(used)
                {
                    open.push(used);
                }
            }
        }
        reached
    }

    #[test]
    fn the_core_names_no_system_and_rules_use_domain_alone() {
        let workspace = Workspace::open(&root()).unwrap();
        let systems = ROWS.iter().find(|row| row.name == SYSTEMS).unwrap().folders;
        let is_system = |folder: &&&str| systems.contains(&top(folder));
        for folder in ["router", "shard", "publisher", "journal", "wire", "runtime", "domain"] {
            assert!(workspace.crates.iter().any(|member| member.folder == folder), "{folder}");
            let reached = reached(&workspace, folder);
            let named: Vec<_> = reached.iter().filter(is_system).collect();
            assert!(named.is_empty(), "`{folder}` depends on {named:?}: the core names no system");
        }
        let rules = workspace.crates.iter().filter(|one| room(&one.folder) == Some("rules"));
        let rules: Vec<_> = rules.map(|one| one.folder.as_str()).collect();
        assert!(rules.contains(&"allocation/rules"));
        for folder in rules {
            let reached = reached(&workspace, folder);
            assert_eq!(reached, BTreeSet::from(["domain"]), "`{folder}` uses `domain` alone");
        }
    }

    #[test]
    fn a_row_uses_the_rows_below_it() {
        check_members(
            &[
                ("node", &["server", "feeds", "shard", "journal", "wire", "domain", "ext:clap"]),
                ("server", &["shard", "dev:allocation/service"]),
                ("allocation/service", &["allocation/rules", "shard", "router", "wire"]),
                ("allocation/audit", &["allocation/rules", "domain"]),
                ("allocation/rules", &["domain", "dev:ext:proptest"]),
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
                "router/Cargo.toml:1: `router` uses `allot-shard`: neighbours in the row core;",
                "journal/Cargo.toml:1: `journal` uses `allot-shard`: the row core is above;",
            ],
        );
    }

    #[test]
    fn the_core_may_not_name_a_system_and_systems_not_each_other() {
        check_members(
            &[
                ("shard", &["allocation/rules"]),
                ("desk/service", &["allocation/rules"]),
                ("allocation/rules", &["wire", "ext:serde"]),
                ("allocation/audit", &["allocation/service", "wire"]),
                ("allocation/service", &["allocation/audit"]),
            ],
            &[
                "shard/Cargo.toml:1: `shard` uses `allot-allocation-rules`: the row systems is",
                "desk/service/Cargo.toml:1: `desk/service` uses `allot-allocation-rules`: neigh",
                "allocation/rules/Cargo.toml:1: `allocation/rules` uses `allot-wire`: rules use",
                "allocation/rules/Cargo.toml:1: `allocation/rules` uses `serde`: the rules depend",
                "allocation/audit/Cargo.toml:1: `allocation/audit` uses `allot-allocation-service`",
                "allocation/audit/Cargo.toml:1: `allocation/audit` uses `allot-wire`: an audit",
                "allocation/service/Cargo.toml:1: `allocation/service` uses `allot-allocation-aud",
            ],
        );
    }

    #[test]
    fn the_stated_exceptions_hold() {
        check_members(
            &[
                ("bench", &["shard", "publisher", "node", "server"]),
                ("runtime", &["domain"]),
                ("domain", &["ext:serde"]),
                ("xtask", &["domain"]),
            ],
            &[
                "bench/Cargo.toml:1: `bench` uses `allot-shard`: bench measures from outside",
                "bench/Cargo.toml:1: `bench` uses `allot-publisher`: bench measures from outside",
                "bench/Cargo.toml:1: `bench` uses `allot`: neighbours",
                "runtime/Cargo.toml:1: `runtime` uses `allot-domain`: runtime carries bytes",
                "domain/Cargo.toml:1: `domain` uses `serde`: the rules depend on nothing",
                "xtask/Cargo.toml:1: `xtask` uses `allot-domain`: xtask must work",
            ],
        );
    }

    #[test]
    fn a_crate_of_the_repository_is_used_by_its_path() {
        check_members(
            &[("router", &["ext:allot-allocation-rules", "ext:serde"])],
            &["router/Cargo.toml:1: `router` uses `allot-allocation-rules`: what is in the repos"],
        );
    }

    #[test]
    fn a_system_has_three_crates() {
        check_members(
            &[("allocation/rules", &[]), ("allocation/tools", &[]), ("desk/rules/book", &[])],
            &[
                "allocation/tools/Cargo.toml:1: `allocation/tools` is no room of a system;",
                "desk/rules/book/Cargo.toml:1: `desk/rules/book` is no room of a system;",
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
