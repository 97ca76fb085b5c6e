//! An ipc file: the name in the file system under which an `ipc://` endpoint is found.
//!
//! Before a bind, ZeroMQ deletes any file with that name, even the socket of a server that is
//! alive, and it leaves its own file behind when it closes. Here a bind fails if the file is alive
//! or is not a socket, and a close removes the file that it made, unless another has replaced it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::RuntimeError;

/// A socket file that this process made. Dropping it removes it.
pub(crate) struct IpcFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl IpcFile {
    /// Fails if a server listens at the endpoint, or if another file has that name.
    pub(crate) fn make_way(endpoint: &str) -> Result<(), RuntimeError> {
        let Some(path) = path_of(endpoint) else { return Ok(()) };
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        if !found.file_type().is_socket() {
            let cause = "a file that is not a socket has this name; choose another path".to_owned();
            return Err(RuntimeError::Bind { endpoint: endpoint.to_owned(), cause });
        }
        if UnixStream::connect(path).is_ok() {
            return Err(RuntimeError::bind(endpoint, zmq::Error::EADDRINUSE));
        }
        Ok(())
    }

    /// The file behind an endpoint that was just bound.
    pub(crate) fn of(endpoint: &str) -> Option<Self> {
        let path = path_of(endpoint)?;
        Some(Self { identity: identity(path)?, path: path.to_owned() })
    }
}

impl Drop for IpcFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // It may already have been removed, together with its directory.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// `None` for other transports, for wildcards and for abstract names, which have no file.
fn path_of(endpoint: &str) -> Option<&Path> {
    let path = endpoint.strip_prefix("ipc://")?;
    (!path.starts_with(['*', '@'])).then(|| Path::new(path))
}

/// The device and the inode: they tell this file from a later one of the same name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let there = fs::symlink_metadata(path).ok()?;
    there.file_type().is_socket().then(|| (there.dev(), there.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_live_socket_or_another_file_is_not_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = |name: &str| format!("ipc://{}", folder.path().join(name).display());

        fs::write(folder.path().join("notes"), "mine").unwrap();
        let refused = IpcFile::make_way(&endpoint("notes")).unwrap_err().to_string();
        assert!(
            refused.ends_with("a file that is not a socket has this name; choose another path")
        );

        let listener = UnixListener::bind(folder.path().join("alive")).unwrap();
        let refused = IpcFile::make_way(&endpoint("alive")).unwrap_err().to_string();
        assert!(refused.contains("address in use"), "{refused}");
        drop(listener);
        IpcFile::make_way(&endpoint("alive")).expect("its server has gone");
        IpcFile::make_way(&endpoint("new")).unwrap();
        IpcFile::make_way("tcp://127.0.0.1:*").unwrap();
    }

    #[test]
    fn only_the_file_that_was_made_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door");
        let endpoint = format!("ipc://{}", path.display());
        let listener = UnixListener::bind(&path).unwrap();
        drop(IpcFile::of(&endpoint).unwrap());
        assert!(!path.exists());
        drop(listener);

        let _first = UnixListener::bind(&path).unwrap();
        let file = IpcFile::of(&endpoint).unwrap();
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}
