//! The commit for `--version` of allot and of its harness. A build for development has none: it
//! would be built again after every commit.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=ALLOT_COMMIT");
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    // Where there is no repository, whoever packs the program can say it.
    let given = env::var("ALLOT_COMMIT").ok().filter(|commit| !commit.is_empty());
    let Some(commit) = given.or_else(commit) else { return };
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo:rerun-if-changed={log}");
    }
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rustc-env=ALLOT_VERSION={version} ({commit})");
}

/// The commit of this repository; none where it is a folder of another one, whose commits say
/// nothing of it.
fn commit() -> Option<String> {
    let root = fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    let here = fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).ok()?;
    if root != here {
        return None;
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
