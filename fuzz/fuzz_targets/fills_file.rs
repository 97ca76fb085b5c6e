//! Files of fills, CSV and NDJSON, in Allot's own format and in those that come with it: through
//! the file that a feed opens.
#![no_main]

use std::sync::LazyLock;

use allot_feeds::{FileConfig, FillFile, Format, OnBadLine, Pull, Source};
use allot_fuzz::UnnamedFile;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<UnnamedFile> = LazyLock::new(UnnamedFile::new);
static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    let shipped = ["interactive-brokers", "tastytrade", "european"];
    let shipped = shipped.map(|name| Format::find(name).expect("it comes with Allot"));
    [Format::default()].into_iter().chain(shipped).collect()
});

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses the format and how many lines are skipped.
    let Some((choice, text)) = bytes.split_first() else { return };
    let choice = usize::from(*choice);
    let mut format = FORMATS[choice % FORMATS.len()].clone();
    format.skip_after = choice / FORMATS.len() % 3;
    let config = FileConfig { format, ..FileConfig::default() };
    let path = FILE.fill(text);
    let (mut fills, mut is_whole) = (0, true);
    let skipping = FileConfig { on_bad_line: OnBadLine::Skip, ..config.clone() };
    match FillFile::open(&path, skipping) {
        Ok(mut file) => loop {
            match file.next() {
                Pull::Fill(_) => fills += 1,
                Pull::NotFill => {}
                Pull::Bad(line) | Pull::Broken(line) => {
                    assert!(!line.to_string().is_empty());
                    is_whole = false;
                }
                Pull::Done => break,
                Pull::Waiting => panic!("a file has all of its lines"),
            }
        },
        Err(error) => {
            assert!(!error.to_string().is_empty());
            is_whole = false;
        }
    }
    // All at once, or nothing of it.
    match FillFile::open(&path, config) {
        Ok(file) => assert_eq!((is_whole, Some(fills)), (true, file.expected())),
        Err(error) => assert!(!error.to_string().is_empty() && !is_whole, "{error}"),
    }
});
