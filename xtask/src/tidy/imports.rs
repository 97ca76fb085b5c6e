//! Import order: the `use` items of a block stand in three groups, with an empty line between them.
//!
//! ```text
//!   std, core, alloc
//!   other crates, those of the workspace too
//!   crate, super, self, and the modules of this file
//! ```
//!
//! A block is a run of `use` items with nothing but empty lines between them. Comments and
//! attributes directly above an item belong to it. The order within a group is rustfmt's, and
//! `cargo fmt` checks it.

use std::ops::Range;

use crate::finding::Finding;
use crate::repository::TextFile;
use crate::tidy::mask;

/// Where an import belongs, in the order of the groups.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Group {
    Standard,
    External,
    Local,
}

/// One `use` item, with the comments and attributes above it.
#[derive(Clone, Debug)]
struct Item {
    /// Its lines, counted from zero.
    lines: Range<usize>,
    group: Group,
}

/// A Rust file, line by line.
struct Source<'a> {
    lines: Vec<&'a str>,
    /// The same lines without comments and literals.
    code: Vec<&'a str>,
    /// The modules that the file declares.
    modules: Vec<&'a str>,
}

/// The blocks of a file that are out of order, one finding each.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    let code = mask::code(&file.text);
    let source = Source::of(&file.text, &code);
    let wrong = source.blocks().into_iter().filter_map(|block| source.first_wrong(&block));
    let remedy = "run `cargo xtask tidy --fix-imports`, then `cargo fmt`";
    wrong.map(|line| Finding::new(&file.path, line + 1, "imports out of order", remedy)).collect()
}

/// The file with every block in order.
pub(crate) fn fixed(text: &str) -> String {
    let code = mask::code(text);
    let source = Source::of(text, &code);
    let mut out = Vec::new();
    let mut at = 0;
    for block in source.blocks() {
        let first = block.first();
        let last = block.last();
        let (Some(first), Some(last)) = (first, last) else { continue };
        out.extend_from_slice(&source.lines[at..first.lines.start]);
        at = last.lines.end;
        let mut items = block.clone();
        // Stable: rustfmt sorts within a group, and comments stay where they are until then.
        items.sort_by_key(|item| item.group);
        let mut group = None;
        for item in items {
            if group.is_some_and(|group| group != item.group) {
                out.push("");
            }
            group = Some(item.group);
            out.extend_from_slice(&source.lines[item.lines]);
        }
    }
    out.extend_from_slice(&source.lines[at..]);
    out.join("\n")
}

impl<'a> Source<'a> {
    fn of(text: &'a str, code: &'a str) -> Self {
        let code: Vec<&str> = code.split('\n').collect();
        let modules = code.iter().filter_map(|line| module(line)).collect();
        Self { lines: text.split('\n').collect(), code, modules }
    }

    fn blocks(&self) -> Vec<Vec<Item>> {
        let mut blocks: Vec<Vec<Item>> = Vec::new();
        let mut at = 0;
        while at < self.lines.len() {
            let Some(item) = self.item(at) else {
                at += 1;
                continue;
            };
            at = item.lines.end;
            match blocks.last_mut().filter(|block| self.continues(block, &item)) {
                Some(block) => block.push(item),
                None => blocks.push(vec![item]),
            }
        }
        blocks
    }

    /// Whether nothing but empty lines stands between a block and an item.
    fn continues(&self, block: &[Item], item: &Item) -> bool {
        let end = block.last().map_or(0, |last| last.lines.end);
        self.lines[end..item.lines.start].iter().all(|line| line.trim().is_empty())
    }

    /// The item that begins at this line, with what is attached to it.
    fn item(&self, start: usize) -> Option<Item> {
        let mut at = start;
        while self.is_comment(at) || self.is_attribute(at) {
            at = if self.is_comment(at) { at + 1 } else { self.end_of_attribute(at) };
        }
        let root = self.code.get(at).and_then(|line| root(line))?;
        let length = self.code[at..].iter().position(|line| line.contains(';'))?;
        Some(Item { lines: start..at + length + 1, group: self.group(root) })
    }

    fn is_comment(&self, at: usize) -> bool {
        self.lines.get(at).is_some_and(|line| {
            let line = line.trim_start();
            line.starts_with("//") && !line.starts_with("//!")
        })
    }

    fn is_attribute(&self, at: usize) -> bool {
        self.code.get(at).is_some_and(|line| line.trim_start().starts_with("#["))
    }

    /// The line after the attribute that begins here.
    fn end_of_attribute(&self, start: usize) -> usize {
        let mut depth = 0_usize;
        for (line, at) in self.code[start..].iter().zip(start..) {
            depth += line.matches('[').count();
            depth = depth.saturating_sub(line.matches(']').count());
            if depth == 0 {
                return at + 1;
            }
        }
        self.code.len()
    }

