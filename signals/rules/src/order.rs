//! Order: what a median is worth trading.

use core::fmt;

use allot_domain::{Side, limits};

use crate::Value;

/// Shares to buy or to sell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// Which way.
    pub side: Side,
    /// How many shares, at least one.
    pub quantity: u64,
}

/// The order has more shares than there can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderTooLarge;

impl Order {
    /// A median times a scale, rounded to the nearest whole share, ties to even: more than zero is
    /// bought, less is sold, and of zero there is no order.
    ///
    /// # Errors
    /// [`OrderTooLarge`]: more than [`limits::QUANTITY_MAX`] shares.
    pub fn of(median: Value, scale: Value) -> Result<Option<Self>, OrderTooLarge> {
        let shares = Value::new((median.get() * scale.get()).round_ties_even());
        let shares = shares.ok_or(OrderTooLarge)?;
        let side = if shares.get() < 0.0 { Side::Sell } else { Side::Buy };
        // A whole number as text, because no conversion says when it does not fit.
        let text = format!("{:.0}", shares.get().abs());
        let quantity = text.parse().ok().filter(|quantity| *quantity <= limits::QUANTITY_MAX);
        let quantity: u64 = quantity.ok_or(OrderTooLarge)?;
        Ok((0 < quantity).then_some(Self { side, quantity }))
    }
}

impl fmt::Display for OrderTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the order has more than {} shares", limits::QUANTITY_MAX)
    }
}

impl std::error::Error for OrderTooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_times_a_scale_is_rounded_to_whole_shares_ties_to_even() {
        let order = |median: f64, scale: f64| {
            let value = |number| Value::new(number).unwrap();
            let order = Order::of(value(median), value(scale))?;
            Ok(order.map(|order| (order.side, order.quantity)))
        };
        assert_eq!(order(0.56, 100.0), Ok(Some((Side::Buy, 56))));
        assert_eq!(order(-0.567, 100.0), Ok(Some((Side::Sell, 57))));
        assert_eq!(order(0.5, 1.0), Ok(None), "a tie, to the even zero");
        assert_eq!(order(1.5, 1.0), Ok(Some((Side::Buy, 2))));
        assert_eq!(order(-2.5, 1.0), Ok(Some((Side::Sell, 2))));
        assert_eq!(order(0.0, 100.0), Ok(None));
        assert_eq!(order(1.0, -10.0), Ok(Some((Side::Sell, 10))));
        let most = 1_099_511_627_776.0;
        assert_eq!(order(most, 1.0), Ok(Some((Side::Buy, limits::QUANTITY_MAX))));
        assert_eq!(order(most + 1.0, 1.0), Err(OrderTooLarge));
        assert_eq!(order(f64::MAX, 10.0), Err(OrderTooLarge));
    }
}
