//! Test layout: a crate has one integration binary, `tests/it/main.rs`, with its files beside it.
//!
//! A global allocator is the exception, because it counts for the whole binary: `tests/heap.rs`.

use crate::finding::Finding;
use crate::repository::TextFile;

/// The folder of the integration binary.
const BINARY: &str = "it";
/// The binary of a crate that counts allocations.
const HEAP: &str = "heap.rs";

/// A file that makes a second integration binary.
pub(crate) fn check(file: &TextFile) -> Option<Finding> {
    let (folder, below) = file.path.split_once("/tests/")?;
    // The unit tests of a module may be in a folder of this name too.
    if folder.split('/').any(|name| name == "src") {
        return None;
    }
    let is_allowed = match below.split('/').collect::<Vec<_>>().as_slice() {
        [file] => *file == HEAP,
        [binary, "main.rs"] => *binary == BINARY,
        _ => true,
    };
    let remedy = format!("move it into tests/{BINARY}/, and declare it in tests/{BINARY}/main.rs");
    let wrong = "an integration binary of its own";
    (!is_allowed).then(|| Finding::new(&file.path, 1, wrong, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    #[test]
    fn a_crate_has_one_integration_binary_and_one_for_the_heap() {
        for (path, is_allowed) in [
            ("wire/tests/it/main.rs", true),
            ("wire/tests/it/golden.rs", true),
            ("allocation/rules/tests/it/main.rs", true),
            ("node/tests/heap.rs", true),
            ("domain/src/book/tests/script.rs", true),
            ("domain/src/tests.rs", true),
            ("wire/tests/it.rs", false),
            ("wire/tests/wire/main.rs", false),
            ("sim/tests/campaign.rs", false),
        ] {
            let file = TextFile { path: path.to_owned(), text: String::new() };
            let beginning = format!("{path}:1: an integration binary of its own");
            let beginnings = [beginning.as_str()];
            let expected = if is_allowed { &[][..] } else { &beginnings };
            assert_findings(check(&file).as_slice(), expected);
        }
    }
}
