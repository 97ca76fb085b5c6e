//! Users: who may log in, in a file that `allot console user` writes.
//!
//! ```toml
//! [anna]
//! role = "operator"
//! password = "$argon2id$v=19$m=19456,t=2,p=1$…"
//! ```
//!
//! The file is read again when it has changed, so that a user who was removed, or has a new
//! password, loses their sessions with their next page. While it cannot be read nobody is logged
//! in, for it may be the one in which somebody was removed; sessions go on once it can be.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use allot_domain::AccountId;
use argon2::{Argon2, PasswordHasher, password_hash::phc::PasswordHash};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zxcvbn::zxcvbn;

use crate::ConsoleError;
use crate::limits::{
    DESK_USER_LEN_MAX, GUESSES_MIN, HASH_KIB_MAX, JUDGED_CHARS, NAME_LEN_MAX, PASSWORD_BYTES_MAX,
    PASSWORD_CHARS_MIN,
};
use crate::one_time_codes::{CodeSecret, new_secret};
use crate::password::{Buffers, is_hash};
use crate::role::Role;
use crate::sessions::random_token;

/// Words that somebody who guesses tries here before others.
const OWN_WORDS: &[&str] = &[
    "allot", "console", "trader", "trading", "operator", "viewer", "admin", "account", "split",
    "desk",
];

/// One who may log in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What they may do.
    pub role: Role,
    /// The accounts of a trader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Their password, hashed with Argon2id, as a PHC string.
    pub password: String,
    /// The secret of their second factor, in base 32, if they have one. An authenticator has the
    /// same, so it cannot be hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_secret: Option<String>,
    /// The SHA-256 of their token, in hexadecimal: it has 256 random bits, so it need not be slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl User {
    /// All that a log-in depends on.
    pub(crate) fn credentials(&self) -> String {
        format!("{} {}", self.password, self.code_secret.as_deref().unwrap_or(""))
    }
}

/// All of them, by name.
pub type UserMap = BTreeMap<String, User>;

/// The file, as it was read last.
pub(crate) struct Users {
    path: Option<PathBuf>,
    read: Mutex<Read>,
}

/// What was read.
#[derive(Default)]
struct Read {
    /// Of the file that was read.
    stamp: Option<Stamp>,
    /// None while it cannot be read.
    users: Option<Arc<UserMap>>,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

/// A hash that no password has, for names that nobody has: they take as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm8$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Users {
    /// The users of a file; none without one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, ConsoleError> {
        let users = Self { path: path.map(Path::to_owned), read: Mutex::default() };
        if let Some(path) = path {
            let map = read_users(path)?;
            *users.read.lock().unwrap_or_else(PoisonError::into_inner) =
                Read { stamp: stamp(path).ok(), users: Some(Arc::new(map)) };
        }
        Ok(users)
    }

    /// Whether there are any.
    pub(crate) const fn has_file(&self) -> bool {
        self.path.is_some()
    }

    /// All users, from the file as it is now; none while it cannot be read.
    pub(crate) fn all(&self) -> Option<Arc<UserMap>> {
        let Some(path) = &self.path else { return Some(Arc::default()) };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(path).ok();
        if read.stamp != now {
            let users = read_users(path).inspect_err(|error| {
                tracing::error!("nobody is logged in until this is mended: {error}");
            });
            *read = Read { stamp: now, users: users.ok().map(Arc::new) };
        }
        read.users.clone()
    }

    /// Gives a user another password, unless it is not the one of this hash any more.
    ///
    /// # Errors
    /// When it was changed meanwhile, or the file cannot be written.
    pub(crate) fn change_password(
        &self,
        name: &str,
        before: &str,
        password: &str,
    ) -> Result<(), ConsoleError> {
        let none = || ConsoleError("there is no file of users".to_owned());
        let path = self.path.as_ref().ok_or_else(none)?;
        let hash = hash_password(password)?;
        change_user(path, name, |user| {
            if user.password != before {
                return Err(ConsoleError(format!("the password of {name} is another one now")));
            }
            (user.password, user.token) = (hash, None);
            Ok(())
        })
    }
}

