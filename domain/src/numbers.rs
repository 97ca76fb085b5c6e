//! Numbers with a meaning: ids and sequences that must not be mistaken for one another.
//!
//! | operation                | result          |
//! |--------------------------|-----------------|
//! | `next`                   | the number after it |
//! | `+`, `−`, `×` of any two | do not exist    |

/// Declares a number with a meaning: a newtype over an integer, with the operations of the table.
#[macro_export]
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($integer:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[repr(transparent)]
        pub struct $name($integer);

        impl $name {
            /// The number.
            #[inline]
            #[must_use]
            pub const fn new(number: $integer) -> Self {
                Self(number)
            }

            /// Zero, which counts nothing.
            pub const ZERO: Self = Self(0);

            /// The number as an integer, for bytes and texts.
            #[inline]
            #[must_use]
            pub const fn get(self) -> $integer {
                self.0
            }

            /// The number after this one.
            ///
            /// # Panics
            /// At the end of the integers, which nothing reaches by counting.
            #[inline]
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.checked_add(1).expect("nothing counts that far"))
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// Declares a number that is an index into a list: a [`number!`](crate::number) of 32 bits.
#[macro_export]
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $crate::number!($(#[$doc])* $name(u32));

        impl $name {
            /// The index into the list.
            ///
            /// # Panics
            /// Never: a `usize` has at least 32 bits wherever this runs.
            #[inline]
            #[must_use]
            pub fn index(self) -> usize {
                usize::try_from(self.0).expect("a usize has at least 32 bits")
            }

            /// The number of an index into the list.
            ///
            /// # Panics
            /// If the list is longer than 32 bits count: every list has a limit far below.
            #[inline]
            #[must_use]
            pub fn at(index: usize) -> Self {
                Self(u32::try_from(index).expect("every list has a limit far below"))
            }
        }
    };
}

index!(
    /// Which shard, from zero.
    ShardId
);

index!(
    /// Which of the sources that a machine knows, in the order of their first messages.
    SourceIndex
);

number!(
    /// One run of a box from its start to its end: two of one box never have the same number.
    /// Zero stands for none.
    Incarnation(u64)
);

number!(
    /// A source's number of a message, from 1. Zero stands where it could not be read.
    Seq(u64)
);

number!(
    /// The number of a publication on its topic, from 1. Zero stands before the first.
    TopicSeq(u64)
);

number!(
    /// A report's number: that of its marker. It rises, though not by one.
    ReportNumber(u64)
);
