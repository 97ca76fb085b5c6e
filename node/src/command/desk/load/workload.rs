//! Workload: the commands of a file, each with the next one of its user.

use std::collections::BTreeMap;

use allot_desk_rules::{Line, LineHead, Reject, User};

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
    /// Lines that are no commands and name no user, each with why: they are not sent.
    pub(super) nobodys: Vec<(LineNumber, Reject)>,
}

impl<'a> Workload<'a> {
    /// Reads the lines; empty ones are passed over.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let lines: Vec<_> = text.lines().collect();
        if LineNumber::try_from(lines.len()).is_err() {
            return Err("the file has too many lines".to_owned());
        }
        let mut workload = Self {
            next: vec![None; lines.len()],
            lines,
            stretches: Vec::new(),
            nobodys: Vec::new(),
        };
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
                    workload.nobodys.push((number, reject));
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
        let workload = Workload::parse(text).unwrap();
        let heads: Vec<_> = workload.stretches.iter().map(|one| one.heads.clone()).collect();
        assert_eq!(heads, [vec![0, 1], vec![5], vec![6]]);
        assert_eq!(workload.next[0], Some(3));
        assert_eq!(workload.next.iter().flatten().count(), 1);
        let nobodys: Vec<_> =
            workload.nobodys.iter().map(|(number, reject)| (*number, reject.code())).collect();
        assert_eq!((workload.len(), nobodys), (5, vec![(4, "unknown_command")]));
    }
}
