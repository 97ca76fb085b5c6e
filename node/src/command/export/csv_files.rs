//! CSV files: a file for each table, with the names of its columns in the first line.

use std::fs::File;
use std::path::{Path, PathBuf};

use allot_domain::decimal;
use anyhow::{Context, Result};
use csv::Writer;

use super::table::{Table, Value};
use super::write_error::cannot_write;
use crate::time_text;

/// A file for each table, in their order.
pub(super) struct CsvFiles {
    files: Vec<CsvFile>,
}

struct CsvFile {
    writer: Writer<File>,
    path: PathBuf,
}

impl CsvFiles {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let files = Table::ALL.into_iter().map(|table| CsvFile::create(table, folder));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) -> Result<()> {
        let CsvFile { writer, path } = &mut self.files[table.place()];
        write(writer, row).with_context(|| cannot_write(path))
    }

    pub(super) fn finish(self) -> Result<()> {
        self.files.into_iter().try_for_each(CsvFile::finish)
    }
}

impl CsvFile {
    fn create(table: Table, folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{}.csv", table.name()));
        let file =
            File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut writer = Writer::from_writer(file);
        let head = table.columns().iter().map(|column| column.name);
        writer.write_record(head).with_context(|| cannot_write(&path))?;
        Ok(Self { writer, path })
    }

    fn finish(self) -> Result<()> {
        let Self { writer, path } = self;
        let file = writer.into_inner().map_err(|error| error.into_error());
        file.and_then(|file| file.sync_all()).with_context(|| cannot_write(&path))
    }
}

/// Writes a row.
fn write(file: &mut Writer<File>, row: &[Value<'_>]) -> csv::Result<()> {
    for value in row {
        match *value {
            Value::Text(text) => file.write_field(text)?,
            Value::None => file.write_field("")?,
            Value::Flag(flag) => file.write_field(if flag { "true" } else { "false" })?,
            Value::Number(number) => file.write_field(number.to_string())?,
            Value::Signed(number) => file.write_field(number.to_string())?,
            Value::Decimal(nanos) => file.write_field(decimal::nanos_text(nanos))?,
            Value::Time(time_ns) => file.write_field(time_text::exact(time_ns))?,
        }
    }
    file.write_record(None::<&[u8]>)
}
