//! Refusal: the bytes of a rejection that is kept, as a snapshot has them.
//!
//! ```text
//!   number 1 │ command 1 │ symbol 3 │ two numbers of 8, with zeros for what it does not have
//! ```

use alloc::vec::Vec;

use allot_domain::snapshot::{Cursor, SnapshotError, ensure};

use crate::{
    CashShortage, Cents, CommandName, Limit, PriceGap, Reject, ShareShortage, Shares, Symbol,
};

/// What the numbers of rejections begin with: those of answers are below.
pub(crate) const FIRST: u8 = 16;

/// What a rejection holds.
#[derive(Clone, Copy)]
struct Fields {
    command: Option<CommandName>,
    symbol: Option<Symbol>,
    numbers: [u64; 2],
}

const NONE: Fields = Fields { command: None, symbol: None, numbers: [0; 2] };

const fn of(symbol: Symbol) -> Fields {
    Fields { symbol: Some(symbol), ..NONE }
}

/// Appends a rejection.
///
/// # Panics
/// If it is none that is kept.
pub(crate) fn save(reject: &Reject, out: &mut Vec<u8>) {
    let (number, fields) = match *reject {
        Reject::TooManyPositions => (0, NONE),
        Reject::NoPendingBuy => (1, NONE),
        Reject::NoPendingSell => (2, NONE),
        Reject::NoSetBuy(symbol) => (3, of(symbol)),
        Reject::NoSetSell(symbol) => (4, of(symbol)),
        Reject::NoQuote(symbol) => (5, of(symbol)),
        Reject::QuoteTimeout(symbol) => (6, of(symbol)),
        Reject::InsufficientCash(CashShortage { command, needs, free }) => {
            let numbers = [needs.get(), free.get()];
            (7, Fields { command: Some(command), symbol: None, numbers })
        }
        Reject::AmountBelowPrice(PriceGap { command, amount, price }) => {
            let numbers = [amount.get(), price.get()];
            (8, Fields { command: Some(command), symbol: None, numbers })
        }
        Reject::InsufficientShares(ShareShortage { command, symbol, needs, free }) => {
            let numbers = [needs.get(), free.get()];
            (9, Fields { command: Some(command), symbol: Some(symbol), numbers })
        }
        Reject::ExceedsLimits(Limit::Money) => (10, NONE),
        Reject::ExceedsLimits(Limit::Shares) => (11, NONE),
        Reject::TooManyLogs => (12, NONE),
        _ => unreachable!("only final rejections are kept"),
    };
    let place = |command| CommandName::ALL.iter().position(|known| *known == command);
    let command = fields
        .command
        .and_then(place)
        .map_or(u8::MAX, |place| u8::try_from(place).expect("there are sixteen commands"));
    out.extend_from_slice(&[FIRST + number, command]);
    out.extend_from_slice(&fields.symbol.map_or([0; 3], Symbol::padded));
    fields.numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

/// Reads what [`save`] wrote, behind its number.
pub(crate) fn load(number: u8, cursor: &mut Cursor<'_>) -> Result<Reject, SnapshotError> {
    let broken = SnapshotError::Broken("a rejection that is none");
    let (place, padded) = (cursor.u8()?, cursor.array()?);
    let command = CommandName::ALL.get(usize::from(place)).copied();
    let symbol = Symbol::from_padded(padded);
    let is_known =
        (command.is_some() || place == u8::MAX) && (symbol.is_some() || padded == [0; 3]);
    ensure(is_known, "a rejection with too much")?;
    let numbers = [cursor.u64()?, cursor.u64()?];
    let ([first, second], named) = (numbers.map(Cents::new), command.zip(symbol));
    let reject = match (number.wrapping_sub(FIRST), command, symbol) {
        (0, ..) => Reject::TooManyPositions,
        (1, ..) => Reject::NoPendingBuy,
        (2, ..) => Reject::NoPendingSell,
        (3, _, Some(symbol)) => Reject::NoSetBuy(symbol),
        (4, _, Some(symbol)) => Reject::NoSetSell(symbol),
        (5, _, Some(symbol)) => Reject::NoQuote(symbol),
        (6, _, Some(symbol)) => Reject::QuoteTimeout(symbol),
        (7, Some(command), _) => {
            Reject::InsufficientCash(CashShortage { command, needs: first, free: second })
        }
        (8, Some(command), _) => {
            Reject::AmountBelowPrice(PriceGap { command, amount: first, price: second })
        }
        (9, ..) => {
            let (command, symbol) = named.ok_or(broken)?;
            let [needs, free] = numbers.map(Shares::new);
            Reject::InsufficientShares(ShareShortage { command, symbol, needs, free })
        }
        (10, ..) => Reject::ExceedsLimits(Limit::Money),
        (11, ..) => Reject::ExceedsLimits(Limit::Shares),
        (12, ..) => Reject::TooManyLogs,
        _ => return Err(broken),
    };
    let has_command = matches!(number - FIRST, 7..=9);
    let has_numbers = has_command || numbers == [0; 2];
    let has_symbol = matches!(number - FIRST, 3..=6 | 9);
    let is_exact = command.is_some() == has_command && symbol.is_some() == has_symbol;
    ensure(is_exact && has_numbers, "a rejection with too much")?;
    Ok(reject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_that_is_kept_reads_back() {
        let (command, symbol) = (CommandName::Sell, Symbol::new(b"AB").unwrap());
        let (small, large) = (Cents::new(1), Cents::new(u64::MAX));
        let (few, many) = (Shares::new(1), Shares::new(u64::MAX));
        for reject in [
            Reject::TooManyPositions,
            Reject::NoPendingBuy,
            Reject::NoPendingSell,
            Reject::NoSetBuy(symbol),
            Reject::NoSetSell(symbol),
            Reject::NoQuote(symbol),
            Reject::QuoteTimeout(symbol),
            Reject::InsufficientCash(CashShortage { command, needs: large, free: small }),
            Reject::AmountBelowPrice(PriceGap { command, amount: small, price: large }),
            Reject::InsufficientShares(ShareShortage { command, symbol, needs: many, free: few }),
            Reject::ExceedsLimits(Limit::Money),
            Reject::ExceedsLimits(Limit::Shares),
            Reject::TooManyLogs,
        ] {
            assert!(reject.is_final(), "{reject}");
            let mut bytes = Vec::new();
            save(&reject, &mut bytes);
            let mut cursor = Cursor::new(&bytes);
            let number = cursor.u8().unwrap();
            let read = load(number, &mut cursor).unwrap();
            let mut again = Vec::new();
            save(&read, &mut again);
            cursor.end().unwrap();
            assert_eq!((read, again), (reject, bytes));
        }
    }
}
