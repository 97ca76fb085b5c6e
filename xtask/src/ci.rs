//! CI: every step that a change must pass, cheapest first, the same locally and on the server.
//!
//! Clippy, doc and the tests compile the crates; no other step does. The Python client and the
//! smoke script use the binary that the tests built.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::readme;
use crate::repository::root;
use crate::steps::SMOKE;
use crate::tidy;
use crate::workspace::Workspace;

const PYTHON_CLIENT: &str = "clients/python";
const INTEROP: &str = "bench/peers/interop/interop.py";
/// The client of the crate `zeromq`, which has a workspace of its own.
const INTEROP_RUST: &str = "bench/peers/interop/zeromq-rs/Cargo.toml";
/// ZeroMQ's own client for Node, with the library that it brings.
const ZEROMQ_JS: &str = "zeromq@6.8.0";

/// The tests of the console in a browser, and the browser.
const BROWSER_TESTS: &str = "console/tests/browser";
const BROWSER: &str = "/usr/bin/chromium";

/// How often CI tries each law of the allocator: half a minute in all, in a build for tests.
const LAW_CASES: &str = "20000";

/// How long CI runs each fuzz target, in seconds: some minutes in all.
const FUZZ_SECONDS: u32 = 10;
/// The targets of cargo-fuzz, a file each.
const FUZZ_TARGETS: &str = "fuzz/fuzz_targets";
/// What each of them starts from, in a folder of its name.
const FUZZ_CORPUS: &str = "fuzz/corpus";

/// The tests of `node` that start servers.
const WITH_SERVERS: &[&str] = &[
    "busy::",
    "closing::",
    "curve::",
    "desk::",
    "durability::",
    "feed_restarts::",
    "kill_loop::",
    "replays::",
    "server::",
    "trials::",
    "verify::",
];

/// Short runs of the benchmark harness: their arguments, and a file that each must leave.
const BENCHES: &[(&str, &str)] = &[
    (
        "tcp --window 8 --warm-up 50ms --measure 300ms --cool-down 20ms",
        "tcp-window=8-batch=1-connections=1.json",
    ),
    (
        "tcp --curve --rate 200 --connections 20 --warm-up 50ms --measure 300ms --cool-down 20ms",
        "tcp-rate=200-batch=1-connections=20.json",
    ),
    (
        "echo --window 8 --warm-up 50ms --measure 300ms --cool-down 20ms",
        "echo-tcp-window=8-batch=1-connections=1.json",
    ),
    (
        "pipeline --warm-up 50ms --measure 300ms --cool-down 20ms",
        "pipeline-batch=1-connections=1.json",
    ),
    (
        "journal --warm-up 50ms --measure 300ms --cool-down 20ms",
        "journal-window=1-batch=1-connections=1.json",
    ),
    ("growth --quick --turns 1", "growth.json"),
    ("signals --quick --turns 1 --medians 5", "signals.json"),
    ("mesh --quick --turns 1 --trades 50", "mesh.json"),
    (
        "desk --quick --turns 1 --warm-up 50ms --measure 300ms --cool-down 20ms --data target",
        "desk.json",
    ),
];

/// One step, runnable alone by its name.
struct Step {
    name: &'static str,
    run: fn(&Folders) -> Result<Outcome>,
}

/// In the order in which they run.
const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "clippy", run: clippy },
    Step { name: "tidy", run: |_| tidy::run().map(|()| Outcome::Passed) },
    Step { name: "doc", run: doc },
    Step { name: "test", run: test },
    Step { name: "libzmq", run: libzmq },
    Step { name: "laws", run: laws },
    Step { name: "python", run: python },
    Step { name: "browser", run: browser },
    Step { name: "interop", run: interop },
    Step { name: "smoke", run: smoke },
    Step { name: "bench", run: bench },
    Step { name: "fuzz", run: fuzz },
    Step { name: "deny", run: deny },
];

/// How a step ended, if it did not fail.
#[derive(Debug)]
enum Outcome {
    Passed,
    /// The step did not run, for this reason.
    Skipped(String),
}

/// The folders in which the steps run.
struct Folders {
    root: PathBuf,
    /// The target folder of cargo.
    target: PathBuf,
}

/// Runs the named steps, or all of them, and stops at the first that fails.
///
/// # Errors
/// The failing step, with its command and exit status.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let steps = chosen(names)?;
    let root = root();
    let target = Workspace::open(&root)?.target;
    let folders = Folders { root, target };
    let mut report = Vec::new();
    for step in steps {
        println!("== {}", step.name);
        let (outcome, took) = timed(|| (step.run)(&folders));
        let outcome = outcome.with_context(|| failure(step, took))?;
        report.push(line(step, &outcome, took));
        println!("{}\n", report.last().expect("pushed above"));
    }
    println!("== summary\n{}", report.join("\n"));
    Ok(())
}

