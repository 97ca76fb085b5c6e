//! `allot doctor`: what on this machine would make a server slow, fail, or be refused.

mod machine;
mod server;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::stdout::print;
use allot_runtime::Context;
use anyhow::Result;
use clap::Args;
use std::fmt;
use std::process::ExitCode;

/// Examine this machine, and the servers at the two endpoints
///
/// Each line is ok, warn (it works, and could be better) or bad (it will not work), with what to
/// do about it. Fails if something is bad.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot doctor
  allot doctor --front tcp://10.0.0.1:9998 --publish tcp://10.0.0.1:9999")]
pub(crate) struct Doctor {
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish]) }>,
}

/// What was found, and the cure if it is an ill.
struct Finding {
    grade: Grade,
    what: String,
    cure: &'static str,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Grade {
    Ok,
    Warn,
    Bad,
}

/// Examines everything.
pub(crate) fn run(doctor: &Doctor, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&doctor.flags.given)?;
    let context = Context::new()?;
    let mut worst = Grade::Ok;
    let mut tell = |finding: Finding| {
        worst = worst.max(finding.grade);
        print(&finding.to_string())
    };
    machine::examine(&context)?.into_iter().try_for_each(&mut tell)?;
    tell(server::examine_front(&context, &settings.front, settings.front_key))?;
    tell(server::examine_publish(&context, &settings.publish))?;
    Ok(if worst == Grade::Bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, what: what.into(), cure: "" }
    }

    fn warn(what: impl Into<String>, cure: &'static str) -> Self {
        Self { grade: Grade::Warn, what: what.into(), cure }
    }

    fn bad(what: impl Into<String>, cure: &'static str) -> Self {
        Self { grade: Grade::Bad, what: what.into(), cure }
    }

    /// Well if so, else a warning.
    fn or_warn(is_well: bool, what: impl Into<String>, cure: &'static str) -> Self {
        if is_well { Self::ok(what) } else { Self::warn(what, cure) }
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
        if self.cure.is_empty() { Ok(()) } else { write!(out, "\n        {}", self.cure) }
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
