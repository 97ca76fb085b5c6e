//! The run directory: where the sockets between the processes of one user are found.
//!
//! It is readable by its owner alone, for whoever can connect to the backplane can be a shard.

use anyhow::{Context, Result, ensure};
use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The user's own: below `XDG_RUNTIME_DIR` where the system has one, else below `/tmp`.
pub(crate) fn default() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => Path::new(&folder).join("allot"),
        None => env::temp_dir().join(format!("allot-{}", user())),
    }
}

/// Makes the directory of an `ipc://` endpoint, if it is not there yet.
///
/// # Errors
/// When it cannot be made, or is there and belongs to somebody else.
pub(crate) fn make_for(endpoint: &str) -> Result<()> {
    let Some(folder) = endpoint.strip_prefix("ipc://").map(Path::new).and_then(Path::parent) else {
        return Ok(());
    };
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    let there = || format!("cannot use the directory {} of {endpoint}", folder.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(there)?;
    let owner = fs::metadata(folder).with_context(there)?.uid();
    // A directory of root's, such as /run, is no trap; that of another user may be one.
    let is_safe = owner == user() || owner == 0;
    ensure!(is_safe, "{}: it belongs to another user; choose another run-dir", there());
    Ok(())
}

/// The number of the user that runs this process.
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
