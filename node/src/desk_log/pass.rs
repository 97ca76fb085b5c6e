//! Pass: one reading of journals, which writes the files of several DUMPLOGs.
//!
//! The log of a user is in one journal, so that the requests of many users are one pass over it;
//! the log of all is a pass of its own over all journals. A file ends with the last DUMPLOG that
//! asked for it. One that was refused by the rules has no file, which only the replay can tell.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::path::PathBuf;

use allot_desk_rules::{Command, DumpAll, FileName, Input, Outcome, Outcomes, User};
use allot_desk_service::log::{ByTime, Entry, XmlLog};
use allot_domain::LogIndex;
use anyhow::Result;

use super::dump_queue::{Request, Subject};
use super::log_folder::LogFolder;
use super::shard_log::ShardLog;

/// What is being read, and what is being written.
pub(super) struct Pass {
    journals: Journals,
    files: Vec<PassFile>,
}

enum Journals {
    Users(Box<OfUsers>),
    All(Box<OfAll>),
}

/// The journal of one shard, for some of its users.
struct OfUsers {
    log: ShardLog,
    /// The places of each user's files.
    files: BTreeMap<User, Vec<usize>>,
    until: LogIndex,
    entries: VecDeque<Entry>,
}

/// The journals of all shards, each up to this DUMPLOG.
struct OfAll {
    dump: DumpAll,
    logs: Vec<ShardLog>,
    is_over: Vec<bool>,
    by_time: ByTime,
}

/// A file of a pass.
pub(super) struct PassFile {
    pub(super) subject: Subject,
    pub(super) request: Request,
    name: FileName,
    /// What is written aside; an error is told at the end.
    out: io::Result<XmlLog<File>>,
    /// Whether a DUMPLOG was applied that asks for it.
    is_asked_for: bool,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// There is more to read.
    Pending,
    /// Everything was read.
    Done,
    /// A shard has not come to the DUMPLOG of all yet.
    TooEarly,
}

impl Pass {
    /// Begins to write the files of these requests: those of users of one shard, or one of all.
    pub(super) fn begin(
        requests: Vec<(Subject, Request)>,
        directories: &[PathBuf],
        folder: &LogFolder,
    ) -> Result<Self> {
        let mut logs = Vec::new();
        let of_all = requests.iter().find_map(|(_, request)| request.of_all.clone());
        let shard = requests.first().map_or(0, |(_, request)| request.shard);
        for (number, directory) in directories.iter().enumerate() {
            if of_all.is_some() || number == shard {
                logs.push(ShardLog::open(directory, u32::try_from(number)?)?);
            }
        }
        let begun = requests.into_iter().enumerate();
        let files: Vec<_> = begun
            .map(|(number, (subject, request))| PassFile::begin(number, subject, request, folder))
            .collect();
        let journals = match of_all {
            Some(dump) => {
                let (is_over, by_time) = (vec![false; logs.len()], ByTime::new(logs.len()));
                Journals::All(Box::new(OfAll { dump, logs, is_over, by_time }))
            }
            None => Journals::Users(Box::new(OfUsers::new(logs, &files))),
        };
        Ok(Self { journals, files })
    }

    /// Reads up to so many records, or entries.
    pub(super) fn step(&mut self, most: usize) -> Result<Step> {
        for _ in 0..most {
            let step = match &mut self.journals {
                Journals::Users(users) => users.step(&mut self.files)?,
                Journals::All(all) => all.step(&mut self.files)?,
            };
            if step != Step::Pending {
                return Ok(step);
            }
        }
        Ok(Step::Pending)
    }

    /// Gives up; what was asked for is asked for again.
    pub(super) fn abort(self, folder: &LogFolder) -> Vec<(Subject, Request)> {
        (0..self.files.len()).for_each(|number| folder.discard(number));
        self.files.into_iter().map(|file| (file.subject, file.request)).collect()
    }

    /// Gives the files their names, each as soon as it is on disk: all requests, with the number of
    /// entries where there is a file now.
    pub(super) fn finish(
        self,
        folder: &LogFolder,
    ) -> Vec<(Subject, Request, io::Result<Option<u64>>)> {
        let files = self.files.into_iter().enumerate();
        let finish = |(number, file): (usize, PassFile)| {
            let PassFile { subject, request, name, out, is_asked_for } = file;
            let result = match out {
                Ok(_) if !is_asked_for => Ok(None),
                Ok(log) => finish_file(log, number, &name, folder).map(Some),
                Err(error) => Err(error),
            };
            if !matches!(result, Ok(Some(_))) {
                folder.discard(number);
            }
            (subject, request, result)
        };
        files.map(finish).collect()
    }
}

