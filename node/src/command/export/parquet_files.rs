//! Parquet files: a file for each table, in groups of rows, compressed with Snappy.
//!
//! Decimals are `DECIMAL(38, 9)`, times `TIMESTAMP(NANOS, UTC)`, numbers `UINT_64` and `INT_64`.

use std::fs::File;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType,
    Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::table::{Column, Kind, Table, Value};
use super::write_error::cannot_write;

/// The rows that are in memory before they are written: a few mebibytes.
const GROUP_ROWS: usize = 65_536;

/// The digits of a decimal, and those behind the point.
const PRECISION: i32 = 38;
const SCALE: i32 = 9;
/// The bytes of a decimal of that many digits.
const DECIMAL_BYTES: i32 = 16;

/// A file for each table, in their order.
pub(super) struct ParquetFiles {
    files: Vec<ParquetFile>,
}

struct ParquetFile {
    writer: SerializedFileWriter<File>,
    path: PathBuf,
    rows: usize,
    columns: Vec<Buffered>,
}

/// The values of one column that are not written yet.
struct Buffered {
    values: Values,
    /// For each row whether it has a value, as 1 or 0; empty where every row has one.
    levels: Vec<i16>,
    is_optional: bool,
}

enum Values {
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    Integers(Vec<i64>),
    Flags(Vec<bool>),
}

impl ParquetFiles {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let files = Table::ALL.into_iter().map(|table| ParquetFile::create(table, folder));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) -> Result<()> {
        self.files[table.place()].put(row)
    }

    pub(super) fn finish(self) -> Result<()> {
        self.files.into_iter().try_for_each(ParquetFile::finish)
    }
}

impl ParquetFile {
    fn create(table: Table, folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{}.parquet", table.name()));
        let file =
            File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let fields = table.columns().iter().map(|column| Ok(Arc::new(field(column)?)));
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let schema = Type::group_type_builder(table.name()).with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
            .with_context(|| cannot_write(&path))?;
        let columns = table.columns().iter().map(Buffered::of).collect();
        Ok(Self { writer, path, rows: 0, columns })
    }

    fn put(&mut self, row: &[Value<'_>]) -> Result<()> {
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.put(value);
        }
        self.rows += 1;
        if self.rows < GROUP_ROWS {
            return Ok(());
        }
        self.write_group().with_context(|| cannot_write(&self.path))
    }

    fn write_group(&mut self) -> Result<()> {
        if mem::take(&mut self.rows) == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        self.columns.iter_mut().try_for_each(|column| column.write(&mut group))?;
        group.close()?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let written = self.write_group();
        let Self { writer, path, .. } = self;
        written
            .and_then(|()| Ok(writer.into_inner()?.sync_all()?))
            .with_context(|| cannot_write(&path))
    }
}

impl Buffered {
    fn of(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Text => Values::Bytes(Vec::new()),
            Kind::Decimal => Values::Fixed(Vec::new()),
            Kind::Number | Kind::Signed | Kind::Time => Values::Integers(Vec::new()),
            Kind::Flag => Values::Flags(Vec::new()),
        };
        Self { values, levels: Vec::new(), is_optional: column.is_optional }
    }

    fn put(&mut self, value: &Value<'_>) {
        if self.is_optional {
            self.levels.push((*value != Value::None).into());
        }
        match (&mut self.values, *value) {
            (Values::Bytes(values), Value::Text(text)) => values.push(text.into()),
            (Values::Fixed(values), Value::Decimal(nanos)) => {
                values.push(ByteArray::from(nanos.to_be_bytes().to_vec()).into());
            }
            (Values::Integers(values), Value::Number(number) | Value::Time(number)) => {
                values.push(number.cast_signed());
            }
            (Values::Integers(values), Value::Signed(number)) => values.push(number),
            (Values::Flags(values), Value::Flag(flag)) => values.push(flag),
            (_, Value::None) => assert!(self.is_optional, "only an optional column lacks values"),
            (_, value) => panic!("{value:?} is not what its column holds"),
        }
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, File>) -> Result<()> {
        let levels = mem::take(&mut self.levels);
        let levels = self.is_optional.then_some(&levels[..]);
        match &mut self.values {
            Values::Bytes(values) => write::<ByteArrayType>(group, values, levels),
            Values::Fixed(values) => write::<FixedLenByteArrayType>(group, values, levels),
            Values::Integers(values) => write::<Int64Type>(group, values, levels),
            Values::Flags(values) => write::<BoolType>(group, values, levels),
        }
    }
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &mut Vec<T::T>,
    levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = group.next_column()?.context("a row group has all columns of its schema")?;
    column.typed::<T>().write_batch(&values[..], levels, None)?;
    values.clear();
    Ok(column.close()?)
}

fn field(column: &Column) -> Result<Type> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Number => (Physical::INT64, Some(LogicalType::integer(64, false))),
        Kind::Signed => (Physical::INT64, Some(LogicalType::integer(64, true))),
        Kind::Decimal => {
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(SCALE, PRECISION)))
        }
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        Kind::Flag => (Physical::BOOLEAN, None),
    };
    let is_there = if column.is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let mut field = Type::primitive_type_builder(column.name, physical)
        .with_repetition(is_there)
        .with_logical_type(logical);
    if column.kind == Kind::Decimal {
        field = field.with_length(DECIMAL_BYTES).with_precision(PRECISION).with_scale(SCALE);
    }
    Ok(field.build()?)
}
