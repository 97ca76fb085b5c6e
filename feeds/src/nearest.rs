//! The nearest of some names, for a hint.

/// The name that is meant, if one is close enough: the same but for case, or two letters off.
pub(crate) fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let given = given.to_lowercase();
    let distance = |name: &&&str| distance(&given, &name.to_lowercase());
    let found = names.iter().min_by_key(distance)?;
    let is_close =
        |distance: usize| distance == 0 || (distance <= 2 && 2 * distance <= given.len());
    is_close(distance(&found)).then_some(*found)
}

/// How many letters must be added, removed or exchanged (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut row: Vec<_> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other_letter) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other_letter);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_if_it_is_another_spelling() {
        let names = ["ticker", "side", "price", "quantity", "id"];
        for (given, expected) in [
            ("Ticker", Some("ticker")),
            ("SIDE", Some("side")),
            ("pirce", Some("price")),
            ("quanity", Some("quantity")),
            ("fee", None),
            ("multiplier", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, &names), expected, "{given}");
        }
    }
}
