//! The repository: the files that git tracks, or would track if they were added.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, ensure};

/// A file that is text.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// Relative to the root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file of the working tree that git does not ignore.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) files: Vec<TextFile>,
    /// The paths of all files, binary ones too, and of all folders.
    paths: BTreeSet<String>,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable; a binary that is started by hand uses the compiled-in folder.
    let package = env::var("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").to_owned());
    let root = Path::new(&package).parent();
    root.expect("xtask is a folder of the repository").to_owned()
}

impl Repository {
    /// Reads the working tree at `root`.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let mut repository = Self::default();
        for path in listed_paths(root)? {
            // A listed file that cannot be read was deleted, and that is not staged yet.
            if let Ok(bytes) = fs::read(root.join(&path)) {
                repository.add(path, bytes);
            }
        }
        ensure!(!repository.files.is_empty(), "git lists no file in {}", root.display());
        Ok(repository)
    }

    /// A repository with this content.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut repository = Self::default();
        for (path, text) in files {
            repository.add((*path).to_owned(), text.as_bytes().to_owned());
        }
        repository
    }

    fn add(&mut self, path: String, bytes: Vec<u8>) {
        let folders = Path::new(&path).ancestors().skip(1);
        self.paths.extend(folders.filter_map(Path::to_str).map(str::to_owned));
        self.paths.insert(path.clone());
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            self.files.push(TextFile { path, text });
        }
    }

    /// The text file at this path.
    pub(crate) fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a folder at this path; the root is the empty path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

impl TextFile {
    /// What follows the last dot of the name; empty if there is none.
    pub(crate) fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|found| found.to_str()).unwrap_or("")
    }
}

/// The paths that git lists: tracked, or new and not ignored.
fn listed_paths(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        // A CI container often runs as another user than the owner of the clone.
        .args(["-c", "safe.directory=*"])
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .context("`git ls-files` did not start; install git")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`git ls-files` failed: {}", complaint.trim());
    let listing = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    // A file in conflict is listed once for each side.
    let paths: BTreeSet<&str> = listing.split_terminator('\0').collect();
    Ok(paths.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_known_by_the_files_in_them() {
        let repository = Repository::of(&[("docs/internals/journal.md", "# Journal\n")]);
        for path in ["", "docs", "docs/internals", "docs/internals/journal.md"] {
            assert!(repository.has(path), "{path}");
        }
        assert!(!repository.has("docs/internals/wire.md"));
    }

    #[test]
    fn binary_files_have_a_path_and_no_text() {
        let repository = Repository::of(&[("a.bin", "\0\u{1}"), ("b.txt", "text\n")]);
        assert!(repository.has("a.bin"));
        assert!(repository.file("a.bin").is_none());
        assert!(repository.file("b.txt").is_some());
    }

    #[test]
    fn the_working_tree_lists_this_file() {
        let repository = Repository::open(&root()).unwrap();
        assert!(repository.file("xtask/src/repository.rs").is_some());
        assert!(!repository.has("target"));
    }
}
