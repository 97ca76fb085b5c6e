//! What the table of `docs/internals/asvs.md` asks for and no other test shows; and that each test
//! that the table names is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::{PASSWORD, Rig};

const TABLE: &str = "../docs/internals/asvs.md";

/// Where tests are that the table may name.
const SOURCES: &[&str] = &["../console/src", "../console/tests/browser", "tests/it"];

#[test]
fn the_table_names_tests_that_there_are() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(here.join(TABLE)).unwrap();
    let sources: String = SOURCES.iter().flat_map(|folder| texts(&here.join(folder))).collect();
    let rows = table.lines().filter(|line| line.starts_with("| V"));
    let mut named = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [requirement, _, shown] = cells[..] else { panic!("three cells: {row}") };
        if shown.starts_with("not met") || shown.starts_with("does not apply") {
            assert!(!shown.contains('`'), "{requirement}: {shown}");
            continue;
        }
        let tests: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{requirement} names no test: {shown}");
        for test in tests {
            let is_there = sources.contains(&format!("fn {test}("))
                || sources.contains(&format!("test(\"{test}\""))
                || sources.contains(&format!("test(`{test}"));
            assert!(is_there, "{requirement}: there is no test {test:?}");
            named += 1;
        }
    }
    assert!(50 < named, "{named}");
}

/// The text of every file below a folder that has tests.
fn texts(folder: &Path) -> Vec<String> {
    let is_source = |path: &PathBuf| path.extension().is_some_and(|end| end == "rs" || end == "js");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.filter(|path| !path.ends_with("node_modules")).partition(|path| path.is_dir());
    let files = files.iter().filter(|path| is_source(path));
    let own = files.map(|path| fs::read_to_string(path).unwrap());
    own.chain(folders.iter().flat_map(|folder| texts(folder))).collect()
}

#[test]
fn what_was_typed_is_escaped_wherever_it_is_shown() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let typed = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in ["/?account=", "/?ticker=", "/fills?ticker=", "/fills?source=", "/fills?account="] {
        let page = anna.get(&format!("{path}{typed}")).body;
        assert!(page.contains("&#60;script&#62;alert(1)"), "{path}\n{page}");
        assert!(!page.contains("<script>alert"), "{path}");
    }
    let shown =
        anna.post("/splits/preview", &[("weights", "</textarea><script>alert(1)</script>")]);
    assert!(!shown.body.contains("<script>alert") && shown.status == 422);
    let mut browser = rig.browser();
    let form = [("name", "\"><script>alert(1)</script>"), ("password", PASSWORD)];
    let answer = browser.post("/login", &form);
    assert!(!answer.body.contains("<script>alert") && answer.body.contains("alert(1)"));
}

#[test]
fn every_answer_says_what_it_is() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/nowhere", "text/html; charset=utf-8"),
        ("/login", "text/html; charset=utf-8"),
        ("/assets/console.css", "text/css; charset=utf-8"),
        ("/assets/console.js", "text/javascript; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/widgets.json", "application/json"),
        ("/positions.arrow", "application/vnd.apache.arrow.stream"),
    ] {
        assert_eq!(anna.get(path).header("content-type"), Some(kind), "{path}");
    }
    // What is no page is a download, whoever asks for it.
    let answer = anna.get("/positions.arrow");
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment"));
}

#[test]
fn what_changes_something_is_never_asked_for_with_get() {
    let rig = Rig::new();
    let mut dora = rig.logged_in("dora");
    for path in ["/logout", "/people/end?name=anna", "/splits/preview?weights=alpha%20100"] {
        assert_eq!(dora.get(path).status, 405, "{path}");
    }
    assert_eq!(dora.get("/").status, 200, "and is logged in as before");
}

#[test]
fn a_password_is_taken_as_it_was_typed() {
    let rig = Rig::new();
    // 90 characters, of any kind: there is no rule but the length.
    let long = " pâté ☃ lower case only ".repeat(4);
    let mut process = rig.place.start_typed(&["console", "user", "add", "eva", "--role", "viewer"]);
    process.type_line(&long);
    process.outcome().ok();
    let try_one = |password: &str| {
        rig.browser().post("/login", &[("name", "eva"), ("password", password)]).status
    };
    assert_eq!(try_one(long.trim()), 401);
    assert_eq!(try_one(&long[..long.len() - 1]), 401);
    assert_eq!(try_one(&long.to_uppercase()), 401);
    assert_eq!(try_one(&long), 303);
}

#[test]
fn a_log_in_hides_the_password_and_helps_password_managers() {
    let rig = Rig::new();
    let page = rig.browser().get("/login").body;
    let field = page.split("<input ").find(|field| field.starts_with("name=\"password\"")).unwrap();
    assert!(field.contains("type=\"password\""), "{field}");
    assert!(field.contains("autocomplete=\"current-password\""), "{field}");
    assert!(!page.contains("onpaste") && !page.to_lowercase().contains("hint for"), "{page}");
}

#[test]
fn a_log_in_makes_another_session_and_ends_the_one_before() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    let mut before = anna.clone();
    let form = [("name", "anna"), ("password", PASSWORD)];
    let [first, second] = [(); 2].map(|()| {
        let cookie = anna.post("/login", &form).header("set-cookie").unwrap().to_owned();
        let (_, token) = cookie.split_once('=').unwrap();
        token.split(';').next().unwrap().to_owned()
    });
    assert_ne!(first, second);
    let is_hex = |token: &str| token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(is_hex(&first) && is_hex(&second), "256 random bits");
    assert_eq!(before.get("/").status, 303, "the session before has ended");
    assert_eq!(anna.get("/").status, 200);
}

#[test]
fn every_page_has_a_log_out_and_no_user_is_there_from_the_start() {
    let rig = Rig::new();
    let mut dora = rig.logged_in("dora");
    for path in
        ["/", "/fills", "/splits", "/tracking", "/health", "/people", "/sessions", "/nowhere"]
    {
        assert!(dora.get(path).body.contains("action=\"/logout\""), "{path}");
    }
    for (name, password) in [("admin", "admin"), ("root", "root"), ("allot", "allot")] {
        let form = [("name", name), ("password", password)];
        assert_eq!(rig.browser().post("/login", &form).status, 401, "{name}");
    }
}