/// The names of all steps, in order.
pub(crate) fn step_names() -> String {
    STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(" ")
}

/// The steps to run, always in the order of CI.
fn chosen(names: &[&str]) -> Result<Vec<&'static Step>> {
    for name in names {
        let known = STEPS.iter().any(|step| step.name == *name);
        ensure!(known, "there is no step `{name}`; the steps are {}", step_names());
    }
    let is_chosen = |step: &&Step| names.is_empty() || names.contains(&step.name);
    Ok(STEPS.iter().filter(is_chosen).collect())
}

fn failure(step: &Step, took: Duration) -> String {
    let name = step.name;
    let seconds = took.as_secs_f64();
    format!("{name} failed after {seconds:.1} s (to repeat: cargo xtask ci {name})")
}

fn line(step: &Step, outcome: &Outcome, took: Duration) -> String {
    match outcome {
        Outcome::Passed => format!("{:<8} passed in {:.1} s", step.name, took.as_secs_f64()),
        Outcome::Skipped(reason) => format!("{:<8} SKIPPED: {reason}", step.name),
    }
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch for people; nothing depends on it")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn fmt(folders: &Folders) -> Result<Outcome> {
    folders.execute(Command::new("cargo").args(["fmt", "--all", "--check"]))
}

fn clippy(folders: &Folders) -> Result<Outcome> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    folders.execute(Command::new("cargo").args(arguments))
}

fn doc(folders: &Folders) -> Result<Outcome> {
    let mut command = Command::new("cargo");
    command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--workspace", "--no-deps"]);
    folders.execute(&mut command)
}

/// Runs the test command as the README has it, so that the README stays right.
fn test(folders: &Folders) -> Result<Outcome> {
    folders.execute(Command::new("sh").args(["-c", &folders.test_command()?]))
}

/// Runs the tests with real servers once more, over libzmq in place of the native transport.
fn libzmq(folders: &Folders) -> Result<Outcome> {
    let mut command = Command::new("cargo");
    command.env("ALLOT_TRANSPORT", "libzmq");
    // With the features of the whole workspace, so that nothing is built anew.
    command.args(["test", "--workspace", "--test", "it", "--"]);
    folders.execute(command.args(WITH_SERVERS))
}

/// Holds the allocator's laws over more cases than the tests do.
fn laws(folders: &Folders) -> Result<Outcome> {
    let mut command = Command::new("cargo");
    command.env("ALLOT_LAW_CASES", LAW_CASES);
    // With the features of the whole workspace, so that nothing is built anew.
    folders.execute(command.args(["test", "--workspace", "--test", "it", "laws::"]))
}

/// Runs the tests of the Python client against the real binary, and those of the feed and the
/// front door once more over libzmq.
fn python(folders: &Folders) -> Result<Outcome> {
    if !folders.root.join(PYTHON_CLIENT).join("pyproject.toml").exists() {
        return Ok(Outcome::Skipped(format!("{PYTHON_CLIENT} has no pyproject.toml")));
    }
    let binary = folders.binary()?;
    let interpreter = python_with_client(folders)?;
    read_positions(folders, &interpreter)?;
    for (transport, which) in [("native", ""), ("libzmq", "not signals")] {
        let mut pytest = Command::new(&interpreter);
        pytest.env("ALLOT_BIN", &binary).env("ALLOT_TRANSPORT", transport);
        pytest.args(["-m", "pytest", "-p", "no:cacheprovider", "-k", which]);
        folders.execute(pytest.arg(PYTHON_CLIENT))?;
    }
    let mut mypy = Command::new(&interpreter);
    mypy.args(["-m", "mypy", "--config-file"]).arg(format!("{PYTHON_CLIENT}/pyproject.toml"));
    mypy.arg("--cache-dir").arg(folders.target.join("ci-venv/mypy"));
    mypy.arg(format!("{PYTHON_CLIENT}/src")).arg(format!("{PYTHON_CLIENT}/examples"));
    folders.execute(&mut mypy)
}

