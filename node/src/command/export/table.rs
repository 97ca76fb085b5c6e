//! Table: what an export consists of. One list, for every format and for the documentation.

/// One of the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Table {
    Fills,
    Busts,
    Allocations,
    Splits,
    Positions,
}

/// A column of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether a row may lack it.
    pub(super) is_optional: bool,
}

/// What a column holds. Nothing is a float, in no format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// UTF-8.
    Text,
    /// A whole number of 64 bits without a sign.
    Number,
    /// A whole number of 64 bits.
    Signed,
    /// A decimal number with nine decimals.
    Decimal,
    /// A moment of UTC, to the nanosecond.
    Time,
    /// Yes or no.
    Flag,
}

/// A value of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Signed(i64),
    /// In 1e-9.
    Decimal(i128),
    /// Nanoseconds of Unix time.
    Time(u64),
    Flag(bool),
    None,
}

impl Table {
    pub(super) const ALL: [Self; 5] =
        [Self::Fills, Self::Busts, Self::Allocations, Self::Splits, Self::Positions];

    /// Its name: that of its file, or of its table in a database.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fills => "fills",
            Self::Busts => "busts",
            Self::Allocations => "allocations",
            Self::Splits => "splits",
            Self::Positions => "positions",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Fills => 0,
            Self::Busts => 1,
            Self::Allocations => 2,
            Self::Splits => 3,
            Self::Positions => 4,
        }
    }

    /// Its columns, in order.
    pub(super) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Fills => FILLS,
            Self::Busts => BUSTS,
            Self::Allocations => ALLOCATIONS,
            Self::Splits => SPLITS,
            Self::Positions => POSITIONS,
        }
    }
}

const FILLS: &[Column] = &[
    column("time", Kind::Time),
    column("source", Kind::Text),
    column("seq", Kind::Number),
    column("id", Kind::Text),
    column("ticker", Kind::Text),
    column("side", Kind::Text),
    column("quantity", Kind::Signed),
    column("price", Kind::Decimal),
    optional("split", Kind::Number),
    optional("number", Kind::Number),
    column("late", Kind::Flag),
    column("shard", Kind::Number),
    optional("record", Kind::Number),
];

const BUSTS: &[Column] = &[
    column("time", Kind::Time),
    column("source", Kind::Text),
    column("seq", Kind::Number),
    column("id", Kind::Text),
    column("ticker", Kind::Text),
    column("fill", Kind::Text),
    column("number", Kind::Number),
    column("shard", Kind::Number),
    column("record", Kind::Number),
];

const ALLOCATIONS: &[Column] = &[
    column("time", Kind::Time),
    column("ticker", Kind::Text),
    column("number", Kind::Number),
    column("account", Kind::Text),
    column("quantity", Kind::Signed),
    column("value", Kind::Decimal),
    column("shard", Kind::Number),
    column("record", Kind::Number),
];

const SPLITS: &[Column] = &[
    column("time", Kind::Time),
    column("split", Kind::Number),
    column("source", Kind::Text),
    column("seq", Kind::Number),
    column("account", Kind::Text),
    optional("weight", Kind::Decimal),
];

const POSITIONS: &[Column] = &[
    column("account", Kind::Text),
    column("ticker", Kind::Text),
    column("quantity", Kind::Signed),
    column("value", Kind::Decimal),
    column("shard", Kind::Number),
];

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_optional: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_in_its_place_and_no_column_is_there_twice() {
        for (place, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table.place(), place);
            let mut names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{table:?}");
        }
    }
}