    fn group(&self, root: &str) -> Group {
        match root {
            "std" | "core" | "alloc" => Group::Standard,
            "crate" | "super" | "self" => Group::Local,
            // A type of this file, as in `use Shape::*`.
            name if name.starts_with(char::is_uppercase) => Group::Local,
            name if self.modules.contains(&name) => Group::Local,
            _ => Group::External,
        }
    }

    /// The first line of the first item that does not follow the one above as it must.
    fn first_wrong(&self, block: &[Item]) -> Option<usize> {
        let pairs = block.iter().zip(block.iter().skip(1));
        let is_wrong = |(above, below): &(&Item, &Item)| {
            let empty_lines = below.lines.start - above.lines.end;
            let wanted = usize::from(above.group != below.group);
            below.group < above.group || empty_lines != wanted
        };
        pairs.into_iter().find(is_wrong).map(|(_, below)| below.lines.start)
    }
}

/// The first name in the path of a `use` line.
fn root(line: &str) -> Option<&str> {
    let path = without_visibility(line.trim_start()).strip_prefix("use ")?;
    let path = path.trim_start_matches("::").trim_start_matches('$').trim_start_matches("r#");
    Some(path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(path))
}

/// The module that a line declares.
fn module(line: &str) -> Option<&str> {
    let name = without_visibility(line.trim_start()).strip_prefix("mod ")?;
    name.split([';', ' ', '{']).next()
}

fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |r| r.1);
    rest.strip_prefix(' ').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_order(text: &str, line: Option<usize>) {
        let file = TextFile { path: "a.rs".to_owned(), text: text.to_owned() };
        let beginning = line.map(|line| format!("a.rs:{line}: imports out of order"));
        assert_findings(&check(&file), beginning.as_deref().as_slice());
    }

    #[track_caller]
    fn check_fix(text: &str, expected: &str) {
        let text = fixed(text);
        assert_eq!(text, expected);
        check_order(&text, None);
        assert_eq!(fixed(&text), expected, "a second run changes nothing");
    }

    #[test]
    fn three_groups_in_order_are_left_alone() {
        check_order("use std::fs;\n\nuse anyhow::Result;\n\nuse crate::a;\nuse super::b;\n", None);
        check_order("use anyhow::Result;\n\nfn a() {}\n", None);
        check_order("fn a() {}\n", None);
    }

    #[test]
    fn a_group_out_of_order_is_found_and_so_is_a_missing_or_surplus_empty_line() {
        check_order("use crate::a;\n\nuse std::fs;\n", Some(3));
        check_order("use std::fs;\nuse anyhow::Result;\n", Some(2));
        check_order("use std::env;\n\nuse std::fs;\n", Some(3));
        check_order("use std::env;\n\n\nuse anyhow::Result;\n", Some(4));
        check_order("mod tests {\n    use super::*;\n    use std::fs;\n}\n", Some(3));
    }

    #[test]
    fn a_module_or_a_type_of_the_file_is_local() {
        check_order("mod part;\n\nuse anyhow::Result;\n\nuse part::Part;\nuse Shape::*;\n", None);
        check_order("use part::Part;\n\nuse std::fs;\n", Some(3));
        check_order("pub(crate) mod part {}\nuse std::fs;\n\npub use part::Part;\n", None);
    }

    #[test]
    fn groups_are_put_in_order_and_apart() {
        check_fix(
            "//! A.\n\nuse crate::b;\nuse anyhow::Result;\nuse std::fs;\n\nfn a() {}\n",
            "//! A.\n\nuse std::fs;\n\nuse anyhow::Result;\n\nuse crate::b;\n\nfn a() {}\n",
        );
        check_fix(
            "mod tests {\n    use super::*;\n    use rand::Rng;\n}\n",
            "mod tests {\n    use rand::Rng;\n\n    use super::*;\n}\n",
        );
    }

    #[test]
    fn comments_and_attributes_move_with_their_item() {
        check_fix(
            "// Why.\n#[cfg(\n    test\n)]\nuse crate::b;\nuse std::{\n    env, fs,\n};\n",
            "use std::{\n    env, fs,\n};\n\n// Why.\n#[cfg(\n    test\n)]\nuse crate::b;\n",
        );
        check_fix(
            "use crate::b; // beside\nuse std::fs;\n",
            "use std::fs;\n\nuse crate::b; // beside\n",
        );
    }

    #[test]
    fn code_between_two_blocks_keeps_them_apart() {
        let text = "use crate::a;\n\nmod b;\n\nuse std::fs;\n";
        check_fix(text, text);
        let text = "use crate::a;\n\n// A remark that belongs to no item.\n\nuse std::fs;\n";
        check_fix(text, text);
    }

    #[test]
    fn what_only_looks_like_an_import_is_left_alone() {
        for text in ["let a = \"\nuse crate::b;\nuse std::fs;\n\";\n", "// use x;\nuse_it();\n"] {
            check_fix(text, text);
        }
    }
}
