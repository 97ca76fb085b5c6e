//! Commands: what users send, the same sequence in each run.
//!
//! ```text
//!   1 … users        each opens an account with an ADD
//!   … then           each buys what it is to hold: BUY and COMMIT_BUY, stock by stock
//!   … then           commands drawn from the mix of the course's largest workload
//! ```
//!
//! A user trades a few stocks only, as people do: else a sale would hardly ever find its shares.

use allot_desk_rules::CommandName;
use allot_domain::{SourceId, mix};

/// Stocks that a user trades.
const STOCKS_EACH: u64 = 8;

/// Places from which users and stocks are drawn when some come more often than others.
const DECK: u64 = 1 << 20;

/// How often each command comes among 1,000, in the final workload of the course. Its DUMPLOG comes
/// once, at the end.
const MIX: [(CommandName, usize); 15] = [
    (CommandName::Buy, 141),
    (CommandName::Quote, 131),
    (CommandName::Add, 111),
    (CommandName::DisplaySummary, 90),
    (CommandName::SetBuyTrigger, 84),
    (CommandName::CommitBuy, 82),
    (CommandName::SetSellTrigger, 73),
    (CommandName::Sell, 63),
    (CommandName::SetBuyAmount, 49),
    (CommandName::SetSellAmount, 45),
    (CommandName::CommitSell, 44),
    (CommandName::CancelBuy, 24),
    (CommandName::CancelSetSell, 24),
    (CommandName::CancelSell, 20),
    (CommandName::CancelSetBuy, 20),
];

/// Who sends how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    pub(super) users: u32,
    pub(super) stocks: u32,
    /// Whether the n-th user and the n-th stock come a n-th as often as the first, instead of all
    /// equally often.
    pub(super) skewed: bool,
    /// Stocks that each user buys before anything else.
    pub(super) held: u32,
}

/// An endless sequence of commands: number `seq` is always the same.
pub(super) struct Commands {
    shape: Shape,
    users: Drawing,
    stocks: Drawing,
    mix: Vec<CommandName>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Drawn {
    pub(super) user: u32,
    pub(super) name: CommandName,
    symbol: u32,
    cents: u64,
}

/// How one of many is drawn.
enum Drawing {
    Equally(u64),
    Deck(Vec<u32>),
}

impl Drawing {
    fn new(count: u32, skewed: bool) -> Self {
        if !skewed {
            return Self::Equally(count.into());
        }
        let weights = || (1..=count).map(|rank| 1.0 / f64::from(rank));
        let all: f64 = weights().sum();
        let (mut deck, mut sum) = (Vec::new(), 0.0);
        for (place, weight) in (0..count).zip(weights()) {
            sum += weight;
            // The first places up to the share of all that came so far are theirs.
            while (deck.len() as f64) < sum / all * DECK as f64 {
                deck.push(place);
            }
        }
        Self::Deck(deck)
    }

    fn draw(&self, random: u64) -> u32 {
        let place = match self {
            Self::Equally(count) => return u32::try_from(random % count).expect("it was one"),
            Self::Deck(deck) => random % u64::try_from(deck.len()).expect("a usize fits"),
        };
        let Self::Deck(deck) = self else { unreachable!("it is a deck") };
        deck[usize::try_from(place).expect("less than its length")]
    }
}

impl Commands {
    pub(super) fn new(shape: Shape) -> Self {
        let mix = MIX.iter().flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
        Self {
            shape,
            users: Drawing::new(shape.users, shape.skewed),
            stocks: Drawing::new(shape.stocks, shape.skewed),
            mix: mix.collect(),
        }
    }

    /// How many commands open accounts.
    pub(super) fn opening(&self) -> u64 {
        self.shape.users.into()
    }

    /// How many commands come before those that are drawn.
    pub(super) fn prepared(&self) -> u64 {
        self.opening() * (1 + 2 * u64::from(self.shape.held))
    }

