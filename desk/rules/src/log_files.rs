//! Log files: which files each user has a log in, and which are of all users.
//!
//! Each of them has a whole log, so that a user who gave every one another name would fill any
//! disk: a bounded number of names bounds what all of them take by a multiple of the log.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};

use crate::account::UserIndex;
use crate::limits::{LOG_FILES_MAX, USERS_MAX};
use crate::{FileName, Reject};

/// The files that were named, of each user and of all.
#[derive(Clone, Default, Debug)]
pub(crate) struct LogFiles {
    of_all: BTreeSet<FileName>,
    of_users: BTreeMap<UserIndex, BTreeSet<FileName>>,
}

impl LogFiles {
    /// Notes that the log of a user, or of all, goes to a file.
    pub(crate) fn add(&mut self, user: Option<UserIndex>, file: &FileName) -> Result<(), Reject> {
        let files = match user {
            Some(user) => self.of_users.entry(user).or_default(),
            None => &mut self.of_all,
        };
        let file = file.plain();
        if files.len() < LOG_FILES_MAX || files.contains(&file) {
            files.insert(file);
            return Ok(());
        }
        Err(Reject::TooManyLogs)
    }

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        save_files(&self.of_all, out);
        put_count(out, self.of_users.len());
        for (user, files) in &self.of_users {
            out.extend_from_slice(&user.get().to_le_bytes());
            save_files(files, out);
        }
    }

    /// Reads what [`save`](Self::save) wrote, of so many users.
    pub(crate) fn load(cursor: &mut Cursor<'_>, users: usize) -> Result<Self, SnapshotError> {
        let of_all = load_files(cursor)?;
        let mut of_users = BTreeMap::new();
        for _ in 0..cursor.count(USERS_MAX, 4 + 4 + 2)? {
            let user = UserIndex::new(cursor.u32()?);
            ensure(user.index() < users, "a log of an unknown user")?;
            let is_next = of_users.last_key_value().is_none_or(|(last, _)| *last < user);
            ensure(is_next, "users with logs out of their order")?;
            let files = load_files(cursor)?;
            ensure(!files.is_empty(), "a user with logs and without one")?;
            of_users.insert(user, files);
        }
        Ok(Self { of_all, of_users })
    }
}

fn save_files(files: &BTreeSet<FileName>, out: &mut Vec<u8>) {
    put_count(out, files.len());
    files.iter().for_each(|file| put_name(out, file.as_str().as_bytes()));
}

fn load_files(cursor: &mut Cursor<'_>) -> Result<BTreeSet<FileName>, SnapshotError> {
    let mut files = BTreeSet::new();
    for _ in 0..cursor.count(LOG_FILES_MAX, 2)? {
        let file = FileName::load(cursor)?;
        let is_next = files.last().is_none_or(|last| *last < file);
        ensure(is_next && file.plain() == file, "files out of their order")?;
        files.insert(file);
    }
    Ok(files)
}
