//! Front keys: the files with the CURVE keys of front door and feed, created at the first start.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use allot_runtime::CurveKeys;
use anyhow::{Context, Result, anyhow};

use crate::settings::Settings;

/// Only the owner may read the file.
const MODE: u32 = 0o600;
/// What anybody else may do with it.
const OTHERS: u32 = 0o077;

/// The keys of a server, if its front door encrypts.
///
/// # Errors
/// When the file cannot be read or created, or contains no keys.
pub(crate) fn of(settings: &Settings) -> Result<Option<CurveKeys>> {
    let read = |path| read_or_create(path, "the front door");
    settings.front_secret.as_deref().map(read).transpose()
}

/// The keys of the feed, if it encrypts.
///
/// # Errors
/// As [`of`].
pub(crate) fn of_feed(settings: &Settings) -> Result<Option<CurveKeys>> {
    let read = |path| read_or_create(path, "the feed");
    settings.publish_secret.as_deref().map(read).transpose()
}

/// The keys of what is named, in a file that is made if it is not there.
pub(crate) fn read_or_create(path: &Path, of: &str) -> Result<CurveKeys> {
    let what = || format!("cannot use the keys of {of} in {}", path.display());
    match fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
        Ok(text) => {
            let keys = CurveKeys::read(&text).with_context(what)?;
            warn_if_shared(path);
            Ok(keys)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create(path).map_err(|error| {
            let path = path.display();
            anyhow!(
                "cannot make the keys of {of} in {path}: {error:#}; name a file in a directory \
                 that exists and that this user may write"
            )
        }),
        Err(error) => Err(error).with_context(what),
    }
}

/// The keys of what is named, which another process has made.
pub(crate) fn read(path: &Path, of: &str) -> Result<CurveKeys> {
    let what = || format!("cannot use the keys of {of} in {}", path.display());
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.map_err(|error| {
        anyhow!(
            "cannot read the keys of {of} in {}: {error}; name the file that {of} was started with",
            path.display()
        )
    })?;
    let keys = CurveKeys::read(&text).with_context(what)?;
    warn_if_shared(path);
    Ok(keys)
}

/// Whoever can read the file can pass for this server.
fn warn_if_shared(path: &Path) {
    if fs::metadata(path).is_ok_and(|file| is_shared(file.mode())) {
        let path = path.display();
        tracing::warn!(
            "{path} holds a secret key, and other users may read or change it; run chmod 600 {path}"
        );
    }
}

const fn is_shared(mode: u32) -> bool {
    mode & OTHERS != 0
}

fn create(path: &Path) -> Result<CurveKeys> {
    let keys = CurveKeys::make()?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(keys.to_secret_text().as_bytes())?;
    file.sync_all()?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn keys_are_made_once_and_for_their_owner_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("keys");
        let keys = read_or_create(&path, "the front door").unwrap();
        assert_eq!(read_or_create(&path, "the front door").unwrap(), keys);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert!(!is_shared(0o100_600) && is_shared(0o100_640) && is_shared(0o100_606));
    }

    #[test]
    fn a_file_without_keys_is_left_as_it_is() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, "something else").unwrap();
        let error = format!("{:#}", read_or_create(&path, "the front door").unwrap_err());
        assert!(error.contains("keys of the front door") && error.contains("Z85"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
    }
}
