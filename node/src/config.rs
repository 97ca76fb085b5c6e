//! The configuration: the text of every setting, and its origin.
//!
//! ```text
//!   default  <  file (TOML)  <  environment (ALLOT_…)  <  flag
//! ```
//!
//! A layer replaces single settings of the layers below it. [`Settings`](crate::settings::Settings)
//! parses and checks the texts.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};

use crate::setting::Key;

/// The file that is read if no other is named and it exists.
const FILE_DEFAULT: &str = "allot.toml";

/// Where a value was set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It was not set.
    Default,
    /// The sub-command has a default of its own.
    Command(&'static str),
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
    /// `set`, at the prompt.
    Prompt,
}

/// One setting's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The text, as written.
    pub text: String,
    /// Where it was set.
    pub origin: Origin,
}

/// All settings, as texts.
#[derive(Clone, Debug)]
pub struct Config {
    /// In the order of [`Key::ALL`].
    values: Vec<Value>,
    /// What is wrong with names and types in the file; the values are looked at when they are read.
    problems: Vec<String>,
}

/// A value that its setting does not allow.
#[derive(Debug)]
pub struct InvalidSetting {
    /// The setting.
    pub key: Key,
    text: String,
    origin: Origin,
}

impl Config {
    /// All layers of this process: `file` or the default file, the environment, and the flags.
    ///
    /// # Errors
    /// When the named file does not exist, or a file is no TOML. What else is wrong with it is in
    /// [`Self::check_names`], so that it is told together with wrong values.
    pub fn load(file: Option<&Path>, flags: &[(Key, String)]) -> Result<Self> {
        let mut config = Self::default();
        let default = Path::new(FILE_DEFAULT);
        if let Some(path) = file.or_else(|| default.exists().then_some(default)) {
            let text = fs::read_to_string(path).with_context(|| {
                format!("cannot read the configuration file {}", path.display())
            })?;
            config.read_file(path, &text)?;
        }
        config.read_environment(|name| env::var_os(name))?;
        config.read_flags(flags);
        Ok(config)
    }

    /// The text of one setting, with `{run-dir}` replaced.
    #[must_use]
    pub fn text(&self, key: Key) -> String {
        self.value(key).text.replace("{run-dir}", &self.value(Key::RunDir).text)
    }

    /// Where one setting was set.
    #[must_use]
    pub fn origin(&self, key: Key) -> &Origin {
        &self.value(key).origin
    }

    /// One setting, parsed by `read`.
    ///
    /// # Errors
    /// When the text is invalid. Names the setting, its text, its origin, and the allowed values.
    pub fn read<T>(&self, key: Key, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text = self.text(key);
        read(&text).ok_or_else(|| {
            let origin = self.origin(key).clone();
            InvalidSetting { key, text, origin }.into()
        })
    }

    /// Whether the file has settings alone.
    ///
    /// # Errors
    /// Those that it has beside them, one a line.
    pub fn check_names(&self) -> Result<()> {
        ensure!(self.problems.is_empty(), "{}", self.problems.join("\n"));
        Ok(())
    }

    /// Replaces a value.
    pub fn set(&mut self, key: Key, text: &str, origin: Origin) {
        self.values[key as usize] = Value { text: text.to_owned(), origin };
    }

    /// Replaces the values that have flags.
    pub fn read_flags(&mut self, flags: &[(Key, String)]) {
        for (key, text) in flags {
            self.set(*key, text, Origin::Flag(key.name()));
        }
    }

    fn read_file(&mut self, path: &Path, text: &str) -> Result<()> {
        let file: toml::Table = text.parse().with_context(|| {
            format!("the configuration file {} is not valid TOML", path.display())
        })?;
        for (name, value) in &file {
            let Some(key) = Key::named(name) else {
                self.problems.push(unknown(path, name));
                continue;
            };
            match scalar(value) {
                Some(text) => self.set(key, &text, Origin::File(path.to_owned())),
                None => self.problems.push(format!(
                    "{}: {name} is of type {}; write a string in quotes or a whole number",
                    path.display(),
                    value.type_str()
                )),
            }
        }
        Ok(())
    }

    /// An empty variable counts as unset.
    fn read_environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<()> {
        for key in Key::ALL {
            let name = key.variable();
            let Some(value) = variable(&name).filter(|value| !value.is_empty()) else { continue };
            let text = value.into_string();
            let text = text.map_err(|value| {
                anyhow!("the environment variable {name} is not UTF-8: {value:?}; set it anew")
            })?;
            self.set(*key, &text, Origin::Environment(name));
        }
        Ok(())
    }

    fn value(&self, key: Key) -> &Value {
        &self.values[key as usize]
    }
}

impl Default for Config {
    /// The defaults, the lowest layer.
    fn default() -> Self {
        let value = |key: &Key| Value { text: key.default_text(), origin: Origin::Default };
        Self { values: Key::ALL.iter().map(value).collect(), problems: Vec::new() }
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, text, origin } = self;
        let (name, allowed) = (key.name(), key.allowed());
        write!(out, "invalid setting {name} = {text:?}, from {origin}; allowed: {allowed}")
    }
}

