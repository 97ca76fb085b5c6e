//! Decide: from the signals of a period to one value.

use core::fmt;
use core::str::FromStr;

use crate::Value;

/// How a strategy makes one value of its signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Rule {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean.
    Mean,
    /// Their median.
    Median,
    /// Somebody else decides: the machine asks for it.
    External,
}

impl Rule {
    /// The value; none where it is not finite, or is not for the machine to make.
    ///
    /// Signals are added in the order of the generators.
    #[must_use]
    pub fn apply(self, signals: &[Value]) -> Option<Value> {
        let sum = || signals.iter().map(|signal| signal.get()).sum::<f64>();
        match self {
            Self::Sum => Value::new(sum()),
            Self::Mean => {
                // Divided before they are added: a mean is finite where each signal is.
                let count = f64::from(u32::try_from(signals.len()).ok()?);
                let exact = Value::new(sum() / count);
                let scaled = || signals.iter().map(|signal| signal.get() / count).sum::<f64>();
                exact.or_else(|| Value::new(scaled()))
            }
            Self::Median => median(signals.to_vec()),
            Self::External => None,
        }
    }
}

impl FromStr for Rule {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "sum" => Ok(Self::Sum),
            "mean" => Ok(Self::Mean),
            "median" => Ok(Self::Median),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::External => "exec",
        })
    }
}

/// The middle value, or the midpoint of the middle two; none of none.
#[must_use]
pub fn median(mut values: Vec<Value>) -> Option<Value> {
    values.sort_unstable_by(Value::order);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    // The sum of two large values would be infinite; their midpoint is not.
    Value::new(f64::midpoint(values[middle - 1].get(), upper.get()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(numbers: &[f64]) -> Vec<Value> {
        numbers.iter().map(|number| Value::new(*number).unwrap()).collect()
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        for (numbers, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[0.6741543275356752, 0.46357797027309633], Some(0.5688661489043858)),
            (&[5.0, 1.0, 3.0], Some(3.0)),
            (&[4.0, 1.0, 3.0, 2.0], Some(2.5)),
            (&[f64::MAX, f64::MAX], Some(f64::MAX)),
            (&[f64::MIN, f64::MAX], Some(0.0)),
        ] {
            assert_eq!(median(values(numbers)).map(Value::get), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_rule_makes_one_value_of_the_signals() {
        let apply = |rule: Rule, numbers: &[f64]| rule.apply(&values(numbers)).map(Value::get);
        assert_eq!(apply(Rule::Sum, &[0.5, 0.25]), Some(0.75));
        assert_eq!(apply(Rule::Mean, &[0.5, 0.25, 0.75]), Some(0.5));
        assert_eq!(apply(Rule::Median, &[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(apply(Rule::Sum, &[f64::MAX, f64::MAX]), None, "no decision");
        assert_eq!(apply(Rule::Mean, &[f64::MAX, f64::MAX]), Some(f64::MAX));
        assert_eq!(apply(Rule::External, &[1.0]), None);
        for word in ["sum", "mean", "median"] {
            assert_eq!(word.parse::<Rule>().unwrap().to_string(), word);
        }
        assert!("exec".parse::<Rule>().is_err());
    }

    proptest! {
        #[test]
        fn as_many_values_lie_below_the_median_as_above(
            numbers in prop::collection::vec(-1e9..1e9, 1..40),
        ) {
            let median = median(values(&numbers)).unwrap().get();
            let below = numbers.iter().filter(|number| **number < median).count();
            let above = numbers.iter().filter(|number| median < **number).count();
            prop_assert!(below <= numbers.len() / 2 && above <= numbers.len() / 2);
        }
    }
}
