//! Split text: a split as a person types it, one account and its percentage on a line.

use std::collections::BTreeMap;

use allot_allocation_rules::{Split, Weight};
use allot_domain::{AccountId, Seq, SourceId};

/// Reads the weights: `account1 40` or `account1=40` on each line, or several with commas between.
///
/// # Errors
/// What is wrong, with the number of the line.
pub(super) fn read_weights(text: &str) -> Result<Vec<(AccountId, Weight)>, String> {
    let lines = (1..).zip(text.lines()).flat_map(|(number, line): (usize, &str)| {
        line.split(',').map(move |part| (number, part.trim()))
    });
    let lines = lines.filter(|(_, part)| !part.is_empty());
    let mut first_lines = BTreeMap::new();
    let read = |(number, line): (usize, &str)| {
        let (id, weight) = read_line(line).map_err(|why| format!("Line {number}: {why}."))?;
        match first_lines.insert(id, number) {
            Some(first) => Err(format!("Line {number}: {id} stands on line {first} already.")),
            None => Ok((id, weight)),
        }
    };
    lines.map(read).collect()
}

fn read_line(line: &str) -> Result<(AccountId, Weight), String> {
    let split = line.split_once(|sign: char| sign == '=' || sign.is_whitespace());
    let Some((account, weight)) = split else {
        return Err(format!(
            "write an account and its percentage, such as account1 40; it was {line}"
        ));
    };
    let weight = weight.trim_start_matches(|sign: char| sign == '=' || sign.is_whitespace()).trim();
    if weight.ends_with('%') {
        return Err("leave out the %: a weight is a percentage".to_owned());
    }
    let id = AccountId::new(account.as_bytes()).map_err(|reject| reject.to_string())?;
    Ok((id, Weight::parse(account, weight).map_err(|reject| reject.to_string())?))
}

/// The split of these weights, which closes these accounts.
///
/// # Errors
/// What is wrong with it.
pub(super) fn split(
    source: SourceId,
    seq: Seq,
    weights: Vec<(AccountId, Weight)>,
    closes: Vec<AccountId>,
) -> Result<Split, String> {
    let split = Split::new(source, seq, weights).and_then(|split| split.closing(closes));
    split.map_err(|reject| crate::board::sentence_of(&reject.to_string()))
}

/// Reads accounts, one on a line.
///
/// # Errors
/// What is wrong with one of them.
pub(super) fn read_accounts(text: &str) -> Result<Vec<AccountId>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| AccountId::new(line.as_bytes()).map_err(|reject| reject.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_line_by_line() {
        let weights = read_weights("a 40\r\n\r\n  b=35.5\nc\t = 24,d=0.5,\n").unwrap();
        let text: Vec<_> = weights
            .iter()
            .map(|(id, weight)| format!("{id} {}", crate::text::weight(*weight)))
            .collect();
        assert_eq!(text, ["a 40", "b 35.5", "c 24", "d 0.5"]);
        for (text, why) in [
            ("a 40\nb", "Line 2: write an account"),
            ("a 40%", "Line 1: leave out the %"),
            ("a b 3", "Line 1: "),
            ("ä 3", "Line 1: "),
            ("a -3", "Line 1: "),
            ("a 50\n\na 50", "Line 3: a stands on line 1 already."),
        ] {
            let wrong = read_weights(text).unwrap_err();
            assert!(wrong.starts_with(why), "{wrong}");
        }
        assert_eq!(read_accounts("a\r\nb\n").unwrap().len(), 2);
        assert!(read_accounts("a b").is_err());
    }

    #[test]
    fn a_split_that_cannot_be_is_refused_in_a_sentence() {
        let source = SourceId::new(b"console.anna").unwrap();
        let made = |text: &str| split(source, Seq::new(1), read_weights(text).unwrap(), Vec::new());
        assert!(made("a 40\nb 60").is_ok());
        let wrong = made("a 40\nb 50").unwrap_err();
        assert!(wrong.ends_with('.') && wrong.contains("100"), "{wrong}");
    }
}
