//! The environment of a run: a figure means nothing without it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use allot_runtime::{Context, cores};

/// The version, and the commit where that is known.
pub(crate) const VERSION: &str = match option_env!("ALLOT_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// What is read before a run and completed after it.
pub(crate) struct Environment {
    facts: BTreeMap<String, String>,
    steal: Option<(u64, u64)>,
}

impl Environment {
    /// Looks at the machine, and at this program.
    pub(crate) fn look() -> Self {
        let mut facts = BTreeMap::new();
        let mut add = |name: &str, value: Option<String>| {
            let value = value.unwrap_or_else(|| "unknown".to_owned());
            facts.insert(name.to_owned(), value);
        };
        add("cpu", cpu());
        add("cores", Some(cores().len().to_string()));
        add("kernel", read("/proc/sys/kernel/osrelease"));
        add("governor", read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
        add(
            "clocksource",
            read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        );
        add("load average", load_average());
        add("revision", revision());
        add("version", Some(env!("CARGO_PKG_VERSION").to_owned()));
        let build =
            if cfg!(debug_assertions) { "debug: its times mean nothing" } else { "release" };
        add("build", Some(build.to_owned()));
        let library = Context::new().and_then(|context| context.facts()).ok();
        add(
            "libzmq",
            library.map(|facts| {
                let (major, minor, patch) = facts.version;
                let wakes = if facts.wakes_by_eventfd { "eventfd" } else { "socket pair" };
                format!("{major}.{minor}.{patch}, wakes by {wakes}")
            }),
        );
        Self { facts, steal: steal() }
    }

    /// Adds, after the run, what else used the machine meanwhile.
    pub(crate) fn complete(mut self) -> BTreeMap<String, String> {
        let share = match (self.steal, steal()) {
            (Some(before), Some(after)) => steal_share(before, after),
            _ => "unknown".to_owned(),
        };
        self.facts.insert("steal".to_owned(), share);
        let before = self.facts.get("load average").cloned().unwrap_or_default();
        let after = load_average().unwrap_or_else(|| "unknown".to_owned());
        self.facts.insert("load average".to_owned(), format!("{before} before, {after} after"));
        self.facts
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn cpu() -> Option<String> {
    let info = read("/proc/cpuinfo")?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load_average() -> Option<String> {
    let words = read("/proc/loadavg")?;
    Some(words.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// The revision that this program was built from; of a development build, that of the repository
/// that it lies in or is called in.
fn revision() -> Option<String> {
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).and_then(revision_of);
    if let Some(built) = built_from(VERSION) {
        // Its repository knows more: whether there were changes.
        return beside
            .filter(|beside| beside.starts_with(built))
            .or_else(|| Some(built.to_owned()));
    }
    let here = Path::new(".");
    beside.or_else(|| here.join("bench/runs").is_dir().then(|| revision_of(here)).flatten())
}

/// The commit in a version such as `0.1.0 (0123456789ab)`.
fn built_from(version: &str) -> Option<&str> {
    version.split_once(" (")?.1.strip_suffix(')')
}

fn revision_of(folder: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(arguments);
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { revision } else { format!("{revision}, changed") })
}

/// Ticks stolen by the host, and all ticks.
fn steal() -> Option<(u64, u64)> {
    steal_of(&fs::read_to_string("/proc/stat").ok()?)
}

/// `cpu user nice system idle iowait irq softirq steal …`
fn steal_of(stat: &str) -> Option<(u64, u64)> {
    let words = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
    Some((*ticks.get(7)?, ticks.iter().take(8).sum()))
}

fn steal_share(before: (u64, u64), after: (u64, u64)) -> String {
    let stolen = after.0.saturating_sub(before.0);
    let all = after.1.saturating_sub(before.1);
    let percent = if all == 0 { 0.0 } else { stolen as f64 * 100.0 / all as f64 };
    format!("{percent:.2} % of the time ({stolen} ticks)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_the_eighth_column() {
        let stat = "cpu  1 2 3 4 5 6 7 80 9 10\ncpu0 1 1 1 1\n";
        assert_eq!(steal_of(stat), Some((80, 108)));
        assert_eq!(steal_of("intr 5\n"), None);
        assert_eq!(steal_share((80, 100), (85, 200)), "5.00 % of the time (5 ticks)");
        assert_eq!(steal_share((80, 100), (80, 100)), "0.00 % of the time (0 ticks)");
    }

    #[test]
    fn a_version_may_have_a_commit() {
        assert_eq!(built_from("0.1.0 (0123456789ab)"), Some("0123456789ab"));
        assert_eq!(built_from("0.1.0"), None);
    }

    #[test]
    fn this_machine_has_an_environment() {
        let facts = Environment::look().complete();
        for name in ["cpu", "cores", "kernel", "libzmq", "steal", "build", "revision"] {
            assert!(facts.contains_key(name), "{name}");
        }
        assert!(facts["libzmq"].starts_with("4."), "{}", facts["libzmq"]);
        assert!(facts["load average"].ends_with(" after"), "{}", facts["load average"]);
    }
}
