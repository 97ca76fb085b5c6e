//! Lines: the fills of the harness, for the benchmark of what reads them.

use allot_allocation_rules::Fill;
use allot_domain::SourceId;

use crate::fills::Fills;

/// So many fills of one source, as a load sends them.
///
/// # Panics
/// Never: the source is a name.
#[must_use]
pub fn fills(count: usize) -> Vec<Fill> {
    let source = SourceId::new(b"bench-1234-1764200000000000000-0").expect("it is a name");
    let fills = Fills::new(7, 10);
    (1..).take(count).map(|seq| fills.fill(source, seq)).collect()
}
