//! Sink: where the rows of an export go, in its format.

use std::path::Path;

use anyhow::Result;

use super::csv_files::CsvFiles;
use super::format::Format;
#[cfg(feature = "parquet")]
use super::parquet_files::ParquetFiles;
use super::row_block::{Content, Packed, RowBlock};
use super::sqlite_file::SqliteFile;
use super::table::{Table, Value};
use super::written_splits::WrittenSplits;

/// The files of an export that is being made.
pub(super) struct Sink {
    files: Files,
    splits: WrittenSplits,
    rows: [u64; Table::ALL.len()],
}

enum Files {
    Csv(CsvFiles),
    #[cfg(feature = "parquet")]
    Parquet(ParquetFiles),
    Sqlite(SqliteFile),
}

impl Sink {
    /// Begins the files in a folder that is empty.
    ///
    /// # Errors
    /// When they cannot be made, or the program has no such format.
    pub(super) fn create(format: Format, folder: &Path) -> Result<Self> {
        let files = match format {
            Format::Csv => Files::Csv(CsvFiles::create(folder)?),
            #[cfg(feature = "parquet")]
            Format::Parquet => Files::Parquet(ParquetFiles::create(folder)?),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                let _ = folder;
                anyhow::bail!(
                    "this program was built without the feature parquet: build it without \
                     `--no-default-features`, or choose --format csv or sqlite"
                )
            }
            Format::Sqlite => Files::Sqlite(SqliteFile::create(folder)?),
        };
        Ok(Self { files, splits: WrittenSplits::default(), rows: [0; _] })
    }

    /// Appends the rows of a block, unless they are of a split that a shard before had too.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn put(&mut self, block: &RowBlock) -> Result<()> {
        if block.split.is_some_and(|number| !self.splits.claim(number)) {
            return Ok(());
        }
        let table = block.table;
        self.rows[table.place()] += block.rows;
        match (&mut self.files, &block.content) {
            (Files::Csv(files), Content::Csv(lines)) => files.put(table, lines),
            #[cfg(feature = "parquet")]
            (Files::Parquet(files), Content::Packed(packed)) => {
                each_row(table, packed, |row| files.put(table, row))
            }
            (Files::Sqlite(file), Content::Packed(packed)) => {
                each_row(table, packed, |row| file.put(table, row))
            }
            _ => panic!("a block is of the format of the files"),
        }
    }

    /// The blocks of another shard follow.
    pub(super) fn end_shard(&mut self) {
        self.splits.end_shard();
    }

    /// How many rows each table has.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Table::ALL.into_iter().map(Table::name).zip(self.rows)
    }

    /// Writes what is still in memory, and closes the files.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        match self.files {
            Files::Csv(files) => files.finish(),
            #[cfg(feature = "parquet")]
            Files::Parquet(files) => files.finish(),
            Files::Sqlite(file) => file.finish(),
        }
    }
}

fn each_row(
    table: Table,
    packed: &Packed,
    mut put: impl FnMut(&[Value<'_>]) -> Result<()>,
) -> Result<()> {
    let columns = table.columns().len();
    let mut row = Vec::with_capacity(columns);
    for value in packed.values() {
        row.push(value);
        if row.len() == columns {
            put(&row)?;
            row.clear();
        }
    }
    Ok(())
}
