//! Weights: the splits that the AUM server sends.
//!
//! They are exact: percentages are counted in 1e-9 of a percent, and those that are made here add
//! up to exactly 100.

mod weights_error;
mod random;
mod drift;
mod file;

use std::collections::VecDeque;

use allot_allocation_rules::Reject;
use allot_allocation_rules::limits::{ACCOUNTS_MAX, WEIGHT_TOLERANCE, WEIGHT_TOTAL};
use allot_allocation_rules::{Split, Weight};
use allot_domain::{AccountId, Seq, SourceId};

use crate::{FeedError, plural};
use drift::Drift;
use file::WeightsFile;
use random::RandomWeights;
pub use weights_error::WeightsError;

/// A source of splits.
pub struct Weights {
    kind: Kind,
    /// Accounts that every split may close although they hold shares.
    closes: Vec<AccountId>,
}

/// What a split is to say, apart from its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The weight of each account, by the rules of the front door.
    pub weights: Vec<(AccountId, Weight)>,
    /// The accounts that it may close although they hold shares; none of them has a weight.
    pub closes: Vec<AccountId>,
}

enum Kind {
    Random(RandomWeights),
    Fixed(Vec<(AccountId, Weight)>),
    Series(VecDeque<Target>),
    Drift(Drift),
    File(WeightsFile),
}

/// What there is to send at a tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WeightsPull {
    /// A valid split.
    Weights(Target),
    /// Nothing; the split in force stays.
    Bad {
        /// The file that should have had the weights.
        file: String,
        /// What is wrong with it.
        cause: WeightsError,
    },
    /// Nothing more.
    Done,
}

impl Weights {
    /// Completely random percentages each time: every split of 100 is equally likely.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: no accounts, too many, or one of them twice.
    pub fn random(accounts: Vec<AccountId>, seed: u64) -> Result<Self, FeedError> {
        equal(&accounts)?;
        Ok(Self::of(Kind::Random(RandomWeights::new(accounts, seed))))
    }

    /// The same each time, read from text such as `a=40,b=60`.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: not a split by the rules of the front door.
    pub fn fixed(text: &str) -> Result<Self, FeedError> {
        Ok(Self::of(Kind::Fixed(parse(text)?)))
    }

    /// These, one after the other, each once.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: one of them is not a split by the rules of the front door.
    pub fn series(splits: Vec<Target>) -> Result<Self, FeedError> {
        let number = |index: usize| format!("split {}", index + 1);
        let checked = splits.into_iter().enumerate().map(|(index, target)| {
            let invalid = |reject| FeedError::setting("series of weights", &number(index), reject);
            target.checked().map_err(invalid)
        });
        Ok(Self::of(Kind::Series(checked.collect::<Result<_, _>>()?)))
    }

    /// Equal weights at first; then each account's moves at random, by at most `step` percent of
    /// itself at a time.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: as for [`Weights::random`], or the step is not a percentage above
    /// zero and up to 100.
    pub fn drift(accounts: &[AccountId], step: &str, seed: u64) -> Result<Self, FeedError> {
        Self::drift_from(equal(accounts)?, step, seed)
    }

    /// As [`Weights::drift`], beginning with weights such as `a=40,b=60`.
    ///
    /// # Errors
    /// As for [`Weights::fixed`] and [`Weights::drift`].
    pub fn drift_of(weights: &str, step: &str, seed: u64) -> Result<Self, FeedError> {
        Self::drift_from(parse(weights)?, step, seed)
    }

    fn drift_from(
        weights: Vec<(AccountId, Weight)>,
        step: &str,
        seed: u64,
    ) -> Result<Self, FeedError> {
        let percent = Weight::parse("the drift", step).ok();
        let percent = percent.filter(|percent| (1..=WEIGHT_TOTAL).contains(&percent.nanos()));
        let expected = "expected a percentage above zero and up to 100, such as 2.5";
        let percent = percent.ok_or_else(|| FeedError::setting("drift", step, expected))?;
        Ok(Self::of(Kind::Drift(Drift::new(weights, percent, seed))))
    }

    /// Those of a file: a JSON object or CSV with the columns `account` and `weight`, read again at
    /// every tick; or several JSON objects, each sent once.
    ///
    /// # Errors
    /// [`FeedError::BadWeights`].
    pub fn file(path: &str) -> Result<Self, FeedError> {
        Ok(Self::of(Kind::File(WeightsFile::open(path)?)))
    }

    /// What there is to send at this tick.
    pub fn pull(&mut self) -> WeightsPull {
        let mut pull = match &mut self.kind {
            Kind::Random(random) => WeightsPull::Weights(random.next().into()),
            Kind::Fixed(weights) => WeightsPull::Weights(weights.clone().into()),
            Kind::Series(splits) => {
                splits.pop_front().map_or(WeightsPull::Done, WeightsPull::Weights)
            }
            Kind::Drift(drift) => WeightsPull::Weights(drift.next().into()),
            Kind::File(file) => file.next(),
        };
        if let WeightsPull::Weights(target) = &mut pull {
            target.close(&self.closes);
        }
        pull
    }