/// Opens what the console gives with pandas.
fn read_positions(folders: &Folders, interpreter: &Path) -> Result<Outcome> {
    let mut install = Command::new(interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    folders.execute(install.args(["pyarrow", "pandas"]))?;
    let mut command = Command::new("cargo");
    command.env("ALLOT_TEST_PYTHON", interpreter);
    // With the features of the whole workspace, so that nothing is built anew.
    command.args(["test", "--workspace", "--test", "it", "pandas_opens_the_stream"]);
    folders.execute(&mut command)
}

/// Lets clients of other languages and libraries play every role against both transports. That of
/// npm takes part where it can be had.
fn interop(folders: &Folders) -> Result<Outcome> {
    let binary = folders.binary()?;
    let mut matrix = Command::new(python_with_client(folders)?);
    matrix.arg(INTEROP).arg("--bin").arg(binary);
    let modules = folders.target.join("interop");
    fs::create_dir_all(&modules)?;
    let mut install = Command::new("npm");
    install.args(["install", "--silent", "--no-save", "--prefix"]).arg(&modules);
    install.arg(ZEROMQ_JS).stdin(Stdio::null());
    if install.output().is_ok_and(|output| output.status.success()) {
        matrix.arg("--node-modules").arg(modules.join("node_modules"));
    }
    let rust = folders.target.join("interop/rust");
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--locked", "--manifest-path", INTEROP_RUST]);
    folders.execute(build.arg("--target-dir").arg(&rust))?;
    matrix.arg("--rust").arg(rust.join("debug/allot-interop-zeromq"));
    folders.execute(&mut matrix)
}

/// A Python that has the client, with what its tests need.
fn python_with_client(folders: &Folders) -> Result<PathBuf> {
    let venv = folders.target.join("ci-venv");
    let interpreter = venv.join("bin/python");
    if !venv.join("bin/pip").exists() {
        folders.execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    }
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // Editable: the tests read the sources, and no build folder is left in the repository.
    install.args(["pytest", "--editable", &format!("./{PYTHON_CLIENT}[test]")]);
    folders.execute(&mut install)?;
    Ok(interpreter)
}

/// Runs the pages of the console in a real browser; `target/ci-pictures` keeps how they looked.
fn browser(folders: &Folders) -> Result<Outcome> {
    if !Path::new(BROWSER).exists() {
        let remedy = "apt-get install chromium nodejs npm";
        return Ok(Outcome::Skipped(format!("there is no {BROWSER}: {remedy}")));
    }
    let tests = folders.root.join(BROWSER_TESTS);
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&tests);
    folders.execute(&mut install)?;
    let mut node = Command::new("node");
    node.env("ALLOT", folders.binary()?).env("PICTURES", folders.target.join("ci-pictures"));
    // One file after the other: a page that waits for the other's browser would be slow.
    node.args(["--test", "--test-concurrency=1"]);
    let files = fs::read_dir(&tests)?.map(|entry| Ok(entry?.path()));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.to_string_lossy().ends_with(".test.js"));
    files.sort();
    ensure!(!files.is_empty(), "{BROWSER_TESTS} has no tests");
    folders.execute(node.args(files))
}

fn smoke(folders: &Folders) -> Result<Outcome> {
    if !folders.root.join(SMOKE).exists() {
        return Ok(Outcome::Skipped(format!("there is no {SMOKE}")));
    }
    let binary = folders.binary()?;
    folders.execute(Command::new("bash").arg(SMOKE).env("ALLOT_BIN", binary))
}

/// Runs the harness briefly. The figures mean nothing; the step checks that it measures, and that
/// nothing is lost or wrong.
fn bench(folders: &Folders) -> Result<Outcome> {
    let binary = folders.binary()?;
    let folder = folders.target.join("ci-bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (words, kept) in BENCHES {
        let mut command = Command::new(&binary);
        command.arg("bench").args(words.split(' ')).arg("--out").arg(&folder);
        folders.execute(&mut command)?;
        let kept = folder.join(kept);
        ensure!(kept.exists(), "`allot bench {words}` did not leave {}", kept.display());
    }
    Ok(Outcome::Passed)
}

/// Runs each fuzz target briefly, from its corpus; a finding fails the step.
fn fuzz(folders: &Folders) -> Result<Outcome> {
    let mut version = Command::new("cargo");
    version.args(["fuzz", "--version"]).stdin(Stdio::null());
    if !version.output().is_ok_and(|output| output.status.success()) {
        let remedy = "cargo install cargo-fuzz --locked";
        return Ok(Outcome::Skipped(format!("cargo-fuzz is not installed: {remedy}")));
    }
    let manifest = ["--manifest-path", "fuzz/Cargo.toml"];
    folders.execute(Command::new("cargo").arg("fmt").args(manifest).arg("--check"))?;
    folders.execute(&mut folders.cargo_fuzz("build"))?;
    let found = folders.target.join("fuzz-corpus");
    if found.exists() {
        fs::remove_dir_all(&found)?;
    }
    for target in folders.fuzz_targets()? {
        let found = found.join(&target);
        fs::create_dir_all(&found)?;
        let corpus = folders.root.join(FUZZ_CORPUS).join(&target);
        ensure!(corpus.exists(), "{} has no input; add one", corpus.display());
        let mut run = folders.cargo_fuzz("run");
        run.arg(&target).arg(&found).arg(&corpus).arg("--");
        run.arg(format!("-max_total_time={FUZZ_SECONDS}"));
        // An input that takes ten seconds, or two gigabytes, is a finding too.
        folders.execute(run.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]))?;
    }
    Ok(Outcome::Passed)
}

