//! Balance: the money of a user, in three parts, and where it came from and went to.
//!
//! ```text
//!   earned: added, sold ─►│ cash ⇄ held     │─► spent: bought
//!                         │      ⇄ reserved │
//! ```
//!
//! Every cent that came in is in one of the three, or was spent: [`Balance::is_balanced`].

use allot_domain::snapshot::{Cursor, SnapshotError, ensure};

use crate::{Cents, limits};

/// The money of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Free.
    pub cash: Cents,
    /// Held by pending purchases.
    pub held: Cents,
    /// Reserved for automatic purchases.
    pub reserved: Cents,
    /// All that was ever added, and all that sales ever brought, in cents.
    pub earned: u128,
    /// All that purchases ever cost, in cents.
    pub spent: u128,
}

impl Balance {
    /// What is there in all.
    ///
    /// # Panics
    /// Never: the parts together are within [`limits::MONEY_MAX`].
    #[must_use]
    pub fn total(&self) -> Cents {
        let set_aside = self.held.checked_add(self.reserved);
        set_aside.and_then(|sum| sum.checked_add(self.cash)).expect("money is within its limit")
    }

    /// Whether each cent that came in is there or was spent.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.earned == self.spent + u128::from(self.total().get())
    }

    /// Whether so much more is within the limit.
    pub(crate) fn has_room(&self, amount: Cents) -> bool {
        let total = self.total().checked_add(amount);
        total.is_some_and(|total| total.get() <= limits::MONEY_MAX)
    }

    /// Takes in what was added or what a sale brought.
    pub(crate) fn earn(&mut self, amount: Cents) {
        assert!(self.has_room(amount), "money is within its limit");
        self.cash = plus(self.cash, amount);
        self.earned += u128::from(amount.get());
    }

    /// Holds free cash for a pending purchase.
    pub(crate) fn hold(&mut self, amount: Cents) {
        (self.cash, self.held) = (minus(self.cash, amount), plus(self.held, amount));
    }

    /// Frees what a pending purchase held.
    pub(crate) fn release(&mut self, amount: Cents) {
        (self.cash, self.held) = (plus(self.cash, amount), minus(self.held, amount));
    }

    /// Pays for a purchase with what it held.
    pub(crate) fn pay_held(&mut self, amount: Cents) {
        self.held = minus(self.held, amount);
        self.spent += u128::from(amount.get());
    }

    /// Reserves free cash for an automatic purchase.
    pub(crate) fn reserve(&mut self, amount: Cents) {
        (self.cash, self.reserved) = (minus(self.cash, amount), plus(self.reserved, amount));
    }

    /// Frees what was reserved.
    pub(crate) fn unreserve(&mut self, amount: Cents) {
        (self.cash, self.reserved) = (plus(self.cash, amount), minus(self.reserved, amount));
    }

    /// Pays for an automatic purchase with what was reserved.
    pub(crate) fn pay_reserved(&mut self, amount: Cents) {
        self.reserved = minus(self.reserved, amount);
        self.spent += u128::from(amount.get());
    }

    /// Writes what the rest of a state does not imply: orders and triggers say what is set aside.
    pub(crate) fn save(&self, out: &mut alloc::vec::Vec<u8>) {
        out.extend_from_slice(&self.cash.get().to_le_bytes());
        out.extend_from_slice(&self.spent.to_le_bytes());
    }

    /// Reads what [`Balance::save`] wrote, before orders and triggers set money aside.
    pub(crate) fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let cash = Cents::new(cursor.u64()?);
        let spent = u128::from_le_bytes(cursor.array()?);
        ensure(cash.get() <= limits::MONEY_MAX, "more money than a user can have")?;
        ensure(spent >> 120 == 0, "more money than a user can have spent")?;
        let earned = spent + u128::from(cash.get());
        Ok(Self { cash, earned, spent, ..Self::default() })
    }

    /// Adds what an order that was read holds.
    pub(crate) fn load_held(&mut self, amount: Cents) -> Result<(), SnapshotError> {
        ensure(self.has_room(amount), "more money than a user can have")?;
        self.held = plus(self.held, amount);
        self.earned += u128::from(amount.get());
        Ok(())
    }

    /// Adds what a trigger that was read reserves.
    pub(crate) fn load_reserved(&mut self, amount: Cents) -> Result<(), SnapshotError> {
        ensure(self.has_room(amount), "more money than a user can have")?;
        self.reserved = plus(self.reserved, amount);
        self.earned += u128::from(amount.get());
        Ok(())
    }
}

fn plus(part: Cents, amount: Cents) -> Cents {
    part.checked_add(amount).expect("money is within its limit")
}

fn minus(part: Cents, amount: Cents) -> Cents {
    part.checked_sub(amount).expect("no part of a balance is negative")
}

/// The money of all users of a shard, in cents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Free.
    pub cash: u128,
    /// Held by pending purchases.
    pub held: u128,
    /// Reserved for automatic purchases.
    pub reserved: u128,
    /// All that was ever added, and all that sales ever brought.
    pub earned: u128,
    /// All that purchases ever cost.
    pub spent: u128,
}

impl Totals {
    /// Follows the change of one balance.
    pub(crate) fn follow(&mut self, before: &Balance, after: &Balance) {
        let moved = |total: u128, before: u128, after: u128| {
            total.checked_sub(before).map(|rest| rest + after).expect("a total has its parts")
        };
        let cents = |part: Cents| u128::from(part.get());
        self.cash = moved(self.cash, cents(before.cash), cents(after.cash));
        self.held = moved(self.held, cents(before.held), cents(after.held));
        self.reserved = moved(self.reserved, cents(before.reserved), cents(after.reserved));
        self.earned = moved(self.earned, before.earned, after.earned);
        self.spent = moved(self.spent, before.spent, after.spent);
        assert!(after.is_balanced() && self.is_balanced(), "every cent is accounted for");
    }

    /// Whether each cent that came in is there or was spent.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.earned == self.spent + self.cash + self.held + self.reserved
    }
}
