//! Import cycles: no two modules of a crate import each other.
//!
//! What both need belongs in a file of its own, that neither of them imports anything back from.
//! The rule reads the `use` items that begin a line and name a module, by `crate`, `super` or
//! `self`; so it sees neither test modules nor what a crate's root re-exports. A module and those
//! inside of it may import each other, as they are one subject in several files.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::repository::{Repository, TextFile};
use crate::tidy::mask;

/// The folder that every module of a crate is in.
const SOURCE: &str = "/src/";

/// The modules that a module imports from, each with the line of its first import.
type Imports<'a> = BTreeMap<&'a str, usize>;

/// All pairs of modules that import each other, reported at the first of each pair.
pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let files: BTreeMap<&str, &TextFile> = repository
        .files
        .iter()
        .filter_map(|file| module(&file.path).map(|module| (module, file)))
        .collect();
    let modules: BTreeSet<&str> = files.keys().copied().collect();
    let imports: BTreeMap<&str, Imports<'_>> =
        files.iter().map(|(name, file)| (*name, imports(name, &file.text, &modules))).collect();
    let mut findings = Vec::new();
    for (one, imported) in &imports {
        for (other, line) in imported.iter().filter(|(other, _)| one < *other) {
            if imports[other].contains_key(one) {
                let wrong = format!("this module and {other}.rs import each other");
                let remedy = "move what both use to a file of its own";
                findings.push(Finding::new(&files[one].path, *line, wrong, remedy));
            }
        }
    }
    findings
}

/// The path of a module without its extension; none for the root of a crate and for tests.
fn module(path: &str) -> Option<&str> {
    let module = path.strip_suffix(".rs")?;
    let (_, inside) = module.split_once(SOURCE)?;
    let is_test = inside.split('/').any(|name| name == "tests");
    (!is_test && inside != "lib" && inside != "main").then_some(module)
}

fn imports<'a>(module: &str, text: &str, modules: &BTreeSet<&'a str>) -> Imports<'a> {
    let mut imports = Imports::new();
    for (line, tree) in use_trees(&mask::code(text)) {
        for leaf in leaves(&tree) {
            let imported = target(module, &leaf).and_then(|path| nearest(&path, modules));
            if let Some(imported) = imported.filter(|imported| !is_related(module, imported)) {
                imports.entry(imported).or_insert(line);
            }
        }
    }
    imports
}

/// What follows `use` in each item that begins a line, without spaces, and that line's number.
fn use_trees(code: &str) -> Vec<(usize, String)> {
    let mut trees = Vec::new();
    let mut lines = (1..).zip(code.lines());
    while let Some((number, line)) = lines.next() {
        let Some((visibility, tree)) = line.split_once("use ") else { continue };
        if !visibility.is_empty() && !visibility.starts_with("pub") {
            continue;
        }
        let mut tree = tree.to_owned();
        while !tree.contains(';') {
            let Some((_, line)) = lines.next() else { break };
            tree.push_str(line);
        }
        tree.retain(|c| !c.is_whitespace() && c != ';');
        trees.push((number, tree));
    }
    trees
}

/// The paths of a tree: `a::{b, c::{d, e}}` has `a::b`, `a::c::d` and `a::c::e`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let leaves = branches(inside).into_iter().flat_map(leaves);
    leaves.map(|leaf| format!("{head}{leaf}")).collect()
}

/// What stands between the commas outside of all braces.
fn branches(inside: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let branches = inside.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    branches.collect()
}

/// The file that a path of `use` leads to, if it is one of the same crate, as a path without its
/// extension: an item in a module leads to a file inside of that module's folder.
fn target(module: &str, path: &str) -> Option<String> {
    let (root, _) = module.split_once(SOURCE)?;
    let mut names = path.split("::").peekable();
    let mut folder = match names.next()? {
        "crate" => format!("{root}/src"),
        "self" => module.to_owned(),
        "super" => parent(module)?.to_owned(),
        _ => return None,
    };
    while names.next_if_eq(&"super").is_some() {
        folder = parent(&folder)?.to_owned();
    }
    for name in names {
        folder = format!("{folder}/{name}");
    }
    Some(folder)
}

fn parent(module: &str) -> Option<&str> {
    module.rsplit_once('/').map(|(parent, _)| parent)
}

/// The innermost module on the way to a path.
fn nearest<'a>(path: &str, modules: &BTreeSet<&'a str>) -> Option<&'a str> {
    let mut path = Some(path);
    while let Some(here) = path {
        if let Some(module) = modules.get(here) {
            return Some(module);
        }
        path = parent(here);
    }
    None
}

/// Whether two modules are the same, or one is inside of the other.
fn is_related(one: &str, other: &str) -> bool {
    let holds = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    holds(one, other) || holds(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_files(files: &[(&str, &str)], beginnings: &[&str]) {
        assert_findings(&check(&Repository::of(files)), beginnings);
    }

    #[test]
    fn two_modules_that_import_each_other_are_found_once() {
        check_files(
            &[
                ("wire/src/a.rs", "use std::fmt;\n\nuse crate::b::B;\nuse crate::b::C;\n"),
                ("wire/src/b.rs", "use crate::a::A;\n"),
            ],
            &["wire/src/a.rs:3: this module and wire/src/b.rs import each other"],
        );
    }

    #[test]
    fn every_form_of_path_is_followed() {
        for import in [
            "use crate::{c::C, b::{self, B}};",
            "pub(crate) use crate::b::B;",
            "use super::b::B;",
            "use super::super::in_a::b::B;",
            "use crate::in_a::{\n    b::B,\n    d,\n};",
        ] {
            let import = import.replace("crate::b", "crate::in_a::b");
            let import = import.replace(" b::{self", " in_a::b::{self");
            check_files(
                &[
                    ("wire/src/in_a/a.rs", &import),
                    ("wire/src/in_a/b.rs", "use super::a::A;\n"),
                    ("wire/src/c.rs", "use crate::in_a::d;\n"),
                ],
                &["wire/src/in_a/a.rs:1: this module and wire/src/in_a/b.rs"],
            );
        }
    }

    #[test]
    fn imports_in_one_direction_within_a_module_and_in_tests_are_left_alone() {
        check_files(
            &[
                ("wire/src/lib.rs", "mod a;\npub use a::A;\n"),
                ("wire/src/a.rs", "use crate::A;\nuse crate::b::B;\nuse self::inner::I;\n"),
                ("wire/src/a/inner.rs", "use crate::a::A;\nuse super::B;\n"),
                ("wire/src/b.rs", "// use crate::a::A;\nmod tests {\n    use crate::a::A;\n}\n"),
                ("wire/src/b/tests.rs", "use crate::a::A;\n"),
                ("domain/src/b.rs", "use crate::a::A;\n"),
            ],
            &[],
        );
    }
}
