//! Line: a command as the workload files of the course write it.
//!
//! ```text
//!   [7] BUY,oY01WVirLr,S,276.83      the number is optional, spaces at the ends count for nothing
//! ```

use core::fmt;
use core::num::NonZeroU64;

use crate::{Cents, Command, CommandName, FileName, Reject, Symbol, User};

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The number in brackets.
    pub transaction: Option<NonZeroU64>,
    /// The user; none in a DUMPLOG of all.
    pub user: Option<User>,
    /// What is asked for.
    pub command: Command,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// The first reason by which it is none.
    pub fn parse(line: &str) -> Result<Self, Reject> {
        let (transaction, text) = Self::split_number(line.trim())?;
        let mut fields = text.split(',');
        let name = CommandName::parse(fields.next().unwrap_or(""))?;
        let mut arguments = [""; 3];
        let mut count = 0;
        for field in fields {
            *arguments.get_mut(count).ok_or(Reject::WrongArguments(name))? = field;
            count += 1;
        }
        let (user, command) = Self::command(name, &arguments[..count])?;
        command.check()?;
        Ok(Self { transaction, user, command })
    }

    fn split_number(line: &str) -> Result<(Option<NonZeroU64>, &str), Reject> {
        let Some(rest) = line.strip_prefix('[') else {
            return Ok((None, line));
        };
        let bad = |text: &str| Reject::BadTransaction(Reject::quote(text));
        let (number, rest) = rest.split_once(']').ok_or_else(|| bad(rest))?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = number.parse().ok().filter(|_| is_number);
        Ok((Some(parsed.ok_or_else(|| bad(number))?), rest.trim_start()))
    }

    fn command(name: CommandName, arguments: &[&str]) -> Result<(Option<User>, Command), Reject> {
        if let (CommandName::DumpLog, [file]) = (name, arguments) {
            return Ok((None, Command::DumpLog(FileName::new(file)?)));
        }
        let (user, arguments) = arguments.split_first().ok_or(Reject::WrongArguments(name))?;
        let user = User::new(user.as_bytes())?;
        let command = match (name, arguments) {
            (CommandName::CommitBuy, []) => Command::CommitBuy,
            (CommandName::CancelBuy, []) => Command::CancelBuy,
            (CommandName::CommitSell, []) => Command::CommitSell,
            (CommandName::CancelSell, []) => Command::CancelSell,
            (CommandName::DisplaySummary, []) => Command::DisplaySummary,
            (CommandName::Add, [amount]) => Command::Add(Cents::parse(amount)?),
            (CommandName::DumpLog, [file]) => Command::DumpLog(FileName::new(file)?),
            (_, [symbol]) => Self::of_symbol(name, symbol)?,
            (_, [symbol, amount]) => Self::of_amount(name, symbol, amount)?,
            _ => return Err(Reject::WrongArguments(name)),
        };
        Ok((Some(user), command))
    }

    fn of_symbol(name: CommandName, symbol: &str) -> Result<Command, Reject> {
        let make = match name {
            CommandName::Quote => Command::Quote,
            CommandName::CancelSetBuy => Command::CancelSetBuy,
            CommandName::CancelSetSell => Command::CancelSetSell,
            _ => return Err(Reject::WrongArguments(name)),
        };
        Ok(make(Symbol::new(symbol.as_bytes())?))
    }

    fn of_amount(name: CommandName, symbol: &str, amount: &str) -> Result<Command, Reject> {
        let make = match name {
            CommandName::Buy => Command::Buy,
            CommandName::Sell => Command::Sell,
            CommandName::SetBuyAmount => Command::SetBuyAmount,
            CommandName::SetBuyTrigger => Command::SetBuyTrigger,
            CommandName::SetSellAmount => Command::SetSellAmount,
            CommandName::SetSellTrigger => Command::SetSellTrigger,
            _ => return Err(Reject::WrongArguments(name)),
        };
        Ok(make(Symbol::new(symbol.as_bytes())?, Cents::parse(amount)?))
    }
}

/// As much of a line as says whose it is, though the rest may be no command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineHead {
    /// The number in brackets, if it is one.
    pub transaction: Option<NonZeroU64>,
    /// The name of the command, if it is one.
    pub name: Option<CommandName>,
    /// The user.
    pub user: User,
    /// The stock, if the command has one.
    pub symbol: Option<Symbol>,
}

impl LineHead {
    /// Reads it; none where the line names no user.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let (transaction, text) = Line::split_number(line).unwrap_or_else(|_| {
            let behind = line.split_once(']').map_or(line, |(_, text)| text);
            (None, behind.trim_start())
        });
        let mut fields = text.split(',');
        let name = CommandName::parse(fields.next()?).ok();
        let user = User::new(fields.next()?.as_bytes()).ok()?;
        let third = fields.next();
        if name == Some(CommandName::DumpLog) && third.is_none() {
            // It is the file of a DUMPLOG of all.
            return None;
        }
        let has_symbol = name.is_some_and(|name| name.arguments().contains("SYMBOL"));
        let symbol = third.filter(|_| has_symbol);
        let symbol = symbol.and_then(|symbol| Symbol::new(symbol.as_bytes()).ok());
        Some(Self { transaction, name, user, symbol })
    }
}

