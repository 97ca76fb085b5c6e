//! File name: where a log is to be written, below the directory that the server keeps for logs.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use allot_domain::snapshot::{Cursor, SnapshotError};

use crate::{Reject, limits};

/// The path of a file in a directory of the server: 1 to 255 printable characters of ASCII, without
/// the space, `,`, `"`, `\`. It begins with no `/`, and none of its parts begins with a dot: so it
/// leads nowhere else, and to nothing hidden. A `.` alone is nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FileName(Box<str>);

impl FileName {
    /// A name from its text.
    ///
    /// # Errors
    /// [`Reject::BadFile`].
    pub fn new(text: &str) -> Result<Self, Reject> {
        let is_good = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\\');
        let is_text =
            (1..=limits::FILE_NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_good);
        let is_hidden = |part: &str| part.starts_with('.') && part != ".";
        let ends = text.rsplit('/').next().is_some_and(|last| !matches!(last, "" | "."));
        let is_below = !text.starts_with('/') && !text.split('/').any(is_hidden) && ends;
        let is_name = is_text && is_below;
        is_name.then(|| Self(text.into())).ok_or_else(|| Reject::BadFile(Reject::quote(text)))
    }

    /// Its parts: directories, and the file at last.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !matches!(*part, "" | "."))
    }

    /// The same file, as it is named without parts that are nothing.
    #[must_use]
    pub fn plain(&self) -> Self {
        let mut text = String::with_capacity(self.0.len());
        for part in self.parts() {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(part);
        }
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let broken = SnapshotError::Broken("a file name that is none");
        let len = cursor.u8()?;
        let bytes: alloc::vec::Vec<u8> =
            cursor.records::<1>(len.into())?.iter().map(|byte| byte[0]).collect();
        let text = core::str::from_utf8(&bytes).ok().and_then(|text| Self::new(text).ok());
        text.ok_or(broken)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for text in ["/etc/x", "../x", "a/../x", "a/..", "..", ".", "./", "a/", "", ".ssh/x"] {
            assert!(FileName::new(text).is_err(), "{text}");
        }
        let long = "x".repeat(256);
        assert!(FileName::new(&long).is_err());
        for text in ["a", "a.xml", "./a", "a/b.xml", "a//b", "./a/./b", "a..b", "~a"] {
            let name = FileName::new(text).unwrap();
            let parts: Vec<_> = name.parts().collect();
            assert!(!parts.is_empty() && parts.iter().all(|part| !part.starts_with('.')));
            let plain = name.plain();
            assert_eq!(plain.as_str(), parts.join("/"));
            assert_eq!(FileName::new(plain.as_str()), Ok(plain));
        }
    }
}
