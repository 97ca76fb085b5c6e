//! Words: the commands and options of the harness as JSON, for completion scripts of `allot`.
//!
//! `allot` runs the harness as another process and so does not know its options.

use clap::{Arg, Command};
use serde_json::{Value, json};

/// A command, with its options and the commands below it; what is hidden is left out.
pub(crate) fn of(command: &Command) -> Value {
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    let options = command.get_arguments().filter(|option| !option.is_hide_set());
    json!({
        "name": command.get_name(),
        "about": command.get_about().map(ToString::to_string),
        "options": options.filter_map(option).collect::<Vec<_>>(),
        "commands": shown.map(of).collect::<Vec<_>>(),
    })
}

/// An option by its long name; words without one are files, which a shell completes by itself.
fn option(option: &Arg) -> Option<Value> {
    let long = option.get_long()?;
    let values: Vec<_> = option
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    Some(json!({
        "long": long,
        "help": option.get_help().map(ToString::to_string),
        "takes_value": option.get_action().takes_values(),
        "values": values,
    }))
}
