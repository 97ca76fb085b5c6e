//! The run directory: the sockets between the processes of one user.
//!
//! Only its owner can read it, because any process that can connect to the backplane can act as a
//! shard.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The user's own: below `XDG_RUNTIME_DIR` if it is set, else below `/tmp`.
pub(crate) fn default() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => Path::new(&folder).join("allot"),
        None => env::temp_dir().join(format!("allot-{}", user())),
    }
}

/// Creates the directory of an `ipc://` endpoint, if it does not exist.
///
/// # Errors
/// When it cannot be created, or belongs to another user.
pub(crate) fn make_for(endpoint: &str) -> Result<()> {
    let Some(folder) = endpoint.strip_prefix("ipc://").map(Path::new).and_then(Path::parent) else {
        return Ok(());
    };
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    let what = || format!("cannot use the directory {} of {endpoint}", folder.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(what)?;
    let owner = fs::metadata(folder).with_context(what)?.uid();
    // A directory of root, such as /run, is safe; a directory of another user may not be.
    let is_safe = owner == user() || owner == 0;
    ensure!(
        is_safe,
        "{}: it belongs to another user; choose another directory with --run-dir",
        what()
    );
    Ok(())
}

/// The id of the user that runs this process.
fn user() -> u32 {
    fs::metadata("/proc/self").map_or(0, |process| process.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_socket_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = folder.path().join("deep/run");
        let endpoint = format!("ipc://{}/backplane", run_dir.display());
        make_for(&endpoint).unwrap();
        make_for(&endpoint).expect("it may be there already");
        assert_eq!(fs::metadata(&run_dir).unwrap().mode() & 0o777, 0o700);
        make_for("tcp://127.0.0.1:9998").unwrap();
        make_for("ipc://here").unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run"), "").unwrap();
        let error = make_for(&format!("ipc://{}/run/x", folder.path().display())).unwrap_err();
        assert!(error.to_string().starts_with("cannot use the directory"), "{error}");
    }
}