    /// The same, where each split may close these accounts although they hold shares, as long as
    /// it gives them no weight.
    #[must_use]
    pub fn closing(mut self, closes: Vec<AccountId>) -> Self {
        self.closes = closes;
        self
    }

    const fn of(kind: Kind) -> Self {
        Self { kind, closes: Vec::new() }
    }

    /// `account1` to `account<count>`, as the brief calls them.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: none, or more than a split may have.
    #[expect(clippy::missing_panics_doc, reason = "the names are good")]
    pub fn accounts(count: usize) -> Result<Vec<AccountId>, FeedError> {
        if !(1..=ACCOUNTS_MAX).contains(&count) {
            let expected = format!("expected a number from 1 to {ACCOUNTS_MAX}");
            return Err(FeedError::setting("number of accounts", &count.to_string(), expected));
        }
        let account = |number| AccountId::new(format!("account{number}").as_bytes());
        Ok((1..=count).map(|number| account(number).expect("short and plain")).collect())
    }
}

impl From<Vec<(AccountId, Weight)>> for Target {
    fn from(weights: Vec<(AccountId, Weight)>) -> Self {
        Self { weights, closes: Vec::new() }
    }
}

impl Target {
    /// The same, if the front door would accept it, in its order.
    fn checked(self) -> Result<Self, Reject> {
        let source = SourceId::new(b"weights")?;
        let split = Split::new(source, Seq::new(1), self.weights)?.closing(self.closes)?;
        Ok(Self { weights: split.weights().to_vec(), closes: split.closes().to_vec() })
    }

    /// Closes these too, those with a weight left out.
    fn close(&mut self, accounts: &[AccountId]) {
        for account in accounts {
            let is_weighed = self.weights.iter().any(|(weighed, _)| weighed == account);
            if !is_weighed && !self.closes.contains(account) {
                self.closes.push(*account);
            }
        }
    }
}

/// Weights that the front door would accept, in its order.
fn checked(weights: Vec<(AccountId, Weight)>) -> Result<Vec<(AccountId, Weight)>, Reject> {
    let source = SourceId::new(b"weights")?;
    Split::new(source, Seq::new(1), weights).map(|split| split.weights().to_vec())
}

/// Reads `a=40,b=60`.
fn parse(text: &str) -> Result<Vec<(AccountId, Weight)>, FeedError> {
    let invalid = |why: &str| FeedError::setting("list of weights", text, why);
    let mut weights = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (account, weight) = part
            .split_once('=')
            .ok_or_else(|| invalid("expected account=percent,account=percent"))?;
        weights.push(entry(account, weight).map_err(|reject| {
            let is_swapped = entry(weight, account).is_ok();
            let (account, weight) = (account.trim(), weight.trim());
            let hint = if is_swapped {
                format!("; the account stands first: did you mean {weight}={account}?")
            } else if let Some(percent) = weight.strip_suffix('%') {
                format!("; weights are percentages: leave the % out, as {account}={percent}")
            } else {
                String::new()
            };
            invalid(&format!("{reject}{hint}"))
        })?);
    }
    let sum: u64 = weights.iter().map(|(_, weight)| weight.nanos()).sum();
    let is_fraction = sum.abs_diff(WEIGHT_TOTAL / 100) <= WEIGHT_TOLERANCE / 100;
    let hint = if is_fraction { "; give percentages, not fractions of 1" } else { "" };
    checked(weights).map_err(|reject| invalid(&format!("{reject}{hint}")))
}

fn entry(account: &str, weight: &str) -> Result<(AccountId, Weight), Reject> {
    let account = account.trim();
    let weight = weight.trim();
    Ok((AccountId::new(account.as_bytes())?, Weight::parse(account, weight)?))
}

/// Equal weights that add up to exactly 100; the first account gets the rest of the division.
fn equal(accounts: &[AccountId]) -> Result<Vec<(AccountId, Weight)>, FeedError> {
    let count = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
    let each = WEIGHT_TOTAL / count.max(1);
    let rest = WEIGHT_TOTAL % count.max(1);
    let nanos = |index: usize| if index == 0 { each + rest } else { each };
    let weights = accounts.iter().enumerate();
    let weights = weights.map(|(index, account)| (*account, weight(nanos(index)))).collect();
    checked(weights).map_err(|reject| {
        let given = format!("{} {}", accounts.len(), plural(count, "account"));
        FeedError::setting("list of accounts", &given, reject)
    })
}

