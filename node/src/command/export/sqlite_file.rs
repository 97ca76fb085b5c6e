//! SQLite file: one database with all tables.
//!
//! SQLite has no decimal numbers, and what a firm holds does not fit into its integers as a count
//! of 1e-9: so decimals are texts, which the shell of SQLite adds up exactly (`decimal_sum`).

use std::fs::File;
use std::path::{Path, PathBuf};

use allot_domain::decimal;
use anyhow::{Context, Result};
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};

use super::table::{Column, Kind, Table, Value};
use super::write_error::cannot_write;
use crate::time_text;

/// The name of the file.
const FILE: &str = "ledger.sqlite";

/// What is asked for most: an outcome by its name, and what an account got.
const INDEXES: &str = "\
    CREATE INDEX fills_of_ticker ON fills (ticker, number);
    CREATE INDEX fills_of_source ON fills (source, id);
    CREATE INDEX allocations_of_ticker ON allocations (ticker, number);
    CREATE INDEX allocations_of_account ON allocations (account, ticker, number);";

/// How it begins. The file has another name until it is whole: nothing needs to be undone.
const BEGIN: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;";

/// The rows of a table that are in memory before they are written, by one prepared statement.
const ROWS_MAX: usize = 4_096;

/// The database, in one transaction.
pub(super) struct SqliteFile {
    connection: Connection,
    path: PathBuf,
    /// The rows of each table that are not written yet.
    rows: [Vec<Vec<Stored>>; Table::ALL.len()],
}

impl SqliteFile {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let connection =
            Connection::open(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let definitions = Table::ALL.map(definition).concat();
        let begun = connection.execute_batch(BEGIN);
        begun
            .and_then(|()| connection.execute_batch(&definitions))
            .with_context(|| cannot_write(&path))?;
        Ok(Self { connection, path, rows: [const { Vec::new() }; _] })
    }

    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) -> Result<()> {
        let rows = &mut self.rows[table.place()];
        rows.push(row.iter().map(stored).collect());
        if rows.len() < ROWS_MAX {
            return Ok(());
        }
        self.write(table).with_context(|| cannot_write(&self.path))
    }

    fn write(&mut self, table: Table) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare(&insert(table))?;
        for row in self.rows[table.place()].drain(..) {
            insert.execute(params_from_iter(row))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        let written = Table::ALL.into_iter().try_for_each(|table| self.write(table));
        let Self { connection, path, .. } = self;
        written
            .and_then(|()| connection.execute_batch(INDEXES))
            .and_then(|()| connection.execute_batch("COMMIT; PRAGMA optimize;"))
            .and_then(|()| connection.close().map_err(|(_, error)| error))
            .with_context(|| cannot_write(&path))?;
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.with_context(|| cannot_write(&path))
    }
}

/// The SQL that makes a table.
fn definition(table: Table) -> String {
    let column = |column: &Column| {
        let kind = match column.kind {
            Kind::Text | Kind::Decimal | Kind::Time => "TEXT",
            Kind::Signed | Kind::Flag => "INTEGER",
            // One that needs 64 bits is a text.
            Kind::Number => "ANY",
        };
        let is_there = if column.is_optional { "" } else { " NOT NULL" };
        format!("\"{}\" {kind}{is_there}", column.name)
    };
    let columns: Vec<_> = table.columns().iter().map(column).collect();
    format!("CREATE TABLE {} ({}) STRICT;", table.name(), columns.join(", "))
}

/// The SQL that appends a row.
fn insert(table: Table) -> String {
    let places = vec!["?"; table.columns().len()].join(", ");
    format!("INSERT INTO {} VALUES ({places})", table.name())
}

fn stored(value: &Value<'_>) -> Stored {
    match *value {
        Value::Text(text) => Stored::Text(text.to_owned()),
        Value::Number(number) => match i64::try_from(number) {
            Ok(number) => Stored::Integer(number),
            Err(_) => Stored::Text(number.to_string()),
        },
        Value::Signed(number) => Stored::Integer(number),
        Value::Decimal(nanos) => Stored::Text(decimal::nanos_text(nanos)),
        Value::Time(time_ns) => Stored::Text(time_text::exact(time_ns)),
        Value::Flag(flag) => Stored::Integer(flag.into()),
        Value::None => Stored::Null,
    }
}
