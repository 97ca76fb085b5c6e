//! Conservation: whatever comes, in whatever shards, nothing is made and nothing is lost.
//!
//! At every marker: an account's values over the residuals of all shards add up to those of the
//! fills it holds, and the shares of a ticker to what was bought less what was sold, busts undone.

use std::collections::BTreeMap;

use allot_allocation_rules::{AccountIndex, Bust, Fill, Input, Outcome, Part, Split, Weight};
use allot_domain::{AccountId, Price, Quantity, Seq, Side, SourceId, Ticker};
use proptest::prelude::*;

use super::firm::Firm;

const ACCOUNTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const TICKERS: u8 = 12;

#[derive(Clone, Debug)]
enum Step {
    Fill {
        side: Side,
        ticker: u8,
        quantity: u16,
        price: u16,
    },
    Bust {
        back: usize,
    },
    /// A weight for each account; none closes it.
    Split {
        weights: Vec<Option<u8>>,
    },
}

fn steps() -> impl Strategy<Value = Step> {
    let side = prop_oneof![3 => Just(Side::Buy), 1 => Just(Side::Sell)];
    let fill = (side, 0..TICKERS, 1..500_u16, 1..1_000_u16);
    let fill = fill.prop_map(|(side, ticker, quantity, price)| Step::Fill {
        side,
        ticker,
        quantity,
        price,
    });
    let weights = prop::collection::vec(prop::option::weighted(0.9, 0..100_u8), ACCOUNTS.len());
    let split = weights.prop_map(|weights| Step::Split { weights });
    let bust = (1..20_usize).prop_map(|back| Step::Bust { back });
    prop_oneof![40 => fill, 4 => bust, 1 => split]
}

/// A firm, and what its outcomes should add up to.
struct Books {
    firm: Firm,
    /// All that was sent, by its number less one: what a bust refers to.
    sent: Vec<Option<Fill>>,
    splits: u64,
    held: BTreeMap<Ticker, i128>,
    notional: i128,
}

impl Books {
    fn play(&mut self, step: &Step) {
        let seq = u64::try_from(self.sent.len()).unwrap() + 1;
        let source = SourceId::new(b"f").unwrap();
        match step {
            Step::Split { weights } => {
                self.splits += 1;
                if let Some(split) = split(self.splits, weights) {
                    self.firm.split(&split);
                    self.count();
                }
                return;
            }
            Step::Fill { side, ticker, quantity, price } => {
                let fill = Fill {
                    source,
                    seq: Seq::new(seq),
                    id: Seq::new(seq).into(),
                    time_ns: 0,
                    ticker: Ticker::new(format!("T{ticker}").as_bytes()).unwrap(),
                    side: *side,
                    price: Price::from_nanos((*price).into()).unwrap(),
                    quantity: Quantity::new((*quantity).into()).unwrap(),
                };
                self.sent.push(Some(fill));
                self.firm
                    .apply(fill.ticker.shard(self.firm.books.len()).index(), &Input::Fill(fill));
            }
            Step::Bust { back } => {
                let of = self.sent.len().saturating_sub(*back);
                let Some(Some(fill)) = self.sent.get(of).copied() else { return };
                let bust = Bust {
                    source,
                    seq: Seq::new(seq),
                    id: Seq::new(seq).into(),
                    time_ns: 0,
                    ticker: fill.ticker,
                    of: fill.seq.into(),
                };
                self.sent.push(None);
                self.firm
                    .apply(fill.ticker.shard(self.firm.books.len()).index(), &Input::Bust(bust));
            }
        }
        self.count();
        self.firm.tick();
    }

