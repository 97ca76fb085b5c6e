//! Steps: what the steps of CI cover. `ci` runs it, and `tidy` holds the README to it.

/// The script that starts every process of the README and checks its output.
pub(crate) const SMOKE: &str = "scripts/smoke.sh";
/// The cargo verbs that a step runs, or that repeat what a step does.
pub(crate) const CARGO_VERBS: &[&str] = &["build", "clippy", "deny", "doc", "fmt", "test", "xtask"];
