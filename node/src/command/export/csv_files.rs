//! CSV files: a file for each table, with the names of its columns in the first line.

use std::fs::File;
use std::path::Path;

use allot_domain::decimal;
use anyhow::{Context, Result};
use csv::Writer;

use super::table::{Table, Value};
use crate::time_text;

/// A file for each table, in their order.
pub(super) struct CsvFiles {
    files: Vec<Writer<File>>,
}

impl CsvFiles {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for table in Table::ALL {
            let path = folder.join(format!("{}.csv", table.name()));
            let file = File::create_new(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
            let mut writer = Writer::from_writer(file);
            writer.write_record(table.columns().iter().map(|column| column.name))?;
            files.push(writer);
        }
        Ok(Self { files })
    }

    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) -> Result<()> {
        let file = &mut self.files[table.place()];
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
        Ok(file.write_record(None::<&[u8]>)?)
    }

    pub(super) fn finish(self) -> Result<()> {
        for file in self.files {
            let file = file.into_inner().map_err(|error| error.into_error())?;
            file.sync_all()?;
        }
        Ok(())
    }
}
