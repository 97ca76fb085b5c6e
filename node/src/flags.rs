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
        .allow_hyphen_values(key == Key::FrontKey)
        .help(help)
        .long_help(long_help)
        .help_heading("Settings")
}

impl<const KEYS: u32> Args for Flags<KEYS> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::keys().map(flag))
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
