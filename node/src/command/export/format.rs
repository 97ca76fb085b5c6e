//! Format: that of the files of an export.

use clap::ValueEnum;

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
