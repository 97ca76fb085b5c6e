//! Words: finds whole words in a line, so that `unsafe` is not found in `unsafe_code`.

/// Whether `line` contains `word` with no letter, digit or underscore touching it.
///
/// A side of `word` that is itself punctuation, as in `name!`, needs no boundary.
pub(crate) fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !joins(before, word.chars().next()) && !joins(word.chars().next_back(), after)
    })
}

/// Whether two neighbouring characters belong to one word.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    let of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    of_word(left) && of_word(right)
}

#[cfg(test)]
mod tests {
    use super::contains_word;

    #[test]
    fn a_word_is_found_only_when_it_stands_alone() {
        for (line, word, expected) in [
            ("unsafe { x }", "unsafe", true),
            ("#![forbid(unsafe_code)]", "unsafe", false),
            ("an unsafe_thing, then unsafe", "unsafe", true),
            ("x as f64;", "f64", true),
            ("buf64", "f64", false),
            ("noted!(x)", "ted!", false),
            ("(ted!(x))", "ted!", true),
            ("", "f64", false),
        ] {
            assert_eq!(contains_word(line, word), expected, "{word} in {line}");
        }
    }
}
