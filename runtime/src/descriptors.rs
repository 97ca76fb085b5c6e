//! Descriptors: how many connections may take, so that what else the process opens always succeeds.

use rustix::process::{Resource, getrlimit};

use crate::limits::DESCRIPTORS_RESERVED;

/// How many descriptors connections may take: all but [`DESCRIPTORS_RESERVED`], or half where that
/// is more. A journal that cannot open its next segment stops its shard.
pub(crate) fn for_connections() -> usize {
    let open_max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let open_max = usize::try_from(open_max).unwrap_or(usize::MAX);
    open_max.saturating_sub(DESCRIPTORS_RESERVED).max(open_max / 2)
}
