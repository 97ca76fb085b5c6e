//! Rules for Rust that no lint has: the first line of a module, `unsafe` code, and floats.

use crate::finding::Finding;
use crate::repository::TextFile;
use crate::tidy::mask;
use crate::words::contains_word;

/// How many lines of code may stand between the proof and what it proves.
const PROOF_LINES_MAX: usize = 3;

/// All findings of these rules in one file.
pub(crate) fn check(file: &TextFile) -> Vec<Finding> {
    let code = mask::code(&file.text);
    let mut findings = Vec::new();
    if !file.text.starts_with("//!") {
        let remedy = "begin with `//!` and a definition of the module";
        findings.push(Finding::new(&file.path, 1, "a module without a definition", remedy));
    }
    findings.extend(unsafe_code(file, &code));
    findings.extend(floats(file, &code));
    findings.extend(debug_prints(file, &code));
    findings
}

fn unsafe_code(file: &TextFile, code: &str) -> Vec<Finding> {
    // The calls of libsodium, which a protocol without sockets needs as well.
    let may_be_unsafe =
        file.path.starts_with("runtime/") || file.path == "zmtp/src/curve/sodium.rs";
    let lines: Vec<&str> = file.text.lines().collect();
    let mut findings = Vec::new();
    for (line, index) in code.lines().zip(0..).filter(|(line, _)| contains_word(line, "unsafe")) {
        if !may_be_unsafe {
            let remedy = "move it behind a safe type of runtime";
            let wrong = "unsafe code outside of runtime";
            findings.push(Finding::new(&file.path, index + 1, wrong, remedy));
        } else if !has_proof(&lines[..=index], contains_word(line, "fn")) {
            let remedy = "explain above it, after `// SAFETY:`, why it is sound";
            findings.push(Finding::new(&file.path, index + 1, "unsafe without a proof", remedy));
        }
    }
    findings
}

/// Whether the last of these lines has its proof beside or above it, within a few lines of code.
/// What a function asks of its callers stands in its documentation instead.
fn has_proof(lines: &[&str], is_function: bool) -> bool {
    let proves =
        |line: &str| line.contains("// SAFETY:") || is_function && line.trim() == "/// # Safety";
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let mut code_lines = 0;
    for line in lines.iter().rev() {
        if proves(line) {
            return true;
        }
        code_lines += usize::from(!is_comment(line));
        if PROOF_LINES_MAX < code_lines {
            return false;
        }
    }
    false
}

fn floats(file: &TextFile, code: &str) -> Vec<Finding> {
    if !file.path.starts_with("domain/src/") {
        return Vec::new();
    }
    let has_float = |line: &str| contains_word(line, "f32") || contains_word(line, "f64");
    let lines = code.lines().zip(1..).filter(|(line, _)| has_float(line));
    let remedy = "the rules are exact; use an integer with a unit";
    lines.map(|(_, number)| Finding::new(&file.path, number, "a float", remedy)).collect()
}

fn debug_prints(file: &TextFile, code: &str) -> Vec<Finding> {
    let lines = code.lines().zip(1..).filter(|(line, _)| contains_word(line, "dbg!"));
    lines.map(|(_, number)| Finding::new(&file.path, number, "a `dbg!`", "remove it")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[track_caller]
    fn check_rust(path: &str, text: &str, beginnings: &[&str]) {
        let file = TextFile { path: path.to_owned(), text: format!("//! A module.\n{text}\n") };
        assert_findings(&check(&file), beginnings);
    }

    #[test]
    fn a_module_opens_with_a_sentence() {
        let file = TextFile { path: "a.rs".to_owned(), text: "\n//! Late.\n".to_owned() };
        assert_findings(&check(&file), &["a.rs:1: a module without a definition"]);
        check_rust("a.rs", "", &[]);
    }

    #[test]
    fn only_runtime_is_unsafe() {
        check_rust("wire/src/a.rs", "unsafe { x() }", &["wire/src/a.rs:2: unsafe code outside"]);
        check_rust("wire/src/a.rs", "#![forbid(unsafe_code)] // never unsafe", &[]);
        check_rust("wire/src/a.rs", "let a = \"unsafe\";", &[]);
    }

    #[test]
    fn unsafe_code_has_its_proof_close_above() {
        let path = "runtime/src/a.rs";
        let missing = ["runtime/src/a.rs:2: unsafe without a proof"];
        check_rust(path, "unsafe { x() }", &missing);
        check_rust(path, "// SAFETY: x is ours.\nunsafe { x() }", &[]);
        check_rust(path, "// SAFETY: one\n// two\n// three\n// four\nunsafe { x() }", &[]);
        check_rust(path, "// SAFETY: one\nlet a =\n    b +\nunsafe { x() }", &[]);
        let far = ["runtime/src/a.rs:6: unsafe without a proof"];
        check_rust(path, "// SAFETY: one\na();\nb();\nc();\nunsafe { x() }", &far);
    }

    #[test]
    fn an_unsafe_function_documents_what_it_asks() {
        let path = "runtime/src/a.rs";
        check_rust(path, "/// # Safety\n/// Once only.\nunsafe fn x() {}", &[]);
        let missing = ["runtime/src/a.rs:4: unsafe without a proof"];
        check_rust(path, "/// # Safety\n/// Once only.\nunsafe { x() }", &missing);
    }

    #[test]
    fn the_rules_have_no_floats() {
        check_rust("domain/src/a.rs", "let a: f64 = b;", &["domain/src/a.rs:2: a float"]);
        check_rust("domain/src/a.rs", "// An f64 would round.", &[]);
        check_rust("bench/src/a.rs", "let a: f32 = b;", &[]);
    }

    #[test]
    fn no_debug_print_stays() {
        check_rust("a.rs", concat!("db", "g!(x);"), &["a.rs:2: a `db"]);
    }
}
