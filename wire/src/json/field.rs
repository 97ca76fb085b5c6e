//! Field: one known field of a JSON request, as the text that stands there.
//!
//! A field that stands there as `null`, as an empty text or as an empty list is refused: whoever
//! writes it means something by it.

use std::borrow::Cow;

use allot_domain::{Reject, decimal};
use serde_json::value::RawValue;

use super::entries::Name;
use crate::nearest_name;

/// What stands in a field; it borrows from the message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    name: &'static str,
    /// What stands there.
    pub value: Option<&'a RawValue>,
    is_twin: bool,
    /// It stands there as `null`, as an empty text or as an empty list.
    is_empty: bool,
}

impl<'a> Field<'a> {
    /// A field of this name that was not found yet.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self { name, value: None, is_twin: false, is_empty: false }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Takes the value that stands there; a second one makes the field a twin.
    pub fn set(&mut self, value: &'a RawValue) {
        self.is_twin |= self.value.is_some();
        self.is_empty |= matches!(value.get(), "null" | "\"\"") || is_empty_list(value.get());
        self.value = self.value.or(Some(value));
    }

    /// Refuses a field that says nothing. `need` is who cannot do without it, as `a fill`; none
    /// where it may be left out.
    ///
    /// # Errors
    /// [`Reject::UnknownField`].
    pub fn refuse_empty(&self, need: impl FnOnce() -> Option<String>) -> Result<(), Reject> {
        if !self.is_empty {
            return Ok(());
        }
        let value = self.value.map_or("", RawValue::get);
        let advice = need().map_or_else(
            || "give it a value, or leave it out".to_owned(),
            |who| format!("{who} needs a value there"),
        );
        let name = self.name;
        Err(Reject::UnknownField(format!("the field \"{name}\" is {value}; {advice}")))
    }

    /// Refuses a field that is not there.
    ///
    /// # Errors
    /// [`Reject::MissingField`].
    pub fn need(&self) -> Result<(), Reject> {
        self.value.map(|_| ()).ok_or(Reject::MissingField(self.name))
    }

    /// The text of the value.
    ///
    /// # Errors
    /// [`Reject::MissingField`]; [`Reject::MalformedField`] where it appears twice.
    pub fn json(&self) -> Result<&'a str, Reject> {
        let value = self.value.ok_or(Reject::MissingField(self.name))?.get();
        if self.is_twin {
            return Err(Reject::MalformedField(format!(
                "the field \"{}\" appears twice",
                self.name
            )));
        }
        Ok(value)
    }

    /// A JSON string, its escapes resolved.
    ///
    /// # Errors
    /// [`Reject::MissingField`] and [`Reject::MalformedField`].
    pub fn text(&self) -> Result<Cow<'a, str>, Reject> {
        string(self.json()?).ok_or_else(|| self.malformed("must be a string"))
    }

    /// A JSON string or the text of a JSON number.
    ///
    /// # Errors
    /// [`Reject::MissingField`] and [`Reject::MalformedField`].
    pub fn scalar(&self) -> Result<Cow<'a, str>, Reject> {
        scalar(self.json()?).ok_or_else(|| self.malformed("must be a number or a string with one"))
    }

    /// The text of an id: a JSON string, or a number of digits alone. Another number is not read
    /// as one of them: `17.0` may be an id of its own to whoever sends it.
    ///
    /// # Errors
    /// [`Reject::MissingField`] and [`Reject::MalformedField`].
    pub fn id(&self) -> Result<Cow<'a, str>, Reject> {
        match string(self.json()?) {
            Some(text) => Ok(text),
            None => match self.json()? {
                digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(digits.into()),
                _ => Err(self.malformed("must be a string, or a number of digits alone")),
            },
        }
    }

    /// A list of JSON strings, their escapes resolved.
    ///
    /// # Errors
    /// [`Reject::MissingField`] and [`Reject::MalformedField`].
    pub fn texts(&self) -> Result<Vec<Cow<'a, str>>, Reject> {
        let texts: Vec<Name<'a>> = serde_json::from_str(self.json()?)
            .map_err(|_| self.malformed("must be a list of strings"))?;
        Ok(texts.into_iter().map(|Name(text)| text).collect())
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// [`Reject::MissingField`] and [`Reject::MalformedField`].
    pub fn whole(&self) -> Result<u64, Reject> {
        match decimal::parse_whole(&self.scalar()?) {
            Ok(Some(number)) => u64::try_from(number).ok(),
            _ => None,
        }
        .ok_or_else(|| self.malformed("must be a whole number below 2^64"))
    }

    /// Says what the field must be, and what it was.
    #[must_use]
    pub fn malformed(&self, rule: &str) -> Reject {
        let value = Reject::quote(self.value.map_or("", RawValue::get));
        Reject::MalformedField(format!("the field \"{}\" {rule}; it was {value}", self.name))
    }
}

fn is_empty_list(json: &str) -> bool {
    let inner = json.strip_prefix('[').and_then(|json| json.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// A JSON string, its escapes resolved; none where it is something else, or an escape is no text.
#[must_use]
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// A JSON string, or a number as it is written.
#[must_use]
pub fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(json)),
        _ => string(json),
    }
}

/// Refuses a field that is not among those of its request, and names the nearest that is.
#[must_use]
pub fn unknown_field(name: &str, known: &[&str]) -> Reject {
    let quoted = Reject::quote(name);
    Reject::UnknownField(match nearest_name(name, known.iter().copied()) {
        Some(known) => format!("the field {quoted} is not known; did you mean \"{known}\"?"),
        None => format!("the field {quoted} is not known; the fields are {}", known.join(", ")),
    })
}

/// Refuses a request in which one of these fields is not there: the first.
///
/// # Errors
/// [`Reject::MissingField`].
pub fn need<const N: usize>(fields: [&Field<'_>; N]) -> Result<(), Reject> {
    fields.into_iter().try_for_each(Field::need)
}
