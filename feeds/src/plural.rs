//! A plural: a noun in singular or plural, by a count.

/// `fill` for one, `fills` for none and for several; of nouns that take an `s`.
#[must_use]
pub fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_fill_and_none_or_two_are_fills() {
        assert_eq!([0, 1, 2].map(|count| plural(count, "fill")), ["fills", "fill", "fills"]);
    }
}
