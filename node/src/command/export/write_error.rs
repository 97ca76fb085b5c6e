//! A write error: what an export says of a file that it cannot write.

use std::path::Path;

/// What an error says of a file that cannot be written, before its cause.
pub(super) fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write {}; if its disk is full, free some space, or choose another place with \
         --out",
        path.display()
    )
}
