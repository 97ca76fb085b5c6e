//! Flags: the settings that a sub-command accepts on its command line, generated from the table.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::setting::Key;

/// The flags that were given, of a set of settings. `KEYS` is a sum of [`Key::bit`]s.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags<const KEYS: u32> {
    pub(crate) given: Vec<(Key, String)>,
}

impl<const KEYS: u32> Flags<KEYS> {
    fn keys() -> impl Iterator<Item = Key> {
        Key::ALL.iter().copied().filter(|key| KEYS & key.bit() != 0)
    }
}

fn flag(key: Key) -> Arg {
    // The default is the lowest layer, below file and environment, so clap must not set it.
    let help = format!("{} [default: {}]", key.help().trim_end_matches('.'), key.default_text());
    let long_help = format!(
        "{}\n[allowed: {}]\n[default: {}]\n[environment: {}]",
        key.help(),
        key.allowed(),
        key.default_text(),
        key.variable()
    );
    Arg::new(key.name())
        .long(key.name())
        .value_name(key.placeholder())
        // A CURVE key may begin with a hyphen.
        .allow_hyphen_values(matches!(key, Key::FrontKey | Key::PublishKey))
        .help(help)
        .long_help(long_help)
        .help_heading(HEADING)
}

/// The heading of settings in a help page.
const HEADING: &str = "Settings";

/// Most settings that the help page of a command describes; of more it gives the names.
const DESCRIBED_MAX: usize = 4;

/// Names the settings of each command that has too many of them to describe them in its help page.
pub(crate) fn with_settings_named(mut command: Command) -> Command {
    let names: Vec<_> =
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, with_settings_named);
    }
    let is_setting = |argument: &&Arg| argument.get_help_heading() == Some(HEADING);
    let settings: Vec<_> = command
        .get_arguments()
        .filter(is_setting)
        .filter(|argument| argument.is_hide_long_help_set())
        .filter_map(|argument| argument.get_long())
        .map(|long| format!("--{long}"))
        .collect();
    if settings.is_empty() {
        return command;
    }
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_help(format!(
        "{examples}\n\n{HEADING}, described by allot help settings:\n  {}",
        in_lines(&settings)
    ))
}

/// Words in lines of a help page.
fn in_lines(words: &[String]) -> String {
    const WIDTH: usize = 90;
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.clone());
        }
    }
    lines.join("\n  ")
}

impl<const KEYS: u32> Args for Flags<KEYS> {
    fn augment_args(command: Command) -> Command {
        let is_many = DESCRIBED_MAX < Self::keys().count();
        let hidden = |flag: Arg| flag.hide_short_help(is_many).hide_long_help(is_many);
        command.args(Self::keys().map(flag).map(hidden))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const KEYS: u32> FromArgMatches for Flags<KEYS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for key in Self::keys() {
            let text = matches
                .try_get_one::<String>(key.name())
                .map_err(|error| clap::Error::raw(ErrorKind::InvalidValue, error))?;
            self.given.extend(text.map(|text| (key, text.clone())));
        }
        Ok(())
    }
}
