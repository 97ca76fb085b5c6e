//! Workload: the commands of a file, each with the next one of its user.

use std::collections::BTreeMap;

use allot_desk_rules::{Line, LineHead, User};

/// Which line, from zero.
pub(super) type LineNumber = u32;

/// The commands between two DUMPLOGs of all, or one of these.
pub(super) struct Stretch {
    /// The first command of each user.
    pub(super) heads: Vec<LineNumber>,
    /// How many commands.
    pub(super) len: usize,
}

/// A file of commands.
pub(super) struct Workload<'a> {
    pub(super) lines: Vec<&'a str>,
    /// The next command of the same user within the stretch.
    pub(super) next: Vec<Option<LineNumber>>,
    pub(super) stretches: Vec<Stretch>,
    /// Lines that are not sent, for there is nobody whose they are.
    pub(super) unsent: Vec<Unsent>,
}

/// A line that is not sent.
pub(super) struct Unsent {
    pub(super) number: LineNumber,
    /// How it begins.
    pub(super) text: String,
    pub(super) why: String,
}

/// Bytes of a line that is sent; a message has room for one of them, however it is written in JSON.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;

/// How much of a line is shown.
const SHOWN_CHARS: usize = 100;

/// With these a file of UTF-8 may begin; they say nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Unsent {
    fn new(number: LineNumber, line: &[u8], why: String) -> Self {
        let text = String::from_utf8_lossy(line.get(..LINE_BYTES_MAX).unwrap_or(line));
        Self { number, text: text.trim().chars().take(SHOWN_CHARS).collect(), why }
    }
}

/// A line as it can be sent.
///
/// # Errors
/// Why it cannot.
fn sendable(line: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    if LINE_BYTES_MAX < line.len() {
        return Err(format!("it has {} bytes; at most {LINE_BYTES_MAX} can be sent", line.len()));
    }
    Ok(text)
}

impl<'a> Workload<'a> {
    /// Reads the lines; empty ones are passed over.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, String> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let (mut lines, mut unsent) = (Vec::new(), Vec::new());
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(number) = LineNumber::try_from(lines.len()) else {
                return Err("the file has too many lines".to_owned());
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            lines.push(sendable(line).unwrap_or_else(|why| {
                unsent.push(Unsent::new(number, line, why));
                ""
            }));
        }
        let mut workload =
            Self { next: vec![None; lines.len()], lines, stretches: Vec::new(), unsent };
        let mut last: BTreeMap<User, LineNumber> = BTreeMap::new();
        let mut stretch = Stretch { heads: Vec::new(), len: 0 };
        for (number, line) in (0..).zip(workload.lines.iter()) {
            if line.trim().is_empty() {
                continue;
            }
            let user = match (Line::parse(line), LineHead::read(line)) {
                (Ok(line), _) => line.user,
                (Err(_), Some(head)) => Some(head.user),
                (Err(reject), None) => {
                    workload.unsent.push(Unsent::new(number, line.as_bytes(), reject.to_string()));
                    continue;
                }
            };
            let Some(user) = user else {
                // A DUMPLOG of all has everything before it.
                workload.stretches.push(stretch);
                workload.stretches.push(Stretch { heads: vec![number], len: 1 });
                stretch = Stretch { heads: Vec::new(), len: 0 };
                last.clear();
                continue;
            };
            stretch.len += 1;
            match last.insert(user, number) {
                Some(before) => workload.next[usize_of(before)] = Some(number),
                None => stretch.heads.push(number),
            }
        }
        workload.stretches.push(stretch);
        workload.stretches.retain(|stretch| 0 < stretch.len);
        workload.unsent.sort_by_key(|line| line.number);
        Ok(workload)
    }

    /// How many commands there are.
    pub(super) fn len(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.len).sum()
    }
}

/// A line's place in the lists.
pub(super) fn usize_of(number: LineNumber) -> usize {
    usize::try_from(number).expect("a usize has 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_user_follow_each_other_and_dumps_of_all_stand_alone() {
        let text = "[1] ADD,a,1\n[2] ADD,b,1\n\n[3] ADD,a,-1\nnonsense\nDUMPLOG,f\nADD,a,2\n";
        let workload = Workload::parse(text.as_bytes()).unwrap();
        let heads: Vec<_> = workload.stretches.iter().map(|one| one.heads.clone()).collect();
        assert_eq!(heads, [vec![0, 1], vec![5], vec![6]]);
        assert_eq!(workload.next[0], Some(3));
        assert_eq!(workload.next.iter().flatten().count(), 1);
        let [nonsense] = &workload.unsent[..] else { panic!("one line is not sent") };
        assert_eq!((workload.len(), nonsense.number, &nonsense.text[..]), (5, 4, "nonsense"));
    }

    #[test]
    fn what_cannot_be_sent_is_named_and_the_rest_is_sent() {
        let mut file = b"\xef\xbb\xbf[1] ADD,a,1\r\nADD,a,\xff\nADD,b,".to_vec();
        file.extend([b'1'; LINE_BYTES_MAX]);
        file.extend(b"\nADD,b,2");
        let workload = Workload::parse(&file).unwrap();
        assert_eq!((workload.len(), &workload.stretches[0].heads[..]), (2, &[0, 3][..]));
        let [bytes, long] = &workload.unsent[..] else { panic!("two lines are not sent") };
        assert_eq!((bytes.number, &bytes.why[..]), (1, "it is not UTF-8"));
        assert_eq!((long.number, long.text.len()), (2, SHOWN_CHARS));
        assert!(long.why.starts_with("it has 65542 bytes"), "{}", long.why);
    }
}
