//! Random inputs: users, stocks and prices are few, so that they meet.

use allot_desk_rules::limits::SECOND_NS;
use allot_desk_rules::{
    Cents, Command, FileName, Input, Line, QuoteFailed, QuoteRetried, Symbol, Tick, User,
};
use allot_domain::Marker;
use proptest::prelude::*;

use crate::script::{quoted, request, symbol, transaction, user};

/// What an input is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    kind: u8,
    user: u8,
    symbol: u8,
    amount: u16,
    pause: u8,
    again: u8,
}

pub(crate) fn choices(most: usize) -> impl Strategy<Value = Vec<Choice>> {
    let choice = (0..34_u8, 0..4_u8, 0..3_u8, 0..400_u16, 0..40_u8, 0..12_u8);
    let choice = choice.prop_map(|(kind, user, symbol, amount, pause, again)| Choice {
        kind,
        user,
        symbol,
        amount,
        pause,
        again,
    });
    prop::collection::vec(choice, 1..most)
}

/// The inputs: time rises, and most messages have names of their own.
pub(crate) fn inputs(choices: &[Choice]) -> Vec<Input> {
    let (mut time_ns, mut inputs): (u64, Vec<Input>) = (SECOND_NS, Vec::new());
    for (choice, number) in choices.iter().zip(1..) {
        time_ns += pause(choice.pause);
        let before = inputs.last();
        let input = match before {
            Some(Input::Command(request)) if choice.again == 0 => {
                let mut request = request.clone();
                request.time_ns = time_ns;
                Input::Command(request)
            }
            // The name of the message before, for something else.
            Some(_) if choice.again == 1 => input(choice, number - 1, time_ns),
            _ => input(choice, number, time_ns),
        };
        inputs.push(input);
    }
    inputs
}

/// Most inputs follow at once, some after what lets things expire.
fn pause(pause: u8) -> u64 {
    match pause {
        0..=19 => 0,
        20..=34 => u64::from(pause) * SECOND_NS / 20,
        35..=37 => u64::from(pause - 30) * SECOND_NS,
        38 => 31 * SECOND_NS,
        _ => 61 * SECOND_NS,
    }
}

fn input(choice: &Choice, number: u64, time_ns: u64) -> Input {
    let of = symbol(["A", "B", "C"][usize::from(choice.symbol)]);
    let price = Cents::new(u64::from(choice.amount % 12 + 1) * 100);
    match choice.kind {
        0..=5 => quoted(of, price, time_ns),
        6 => Input::QuoteFailed(QuoteFailed { symbol: of, time_ns }),
        7 if choice.amount.is_multiple_of(3) => Input::QuoteRetried(QuoteRetried {
            symbol: of,
            asked_by: user("u"),
            transaction: None,
            fault: "late".into(),
            time_ns,
        }),
        7 if choice.amount.is_multiple_of(2) => Input::Tick(Tick { time_ns }),
        7 => Input::Marker(Marker { number, time_ns, report: false }),
        8 => request(line(None, Command::DumpLog(file(number))), number, time_ns),
        kind => {
            let who = user(["u", "v", "w", "x"][usize::from(choice.user)]);
            let amount = Cents::new(u64::from(choice.amount) * 25);
            request(line(Some(who), command(kind, of, amount, price)), number, time_ns)
        }
    }
}

fn line(user: Option<User>, command: Command) -> Line {
    Line { transaction: transaction(7), user, command }
}

/// One of more names than a user's log may have.
fn file(number: u64) -> FileName {
    FileName::new(&format!("file{}", number % 20)).unwrap()
}

fn command(kind: u8, of: Symbol, amount: Cents, price: Cents) -> Command {
    match kind {
        9..=11 => Command::Add(amount),
        12 => Command::Quote(of),
        13..=15 => Command::Buy(of, amount),
        16..=18 => Command::CommitBuy,
        19 => Command::CancelBuy,
        20 | 21 => Command::Sell(of, amount),
        22 => Command::CommitSell,
        23 => Command::CancelSell,
        24 | 25 => Command::SetBuyAmount(of, amount),
        26 | 27 => Command::SetBuyTrigger(of, price),
        28 => Command::CancelSetBuy(of),
        29 => Command::SetSellAmount(of, amount),
        30 => Command::SetSellTrigger(of, price),
        31 => Command::CancelSetSell(of),
        32 => Command::DumpLog(file(amount.get() / 25)),
        _ => Command::DisplaySummary,
    }
}