/// Whether this is the password of the user; takes as long where there is none.
pub(crate) fn is_password(buffers: &Buffers, user: Option<&User>, password: &str) -> bool {
    let hash = user.map_or(NOBODY, |user| &user.password);
    let is_known = buffers.is_hash_of(hash, password);
    is_known && user.is_some() && password.len() <= PASSWORD_BYTES_MAX
}

/// Reads the file of users.
///
/// # Errors
/// When it cannot be read, or is no file of users.
pub fn read_users(path: &Path) -> Result<UserMap, ConsoleError> {
    let fail = |why: String| ConsoleError(format!("cannot use {}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fail(format!(
            "there is no such file; make one: allot console user add NAME --role admin --users {}",
            path.display()
        )),
        _ => fail(error.to_string()),
    })?;
    let mode = fs::metadata(path).map_err(|error| fail(error.to_string()))?.mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            "others can read or write {}, which has the hashes of passwords: chmod 600",
            path.display()
        );
    }
    // The parser quotes what it cannot read, which may be a hash.
    let users: UserMap = toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
        let line = 1 + before.matches('\n').count();
        fail(format!("line {line} is not what `allot console user add` writes"))
    })?;
    match users.iter().find(|(_, user)| !is_hash(&user.password)) {
        None => Ok(users),
        Some((name, _)) => Err(fail(format!(
            "the password of {name} is no hash of Argon2, or one that takes more than {} MiB or \
             too long: give another with `allot console user add`",
            HASH_KIB_MAX >> 10
        ))),
    }
}

/// Adds a user to the file, or changes them, and makes the file if there is none.
///
/// # Errors
/// When the name or the password will not do, or the file cannot be written.
pub fn add_user(
    path: &Path,
    name: &str,
    role: Role,
    accounts: &[AccountId],
    password: &str,
) -> Result<(), ConsoleError> {
    check_name(name).and_then(|()| check_password(name, password)).map_err(ConsoleError)?;
    if role != Role::Trader && !accounts.is_empty() {
        let why = "only a trader has accounts: leave out --account, or say --role trader";
        return Err(ConsoleError(why.to_owned()));
    }
    if role == Role::Trader && accounts.is_empty() && DESK_USER_LEN_MAX < name.len() {
        return Err(ConsoleError(format!(
            "a trader without accounts has the desk alone, where a name has at most \
             {DESK_USER_LEN_MAX} characters; this one has {}: choose a shorter one, or give \
             --account",
            name.len()
        )));
    }
    let hash = hash_password(password)?;
    let _lock = lock(path)?;
    let mut users = if path.exists() { read_users(path)? } else { UserMap::new() };
    let accounts = accounts.iter().map(ToString::to_string).collect();
    // Whoever gives another password wants nobody to go on with what was given before. A second
    // factor is not known to whoever knew the password.
    let code_secret = users.remove(name).and_then(|user| user.code_secret);
    let user = User { role, accounts, password: hash, code_secret, token: None };
    users.insert(name.to_owned(), user);
    write_users(path, &users)
}

/// Removes a user from the file.
///
/// # Errors
/// When there is none of that name, or the file cannot be written.
pub fn remove_user(path: &Path, name: &str) -> Result<(), ConsoleError> {
    let _lock = lock(path)?;
    let mut users = read_users(path)?;
    if users.remove(name).is_none() {
        return Err(ConsoleError(format!("{} has no user {name}", path.display())));
    }
    write_users(path, &users)
}

/// Gives a user another token, with which programs read data; the one before counts no longer.
///
/// # Errors
/// When there is none of that name, or the file cannot be written.
pub fn give_token(path: &Path, name: &str) -> Result<String, ConsoleError> {
    let token = random_token();
    let token = token
        .map_err(|error| ConsoleError(format!("the kernel gives no random bytes: {error}")))?;
    change_user(path, name, |user| {
        user.token = Some(token_hash(&token));
        Ok(())
    })?;
    Ok(token)
}

/// Takes a user's token away.
///
/// # Errors
/// As [`give_token`].
pub fn remove_token(path: &Path, name: &str) -> Result<(), ConsoleError> {
    change_user(path, name, |user| {
        user.token = None;
        Ok(())
    })
}

