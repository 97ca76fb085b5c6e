//! The nearest of some known names: what somebody meant who wrote another.

/// The longest name that is compared: no known name is nearly as long.
const COMPARED_MAX: usize = 64;

/// The known name that is meant, if one is near enough: the same but for case, or with at most a
/// third of the letters wrong, as in rustc. Two letters that changed places are one mistake.
#[must_use]
pub fn nearest_name<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if COMPARED_MAX < given.len() {
        return None;
    }
    let given = given.to_lowercase();
    let mistakes = |name: &str| strsim::damerau_levenshtein(&given, &name.to_lowercase());
    let (mistakes, name) =
        known.into_iter().map(|name| (mistakes(name), name)).min_by_key(|(count, _)| *count)?;
    (mistakes <= given.chars().count().max(3) / 3).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_if_it_is_another_spelling() {
        let names = ["ticker", "side", "price", "quantity", "id", "report-every"];
        for (given, expected) in [
            ("Ticker", Some("ticker")),
            ("SIDE", Some("side")),
            ("pirce", Some("price")),
            ("quanity", Some("quantity")),
            ("report_evry", Some("report-every")),
            ("ids", Some("id")),
            ("time", None),
            ("fee", None),
            ("multiplier", None),
            ("", None),
            (&"price".repeat(20), None),
        ] {
            assert_eq!(nearest_name(given, names), expected, "{given}");
        }
        assert_eq!(nearest_name("price", []), None);
        assert_eq!(nearest_name("px", ["Px", "px"]), Some("Px"), "the first of equals");
    }
}
