//! A snapshot of a book: what is loaded is saved as the same bytes, and goes on without a panic.
#![no_main]

use std::sync::LazyLock;

use allot_allocation_rules::{Blend, Book, BookConfig, Input, Outcomes};
use allot_domain::{Machine, Marker, SnapshotError, Step};
use allot_fuzz::few_inputs;
use libfuzzer_sys::fuzz_target;

/// That of the books in the corpus.
static CONFIG: LazyLock<BookConfig> = LazyLock::new(|| BookConfig {
    blend: Blend::new(1, 4).expect("a blend"),
    history: 5,
    names: 6,
});
const WORN_OUT: SnapshotError = SnapshotError::Broken("a counter beyond all counting");
static INPUTS: LazyLock<Vec<Input>> = LazyLock::new(few_inputs);

fuzz_target!(|bytes: &[u8]| {
    let mut book = match Book::load(*CONFIG, bytes) {
        Ok(book) => book,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(saved(&book), bytes, "a state has one snapshot");
    let mut outcomes = Outcomes::default();
    for input in INPUTS.iter() {
        outcomes.clear();
        let mut step = book.apply(input, &mut outcomes);
        while step == Step::Pending {
            outcomes.clear();
            step = book.resume(&mut outcomes);
        }
        let _ = book.part(&Marker { number: 1, time_ns: 0, report: true });
    }
    let after = saved(&book);
    match Book::load(*CONFIG, &after) {
        Ok(again) => assert_eq!(saved(&again), after),
        // A counter of the snapshot was the last there is.
        Err(error) => assert_eq!(error, WORN_OUT),
    }
});

fn saved(book: &Book) -> Vec<u8> {
    let mut snapshot = Vec::new();
    book.save(&mut snapshot);
    snapshot
}