impl fmt::Display for Line {
    /// As [`Line::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(transaction) = self.transaction {
            write!(f, "[{transaction}] ")?;
        }
        f.write_str(self.command.name().as_str())?;
        if let Some(user) = &self.user {
            write!(f, ",{user}")?;
        }
        if let Some(symbol) = self.command.symbol() {
            write!(f, ",{symbol}")?;
        }
        if let Some(amount) = self.command.amount() {
            write!(f, ",{amount}")?;
        }
        if let Some(file) = self.command.file() {
            write!(f, ",{file}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_read_is_written_as_it_would_be_read(
            number in r"(\[[0-9]{1,3}\] ?)?",
            word in "[A-Z_]{3,16}",
            rest in r"(,[a-zA-Z0-9./]{1,5}){0,3}(,[0-9]{1,12}(\.[0-9]{1,3})?)?",
            name in 0..CommandName::ALL.len(),
            is_command in any::<bool>(),
        ) {
            let name = if is_command { CommandName::ALL[name].as_str() } else { &word };
            let text = format!("{number}{name}{rest}");
            if let Ok(line) = Line::parse(&text) {
                prop_assert_eq!(Line::parse(&line.to_string()), Ok(line));
            }
        }

        #[test]
        fn whatever_it_is_a_line_is_read_or_refused(text in ".{0,60}") {
            let _ = Line::parse(&text);
        }
    }

    #[test]
    fn lines_are_read_as_the_workloads_write_them() {
        for (text, number, user, name) in [
            ("[1] ADD,oY01WVirLr,63511.53 ", Some(1), Some("oY01WVirLr"), "ADD"),
            ("QUOTE,u,S", None, Some("u"), "QUOTE"),
            ("[10000] DUMPLOG,./testLOG ", Some(10_000), None, "DUMPLOG"),
            ("DUMPLOG,u,./file", None, Some("u"), "DUMPLOG"),
            ("[5] COMMIT_SELL,u\r\n", Some(5), Some("u"), "COMMIT_SELL"),
            ("SET_SELL_TRIGGER,u,ABC,1", None, Some("u"), "SET_SELL_TRIGGER"),
        ] {
            let line = Line::parse(text).unwrap();
            assert_eq!(line.transaction.map(NonZeroU64::get), number, "{text}");
            assert_eq!(line.user.as_ref().map(User::as_str), user, "{text}");
            assert_eq!(line.command.name().as_str(), name, "{text}");
        }
    }

    #[test]
    fn whose_a_line_is_can_be_read_though_it_is_no_command() {
        for (text, transaction, name, user, symbol) in [
            ("ADD,z,-5", None, Some("ADD"), Some("z"), None),
            ("[7] BUY,z,ABC", Some(7), Some("BUY"), Some("z"), Some("ABC")),
            ("[x] BUY,z,ABCD,1", None, Some("BUY"), Some("z"), None),
            ("[7] GIVE,z,ABC", Some(7), None, Some("z"), None),
            ("ADD,z,1,2,3,4,5", None, Some("ADD"), Some("z"), None),
            ("DUMPLOG,z,../x", None, Some("DUMPLOG"), Some("z"), None),
            ("DUMPLOG,../x", None, None, None, None),
            ("ADD", None, None, None, None),
            ("ADD,,1", None, None, None, None),
            ("nonsense", None, None, None, None),
        ] {
            let head = LineHead::read(text);
            let read = head.as_ref();
            let number = read.and_then(|head| head.transaction).map(NonZeroU64::get);
            assert_eq!(number, transaction, "{text}");
            let read_name = read.and_then(|head| head.name).map(CommandName::as_str);
            assert_eq!(read_name, name, "{text}");
            assert_eq!(read.map(|head| head.user.as_str()), user, "{text}");
            let stock = read.and_then(|head| head.symbol);
            assert_eq!(stock.as_ref().map(Symbol::as_str), symbol, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_code() {
        for (text, code) in [
            ("", "unknown_command"),
            ("add,u,1", "unknown_command"),
            ("ADD", "wrong_arguments"),
            ("ADD,u", "wrong_arguments"),
            ("ADD,u,1,2", "wrong_arguments"),
            ("ADD,u,A,1", "wrong_arguments"),
            ("BUY,u,A", "wrong_arguments"),
            ("BUY,u,A,1,2", "wrong_arguments"),
            ("COMMIT_BUY,u,A", "wrong_arguments"),
            ("DISPLAY_SUMMARY", "wrong_arguments"),
            ("DUMPLOG", "wrong_arguments"),
            ("[0] ADD,u,1", "bad_transaction"),
            ("[x] ADD,u,1", "bad_transaction"),
            ("[+1] ADD,u,1", "bad_transaction"),
            ("[1 ADD,u,1", "bad_transaction"),
            ("[18446744073709551616] ADD,u,1", "bad_transaction"),
            ("ADD,,1", "bad_user"),
            ("ADD,a b,1", "bad_user"),
            ("BUY,u,ABCD,1", "bad_symbol"),
            ("BUY,u,,1", "bad_symbol"),
            ("DUMPLOG,u,", "bad_file"),
            ("DUMPLOG,a b", "bad_file"),
            ("ADD,u,x", "amount_malformed"),
            ("ADD,u,", "amount_malformed"),
            ("ADD,u,1.005", "amount_malformed"),
            ("ADD,u,-1", "amount_must_be_positive"),
            ("ADD,u,0.00", "amount_must_be_positive"),
            ("SET_BUY_TRIGGER,u,A,1000000.01", "amount_too_large"),
            ("BUY,u,A,10000000000.01", "amount_too_large"),
        ] {
            assert_eq!(Line::parse(text).unwrap_err().code(), code, "{text}");
        }
    }
}
