//! A good journal that was damaged: a start returns a prefix of what was written, or stops.
//!
//! The first byte says whether checksums are made right again afterwards, so that what stands
//! behind them is read too: then whatever is returned is right, and nothing panics.
#![no_main]

use std::sync::LazyLock;

use allot_fuzz::{Damage, GoodJournal, read_anything};
use libfuzzer_sys::fuzz_target;

static GOOD: LazyLock<GoodJournal> = LazyLock::new(GoodJournal::write);

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, edits)) = bytes.split_first() else { return };
    let disk = GOOD.disk();
    let damage = Damage::read(edits);
    damage.apply(&disk);
    if mode % 2 == 0 {
        GOOD.check(&disk);
    } else {
        damage.forge(&disk);
        read_anything(&disk);
    }
});
