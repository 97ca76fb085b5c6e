//! What the fuzz targets have in common.

mod requests;
mod few_inputs;
mod good_journal;
mod damage;
mod unnamed_file;

pub use damage::Damage;
pub use few_inputs::few_inputs;
pub use good_journal::{GoodJournal, read_anything};
pub use requests::{assert_refused_well, assert_said_again, assert_straight_as_any};
pub use unnamed_file::UnnamedFile;
