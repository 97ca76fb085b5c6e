//! The machine: the ZeroMQ build, cores, clock, and the limit of open files.

use std::fs;

use allot_runtime::{Context, cores};
use anyhow::Result;

use super::Finding;

/// A server needs one file descriptor per client and subscriber, and some for itself.
const FILES_MIN: u64 = 4_096;

/// Clock sources that are read without a system call.
const FAST_CLOCKS: &[&str] =
    &["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];

/// Everything that can be checked without a server.
pub(super) fn examine(context: &Context) -> Result<Vec<Finding>> {
    let facts = context.facts()?;
    let (major, minor, patch) = facts.version;
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    Ok(vec![
        Finding::or_warn(
            (4, 3, 5) <= facts.version,
            format!("libzmq {major}.{minor}.{patch}"),
            "build with the zeromq-src of this workspace (third_party)",
        ),
        curve(facts.has_curve),
        wake_ups(facts.wakes_by_eventfd),
        core_count(cores().len()),
        clock(read("/sys/devices/system/clocksource/clocksource0/current_clocksource").as_deref()),
        governor(read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").as_deref()),
        files(read("/proc/self/limits").as_deref().and_then(open_files)),
    ])
}

fn curve(has_curve: bool) -> Finding {
    let what = if has_curve { "CURVE encryption available" } else { "no CURVE encryption" };
    Finding::or_warn(has_curve, what, "use endpoints on this machine or in a trusted network only")
}

fn wake_ups(by_eventfd: bool) -> Finding {
    let by = if by_eventfd { "eventfd" } else { "socket pairs" };
    Finding::or_warn(
        by_eventfd,
        format!("ZeroMQ wakes threads through {by}"),
        "each wake-up costs more; build with the zeromq-src of this workspace (third_party)",
    )
}

fn core_count(count: usize) -> Finding {
    let what = if count == 1 { "1 core".to_owned() } else { format!("{count} cores") };
    Finding::or_warn(
        2 < count,
        what,
        "run all boxes on one thread (--threads shared), use one shard, and do not use --wait spin",
    )
}

fn clock(source: Option<&str>) -> Finding {
    let source = source.unwrap_or("unknown");
    Finding::or_warn(
        FAST_CLOCKS.contains(&source),
        format!("clock source {source}"),
        "reading the time may cost a system call; boot with clocksource=tsc if the TSC is stable",
    )
}

fn governor(governor: Option<&str>) -> Finding {
    match governor {
        None => Finding::ok("no frequency governor: the host controls core frequency"),
        Some(governor) => Finding::or_warn(
            governor == "performance",
            format!("frequency governor {governor}"),
            "idle cores wake slowly; run: sudo cpupower frequency-set -g performance",
        ),
    }
}

fn files(limit: Option<u64>) -> Finding {
    let shown = limit.map_or("no limit".to_owned(), |limit| format!("at most {limit}"));
    Finding::or_warn(
        limit.is_none_or(|limit| FILES_MIN <= limit),
        format!("open files: {shown}"),
        "every client needs one; raise the limit: ulimit -n 65536",
    )
}

/// The soft limit in `/proc/self/limits`; `None` if it is unlimited or missing.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::Grade;

    #[test]
    fn the_limit_of_files_is_read() {
        let limits = "Limit Soft Hard Units\nMax open files            1024      524288   files\n";
        assert_eq!(open_files(limits), Some(1_024));
        assert_eq!(open_files("Max open files   unlimited unlimited files\n"), None);
        assert_eq!(files(Some(1_024)).grade, Grade::Warn);
        assert_eq!(files(Some(65_536)).grade, Grade::Ok);
        assert_eq!(files(None).grade, Grade::Ok);
    }

    #[test]
    fn every_problem_has_a_remedy() {
        for finding in [
            curve(false),
            wake_ups(false),
            core_count(1),
            clock(Some("hpet")),
            clock(None),
            governor(Some("powersave")),
        ] {
            assert_eq!(finding.grade, Grade::Warn, "{}", finding.what);
            assert!(!finding.remedy.is_empty(), "{}", finding.what);
        }
        for finding in [curve(true), core_count(8), clock(Some("tsc")), governor(None)] {
            assert_eq!(finding.grade, Grade::Ok, "{}", finding.what);
        }
    }

    #[test]
    fn this_machine_can_be_examined() {
        let findings = examine(&Context::new().unwrap()).unwrap();
        assert!(7 <= findings.len());
        assert!(findings.iter().all(|finding| finding.grade < Grade::Bad));
    }
}
