//! Sink: where the rows of an export go, in one of its formats.

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use super::csv_files::CsvFiles;
#[cfg(feature = "parquet")]
use super::parquet_files::ParquetFiles;
use super::sqlite_file::SqliteFile;
use super::table::{Table, Value};

/// The format of an export.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// A file of comma-separated values for each table
    Csv,
    /// A Parquet file for each table, as DuckDB, pandas and Spark read them
    Parquet,
    /// One SQLite database with all tables
    Sqlite,
}

/// The files of an export that is being made.
pub(super) struct Sink {
    files: Files,
    rows: [u64; Table::ALL.len()],
}

enum Files {
    Csv(CsvFiles),
    #[cfg(feature = "parquet")]
    Parquet(ParquetFiles),
    Sqlite(SqliteFile),
}

impl Format {
    /// Its name, as on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Sqlite => "sqlite",
        }
    }
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
        Ok(Self { files, rows: [0; _] })
    }

    /// Appends a row, with a value for each column of the table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) -> Result<()> {
        assert_eq!(row.len(), table.columns().len(), "a row has a value for each column");
        self.rows[table.place()] += 1;
        match &mut self.files {
            Files::Csv(files) => files.put(table, row),
            #[cfg(feature = "parquet")]
            Files::Parquet(files) => files.put(table, row),
            Files::Sqlite(file) => file.put(table, row),
        }
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
