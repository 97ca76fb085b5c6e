//! `allot config`: the value of every setting, its origin, and whether it is valid.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::common_args::CommonArgs;
use crate::config::Config;
use crate::flags::Flags;
use crate::setting::Key;
use crate::settings::Settings;
use crate::stdout::print;

/// Variables that are not settings, and that this binary or its scripts read.
const OTHER_VARIABLES: &[&str] = &["ALLOT_CONFIG", "ALLOT_LOG", "ALLOT_BIN"];

/// Show or check the configuration
#[derive(Args)]
pub(crate) struct ConfigPages {
    #[command(subcommand)]
    page: Page,
}

#[derive(Subcommand)]
enum Page {
    Show(Show),
    Check(Check),
}

/// Print every setting with its value and its origin
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot config show
  allot config show --shards 4
  allot config show --config firm.toml")]
struct Show {
    #[command(flatten)]
    flags: Flags<{ u32::MAX }>,
}

/// Check every setting; exit non-zero if one is invalid
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot config check
  allot config check --config firm.toml")]
struct Check {
    #[command(flatten)]
    flags: Flags<{ u32::MAX }>,
}

/// Shows or checks.
pub(crate) fn run(pages: &ConfigPages, common: &CommonArgs) -> Result<ExitCode> {
    match &pages.page {
        Page::Show(show) => {
            let config = common.config(&show.flags.given)?;
            config.check_names()?;
            print(&table(&config))?;
        }
        Page::Check(check) => {
            Settings::of(&common.config(&check.flags.given)?)?;
            warn_of_unknown_variables(
                env::vars_os().filter_map(|(name, _)| name.into_string().ok()),
            );
            print("the configuration is valid")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(config: &Config) -> String {
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let name_width = width(&mut Key::ALL.iter().map(|key| key.name().len()));
    let text_width = width(&mut Key::ALL.iter().map(|key| config.text(*key).len()));
    let line = |key: &Key| {
        let name = key.name();
        let text = config.text(*key);
        let origin = config.origin(*key);
        format!("{name:<name_width$} = {text:<text_width$}  ({origin})")
    };
    Key::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn warn_of_unknown_variables(names: impl Iterator<Item = String>) {
    for name in names.filter(|name| is_unknown(name)) {
        tracing::warn!(
            "the variable {name} has no effect; `allot config show --help` lists the known ones"
        );
    }
}

/// Whether a variable has our prefix and nothing reads it.
fn is_unknown(name: &str) -> bool {
    let is_setting = Key::ALL.iter().any(|key| key.variable() == name);
    name.starts_with("ALLOT_") && !is_setting && !OTHER_VARIABLES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn every_setting_has_its_line_with_its_origin() {
        let mut config = Config::default();
        config.set(Key::Shards, "4", Origin::Environment("ALLOT_SHARDS".to_owned()));
        let table = table(&config);
        assert_eq!(table.lines().count(), Key::ALL.len());
        let line = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(line("shards ").ends_with("(environment ALLOT_SHARDS)"), "{table}");
        assert!(line("front ").contains("= tcp://127.0.0.1:9998 "), "{table}");
        assert!(line("backplane").contains("ipc:///"), "{table}");
    }

    #[test]
    fn a_variable_that_nothing_reads_is_unknown() {
        for (name, expected) in
            [("ALLOT_SHARD", true), ("ALLOT_SHARDS", false), ("ALLOT_BIN", false), ("PATH", false)]
        {
            assert_eq!(is_unknown(name), expected, "{name}");
        }
    }
}
