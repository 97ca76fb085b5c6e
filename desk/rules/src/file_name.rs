//! File name: where a log is to be written, as the client says it. The service confines it.

use alloc::boxed::Box;
use core::fmt;

use allot_domain::snapshot::{Cursor, SnapshotError};

use crate::{Reject, limits};

/// The name of a file: 1 to 255 printable characters of ASCII, without the space, `,`, `"`, `\`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileName(Box<str>);

impl FileName {
    /// A name from its text.
    ///
    /// # Errors
    /// [`Reject::BadFile`].
    pub fn new(text: &str) -> Result<Self, Reject> {
        let is_good = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\\');
        let is_name =
            (1..=limits::FILE_NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_good);
        is_name.then(|| Self(text.into())).ok_or_else(|| Reject::BadFile(Reject::quote(text)))
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