    /// Command number `seq`, from 1.
    pub(super) fn draw(&self, seq: u64) -> Drawn {
        let random = mix(seq.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if self.prepared() < seq {
            return self.draw_mixed(random);
        }
        let (place, users) = (seq - 1, self.opening());
        let user = u32::try_from(place % users).expect("less than the users");
        let round = place / users;
        let (name, cents) = match round {
            0 => (CommandName::Add, 10_000_000),
            odd if odd % 2 == 1 => (CommandName::Buy, 100_000),
            _ => (CommandName::CommitBuy, 0),
        };
        Drawn { user, name, symbol: self.stock_of(user, round / 2), cents }
    }

    fn draw_mixed(&self, random: u64) -> Drawn {
        let user = self.users.draw(random >> 24);
        let again = mix(random);
        let place = usize::try_from(again % 1_001).expect("small");
        let name = self.mix[place];
        let amount = mix(again);
        let cents = match name {
            // From 1,000 to 100,000 of the currency.
            CommandName::Add => 100_000 + amount % 9_900_000,
            // The price of a share, from 5 to 500.
            CommandName::SetBuyTrigger | CommandName::SetSellTrigger => 500 + amount % 49_500,
            _ => 5_000 + amount % 95_000,
        };
        Drawn { user, name, symbol: self.stock_of(user, again >> 32), cents }
    }

    /// One of the few stocks of a user.
    fn stock_of(&self, user: u32, place: u64) -> u32 {
        self.stocks.draw(mix(u64::from(user) * STOCKS_EACH + place % STOCKS_EACH + 1))
    }

    /// Appends the binary record of command number `seq`, as docs/WIRE-DESK.md has it.
    pub(super) fn write(&self, source: &SourceId, seq: u64, record: &mut Vec<u8>) {
        let Drawn { user, name, symbol, cents } = self.draw(seq);
        record.extend_from_slice(&user_bytes(user));
        record.extend_from_slice(&seq.to_le_bytes());
        record.extend_from_slice(&length(source.as_bytes()).to_le_bytes());
        record.extend_from_slice(source.as_bytes());
        // The number of the transaction, as in brackets in a workload.
        record.extend_from_slice(&seq.to_le_bytes());
        record.push(Self::byte(name));
        record.extend_from_slice(&if has_symbol(name) { symbol_bytes(symbol) } else { [0; 3] });
        record.extend_from_slice(&if has_cents(name) { cents } else { 0 }.to_le_bytes());
        record.extend_from_slice(&0_u64.to_le_bytes());
    }

    fn byte(name: CommandName) -> u8 {
        let place = CommandName::ALL.iter().position(|known| *known == name);
        u8::try_from(place.expect("every name is in the list")).expect("there are sixteen")
    }
}

/// The number of the answer to a command that is not refused.
pub(super) const fn answer_number(name: CommandName) -> u32 {
    match name {
        CommandName::Add => 0,
        CommandName::Quote => 1,
        CommandName::Buy | CommandName::Sell => 2,
        CommandName::CommitBuy | CommandName::CommitSell => 3,
        CommandName::CancelBuy | CommandName::CancelSell => 4,
        CommandName::SetBuyAmount | CommandName::SetSellAmount => 5,
        CommandName::SetBuyTrigger | CommandName::SetSellTrigger => 6,
        CommandName::CancelSetBuy | CommandName::CancelSetSell => 7,
        CommandName::DumpLog => 8,
        CommandName::DisplaySummary => 9,
    }
}

const fn has_symbol(name: CommandName) -> bool {
    !matches!(answer_number(name), 0 | 3 | 4 | 8 | 9)
}

const fn has_cents(name: CommandName) -> bool {
    matches!(answer_number(name), 0 | 2 | 5 | 6)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a usize fits")
}

/// Ten characters, as users of the course have, and zeros.
fn user_bytes(user: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut rest = user;
    for byte in bytes[..10].iter_mut().rev() {
        *byte = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
    }
    bytes[0] = b'u';
    bytes
}

/// Three letters.
fn symbol_bytes(symbol: u32) -> [u8; 3] {
    let letter = |place: u32| b'A' + u8::try_from(place % 26).expect("a letter");
    [letter(symbol / 676), letter(symbol / 26), letter(symbol)]
}

#[cfg(test)]
mod tests {
    use allot_desk_service::{Request, RequestKind, decode_request, encode_request};

    use super::*;

    fn commands(skewed: bool) -> Commands {
        Commands::new(Shape { users: 100, stocks: 50, skewed, held: 2 })
    }

    #[test]
    fn records_are_those_that_the_desk_writes() {
        let source = SourceId::new(b"bench-1").unwrap();
        for skewed in [false, true] {
            let commands = commands(skewed);
            for seq in 1..2_000 {
                let (mut record, mut again) = (Vec::new(), Vec::new());
                commands.write(&source, seq, &mut record);
                let request = decode_request(RequestKind::Command, &record).unwrap();
                encode_request(&request, &mut again);
                assert_eq!(record, again);
                let Request::Command(request) = request else { panic!("it is a command") };
                assert_eq!(request.command.name(), commands.draw(seq).name);
            }
        }
    }

    #[test]
    fn users_open_accounts_then_buy_then_do_what_the_mix_has() {
        let commands = commands(false);
        assert_eq!((commands.opening(), commands.prepared()), (100, 500));
        let name = |seq| commands.draw(seq).name;
        assert_eq!(
            [1, 100, 101, 201, 301, 401].map(name),
            [
                CommandName::Add,
                CommandName::Add,
                CommandName::Buy,
                CommandName::CommitBuy,
                CommandName::Buy,
                CommandName::CommitBuy,
            ]
        );
        let buys = (501..10_501).filter(|seq| name(*seq) == CommandName::Buy).count();
        assert!((1_200..1_600).contains(&buys), "{buys}");
    }

    #[test]
    fn the_first_comes_twice_as_often_as_the_second_where_some_come_more_often() {
        let commands = commands(true);
        let of = |user| (501..100_501).filter(|seq| commands.draw(*seq).user == user).count();
        let (first, second, last) = (of(0), of(1), of(99));
        assert!(second * 18 < first * 10 && first * 10 < second * 22, "{first} {second}");
        assert!(0 < last, "everybody comes");
    }
}
