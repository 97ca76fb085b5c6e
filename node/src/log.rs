//! The log: messages for people and log collectors, on stderr.

use std::env;
use std::ffi::OsString;
use std::fmt::{self, Debug, Write};
use std::io::{self, IsTerminal};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::log_format::LogFormat;
use crate::log_output::LogOutput;

/// The variable that filters by module, for example `info,allot_router=debug`.
const FILTER_VARIABLE: &str = "ALLOT_LOG";

/// Starts the log. `ALLOT_LOG` overrides the level.
///
/// # Errors
/// When that variable is no filter.
pub(crate) fn start(level: LevelFilter, format: LogFormat) -> Result<()> {
    let filter = filter(env::var_os(FILTER_VARIABLE), level)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(LogOutput::new(io::stderr(), format));
    let lines = match format {
        LogFormat::Text => {
            lines.with_target(false).with_ansi(io::stderr().is_terminal()).compact().boxed()
        }
        LogFormat::Json => lines.event_format(JsonLines).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok(())
}

/// An empty variable counts as unset.
fn filter(variable: Option<OsString>, level: LevelFilter) -> Result<Targets> {
    let Some(value) = variable.filter(|value| !value.is_empty()) else {
        return Ok(Targets::new().with_default(level));
    };
    let parsed = value.to_str().and_then(|text| text.parse().ok());
    parsed.with_context(|| {
        format!(
            "{FILTER_VARIABLE} is {value:?}, which is no filter; use for example info or \
                 info,allot_router=debug"
        )
    })
}

/// One JSON object per line, its fields sorted by name.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let metadata = event.metadata();
        let known = [
            ("time", time),
            ("level", metadata.level().to_string().to_lowercase()),
            ("target", metadata.target().to_owned()),
        ];
        fields.0.extend(known.map(|(name, text)| (name.to_owned(), Value::String(text))));
        writeln!(out, "{}", Value::Object(fields.0))
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        self.0.insert(name.strip_prefix("r#").unwrap_or(name).to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{value:?}");
        self.insert(field, text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_variable_that_is_no_filter_is_an_error() {
        let level = LevelFilter::INFO;
        assert!(filter(None, level).is_ok() && filter(Some(OsString::new()), level).is_ok());
        assert!(filter(Some("info,allot_router=debug".into()), level).is_ok());
        for text in ["info,=debug=", "a=b=c"] {
            let error = filter(Some(text.into()), level).unwrap_err().to_string();
            assert!(error.starts_with("ALLOT_LOG is"), "{error}");
        }
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_has_the_message_and_every_field() {
        let lines = Lines::default();
        let out = lines.clone();
        let log = tracing_subscriber::fmt()
            .event_format(JsonLines)
            .with_writer(move || out.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::warn!(r#box = "router", more = 3_u64, gone = true, "busy: {}", "full");
        });
        let bytes = lines.0.lock().unwrap().clone();
        let line: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line["message"], "busy: full");
        assert_eq!((&line["box"], &line["level"]), (&"router".into(), &"warn".into()));
        assert_eq!((&line["more"], &line["gone"]), (&3.into(), &true.into()));
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }
}