/// Gives a user a second factor, or another one: the secret for their authenticator. Their sessions
/// end.
///
/// # Errors
/// As [`give_token`].
pub fn give_code_secret(path: &Path, name: &str) -> Result<CodeSecret, ConsoleError> {
    let made = new_secret(name)?;
    change_user(path, name, |user| {
        user.code_secret = Some(made.secret.clone());
        Ok(())
    })?;
    Ok(made)
}

/// Takes a user's second factor away, such as one whose authenticator is lost. Their sessions end.
///
/// # Errors
/// As [`give_token`].
pub fn remove_code_secret(path: &Path, name: &str) -> Result<(), ConsoleError> {
    change_user(path, name, |user| {
        user.code_secret = None;
        Ok(())
    })
}

fn change_user(
    path: &Path,
    name: &str,
    change: impl FnOnce(&mut User) -> Result<(), ConsoleError>,
) -> Result<(), ConsoleError> {
    let _lock = lock(path)?;
    let mut users = read_users(path)?;
    let Some(user) = users.get_mut(name) else {
        return Err(ConsoleError(format!("{} has no user {name}", path.display())));
    };
    change(user)?;
    write_users(path, &users)
}

/// What the file has of a token.
pub(crate) fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_password(password: &str) -> Result<String, ConsoleError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    let fail = |error| ConsoleError(format!("cannot hash the password: {error}"));
    hash.map(|hash: PasswordHash| hash.to_string()).map_err(fail)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
    let is_name = (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_sign);
    let why = || format!("a name has 1 to {NAME_LEN_MAX} of A-Z a-z 0-9 . - _ @; it was {name:?}");
    if is_name { Ok(()) } else { Err(why()) }
}