/// A weight of at most 100 percent.
fn weight(nanos: u64) -> Weight {
    Weight::from_nanos("an account", nanos.into()).expect("no part is more than the whole")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(weights: &mut Weights) -> Vec<(AccountId, Weight)> {
        match weights.pull() {
            WeightsPull::Weights(target) => target.weights,
            other => panic!("{other:?}"),
        }
    }

    fn sum(weights: &[(AccountId, Weight)]) -> u64 {
        weights.iter().map(|(_, weight)| weight.nanos()).sum()
    }

    #[test]
    fn fixed_weights_are_the_same_each_time() {
        let mut weights = Weights::fixed("b=60, a = 39.999999999,c=0.000000001").unwrap();
        let first = next(&mut weights);
        assert_eq!(first, next(&mut weights));
        assert_eq!(sum(&first), WEIGHT_TOTAL);
        let accounts: Vec<_> = first.iter().map(|(account, _)| account.as_str()).collect();
        assert_eq!(accounts, ["a", "b", "c"]);
    }

    #[test]
    fn weights_that_the_front_door_would_reject_are_rejected() {
        for (text, what) in [
            ("", "expected account=percent"),
            ("a", "expected account=percent"),
            ("a=40,b=50", "must add up to 100 within 0.01; they add up to 90"),
            ("a=101,b=-1", "they add up to 101"),
            ("a=50,a=50", "\"a\" appears twice"),
            ("a:b=100", "an account must be 1 to 64"),
            ("a=1e2", "is not a plain decimal number"),
            ("40=a,60=b", "the account stands first: did you mean a=40?"),
        ] {
            let error = Weights::fixed(text).err().unwrap().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn each_split_of_a_series_is_sent_once() {
        let split = |text: &str| next(&mut Weights::fixed(text).unwrap());
        let splits = [split("a=40,b=60"), split("a=100")];
        let targets = splits.iter().cloned().map(Target::from).collect();
        let mut weights = Weights::series(targets).unwrap();
        assert_eq!(
            [next(&mut weights), next(&mut weights)],
            [splits[0].clone(), splits[1].clone()]
        );
        assert_eq!(weights.pull(), WeightsPull::Done);
        let half = splits[0][..1].to_vec();
        let halves = vec![splits[1].clone().into(), half.into()];
        let error = Weights::series(halves).err().unwrap().to_string();
        assert!(error.contains("split 2"), "{error}");
    }

    #[test]
    fn accounts_are_closed_unless_they_have_a_weight() {
        let account = |name: &str| AccountId::new(name.as_bytes()).unwrap();
        let mut weights = Weights::fixed("a=40,b=60").unwrap();
        weights = weights.closing(vec![account("c"), account("a"), account("c")]);
        let WeightsPull::Weights(target) = weights.pull() else { panic!("a split") };
        assert_eq!(target.closes, [account("c")]);
        assert!(target.checked().is_ok());
    }

    #[test]
    fn random_weights_are_valid_and_completely_random() {
        for count in [1, 2, 3, 10, 1_000] {
            let accounts = Weights::accounts(count).unwrap();
            let mut weights = Weights::random(accounts, 11).unwrap();
            for _ in 0..20 {
                assert_eq!(sum(&next(&mut weights)), WEIGHT_TOTAL);
            }
            if 1 < count {
                assert_ne!(next(&mut weights), next(&mut weights));
            }
        }
        assert!(Weights::random(Vec::new(), 1).is_err());
        assert!(Weights::accounts(0).is_err() && Weights::accounts(10_001).is_err());
    }

    #[test]
    fn drifting_weights_add_to_100_and_each_moves_by_at_most_its_part() {
        for (count, step, part) in [(2, "0.5", 200), (7, "10", 10), (50, "100", 1)] {
            let accounts = Weights::accounts(count).unwrap();
            let mut weights = Weights::drift(&accounts, step, 5).unwrap();
            let start = next(&mut weights);
            assert_eq!(sum(&start), WEIGHT_TOTAL);
            let mut before = start.clone();
            for _ in 0..2_000 {
                let after = next(&mut weights);
                assert_eq!(sum(&after), WEIGHT_TOTAL);
                for ((_, before), (_, after)) in before.iter().zip(&after) {
                    assert!(before.nanos().abs_diff(after.nanos()) <= before.nanos() / part);
                }
                before = after;
            }
            assert_ne!(start, before);
        }
        for step in ["0", "-1", "x", "100.001"] {
            let accounts = Weights::accounts(2).unwrap();
            let error = Weights::drift(&accounts, step, 1).err().unwrap().to_string();
            assert!(error.contains("invalid drift"), "{error}");
        }
    }

    #[test]
    fn given_weights_drift_from_where_they_are_as_the_seed_determines() {
        let run = |seed| {
            let mut weights = Weights::drift_of("a=40,b=60", "10", seed).unwrap();
            (0..20).map(|_| next(&mut weights)).collect::<Vec<_>>()
        };
        let splits = run(3);
        assert_eq!(splits[0], next(&mut Weights::fixed("a=40,b=60").unwrap()));
        assert!(splits[0][0].1.nanos().abs_diff(splits[1][0].1.nanos()) <= 4_000_000_000);
        assert_ne!(splits[0], splits[1]);
        assert_eq!(splits, run(3));
        assert_ne!(splits, run(4));
    }

    #[test]
    fn a_drift_from_weights_that_miss_100_by_a_little_adds_to_100() {
        let mut weights = Weights::drift_of("a=33.33,b=33.33,c=33.33", "1", 9).unwrap();
        for _ in 0..100 {
            assert_eq!(sum(&next(&mut weights)), WEIGHT_TOTAL);
        }
    }
}