impl std::error::Error for InvalidSetting {}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Command(command) => write!(out, "default of {command}"),
            Self::File(path) => write!(out, "file {}", path.display()),
            Self::Environment(name) => write!(out, "environment {name}"),
            Self::Flag(name) => write!(out, "flag --{name}"),
            Self::Prompt => out.write_str("this line"),
        }
    }
}

/// A setting's text, as in a flag.
fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unknown(path: &Path, name: &str) -> String {
    let hint = match Key::nearest(name) {
        Some(key) => format!("did you mean {:?}?", key.name()),
        None => "`allot config show` lists them".to_owned(),
    };
    format!("{}: there is no setting {name:?}; {hint}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use expect_test::{Expect, expect};

    use super::*;

    /// The settings that differ from their defaults, after a file, an environment and flags.
    fn check(file: &str, environment: &[(&str, &str)], flags: &[(Key, &str)], expected: Expect) {
        let mut config = Config::default();
        let outcome = config.read_file(Path::new("allot.toml"), file);
        let outcome = outcome.and_then(|()| config.check_names());
        let read = config.read_environment(|name| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, text)| (*text).into())
        });
        read.unwrap();
        let flags: Vec<_> = flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        config.read_flags(&flags);
        let chosen = Key::ALL.iter().filter(|key| *config.origin(**key) != Origin::Default);
        let line = |key: &Key| {
            format!("{} = {} ({})\n", key.name(), config.text(*key), config.origin(*key))
        };
        let shown = match outcome {
            Ok(()) => chosen.map(line).collect(),
            Err(error) => format!("{error:#}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_layer_replaces_what_is_below_it_and_no_more() {
        check(
            "shards = 4\nreport-every = \"2s\"\nhistory = 10",
            &[("ALLOT_REPORT_EVERY", "3s"), ("ALLOT_WAIT", "block"), ("ALLOT_FRONT", "")],
            &[(Key::Wait, "spin")],
            expect![[r#"
                shards = 4 (file allot.toml)
                report-every = 3s (environment ALLOT_REPORT_EVERY)
                wait = spin (flag --wait)
                history = 10 (file allot.toml)
            "#]],
        );
    }

    #[test]
    fn the_sockets_follow_the_run_directory() {
        check(
            "run-dir = \"/run/firm\"\nparts = \"tcp://10.0.0.2:7001\"",
            &[],
            &[(Key::Backplane, "ipc://{run-dir}/b")],
            expect![[r#"
                run-dir = /run/firm (file allot.toml)
                backplane = ipc:///run/firm/b (flag --backplane)
                parts = tcp://10.0.0.2:7001 (file allot.toml)
            "#]],
        );
    }

    #[test]
    fn an_unknown_setting_is_an_error_with_the_nearest_known_one() {
        check(
            "report_evry = \"1s\"",
            &[],
            &[],
            expect![[
                r#"allot.toml: there is no setting "report_evry"; did you mean "report-every"?"#
            ]],
        );
        check(
            "[journal]\ndata = \"x\"",
            &[],
            &[],
            expect![[
                r#"allot.toml: there is no setting "journal"; `allot config show` lists them"#
            ]],
        );
    }

    #[test]
    fn a_value_that_is_neither_a_string_nor_a_number_is_rejected() {
        check(
            "shards = [1, 2]",
            &[],
            &[],
            expect![
                "allot.toml: shards is of type array; write a string in quotes or a whole number"
            ],
        );
    }

    #[test]
    fn an_invalid_toml_file_is_an_error_with_the_line() {
        let mut config = Config::default();
        let error = config.read_file(Path::new("allot.toml"), "shards = \n").unwrap_err();
        let shown = format!("{error:#}");
        assert!(
            shown.contains("allot.toml is not valid TOML") && shown.contains("line 1"),
            "{shown}"
        );
    }

    #[test]
    fn a_named_file_that_does_not_exist_is_an_error() {
        let error = Config::load(Some(Path::new("not/there.toml")), &[]).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the configuration file not/there.toml");
    }

    #[test]
    fn a_variable_that_is_not_utf_8_is_an_error() {
        let mut config = Config::default();
        let data = OsString::from_vec(b"data-\xff".to_vec());
        let read = |name: &str| (name == "ALLOT_DATA").then(|| data.clone());
        let error = config.read_environment(read).unwrap_err().to_string();
        assert!(error.starts_with("the environment variable ALLOT_DATA is not UTF-8"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_parse_is_named_with_its_origin() {
        let mut config = Config::default();
        config.set(Key::Shards, "many", Origin::Environment("ALLOT_SHARDS".to_owned()));
        let error = config.read(Key::Shards, |text| text.parse::<u32>().ok()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid setting shards = \"many\", from environment ALLOT_SHARDS; \
             allowed: a whole number from 1 to 64"
        );
    }
}
