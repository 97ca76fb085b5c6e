//! Entries: the names and values of a JSON object in the order they stand there, twins included.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// What an object whose names are not known beforehand holds.
#[derive(Debug)]
pub struct Entries<'a, V>(pub Vec<(Cow<'a, str>, V)>);

/// The name of a field; it borrows from the text unless it has escapes.
#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Entries<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Vec::new();
        each_entry(deserializer, |name, value| entries.push((name, value)))?;
        Ok(Entries(entries))
    }
}

/// Hands over each name of an object with its value, in the order in which they stand there.
///
/// # Errors
/// It is no object, or a value is none of these.
pub fn each_entry<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    take: impl FnMut(Cow<'de, str>, V),
) -> Result<(), D::Error> {
    deserializer.deserialize_map(EntryVisitor(take, PhantomData))
}

struct EntryVisitor<V, F>(F, PhantomData<V>);

impl<'de, V: Deserialize<'de>, F: FnMut(Cow<'de, str>, V)> Visitor<'de> for EntryVisitor<V, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            (self.0)(name, map.next_value()?);
        }
        Ok(())
    }
}
