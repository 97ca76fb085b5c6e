//! Schema: the layout of the files that are kept, of runs and of experiments.

/// The version of the layout. A reader refuses one that it does not know.
pub(crate) const SCHEMA: u32 = 1;

/// What the files of experiments are called in their `kind`, and by their names.
pub(crate) const EXPERIMENT_KINDS: [&str; 7] =
    ["targets", "conditions", "growth", "peers", "signals", "mesh", "desk"];
