//! Guesses: whether a password is one of those that are tried first.
//!
//! It is cut into pieces: words that everybody tries, runs along the digits, the alphabet or the
//! rows of a keyboard, and single signs. What has few pieces is guessed soon, however long it is.
//! Any composition is allowed: digits alone are as good as letters, if they follow no run.

/// Words that everybody tries, and those that this program is known for.
const WORDS: &[&str] = &[
    "administrator",
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "changeme",
    "operator",
    "welcome",
    "letmein",
    "trading",
    "account",
    "console",
    "default",
    "dragon",
    "monkey",
    "shadow",
    "master",
    "secret",
    "trader",
    "viewer",
    "admin",
    "allot",
    "login",
    "split",
    "desk",
    "user",
    "test",
];

/// What a finger runs along, in both directions, round and round.
const ROWS: &[&str] = &[
    "1234567890",
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
];

/// The shortest run that counts as one piece.
const RUN_MIN: usize = 3;

/// A password with fewer pieces is guessed soon.
const PIECES_MIN: usize = 6;

/// Whether somebody who guesses comes to it soon.
pub(crate) fn is_guessable(password: &str) -> bool {
    let signs: Vec<char> = password.to_lowercase().chars().collect();
    // Two runs may be typed by turns: 1q2w3e4r.
    let by_turns = |from: usize| signs.iter().copied().skip(from).step_by(2).collect::<Vec<_>>();
    let whole = pieces(unrepeated(&signs));
    whole.min(pieces(&by_turns(0)) + pieces(&by_turns(1))) < PIECES_MIN
}

/// One of what is written several times.
fn unrepeated(signs: &[char]) -> &[char] {
    let is_period =
        |period: &usize| (*period..signs.len()).all(|place| signs[place] == signs[place - period]);
    (1..=signs.len() / 2).find(is_period).map_or(signs, |period| &signs[..period])
}

fn pieces(signs: &[char]) -> usize {
    let (mut count, mut place) = (0, 0);
    while place < signs.len() {
        place += piece(&signs[place..]);
        count += 1;
    }
    count
}

/// How long the first piece is.
fn piece(signs: &[char]) -> usize {
    let is_first = |word: &&&str| {
        let mut rest = signs.iter();
        word.chars().all(|sign| rest.next() == Some(&sign))
    };
    let word = WORDS.iter().find(is_first).map_or(1, |word| word.chars().count());
    let same = signs.iter().take_while(|sign| **sign == signs[0]).count();
    let run = ROWS.iter().map(|row| run(signs, row)).max().unwrap_or(1).max(same);
    word.max(if run < RUN_MIN { 1 } else { run })
}

/// How many signs follow a row, one way or the other.
fn run(signs: &[char], row: &str) -> usize {
    let row: Vec<char> = row.chars().collect();
    let Some(first) = row.iter().position(|sign| *sign == signs[0]) else { return 1 };
    let along = |step: usize| {
        let is_next =
            |(place, sign): &(usize, &char)| row[(first + place * step) % row.len()] == **sign;
        signs.iter().enumerate().take_while(is_next).count()
    };
    // A step of all but one is a step back.
    along(1).max(along(row.len() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_first_is_told_from_what_is_not() {
        for password in [
            "123456789012",
            "098765432109",
            "passwordpassword",
            "PasswordAllot1",
            "qwertyuiop12",
            "1q2w3e4r5t6y",
            "1qaz2wsx3edc",
            "abcdefghijkl",
            "aaaaaaaaaaaaaaaa",
            "x7x7x7x7x7x7",
            "allotconsole2",
            "welcome12345",
            "admin!admin!admin!",
        ] {
            assert!(is_guessable(password), "{password}");
        }
        for password in [
            "correct horse battery",
            "839201746501",
            "my desk has four legs",
            "password of a green heron",
            "ßöä kräftig übers eis",
        ] {
            assert!(!is_guessable(password), "{password}");
        }
    }
}
