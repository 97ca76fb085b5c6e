//! Files of weights: JSON objects or CSV, through the file that a feed opens.
#![no_main]

use std::sync::LazyLock;

use allot_allocation_rules::Split;
use allot_domain::{Seq, SourceId};
use allot_feeds::{Weights, WeightsPull};
use allot_fuzz::UnnamedFile;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<UnnamedFile> = LazyLock::new(UnnamedFile::new);

fuzz_target!(|text: &[u8]| {
    let path = FILE.fill(text);
    match Weights::file(&path) {
        Ok(mut weights) => {
            // A file with one split says it for ever.
            for _ in 0..3 {
                let WeightsPull::Weights(target) = weights.pull() else { break };
                let source = SourceId::new(b"aum").expect("a good name");
                Split::new(source, Seq::new(1), target.weights)
                    .and_then(|split| split.closing(target.closes))
                    .expect("what a feed sends is a split");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