/// Whether a password will do.
///
/// # Errors
/// A sentence that says why not.
pub(crate) fn check_password(name: &str, password: &str) -> Result<(), String> {
    let count = password.chars().count();
    if count < PASSWORD_CHARS_MIN {
        return Err(format!(
            "a password has at least {PASSWORD_CHARS_MIN} characters; this one has {count}; a few \
             words are easy to remember"
        ));
    }
    if PASSWORD_BYTES_MAX < password.len() {
        return Err(format!("a password has at most {PASSWORD_BYTES_MAX} bytes"));
    }
    let has_name = 4 <= name.len() && password.to_lowercase().contains(&name.to_lowercase());
    if has_name || is_guessable(name, password) {
        return Err(
            "the password can be guessed: use some words that have nothing to do with the \
                    name, and that are not everybody's"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether somebody who tries the most common passwords, words, dates, repetitions and runs along a
/// keyboard comes to it soon. Any composition is allowed. A long one is judged by its beginning,
/// because the time for all of it grows faster than its length.
fn is_guessable(name: &str, password: &str) -> bool {
    let known = [&[name], OWN_WORDS].concat();
    let begin: String = password.chars().take(JUDGED_CHARS).collect();
    zxcvbn(&begin, &known).guesses() < GUESSES_MIN
}

/// Keeps others from changing the file meanwhile. The lock is that of its folder, because a change
/// puts another file in its place.
fn lock(path: &Path) -> Result<File, ConsoleError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let lock = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| {
        folder.lock()?;
        Ok(folder)
    });
    lock.map_err(|error| ConsoleError(format!("cannot write {}: {error}", path.display())))
}

/// A reader sees the old file or the new one. Only its owner may read it.
fn write_users(path: &Path, users: &UserMap) -> Result<(), ConsoleError> {
    let fail = |why: String| ConsoleError(format!("cannot write {}: {why}", path.display()));
    let text = toml::to_string(users).map_err(|error| fail(error.to_string()))?;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let write = || -> io::Result<()> {
        if let Err(error) = fs::remove_file(&temporary)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| fail(error.to_string()))
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let file = fs::metadata(path)?;
    let changed = (file.mtime(), file.mtime_nsec());
    Ok(Stamp { inode: file.ino(), length: file.len(), changed })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const PASSWORD: &str = "correct horse battery";

    #[test]
    fn users_come_and_go_without_a_restart() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("users.toml");
        add_user(&path, "anna", Role::Operator, &[], PASSWORD).unwrap();
        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let users = Users::open(Some(&path)).unwrap();
        let anna = users.all().unwrap()["anna"].clone();
        assert_eq!(anna.role, Role::Operator);
        let buffers = Buffers::default();
        let is_password = |user, password| is_password(&buffers, user, password);
        assert!(is_password(Some(&anna), PASSWORD) && !is_password(Some(&anna), "another one"));
        assert!(!is_password(None, PASSWORD));
        let account = AccountId::new(b"account1").unwrap();
        add_user(&path, "ben", Role::Trader, &[account], PASSWORD).unwrap();
        assert_eq!(users.all().unwrap()["ben"].accounts, ["account1"]);
        remove_user(&path, "anna").unwrap();
        assert!(!users.all().unwrap().contains_key("anna"));
        assert!(remove_user(&path, "anna").is_err());
        fs::write(&path, "anna = 3").unwrap();
        assert!(users.all().is_none() && read_users(&path).is_err());
        fs::remove_file(&path).unwrap();
        add_user(&path, "ben", Role::Viewer, &[], PASSWORD).unwrap();
        assert!(users.all().unwrap().contains_key("ben"), "it can be read again");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_told() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("users.toml");
        let good = "[anna]\nrole = \"viewer\"\n";
        for bad in [
            "password = \"$argon2id$secret\nrole",
            "$argon2id$secret = 3",
            "password = [\"$argon2id$secret\"]",
            "\"$argon2id$secret\" = \"\"",
        ] {
            fs::write(&path, format!("{good}{bad}\n")).unwrap();
            let error = read_users(&path).unwrap_err().to_string();
            // Where a text does not end, the parser names the line after it.
            assert!(error.contains("line 3 ") || error.contains("line 4 "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn one_changes_the_users_at_a_time() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("users.toml");
        let held = lock(&path).unwrap();
        assert!(File::open(folder.path()).unwrap().try_lock().is_err());
        drop(held);
        add_user(&path, "anna", Role::Viewer, &[], PASSWORD).unwrap();
        File::open(folder.path()).unwrap().try_lock().unwrap();
    }

    #[test]
    fn bad_names_and_weak_passwords_are_refused() {
        let path = Path::new("/nowhere/users");
        for (name, role, password, why) in [
            ("", Role::Viewer, PASSWORD, "a name has"),
            ("a b", Role::Viewer, PASSWORD, "a name has"),
            ("anna", Role::Viewer, "short", "at least 12"),
            ("anna", Role::Viewer, "aaaaaaaaaaaaaaaa", "guessed"),
            ("anna", Role::Viewer, "anna loves roses", "guessed"),
            ("anna", Role::Trader, PASSWORD, "cannot write"),
            ("anna", Role::Viewer, PASSWORD, "cannot write"),
        ] {
            let error = add_user(path, name, role, &[], password).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let account = AccountId::new(b"account1").unwrap();
        let error = add_user(path, "anna", Role::Viewer, &[account], PASSWORD).unwrap_err();
        assert!(error.to_string().contains("--account"), "{error}");
        let long = "n".repeat(DESK_USER_LEN_MAX + 1);
        let error = |accounts: &[AccountId]| {
            add_user(path, &long, Role::Trader, accounts, PASSWORD).unwrap_err().to_string()
        };
        assert!(error(&[]).contains("at most 32 characters"), "{}", error(&[]));
        assert!(error(&[account]).contains("cannot write"), "{}", error(&[account]));
    }

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
            // The most common ones that are long enough.
            "unbelievable",
            "thunderstruck1",
            "summer2026!!",
        ] {
            assert!(is_guessable("anna", password), "{password}");
        }
        for password in [
            "correct horse battery",
            "839201746501",
            "my desk has four legs",
            "password of a green heron",
            "ßöä kräftig übers eis",
        ] {
            assert!(!is_guessable("anna", password), "{password}");
        }
    }

    #[test]
    fn the_hash_for_nobody_costs_as_much_as_any() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        let made = hash_password(PASSWORD).unwrap();
        let made = PasswordHash::new(&made).unwrap();
        assert_eq!(hash.params.to_string(), made.params.to_string());
        assert_eq!(hash.algorithm, made.algorithm);
    }
}
