//! `allot console user`: who may log in to the console.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use allot_console::{
    Role, add_user, give_code_secret, give_token, read_users, remove_code_secret, remove_token,
    remove_user,
};
use allot_domain::AccountId;
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::stdout::print;

/// Where users are kept, if no other file is named.
pub(crate) const FILE: &str = "console-users.toml";

/// Add, list and remove the users of the console
#[derive(Args)]
pub(crate) struct UserPages {
    #[command(subcommand)]
    page: UserPage,
}

#[derive(Subcommand)]
enum UserPage {
    Add(Add),
    List(List),
    Remove(Remove),
    Token(Token),
    Code(Code),
}

/// Add a user, or give one another role and password
///
/// Reads the password from the terminal, where it is not shown, or a line from stdin. A running
/// console takes the change with the next page.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot console user add anna --role operator
  allot console user add ben --role trader --account account1
  allot console user add oY01WVirLr --role trader  trades at the desk, and sees no account
  allot console user add anna --role viewer < password.txt")]
pub(crate) struct Add {
    /// The name to log in with
    name: String,
    /// What the user may do: viewer, trader, operator or admin
    #[arg(long)]
    role: Role,
    /// An account that a trader sees; may be given several times
    #[arg(long = "account", value_name = "ID", value_parser = account)]
    accounts: Vec<AccountId>,
    #[command(flatten)]
    file: FileFlag,
}

/// List the users
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot console user list
  allot console user list --users /etc/allot/users.toml")]
pub(crate) struct List {
    #[command(flatten)]
    file: FileFlag,
}

/// Remove a user; their sessions end
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot console user remove anna")]
pub(crate) struct Remove {
    /// The name of the user
    name: String,
    #[command(flatten)]
    file: FileFlag,
}

/// Print a new token of a user, with which programs read positions
///
/// It is printed once, and the file has its hash alone. It reads what the user sees, and changes
/// nothing. The token before it counts no longer; a new password ends it too.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot console user token anna
  allot console user token anna --remove")]
pub(crate) struct Token {
    /// The name of the user
    name: String,
    /// Take the token away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    file: FileFlag,
}

/// Give a user a second factor: codes of an authenticator
///
/// Prints a secret for the authenticator, as a URL and to be typed, once. From then on the user
/// logs in with the password and the code that the authenticator shows (TOTP, RFC 6238). Sessions
/// without it end. Another secret replaces the one before.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot console user code anna
  allot console user code anna --remove  the authenticator is lost")]
pub(crate) struct Code {
    /// The name of the user
    name: String,
    /// Take the second factor away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    file: FileFlag,
}

#[derive(Args)]
struct FileFlag {
    /// File of the users
    #[arg(long, value_name = "FILE", default_value = FILE)]
    users: PathBuf,
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Changes or prints the file.
pub(super) fn run(pages: &UserPages) -> Result<ExitCode> {
    match &pages.page {
        UserPage::Add(Add { name, role, accounts, file }) => {
            let password = password()?;
            add_user(&file.users, name, *role, accounts, &password)?;
            print(&format!("{name} may log in as {role}, by {}", file.users.display()))?;
            if *role == Role::Trader && accounts.is_empty() {
                print(&format!(
                    "{name} sees no account of the positions, only the desk; --account ID names one"
                ))?;
            }
        }
        UserPage::List(List { file }) => {
            for (name, user) in read_users(&file.users)? {
                let code = if user.code_secret.is_some() { " with a code" } else { "" };
                let accounts = user.accounts.join(",");
                let line = format!("{name} {} {accounts}", user.role);
                print(&format!("{}{code}", line.trim_end()))?;
            }
        }
        UserPage::Token(Token { name, remove: true, file }) => {
            remove_token(&file.users, name)?;
            print(&format!("{name} has no token"))?;
        }
        UserPage::Token(Token { name, file, .. }) => print(&give_token(&file.users, name)?)?,
        UserPage::Code(Code { name, remove: true, file }) => {
            remove_code_secret(&file.users, name)?;
            print(&format!("{name} logs in with the password alone"))?;
        }
        UserPage::Code(Code { name, file, .. }) => {
            let made = give_code_secret(&file.users, name)?;
            print(&format!("{}\nsecret {}", made.url, made.secret))?;
        }
        UserPage::Remove(Remove { name, file }) => {
            remove_user(&file.users, name)?;
            print(&format!("{name} may no longer log in"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// From a terminal twice, and not shown; else a line of stdin.
fn password() -> Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return line();
    }
    let first = hidden("Password: ")?;
    let again = hidden("Again: ")?;
    ensure!(first == again, "the two passwords differ; nothing was changed");
    Ok(first)
}

fn hidden(prompt: &str) -> Result<String> {
    eprint!("{prompt}");
    io::stderr().flush()?;
    let stdin = io::stdin();
    let shown = tcgetattr(&stdin).context("cannot hide the password")?;
    let mut silent = shown.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).context("cannot hide the password")?;
    let read = line();
    tcsetattr(&stdin, OptionalActions::Flush, &shown).context("cannot show what is typed again")?;
    eprintln!();
    read
}

fn line() -> Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
