//! Dump queue: the DUMPLOGs whose files are not written yet.

use std::collections::BTreeMap;

use allot_desk_rules::{DumpAll, FileName, Input, User};
use allot_domain::LogIndex;

/// The most bytes of requests that wait. Beyond it the journals are not followed further: they are
/// the queue.
const BYTES_MAX: usize = 16 << 20;

/// What a request counts for without the name of its file.
const REQUEST_LEN: usize = 512;

/// Whose log goes to which file. A user's requests for one file are one: the last has all that the
/// others have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Subject {
    pub(super) file: String,
    /// None for the log of all.
    pub(super) user: Option<User>,
}

/// Requests for one file.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The shard that owns the user; the first one for the log of all.
    pub(super) shard: usize,
    /// The first and the last of them in the journal of this shard.
    pub(super) first: LogIndex,
    pub(super) last: LogIndex,
    /// When the router took the last.
    pub(super) time_ns: u64,
    /// The last one, if it is of all.
    pub(super) of_all: Option<DumpAll>,
}

/// Requests by what they are for.
#[derive(Default)]
pub(super) struct DumpQueue {
    requests: BTreeMap<Subject, Request>,
    bytes: usize,
}

/// The file that a DUMPLOG names, and whose log it is.
pub(super) fn subject_of(input: &Input) -> Option<(FileName, Option<User>)> {
    match input {
        Input::DumpAll(dump) => Some((dump.file.clone(), None)),
        Input::Command(request) => Some((request.command.file()?.clone(), Some(request.user))),
        _ => None,
    }
}

impl DumpQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) const fn is_full(&self) -> bool {
        BYTES_MAX <= self.bytes
    }

    /// Adds a DUMPLOG that stands here in the journal of a shard.
    pub(super) fn add_input(&mut self, shard: usize, index: LogIndex, input: &Input) {
        let Some((file, user)) = subject_of(input) else { return };
        let of_all = match input {
            // All shards have it: it is taken from the first.
            Input::DumpAll(_) if 0 < shard => return,
            Input::DumpAll(dump) => Some(dump.clone()),
            _ => None,
        };
        // Names of the same file are the same.
        let file = file.parts().collect::<Vec<_>>().join("/");
        let subject = Subject { file, user };
        let time_ns = input.time_ns();
        self.add(subject, Request { shard, first: index, last: index, time_ns, of_all });
    }

    /// Adds requests; those for the same file become one.
    pub(super) fn add(&mut self, subject: Subject, request: Request) {
        let bytes = REQUEST_LEN + subject.file.len();
        match self.requests.get_mut(&subject) {
            Some(known) => {
                known.first = known.first.min(request.first);
                if known.last < request.last {
                    let first = known.first;
                    *known = Request { first, ..request };
                }
            }
            None => {
                self.bytes += bytes;
                self.requests.insert(subject, request);
            }
        }
    }

    fn remove(&mut self, subject: &Subject) -> Option<Request> {
        let request = self.requests.remove(subject)?;
        self.bytes -= REQUEST_LEN + subject.file.len();
        Some(request)
    }

    /// Takes the oldest request, and with one of a user others of the same shard, up to `most`; the
    /// oldest first.
    pub(super) fn take(&mut self, most: usize) -> Vec<(Subject, Request)> {
        let oldest = self.requests.iter().min_by_key(|(_, request)| request.time_ns);
        let Some((oldest, shard)) = oldest.map(|(subject, found)| (subject.clone(), found.shard))
        else {
            return Vec::new();
        };
        let mut found = vec![oldest];
        if found[0].user.is_some() {
            let same = self.requests.iter().filter(|(subject, request)| {
                subject.user.is_some() && request.shard == shard && **subject != found[0]
            });
            let mut same: Vec<_> =
                same.map(|(subject, request)| (request.time_ns, subject.clone())).collect();
            same.sort_unstable();
            found.extend(same.into_iter().map(|(_, subject)| subject).take(most - 1));
        }
        let taken = found.into_iter().filter_map(|subject| {
            let request = self.remove(&subject)?;
            Some((subject, request))
        });
        taken.collect()
    }

    /// A file was written as of this time: earlier requests for it are done, for the last one wins.
    pub(super) fn forget_before(&mut self, file: &str, time_ns: u64) {
        let from = Subject { file: file.to_owned(), user: None };
        let of_file = self.requests.range(from..).take_while(|(subject, _)| subject.file == file);
        let is_earlier = |request: &Request| request.time_ns <= time_ns;
        let earlier: Vec<_> = of_file
            .filter(|(_, request)| is_earlier(request))
            .map(|(subject, _)| subject.clone())
            .collect();
        earlier.iter().for_each(|subject| drop(self.remove(subject)));
    }

    /// The first record of a shard that is asked for, of what waits.
    pub(super) fn first_of(&self, shard: usize) -> Option<LogIndex> {
        let of_shard = self.requests.values().filter(|request| request.shard == shard);
        of_shard.map(|request| request.first).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(file: &str, user: Option<&str>) -> Subject {
        let user = user.map(|user| User::new(user.as_bytes()).unwrap());
        Subject { file: file.to_owned(), user }
    }

    fn request(shard: usize, index: u64) -> Request {
        let (first, last) = (LogIndex::new(index), LogIndex::new(index));
        Request { shard, first, last, time_ns: index, of_all: None }
    }

    #[test]
    fn requests_for_one_file_of_one_user_are_one_and_the_last_wins() {
        let mut queue = DumpQueue::default();
        queue.add(subject("f", Some("u")), request(0, 3));
        queue.add(subject("f", Some("u")), request(0, 7));
        queue.add(subject("f", Some("v")), request(0, 5));
        queue.add(subject("f", None), request(0, 4));
        assert_eq!((queue.len(), queue.first_of(0)), (3, Some(LogIndex::new(3))));
        queue.forget_before("f", 5);
        let taken = queue.take(9);
        assert_eq!(taken.len(), 1);
        let (first, last) = (taken[0].1.first.get(), taken[0].1.last.get());
        assert_eq!((first, last, queue.is_empty(), queue.bytes), (3, 7, true, 0));
    }

    #[test]
    fn those_of_users_of_one_shard_are_taken_together_the_oldest_first() {
        let mut queue = DumpQueue::default();
        for (user, shard, index) in [("a", 1, 9), ("b", 0, 2), ("c", 1, 1), ("d", 1, 5)] {
            queue.add(subject(user, Some(user)), request(shard, index));
        }
        let mut users = |most| {
            let taken = queue.take(most);
            taken.into_iter().map(|(subject, _)| subject.file).collect::<Vec<_>>()
        };
        assert_eq!(users(2), ["c", "d"]);
        assert_eq!(users(2), ["b"]);
        assert_eq!(users(2), ["a"]);
        assert_eq!(users(2), Vec::<String>::new());
    }
}
