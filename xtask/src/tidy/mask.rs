//! The mask: a Rust file with its comments and literals painted over, so that words are code.
//!
//! Comments become spaces and the insides of literals become [`LITERAL`]; every other character,
//! every newline and so every column stays where it is. This is a scanner for well-formed Rust
//! (the compiler has seen it first), not a parser.

/// What the inside of a literal is painted with.
pub(crate) const LITERAL: char = '"';

/// The code of a file alone.
pub(crate) fn code(text: &str) -> String {
    let mut mask = Mask { text: text.chars().collect(), at: 0, code: String::new() };
    while mask.at < mask.text.len() {
        mask.step();
    }
    mask.code
}

struct Mask {
    text: Vec<char>,
    /// The next character to read.
    at: usize,
    code: String,
}

impl Mask {
    /// Reads one comment, one literal, or one other character.
    fn step(&mut self) {
        if self.is_next("//") {
            self.paint(self.find(self.at, |rest| rest[0] == '\n'), ' ');
        } else if self.is_next("/*") {
            self.paint(self.block_comment_end(), ' ');
        } else if let Some(hashes) = self.raw_string() {
            self.paint(self.raw_string_end(hashes), LITERAL);
        } else if self.is_next("\"") {
            self.paint(self.quoted_end('"'), LITERAL);
        } else if self.is_character() {
            self.paint(self.quoted_end('\''), LITERAL);
        } else {
            self.code.push(self.text[self.at]);
            self.at += 1;
        }
    }

    fn is_next(&self, expected: &str) -> bool {
        starts_with(&self.text[self.at..], expected)
    }

    /// Paints everything up to `end`, except for newlines.
    fn paint(&mut self, end: usize, colour: char) {
        let painted = self.text[self.at..end].iter();
        self.code.extend(painted.map(|c| if *c == '\n' { '\n' } else { colour }));
        self.at = end;
    }

    /// The first place from `start` where the rest fulfils a condition, or the end of the file.
    fn find(&self, start: usize, condition: impl Fn(&[char]) -> bool) -> usize {
        let mut places = start..self.text.len();
        places.find(|at| condition(&self.text[*at..])).unwrap_or(self.text.len())
    }

    fn block_comment_end(&self) -> usize {
        let mut depth = 0_usize;
        let mut at = self.at;
        while at < self.text.len() {
            let rest = &self.text[at..];
            if starts_with(rest, "/*") {
                depth += 1;
                at += 2;
            } else if starts_with(rest, "*/") {
                depth -= 1;
                at += 2;
            } else {
                at += 1;
            }
            if depth == 0 {
                break;
            }
        }
        at
    }

    /// The number of hashes of the raw string that begins here, if one does.
    fn raw_string(&self) -> Option<usize> {
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        if self.text[self.at] != 'r' || before.is_some_and(is_inner_letter) {
            return None;
        }
        let hashes = self.text[self.at + 1..].iter().take_while(|c| **c == '#').count();
        (self.text.get(self.at + 1 + hashes) == Some(&'"')).then_some(hashes)
    }

    fn raw_string_end(&self, hashes: usize) -> usize {
        let closing = format!("\"{}", "#".repeat(hashes));
        let inside = self.at + 1 + closing.len();
        let end = self.find(inside, |rest| starts_with(rest, &closing));
        (end + closing.len()).min(self.text.len())
    }

    fn quoted_end(&self, quote: char) -> usize {
        let mut at = self.at + 1;
        while at < self.text.len() && self.text[at] != quote {
            at += if self.text[at] == '\\' { 2 } else { 1 };
        }
        (at + 1).min(self.text.len())
    }

    /// Whether a character literal begins here, and not a lifetime.
    fn is_character(&self) -> bool {
        let rest = &self.text[self.at..];
        rest[0] == '\'' && (rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\''))
    }
}

fn starts_with(rest: &[char], expected: &str) -> bool {
    let mut rest = rest.iter();
    expected.chars().all(|c| rest.next() == Some(&c))
}

/// Whether an `r` after this character is part of a name; `br` and `cr` open raw strings too.
fn is_inner_letter(c: char) -> bool {
    (c.is_alphanumeric() || c == '_') && !matches!(c, 'b' | 'c')
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn comments_and_literals_are_painted_over() {
        for (text, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"a("b\"c") d"#, r#"a("""""") d"#),
            ("r#\"a \"b\n c\"# d", "\"\"\"\"\"\"\"\n\"\"\"\" d"),
            ("br\"a\" x", "b\"\"\"\" x"),
            (r"let a: &'a str = '\''; b", "let a: &'a str = \"\"\"\"; b"),
            ("'x' 'y: loop", "\"\"\" 'y: loop"),
            ("r#type bar\"x\"", "r#type bar\"\"\""),
            ("\"// no\" code", "\"\"\"\"\"\"\" code"),
        ] {
            assert_eq!(code(text).trim_end(), expected.trim_end(), "{text}");
        }
    }

    #[test]
    fn the_shape_of_the_text_is_kept() {
        let text = include_str!("mask.rs");
        let lengths = |text: &str| text.lines().map(|l| l.chars().count()).collect::<Vec<_>>();
        assert_eq!(lengths(&code(text)), lengths(text));
        assert!(code(text).contains("fn the_shape_of_the_text_is_kept"));
    }

    #[test]
    fn what_is_not_closed_ends_with_the_file() {
        for text in ["\"a", "r##\"a\"#", "/* a", "'\\", "\"\\"] {
            assert_eq!(code(text).chars().count(), text.chars().count(), "{text}");
        }
    }
}
