//! `allot help`: the help page of a command, and that of the settings.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Command};

use crate::misuse::Misuse;
use crate::pager::print_page;
use crate::setting::Key;

/// Print the help page of a command, or of all settings
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot help serve
  allot help feed fills
  allot help settings")]
pub(crate) struct Help {
    /// A command, or settings
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// Prints the page.
pub(crate) fn run(help: &Help, command: Command) -> Result<ExitCode> {
    if help.words == ["settings"] {
        print_page(&settings())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = command.bin_name("allot");
    // Its sub-commands get their full names.
    page.build();
    for word in &help.words {
        let name = page.get_bin_name().unwrap_or("allot").to_owned();
        let below = page.find_subcommand(word).cloned();
        page = below.ok_or_else(|| {
            Misuse::error(format!("{name} has no command {word:?}; {name} --help lists them"))
        })?;
    }
    print_page(page.render_long_help().to_string().trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// Every setting: what it is, what is allowed, its default, and where it can be given.
fn settings() -> String {
    let setting = |key: &Key| {
        format!(
            "--{} {}\n    {}\n    allowed: {}\n    default: {}\n    environment: {}",
            key.name(),
            key.placeholder(),
            key.help(),
            key.allowed(),
            key.default_text(),
            key.variable()
        )
    };
    let head = "Each setting has a flag, a variable of the environment, and a key of the same name \
                in a\nconfiguration file (allot.toml, or --config FILE); a flag overrides the \
                variable, and the\nvariable the file. allot config show prints every value and \
                where it is from. A command takes\nthe settings that its help page names.";
    let all: Vec<_> = Key::ALL.iter().map(setting).collect();
    format!("{head}\n\n{}", all.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described() {
        let page = settings();
        for key in Key::ALL {
            assert!(page.contains(&format!("--{} ", key.name())), "{key:?}");
        }
    }
}
