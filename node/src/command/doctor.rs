//! `allot doctor`: what on this machine makes a server slow, or keeps it from running.

mod machine;
mod server;

use std::fmt;
use std::process::ExitCode;

use allot_runtime::Context;
use anyhow::Result;
use clap::Args;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::stdout::print;

/// Check this machine, and the server at the two endpoints
///
/// Each line begins with ok, warn (it works, but could be better) or bad (it does not work). A line
/// below says how to fix a problem. The exit code is non-zero if a line is bad: if a part of a
/// running server is missing or reports a problem, too. Without --expect-server, it is no problem
/// if no server is running at all.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot doctor
  allot doctor --expect-server                 a health check: fails unless all is well
  allot doctor --front tcp://10.0.0.1:9998 --publish tcp://10.0.0.1:9999")]
pub(crate) struct Doctor {
    /// Fail if no server is running
    #[arg(long)]
    expect_server: bool,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish, Key::PublishKey]) }>,
}

/// What was found and, if it is a problem, how to fix it.
struct Finding {
    grade: Grade,
    what: String,
    remedy: String,
}

/// How serious a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Grade {
    Ok,
    Warn,
    Bad,
}

/// Checks everything.
pub(crate) fn run(doctor: &Doctor, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&doctor.flags.given)?;
    let context = Context::new()?;
    let mut worst = Grade::Ok;
    let mut report = |finding: Finding| {
        worst = worst.max(finding.grade);
        print(&finding.to_string())
    };
    machine::examine(&context)?.into_iter().try_for_each(&mut report)?;
    let front = server::examine_front(&context, &settings.front, settings.front_key);
    let publish = server::examine_publish(&context, &settings.publish, settings.publish_key);
    server::judge(front, publish, doctor.expect_server).into_iter().try_for_each(&mut report)?;
    Ok(if worst == Grade::Bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, what: what.into(), remedy: String::new() }
    }

    fn warn(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade: Grade::Warn, what: what.into(), remedy: remedy.into() }
    }

    fn bad(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade: Grade::Bad, what: what.into(), remedy: remedy.into() }
    }

    /// Ok if the condition holds, else a warning.
    fn or_warn(is_ok: bool, what: impl Into<String>, remedy: &'static str) -> Self {
        if is_ok { Self::ok(what) } else { Self::warn(what, remedy) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.grade {
            Grade::Ok => "ok  ",
            Grade::Warn => "warn",
            Grade::Bad => "bad ",
        };
        write!(out, "{word}  {}", self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(out, "\n        {}", self.remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_to_do() {
        assert_eq!(Finding::ok("4 cores").to_string(), "ok    4 cores");
        let finding = Finding::warn("1 core", "use --threads shared");
        assert_eq!(finding.to_string(), "warn  1 core\n        use --threads shared");
        assert!(Grade::Ok < Grade::Warn && Grade::Warn < Grade::Bad);
    }
}
