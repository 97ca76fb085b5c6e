//! Files of fills, CSV and NDJSON: through the file that a feed opens.
#![no_main]

use std::sync::LazyLock;

use allot_feeds::{OnBadLine, Pull, Replay, ReplayConfig, Source};
use allot_fuzz::UnnamedFile;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<UnnamedFile> = LazyLock::new(UnnamedFile::new);

fuzz_target!(|text: &[u8]| {
    let path = FILE.fill(text);
    let (mut fills, mut is_whole) = (0, true);
    let skipping = ReplayConfig { on_bad_line: OnBadLine::Skip, ..ReplayConfig::default() };
    if let Ok(mut replay) = Replay::open(&path, skipping) {
        loop {
            match replay.next() {
                Pull::Fill(_) => fills += 1,
                Pull::Bad(line) | Pull::Broken(line) => {
                    assert!(!line.to_string().is_empty());
                    is_whole = false;
                }
                Pull::Done => break,
                Pull::Waiting => panic!("a file has all of its lines"),
            }
        }
    }
    // All at once, or nothing of it.
    match Replay::open(&path, ReplayConfig::default()) {
        Ok(replay) => assert_eq!((is_whole, Some(fills)), (true, replay.expected())),
        Err(error) => assert!(!error.to_string().is_empty() && !is_whole, "{error}"),
    }
});