    /// Adds up what was divided and what was taken back.
    fn count(&mut self) {
        for outcome in &self.firm.outcomes.list {
            let (seq, sign) = match outcome {
                Outcome::Allocated(allocated) => (allocated.origin.seq, 1),
                Outcome::Busted { of, shares, .. } if !shares.is_empty() => {
                    (of.number().unwrap(), -1)
                }
                _ => continue,
            };
            let fill = self.sent[usize::try_from(seq.get()).unwrap() - 1].unwrap();
            let sign = if fill.side == Side::Buy { sign } else { -sign };
            let quantity = sign * i128::from(fill.quantity.get());
            *self.held.entry(fill.ticker).or_default() += quantity;
            self.notional += quantity * i128::from(fill.price.nanos());
        }
    }

    /// Compares the parts of the latest cut with the sums.
    fn check(&self) {
        let mut values: BTreeMap<AccountId, i128> = BTreeMap::new();
        let mut residual_values: BTreeMap<AccountId, i128> = BTreeMap::new();
        let mut held: BTreeMap<Ticker, i128> = BTreeMap::new();
        for part in &self.firm.parts {
            check_accounts(part, &mut values);
            let positions = part.positions.as_ref().unwrap();
            for account in &positions.accounts {
                let residuals = account.rank.map_or(0, |rank| part.values[rank.index()].nanos());
                *residual_values.entry(account.id).or_default() += residuals;
            }
            for row in &positions.rows {
                let shares = row.cells.iter().map(|cell| i128::from(cell.quantity));
                assert!(held.insert(row.ticker, shares.sum()).is_none(), "a ticker has one shard");
            }
        }
        let open = self.firm.parts[0].positions.as_ref().unwrap();
        for account in open.accounts.iter().filter(|account| account.rank.is_some()) {
            assert_eq!(residual_values[&account.id], values[&account.id], "{}", account.id);
        }
        assert_eq!(values.values().sum::<i128>(), self.notional);
        assert!(self.held.keys().all(|ticker| held.contains_key(ticker)));
        // A ticker of which nothing was ever divided has outcomes, such as refusals, and no shares.
        let divided = |ticker| self.held.get(ticker).copied().unwrap_or(0);
        assert!(held.iter().all(|(ticker, total)| divided(ticker) == *total && 0 <= *total));
    }
}

/// In one shard an account's value is that of its cells; adds it up over the shards.
fn check_accounts(part: &Part, values: &mut BTreeMap<AccountId, i128>) {
    let positions = part.positions.as_ref().unwrap();
    for (account, index) in positions.accounts.iter().zip((0..).map(AccountIndex::new)) {
        let cells = positions.rows.iter().flat_map(|row| &row.cells);
        let own = cells.filter(|cell| cell.account == index).map(|cell| cell.value.nanos());
        assert_eq!(own.sum::<i128>(), account.value.nanos(), "{}", account.id);
        *values.entry(account.id).or_default() += account.value.nanos();
    }
}

fn split(number: u64, weights: &[Option<u8>]) -> Option<Split> {
    let named = || ACCOUNTS.iter().zip(weights).filter_map(|(id, weight)| Some((*id, (*weight)?)));
    let sum: i128 = named().map(|(_, weight)| i128::from(weight)).sum();
    let percentage = |(id, weight): (&str, u8)| {
        let nanos = i128::from(weight) * 100_000_000_000 / sum;
        (AccountId::new(id.as_bytes()).unwrap(), Weight::from_nanos(id, nanos).unwrap())
    };
    let source = SourceId::new(b"aum").unwrap();
    (0 < sum)
        .then(|| Split::new(source, Seq::new(number), named().map(percentage).collect()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn shards_add_up_to_the_firm_at_every_cut(
        steps in prop::collection::vec(steps(), 1_000),
        shards in 1..9_usize,
        lag in prop::option::of(1..400_u64),
    ) {
        let (held, firm) = (BTreeMap::new(), Firm::new(shards, lag));
        let mut books = Books { firm, sent: Vec::new(), splits: 0, held, notional: 0 };
        let mut markers = 0;
        for step in &steps {
            books.play(step);
            if markers < books.firm.markers {
                markers = books.firm.markers;
                books.check();
            }
        }
        prop_assert!(3 < markers);
    }
}
