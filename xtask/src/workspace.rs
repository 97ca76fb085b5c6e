//! The workspace as cargo sees it: its crates, and what each of them depends on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// All members, and where cargo builds them.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) crates: Vec<Crate>,
    pub(crate) target: PathBuf,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Crate {
    /// The package's name.
    pub(crate) name: String,
    /// Relative to the root.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a crate's dependency tables.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// Whether only tests, examples and benchmarks use it.
    pub(crate) is_dev: bool,
    /// Its folder, relative to the root, if it is in this repository.
    pub(crate) folder: Option<String>,
}

impl Workspace {
    /// Runs `cargo metadata`. It resolves nothing, so it needs neither network nor lock file.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let output = Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(root)
            .stdin(Stdio::null())
            .output()
            .context("`cargo metadata` did not start")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`cargo metadata` failed: {}", complaint.trim());
        Self::parse(&String::from_utf8(output.stdout)?, root)
    }

    /// Reads the output of `cargo metadata`.
    pub(crate) fn parse(metadata: &str, root: &Path) -> Result<Self> {
        let metadata: Value = serde_json::from_str(metadata)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let crates = packages.iter().map(|package| Crate::parse(package, root));
        let target = text(&metadata, "target_directory")?;
        Ok(Self { crates: crates.collect::<Result<_>>()?, target: target.into() })
    }
}

impl Crate {
    fn parse(package: &Value, root: &Path) -> Result<Self> {
        let manifest = Path::new(text(package, "manifest_path")?);
        let folder = manifest.parent().and_then(|folder| relative(folder, root));
        let dependencies = package["dependencies"].as_array().context("no dependencies")?;
        let dependencies = dependencies.iter().map(|found| Dependency::parse(found, root));
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            folder: folder.context("a member is outside of the repository")?,
            dependencies: dependencies.collect::<Result<_>>()?,
        })
    }

    /// The path of its manifest, relative to the root.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

impl Dependency {
    fn parse(dependency: &Value, root: &Path) -> Result<Self> {
        let path = dependency["path"].as_str();
        Ok(Self {
            name: text(dependency, "name")?.to_owned(),
            is_dev: dependency["kind"].as_str() == Some("dev"),
            // A path outside of the repository is kept as it is; no row of the table matches it.
            folder: path.map(|p| relative(Path::new(p), root).unwrap_or(p.to_owned())),
        })
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("`cargo metadata` gave no {key}"))
}

fn relative(path: &Path, root: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
}

#[cfg(test)]
impl Workspace {
    /// A workspace of crates by folder, each with what it uses: a folder of the workspace
    /// (`domain`), the same for tests alone (`dev:domain`), or a package of others (`ext:rand`).
    pub(crate) fn of(members: &[(&str, &[&str])]) -> Self {
        let crates = members.iter().map(|(folder, uses)| Crate {
            name: crate::layers::package_name(folder),
            folder: (*folder).to_owned(),
            dependencies: uses.iter().map(|used| Dependency::of(used)).collect(),
        });
        Self { crates: crates.collect(), target: "target".into() }
    }
}

#[cfg(test)]
impl Dependency {
    fn of(used: &str) -> Self {
        let (is_dev, used) = used.strip_prefix("dev:").map_or((false, used), |used| (true, used));
        match used.strip_prefix("ext:") {
            Some(name) => Self { name: name.to_owned(), is_dev, folder: None },
            None => {
                let name = crate::layers::package_name(used);
                Self { name, is_dev, folder: Some(used.to_owned()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"target_directory":"/r/target","packages":[
        {"name":"allot-wire","manifest_path":"/r/wire/Cargo.toml","dependencies":[
            {"name":"allot-domain","kind":null,"path":"/r/domain"},
            {"name":"stray","kind":"build","path":"/elsewhere/stray"},
            {"name":"proptest","kind":"dev"}]}]}"#;

    #[test]
    fn metadata_is_read_relative_to_the_root() {
        let workspace = Workspace::parse(METADATA, Path::new("/r")).unwrap();
        assert_eq!(workspace.target, Path::new("/r/target"));
        let wire = &workspace.crates[0];
        assert_eq!((wire.name.as_str(), wire.folder.as_str()), ("allot-wire", "wire"));
        assert_eq!(wire.manifest(), "wire/Cargo.toml");
        let read: Vec<(&str, bool, Option<&str>)> = wire
            .dependencies
            .iter()
            .map(|found| (found.name.as_str(), found.is_dev, found.folder.as_deref()))
            .collect();
        let expected = [
            ("allot-domain", false, Some("domain")),
            ("stray", false, Some("/elsewhere/stray")),
            ("proptest", true, None),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn metadata_without_packages_are_an_error() {
        assert!(Workspace::parse("{}", Path::new("/r")).is_err());
    }
}