fn finish_file(
    log: XmlLog<File>,
    number: usize,
    name: &FileName,
    folder: &LogFolder,
) -> io::Result<u64> {
    let (out, count) = log.end()?;
    out.sync_all()?;
    folder.publish(number, name)?;
    Ok(count)
}

impl PassFile {
    fn begin(number: usize, subject: Subject, request: Request, folder: &LogFolder) -> Self {
        let name = FileName::new(&subject.file).expect("it was the name of a file");
        let begun = folder.begin(number);
        let begun = begun.and_then(|file| XmlLog::begin(file, subject.user));
        Self { subject, request, name, out: begun, is_asked_for: false }
    }

    fn add(&mut self, entry: &Entry) {
        if let Ok(log) = &mut self.out
            && let Err(error) = log.add(entry)
        {
            self.out = Err(error);
        }
    }
}

impl OfUsers {
    fn new(logs: Vec<ShardLog>, files: &[PassFile]) -> Self {
        let log = logs.into_iter().next().expect("the shard is one of the desk");
        let mut by_user: BTreeMap<User, Vec<usize>> = BTreeMap::new();
        for (place, file) in files.iter().enumerate() {
            let user = file.subject.user.expect("these are requests of users");
            by_user.entry(user).or_default().push(place);
        }
        let until = files.iter().map(|file| file.request.last).max().unwrap_or_default();
        Self { log, files: by_user, until, entries: VecDeque::new() }
    }

    fn step(&mut self, files: &mut [PassFile]) -> Result<Step> {
        if self.until <= self.log.index() || !self.log.read(&mut self.entries)? {
            return Ok(Step::Done);
        }
        let index = self.log.index();
        for entry in self.entries.drain(..) {
            let places = entry.user().and_then(|user| self.files.get(&user));
            for place in places.into_iter().flatten() {
                let file = &mut files[*place];
                if index <= file.request.last {
                    file.add(&entry);
                }
            }
        }
        for (user, name) in applied(self.log.outcomes()) {
            for place in self.files.get(&user).into_iter().flatten() {
                let file = &mut files[*place];
                file.is_asked_for |= file.name.parts().eq(name.parts())
                    && (file.request.first..=file.request.last).contains(&index);
            }
        }
        Ok(Step::Pending)
    }
}

/// The DUMPLOGs of users that were applied, or wait: they are applied then.
fn applied(outcomes: &Outcomes) -> impl Iterator<Item = (User, &FileName)> {
    outcomes.list.iter().filter_map(|outcome| match outcome {
        Outcome::Answered { told, .. } | Outcome::Awaiting { told, .. } => match &told.command {
            Command::DumpLog(file) => told.user.map(|user| (user, file)),
            _ => None,
        },
        _ => None,
    })
}

impl OfAll {
    fn step(&mut self, files: &mut [PassFile]) -> Result<Step> {
        let Self { dump, logs, is_over, by_time } = self;
        let mut is_short = false;
        let mut is_asked_for = false;
        let entry = by_time.next(|shard, queue| {
            let log = &mut logs[shard];
            let mut entries = VecDeque::new();
            if is_over[shard] {
                return Ok(false);
            }
            if !log.read(&mut entries)? {
                is_short = true;
                return Ok::<_, anyhow::Error>(false);
            }
            if is_the(dump, log.input()) {
                is_over[shard] = true;
                let list = &log.outcomes().list;
                is_asked_for |= list.iter().any(|one| matches!(one, Outcome::Answered { .. }));
            } else if dump.time_ns < log.time_ns() {
                // It has none, and what follows came later.
                is_over[shard] = true;
                return Ok(false);
            }
            queue.extend(entries);
            Ok(true)
        })?;
        for file in files {
            file.is_asked_for |= is_asked_for;
            if let Some(entry) = &entry {
                file.add(entry);
            }
        }
        Ok(match entry {
            _ if is_short => Step::TooEarly,
            Some(_) => Step::Pending,
            None => Step::Done,
        })
    }
}

/// Whether an input is this DUMPLOG of all.
fn is_the(dump: &DumpAll, input: Option<&Input>) -> bool {
    let Some(Input::DumpAll(found)) = input else {
        return false;
    };
    found.source == dump.source && found.id == dump.id && dump.time_ns <= found.time_ns
}
