//! Row block: rows of one table on their way from the thread that replays a shard to the files.
//!
//! CSV is written where the rows are made; the other formats need their values, which are packed.

use std::mem;

use allot_allocation_rules::SplitNumber;

use super::csv_text::CsvText;
use super::format::Format;
use super::table::{Table, Value};

/// Bytes of a block, and those of a row more.
const BLOCK_BYTES: usize = 64 << 10;

/// Rows of one table, in order.
pub(super) struct RowBlock {
    pub(super) table: Table,
    /// The split whose accounts these are, in the table of splits.
    pub(super) split: Option<SplitNumber>,
    /// How many there are.
    pub(super) rows: u64,
    pub(super) content: Content,
}

/// What is in the rows.
pub(super) enum Content {
    /// Lines of CSV.
    Csv(Vec<u8>),
    /// The values.
    Packed(Packed),
}

/// Values of rows, without an allocation for each text.
#[derive(Default)]
pub(super) struct Packed {
    /// A text is empty here.
    values: Vec<Value<'static>>,
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
}

impl Packed {
    fn put(&mut self, row: &[Value<'_>]) {
        for value in row {
            let packed = match *value {
                Value::Text(text) => {
                    self.texts.push_str(text);
                    self.ends.push(self.texts.len());
                    Value::Text("")
                }
                Value::Number(number) => Value::Number(number),
                Value::Signed(number) => Value::Signed(number),
                Value::Decimal(nanos) => Value::Decimal(nanos),
                Value::Time(time_ns) => Value::Time(time_ns),
                Value::Flag(flag) => Value::Flag(flag),
                Value::None => Value::None,
            };
            self.values.push(packed);
        }
    }

    fn bytes(&self) -> usize {
        self.texts.len() + mem::size_of_val(&self.values[..]) + mem::size_of_val(&self.ends[..])
    }

    /// All values again, in order.
    pub(super) fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let (mut begin, mut ends) = (0, self.ends.iter());
        self.values.iter().map(move |value| match value {
            Value::Text(_) => {
                let end = *ends.next().expect("each text has its end");
                Value::Text(&self.texts[mem::replace(&mut begin, end)..end])
            }
            value => *value,
        })
    }
}

/// The rows of one shard, on their way to be blocks.
pub(super) struct RowBlocks {
    format: Format,
    /// For each table the block that is not full yet.
    begun: [RowBlock; Table::ALL.len()],
    full: Vec<RowBlock>,
    csv: CsvText,
}

impl RowBlocks {
    /// No rows, for files of this format.
    pub(super) fn new(format: Format) -> Self {
        let begun = Table::ALL.map(|table| begin(format, table, None));
        Self { format, begun, full: Vec::new(), csv: CsvText::default() }
    }

    /// Appends a row, with a value for each column of the table.
    pub(super) fn put(&mut self, table: Table, row: &[Value<'_>]) {
        assert_eq!(row.len(), table.columns().len(), "a row has a value for each column");
        let block = &mut self.begun[table.place()];
        block.rows += 1;
        let bytes = match &mut block.content {
            Content::Csv(text) => {
                self.csv.put(row, text);
                text.len()
            }
            Content::Packed(packed) => {
                packed.put(row);
                packed.bytes()
            }
        };
        if BLOCK_BYTES <= bytes {
            let split = block.split;
            self.end_block(table, split);
        }
    }

    /// The rows of this split follow.
    pub(super) fn begin_split(&mut self, number: SplitNumber) {
        self.end_block(Table::Splits, Some(number));
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) {
        for table in Table::ALL {
            self.end_block(table, None);
        }
    }

    /// The blocks that are full.
    pub(super) fn take_full(&mut self) -> impl Iterator<Item = RowBlock> {
        self.full.drain(..)
    }

    /// Ends the block of a table, and begins one of this split.
    fn end_block(&mut self, table: Table, split: Option<SplitNumber>) {
        let next = begin(self.format, table, split);
        let block = mem::replace(&mut self.begun[table.place()], next);
        if 0 < block.rows {
            self.full.push(block);
        }
    }
}

fn begin(format: Format, table: Table, split: Option<SplitNumber>) -> RowBlock {
    let content = match format {
        Format::Csv => Content::Csv(Vec::new()),
        Format::Parquet | Format::Sqlite => Content::Packed(Packed::default()),
    };
    RowBlock { table, split, rows: 0, content }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_are_the_same_again() {
        let rows = [
            [Value::Text("a"), Value::None, Value::Decimal(-1)],
            [Value::Text(""), Value::Text("xyz"), Value::Number(7)],
            [Value::Time(1), Value::Signed(-2), Value::Flag(true)],
        ];
        let mut packed = Packed::default();
        rows.iter().for_each(|row| packed.put(row));
        assert!(packed.values().eq(rows.into_iter().flatten()));
    }

    #[test]
    fn a_block_has_rows_of_one_table_and_of_one_split() {
        let mut blocks = RowBlocks::new(Format::Sqlite);
        let split = |blocks: &mut RowBlocks, number: u64, rows: usize| {
            blocks.begin_split(SplitNumber::new(number));
            (0..rows).for_each(|_| blocks.put(Table::Splits, &[Value::Number(number); 6]));
        };
        split(&mut blocks, 1, 2);
        blocks.put(Table::Positions, &[Value::None; 5]);
        split(&mut blocks, 2, 1_000);
        split(&mut blocks, 3, 0);
        blocks.end();
        let mut rows = [0; 4];
        for block in blocks.take_full() {
            let number = block.split.map_or(0, SplitNumber::get);
            assert_eq!(block.table == Table::Positions, number == 0);
            rows[usize::try_from(number).unwrap()] += block.rows;
        }
        assert_eq!(rows, [1, 2, 1_000, 0]);
    }
}