fn deny(folders: &Folders) -> Result<Outcome> {
    let mut version = Command::new("cargo");
    version.args(["deny", "--version"]).stdin(Stdio::null());
    if !version.output().is_ok_and(|output| output.status.success()) {
        return Ok(Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    let offline = ["deny", "check", "bans", "licenses", "sources"];
    folders.execute(Command::new("cargo").args(offline))?;
    // The advisory database is downloaded separately, which not every machine can do.
    let mut fetch = Command::new("cargo");
    fetch.args(["deny", "fetch"]).current_dir(&folders.root).stdin(Stdio::null());
    if !fetch.output().is_ok_and(|output| output.status.success()) {
        return Ok(Outcome::Skipped("advisories: cannot fetch their database".to_owned()));
    }
    folders.execute(Command::new("cargo").args(["deny", "check", "advisories"]))
}

impl Folders {
    /// Prints a command and runs it at the root, without standard input.
    fn execute(&self, command: &mut Command) -> Result<Outcome> {
        let shown = shown(command);
        println!("$ {shown}");
        command.current_dir(&self.root).stdin(Stdio::null());
        let status = command.status().with_context(|| format!("`{shown}` did not start"))?;
        ensure!(status.success(), "`{shown}` ended with {status}");
        Ok(Outcome::Passed)
    }

    fn test_command(&self) -> Result<String> {
        let path = self.root.join("README.md");
        let document = fs::read_to_string(&path).context("README.md cannot be read")?;
        let Some(command) = readme::test_command(&document) else {
            bail!("README.md has no `cargo test` in a ```sh fence; add one");
        };
        // `default-members` is the binary only, so a bare `cargo test` would skip the other crates.
        let is_whole = command.contains("--workspace");
        ensure!(is_whole, "`{command}` in README.md does not test every crate; add --workspace");
        Ok(command)
    }

    /// A subcommand of cargo-fuzz. Nothing here is unsafe but what carries bytes between threads,
    /// so no sanitizer watches memory, and there are twice as many executions.
    fn cargo_fuzz(&self, subcommand: &str) -> Command {
        let mut command = Command::new("cargo");
        // What counts coverage is unstable; the toolchain stays the one that builds everything.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.args(["fuzz", subcommand, "--sanitizer", "none", "--target-dir"]);
        command.arg(self.target.join("fuzz"));
        command
    }

    /// The names of all fuzz targets, in order.
    fn fuzz_targets(&self) -> Result<Vec<String>> {
        let mut targets = Vec::new();
        for entry in fs::read_dir(self.root.join(FUZZ_TARGETS))? {
            let path = entry?.path();
            let stem = path.file_stem().context("a file has a name")?;
            targets.push(stem.to_string_lossy().into_owned());
        }
        targets.sort();
        Ok(targets)
    }

    /// The `allot` binary of the tests; built the same way if they have not run.
    fn binary(&self) -> Result<PathBuf> {
        let arguments = ["test", "--workspace", "--no-run", "--quiet"];
        self.execute(Command::new("cargo").args(arguments))?;
        let binary = self.target.join("debug/allot");
        ensure!(binary.exists(), "the tests did not build {}", binary.display());
        Ok(binary)
    }
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quoted(value?))));
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    variables.chain(words.map(quoted)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.contains([' ', '[', '*']) { format!("'{word}'") } else { word.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<&'static str> {
        chosen(names).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn all_steps_run_unless_some_are_named() {
        assert_eq!(
            names(&[]).join(" "),
            "fmt clippy tidy doc test libzmq laws python browser interop smoke bench fuzz deny"
        );
        assert_eq!(names(&["smoke", "fmt"]), ["fmt", "smoke"]);
    }

    #[test]
    fn an_unknown_step_is_rejected_with_the_known_ones() {
        let error = chosen(&["lint"]).err().unwrap().to_string();
        assert!(error.contains("no step `lint`") && error.contains("clippy"), "{error}");
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("cargo");
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps"]);
        assert_eq!(shown(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failure_names_the_command_and_how_it_ended() {
        let folders = Folders { root: root(), target: PathBuf::new() };
        let error = folders.execute(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c 'exit 3'` ended with exit status: 3");
        let error = folders.execute(&mut Command::new("not-a-program")).unwrap_err();
        assert_eq!(error.to_string(), "`not-a-program` did not start");
    }

    #[test]
    fn a_command_has_no_standard_input() {
        let folders = Folders { root: root(), target: PathBuf::new() };
        let outcome = folders.execute(Command::new("sh").args(["-c", "! read -r line"])).unwrap();
        assert!(matches!(outcome, Outcome::Passed));
    }
}
