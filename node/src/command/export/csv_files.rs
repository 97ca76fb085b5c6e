//! CSV files: a file for each table, with the names of its columns in the first line.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::table::Table;
use super::write_error::cannot_write;

/// A file for each table, in their order.
pub(super) struct CsvFiles {
    files: Vec<(File, PathBuf)>,
}

impl CsvFiles {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let files = Table::ALL.into_iter().map(|table| create(table, folder));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    /// Appends some lines.
    pub(super) fn put(&mut self, table: Table, lines: &[u8]) -> Result<()> {
        let (file, path) = &mut self.files[table.place()];
        file.write_all(lines).with_context(|| cannot_write(path))
    }

    pub(super) fn finish(self) -> Result<()> {
        let mut files = self.files.iter();
        files.try_for_each(|(file, path)| file.sync_all().with_context(|| cannot_write(path)))
    }
}

fn create(table: Table, folder: &Path) -> Result<(File, PathBuf)> {
    let path = folder.join(format!("{}.csv", table.name()));
    let mut file =
        File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
    let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
    writeln!(file, "{}", names.join(",")).with_context(|| cannot_write(&path))?;
    Ok((file, path))
}
