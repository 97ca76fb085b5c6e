//! CSV files: a file for each table, with the names of its columns in the first line.

use std::fs::File;
use std::path::{Path, PathBuf};

use allot_domain::decimal;
use allot_wire::json::write_digits;
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
    digits: Vec<u8>,
    /// The time that was written last, and its text: rows of one fill have the same.
    time: (u64, String),
}

impl CsvFiles {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let files = Table::ALL.into_iter().map(|table| CsvFile::create(table, folder));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) -> Result<()> {
        let file = &mut self.files[table.place()];
        file.put(row).with_context(|| cannot_write(&file.path))
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
        Ok(Self { writer, path, digits: Vec::new(), time: (0, time_text::exact(0)) })
    }

    fn put(&mut self, row: &[Value<'_>]) -> csv::Result<()> {
        let Self { writer, digits, time, .. } = self;
        for value in row {
            match *value {
                Value::Text(text) => writer.write_field(text)?,
                Value::None => writer.write_field("")?,
                Value::Flag(flag) => writer.write_field(if flag { "true" } else { "false" })?,
                Value::Number(number) => {
                    digits.clear();
                    write_digits(number, digits);
                    writer.write_field(&digits)?;
                }
                Value::Signed(number) => {
                    digits.clear();
                    if number < 0 {
                        digits.push(b'-');
                    }
                    write_digits(number.unsigned_abs(), digits);
                    writer.write_field(&digits)?;
                }
                Value::Decimal(nanos) => writer.write_field(decimal::nanos_text(nanos))?,
                Value::Time(time_ns) => {
                    if time.0 != time_ns {
                        *time = (time_ns, time_text::exact(time_ns));
                    }
                    writer.write_field(&time.1)?;
                }
            }
        }
        writer.write_record(None::<&[u8]>)
    }

    fn finish(self) -> Result<()> {
        let Self { writer, path, .. } = self;
        let file = writer.into_inner().map_err(|error| error.into_error());
        file.and_then(|file| file.sync_all()).with_context(|| cannot_write(&path))
    }
}
