//! The laws of an apportionment, by name, each over random cases.
//!
//! > Each share goes to the account that then misses most value against its target, this fill
//! > included; among equals, to the account whose id comes first in byte order.
//!
//! From **empty books** (nothing bought yet, so that nobody misses anything) that is the method of
//! largest remainders, and the eight laws that CsCheck's `Allocator` names hold as they stand: the
//! four of the division, order, least error, and of the three sign laws what applies where weights
//! and holdings are never negative. With a **history** an account is owed what earlier fills could
//! not give it, so that a plain apportionment of the fill at hand is not the aim: `with_a_history`
//! says what holds instead.
//!
//! `ALLOT_LAW_CASES` is the number of cases of each law; the number of a case is its seed.

mod case;
mod from_empty_books;
mod with_a_history;

use case::Case;

/// Runs a law over as many cases as are asked for.
fn holds(law: impl Fn(&Case)) {
    let cases = std::env::var("ALLOT_LAW_CASES").map_or(2_000, |cases| cases.parse().unwrap());
    for seed in 0..cases {
        law(&Case::new(seed));
    }
}
