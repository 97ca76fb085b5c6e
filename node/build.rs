//! The commit for `allot --version`. A build for development has none: it would be built again
//! after every commit.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=ALLOT_COMMIT");
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    // Where there is no repository, whoever packs the program can say it.
    let given = env::var("ALLOT_COMMIT").ok();
    let Some(commit) = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"])) else { return };
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo:rerun-if-changed={log}");
    }
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rustc-env=ALLOT_VERSION={version} ({commit})");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
